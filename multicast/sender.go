package multicast

import (
	"context"
	"sync/atomic"
	"time"

	"sigma/multicast/wire"
	"sigma/mux"
	"sigma/mux/flow"
	"sigma/mux/rtp"
)

const (
	emitEvery = 10 * time.Millisecond
	maxItems  = 64
)

// Shaper decides what is sent and when; mux.Shaper is one.
type Shaper interface {
	// Push takes the next item of the channel.
	Push(flow.Item[flow.Batch])
	// Emit calls send, in order, for every datagram that is decided. The packets, at
	// most 7, are valid until send returns.
	Emit(now time.Duration, send func(at time.Duration, packets []byte))
	// Mark makes the next PCR carry discontinuity_indicator. It may be called by send.
	Mark()
	// PSI returns the tables that keep receivers tuned.
	PSI() mux.PSI
}

// Port takes finished datagrams and sends them at their times; wire.Output is one.
type Port interface {
	Send(at time.Duration, payload []byte) bool
	SetPSI(sets []wire.PSISet) error
	Last() time.Duration
}

var (
	_ flow.Output = (*Sender)(nil)
	_ Shaper      = (*mux.Shaper)(nil)
	_ Port        = (*wire.Output)(nil)
)

// Sender moves one channel from its ring through a shaper to a port. Exported
// fields are arguments, set before Run; Counters is safe for concurrent use.
type Sender struct {
	Shaper Shaper
	Port   Port
	RTP    bool                 // put a header of RFC 2250 before the packets; the port numbers it
	Now    func() time.Duration // CLOCK_MONOTONIC

	bytes, packets, nulls, full, early, lost atomic.Uint64

	begun bool
	last  time.Duration // what an earlier daemon has scheduled ends here
	psi   uint64        // generation the port has
	buf   [rtp.HeaderSize + 7*flow.PacketSize]byte
}

// SenderCounters are the totals of a Sender.
type SenderCounters struct {
	Bytes   uint64 // of transport stream packets handed over
	Packets uint64
	Nulls   uint64 // of these, null packets
	Full    uint64 // datagrams the port had no room for
	Early   uint64 // datagrams for a time that an earlier daemon had already filled
	Lost    uint64 // items of the ring that came and went before they were read
}

// Counters returns the totals of now.
func (s *Sender) Counters() SenderCounters {
	return SenderCounters{s.bytes.Load(), s.packets.Load(), s.nulls.Load(), s.full.Load(), s.early.Load(), s.lost.Load()}
}

// Run sends until the context ends, or that of the cursor, and returns its cause.
// It looks every 10 ms, whether there is something new or not: a constant bit rate
// goes on when the input stops, and all senders wake at once.
func (s *Sender) Run(ctx context.Context, from *flow.Cursor[flow.Batch]) error {
	items := make([]flow.Item[flow.Batch], maxItems)
	for {
		for from.Behind() > 0 {
			n, err := from.Next(items)
			if err != nil {
				return err
			}
			for _, it := range items[:n] {
				s.Shaper.Push(it)
			}
			clear(items[:n]) // the bytes are the shaper's to keep now
		}
		s.lost.Store(from.Lost())
		s.Emit()
		// A sleep costs half of what a timer with a channel does, and there are hundreds
		// of senders; the end of a context is noticed within 10 ms.
		time.Sleep(emitEvery - s.Now()%emitEvery)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := from.Err(); err != nil {
			return err
		}
	}
}

// Emit hands everything that is decided to the port. It is what Run does every
// 10 ms, for those who have a loop of their own.
func (s *Sender) Emit() {
	if !s.begun {
		s.begun, s.last = true, s.Port.Last()
		if s.last != 0 {
			s.Shaper.Mark() // receivers have seen another clock
		}
	}
	s.Shaper.Emit(s.Now(), s.send)
	psi := s.Shaper.PSI()
	if psi.Generation == s.psi {
		return
	}
	sets := make([]wire.PSISet, len(psi.Tables))
	for i, t := range psi.Tables {
		sets[i] = wire.PSISet{Interval: t.Interval, Packets: t.Packets}
	}
	// An error means more tables than are worth repeating; the output itself goes on.
	_ = s.Port.SetPSI(sets)
	s.psi = psi.Generation
}

// send builds the datagram and hands it over.
func (s *Sender) send(at time.Duration, packets []byte) {
	if at <= s.last {
		s.early.Add(1)
		s.Shaper.Mark() // the mark may have been in this one
		return
	}
	b := s.buf[:0]
	if s.RTP {
		b = rtp.Header{PayloadType: rtp.PayloadMP2T, Timestamp: rtp.Timestamp(at)}.AppendTo(b)
	}
	if !s.Port.Send(at, append(b, packets...)) {
		s.full.Add(1)
		return
	}
	s.bytes.Add(uint64(len(packets)))
	s.packets.Add(uint64(len(packets) / flow.PacketSize))
	for ; len(packets) >= flow.PacketSize; packets = packets[flow.PacketSize:] {
		if packets[1]&0x1f == 0x1f && packets[2] == 0xff {
			s.nulls.Add(1)
		}
	}
}
