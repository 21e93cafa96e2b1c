package mss_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/headend/serve/mss"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// offer serves a source as channel tv/news.
func offer(s mss.Source) *mss.Handler {
	c := &mss.Channel{Source: s}
	return &mss.Handler{Wait: 3 * time.Second, Lookup: func(name string) *mss.Channel {
		if name == "tv/news" {
			return c
		}
		return nil
	}}
}

func get(t testing.TB, h http.Handler, method, url string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tick makes a cue of every picture that is a random access point: its number in
// milliseconds of media time, shown for a second and a half.
type tick struct{}

func (tick) Push(f flow.Item[flow.Frame], emit func(timeline.Cue)) {
	if f.Marks.Has(flow.RandomAccess) {
		emit(timeline.Cue{Start: f.V.PTS, End: f.V.PTS + flow.TicksPerSecond*3/2, Text: fmt.Sprintf("<b>%d</b>\n&amp;", f.V.PTS/flow.TicksPer90k)})
	}
}

// ticking gives a programme subtitles.
func ticking(l *flow.Layout, _ map[flow.TrackID]*es.Format) []timeline.Text {
	for _, t := range l.Tracks {
		if t.Kind == flow.KindVideo {
			return []timeline.Text{{From: t.ID, Language: "vie", Decoder: tick{}}}
		}
	}
	return nil
}

// npm returns the folder of an npm package of an exact version.
func npm(t *testing.T, name, version string) string {
	t.Helper()
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s for %s", tool, name)
		}
	}
	dir, err := filepath.Abs(filepath.Join("../../../.cache/npm", name+"-"+version))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, name+"@"+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install %s: %v\n%s", name, err, out)
	}
	return dir
}

// live is a timeline that items run through as time goes by, 16 s of them at once. A
// while after the first fragment was asked for the source breaks, and next comes.
type live struct {
	*timeline.Timeline
	asked chan struct{}
	once  sync.Once
	stop  func() // to be called before the test ends, while its context lasts
}

// breakAfter is how long a player has to begin before the break.
const breakAfter = 9 * time.Second

func (l *live) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/Fragments(") {
			l.once.Do(func() { close(l.asked) })
		}
		h.ServeHTTP(w, r)
	})
}

func run(t *testing.T, items, next []flow.Item[flow.Batch]) *live {
	t.Helper()
	const lead = 16 * time.Second
	began := time.Now().Add(-lead)
	l := &live{Timeline: timelinetest.New(timelinetest.Options{Texts: ticking, SegmentCount: 10}), asked: make(chan struct{})}
	l.UTC = func(mono time.Duration) time.Time { return began.Add(mono) }
	push, stop := timelinetest.Start(t, l.Timeline, 1<<16)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		var until <-chan time.Time
		asked := l.asked
		for len(items) > 0 {
			now := time.Since(began)
			n := 0
			for n < len(items) && items[n].Arrived <= now {
				n++
			}
			push(items[:n])
			items = items[n:]
			select {
			case <-ctx.Done():
				return
			case <-asked:
				asked, until = nil, time.After(breakAfter)
			case <-until:
				if until = nil; len(next) > 0 {
					items = later(next, time.Since(began)+500*time.Millisecond)
				}
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	l.stop = func() {
		cancel()
		<-done
		stop()
	}
	return l
}

// later moves items to another time and time base.
func later(items []flow.Item[flow.Batch], at time.Duration) []flow.Item[flow.Batch] {
	out := slices.Clone(items)
	for i := range out {
		out[i].Arrived += at
		out[i].Epoch += 1000
	}
	out[0].Marks |= flow.Discontinuity
	return out
}
