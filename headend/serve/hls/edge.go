package hls

import (
	"time"

	"sigma/headend/timeline"
)

// edge is how far the playlist of a rendition is. Each rendition follows its own
// track: video may be ahead of audio.
type edge struct {
	full  uint64 // sequence number of the last whole segment
	last  int    // index of its last part, -1 when it has none
	parts int    // parts of the segment after it
	most  int    // largest index of a part in the playlist
}

// edgeOf returns the edge of a track; of a playlist without parts, that of the window.
func edgeOf(v *timeline.View, k kind, id string) edge {
	e := edge{last: -1, most: -1}
	if n := len(v.Segments); n > 0 {
		e.full = v.Segments[n-1].Sequence
		if k == kindLL {
			e.count(v.Segments[n-1].Track(id))
		}
	}
	if k != kindLL {
		return e
	}
	for i, s := range v.Open {
		m := s.Track(id)
		if !whole(v, i, m) {
			if m != nil {
				e.parts = len(m.Parts)
				e.most = max(e.most, e.parts-1)
			}
			return e
		}
		e.full = s.Sequence
		e.count(m)
	}
	return e
}

func (e *edge) count(m *timeline.Media) {
	e.last = -1
	if m != nil {
		e.last = len(m.Parts) - 1
	}
	e.most = max(e.most, e.last)
}

// whole reports whether open segment i can be listed for a track, of which it has m:
// nothing more comes, and its name is known.
func whole(v *timeline.View, i int, m *timeline.Media) bool {
	s := v.Open[i]
	if s.Name == "" || s.Duration <= 0 {
		return false
	}
	if m == nil {
		return s.Done || i < len(v.Open)-1 // the layout has no such track any more
	}
	return m.Done
}

// newest returns the sequence number of the newest segment something is known of.
func (e *edge) newest() uint64 {
	if e.parts > 0 {
		return e.full + 1
	}
	return e.full
}

// has reports whether the playlist contains a part, or with part -1 a whole segment. A
// part that a segment has not stands for the first of the segment after it (clause
// 6.2.5.2 of rfc8216bis).
func (e *edge) has(msn uint64, part int) bool {
	switch {
	case msn < e.full, part < 0 && msn == e.full:
		return true
	case part < 0 || msn > e.full+1:
		return false
	case msn == e.full:
		return part <= e.last || e.parts > 0
	}
	return part < e.parts
}

// beyond reports whether a request is so far in the future that it is refused: more
// than two segments, or more than the Advance Part Limit of clause 6.2.5.2. Clients
// that know how many parts segments have may ask for the last.
func (e *edge) beyond(v *timeline.View, msn uint64, part int) bool {
	newest := e.newest()
	if msn > newest && msn-newest > 2 {
		return true
	}
	limit := 3
	if t := v.PartTarget; t > 0 && t < time.Second {
		limit = int((3*time.Second + t - 1) / t)
	}
	index := e.parts - 1
	if newest == e.full {
		index = e.last
	}
	if msn > newest {
		index = -1 // of a segment that has not begun
	}
	return part > max(index+limit, e.most)
}
