package multicast

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sigma/mux/flow"
	"sigma/mux/rtp"
)

const (
	slabSize  = 64 << 10
	syncByte  = 0x47
	lookEvery = 2 * time.Second // at the interface
)

var _ flow.Source = (*Source)(nil)

// Source receives a transport stream from a group or by unicast, with or without
// RTP: each datagram says by its first byte which it is. RTP is put back in order
// within 32 packets or 50 ms. Exported fields are arguments, set before Run;
// Counters and Warning are safe for concurrent use.
type Source struct {
	Receiver Receiver

	counters sourceCounters
	warning  atomic.Pointer[string]

	reorder rtp.Reorder
	slab    []byte // what is free of it
	batch   []byte // whole packets that wait to be appended, at the end of what is used
	arrived time.Duration
	to      flow.Appender[flow.Batch]
}

type sourceCounters struct {
	bytes, datagrams, lost, reordered, duplicates, restarts, drops, malformed atomic.Uint64
}

// SourceCounters are the totals of a Source since it was made.
type SourceCounters struct {
	Bytes      uint64 // of transport stream packets passed on
	Datagrams  uint64 // received, good or not
	Lost       uint64 // RTP packets that never came
	Reordered  uint64 // RTP packets put back in their place
	Duplicates uint64 // RTP packets that came twice or too late
	Restarts   uint64 // RTP streams that began anew: another SSRC, or a jump of the sequence
	Drops      uint64 // datagrams the kernel dropped as the socket buffer was full
	Malformed  uint64 // datagrams that were not all whole packets of 188 bytes
}

// Counters returns the totals of now.
func (s *Source) Counters() SourceCounters {
	c := &s.counters
	return SourceCounters{
		Bytes: c.bytes.Load(), Datagrams: c.datagrams.Load(), Lost: c.lost.Load(), Reordered: c.reordered.Load(),
		Duplicates: c.duplicates.Load(), Restarts: c.restarts.Load(), Drops: c.drops.Load(), Malformed: c.malformed.Load(),
	}
}

// Warning says what keeps the source from being as it should and how to mend it;
// empty when nothing does, or before Run.
func (s *Source) Warning() string {
	if w := s.warning.Load(); w != nil {
		return *w
	}
	return ""
}

// Run receives until ctx ends, and returns its cause, or until the address cannot
// be received from, with the errors of Receiver.Open. It may be called again after
// it has returned.
func (s *Source) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	r := &s.Receiver
	if err := r.Open(); err != nil {
		return err
	}
	defer r.Close()
	warning := r.Warning()
	s.warning.Store(&warning)
	s.to = to
	s.reorder.Emit = s.packets
	look := r.Now() + lookEvery
	for {
		got, err := r.Poll()
		if err != nil {
			return err
		}
		for _, d := range got {
			s.datagram(d)
		}
		if len(got) == receiveBatch {
			continue
		}
		now := r.Now()
		s.reorder.Expire(now)
		s.flush()
		s.publish()
		if now > look {
			look = now + lookEvery
			if err := r.stillThere(); err != nil {
				return err
			}
		}
		if err := r.pause(ctx); err != nil {
			s.reorder.Flush()
			s.flush()
			s.publish()
			return err
		}
	}
}

// datagram takes one datagram apart.
func (s *Source) datagram(d Datagram) {
	s.counters.datagrams.Add(1)
	if d.Truncated {
		s.counters.malformed.Add(1)
	}
	if len(d.Data) == 0 || d.Data[0]>>6 != 2 {
		s.packets(d.Arrived, d.Data)
		return
	}
	h, payload, err := rtp.Parse(d.Data)
	if err != nil {
		s.counters.malformed.Add(1)
		return
	}
	s.reorder.Push(h, d.Arrived, payload)
}

// packets appends the whole packets of a payload to the batch.
func (s *Source) packets(arrived time.Duration, payload []byte) {
	ts := payload
	if !aligned(payload) {
		s.counters.malformed.Add(1)
		ts = resync(payload)
	}
	if len(ts) == 0 {
		return
	}
	if len(s.slab)-len(s.batch) < len(ts) {
		s.flush()
		s.slab = make([]byte, slabSize)
	}
	if len(s.batch) == 0 {
		s.arrived = arrived
	}
	n := len(s.batch)
	s.batch = s.slab[:n+len(ts)]
	copy(s.batch[n:], ts)
}

// aligned reports whether a payload is nothing but packets.
func aligned(b []byte) bool {
	if len(b) == 0 || len(b)%flow.PacketSize != 0 {
		return false
	}
	for i := 0; i < len(b); i += flow.PacketSize {
		if b[i] != syncByte {
			return false
		}
	}
	return true
}

// resync returns the longest run of whole packets in a payload, a sub-slice of it: the
// sync byte must be where each of them begins. One alone counts only at the beginning:
// elsewhere any noise has one.
func resync(b []byte) []byte {
	var best []byte
	for start := 0; start+flow.PacketSize <= len(b); {
		at := bytes.IndexByte(b[start:], syncByte)
		if at < 0 {
			break
		}
		start += at
		end := start
		for end+flow.PacketSize <= len(b) && b[end] == syncByte {
			end += flow.PacketSize
		}
		if n := end - start; n > len(best) && (n > flow.PacketSize || start == 0) {
			best = b[start:end]
		}
		start = max(end, start+1)
	}
	return best
}

// flush appends the batch to the ring.
func (s *Source) flush() {
	n := len(s.batch)
	if n == 0 {
		return
	}
	s.counters.bytes.Add(uint64(n))
	s.to.Append(flow.Item[flow.Batch]{
		Stamp: flow.Stamp{Arrived: s.arrived},
		V:     flow.Batch{Data: s.batch[:n:n]},
	})
	s.slab, s.batch = s.slab[n:], nil
}

func (s *Source) publish() {
	c, r := &s.counters, &s.reorder
	c.lost.Store(r.Lost)
	c.reordered.Store(r.Reordered)
	c.duplicates.Store(r.Duplicates)
	c.restarts.Store(r.Restarts)
	c.drops.Store(s.Receiver.Drops())
}

// stillThere returns an error when the interface of the membership has gone, which
// the kernel tells nobody: the group must be joined again on what comes in its place.
func (r *Receiver) stillThere() error {
	if r.index == 0 {
		return nil
	}
	ifr, err := unix.NewIfreq(r.name)
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrInterface, r.name, err)
	}
	if err := unix.IoctlIfreq(r.fd, unix.SIOCGIFINDEX, ifr); err != nil || ifr.Uint32() != uint32(r.index) {
		return fmt.Errorf("%w %s: has gone or was replaced", ErrInterface, r.name)
	}
	return nil
}
