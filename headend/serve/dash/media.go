package dash

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// fragment answers with a segment of a track, by its $Time$.
func (q *request) fragment() (n int64, ok bool) {
	v := q.c.Source.View()
	id := q.Route.Tracks
	s, gone := find(v, id, q.Route.Time)
	switch {
	case s == nil && gone:
		q.Gone()
		return 0, false
	case s == nil:
		q.Refuse(http.StatusNotFound, "no such segment, or not yet")
		return 0, false
	}
	m := s.Track(id)
	if m.Track.Kind == flow.KindText {
		return q.words(s.Sequence, id)
	}
	if !m.Done {
		return q.stream(s.Sequence, id)
	}
	data := make([][]byte, len(m.Parts))
	for i, p := range m.Parts {
		data[i] = p.Data
	}
	return q.whole(s, m, data), true
}

// whole answers with a segment that is whole.
func (q *request) whole(s *timeline.Segment, m *timeline.Media, data [][]byte) int64 {
	size := 0
	for _, b := range data {
		size += len(b)
	}
	out := reply.Media{
		Type: mimeType(m.Track), Cache: reply.SegmentCache, Modified: s.Start.Add(s.Duration), Data: data,
		ETag: `"` + strconv.FormatUint(q.Route.Time, 36) + "-" + strconv.FormatInt(int64(size), 36) + `"`,
	}
	return out.Serve(q.W, q.R)
}

func mimeType(t *timeline.Track) string {
	switch t.Kind {
	case flow.KindAudio:
		return "audio/mp4"
	case flow.KindText:
		return "application/mp4"
	default:
		return "video/mp4"
	}
}

// find returns the segment of a track that begins at a time. Gone says that the time is
// before all that is kept. A segment that is being filled is found before it has
// anything of the track, where the one before it ends.
func find(v *timeline.View, id string, at uint64) (s *timeline.Segment, gone bool) {
	var oldest, before *timeline.Media
	for _, list := range [][]*timeline.Segment{v.Late, v.Segments, v.Open} {
		for _, s := range list {
			m := s.Track(id)
			if m == nil || !packed(m.Track) || m.Gap {
				before = nil
				continue
			}
			if !here(m) {
				if before != nil && before.Done && end(before) == at {
					return s, false
				}
				before = nil
				continue
			}
			if at >= m.Time && at-m.Time <= m.Duration+uint64(m.Track.Timescale)*2 && earliest(m) == at {
				return s, false
			}
			if before = m; oldest == nil {
				oldest = m
			}
		}
	}
	return nil, oldest != nil && at < earliest(oldest)
}

// bySequence returns what a view has of a track in a segment, nil when it is not there.
func bySequence(v *timeline.View, sequence uint64, id string) (*timeline.Segment, *timeline.Media) {
	for _, list := range [][]*timeline.Segment{v.Open, v.Segments, v.Late} {
		if len(list) == 0 || sequence < list[0].Sequence || sequence-list[0].Sequence >= uint64(len(list)) {
			continue
		}
		s := list[sequence-list[0].Sequence]
		return s, s.Track(id)
	}
	return nil, nil
}

// stream answers with a segment that is being filled: its parts as they come, each a
// chunk of HTTP/1.1 or a frame of HTTP/2 that leaves at once. It ends with the segment.
func (q *request) stream(sequence uint64, id string) (n int64, ok bool) {
	sent, begun := 0, false
	control := http.NewResponseController(q.W)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	for {
		v := q.c.Source.View()
		_, m := bySequence(v, sequence, id)
		if m == nil || m.Gap {
			break
		}
		if !begun && len(m.Parts) > 0 {
			hd := q.W.Header()
			hd.Set("Content-Type", mimeType(m.Track))
			hd.Set("Cache-Control", openCache)
			if begun = true; q.R.Method == http.MethodHead {
				return 0, true
			}
		}
		for _, p := range m.Parts[min(sent, len(m.Parts)):] {
			_ = control.SetWriteDeadline(time.Now().Add(writeGrace + time.Duration(len(p.Data)/writeRate)*time.Second))
			k, err := q.W.Write(p.Data)
			if n += int64(k); err != nil {
				return n, true
			}
			sent++
		}
		if m.Done {
			return n, true
		}
		if begun && control.Flush() != nil {
			return n, true
		}
		if !ask.Pause(q.R.Context(), v, q.c.patience.After(ask.Hold(v))) {
			break
		}
	}
	if !begun && q.R.Context().Err() == nil {
		q.Refuse(http.StatusNotFound, "the segment did not come")
	}
	return n, begun
}

// A client may take 10 s, and 1 s for every 64 KiB, to take a part.
const (
	writeGrace = 10 * time.Second
	writeRate  = 64 << 10
)

// words answers with a segment of text, once everything said in it is known.
func (q *request) words(sequence uint64, id string) (n int64, ok bool) {
	late := q.c.patience.After(ask.Hold(q.c.Source.View()))
	for {
		v := q.c.Source.View()
		s, m := bySequence(v, sequence, id)
		if m == nil || m.Gap {
			break
		}
		if m.Done {
			return q.whole(s, m, [][]byte{appendWords(nil, uint32(s.Sequence), m)}), true
		}
		if !ask.Pause(q.R.Context(), v, late) {
			break
		}
	}
	if q.R.Context().Err() == nil {
		q.Refuse(http.StatusNotFound, "the segment did not come")
	}
	return 0, false
}

// init answers with the header of a text track, which timelines do not make.
func (q *request) init() (n int64, ok bool) {
	v := q.c.Source.View()
	for _, part := range [][]*timeline.Segment{v.Open, v.Segments, v.Late} {
		for _, s := range slices.Backward(part) {
			if s.Layout == nil {
				continue
			}
			t := s.Layout.Track(q.Route.Tracks)
			if t == nil || t.Kind != flow.KindText || !packed(t) {
				continue
			}
			if b, name := header(t); name == q.Route.Name && b != nil {
				m := reply.Media{Type: mimeType(t), Cache: reply.SegmentCache, Modified: s.Start, ETag: `"` + name + `"`, Data: [][]byte{b}}
				return m.Serve(q.W, q.R), true
			}
		}
	}
	q.Refuse(http.StatusNotFound, "no such header")
	return 0, false
}
