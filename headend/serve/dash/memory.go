package dash

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// stretch is a Period of an MPD: segments on one time base that have the same tracks
// and leave no holes.
type stretch struct {
	id       string
	start    time.Time
	media    flow.Ticks // that start belongs to
	before   string     // id of the stretch that it goes on from, on its time base; empty: none
	goesOn   []string   // ids of the tracks that were there, in the same form
	segments []*timeline.Segment
	open     []*timeline.Segment // of them that are being filled, after segments
}

// memory is what MPDs must say again when it can no longer be seen in the window: where
// a period of the timeline was parted because a track was lost or came back, and which
// bit rate was told of a track.
type memory struct {
	mu    sync.Mutex
	parts []parting
	rates map[string]int64 // by Period@id and Representation@id
}

// parting is where a stretch begins within a period.
type parting struct {
	period   *timeline.Period
	sequence uint64
	id       string
	media    flow.Ticks
	before   string
	goesOn   []string
}

// stretches cuts the window into periods, and with low latency what comes after it.
func (m *memory) stretches(v *timeline.View, low bool) (list []*stretch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var last *timeline.Segment
	add := func(s *timeline.Segment, open bool) {
		if s.Period == nil || !slices.ContainsFunc(s.Media, here) {
			return
		}
		fits := last != nil && joined(last, s)
		if last != nil && !fits && last.Period == s.Period {
			m.part(list[len(list)-1].id, last, s)
		}
		if !fits {
			list = append(list, m.stretch(s))
		}
		last = s
		p := list[len(list)-1]
		if open {
			p.open = append(p.open, s)
		} else {
			p.segments = append(p.segments, s)
		}
	}
	for _, s := range v.Segments {
		add(s, false)
	}
	if len(list) > 0 {
		m.forget(list[0])
	}
	if low {
		for _, s := range v.Open {
			add(s, true)
		}
	}
	return list
}

// part notes that a stretch begins with s within its period, after last, which is in the
// stretch before.
func (m *memory) part(before string, last, s *timeline.Segment) {
	if slices.ContainsFunc(m.parts, func(p parting) bool { return p.period == s.Period && p.sequence == s.Sequence }) {
		return
	}
	at := begin(s)
	ms := (at - s.Period.Media).Duration().Milliseconds()
	p := parting{period: s.Period, sequence: s.Sequence, id: s.Period.ID + "-" + strconv.FormatInt(ms, 10), media: at, before: before}
	for _, x := range s.Media {
		if o := last.Track(x.Track.ID); here(x) && here(o) && x.Track.InitName == o.Track.InitName && earliest(x) == end(o) {
			p.goesOn = append(p.goesOn, x.Track.ID)
		}
	}
	m.parts = append(m.parts, p)
}

// stretch returns the stretch that s is in, without segments.
func (m *memory) stretch(s *timeline.Segment) *stretch {
	p := &stretch{id: s.Period.ID, start: s.Period.Start, media: s.Period.Media}
	for _, o := range m.parts { // in order
		if o.period == s.Period && o.sequence <= s.Sequence {
			p.id, p.media, p.start = o.id, o.media, s.Period.UTC(o.media)
			p.before, p.goesOn = o.before, o.goesOn
		}
	}
	return p
}

// maxRates bounds what is remembered of bit rates.
const maxRates = 1024

// forget lets go of what is before the window, whose first stretch is p.
func (m *memory) forget(p *stretch) {
	s := p.segments[0]
	m.parts = slices.DeleteFunc(m.parts, func(o parting) bool { return o.period != s.Period && o.sequence < s.Sequence })
	if len(m.rates) > maxRates {
		clear(m.rates)
	}
}

// rate returns the bandwidth of a track of a stretch. It stays as it was told first
// unless the track turns out to need more: clients choose by it, and a new number in
// every update would be one that changes for nothing.
func (m *memory) rate(v *timeline.View, p *stretch, t *timeline.Track, newest bool) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := p.id + " " + t.ID
	told := m.rates[key]
	peak := v.Rates[t.ID].Peak
	if t.Kind == flow.KindText {
		peak = max(peak, 1000)
	}
	if told >= peak && told > 0 || told > 0 && !newest {
		return told
	}
	if m.rates == nil {
		m.rates = map[string]int64{}
	}
	told = max(roundUp(peak), 1000)
	m.rates[key] = told
	return told
}

// roundUp rounds up to two digits.
func roundUp(n int64) int64 {
	step := int64(1)
	for n/step >= 100 {
		step *= 10
	}
	return (n + step - 1) / step * step
}
