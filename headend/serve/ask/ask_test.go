package ask_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

func none(string, string) string { return "" }

func TestParseQuery(t *testing.T) {
	for raw, want := range map[string]ask.Query{
		"":                               {},
		"filter=tracks%3Av1a1&x=y":       {Tracks: "v1a1"},
		"filter.tracks=a2&token=a.b%22c": {Tracks: "a2", Token: "token=a.b%22c"},
		"token=&token=x&token=y":         {Token: "token=x"},
	} {
		if q, problem := ask.ParseQuery(raw, none); q != want || problem != "" {
			t.Errorf("%s: %+v, %s", raw, q, problem)
		}
	}
	for _, raw := range []string{"filter=v1", "filter.tracks=x", "filter.tracks=%zz", "token=<", "token=" + strings.Repeat("x", 1025), strings.Repeat("&", 4097)} {
		if q, problem := ask.ParseQuery(raw, none); q != (ask.Query{}) || problem == "" {
			t.Errorf("%.40s: %+v", raw, q)
		}
	}
	q, problem := ask.ParseQuery("a=1&b", func(name, value string) string { return name + value })
	if problem != "a1" || q != (ask.Query{}) {
		t.Errorf("%+v, %s", q, problem)
	}
}

func TestParseQueryAllocates(t *testing.T) {
	n := 0
	more := func(string, string) string { n++; return "" }
	if got := testing.AllocsPerRun(100, func() { ask.ParseQuery("filter=tracks:v1a1&token=abc&x=y", more) }); got > 0 || n == 0 {
		t.Errorf("%v allocations, %d others", got, n)
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"filter=tracks%3Av1a1&token=x", "filter.tracks=v1v2a1t1", "token=%22%0A", "&&=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, problem := ask.ParseQuery(raw, none)
		switch {
		case problem != "":
			if q != (ask.Query{}) {
				t.Errorf("%+v with %s", q, problem)
			}
		case len(q.Tracks) > 96, len(q.Token) > 1024+len("token="):
			t.Errorf("%+v", q)
		case strings.ContainsAny(q.Token, "\"\n\r #&<>"):
			t.Errorf("token %q", q.Token)
		}
	})
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shelf timeline.Shelf
		var p ask.Patience
		began := time.Now()
		late := p.After(8 * time.Second)
		if p.After(8*time.Second) != late {
			t.Error("two timers for one limit")
		}
		go func() {
			time.Sleep(time.Second)
			shelf.Show(timeline.View{Segments: []*timeline.Segment{{}}})
		}()
		if !ask.Until(t.Context(), &shelf, late, ask.Begun) || time.Since(began) != time.Second {
			t.Errorf("after %v", time.Since(began))
		}
		never := func(*timeline.View) bool { return false }
		if ask.Until(t.Context(), &shelf, late, never) || time.Since(began) != 8*time.Second {
			t.Errorf("after %v", time.Since(began))
		}
		if p.After(8*time.Second) == late {
			t.Error("a limit that has passed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if ask.Until(ctx, &shelf, p.After(8*time.Second), never) {
			t.Error("ready without a client")
		}
	})
}

func TestCells(t *testing.T) {
	var c ask.Cells[int, int]
	made := 0
	of := func(k int) int { return *c.Of(k, 3, func() *int { made++; return &k }) }
	for _, k := range []int{1, 2, 3, 1, 2, 3} {
		if of(k) != k {
			t.Errorf("another for %d", k)
		}
	}
	if made != 3 {
		t.Errorf("made %d", made)
	}
	if of(4); of(1) != 1 || made != 5 {
		t.Errorf("made %d after all were forgotten", made)
	}
}

func TestBegin(t *testing.T) {
	type channel struct{}
	known := func(name string) *channel {
		if name == "a/b" {
			return &channel{}
		}
		return nil
	}
	for _, c := range []struct {
		method, path string
		status       int // 0: still to be answered
	}{{"GET", "/a/b/index.mpd", 0}, {"HEAD", "/a/b/index.mpd", 0}, {"GET", "/a/index.mpd", 404}, {"GET", "/a/b/x", 404}, {"OPTIONS", "/a/b/index.mpd", 204}, {"PUT", "/a/b/index.mpd", 405}} {
		w := httptest.NewRecorder()
		q, got := ask.Begin(w, httptest.NewRequest(c.method, c.path, nil), known)
		if (got != nil) != (c.status == 0) || c.status != 0 && w.Code != c.status || c.status == 0 && q.Route.Channel != "a/b" {
			t.Errorf("%s %s: %d, %v", c.method, c.path, w.Code, got)
		}
	}
}

func TestMissing(t *testing.T) {
	l := &timeline.Layout{Tracks: []*timeline.Track{{ID: "v1", Kind: flow.KindVideo, Problem: "old"}, {ID: "a1"}, {ID: "v12", Problem: "new"}}}
	for selector, want := range map[string]string{"": "none; v1: old; v12: new", "v12": "none; v12: new", "a1": "none"} {
		if got := ask.Missing("none", l, selector, ask.Problem); got != want {
			t.Errorf("%s: %s", selector, got)
		}
	}
	if got := ask.Missing("none", nil, "", ask.Problem); got != "none" {
		t.Error(got)
	}
}
