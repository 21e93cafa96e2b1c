package mux

import (
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// maxPCRInterval is the longest interval between two PCRs that are sent: below
	// the 40 ms of TS 101 154, whatever a slot adds.
	maxPCRInterval = 30 * flow.TicksPerSecond / 1000
	// slotTicks over the rate in bit/s is the length of a slot in ticks.
	slotTicks = 8 * ts.PacketSize * flow.TicksPerSecond
	// maxBehind is how far emission may fall behind the clock before the slots
	// missed are skipped.
	maxBehind = time.Second
)

// slotClock counts slots of 188 bytes at a rate, in ticks without drift.
type slotClock struct {
	rate       int64
	whole, rem int64 // ticks of a slot, and the rest in 1/rate ticks
	ticks      flow.Ticks
	frac       int64 // below rate
}

func newSlotClock(rate int64) slotClock {
	if rate <= 0 {
		return slotClock{}
	}
	return slotClock{rate: rate, whole: slotTicks / rate, rem: slotTicks % rate}
}

func (c *slotClock) advance() {
	c.ticks += flow.Ticks(c.whole)
	if c.frac += c.rem; c.frac >= c.rate {
		c.frac -= c.rate
		c.ticks++
	}
}

// clock returns the programme clock of the next slot.
func (s *Shaper) clock() flow.Ticks { return s.slots.ticks + s.offset }

// next returns the clock before which no time can change any more.
func (s *Shaper) next() flow.Ticks {
	if s.Rate > 0 {
		return s.clock()
	}
	return s.lastSTC
}

func (s *Shaper) emitConstant(now time.Duration, send func(at time.Duration, packets []byte)) {
	if !s.start() {
		return
	}
	for {
		at := s.wall.time(s.clock())
		if at < now-maxBehind {
			s.wall.base += now - at
			at = now
		}
		if at > now+s.Lead {
			return
		}
		if !s.decided() {
			if at > now+handOver {
				return
			}
			s.extrapolate()
		}
		s.reached = at
		for p := s.buf[:]; len(p) > 0; p = p[ts.PacketSize:] {
			s.slot(p[:ts.PacketSize])
			s.slots.advance()
		}
		s.stats.Packets += datagram
		send(at, s.buf[:])
	}
}

// start anchors the clock map at the first packet of all.
func (s *Shaper) start() bool {
	if s.running {
		return true
	}
	e := s.queue.first()
	if e == nil || e.joint == nil {
		return false
	}
	s.running = true
	s.wall.anchor(e.stc, e.joint.at)
	s.reached = e.joint.at
	s.offset = e.stc - s.slots.ticks
	return true
}

// decided reports whether all that belongs into the next datagram is known.
func (s *Shaper) decided() bool {
	end, ok := s.queue.horizon()
	if s.queue.jumps > 0 {
		return true
	}
	last := s.clock() + flow.Ticks((datagram*slotTicks)/s.slots.rate)
	return ok && end >= last
}

// slot writes the packet of the next slot.
func (s *Shaper) slot(dst []byte) {
	e := s.due()
	c, now := s.clock(), s.slots.ticks
	if s.pcrDue(now) {
		if e != nil && e.pid == s.tables.pcrPID && ts.HasPCR(e.data) {
			s.place(dst, e, c)
			s.queue.pop()
			return
		}
		s.makePCR(dst, c)
		return
	}
	if p := s.si.next(now); p != nil {
		copy(dst, p)
		ts.SetCC(dst, s.counters.next(ts.PID(p)))
		return
	}
	if e == nil {
		s.stats.Nulls++
		null := ts.Null()
		copy(dst, null[:])
		return
	}
	s.place(dst, e, c)
	s.queue.pop()
}

// due returns the packet of the input whose time has come, or nil. It takes what
// comes before it and is no packet.
func (s *Shaper) due() *entry {
	for {
		e := s.queue.first()
		if e == nil || e.joint != nil && !s.join(e) {
			s.silent = s.silent || s.clock()-s.lastSTC > flow.FromDuration(stall)
			return nil
		}
		c := s.clock()
		if e.stc > c {
			return nil
		}
		switch {
		case c-e.stc > flow.FromDuration(s.Delay) && e.kind != entryTables:
			s.shed(c)
			continue
		case e.kind == entryTables:
			s.setTables(e.tables)
		case e.kind == entryInfo:
			if !s.si.push(e.data) {
				s.overflow(len(e.data) / ts.PacketSize)
			}
		case s.skipped(e):
			s.overflow(1)
		default:
			return e
		}
		s.queue.pop()
	}
}

// join goes over to the stretch that begins with e. It reports false while it is
// too early for that.
func (s *Shaper) join(e *entry) bool {
	j := e.joint
	if j.jump {
		at := s.wall.time(s.clock())
		if at < j.at {
			return false
		}
		to := e.stc
		if behind := at - j.at; behind < maxLate {
			to += flow.FromDuration(behind)
		}
		s.wall.anchor(to, at)
		s.offset = to - s.slots.ticks
		s.lastSTC, s.silent = to, false
		if s.stats.Packets > 0 {
			s.discontinuity()
		}
		s.queue.jumps--
	}
	e.joint = nil
	s.byTime = j.byTime
	s.counters.cut()
	return true
}

// discontinuity makes the next PCR, which is due at once, carry the mark.
func (s *Shaper) discontinuity() {
	if !s.mark {
		s.stats.Discontinuities++
	}
	s.mark, s.force = true, true
}

// shed drops all that should have left by clock c: the input does not fit. Streams
// go on at their next PES packet, so that no half access unit is sent.
func (s *Shaper) shed(c flow.Ticks) {
	n := 0
	for e := s.queue.first(); e != nil && e.stc <= c && e.joint == nil; e = s.queue.first() {
		switch e.kind {
		case entryTables:
			s.setTables(e.tables)
		case entryMedia:
			s.skip[e.pid] = true
			n++
		case entryInfo:
			n += len(e.data) / ts.PacketSize
		case entryClock:
			n++
		}
		s.queue.pop()
	}
	s.overflow(n)
}

func (s *Shaper) overflow(packets int) {
	s.stats.Overflow += uint64(packets)
	s.shedAt = s.reached
}

// skipped reports whether e belongs to a PES packet whose beginning was dropped.
func (s *Shaper) skipped(e *entry) bool {
	if len(s.skip) == 0 || !s.skip[e.pid] {
		return false
	}
	if ts.PUSI(e.data) || !ts.HasPayload(e.data) {
		delete(s.skip, e.pid)
		return false
	}
	return true
}

// place writes a packet of the input into the slot with clock c.
func (s *Shaper) place(dst []byte, e *entry, c flow.Ticks) {
	if s.silent {
		s.silent = false
		s.discontinuity()
	}
	s.lastSTC = e.stc
	pcr, has := ts.PCR(e.data)
	if e.kind == entryClock {
		ts.AppendPCRPacket(dst[:0], e.pid, 0, pcr)
	} else {
		copy(dst, e.data)
		ts.SetPID(dst, e.pid)
	}
	s.counters.pass(dst, e.pid)
	switch {
	case !has || s.byTime || ts.TEI(dst):
	case s.tables != nil && e.pid == s.tables.pcrPID:
		ts.SetPCR(dst, wrapped(c))
		ts.SetDiscontinuityIndicator(dst, s.mark)
		s.clocked()
	default:
		ts.SetPCR(dst, wrapped(flow.Ticks(pcr)+c-e.stc))
	}
}

// wrapped folds a clock to what a PCR holds.
func wrapped(c flow.Ticks) uint64 {
	if c %= flow.WrapTicks; c < 0 {
		c += flow.WrapTicks
	}
	return uint64(c)
}

// pcrDue reports whether a PCR must leave in this slot: in the next one it would
// be too late.
func (s *Shaper) pcrDue(now flow.Ticks) bool {
	if s.tables == nil || s.silent || s.byTime || s.tables.pcrPID >= ts.NullPID || s.counters.last[s.tables.pcrPID] == 0 {
		return false
	}
	return s.force || now+flow.Ticks(s.slots.whole)+1 > s.lastPCR+maxPCRInterval
}

func (s *Shaper) makePCR(dst []byte, c flow.Ticks) {
	pid := s.tables.pcrPID
	ts.AppendPCRPacket(dst[:0], pid, s.counters.last[pid]-1, wrapped(c))
	ts.SetDiscontinuityIndicator(dst, s.mark)
	s.stats.PCRs++
	s.clocked()
}

// clocked notes that a PCR leaves in this slot.
func (s *Shaper) clocked() {
	s.mark, s.force = false, false
	s.lastPCR = s.slots.ticks
}
