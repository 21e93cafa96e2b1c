package hls

import (
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// list is a media playlist in the making (RFC 8216 clauses 4.3.2 and 4.3.3).
type list struct {
	text
	c       *Channel
	v       *timeline.View
	key     key
	entries []entry
	prefix  string // of the URIs of segments
	suffix  string
	skipped int    // entries left out of a delta update
	init    string // the EXT-X-MAP in force
	length  time.Duration
}

// entry is one segment as a rendition has it.
type entry struct {
	s        *timeline.Segment
	m        *timeline.Media // of the track; nil of packets, and where the layout has no such track
	duration time.Duration
	at       time.Time
	gap      bool
	left     time.Duration // from its begin to the end of the playlist
}

func renderMedia(c *Channel, v *timeline.View, k key) *reply.Body {
	l := &list{c: c, v: v, key: k}
	l.place()
	for _, s := range v.Segments {
		l.add(s)
	}
	if k.kind == kindLL {
		for i, s := range v.Open {
			if !whole(v, i, s.Track(k.id)) {
				break
			}
			l.add(s)
		}
	}
	l.measure()
	l.head()
	b := newBreaks(c.Cues, v, l.entries)
	if k.kind == kindVTT || k.kind == kindIntra || k.kind == kindIntraCMAF {
		b = breaks{}
	}
	for i, e := range l.entries {
		if i < l.skipped {
			continue
		}
		b.before(&l.text, i)
		l.segment(e, len(l.entries)-i)
	}
	b.rest(&l.text)
	if k.kind == kindLL {
		l.edge()
		l.reports()
	}
	return l.body(v.TargetDuration)
}

// place finds the names of segments. A path below tracks-T names them as they are; one
// of all tracks that was filtered, or one of a single video that is used whole, goes
// another way.
func (l *list) place() {
	k := l.key
	switch k.kind {
	case kindVTT:
		l.suffix = ".vtt"
	case kindCMAF, kindLL, kindIntraCMAF:
		l.suffix = ".m4s"
	case kindIntra:
		l.suffix = ".ts"
		if single(layoutOf(l.v)) {
			l.prefix = "../" // the packets between those of the picture are few
		}
	case kindTS, kindAuto:
		l.suffix = ".ts"
	}
	if k.filtered && k.tracks != "" {
		l.prefix = "tracks-" + k.tracks + "/"
	}
}

// single reports whether a layout has one video track only.
func single(l *timeline.Layout) bool {
	if l == nil {
		return false
	}
	n := 0
	for _, t := range l.Tracks {
		if t.Kind == flow.KindVideo {
			n++
		}
	}
	return n == 1
}

func (l *list) add(s *timeline.Segment) {
	e := entry{s: s, duration: s.Duration, at: s.Start}
	switch l.key.kind {
	case kindCMAF, kindLL, kindIntraCMAF:
		e.m = s.Track(l.key.id)
		e.gap = e.m == nil || e.m.Gap || len(e.m.Parts) == 0 || e.m.Track.Init == nil
		if l.key.kind == kindIntraCMAF {
			e.gap = e.gap || intraSize(e.m) == 0
		} else if !e.gap {
			e.duration = span(e.m.Duration, e.m.Track.Timescale)
		}
		e.at = began(s, e.m)
	default:
		e.at = began(s, lead(s))
		e.gap = l.lacks(s)
	}
	l.entries = append(l.entries, e)
}

// lacks reports whether a segment has nothing of what a playlist of some tracks of the
// packets is of.
func (l *list) lacks(s *timeline.Segment) bool {
	if l.key.kind != kindTS || l.key.tracks == "" || s.Layout == nil {
		return false
	}
	for rest := l.key.tracks; rest != ""; {
		var id string
		id, rest = route.NextTrack(rest)
		if m := s.Track(id); m != nil && !(m.Gap && m.Track.Init != nil) {
			return false
		}
	}
	return true
}

// lead returns the media that dates a segment: video if there is, else audio.
func lead(s *timeline.Segment) *timeline.Media {
	for _, m := range s.Media { // video comes first
		if m.Track.Kind != flow.KindText && len(m.Parts) > 0 {
			return m
		}
	}
	return nil
}

// began returns the UTC at which the first sample of m is shown; of a segment without,
// that of its first packet.
func began(s *timeline.Segment, m *timeline.Media) time.Time {
	if s.Period == nil || m == nil || m.Track.Timescale == 0 || len(m.Parts) == 0 {
		return s.Start
	}
	at := m.Time
	if samples := m.Parts[0].Samples; len(samples) > 0 {
		at += uint64(int64(samples[0].Composition))
	}
	return s.Period.UTC(ticks(at, m.Track.Timescale))
}

// ticks converts media time to 27 MHz; the timescale is not 0.
func ticks(n uint64, timescale uint32) flow.Ticks {
	s, r := n/uint64(timescale), n%uint64(timescale)
	return flow.Ticks(s)*flow.TicksPerSecond + flow.Ticks(r*flow.TicksPerSecond/uint64(timescale))
}

// skipTargets is the Skip Boundary in target durations (clause 4.4.3.8 of rfc8216bis).
const skipTargets = 6

// measure tells each entry how far it is from the end, and a delta update which it
// leaves out: those that end before the Skip Boundary, counted from the end.
func (l *list) measure() {
	target := time.Duration(l.v.TargetDuration) * time.Second
	if m := l.open(); m != nil {
		l.length = span(m.Duration, m.Track.Timescale)
	}
	for i := len(l.entries) - 1; i >= 0; i-- {
		after := l.length
		l.length += l.entries[i].duration
		l.entries[i].left = l.length
		if l.key.skip && l.skipped == 0 && after >= skipTargets*target {
			l.skipped = i + 1
		}
	}
}

// open returns what there is of the segment after the entries, nil if nothing.
func (l *list) open() *timeline.Media {
	if n := len(l.entries) - len(l.v.Segments); l.key.kind == kindLL && n < len(l.v.Open) {
		if m := l.v.Open[n].Track(l.key.id); m != nil && len(m.Parts) > 0 {
			return m
		}
	}
	return nil
}

func (l *list) head() {
	version := int64(3)
	switch l.key.kind {
	case kindCMAF, kindIntraCMAF:
		version = 7
	case kindLL:
		version = 9
	case kindIntra:
		version = 4
	case kindTS, kindVTT, kindAuto:
	}
	l.int("#EXTM3U\n#EXT-X-VERSION:", version)
	l.int("\n#EXT-X-TARGETDURATION:", int64(l.v.TargetDuration))
	if l.key.kind == kindLL {
		l.control()
	}
	first := l.entries[0].s
	breaks := first.Breaks
	if first.Discontinuity {
		breaks-- // its own tag is still in the list
	}
	l.uint("\n#EXT-X-MEDIA-SEQUENCE:", first.Sequence)
	l.uint("\n#EXT-X-DISCONTINUITY-SEQUENCE:", breaks)
	l.str("\n")
	if l.v.Independent() && l.key.kind != kindVTT {
		l.str("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	if l.key.kind == kindIntra || l.key.kind == kindIntraCMAF {
		l.str("#EXT-X-I-FRAMES-ONLY\n")
	}
	if l.skipped > 0 {
		l.int("#EXT-X-SKIP:SKIPPED-SEGMENTS=", int64(l.skipped))
		l.str("\n")
	}
}

// partTargets is how far from the end parts are told, in target durations, and
// partSegments in segments beside the one being filled: who is further away has no use
// for them (clause 4.4.4.9 of rfc8216bis).
const (
	partTargets  = 3
	partSegments = 2
)

// segment appends the tags of one segment and its URI; fromEnd is 1 for the last.
func (l *list) segment(e entry, fromEnd int) {
	l.lead(e.s, e.at, e.m, e.gap)
	if l.key.kind == kindLL && !e.gap && fromEnd <= partSegments && e.left <= partTargets*time.Duration(l.v.TargetDuration)*time.Second {
		l.parts(e.s, e.m)
	}
	size, offset := 0, 0
	switch {
	case e.gap:
	case l.key.kind == kindIntraCMAF:
		size = intraSize(e.m)
	case l.key.kind == kindIntra:
		offset, size = l.c.spans.of(e.s, l.key.id, l.prefix == "")
		e.gap = size == 0
	}
	if e.gap {
		l.str("#EXT-X-GAP\n")
	}
	l.seconds("#EXTINF:", e.duration)
	l.str(",\n")
	if size > 0 {
		l.int("#EXT-X-BYTERANGE:", int64(size))
		l.int("@", int64(offset))
		l.str("\n")
	}
	l.uri(l.prefix, e.s.Name, l.suffix)
	l.str("\n")
}

// lead appends what comes before a segment and its parts. The EXT-X-MAP is told anew
// behind each discontinuity and at the begin of delta updates.
func (l *list) lead(s *timeline.Segment, at time.Time, m *timeline.Media, gap bool) {
	if s.Discontinuity {
		l.str("#EXT-X-DISCONTINUITY\n")
		l.init = ""
	}
	if m != nil && !gap && m.Track.InitName != l.init {
		l.init = m.Track.InitName
		l.str(`#EXT-X-MAP:URI="`)
		l.uri("init-", l.init, ".mp4")
		l.str("\"\n")
	}
	l.date("#EXT-X-PROGRAM-DATE-TIME:", at)
	l.str("\n")
}
