package timeline

import (
	"slices"
	"time"

	"sigma/headend/timeline/preamble"
	"sigma/mux/flow"
)

// draft is a segment in the making: its packets come from the cutter, its tracks from
// the reel.
type draft struct {
	segment Segment       // all but TS, Media and Events
	name    time.Duration // the time its name tells
	second  int64         // of its name, once it is placed
	order   int           // one more than the draft before it
	start   flow.Ticks
	due     flow.Ticks // the boundary: the first random access point from here on begins the next

	ts      Packets
	waits   map[uint16]int    // tail: PES packets that are not whole
	lacks   bool              // PAT and PMT must be put in front once they are known
	counts  preamble.Counters // of PAT and PMT where it begins
	longest time.Duration     // that a segment may need, as known when it ended

	bound     bound  // where its frames begin
	next      *draft // goes on where this ends; nil while it is filled, and at a break
	ended     bool   // Duration is known
	packets   bool   // TS is set
	closed    bool   // no frame comes any more
	placed    bool   // has its numbers
	saveError error  // of its place
	media     []*Media
	texts     []*text // whose cues are in media from textsAt on
	textsAt   int
	base      bool // the time base begins with it
	fresh     bool // a period begins with it
}

// bound is where the frames of a segment begin: the stamps of the first frame of the
// leading track, unwrapped as in the stream.
type bound struct {
	pts, dts flow.Ticks
	known    bool
}

// use gives the draft the tracks of now.
func (d *draft) use(r *reel) {
	l := r.tracks
	d.segment.Layout = l
	d.texts, d.textsAt = slices.Clone(r.texts.list), len(r.lanes)
	d.media = make([]*Media, len(l.Tracks))
	for i, t := range l.Tracks {
		d.media[i] = &Media{Track: t}
		if t.Init == nil && t.Kind != flow.KindText {
			d.media[i].Done, d.media[i].Gap = true, true
		}
	}
}

// snapshot returns the segment as it is now.
func (d *draft) snapshot(r *reel, done bool) *Segment {
	s := d.segment
	s.Done = done
	if d.ended {
		s.Name = FormatName(time.Unix(d.second, 0), s.Duration)
	}
	if s.Layout == nil {
		s.Layout = &Layout{}
	}
	s.Media = make([]*Media, len(d.media))
	for i, m := range d.media {
		c := *m
		c.Parts = c.Parts[:len(c.Parts):len(c.Parts)]
		s.Media[i] = &c
	}
	if r != nil {
		r.texts.fill(d, s.Media, r.shift, done)
		s.Events = r.events.during(d, r.shift)
	}
	return &s
}

// advance shows what is new: segments that are whole, and parts of the others.
func (t *Timeline) advance() {
	r := t.cutter.reel
	v := t.View()
	old := v
	for len(t.drafts) > 0 {
		d := t.drafts[0]
		if !d.packets || !d.closed && r != nil && !r.passed(d) {
			break
		}
		t.drafts = slices.Delete(t.drafts, 0, 1)
		v = t.publish(v, d)
		if r != nil {
			r.leave(d)
		}
	}
	if v == old && !t.dirty {
		return
	}
	if v == old {
		c := *old
		c.changed = make(chan struct{})
		v = &c
	}
	t.dirty = false
	v.Open = nil
	for _, d := range t.drafts {
		if d.placed {
			v.Open = append(v.Open, d.snapshot(r, false))
		}
	}
	v.PartTarget = t.partTarget()
	if r != nil {
		v.Events = r.events.list(v)
	}
	t.view.Store(v)
	close(old.changed)
}

// place gives d its numbers behind the last entry, and remembers them before anybody
// sees them.
func (t *Timeline) place(d *draft) {
	for _, o := range t.drafts {
		if o.placed {
			continue
		}
		o.placed = true
		s := &o.segment
		o.second, s.Sequence, s.Breaks = t.record.place(o.name, s, t.SegmentDuration)
		o.saveError = t.save()
		t.dirty = true
		if o == d {
			break
		}
	}
}

// publish adds d, which is whole, to v.
func (t *Timeline) publish(v *View, d *draft) *View {
	t.place(d)
	s := d.snapshot(t.cutter.reel, true)
	r := &t.record
	if r.TargetDuration == 0 {
		r.TargetDuration = int(min(ceilSeconds(max(d.longest, s.Duration.Round(time.Second))), ceilSeconds(maxTargets*t.SegmentDuration)))
		d.saveError = t.save()
	}
	counters := v.Counters
	counters.Segments++
	counters.Unclocked = t.cutter.unclocked
	if s.Discontinuity {
		counters.Breaks++
	}
	if !s.Independent {
		counters.Forced++
	}
	if d.saveError != nil {
		counters.SaveErrors++
		counters.LastError = d.saveError.Error()
	}
	maxBytes := t.MaxBytes
	if maxBytes == 0 {
		maxBytes = defaultMaxBytes
	}
	next := v.next(s, t.SegmentCount, maxBytes)
	next.TargetDuration, next.Counters = r.TargetDuration, counters
	return next
}
