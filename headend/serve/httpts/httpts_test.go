package httpts_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigma/headend/serve/httpts"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

type viewers struct {
	open, bytes, skips atomic.Int64
	why                atomic.Pointer[string]
	end                atomic.Pointer[func(string)]
}

func (v *viewers) Open(_ *http.Request, _, _ string, end func(string)) (func(bytes, skips int64), func(string), error) {
	v.open.Add(1)
	v.end.Store(&end)
	return func(b, s int64) { v.bytes.Add(b); v.skips.Add(s) }, func(why string) { v.why.Store(&why); v.open.Add(-1) }, nil
}

func serve(t *testing.T, h *httpts.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func offer(ring *flow.Ring[flow.Batch], v httpts.Viewers) *httpts.Handler {
	return &httpts.Handler{Viewers: v, Lookup: func(name string) (*flow.Ring[flow.Batch], context.Context) {
		if name == "tv/news" {
			return ring, context.Background()
		}
		return nil, nil
	}}
}

// until waits for a condition that other goroutines bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestBeginsWhereADecoderCan(t *testing.T) {
	src := timelinetest.Capture(t, 6, 25)
	items := timelinetest.Split(src, 0, 1)
	ring := flow.NewRing[flow.Batch](len(items))
	half := len(items) / 2
	for _, it := range items[:half] {
		ring.Append(it)
	}
	v := &viewers{}
	url := serve(t, offer(ring, v))
	resp, err := http.Get(url + "/tv/news/mpegts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "video/mp2t" || len(resp.TransferEncoding) != 0 || resp.ContentLength != -1 {
		t.Errorf("%d %v %v", resp.StatusCode, resp.Header, resp.TransferEncoding)
	}
	if v.open.Load() != 1 {
		t.Errorf("%d viewers", v.open.Load())
	}
	for _, it := range items[half:] {
		ring.Append(it)
	}
	// Everything from the random access point on arrives, behind PAT and PMT.
	from := half - 1
	for items[from].Marks&flow.RandomAccess == 0 {
		from--
	}
	want := 2 * ts.PacketSize
	for _, it := range items[from:] {
		want += len(it.V.Data)
	}
	got := make([]byte, want)
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[2*ts.PacketSize:], src[len(src)-want+2*ts.PacketSize:]) {
		t.Error("not the source")
	}
	if ts.PID(got) != 0 || ts.PID(got[ts.PacketSize:]) != 0x1000 {
		t.Errorf("begins with PID %d and %d", ts.PID(got), ts.PID(got[ts.PacketSize:]))
	}
	decode(t, got)
	resp.Body.Close()
	ring.Append(items[0])
	until(t, "the viewer is counted out", func() bool { ring.Append(items[0]); return v.open.Load() == 0 })
	if v.bytes.Load() < int64(want) {
		t.Errorf("%d bytes counted", v.bytes.Load())
	}
}

// decode fails the test unless ffmpeg decodes data without a word.
func decode(t *testing.T, data []byte) {
	t.Helper()
	f := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(f, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", f, "-map", "0", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}

// TestSlowViewer checks that who reads nothing is cut off, and holds nothing up.
func TestSlowViewer(t *testing.T) {
	src := timelinetest.Capture(t, 6, 25)
	items := timelinetest.Split(src, 0, 1)
	ring := flow.NewRing[flow.Batch](200)
	v := &viewers{}
	h := offer(ring, v)
	h.Stall = 300 * time.Millisecond
	url := serve(t, h)
	for _, it := range items {
		ring.Append(it)
	}
	resp, err := http.Get(url + "/tv/news/mpegts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	until(t, "the viewer is cut off", func() bool {
		for _, it := range items {
			ring.Append(it)
		}
		return v.open.Load() == 0
	})
	if why := *v.why.Load(); !strings.Contains(why, "took nothing") && !strings.Contains(why, "too slow") {
		t.Errorf("because %q", why)
	}
}

// TestPrepush: what is older than the bound is not begun with, and the operator can send
// a viewer away.
func TestPrepush(t *testing.T) {
	items := timelinetest.Split(timelinetest.Capture(t, 6, 25), 0, 1)
	ring := flow.NewRing[flow.Batch](len(items))
	last := 0
	for i, it := range items {
		if it.Marks.Has(flow.RandomAccess) {
			last = i
		}
	}
	for _, it := range items[:last] {
		ring.Append(it)
	}
	now := items[last-1].Arrived
	for prepush, least := range map[time.Duration]int{10 * time.Second: 2 * ts.PacketSize, 0: 0} {
		v := &viewers{}
		h := offer(ring, v)
		h.Clock, h.Prepush = func() time.Duration { return now + time.Millisecond }, func(string) time.Duration { return prepush }
		h.Wait, h.Idle = time.Minute, time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, serve(t, h)+"/tv/news/mpegts", nil)
		if err != nil {
			t.Fatal(err)
		}
		if least > 0 {
			resp, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, least)); err != nil {
				t.Error(err)
			}
			resp.Body.Close()
		} else {
			go http.DefaultClient.Do(q)
			until(t, "the viewer is there", func() bool { return v.open.Load() == 1 })
			if v.bytes.Load() != 0 {
				t.Errorf("%d bytes of the past", v.bytes.Load())
			}
			(*v.end.Load())("sent away")
			until(t, "the viewer is gone", func() bool { return v.open.Load() == 0 })
			if *v.why.Load() != "sent away" {
				t.Errorf("because %q", *v.why.Load())
			}
		}
		cancel()
	}
}

func TestWithdrawn(t *testing.T) {
	ring := flow.NewRing[flow.Batch](1000)
	for _, it := range timelinetest.Split(timelinetest.Capture(t, 2, 25), 0, 1) {
		ring.Append(it)
	}
	offer, withdraw := context.WithCancel(t.Context())
	v := &viewers{}
	h := &httpts.Handler{Viewers: v, Lookup: func(string) (*flow.Ring[flow.Batch], context.Context) { return ring, offer }}
	resp, err := http.Get(serve(t, h) + "/tv/news/mpegts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	withdraw()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("the answer ends with %v", err)
	}
	until(t, "the viewer is counted out", func() bool { return v.open.Load() == 0 })
}

func TestNoSignal(t *testing.T) {
	h := offer(flow.NewRing[flow.Batch](10), nil)
	h.Wait = 20 * time.Millisecond
	url := serve(t, h)
	resp, err := http.Get(url + "/tv/news/mpegts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestRefusals(t *testing.T) {
	h := offer(flow.NewRing[flow.Batch](10), nil)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/tv/news/mpegts", 200},
		{"OPTIONS", "/tv/news/mpegts", 204},
		{"POST", "/tv/news/mpegts", 405},
		{"GET", "/other/mpegts", 404},
		{"GET", "/tv/news/index.m3u8", 404},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
}

// brief is an answer that must not be touched once the handler has returned.
type brief struct {
	*httptest.ResponseRecorder
	deadlines atomic.Int64
}

func (b *brief) SetWriteDeadline(time.Time) error {
	b.deadlines.Add(1)
	return nil
}

// TestEndAfterTheAnswer: who is sent away just as it leaves has no answer any more.
func TestEndAfterTheAnswer(t *testing.T) {
	v := &viewers{}
	h := offer(flow.NewRing[flow.Batch](10), v)
	h.Wait = time.Millisecond
	w := &brief{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/tv/news/mpegts", nil))
	before := w.deadlines.Load()
	(*v.end.Load())("sent away")
	if w.deadlines.Load() != before {
		t.Error("the answer was touched after its end")
	}
}
