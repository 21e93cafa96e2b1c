package mux

import (
	"slices"
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// maxPCRStep is the longest interval between two PCRs of one stretch. The limit of
// the standard is 100 ms; beyond a second nothing is known of what lies between.
const maxPCRStep = flow.Ticks(flow.TicksPerSecond)

// maxArrivals bounds the arrivals kept between two PCRs.
const maxArrivals = 4096

// point ties a position in the input to a time.
type point struct {
	place int64
	stc   flow.Ticks
}

// arrival ties a position in the input to the time it arrived.
type arrival struct {
	place int64
	at    time.Duration
}

// input is the reading side of a Shaper: it gives every packet its place on the
// programme clock, by its position between two PCRs. A stretch is input without a
// cut in it.
type input struct {
	place    int64 // packets so far
	epoch    uint32
	unwrap   ts.Unwrapper
	pcr      flow.Ticks // the newest, unwrapped
	known    bool       // last is of this stretch
	last     point      // the PCR before
	span     point      // between the last two PCRs: packets, ticks
	end      flow.Ticks // of the entry timed last
	fresh    bool       // no item has begun since the last PCR or cut
	byTime   bool       // the stretch goes by arrival: it has no PCR
	arrivals []arrival  // since the PCR before
	newest   arrival
	since    time.Duration // arrival of the first packets after the last PCR
	joint    *joint        // for the next entry

	holding   bool // the tables are being looked for, ahead of the packets
	held      []flow.Item[flow.Batch]
	heldBytes int
	found     *tables // while holding
	ends      uint8   // while holding: 1 PAT, 2 PMT
}

// push looks for the PMT first behind a cut: it may be another one, and what comes
// before it must not be lost.
func (s *Shaper) push(it flow.Item[flow.Batch]) {
	in := &s.in
	if in.place == 0 && len(in.held) == 0 || it.Marks.Has(flow.Discontinuity) || it.Epoch != in.epoch {
		s.release()
		s.programme.restart()
		in.holding, in.found, in.ends, in.epoch = true, nil, 0, it.Epoch
		it.Marks |= flow.Discontinuity
	}
	if !in.holding {
		s.take(it)
		return
	}
	in.held = append(in.held, it)
	in.heldBytes += len(it.V.Data)
	for p := range packets(it.V.Data) {
		s.programme.packet(p)
	}
	if in.ends == 3 || in.heldBytes > holdBytes || len(in.held) > holdItems || it.Arrived-in.held[0].Arrived > holdTime {
		s.release()
	}
}

// release takes what was held.
func (s *Shaper) release() {
	in := &s.in
	held := in.held
	in.holding, in.held, in.heldBytes = false, nil, 0
	if len(held) == 0 {
		return
	}
	s.programme.restart()
	s.cut()
	if in.found != nil {
		s.enqueue(entry{kind: entryTables, tables: in.found})
	}
	held[0].Marks &^= flow.Discontinuity | flow.Gap // the cut is made
	for _, it := range held {
		s.take(it)
	}
}

// take queues the packets of one item.
func (s *Shaper) take(it flow.Item[flow.Batch]) {
	in := &s.in
	n := it.V.Packets()
	if s.queue.count+n > maxQueue {
		s.overflow(n)
		s.cut()
		return
	}
	if it.Marks.Has(flow.Gap) || it.Marks.Has(flow.Discontinuity) {
		s.programme.restart()
		s.cut()
	}
	s.arrive(it.Arrived)
	for p := range packets(it.V.Data) {
		pcr, isPCR := s.programme.isPCR(p)
		if isPCR {
			s.meet(p, pcr)
		}
		s.sort(p)
		if isPCR && !in.byTime {
			s.fix(point{in.place, in.pcr})
		}
		in.place++
	}
}

// sort queues the packet, if it passes.
func (s *Shaper) sort(p []byte) {
	r := s.programme.packet(p)
	if s.Rate <= 0 {
		s.enqueue(entry{pid: ts.PID(p), data: p})
		return
	}
	switch r.class {
	case media:
		s.enqueue(entry{pid: r.pid, data: p})
	case clock:
		if ts.HasPCR(p) {
			s.enqueue(entry{kind: entryClock, pid: r.pid, data: p})
		}
	case dropped, table, info:
	}
}

func (s *Shaper) enqueue(e entry) {
	e.place, e.joint = s.in.place, s.in.joint
	s.in.joint = nil
	s.queue.push(e)
}

func (s *Shaper) change(t *tables) {
	if s.in.holding {
		s.in.found = t
		return
	}
	s.enqueue(entry{kind: entryTables, tables: t})
}

func (s *Shaper) ended(id uint8) {
	switch id {
	case psi.TablePAT:
		s.in.ends |= 1
	case psi.TablePMT:
		s.in.ends |= 2
	}
}

func (s *Shaper) info(pid uint16, section psi.Section) {
	if s.in.holding || s.Rate <= 0 {
		return
	}
	pk := psi.Packetizer{PID: pid}
	s.enqueue(entry{kind: entryInfo, pid: pid, data: pk.AppendTo(nil, section)})
}

// arrive notes the arrival of the packet that comes next. Where no PCR has come for
// maxPCRStep, the arrivals themselves are the clock.
func (s *Shaper) arrive(at time.Duration) {
	in := &s.in
	if in.fresh {
		in.since, in.fresh = at, false
	}
	if !in.byTime && (at-in.since > maxPCRStep.Duration() || s.queue.count-s.queue.timed > maxQueue/2) {
		if in.known {
			s.cut()
		}
		in.byTime = true
	}
	if in.byTime && at-in.newest.at > maxPCRStep.Duration() {
		s.cut()
		in.byTime = true
	}
	in.note(at)
	if in.byTime {
		s.fix(in.arrivals[0].point())
		s.fix(in.newest.point())
	}
}

// point takes an arrival for a clock.
func (a arrival) point() point { return point{a.place, flow.FromDuration(a.at)} }

func (in *input) note(at time.Duration) {
	in.newest = arrival{in.place, at}
	if n := len(in.arrivals); n < maxArrivals && (n == 0 || at > in.arrivals[n-1].at) {
		in.arrivals = append(in.arrivals, in.newest)
	}
}

// meet looks at a PCR before its packet is queued, and cuts where the clock does
// not go on.
func (s *Shaper) meet(p []byte, pcr uint64) {
	in := &s.in
	t, step := in.unwrap.Unwrap(pcr)
	in.pcr = t
	broken := step < 0 || step > maxPCRStep
	switch {
	case in.byTime && step > 0 && !broken:
		s.cut()
	case !in.byTime && in.known && (broken || ts.DiscontinuityIndicator(p)):
		s.cut()
	}
}

// fix gives the entries up to p their times: on the line from the PCR before to
// this one, and, for the first two of a stretch, also before them.
func (s *Shaper) fix(p point) {
	in := &s.in
	in.fresh = true
	if !in.known {
		in.last, in.known = p, true
		return
	}
	if p.place <= in.last.place || p.stc <= in.last.stc {
		return
	}
	in.span = point{p.place - in.last.place, p.stc - in.last.stc}
	s.time(p.place)
	in.last = p
}

// extrapolate times what waits for a PCR that is overdue as if the last interval
// went on, and reports whether there was anything.
func (s *Shaper) extrapolate() bool {
	if !s.in.known || s.queue.count == s.queue.timed {
		return false
	}
	s.time(s.in.place)
	return true
}

// clockAt returns the time of a position on the line through the last two PCRs.
func (in *input) clockAt(place int64) flow.Ticks {
	if in.span.place == 0 {
		return in.last.stc
	}
	return in.last.stc + flow.Ticks(place-in.last.place)*in.span.stc/flow.Ticks(in.span.place)
}

// cut ends the stretch: what waits for a PCR is timed as if the last interval went
// on, and the next entry begins another stretch.
func (s *Shaper) cut() {
	in := &s.in
	if s.queue.count > s.queue.timed {
		if !in.known {
			in.last = point{s.queue.at(s.queue.timed).place, in.end}
		}
		s.time(in.place)
	}
	in.known, in.byTime, in.fresh, in.arrivals = false, false, true, in.arrivals[:0]
	in.joint = &joint{}
}

// time gives the entries up to a place their times, which never run backwards
// within a stretch.
func (s *Shaper) time(place int64) {
	in, q := &s.in, &s.queue
	first := q.timed
	for ; q.timed < q.count && q.at(q.timed).place <= place; q.timed++ {
		e := q.at(q.timed)
		e.stc = in.clockAt(e.place)
		if e.joint == nil {
			e.stc = max(e.stc, in.end)
		}
		in.end = e.stc
	}
	if q.timed > first {
		s.admit(q.at(first), q.timed-first)
	}
	seen := 0
	for _, a := range in.arrivals {
		if a.place > place {
			break
		}
		if seen++; s.running && q.jumps == 0 {
			s.wall.sample(in.clockAt(a.place), a.at, s.next())
		}
	}
	in.arrivals = slices.Delete(in.arrivals, 0, seen)
}

// admit decides when a run of n entries that were timed together, e the first of
// them, leaves.
func (s *Shaper) admit(e *entry, n int) {
	q := &s.queue
	clocked := s.running && q.jumps == 0
	leaves := s.wall.time(e.stc)
	late := clocked && s.reached-leaves > maxLate
	if clocked && s.reached > leaves {
		s.stats.Late += uint64(n)
	}
	if e.joint == nil {
		if !late {
			return
		}
		e.joint = &joint{}
	}
	j := e.joint
	j.byTime, j.at = s.in.byTime, s.departure(e.stc)
	off := leaves - j.at
	j.jump = !clocked || late || j.byTime != s.byTime || off > sameClock || off < -sameClock
	if j.jump {
		q.jumps++
	}
}

// departure returns when clock stc would leave if its stretch had Delay from its
// latest arrival so far. What a PCR interval beyond the usual 40 ms costs in
// look-ahead is added.
func (s *Shaper) departure(stc flow.Ticks) time.Duration {
	in := &s.in
	at := in.newest.at - (in.clockAt(in.newest.place) - stc).Duration()
	for _, a := range in.arrivals {
		at = max(at, a.at-(in.clockAt(a.place)-stc).Duration())
	}
	if in.byTime {
		return at + s.Delay
	}
	return at + s.Delay + max(0, in.span.stc.Duration()-40*time.Millisecond)
}
