package timeline

import (
	"cmp"
	"slices"
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

const (
	// spliceSlack is how far a frame may be before a splice point and still be the one
	// it means: encoders round to their frames.
	spliceSlack = flow.TicksPerSecond / 100
	// maxEvents bounds the events that are kept.
	maxEvents = 256
	// maxOverrun is how long a break may last beyond its planned length before its end
	// counts as lost.
	maxOverrun = 10 * time.Minute
	// maxBreak is how long a break may last whose length is not planned.
	maxBreak = 24 * time.Hour
)

// happening is an event with what it takes to cut there.
type happening struct {
	*Event
	pts       flow.Ticks // stream time
	waits     bool       // no segment begins there yet
	immediate bool       // pts is not known: it is that of the next random access point
	announced int        // order of the segment that was being filled
}

// events are the splice cues of a channel.
type events struct {
	all   []*happening
	order int  // of the newest segment
	ready bool // media time is known
}

// reset forgets what was to come on a time base that has ended.
func (e *events) reset() {
	e.all = slices.DeleteFunc(e.all, func(h *happening) bool { return h.waits })
	for _, h := range e.all {
		h.announced = 0
	}
	e.ready = false
}

// take takes a splice_info_section. Cues come again and again until they take effect:
// only what is new counts.
func (e *events) take(s psi.Section, clock, shift flow.Ticks, p *Period) {
	if !e.ready {
		return
	}
	for _, c := range readSplice(s) {
		if c.cancel {
			e.all = slices.DeleteFunc(e.all, func(h *happening) bool { return h.ID == c.id && h.waits })
			continue
		}
		if !c.immediate && !c.timed {
			continue
		}
		h := &happening{Event: &Event{ID: c.id, Kind: c.kind, Duration: c.duration, Section: s.Clone()}, immediate: c.immediate, announced: e.order}
		h.waits = c.kind != EventOther
		h.pts = clock
		if !c.immediate {
			h.pts = ts.UnwrapPTS(c.pts, clock)
		}
		if c.kind == EventOther && c.immediate {
			h.immediate = false
		}
		h.at(h.pts, shift, p)
		if e.add(h) && c.returns && c.duration > 0 {
			e.add(e.back(h, shift, p))
		}
	}
}

// back returns the end of a break that ends by itself.
func (e *events) back(h *happening, shift flow.Ticks, p *Period) *happening {
	b := &happening{
		Event: &Event{ID: h.ID, Kind: EventIn}, pts: h.pts + flow.FromDuration(h.Duration),
		waits: true, announced: e.order,
	}
	b.at(b.pts, shift, p)
	return b
}

// at makes the event one that takes effect at a stream time.
func (h *happening) at(pts, shift flow.Ticks, p *Period) {
	x := *h.Event
	h.pts = pts
	x.Time = pts + shift
	x.UTC = p.UTC(x.Time)
	h.Event = &x
}

// add keeps an event unless it is known, and takes the place of one that said less or
// something else of the same.
func (e *events) add(h *happening) bool {
	for i, o := range e.all {
		if o.ID != h.ID || o.Kind != h.Kind {
			continue
		}
		if o.immediate && h.immediate || o.Time == h.Time && (o.Duration == h.Duration || h.Duration == 0) {
			return false
		}
		if h.immediate && h.pts-o.pts < 10*flow.TicksPerSecond {
			return false // the same again, after it took effect
		}
		if o.waits || o.Time == h.Time {
			h.waits = h.waits && o.waits
			h.announced = o.announced
			e.all[i] = h
			return true
		}
	}
	if len(e.all) >= maxEvents { // the oldest goes, but a break only if all are breaks
		i := slices.IndexFunc(e.all, func(o *happening) bool { return o.Kind != EventOut || e.end(o) != nil })
		e.all = slices.Delete(e.all, max(i, 0), max(i, 0)+1)
	}
	e.all = append(e.all, h)
	slices.SortStableFunc(e.all, func(a, b *happening) int { return cmp.Compare(a.UTC.UnixNano(), b.UTC.UnixNano()) })
	return true
}

// due reports whether a segment is to begin at a random access point.
func (e *events) due(b bound) bool {
	return b.known && slices.ContainsFunc(e.all, func(h *happening) bool {
		return h.waits && (h.immediate || h.pts <= b.pts+spliceSlack)
	})
}

// begin takes a segment that begins.
func (e *events) begin(d *draft, shift flow.Ticks, p *Period) {
	e.ready, e.order = true, d.order
	if !d.segment.Independent {
		return
	}
	for _, h := range e.all {
		switch {
		case !h.waits:
		case h.immediate:
			h.immediate, h.waits = false, false
			h.at(d.bound.pts, shift, p)
			for _, b := range e.all { // its end was counted from where it was announced
				if b.ID == h.ID && b.Kind == EventIn && h.Kind == EventOut && b.Section == nil {
					b.at(h.pts+flow.FromDuration(h.Duration), shift, p)
				}
			}
		case h.pts <= d.bound.pts+spliceSlack:
			h.waits = false
		}
	}
}

// during returns the events of a segment.
func (e *events) during(d *draft, shift flow.Ticks) (out []*Event) {
	for _, h := range e.all {
		in := d.bound.known && h.Time+spliceSlack >= d.bound.pts+shift &&
			(d.next == nil || !d.next.bound.known || h.Time+spliceSlack < d.next.bound.pts+shift)
		if in && !h.waits || h.announced == d.order {
			out = append(out, h.Event)
		}
	}
	return out
}

// list returns the events of the window of v and those to come, and forgets the others.
func (e *events) list(v *View) (out []*Event) {
	var oldest time.Time
	for _, part := range [][]*Segment{v.Segments, v.Late} {
		if len(part) > 0 {
			oldest = part[0].Start
		}
	}
	kept := make([]*happening, 0, len(e.all))
	for _, h := range e.all {
		if h.waits || !e.over(h).Before(oldest) {
			kept = append(kept, h)
			out = append(out, h.Event)
		}
	}
	e.all = kept
	return out
}

// over returns when nobody needs to know of an event any more: of a break, when it has
// ended. Its end says nothing without it.
func (e *events) over(h *happening) time.Time {
	if h.Kind != EventOut {
		return h.UTC.Add(h.Duration)
	}
	if in := e.end(h); in != nil {
		return in.UTC
	}
	if h.Duration == 0 {
		return h.UTC.Add(maxBreak)
	}
	return h.UTC.Add(h.Duration + maxOverrun)
}

// end returns the event that ends a break, nil while it is not known.
func (e *events) end(out *happening) *happening {
	for _, o := range e.all {
		if o.Kind == EventIn && o.ID == out.ID && o.UTC.After(out.UTC) {
			return o
		}
	}
	return nil
}
