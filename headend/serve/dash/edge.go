package dash

import (
	"slices"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// here reports whether a segment has something of a track.
func here(m *timeline.Media) bool {
	return m != nil && packed(m.Track) && !m.Gap && (m.Track.Kind == flow.KindText || len(m.Parts) > 0)
}

// earliest returns the earliest presentation time of a segment of a track, which is
// its S@t and $Time$ (clause 5.3.9.6). Pictures of an open group that are shown before
// its random access point are in the first part.
func earliest(m *timeline.Media) uint64 {
	if len(m.Parts) == 0 {
		return m.Time
	}
	at, first := m.Parts[0].Time, int64(0)
	for i, s := range m.Parts[0].Samples {
		if t := int64(at-m.Parts[0].Time) + int64(s.Composition); i == 0 || t < first {
			first = t
		}
		at += uint64(s.Duration)
	}
	return m.Parts[0].Time + uint64(first)
}

// end returns where the next segment of a track begins.
func end(m *timeline.Media) uint64 { return earliest(m) + m.Duration }

// ticks converts media time to 27 MHz; the timescale is not 0.
func ticks(n uint64, timescale uint32) flow.Ticks {
	s, r := n/uint64(timescale), n%uint64(timescale)
	return flow.Ticks(s)*flow.TicksPerSecond + flow.Ticks(r*flow.TicksPerSecond/uint64(timescale))
}

// units converts 27 MHz to media time, rounding to the nearest.
func units(t flow.Ticks, timescale uint32) uint64 {
	s, r := t/flow.TicksPerSecond, t%flow.TicksPerSecond
	return uint64(s)*uint64(timescale) + (uint64(r)*uint64(timescale)+flow.TicksPerSecond/2)/flow.TicksPerSecond
}

// begin returns the media time a segment begins at: that of its first track.
func begin(s *timeline.Segment) flow.Ticks {
	for _, m := range s.Media { // video comes first
		if here(m) {
			return ticks(earliest(m), m.Track.Timescale)
		}
	}
	return s.Period.Media
}

// joined reports whether o goes on where s ends, for every track, with the same tracks
// there. What is a little off is the rounding of stamps; a hole or an overlap that a
// timeline must not have makes another period.
func joined(s, o *timeline.Segment) bool {
	if s.Period != o.Period || len(s.Media) != len(o.Media) {
		return false
	}
	for i, m := range s.Media {
		n := o.Media[i]
		switch {
		case m.Track.ID != n.Track.ID:
			return false
		case !here(n) && !n.Gap && !o.Done: // it has not come yet
		case here(m) != here(n):
			return false
		case here(m):
			if d := int64(earliest(n) - end(m)); d > int64(m.Duration/2) || -d > int64(m.Duration/2) {
				return false
			}
		}
	}
	return true
}

// nominal returns how long segments are: the median of the window, to 0.1 s.
func nominal(v *timeline.View) time.Duration {
	var all []time.Duration
	for _, s := range v.Segments {
		all = append(all, s.Duration)
	}
	if len(all) == 0 {
		return time.Duration(max(1, v.TargetDuration)) * time.Second
	}
	slices.Sort(all)
	return max(all[len(all)/2].Round(100*time.Millisecond), 100*time.Millisecond)
}
