package headend

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigma/headend/channel"
	"sigma/headend/supervise"
	"sigma/multicast"
	"sigma/multicast/wire"
	"sigma/mux"
	"sigma/mux/flow"
)

// datagramOutput sends a channel to one group or receiver.
type datagramOutput struct {
	link      *wireLink
	spec      wire.Spec
	selection mux.Selection

	mu     sync.Mutex
	sender *multicast.Sender // nil while it does not run
	shaper *shaper
	port   *wire.Output
	inWire bool
	asked  time.Duration // when status measured last
	bytes  uint64        // as of then
	rate   int64
}

// Run implements flow.Output.
func (o *datagramOutput) Run(ctx context.Context, from *flow.Cursor[flow.Batch]) error {
	port, inWire, err := o.link.Open(o.spec)
	if errors.Is(err, wire.ErrSpec) {
		return supervise.Permanent(err)
	}
	if err != nil {
		return err
	}
	defer o.link.Close(port)
	sh := &shaper{Shaper: mux.Shaper{Selection: o.selection, Rate: o.spec.Rate}}
	s := &multicast.Sender{Shaper: sh, Port: port, RTP: o.spec.RTP, Now: monotonic}
	o.set(s, sh, port, inWire)
	defer o.set(nil, nil, nil, false)
	return s.Run(ctx, from)
}

func (o *datagramOutput) set(s *multicast.Sender, sh *shaper, port *wire.Output, inWire bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sender, o.shaper, o.port, o.inWire = s, sh, port, inWire
	o.asked, o.bytes, o.rate = 0, 0, 0
}

// status is the counters of the output; rates are over the time since it was asked
// last, half a second at least.
func (o *datagramOutput) status() channel.OutputStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sender == nil {
		return channel.OutputStatus{}
	}
	sent, wired, shaped := o.sender.Counters(), o.port.Counters(), o.shaper.stats()
	now := monotonic()
	if d := now - o.asked; d >= 500*time.Millisecond {
		if o.asked != 0 {
			o.rate = int64(float64(sent.Bytes-o.bytes) * 8 / d.Seconds())
		}
		o.asked, o.bytes = now, sent.Bytes
	}
	s := channel.OutputStatus{
		Bitrate: o.rate, Bytes: sent.Bytes, Datagrams: wired.Sent, Late: wired.Late,
		Overflow: shaped.Overflow, Dropped: wired.Dropped + wired.Full, Wire: o.inWire,
	}
	if sent.Packets > 0 {
		s.Stuffing = float64(sent.Nulls) / float64(sent.Packets)
	}
	if wired.Err != nil {
		s.LastError = wired.Err.Error()
	}
	return s
}

// shaper is a mux.Shaper whose totals may be read by others.
type shaper struct {
	mux.Shaper

	mu     sync.Mutex
	totals mux.ShaperStats
}

// Emit implements multicast.Shaper.
func (s *shaper) Emit(now time.Duration, send func(at time.Duration, packets []byte)) {
	s.Shaper.Emit(now, send)
	s.mu.Lock()
	s.totals = s.Stats()
	s.mu.Unlock()
}

func (s *shaper) stats() mux.ShaperStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}
