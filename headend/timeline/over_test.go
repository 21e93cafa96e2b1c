package timeline

import (
	"fmt"
	"testing"
	"time"
)

// TestBreaksAreKept lets the window pass over breaks: each is told until it has ended,
// and as long as its end is.
func TestBreaksAreKept(t *testing.T) {
	begin := time.Unix(1_000_000, 0).UTC()
	at := func(id string, kind EventKind, minutes int, length time.Duration) *happening {
		return &happening{Event: &Event{ID: id, Kind: kind, UTC: begin.Add(time.Duration(minutes) * time.Minute), Duration: length}}
	}
	e := &events{}
	e.add(at("planned", EventOut, 0, 30*time.Second))
	e.add(at("lost", EventOut, 0, 30*time.Second))
	e.add(at("open", EventOut, 0, 0))
	e.add(at("short", EventOut, 0, 30*time.Minute))
	e.add(at("short", EventIn, 1, 0))
	e.add(at("sign", EventOther, 0, 0))
	told := func(minutes int) (out []string) {
		v := &View{Segments: []*Segment{{Start: begin.Add(time.Duration(minutes)*time.Minute - time.Second)}}}
		for _, x := range e.list(v) {
			out = append(out, fmt.Sprint(x.ID, x.Kind))
		}
		return out
	}
	for _, x := range []struct {
		minutes int
		want    string
	}{
		{0, "[planned1 lost1 open1 short1 sign0 short2]"},
		{1, "[planned1 lost1 open1 short1 short2]"},
		{2, "[planned1 lost1 open1]"},
		{9, "[planned1 lost1 open1 planned2]"},
		{10, "[planned1 lost1 open1 planned2]"},
		{11, "[open1]"},
		{60, "[open1 open2]"},
		{61, "[open1 open2]"},
		{62, "[]"},
	} {
		switch x.minutes {
		case 9:
			e.add(at("planned", EventIn, 10, 0))
		case 60:
			e.add(at("open", EventIn, 61, 0))
		}
		if got := fmt.Sprint(told(x.minutes)); got != x.want {
			t.Errorf("after %d minutes: %s, expected %s", x.minutes, got, x.want)
		}
	}
}

// TestBreaksOutlive adds more events than are kept: a break that goes on stays.
func TestBreaksOutlive(t *testing.T) {
	e := &events{}
	add := func(id string, kind EventKind, s int) {
		e.add(&happening{Event: &Event{ID: id, Kind: kind, UTC: time.Unix(int64(s), 0)}})
	}
	add("break", EventOut, 0)
	for i := range 2 * maxEvents {
		add(fmt.Sprint(i), EventOther, i+1)
	}
	if len(e.all) != maxEvents || e.all[0].ID != "break" {
		t.Errorf("%d kept, first %s", len(e.all), e.all[0].ID)
	}
	for i := range 2 * maxEvents {
		add(fmt.Sprint("b", i), EventOut, 10_000+i)
	}
	if len(e.all) != maxEvents {
		t.Errorf("%d kept", len(e.all))
	}
}
