package mux

import (
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

const (
	// DefaultDelay is the latency of a Shaper that is not told otherwise: one PCR
	// interval of look-ahead, ±50 ms of network jitter, and time to hand over.
	DefaultDelay = 300 * time.Millisecond
	// DefaultLead is how far ahead of their time datagrams are handed over.
	DefaultLead = 350 * time.Millisecond
	// RetainMax is the longest time a packet waits for its datagram to fill.
	RetainMax = 40 * time.Millisecond

	// datagram is the number of packets in a datagram: 1316 bytes.
	datagram = 7
	// handOver is how long before its time a datagram is made even if what
	// belongs into it has not arrived. It is what the daemon may stall, busy with
	// viewers or collecting garbage, without a datagram being late: 60 ms were seen on
	// two cores that did everything else as well.
	handOver = 100 * time.Millisecond
	// maxLate is how late packets may be and still be sent, closer together than
	// they came; later ones begin a new stretch with the latency they need.
	maxLate = 100 * time.Millisecond
	// sameClock is how far a PCR behind a cut may be from where the clock before
	// the cut expects it and still be one of the same clock.
	sameClock = 150 * time.Millisecond
	// stall is how long nothing may come before the programme counts as gone.
	stall = 300 * time.Millisecond
	// holdTime and holdBytes bound the search for the PMT behind a cut.
	holdTime  = time.Second
	holdBytes = 4 << 20
	holdItems = 1 << 13
)

// Shaper turns the batches of a channel into datagrams of 7 packets with exact
// send times.
//
// With a Rate it makes a constant bit rate: slot n, 188 bytes, has the programme
// clock C(n) = C(0) + n·1504·27 MHz/Rate in the clock of the input itself, without
// rounding from slot to slot. A packet leaves in the first slot whose clock is not
// before its own (that between two PCRs goes by its position), and its PCR becomes
// the clock of its slot: it changes by just the displacement. PTS and DTS stay.
// PCRs are added where they would be more than 30 ms apart, PAT and PMT are sent
// every 90 ms and the SDT every 1.5 s; EIT, NIT, TDT and TOT pass where they were;
// the rest is null packets. If the input does not fit, packets wait for up to
// Delay; then all that wait are dropped and counted in Overflow, and every stream
// goes on at its next PES packet.
//
// Without a Rate packets leave as they came, at the times their positions between
// the PCRs give, so that bursts are evened out. They are changed only where the
// Selection asks, and behind a cut.
//
// Behind a cut of the input, marked Discontinuity or Gap or seen in its PCR, the
// continuity counters go on without a break, and if the clock jumps, its first PCR
// carries discontinuity_indicator. A programme without PCR goes by arrival.
//
// The exported fields are set before the first call. It is for one goroutine.
type Shaper struct {
	Selection
	Rate  int64         // bit/s of the transport stream; 0 or less sends as is
	Delay time.Duration // from arrival to departure; 0 is DefaultDelay
	Lead  time.Duration // datagrams are handed over this long before they are due; 0 is DefaultLead

	begun     bool
	extractor *Extractor // renames on the way in, without a Rate
	programme programme

	in       input
	queue    queue
	wall     recovery
	counters counters

	running bool          // the clock map is anchored
	reached time.Duration // send time of the last datagram
	slots   slotClock
	offset  flow.Ticks // programme clock less slot clock
	si      carousel
	skip    map[uint16]bool // PIDs whose packets are dropped up to the next PES packet
	byTime  bool            // the stretch on the way out has no PCR
	silent  bool            // nothing has come for a while: no PCR is made
	mark    bool            // the next PCR carries discontinuity_indicator
	force   bool            // a PCR is due now
	lastPCR flow.Ticks      // slot clock at the last PCR
	lastSTC flow.Ticks      // clock of the last packet of the input sent
	shedAt  time.Duration   // send time when packets were dropped last

	tables *tables // on the way out
	psi    PSI
	stats  ShaperStats
	buf    [datagram * ts.PacketSize]byte
}

// ShaperStats are the totals of a Shaper.
type ShaperStats struct {
	Packets         uint64 // sent, null packets included
	Nulls           uint64 // null packets added
	PCRs            uint64 // packets added for their PCR
	Overflow        uint64 // packets dropped because they did not fit the rate or the memory
	Overloaded      bool   // packets were dropped within the last 10 s
	Discontinuities uint64 // jumps of the programme clock and pauses, marked in the output
	Late            uint64 // packets that arrived after they were due
}

// Stats returns the totals so far.
func (s *Shaper) Stats() ShaperStats {
	st := s.stats
	st.Overloaded = st.Overflow > 0 && s.reached-s.shedAt < 10*time.Second
	return st
}

// Status returns what was found of the programme in the input.
func (s *Shaper) Status() ServiceStatus {
	if s.extractor != nil {
		return s.extractor.Status()
	}
	return s.programme.status()
}

// PSI is what keeps receivers tuned while nothing else is sent.
type PSI struct {
	Generation uint64 // changes with the content; 0 while there is none
	Tables     []PSITable
}

// PSITable is one table as packets.
type PSITable struct {
	Packets  []byte        // continuity_counter from 0; whoever sends them goes on counting
	Interval time.Duration // between repetitions
}

// PSI returns the tables that describe what is being sent. The slices are shared
// and not written to again.
func (s *Shaper) PSI() PSI { return s.psi }

func (s *Shaper) begin() {
	s.begun = true
	if s.Delay <= 0 {
		s.Delay = DefaultDelay
	}
	if s.Lead <= 0 {
		s.Lead = DefaultLead
	}
	s.skip = map[uint16]bool{}
	s.slots = newSlotClock(s.Rate)
	if s.Rate > 0 {
		s.programme = programme{Selection: s.Selection, to: s, keepNIT: true}
		return
	}
	s.programme = programme{to: s, verbatim: true}
	if s.Renames() || s.Program != 0 {
		s.extractor = &Extractor{Selection: s.Selection}
	}
}

// Push takes the next item of the channel. It keeps the bytes until they have been
// sent and writes to none of them.
func (s *Shaper) Push(it flow.Item[flow.Batch]) {
	if !s.begun {
		s.begin()
	}
	if s.extractor != nil {
		s.extractor.Feed(it, s.push)
		return
	}
	s.push(it)
}

// Mark makes the next PCR sent carry discontinuity_indicator. It is for what receivers
// have seen before and the Shaper has not: packets that another one sent to them, or
// some of its own that did not reach them. It may be called at any time, within send
// as well.
func (s *Shaper) Mark() { s.mark, s.force = true, true }

// Emit calls send, in order, for every datagram whose content is decided and whose
// time is at most Lead after now. Both now and at are on the clock of Stamp.Arrived.
// The packets, whole and at most 7, are valid until send returns. It is to be
// called every 10 ms or so, whether anything was pushed or not: a constant bit rate
// goes on with null packets and PSI when the input stops.
func (s *Shaper) Emit(now time.Duration, send func(at time.Duration, packets []byte)) {
	if s.Rate > 0 {
		s.emitConstant(now, send)
		return
	}
	s.emitAsIs(now, send)
}

// setTables makes t the tables of what is sent from here on.
func (s *Shaper) setTables(t *tables) {
	s.tables = t
	s.psi = PSI{Generation: s.psi.Generation + 1}
	add := func(pid uint16, interval flow.Ticks, sections []psi.Section) {
		if len(sections) == 0 {
			return
		}
		pk := psi.Packetizer{PID: pid}
		s.psi.Tables = append(s.psi.Tables, PSITable{pk.AppendTo(nil, sections...), interval.Duration()})
	}
	add(psi.PIDPAT, repeatPSI, t.pat)
	add(t.pmtPID, repeatPSI, t.pmt)
	add(psi.PIDSDT, repeatSDT, t.sdt)
	s.si.load(s.psi.Tables, s.slots.ticks)
}

// counters keeps the continuity counters of the output and lets them go on across
// cuts of the input (ISO/IEC 13818-1 clause 2.4.3.3).
type counters struct {
	last  [8192]uint8 // counter sent last, +1; 0 before the first
	shift [8192]uint8 // added to those of the input
	stale [8192]bool  // shift is of the stretch before
}

// cut lets every PID find its shift anew.
func (c *counters) cut() {
	for pid, last := range c.last {
		c.stale[pid] = last != 0
	}
}

// pass gives a packet of the input its counter.
func (c *counters) pass(p []byte, pid uint16) {
	if c.stale[pid] {
		c.stale[pid] = false
		want := c.last[pid] - 1
		if ts.HasPayload(p) {
			want++
		}
		c.shift[pid] = (want - ts.CC(p)) & 15
	}
	cc := (ts.CC(p) + c.shift[pid]) & 15
	ts.SetCC(p, cc)
	c.last[pid] = cc + 1
}

// next returns the counter of a packet with payload made here.
func (c *counters) next(pid uint16) uint8 {
	cc := c.last[pid] & 15
	c.last[pid] = cc + 1
	return cc
}
