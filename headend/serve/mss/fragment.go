package mss

import (
	"net/http"
	"strconv"
	"sync"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/mux/flow"
	"sigma/mux/fmp4"
)

// trackID is the track_ID of every track: clients make the header themselves.
const trackID = 1

// levels is what the last digits of a Bitrate count with: they are the number of the
// track, so that an address leads to it although its bit rate is told otherwise by now.
const levels = 100

// track returns what a segment has of the track that a request is for.
func (q *request) track(r ref, s *timeline.Segment) *timeline.Media {
	for _, m := range s.Media {
		if refOf(m.Track) == r && number(m.Track) == q.Route.Bitrate%levels && here(m) && packed(m.Track) {
			return m
		}
	}
	return nil
}

// fragment answers with a fragment of a track, once the one after it is known: it tells
// of it, and clients learn of it from nothing else.
func (q *request) fragment() (n int64, ok bool) {
	r, ok := parseName(q.Route.Name)
	if !ok {
		q.Refuse(http.StatusNotFound, "no such stream")
		return 0, false
	}
	v := q.c.Source.View()
	c, next, known, gone := r.find(v, q.Route.Time)
	if c != nil && !known {
		seen := v
		known = ask.Until(q.R.Context(), q.c.Source, q.c.patience.After(ask.Hold(v)), func(v *timeline.View) bool {
			if sameSegments(v, seen) {
				return false
			}
			seen = v
			c, next, known, gone = r.find(v, q.Route.Time)
			return c == nil || known
		})
		if !known && q.R.Context().Err() != nil {
			return 0, false
		}
	}
	var m *timeline.Media
	if c != nil && known {
		m = q.track(r, c.segment)
	}
	switch {
	case gone:
		q.Gone()
		return 0, false
	case c != nil && !known:
		q.Refuse(http.StatusNotFound, "what follows the fragment did not come")
		return 0, false
	case m == nil:
		q.Refuse(http.StatusNotFound, "no such fragment")
		return 0, false
	}
	return q.send(m, c, next), true
}

// sameSegments reports whether a view has no segments that another has not.
func sameSegments(v, o *timeline.View) bool {
	n, k := len(v.Segments), len(o.Segments)
	return n == k && (n == 0 || v.Segments[n-1] == o.Segments[n-1])
}

func mimeType(k flow.Kind) string {
	switch k {
	case flow.KindVideo:
		return "video/mp4"
	case flow.KindAudio:
		return "audio/mp4"
	default:
		return "application/mp4"
	}
}

// headKey names what of a fragment is made for it.
type headKey struct {
	track    string
	sequence uint64
	info     bool
}

// head is what of a fragment is made for it: all but the samples of pictures and sounds.
// It does not keep the segment.
type head struct {
	once sync.Once
	b    []byte
}

// send answers with a fragment, or with what it tells of the next alone.
func (q *request) send(m *timeline.Media, c, next *chunk) int64 {
	info := q.Route.Form == "info"
	h := q.c.heads.Of(headKey{m.Track.ID, c.segment.Sequence, info}, maxHeads, func() *head { return &head{} })
	h.once.Do(func() { h.b = appendHead(m, c, next, info) })
	data := [][]byte{h.b}
	if !info {
		data = appendSamples(data, m)
	}
	size := 0
	for _, b := range data {
		size += len(b)
	}
	out := reply.Media{
		Type: mimeType(m.Track.Kind), Cache: reply.SegmentCache, Modified: c.segment.Start.Add(c.segment.Duration), Data: data,
		ETag: `"` + strconv.FormatUint(q.Route.Time, 36) + "-" + strconv.FormatInt(int64(size), 36) + `"`,
	}
	return out.Serve(q.W, q.R)
}

// appendHead returns the header of a fragment and, of pictures, the parameter sets that
// its first sample begins with: those of the manifest are another's after a change that
// the client did not learn of. Of text it is the whole fragment.
func appendHead(m *timeline.Media, c, next *chunk, info bool) []byte {
	out := fmp4.SmoothChunk{Sequence: uint32(c.segment.Sequence), TrackID: trackID, Span: fmp4.Span{Time: c.time, Duration: c.long}}
	if next != nil {
		out.Next = []fmp4.Span{{Time: next.time, Duration: next.long}}
	}
	if info {
		return out.AppendHeader(nil)
	}
	var sets []byte
	switch m.Track.Kind {
	case flow.KindText:
		sets = appendTTML(nil, c.segment.Period, m, c)
		out.Samples = []fmp4.Sample{{Size: len(sets), Duration: uint32(c.long), Sync: true}}
	case flow.KindVideo:
		out.Samples = samples(m, c)
		if out.Samples[0].Sync {
			sets = appendSets(nil, m.Track)
			out.Samples[0].Size += len(sets)
		}
	default:
		out.Samples = samples(m, c)
	}
	return append(out.AppendHeader(nil), sets...)
}

// samples returns the samples of a fragment in units. It begins where all levels do: the
// pictures of one that is decoded later are shown as much later after that.
func samples(m *timeline.Media, c *chunk) (list []fmp4.Sample) {
	p, scale := c.segment.Period, m.Track.Timescale
	begin := at(p, m.Time, scale)
	later := begin - int64(c.time)
	now := begin
	for _, part := range m.Parts {
		media := part.Time
		for _, s := range part.Samples {
			end := at(p, media+uint64(s.Duration), scale)
			shown := at(p, uint64(int64(media)+int64(s.Composition)), scale)
			list = append(list, fmp4.Sample{Size: s.Size, Duration: uint32(max(end-now, 0)), Composition: int32(shown - now + later), Sync: s.Sync})
			now = max(end, now)
			media += uint64(s.Duration)
		}
	}
	last := &list[len(list)-1]
	if off := int64(c.long) - (now - begin); off < slack && off > -slack {
		last.Duration = uint32(max(int64(last.Duration)+off, 1))
	}
	return list
}

// appendSamples appends the samples of a segment, in one slice for each run of them that
// lie together.
func appendSamples(data [][]byte, m *timeline.Media) [][]byte {
	for _, p := range m.Parts {
		from, to := 0, 0
		for _, s := range p.Samples {
			if s.Offset != to {
				if to > from {
					data = append(data, p.Data[from:to])
				}
				from = s.Offset
			}
			to = s.Offset + s.Size
		}
		if to > from {
			data = append(data, p.Data[from:to])
		}
	}
	return data
}
