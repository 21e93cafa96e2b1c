package reply_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
)

func request(method string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestBodyCodings(t *testing.T) {
	text := strings.Repeat("#EXTINF:2.000,\n2026/11/22/08/06/37-05000.ts\n", 40)
	b := reply.NewBody([]byte(text), "text/x", "public, max-age=1")
	tags := map[string]bool{}
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "br": "br", "gzip, deflate, br": "br", "br;q=0.5, GZIP": "gzip", "br;q=0, gzip;q=0.1": "gzip",
		"*": "gzip", "gzip;q=0": "", "identity, *;q=0": "", "gzip;q=0, *": "", "x-gzip": "gzip", "zstd": "", ",,;;=": "", "gzip;q=nonsense": "gzip",
		"br; q=0.000, *;q=1": "gzip",
	} {
		w := httptest.NewRecorder()
		n := b.Serve(w, request("GET", "Accept-Encoding", accept))
		got := w.Header().Get("Content-Encoding")
		if got != want || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) || n != int64(w.Body.Len()) {
			t.Errorf("%q: %q, want %q; %v", accept, got, want, w.Header())
			continue
		}
		tags[w.Header().Get("ETag")] = true
		var rd io.Reader = w.Body
		switch got {
		case "gzip":
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			rd = z
		case "br":
			rd = brotli.NewReader(w.Body)
		}
		if plain, err := io.ReadAll(rd); err != nil || string(plain) != text {
			t.Errorf("%q: %v", accept, err)
		}
	}
	if len(tags) != 3 {
		t.Errorf("entity tags %v", tags)
	}
	for tag := range tags {
		w := httptest.NewRecorder()
		if b.Serve(w, request("GET", "If-None-Match", `"x", W/`+tag)); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", tag, w.Code, w.Header())
		}
	}
	for _, no := range []string{`"x"`, "", `"`, `x`, strings.Trim(w0(b), `"`)} {
		w := httptest.NewRecorder()
		if b.Serve(w, request("GET", "If-None-Match", no)); w.Code != 200 {
			t.Errorf("%s: %d", no, w.Code)
		}
	}
}

func w0(b *reply.Body) string {
	w := httptest.NewRecorder()
	b.Serve(w, request("HEAD"))
	return w.Header().Get("ETag")
}

func TestMarks(t *testing.T) {
	b := reply.NewBody([]byte("a.ts\nb.ts\n"), "", "")
	b.SetMarks([]int{4, 9})
	if got := string(b.With("?t=1")); got != "a.ts?t=1\nb.ts?t=1\n" {
		t.Errorf("%q", got)
	}
}

// source gives each caller the view that is set.
type source struct{ v atomic.Pointer[timeline.View] }

func (s *source) View() *timeline.View { return s.v.Load() }

func TestCellRendersOncePerVersion(t *testing.T) {
	var s source
	var c reply.Cell
	var rendered atomic.Int32
	render := func(v *timeline.View) *reply.Body {
		rendered.Add(1)
		return reply.NewBody(fmt.Append(nil, v.TargetDuration), "", "")
	}
	for i := range 3 {
		v := *new(timeline.Timeline).View()
		v.TargetDuration = i
		s.v.Store(&v)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := string(c.Get(&s, render).Text()); got != fmt.Sprint(i) {
					t.Errorf("version %s of %d", got, i)
				}
			})
		}
		wg.Wait()
	}
	if n := rendered.Load(); n != 3 {
		t.Errorf("rendered %d times", n)
	}
	s.v.Store(&timeline.View{TargetDuration: 7})
	c.Get(&s, render)
	s.v.Store(&timeline.View{TargetDuration: 8})
	if got := string(c.Get(&s, render).Text()); got != "8" {
		t.Errorf("a view without Changed was kept: %s", got)
	}
}

func TestMedia(t *testing.T) {
	m := reply.Media{Type: "video/mp4", Cache: reply.SegmentCache, ETag: `"1"`, Modified: time.Unix(1e9, 0), Data: [][]byte{[]byte("abc"), nil, []byte("defg")}}
	for _, c := range []struct {
		method, header, value string
		status                int
		body                  string
	}{
		{"GET", "X", "", 200, "abcdefg"},
		{"GET", "Range", "bytes=2-4", 206, "cde"},
		{"GET", "Range", "bytes=-2", 206, "fg"},
		{"GET", "Range", "bytes=7-", 416, "invalid range: failed to overlap\n"},
		{"GET", "Range", "bytes=18446744073709551615-18446744073709551616", 416, "invalid range\n"},
		{"GET", "If-None-Match", `"1"`, 304, ""},
		{"GET", "If-None-Match", `"2"`, 200, "abcdefg"},
		{"HEAD", "X", "", 200, ""},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := m.Serve(w, r); c.status < 300 && n != int64(len(c.body)) {
				t.Errorf("%+v: %d bytes", c, n)
			}
		}))
		r, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(c.header, c.value)
		a, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		a.Body.Close()
		srv.Close()
		if a.StatusCode != c.status || string(body) != c.body || (c.method == "HEAD" && a.ContentLength != 7) {
			t.Errorf("%+v: %d %q %d", c, a.StatusCode, body, a.ContentLength)
		}
	}
}

func TestBegin(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 204, "POST": 405, "BREW": 405} {
		w := httptest.NewRecorder()
		if ok := reply.Begin(w, request(method)); ok != (want == 200) || w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v %d", method, ok, w.Code)
		}
	}
}

// TestSlowClient holds that a client that reads nothing does not keep the handler for
// ever: the deadline is set, and taken away again.
func TestSlowClient(t *testing.T) {
	w := &deadlines{ResponseWriter: httptest.NewRecorder()}
	reply.Send(w, bytes.Repeat([]byte{1}, 640<<10))
	if len(w.set) != 2 || time.Until(w.set[0]).Round(time.Second) != 20*time.Second || !w.set[1].IsZero() {
		t.Errorf("deadlines %v", w.set)
	}
}

type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func (d discard) SetWriteDeadline(time.Time) error { return nil }

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	b := reply.NewBody(make([]byte, 2000), "text/x", "public, max-age=1")
	r := request("GET", "Accept-Encoding", "gzip, deflate, br", "If-None-Match", `"nothing"`)
	var w http.ResponseWriter = discard{http.Header{}}
	if n := testing.AllocsPerRun(100, func() {
		if reply.Begin(w, r) {
			b.Serve(w, r)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip, br;q=0.5", "*;q=0", ";;q", "br;q=1e309"} {
		f.Add(s, s)
	}
	b := reply.NewBody([]byte("text"), "text/x", "")
	f.Fuzz(func(t *testing.T, accept, match string) {
		r := request("GET")
		r.Header["Accept-Encoding"], r.Header["If-None-Match"] = []string{accept}, []string{match}
		w := httptest.NewRecorder()
		if b.Serve(w, r); w.Code != 200 && w.Code != 304 {
			t.Errorf("%d", w.Code)
		}
	})
}
