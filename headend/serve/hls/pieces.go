package hls

import (
	"net/http"
	"slices"
	"strconv"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
)

// segment answers with a segment: packets, CMAF or WebVTT.
func (q *request) segment() (n int64, ok bool) {
	v := q.c.Source.View()
	s, gone := v.Find(q.Route.Name)
	if s == nil && !gone {
		if i := slices.IndexFunc(v.Open, func(s *timeline.Segment) bool { return s.Name == q.Route.Name }); i >= 0 {
			s = v.Open[i]
		}
	}
	switch {
	case gone:
		return q.gone()
	case s == nil:
		q.Refuse(http.StatusNotFound, "no such segment")
		return 0, false
	}
	m := reply.Media{Cache: reply.SegmentCache, Modified: s.Start.Add(s.Duration)}
	switch q.Route.Form {
	case "ts":
		m.Type = tsType
		m.Data = q.packets(s)
	case "m4s":
		if t := s.Track(q.Route.Tracks); t != nil && t.Done && !t.Gap {
			m.Type = "video/mp4"
			m.Data = make([][]byte, len(t.Parts))
			for i, p := range t.Parts {
				m.Data[i] = p.Data
			}
		}
	case "vtt":
		if t := s.Track(q.Route.Tracks); t != nil && s.Done && suits(kindVTT, t.Track) {
			m.Type = vttType
			m.Data = [][]byte{appendVTT(nil, s, t.Cues)}
		}
	}
	if len(m.Data) == 0 {
		q.Refuse(http.StatusNotFound, "the segment has no such track")
		return 0, false
	}
	return q.media(&m, strconv.FormatUint(s.Sequence, 36)), true
}

// packets returns the transport stream of a segment, or what of it the request is
// about.
func (q *request) packets(s *timeline.Segment) timeline.Packets {
	if q.Route.Tracks == "" {
		return s.TS
	}
	if s.TS == nil || s.Layout == nil {
		return nil
	}
	return q.c.trims.of(s, q.Route.Tracks)
}

// media sends a piece of media with a tag made of a name and its length.
func (q *request) media(m *reply.Media, name string) int64 {
	size := 0
	for _, b := range m.Data {
		size += len(b)
	}
	m.ETag = `"` + name + "-" + strconv.FormatInt(int64(size), 36) + `"`
	return m.Serve(q.W, q.R)
}

func (q *request) gone() (n int64, ok bool) {
	q.Gone()
	return 0, false
}

// init answers with the CMAF header of a track, of now or of before a change.
func (q *request) init() (n int64, ok bool) {
	v := q.c.Source.View()
	for _, part := range [][]*timeline.Segment{v.Open, v.Segments, v.Late} {
		for _, s := range slices.Backward(part) {
			if s.Layout == nil {
				continue
			}
			if t := s.Layout.Track(q.Route.Tracks); t != nil && t.Init != nil && t.InitName == q.Route.Name {
				m := reply.Media{Type: "video/mp4", Cache: reply.SegmentCache, Modified: s.Start, Data: [][]byte{t.Init}}
				return q.media(&m, t.InitName), true
			}
		}
	}
	q.Refuse(http.StatusNotFound, "no such header")
	return 0, false
}

// part answers with a part of a segment. The part that comes next, which playlists
// hint at, is waited for.
func (q *request) part() (n int64, ok bool) {
	v := q.c.Source.View()
	sequence, index := q.Route.Sequence, q.Route.Index
	s, p := partOf(v, q.Route.Tracks, sequence, index)
	if p == nil && q.hinted(v) {
		ready := func(v *timeline.View) bool {
			e := edgeOf(v, kindLL, q.Route.Tracks)
			return e.has(sequence, index)
		}
		if !q.c.wait(q.R.Context(), gateKey{kindLL, q.Route.Tracks, sequence, index}, ask.Hold(v), ready, func() {}) {
			if q.R.Context().Err() == nil {
				q.Unavailable("the part did not come in three target durations")
			}
			return 0, false
		}
		s, p = partOf(q.c.Source.View(), q.Route.Tracks, sequence, index)
	}
	switch {
	case p != nil:
	case len(v.Segments) > 0 && sequence < oldest(v):
		return q.gone()
	default:
		q.Refuse(http.StatusNotFound, "no such part")
		return 0, false
	}
	m := reply.Media{Type: "video/mp4", Cache: partCache, Modified: s.Start, Data: [][]byte{p.Data}}
	return q.media(&m, "p"+strconv.FormatUint(sequence, 36)+"-"+strconv.Itoa(index)), true
}

// hinted reports whether a playlist hints at the part that is asked for.
func (q *request) hinted(v *timeline.View) bool {
	t := find(v, q.Route.Tracks)
	if _, rest := route.NextTrack(q.Route.Tracks); rest != "" || t == nil || !suits(kindLL, t) || len(v.Segments) == 0 {
		return false
	}
	e := edgeOf(v, kindLL, q.Route.Tracks)
	return q.Route.Sequence == e.full+1 && q.Route.Index == e.parts
}

func oldest(v *timeline.View) uint64 {
	if len(v.Late) > 0 {
		return v.Late[0].Sequence
	}
	return v.Segments[0].Sequence
}

// partOf returns a part of a track and its segment, or nil. Sequence numbers follow
// each other.
func partOf(v *timeline.View, id string, sequence uint64, index int) (*timeline.Segment, *timeline.Part) {
	for _, list := range [][]*timeline.Segment{v.Open, v.Segments, v.Late} {
		if len(list) == 0 || sequence < list[0].Sequence || sequence-list[0].Sequence >= uint64(len(list)) {
			continue
		}
		s := list[sequence-list[0].Sequence]
		if m := s.Track(id); m != nil && !m.Gap && index < len(m.Parts) {
			return s, m.Parts[index]
		}
	}
	return nil, nil
}
