package mss

import (
	"bytes"
	"slices"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

const (
	// unit is the TimeScale of everything.
	unit = 10_000_000
	// epoch is when time begins, 2020-01-01, in units since 1970: so numbers stay below
	// 2^53, which is all that clients in JavaScript know, until 2048.
	epoch = 1_577_836_800 * unit
	// slack is how far the end of a fragment may be from the next for its last sample to
	// make up for it: rounding, and stamps that are a little off.
	slack = unit / 10
)

// at converts media time to time, rounding down; the timescale is not 0. It is UTC, so
// that it goes on over a break.
func at(p *timeline.Period, media uint64, timescale uint32) int64 {
	scale := uint64(timescale)
	t := int64(media/scale*unit + media%scale*unit/scale)
	t -= int64(p.Media/flow.TicksPerSecond*unit + p.Media%flow.TicksPerSecond*unit/flow.TicksPerSecond)
	return t + p.Start.Unix()*unit + int64(p.Start.Nanosecond())/100 - epoch
}

// here reports whether a segment has a fragment of a track.
func here(m *timeline.Media) bool {
	return m != nil && m.Done && !m.Gap && m.Duration > 0 && (m.Track.Kind == flow.KindText || len(m.Parts) > 0)
}

// chunk is a fragment of a stream: all its levels have the same times (MS-SSTR clause
// 2.2.2.6).
type chunk struct {
	segment *timeline.Segment
	time    uint64
	long    uint64 // until the next begins or, where it leaves a hole, of its own
	breaks  bool   // who decodes the one before cannot go on with it
}

// end returns where the chunk ends.
func (c *chunk) end() uint64 { return c.time + c.long }

// chunks returns the fragments of a stream, oldest first, times rising.
func (r ref) chunks(v *timeline.View) (list []chunk) {
	list = make([]chunk, 0, len(v.Late)+len(v.Segments))
	var record []byte
	for _, part := range [][]*timeline.Segment{v.Late, v.Segments} {
		for _, s := range part {
			c, sound, ok := r.chunk(s)
			if !ok {
				continue
			}
			c.breaks = len(list) > 0 && !bytes.Equal(sound, record)
			record = sound
			for len(list) > 0 && list[len(list)-1].time >= c.time { // UTC went back
				list = list[:len(list)-1]
			}
			if n := len(list); n > 0 && c.time < list[n-1].end()+slack {
				list[n-1].long = c.time - list[n-1].time
			}
			list = append(list, c)
		}
	}
	return list
}

// chunk returns what a segment has of a stream: it begins with the earliest of its
// levels. Sound is the configuration of a sound, which clients take from the manifest
// alone; pictures have theirs in every fragment.
func (r ref) chunk(s *timeline.Segment) (c chunk, sound []byte, ok bool) {
	if s.Period == nil {
		return c, nil, false
	}
	first, last := int64(0), int64(0)
	for _, m := range s.Media {
		if refOf(m.Track) != r || !here(m) || !packed(m.Track) {
			continue
		}
		if t := at(s.Period, m.Time, m.Track.Timescale); !ok || t < first {
			first, last, ok = t, at(s.Period, m.Time+m.Duration, m.Track.Timescale), true
		}
		if r.kind == flow.KindAudio {
			sound = m.Track.Format.Record
		}
	}
	if first < 0 || last <= first { // a clock that was never set
		return c, nil, false
	}
	return chunk{segment: s, time: uint64(first), long: uint64(last - first)}, sound, ok
}

// find returns the chunk that begins at a time, nil when there is none. Next is the one
// after it, nil when it has not come, or none that a client can go on with will; known
// says that more will not become known. Gone says that the time is before all that is
// kept.
func (r ref) find(v *timeline.View, time uint64) (c, next *chunk, known, gone bool) {
	list := r.chunks(v)
	i, ok := slices.BinarySearchFunc(list, time, func(c chunk, t uint64) int {
		switch {
		case c.time < t:
			return -1
		case c.time > t:
			return 1
		}
		return 0
	})
	switch {
	case !ok:
		return nil, nil, false, len(list) > 0 && time < list[0].time
	case i+1 == len(list):
		return &list[i], nil, false, false
	case list[i+1].breaks:
		return &list[i], nil, true, false
	}
	return &list[i], &list[i+1], true, false
}
