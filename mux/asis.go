package mux

import (
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

func (s *Shaper) emitAsIs(now time.Duration, send func(at time.Duration, packets []byte)) {
	for s.start() {
		s.settle()
		e := s.queue.first()
		if e == nil {
			if s.wall.time(s.in.end) > now+handOver || !s.extrapolate() {
				return
			}
			continue
		}
		n, full := s.gather()
		at := max(s.wall.time(e.stc), s.reached)
		if at > now+s.Lead || at > now+handOver && !full {
			return
		}
		if !full && s.extrapolate() {
			continue
		}
		s.reached = at
		s.lastSTC = e.stc
		out := s.buf[:0]
		for range n {
			out = s.pass(out, s.queue.first())
			s.queue.pop()
		}
		s.stats.Packets += uint64(n)
		send(at, out)
	}
}

// settle takes what stands before the next packet and is none.
func (s *Shaper) settle() {
	for {
		e := s.queue.first()
		if e == nil {
			return
		}
		if j := e.joint; j != nil {
			if j.jump {
				at := max(j.at, s.reached)
				s.wall.anchor(e.stc, at)
				s.queue.jumps--
				if s.stats.Packets > 0 {
					s.mark = true
					s.stats.Discontinuities++
				}
			}
			e.joint = nil
			s.byTime = j.byTime
			s.counters.cut()
		}
		if e.kind != entryTables {
			return
		}
		s.setTables(e.tables)
		s.queue.pop()
	}
}

// gather returns how many packets make the next datagram, and whether no more can
// join them: those that leave within RetainMax of each other, up to 7.
func (s *Shaper) gather() (n int, full bool) {
	first := s.queue.at(0).stc
	for n < datagram && n < s.queue.timed {
		e := s.queue.at(n)
		if e.joint != nil || e.kind != entryMedia || e.stc > first+flow.FromDuration(RetainMax) {
			return n, true
		}
		n++
	}
	return n, n == datagram
}

// pass appends a packet as it is, but for its counter and mark behind a cut.
func (s *Shaper) pass(out []byte, e *entry) []byte {
	at := len(out)
	out = append(out, e.data...)
	p := out[at:]
	if e.pid == ts.NullPID || ts.TEI(p) {
		return out
	}
	s.counters.pass(p, e.pid)
	if s.mark && s.tables != nil && e.pid == s.tables.pcrPID && ts.HasPCR(p) {
		s.mark = false
		ts.SetDiscontinuityIndicator(p, true)
	}
	return out
}
