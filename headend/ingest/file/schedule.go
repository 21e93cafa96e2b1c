package file

import (
	"time"

	"sigma/headend/ingest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// maxStep is the longest step of the clock that is waited out: what is longer,
	// or backwards, is a break of the time base (the limit of ISO/IEC 13818-1 is
	// 100 ms; recordings with losses have more).
	maxStep = 2 * flow.TicksPerSecond
	// batchTime is the length of a batch in time, as of a network source.
	batchTime = 8 * time.Millisecond
	// searchLimit is how much is read ahead for the next PCR, in bytes: two of the
	// longest steps at 30 Mbit/s.
	searchLimit = 16 << 20
)

// batch is a run of packets and when its first leaves.
type batch struct {
	data []byte
	due  time.Duration // on the clock of Source.Now
}

// schedule gives packets their times by the PCR of the stream: those between two
// PCR are spread evenly, as in a multiplex of constant rate. All times are counted
// from one anchor, so that they cannot drift against the clock of the stream.
type schedule struct {
	pid    uint16 // whose PCR counts, once locked
	locked bool
	clock  ts.Unwrapper

	last  flow.Ticks    // PCR of the packet waiting[0] …
	base  flow.Ticks    // the anchor: this clock …
	start time.Duration // … is at this time
	begun bool          // there was a PCR
	moved bool          // the clock has advanced since the pass began
	pace  float64       // ticks per packet between the last two PCR; 0 while unknown

	waiting [][]byte // runs of packets since the last PCR, their times still unknown
	packets int      // in waiting
	ready   []batch
}

// add takes the next packets; now is used for the anchor. It reports false when
// there is no PCR within searchLimit.
func (s *schedule) add(run []byte, now time.Duration) bool {
	from := 0
	for at := 0; at < len(run); at += ts.PacketSize {
		p := run[at:]
		pcr, ok := ts.PCR(p)
		if !ok || p[0] != ts.Sync || ts.TEI(p) || s.locked && ts.PID(p) != s.pid {
			continue
		}
		s.wait(run[from:at])
		from = at
		s.reach(pcr, ts.PID(p), now)
	}
	s.wait(run[from:])
	if s.packets*ts.PacketSize > searchLimit/2 {
		s.locked = false // perhaps the clock has moved to another PID
	}
	return s.packets*ts.PacketSize <= searchLimit
}

func (s *schedule) wait(run []byte) {
	if len(run) > 0 {
		s.waiting = append(s.waiting, run)
		s.packets += len(run) / ts.PacketSize
	}
}

// reach gives the waiting packets their times: the next packet has the PCR.
func (s *schedule) reach(pcr uint64, pid uint16, now time.Duration) {
	if !s.locked || s.pid != pid {
		s.pid, s.locked = pid, true
		s.clock.Reset()
	}
	at, step := s.clock.Unwrap(pcr)
	switch {
	case !s.begun: // nothing is known of what came before it
		s.begun = true
		s.anchor(at, now)
		s.emit()
	case (step <= 0 || step > maxStep) && s.pace == 0: // nothing tells yet how fast to play
		s.anchor(at, s.start)
	case step <= 0 || step > maxStep: // another clock
		end := s.next()
		s.emit()
		s.anchor(at, end)
	default:
		s.pace, s.moved = float64(step)/float64(s.packets), true
		s.emit()
		s.last = at
	}
}

// anchor says that clock at is at time t.
func (s *schedule) anchor(at flow.Ticks, t time.Duration) {
	s.base, s.last, s.start = at, at, t
}

// time returns when the clock of the stream is at.
func (s *schedule) time(at flow.Ticks) time.Duration { return s.start + (at - s.base).Duration() }

// next returns when the packet after those that wait leaves, at the known pace.
func (s *schedule) next() time.Duration {
	return s.time(s.last + flow.Ticks(s.pace*float64(s.packets)))
}

// emit makes batches of the waiting packets at the known pace. A batch ends with the
// memory it is a part of, or after batchTime.
func (s *schedule) emit() {
	most := ingest.SlabSize / ts.PacketSize
	if s.pace > 0 {
		most = min(most, max(1, int(float64(flow.FromDuration(batchTime))/s.pace)))
	}
	index := 0
	for _, run := range s.waiting {
		for len(run) > 0 {
			n := min(most, len(run)/ts.PacketSize)
			s.push(run[:n*ts.PacketSize], s.time(s.last+flow.Ticks(s.pace*float64(index))))
			run = run[n*ts.PacketSize:]
			index += n
		}
	}
	s.waiting, s.packets = s.waiting[:0], 0
}

// push appends a batch, or lengthens the one before where the memory goes on and the
// time does not end it: PCR may follow each other closely.
func (s *schedule) push(data []byte, due time.Duration) {
	if k := len(s.ready) - 1; k >= 0 {
		last := &s.ready[k]
		if n := len(last.data); due-last.due < ingest.Interval && cap(last.data) >= n+len(data) && &last.data[:n+1][n] == &data[0] {
			last.data = last.data[:n+len(data)]
			return
		}
	}
	s.ready = append(s.ready, batch{data, due})
}

// take returns the batches whose times are known, and forgets them. It keeps the
// newest, which the next PCR may lengthen.
func (s *schedule) take() []batch {
	if len(s.ready) < 2 {
		return nil
	}
	k := len(s.ready) - 1
	b := s.ready[:k]
	s.ready = []batch{s.ready[k]}
	return b
}

// cut says that the next packets are of another file, with another clock.
func (s *schedule) cut() { s.locked = false }

// delay moves everything to come by d.
func (s *schedule) delay(d time.Duration) {
	s.start += d
	for i := range s.ready {
		s.ready[i].due += d
	}
}
