package hls

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"sigma/headend/timeline"
)

// breaks are the splice cues of a media playlist.
type breaks struct {
	form    CueForm
	v       *timeline.View
	entries []entry
	next    int // of v.Events, for date ranges
	outs    []out
}

// out is a break of the programme on the entries of a playlist.
type out struct {
	e     *timeline.Event
	first int // entry it begins with; -1 before the list
	in    int // entry the programme comes back with; past the list when it has not
}

func newBreaks(form CueForm, v *timeline.View, entries []entry) breaks {
	b := breaks{form: form, v: v, entries: entries}
	if form&CueTags == 0 {
		return b
	}
	for i, e := range v.Events {
		if e.Kind != timeline.EventOut || repeated(v.Events, i) {
			continue
		}
		o := out{e: e, first: b.entry(e.UTC), in: len(entries)}
		if in := returning(v.Events, e); in != nil {
			o.in = b.entry(in.UTC)
		} else if e.Duration > 0 {
			o.in = b.entry(e.UTC.Add(e.Duration)) // it comes back by itself
		}
		if o.first < len(entries) && o.in >= 0 && o.in > o.first {
			b.outs = append(b.outs, o)
		}
	}
	return b
}

// entry returns the entry whose begin is nearest to a moment: -1 when that is before
// the list, its length when it is behind.
func (b *breaks) entry(at time.Time) int {
	for i, e := range b.entries {
		if i == 0 && at.Before(e.at.Add(-e.duration/2)) {
			return -1
		}
		if e.at.Add(e.duration / 2).After(at) {
			return i
		}
	}
	return len(b.entries)
}

// repeated reports whether a later event says the same and more.
func repeated(events []*timeline.Event, i int) bool {
	for _, o := range events[i+1:] {
		if o.ID == events[i].ID && o.Kind == events[i].Kind && o.UTC.Equal(events[i].UTC) {
			return true
		}
	}
	return false
}

// returning returns the event that ends a break, nil when it is not known.
func returning(events []*timeline.Event, o *timeline.Event) *timeline.Event {
	for _, e := range events {
		if e.Kind == timeline.EventIn && e.ID == o.ID && e.UTC.After(o.UTC) {
			return e
		}
	}
	return nil
}

// leaving returns the event that began the break that in ends, nil when it is not
// known.
func leaving(events []*timeline.Event, in *timeline.Event) (o *timeline.Event) {
	for _, e := range events {
		if e.Kind == timeline.EventOut && e.ID == in.ID && e.UTC.Before(in.UTC) {
			o = e
		}
	}
	return o
}

// before appends the tags that belong before entry i: the date ranges that begin
// before its end, and its place in a break.
func (b *breaks) before(t *text, i int) {
	if b.form == CueNone {
		return
	}
	e := b.entries[i]
	b.ranges(t, e.at.Add(e.duration))
	for _, o := range b.outs {
		switch {
		case o.first == i:
			t.str("#EXT-X-CUE-OUT")
			if o.e.Duration > 0 {
				t.seconds(":", o.e.Duration)
			}
			t.str("\n")
		case o.in == i:
			t.str("#EXT-X-CUE-IN\n")
		case o.first < i && i < o.in:
			t.seconds("#EXT-X-CUE-OUT-CONT:ElapsedTime=", e.at.Sub(o.e.UTC))
			if o.e.Duration > 0 {
				t.seconds(",Duration=", o.e.Duration)
			}
			t.str("\n")
		}
	}
}

// rest appends the date ranges that begin behind the list.
func (b *breaks) rest(t *text) { b.ranges(t, time.Unix(1<<40, 0)) }

func (b *breaks) ranges(t *text, until time.Time) {
	if b.form&CueDateRange == 0 {
		return
	}
	for ; b.next < len(b.v.Events) && b.v.Events[b.next].UTC.Before(until); b.next++ {
		if !repeated(b.v.Events, b.next) {
			dateRange(t, b.v.Events, b.v.Events[b.next])
		}
	}
}

// dateRange appends EXT-X-DATERANGE (RFC 8216 clauses 4.3.2.7 and 4.3.2.7.1). The end
// of a break repeats the ID and the date of its begin and adds how long it was: a
// client merges them, and drops a range of which an attribute changes.
func dateRange(t *text, events []*timeline.Event, e *timeline.Event) {
	id, start, attribute := "splice-", e.UTC, ",SCTE35-CMD=0x"
	length, planned := time.Duration(-1), e.Duration
	switch e.Kind {
	case timeline.EventOut:
		attribute = ",SCTE35-OUT=0x"
	case timeline.EventIn:
		attribute, planned = ",SCTE35-IN=0x", 0
		if o := leaving(events, e); o != nil {
			start, length = o.UTC, e.UTC.Sub(o.UTC)
		} else {
			id += "in-" // what it ends is not known any more
		}
	case timeline.EventOther:
		id += "cmd-"
	}
	t.quoted("#EXT-X-DATERANGE:ID=", id+e.ID+"-"+strconv.FormatInt(start.UnixMilli(), 36))
	t.date(`,START-DATE="`, start)
	t.str(`"`)
	if length >= 0 {
		t.seconds(",DURATION=", length)
	}
	if planned > 0 {
		t.seconds(",PLANNED-DURATION=", planned)
	}
	if len(e.Section) > 0 {
		t.str(attribute, strings.ToUpper(hex.EncodeToString(e.Section)))
	}
	t.str("\n")
}
