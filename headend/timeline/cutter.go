package timeline

import (
	"slices"
	"time"

	"sigma/headend/timeline/preamble"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// maxTargets is the longest segment in target durations: without a random access
	// point for that long it is cut anyway.
	maxTargets = 3
	// maxStep is the largest step of the programme clock between batches that counts
	// as continuous, 2 s.
	maxStep = 2 * flow.TicksPerSecond
	// maxTail is how long a finished segment waits for the rest of the PES packets
	// that began in it, 1 s. Audio PES packets span some 100 ms.
	maxTail = flow.TicksPerSecond
	// overshoot is by how much a segment may pass the target duration: less than the
	// half second that rounding forgives (RFC 8216 clause 4.3.3.1).
	overshoot = flow.TicksPerSecond / 4
)

// cutter makes segments of batches. It is owned by Run.
type cutter struct {
	timeline *Timeline
	tables   preamble.Tables
	counters preamble.Counters // of PAT and PMT in the segments
	anchor   anchor

	broken    bool // nothing of this epoch was taken yet
	continues bool // there was a segment before
	epoch     uint32
	last      flow.Ticks // clock of the newest batch
	step      flow.Ticks // from the batch before it
	access    flow.Ticks // clock of the newest random access point
	group     flow.Ticks // longest distance of random access points
	least     flow.Ticks // shortest one
	pace      flow.Ticks // longest of the last few
	unclocked uint64

	open *draft         // the segment being filled
	tail *draft         // the one before, waits for the rest of its PES packets
	pes  map[uint16]int // by PID, bytes missing of the PES packet in progress; unbounded when it does not say

	reel   *reel // makes the tracks; nil: packets only
	queue  []flow.Item[flow.Batch]
	queued int        // bytes in queue
	order  int        // of the newest draft
	newest flow.Ticks // clock of the newest batch received; last is that of the newest cut
}

// unbounded stands for a PES packet that ends where the next begins
// (PES_packet_length 0, ISO/IEC 13818-1 clause 2.4.3.7).
const unbounded = 1 << 30

// push takes the next batch. It waits in the queue for what the reel must know of it
// before it is cut: the tables, and the format of a random access point.
func (c *cutter) push(it flow.Item[flow.Batch]) {
	clock := it.V.Clock
	if clock == 0 {
		clock = c.newest
	}
	if c.breaks(it, clock) {
		c.drain()
		c.finish()
		c.epoch, c.last, c.step = it.Epoch, clock, 0
	}
	c.newest = clock
	c.queue = append(c.queue, it)
	c.queued += len(it.V.Data)
	if c.reel == nil || !c.reel.take(c, it, clock) {
		c.drain()
	}
	c.timeline.advance()
}

// drain cuts what waits.
func (c *cutter) drain() {
	for i := range c.queue {
		c.pack(c.queue[i])
	}
	clear(c.queue)
	c.queue, c.queued = c.queue[:0], 0
	if c.reel != nil {
		c.reel.assign(c.last)
	}
}

// pack cuts the next batch.
func (c *cutter) pack(it flow.Item[flow.Batch]) {
	clock := it.V.Clock
	if clock == 0 {
		clock = c.last
	}
	if it.V.Clock == 0 && c.open == nil {
		c.unclocked++
		c.feed(it.V.Data)
		return
	}
	if d := clock - c.last; d > 0 {
		c.step = d
	}
	c.last = clock
	random := it.Marks.Has(flow.RandomAccess)
	utc := time.Duration(c.timeline.UTC(it.Arrived).UnixNano())
	if c.anchor.set {
		c.anchor.observe(clock, utc)
	}
	if random {
		if c.access != 0 {
			c.note(clock - c.access)
		}
		c.access = clock
	}
	if !c.place(it, clock, utc, random) {
		c.feed(it.V.Data)
		return
	}
	c.write(it.V.Data)
	c.date(c.open, false)
	if c.tail != nil && (len(c.tail.waits) == 0 || clock-c.open.start > maxTail) {
		c.flush()
	}
}

// place cuts before the batch where that is due. It returns false when there is no
// segment to put the batch in.
func (c *cutter) place(it flow.Item[flow.Batch], clock flow.Ticks, utc time.Duration, random bool) bool {
	if c.open == nil {
		if random {
			c.begin(clock, utc, true)
		}
		return random
	}
	other, splice := false, false
	if random && c.reel != nil {
		b := c.reel.stamps(it.V)
		other, splice = c.reel.changed(b), c.reel.events.due(b)
	}
	switch {
	case other:
		c.cut(clock, utc, random)
		c.rebase()
	case random && (clock >= c.open.due || c.waitsTooLong(clock)), splice, clock > c.open.start && c.overdue(clock, len(it.V.Data)):
		c.cut(clock, utc, random)
	}
	return true
}

// rebase makes the open segment, which has just begun, the first of other tracks.
func (c *cutter) rebase() {
	d := c.open
	d.segment.Discontinuity, d.fresh = true, true
	c.reel.renew(d)
}

// date gives a segment its period as soon as it is known where its frames begin; sure
// says that nothing more will be learnt of that.
func (c *cutter) date(d *draft, sure bool) {
	if d.segment.Period != nil || c.reel == nil || !d.bound.known && !sure {
		return
	}
	if !d.bound.known {
		d.bound = bound{pts: d.start, dts: d.start, known: true}
	}
	c.reel.date(d, &c.anchor)
}

// breaks reports whether the batch does not go on where the last one ended.
func (c *cutter) breaks(it flow.Item[flow.Batch], clock flow.Ticks) bool {
	if it.Epoch != c.epoch || it.Marks&(flow.Discontinuity|flow.Gap) != 0 || c.reel != nil && c.reel.stale {
		return true
	}
	step := clock - c.newest
	return (c.open != nil || len(c.queue) > 0) && (step < 0 || step > maxStep)
}

// overdue reports whether the open segment must end before a batch of that size
// although no random access point came.
func (c *cutter) overdue(clock flow.Ticks, size int) bool {
	limit := flow.FromDuration(maxTargets * c.timeline.SegmentDuration)
	if td := c.timeline.record.TargetDuration; td > 0 {
		limit = flow.Ticks(td)*flow.TicksPerSecond + overshoot
	}
	return clock+c.step-c.open.start > limit || c.open.ts.Size()+size > maxSegmentBytes
}

// begin opens a segment at clock. The first of an epoch anchors the clock.
func (c *cutter) begin(clock flow.Ticks, utc time.Duration, random bool) {
	t := c.timeline
	if !c.anchor.set {
		c.anchor.begin(clock, utc, t.record.End)
	}
	d := &draft{start: clock, name: c.anchor.name(clock)}
	d.due = clock + flow.FromDuration(t.SegmentDuration-d.name%t.SegmentDuration)
	d.segment = Segment{
		Start:         time.Unix(0, int64(c.anchor.at(clock))).UTC(),
		Discontinuity: c.broken && c.continues,
		Independent:   random,
	}
	c.order++
	d.order, d.base = c.order, c.broken
	if c.tail != nil {
		c.tail.next = d
	}
	t.drafts = append(t.drafts, d)
	if c.reel != nil {
		c.reel.begin(d)
	}
	c.broken, c.continues = false, true
	c.open = d
	c.lead(d)
}

// cut ends the open segment at clock and opens the next. When the programme lags too
// far behind UTC it is anchored anew, which is a discontinuity though nothing is lost.
func (c *cutter) cut(clock flow.Ticks, utc time.Duration, random bool) {
	lost := c.anchor.slew(clock) && random
	c.flush()
	c.tail, c.open = c.open, nil
	c.date(c.tail, true)
	c.end(c.tail, clock)
	c.tail.waits, c.pes = c.pes, nil
	c.timeline.place(c.tail)
	if lost {
		c.anchor = anchor{}
	}
	c.begin(clock, utc, random)
	if lost {
		c.open.segment.Discontinuity, c.open.fresh = true, true
	}
}

// end ends d at clock.
func (c *cutter) end(d *draft, clock flow.Ticks) {
	d.segment.Duration = (clock - d.start).Duration()
	d.ended, d.longest = true, c.longest()
	r := &c.timeline.record
	r.End = max(r.End, time.Duration(d.segment.Start.UnixNano())+d.segment.Duration)
}

// flush completes the segment that waits for the rest of its PES packets.
func (c *cutter) flush() {
	d := c.tail
	if d == nil {
		return
	}
	c.tail = nil
	d.segment.TS, d.packets = d.ts.done(), true
	d.ts = nil
}

// note takes the distance of two random access points.
func (c *cutter) note(d flow.Ticks) {
	c.group = max(c.group, d)
	if c.least == 0 || d < c.least {
		c.least = d
	}
	c.pace = max(d, (c.pace+d)/2)
}

// steady reports whether random access points have come at a pace that the segment
// duration is a multiple of, to a hundredth.
func (c *cutter) steady() bool {
	if c.least <= 0 || c.group-c.least > c.group/100 {
		return false
	}
	segment := flow.FromDuration(c.timeline.SegmentDuration)
	off := (segment + c.group/2) % c.group
	return segment >= c.group-c.group/100 && (off-c.group/2).Duration().Abs() < c.timeline.SegmentDuration/100
}

// longest returns the length that segments may need: random access points come as
// seldom as they did so far, at worst just before a boundary. If they are steady no
// segment is longer than it is to be, see waitsTooLong.
func (c *cutter) longest() time.Duration {
	group := c.group.Duration()
	switch {
	case group == 0:
		group = c.timeline.SegmentDuration
	case c.steady():
		return c.timeline.SegmentDuration
	}
	return c.timeline.SegmentDuration + group
}

// waitsTooLong reports whether the open segment would be too long if it went on beyond a
// random access point at clock, just before its boundary. Where these are steady they
// drift over the boundaries, since no two clocks are alike; and another source may have
// another pace than that the target duration was made for.
func (c *cutter) waitsTooLong(clock flow.Ticks) bool {
	td := flow.Ticks(c.timeline.record.TargetDuration)
	if td == 0 {
		if !c.steady() {
			return false
		}
		td = flow.Ticks(ceilSeconds(c.timeline.SegmentDuration))
	}
	return clock+c.pace-c.open.start > td*flow.TicksPerSecond+overshoot
}

// finish ends the epoch: what was filled is published as it is.
func (c *cutter) finish() {
	if c.reel != nil {
		c.reel.flush(c.last)
	}
	c.flush()
	if d := c.open; d != nil {
		c.open = nil
		end := max(c.last+c.step, d.start)
		if end > d.start || d.placed {
			c.date(d, true)
			c.end(d, max(end, d.start+flow.TicksPerSecond/1000))
			c.tail = d
			c.flush()
		} else {
			c.broken = c.broken || d.segment.Discontinuity
			t := c.timeline
			t.drafts = slices.DeleteFunc(t.drafts, func(o *draft) bool { return o == d })
		}
	}
	if c.reel != nil {
		c.reel.close()
	}
	for _, d := range c.timeline.drafts {
		d.closed = true
	}
	c.timeline.advance()
	if c.reel != nil {
		c.reel.reset()
	}
	c.broken = true
	c.pes, c.access = nil, 0
	c.anchor = anchor{}
	c.tables.Reset()
}

// feed shows packets that are not taken to the tables.
func (c *cutter) feed(data []byte) {
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		c.tables.Push(data[:ts.PacketSize])
	}
}

// lead puts PAT and PMT in front of a new segment; settle does it later when they
// are not known yet.
func (c *cutter) lead(d *draft) {
	d.counts = c.counters
	d.lacks = !c.tables.Ready()
	for p := range (Packets{c.tables.AppendTo(nil, &c.counters)}).All() {
		d.ts.append(p)
	}
}

// settle puts PAT and PMT in front of a segment that lacks them, and counts those
// behind them anew.
func (c *cutter) settle(d *draft) {
	if !d.lacks || !c.tables.Ready() {
		return
	}
	d.lacks = false
	c.counters = d.counts
	d.ts.prepend(c.tables.AppendTo(nil, &d.counts))
	for p := range d.ts.All() {
		if pid := ts.PID(p); c.tables.Has(pid) {
			c.count(p, pid)
		}
	}
}

// write copies packets to the segments they belong to. Null packets carry nothing
// and are left out.
func (c *cutter) write(data []byte) {
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		p := data[:ts.PacketSize]
		pid := ts.PID(p)
		switch {
		case pid == ts.NullPID:
		case c.tables.Has(pid):
			c.tables.Push(p)
			c.count(c.open.ts.append(p), pid)
			c.settle(c.open)
		case c.tail != nil && c.finishes(p, pid):
			c.tail.ts.append(p)
		default:
			c.open.ts.append(p)
			c.follow(p, pid)
			if !c.open.bound.known && c.reel != nil {
				c.open.bound = c.reel.begins(p, pid, c.last)
			}
		}
	}
}

// count gives a packet of PAT or PMT the counter that follows the packets put in.
func (c *cutter) count(p []byte, pid uint16) {
	n := &c.counters.PMT
	if pid == 0 {
		n = &c.counters.PAT
	}
	if ts.HasPayload(p) {
		ts.SetCC(p, *n)
		*n = (*n + 1) & 15
		return
	}
	ts.SetCC(p, *n-1)
}

// finishes reports whether p carries on a PES packet that began in the segment
// before: it goes there, so that each segment holds whole PES packets.
func (c *cutter) finishes(p []byte, pid uint16) bool {
	missing, ok := c.tail.waits[pid]
	if !ok {
		return false
	}
	if ts.PUSI(p) {
		delete(c.tail.waits, pid)
		return false
	}
	if missing -= len(ts.Payload(p)); missing <= 0 {
		delete(c.tail.waits, pid)
		return true
	}
	if missing < unbounded/2 {
		c.tail.waits[pid] = missing
	}
	return true
}

// follow keeps account of the PES packets that have begun in the open segment.
func (c *cutter) follow(p []byte, pid uint16) {
	payload := ts.Payload(p)
	missing, begun := c.pes[pid]
	switch {
	case ts.PUSI(p):
		if begun {
			delete(c.pes, pid)
		}
		if len(payload) < 6 || payload[0] != 0 || payload[1] != 0 || payload[2] != 1 {
			return
		}
		missing = 6 + int(payload[4])<<8 + int(payload[5])
		if missing == 6 {
			missing = unbounded
		}
		missing -= len(payload)
	case !begun:
		return
	case missing < unbounded/2:
		missing -= len(payload)
	}
	if missing <= 0 {
		delete(c.pes, pid)
		return
	}
	if c.pes == nil {
		c.pes = map[uint16]int{}
	}
	c.pes[pid] = missing
}
