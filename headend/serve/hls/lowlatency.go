package hls

import (
	"time"

	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// Playlists with low latency: clauses 4.4.3.7, 4.4.3.8, 4.4.4.9, 4.4.5.3 and 4.4.5.4
// of draft-pantos-hls-rfc8216bis.

// control appends EXT-X-SERVER-CONTROL and EXT-X-PART-INF. They are made of what is
// fixed for the life of the timeline: Apple's players stop for good when they change.
func (l *list) control() {
	target := time.Duration(l.v.TargetDuration) * time.Second
	l.seconds("\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=", skipTargets*target)
	l.seconds(",HOLD-BACK=", 3*target)
	if part := partTarget(l.v); part > 0 {
		l.seconds(",PART-HOLD-BACK=", 3*part)
		l.seconds("\n#EXT-X-PART-INF:PART-TARGET=", part)
	}
}

// partTarget returns the part target, rounded up to what is printed: no part is
// longer.
func partTarget(v *timeline.View) time.Duration {
	return (v.PartTarget + time.Microsecond - 1).Truncate(time.Microsecond)
}

// parts appends the parts of a segment.
func (l *list) parts(s *timeline.Segment, m *timeline.Media) {
	if l.v.PartTarget <= 0 {
		return
	}
	for i, p := range m.Parts {
		l.seconds("#EXT-X-PART:DURATION=", span(p.Duration, m.Track.Timescale))
		if p.Independent {
			l.str(",INDEPENDENT=YES")
		}
		l.str(`,URI="`)
		l.part(s.Sequence, i)
		l.str("\"\n")
	}
}

func (l *list) part(sequence uint64, index int) {
	l.uint("part-", sequence)
	l.int("-", int64(index))
	l.uri(".m4s")
}

// edge appends the parts of the segment that is being filled, and the part that will
// come next: of that segment, or the first of the one after it.
func (l *list) edge() {
	if l.v.PartTarget <= 0 {
		return
	}
	n := 0
	if m := l.open(); m != nil {
		s := l.v.Open[len(l.entries)-len(l.v.Segments)]
		l.lead(s, began(s, m), m, false)
		l.parts(s, m)
		n = len(m.Parts)
	}
	l.str(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`)
	l.part(l.entries[len(l.entries)-1].s.Sequence+1, n)
	l.str("\"\n")
}

// reports appends how far every other rendition is, so that a client can change over
// with one request.
func (l *list) reports() {
	layout := layoutOf(l.v)
	if layout == nil {
		return
	}
	for _, t := range layout.Tracks {
		k, name := kindLL, "/index.ll.m3u8"
		if t.Kind == flow.KindText {
			k, name = kindVTT, "/index.vtt.m3u8"
		}
		if t.ID == l.key.id || !suits(k, t) {
			continue
		}
		e := edgeOf(l.v, k, t.ID)
		l.str(`#EXT-X-RENDITION-REPORT:URI="`)
		l.uri("../tracks-", t.ID, name)
		l.uint(`",LAST-MSN=`, e.newest())
		switch {
		case k == kindVTT || l.v.PartTarget <= 0:
		case e.parts > 0:
			l.int(",LAST-PART=", int64(e.parts-1))
		case e.last >= 0:
			l.int(",LAST-PART=", int64(e.last))
		}
		l.str("\n")
	}
}
