package inspect

import (
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// maxStep is the longest time between two PCRs that is no break of the time base
	// (TR 101 290 indicator 2.3.b), whatever else is wrong.
	maxStep = flow.TicksPerSecond / 10
	// maxPause is the longest one in a stream that says of no break and has no loss:
	// ffmpeg gives a radio programme a PCR every 366 ms, and what comes over TCP comes in
	// bursts, so that its arrival tells nothing.
	maxPause = flow.TicksPerSecond
)

// reference is a PCR met at a packet.
type reference struct {
	at    int64 // packets since the begin of the batch at hand, negative before it
	ticks flow.Ticks
	fresh bool // the time base begins here
}

// clock tells the time at every packet of a batch: between two PCRs by position, as
// ISO/IEC 13818-1 clause 2.4.2.2 has it, and beyond the last one at the rate of the
// packets before it, but not farther than the next PCR should be.
type clock struct {
	unwrap    ts.Unwrapper
	known     bool
	announced bool          // the next PCR need not fit
	lossy     bool          // packets of its PID are missing since the last PCR
	refs      []reference   // the last one before the batch, then those in it
	rate      float64       // ticks per packet, 0 while unknown
	step      flow.Ticks    // between the last two PCRs
	seen      time.Duration // arrival of the last PCR
	arrived   time.Duration // of the batch at hand
	last      flow.Ticks    // told before, to keep it monotonic
}

func (c *clock) begin(arrived time.Duration) { c.arrived = arrived }

// end leaves the batch of n packets, keeping its last reference.
func (c *clock) end(n int) {
	if k := len(c.refs); k > 0 {
		c.refs[0] = c.refs[k-1]
		c.refs[0].at -= int64(n)
		c.refs[0].fresh = false
		c.refs = c.refs[:1]
	}
}

// reset forgets the time, as when another PID becomes the reference.
func (c *clock) reset() {
	c.unwrap.Reset()
	c.known, c.announced, c.refs, c.last, c.rate = false, false, c.refs[:0], 0, 0
	c.lossy, c.step = false, 0
}

// take takes a PCR at a packet of the batch. intact says that no packet is missing
// since the PCR before and that discontinuity_indicator is not set; broken that the PCR
// does not continue the time base. A longer step that took as long to arrive does.
func (c *clock) take(at int, raw uint64, intact bool) (broken bool) {
	ticks, step := c.unwrap.Unwrap(raw)
	most := flow.Ticks(maxStep)
	if intact {
		most = maxPause
	}
	waited := flow.FromDuration(c.arrived - c.seen)
	broken = c.known && (step < 0 || step > most && (step < waited-maxStep || step > waited+maxStep))
	if k := len(c.refs); k > 0 && !broken && step > 0 && step <= 10*maxStep {
		if d := int64(at) - c.refs[k-1].at; d > 0 {
			c.rate, c.step = float64(step)/float64(d), step
		}
	}
	c.refs = append(c.refs, reference{int64(at), ticks, broken || !c.known})
	c.known, c.seen = true, c.arrived
	return broken
}

// restart makes the newest reference count from the begin of the batch.
func (c *clock) restart() { c.refs = append(c.refs[:0], c.refs[len(c.refs)-1]) }

// at returns the time at a packet of the batch, 0 while no PCR is known. Calls are
// in order of position.
func (c *clock) at(packet int) flow.Ticks {
	if len(c.refs) == 0 {
		return 0
	}
	pos := int64(packet)
	i := 0 // the reference to count from
	for i+1 < len(c.refs) && c.refs[i+1].at <= pos {
		i++
	}
	r := c.refs[i]
	t := r.ticks + min(flow.Ticks(float64(pos-r.at)*c.rate), c.step)
	if i+1 < len(c.refs) && !c.refs[i+1].fresh && pos >= r.at {
		next := c.refs[i+1]
		t = r.ticks + (next.ticks-r.ticks)*flow.Ticks(pos-r.at)/flow.Ticks(next.at-r.at)
	}
	if !r.fresh || pos > r.at {
		t = max(t, c.last)
	}
	c.last = t
	return t
}

// reference takes a PCR of the programme. A break of the time base begins an epoch:
// with the batch, if its begin is announced as discontinuous, else at the packet.
func (in *Inspector) reference(at int, raw uint64, flagged bool) {
	announced := in.clock.announced
	broken := in.clock.take(at, raw, !flagged && !announced && !in.clock.lossy)
	in.clock.announced, in.clock.lossy = false, false
	if !broken {
		if flagged {
			in.cut(at, flow.Discontinuity, false)
		}
		return
	}
	if !flagged && !announced {
		in.total.PCRJumps++
	}
	if announced && in.cuts[0].marks&(flow.Discontinuity|flow.Gap) != 0 {
		at = 0
		in.clock.restart()
	}
	var tracks []flow.Track
	if in.layout != nil {
		tracks = in.layout.Tracks
	}
	in.lead.last = 0
	in.rates.begun = false
	in.newEpoch(at, flow.Discontinuity, tracks)
}

// rates measures bit rates over windows of a second or more.
type rates struct {
	begun   bool
	clocked bool // by the programme clock, not by arrival
	start   flow.Ticks
	packets uint64 // at the begin of the window
	total   int64  // bit/s
}

// measure ends the window of the bit rates if it is long enough. Time is that of the
// programme, or of arrival where there is none.
func (in *Inspector) measure(arrived time.Duration) {
	r, now := &in.rates, flow.FromDuration(arrived)
	if in.clock.known {
		now = in.clock.last
	}
	span := now - r.start
	if r.begun && r.clocked == in.clock.known && span < flow.TicksPerSecond && span >= 0 {
		return
	}
	rate := func(packets uint64) int64 {
		return int64(float64(packets) * 8 * ts.PacketSize * flow.TicksPerSecond / float64(span))
	}
	valid := r.begun && r.clocked == in.clock.known && span > 0
	for i := range in.pids {
		p := &in.pids[i]
		if valid {
			p.rate = rate(p.count.Packets - p.since)
		}
		p.since = p.count.Packets
	}
	if valid {
		r.total = rate(in.total.Packets - r.packets)
	}
	r.begun, r.clocked, r.start, r.packets = true, in.clock.known, now, in.total.Packets
}
