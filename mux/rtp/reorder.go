package rtp

import (
	"bytes"
	"time"
)

const (
	maxDropout  = 3000 // RFC 3550 appendix A.1: a larger step is a new stream
	maxMisorder = 100  // RFC 3550 appendix A.1: older packets than this are a new stream

	// firstRTCP and lastRTCP are what the packet types 200 to 204 of RTCP look like as
	// payload type.
	firstRTCP, lastRTCP = 72, 76
)

// Reorder puts the payloads of one RTP stream in order of their sequence numbers.
// Window and MaxDelay are arguments, set before the first Push. It is for one
// goroutine. While nothing is out of order it neither copies nor allocates.
type Reorder struct {
	Window   int           // packets to wait for a missing one, 1 to 100; 0 means 32
	MaxDelay time.Duration // time to wait for a missing one; 0 means 50 ms

	// Emit takes the payloads in order. The bytes are only valid during the call.
	Emit func(arrived time.Duration, payload []byte)

	Lost       uint64 // sequence numbers that never came
	Reordered  uint64 // packets that came after a later one and were put in place
	Duplicates uint64 // packets that came twice, after their place was given up, or alone of another stream
	Restarts   uint64 // new streams: another SSRC or a step too large to be loss

	started bool
	ssrc    uint32
	next    uint16 // sequence number to emit
	wait    []held // wait[i] has sequence number next+i; wait[0] is never full
	full    int    // entries of wait that are full
	strange Header // what would follow a packet that fits no window, or is of another SSRC
	odd     bool   // strange is valid
}

type held struct {
	full    bool
	arrived time.Duration
	payload []byte
}

// Push takes one packet and emits everything that is in order then, or that has
// waited for more than the window for a missing one. The payload is cloned if it
// has to wait. RTCP that came by the same port is passed over (RFC 5761 clause 4).
func (r *Reorder) Push(h Header, arrived time.Duration, payload []byte) {
	if h.PayloadType >= firstRTCP && h.PayloadType <= lastRTCP {
		return
	}
	r.setUp()
	if !r.started {
		r.restart(h)
	}
	d := int(int16(h.Sequence - r.next))
	if h.SSRC != r.ssrc || d >= maxDropout || d < -maxMisorder {
		// One stray packet is ignored; two in a row are a sender that started again, or
		// another one (RFC 3550 appendix A.1).
		if !r.odd || h.SSRC != r.strange.SSRC || h.Sequence != r.strange.Sequence {
			r.strange, r.odd = Header{SSRC: h.SSRC, Sequence: h.Sequence + 1}, true
			r.Duplicates++
			return
		}
		r.restart(h)
		d = 0
	}
	r.odd = false
	switch {
	case d < 0:
		r.Duplicates++
		return
	case d == 0:
		if r.full > 0 {
			r.Reordered++
		}
		r.Emit(arrived, payload)
		r.advance()
	case d < len(r.wait):
		r.keep(d, arrived, payload)
	default:
		for d >= len(r.wait) {
			r.skip()
			d = int(int16(h.Sequence - r.next))
		}
		if d == 0 {
			r.Emit(arrived, payload)
			r.advance()
		} else {
			r.keep(d, arrived, payload)
		}
	}
	r.Expire(arrived)
}

// Expire gives up missing packets that others have waited for since before
// now-MaxDelay. It is to be called now and then while nothing arrives.
func (r *Reorder) Expire(now time.Duration) {
	for r.full > 0 {
		oldest := now
		for _, w := range r.wait {
			if w.full {
				oldest = min(oldest, w.arrived)
			}
		}
		if now-oldest < r.MaxDelay {
			return
		}
		r.skip()
	}
}

// Flush emits everything that waits.
func (r *Reorder) Flush() {
	for r.full > 0 {
		r.skip()
	}
}

func (r *Reorder) setUp() {
	if r.wait != nil {
		return
	}
	if r.Window <= 0 {
		r.Window = 32
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = 50 * time.Millisecond
	}
	r.wait = make([]held, min(r.Window, maxMisorder)+1)
}

// restart begins a new stream at h, after emitting the rest of the old one.
func (r *Reorder) restart(h Header) {
	r.Flush()
	if r.started {
		r.Restarts++
	}
	r.started, r.odd, r.ssrc, r.next = true, false, h.SSRC, h.Sequence
}

// keep puts a packet at place d, which is in the window and not 0.
func (r *Reorder) keep(d int, arrived time.Duration, payload []byte) {
	w := &r.wait[d]
	if w.full {
		r.Duplicates++
		return
	}
	for _, later := range r.wait[d+1:] {
		if later.full {
			r.Reordered++
			break
		}
	}
	*w = held{true, arrived, bytes.Clone(payload)}
	r.full++
}

// skip gives up the packets missing before the first one that waits and emits
// that one and what follows it. With nothing waiting it gives up one packet.
func (r *Reorder) skip() {
	r.Lost++
	r.advance()
}

// advance moves on by one sequence number, then over everything that is there.
func (r *Reorder) advance() {
	for {
		r.next++
		if r.full == 0 {
			return
		}
		copy(r.wait, r.wait[1:])
		r.wait[len(r.wait)-1] = held{}
		w := r.wait[0]
		if !w.full {
			return
		}
		r.wait[0] = held{}
		r.full--
		r.Emit(w.arrived, w.payload)
	}
}
