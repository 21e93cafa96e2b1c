package timeline

import (
	"cmp"
	"slices"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Text is a track of text that a decoder makes of the frames of another: of teletext
// pages, or of the captions in a video track.
type Text struct {
	From     flow.TrackID // the track whose frames the decoder takes
	Name     string       // which of the texts in that track: the same again is the same text
	Language string       // ISO 639-2 code, empty when unknown
	Role     Role
	Decoder  Decoder
}

// Decoder makes cues of the frames of one track, which come in decode order with their
// stamps in media time. A cue that is still shown may be emitted with End 0; emitted
// again with the same Start it takes the place of the one before, and with End equal to
// Start it is taken back. It must not block.
type Decoder interface {
	Push(f flow.Item[flow.Frame], emit func(Cue))
}

const (
	// maxTextBehind is how long a segment waits for the frames that text is made of.
	maxTextBehind = flow.TicksPerSecond
	// maxCues bounds the cues of a track that are kept for the segments being filled.
	maxCues = 1024
	// maxShown is how long a cue is shown at most: its end may have been lost.
	maxShown = 60 * flow.TicksPerSecond
)

// texts are the tracks of text of a time base.
type texts struct {
	list     []*text
	captions int        // how many services the decoders were chosen for
	clock    flow.Ticks // newest
}

type text struct {
	Text
	cues []said     // by Start
	seen flow.Ticks // stream time up to which its frames have come
}

// said is a cue of a text.
type said struct {
	Cue
	// live says that its end was not known at first. Where it goes over the end of a
	// segment it is parted there, so that players do not show it twice: the first part
	// may be with them before its end is known.
	live bool
}

// captionsOf counts the caption services that are known.
func captionsOf(r *reel) (n int) {
	for _, l := range r.lanes {
		if f := l.follow.Format(); f != nil {
			n += len(f.Captions)
		}
	}
	return n
}

// grown reports whether there are captions that no decoder was chosen for.
func (x *texts) grown(r *reel) bool {
	return r.timeline.Texts != nil && captionsOf(r) > x.captions
}

// renew returns the text tracks of a layout, those that nobody decodes last.
func (x *texts) renew(r *reel) []*Track {
	if r.tracks == nil || x.grown(r) {
		old := x.list
		x.list, x.captions = nil, captionsOf(r)
		if r.timeline.Texts != nil {
			formats := map[flow.TrackID]*es.Format{}
			for _, l := range r.lanes {
				if f := l.follow.Format(); f != nil {
					formats[l.stream.ID] = f
				}
			}
			for _, t := range r.timeline.Texts(r.layout, formats) {
				i := slices.IndexFunc(old, func(o *text) bool { return o.From == t.From && o.Name == t.Name })
				if i >= 0 {
					x.list = append(x.list, old[i])
					continue
				}
				x.list = append(x.list, &text{Text: t})
			}
		}
	}
	var tracks []*Track
	for _, t := range x.list {
		track := &Track{Kind: flow.KindText, PID: t.From, Language: t.Language, Role: t.Role, Timescale: 90_000}
		track.Format.RFC6381 = "wvtt"
		if l := r.byID[t.From]; l != nil {
			track.PID = 0
		} else if s := r.layout.Track(t.From); s != nil {
			track.Format.Codec = s.Codec
		}
		tracks = append(tracks, track)
	}
	for i := range r.streams {
		s := &r.streams[i]
		if s.Kind != flow.KindText || slices.ContainsFunc(x.list, func(t *text) bool { return t.From == s.ID }) {
			continue
		}
		t := &Track{Kind: s.Kind, PID: s.ID, Language: s.Language, Role: s.role, Timescale: 90_000, Problem: es.Name(s.Codec) + " is not decoded"}
		switch {
		case s.Codec == flow.CodecDVBSubtitle:
			t.Problem = "DVB subtitles are pictures, not text"
		case s.Codec == flow.CodecTeletext && r.timeline.Texts != nil:
			t.Problem = "teletext without a subtitle page"
		}
		t.Format.Codec = s.Codec
		tracks = append(tracks, t)
	}
	return tracks
}

// push gives a frame to those who decode it.
func (x *texts) push(f *frame, shift flow.Ticks) {
	for _, t := range x.list {
		if t.From != f.V.Track {
			continue
		}
		it, dts := f.Item, f.V.DTS
		if f.lane != nil {
			dts = f.dts
		}
		it.V.PTS += shift
		it.V.DTS = dts + shift
		t.seen = dts
		t.Decoder.Push(it, t.emit)
	}
}

func (t *text) emit(c Cue) {
	if c.End > c.Start+maxShown {
		c.End = c.Start + maxShown
	}
	i, _ := slices.BinarySearchFunc(t.cues, c.Start, func(o said, start flow.Ticks) int { return cmp.Compare(o.Start, start) })
	for ; i < len(t.cues) && t.cues[i].Start == c.Start; i++ {
		if t.cues[i].End != 0 {
			continue
		}
		if t.cues[i].Cue = c; c.End == c.Start && c.End != 0 {
			t.cues = slices.Delete(t.cues, i, i+1)
		}
		return
	}
	if c.End != 0 && c.End <= c.Start {
		return
	}
	if len(t.cues) == maxCues { // stamps of no sense may lie ahead for hours
		if i == maxCues {
			return
		}
		t.cues = t.cues[:maxCues-1]
	}
	t.cues = slices.Insert(t.cues, i, said{c, c.End == 0})
}

// during returns the part of a cue in a segment from begin to end; false when there is
// none.
func (s said) during(begin, end flow.Ticks) (Cue, bool) {
	c := s.Cue
	if c.End == 0 {
		c.End = min(max(end, c.Start+1), c.Start+maxShown)
	}
	if c.Start >= end || c.End <= begin {
		return c, false
	}
	if s.live {
		c.Start, c.End = max(c.Start, begin), min(c.End, end)
	}
	return c, true
}

// passed reports whether what is said during d is known.
func (x *texts) passed(d *draft) bool {
	if d.next == nil {
		return true // the others tell
	}
	for _, t := range x.list {
		if t.seen < d.next.bound.pts && x.clock-d.next.start <= maxTextBehind {
			return false
		}
	}
	return true
}

// expire lets go of what was said before the oldest segment being filled.
func (x *texts) expire(r *reel, clock flow.Ticks) {
	x.clock = clock
	if len(r.timeline.drafts) == 0 || !r.timeline.drafts[0].bound.known {
		return
	}
	from := r.timeline.drafts[0].bound.pts + r.shift
	for _, t := range x.list {
		t.cues = slices.DeleteFunc(t.cues, func(c said) bool {
			return c.End != 0 && c.End <= from || c.End == 0 && c.Start+maxShown <= from
		})
	}
}

// fill puts the cues of a segment in place.
func (x *texts) fill(d *draft, media []*Media, shift flow.Ticks, done bool) {
	begin, end := d.bound.pts+shift, flow.Ticks(0)
	switch {
	case d.next != nil && d.next.bound.known:
		end = d.next.bound.pts + shift
	case d.ended:
		end = begin + flow.FromDuration(d.segment.Duration)
	}
	for _, m := range media {
		if m.Track.Kind != flow.KindText {
			continue
		}
		m.Time = ticksTo(begin, m.Track.Timescale)
		m.Done = done || m.Track.Problem != ""
		m.Gap = m.Track.Problem != ""
		if end > begin {
			m.Duration = ticksTo(end, m.Track.Timescale) - m.Time
		}
	}
	for i, t := range d.texts {
		limit := end
		if limit == 0 {
			limit = max(t.seen+shift, begin)
		}
		for _, c := range t.cues {
			if part, ok := c.during(begin, limit); ok {
				m := media[d.textsAt+i]
				m.Cues = append(m.Cues, part)
			}
		}
	}
}
