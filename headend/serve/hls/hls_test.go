package hls_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
)

type seen struct {
	mu    sync.Mutex
	bytes map[string]int64
}

func (s *seen) Seen(channel, protocol, address, _ string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes == nil {
		s.bytes = map[string]int64{}
	}
	s.bytes[channel+" "+protocol+" "+address] += n
}

func newTimeline() *timeline.Timeline {
	return &timeline.Timeline{Name: "tv/news", SegmentDuration: 2 * time.Second, SegmentCount: 6, UTC: timelinetest.UTC}
}

// offer returns a handler with one channel.
func offer(s hls.Source, v viewers) *hls.Handler {
	c := &hls.Channel{Source: s}
	return &hls.Handler{Viewers: v, Wait: 3 * time.Second, Lookup: func(name string) *hls.Channel {
		if name == "tv/news" {
			return c
		}
		return nil
	}}
}

// onAir returns a channel with a full window and one discontinuity.
func onAir(t testing.TB) *timeline.Timeline {
	t.Helper()
	tl := newTimeline()
	src := timelinetest.Capture(t, 9, 25)
	timelinetest.Feed(t, tl, append(timelinetest.Split(src, 0, 1), timelinetest.Split(src, 12*time.Second, 2)...))
	return tl
}

func get(t testing.TB, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFFmpegPlays(t *testing.T) {
	tl := onAir(t)
	srv := httptest.NewServer(offer(tl, nil))
	defer srv.Close()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", srv.URL+"/tv/news/index.m3u8").CombinedOutput()
	if err != nil || strings.Count(string(out), "aac") < 2 || !strings.Contains(string(out), "h264") {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}
	// The picture of the whole window is decoded, over the discontinuity too, without
	// a word. (Where audio overlaps at the cut, ffmpeg complains of its own clock.)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-live_start_index", "0", "-i", srv.URL+"/tv/news/index.ts.m3u8",
		"-map", "0:v", "-frames:v", "250", "-f", "null", "-")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}

func TestMediaPlaylist(t *testing.T) {
	tl := onAir(t)
	h := offer(tl, nil)
	r := get(t, h, "GET", "/tv/news/mono.m3u8")
	body := text(t, r)
	v := tl.View()
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" ||
		r.Header.Get("Content-Length") != strconv.Itoa(len(body)) || r.Header.Get("Cache-Control") != "public, max-age=1" ||
		r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	for _, want := range []string{
		"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n",
		fmt.Sprintf("\n#EXT-X-MEDIA-SEQUENCE:%d\n", v.Segments[0].Sequence),
		"\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n", "\n#EXT-X-INDEPENDENT-SEGMENTS\n", "\n#EXT-X-DISCONTINUITY\n",
	} {
		if strings.Count(body, want) != 1 {
			t.Errorf("%q is not in it once:\n%s", want, body)
		}
	}
	if n := strings.Count(body, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T08:06:"); n != len(v.Segments) {
		t.Errorf("%d dates", n)
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if r := get(t, h, "GET", "/tv/news/"+strings.TrimSpace(line)); r.StatusCode != 200 || r.Header.Get("Content-Type") != "video/mp2t" {
			t.Errorf("%s: %d", line, r.StatusCode)
		}
	}
}

// TestDiscontinuitySequence checks RFC 8216 clause 6.2.2: it rises by one when the
// segment with the tag leaves the list.
func TestDiscontinuitySequence(t *testing.T) {
	tl := newTimeline()
	tl.SegmentCount = 3
	src := timelinetest.Capture(t, 21, 25)
	timelinetest.Feed(t, tl, append(timelinetest.Split(src, 0, 1), timelinetest.Split(src, 30*time.Second, 2)...))
	body := text(t, get(t, offer(tl, nil), "GET", "/tv/news/video.m3u8"))
	if !strings.Contains(body, "#EXT-X-DISCONTINUITY-SEQUENCE:1\n") || strings.Contains(body, "#EXT-X-DISCONTINUITY\n") {
		t.Errorf("%s", body)
	}
}

func TestConditionalAndCompressed(t *testing.T) {
	tl := onAir(t)
	h := offer(tl, nil)
	plain := get(t, h, "GET", "/tv/news/mono.m3u8")
	zipped := get(t, h, "GET", "/tv/news/mono.m3u8", "Accept-Encoding", "br;q=0.1, gzip;q=0.8")
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" ||
		zipped.Header.Get("ETag") == plain.Header.Get("ETag") || zipped.Header.Get("Content-Length") != strconv.FormatInt(zipped.ContentLength, 10) {
		t.Errorf("%v", zipped.Header)
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	zipped.Body = io.NopCloser(z)
	if text(t, zipped) != text(t, plain) {
		t.Error("gzip holds another playlist")
	}
	for _, no := range []string{"", "deflate", "gzip;q=0", "identity, *;q=0", "gzip;q=0, *"} {
		if r := get(t, h, "GET", "/tv/news/mono.m3u8", "Accept-Encoding", no); r.Header.Get("Content-Encoding") != "" {
			t.Errorf("compressed for Accept-Encoding %q", no)
		}
	}
	for _, etag := range []string{plain.Header.Get("ETag"), `"x", W/` + zipped.Header.Get("ETag"), "*"} {
		r := get(t, h, "GET", "/tv/news/mono.m3u8", "If-None-Match", etag)
		if r.StatusCode != 304 || text(t, r) != "" {
			t.Errorf("%s: %d", etag, r.StatusCode)
		}
	}
	name := tl.View().Segments[0].Name
	seg := get(t, h, "GET", "/tv/news/"+name+".ts")
	if r := get(t, h, "GET", "/tv/news/"+name+".ts", "If-None-Match", seg.Header.Get("ETag")); r.StatusCode != 304 {
		t.Errorf("segment: %d", r.StatusCode)
	}
}

func TestSegmentRangesAndHead(t *testing.T) {
	tl := onAir(t)
	viewers := &seen{}
	h := offer(tl, viewers)
	s := tl.View().Segments[1]
	path := "/tv/news/" + s.Name + ".ts"
	if body := text(t, get(t, h, "GET", path)); body != string(slices.Concat(s.TS...)) {
		t.Error("other bytes")
	}
	r := get(t, h, "GET", path, "Range", "bytes=188-375")
	if r.StatusCode != 206 || text(t, r) != string(s.TS[0][188:376]) || r.Header.Get("Content-Range") != fmt.Sprintf("bytes 188-375/%d", s.TS.Size()) {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if r := get(t, h, "GET", path, "Range", "bytes=999999999-"); r.StatusCode != 416 {
		t.Errorf("%d", r.StatusCode)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	head, err := http.Head(srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	if head.StatusCode != 200 || head.ContentLength != int64(s.TS.Size()) || head.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%d %v", head.StatusCode, head.Header)
	}
	viewers.mu.Lock()
	defer viewers.mu.Unlock()
	if viewers.bytes["tv/news hls 127.0.0.1"] != 0 || viewers.bytes["tv/news hls 192.0.2.1"] < int64(s.TS.Size()) {
		t.Errorf("%v", viewers.bytes)
	}
}

func TestRefusals(t *testing.T) {
	h := offer(onAir(t), nil)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/other/index.m3u8", 404},
		{"GET", "/tv/news/index.mpd", 404},
		{"GET", "/tv/news/mpegts", 404},
		{"GET", "/tv/news/2026/11/22/08/06/29-02000.ts", 410},
		{"GET", "/tv/news/2030/11/22/08/06/29-02000.ts", 404},
		{"GET", "/tv/news/2030/11/22/08/06/29-0200x.ts", 404},
		{"POST", "/tv/news/index.m3u8", 405},
		{"DELETE", "/tv/news/index.m3u8", 405},
		{"OPTIONS", "/tv/news/index.m3u8", 204},
	} {
		if r := get(t, h, c.method, c.path); r.StatusCode != c.status || r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, r.StatusCode, c.status)
		}
	}
}

func TestFirstViewerWaits(t *testing.T) {
	src := timelinetest.Capture(t, 4, 25)
	synctest.Test(t, func(t *testing.T) {
		tl := newTimeline()
		h := offer(tl, nil)
		began := time.Now()
		r := get(t, h, "GET", "/tv/news/index.m3u8")
		if r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" || time.Since(began) != 3*time.Second {
			t.Errorf("%d after %v", r.StatusCode, time.Since(began))
		}
		done := make(chan *http.Response)
		go func() { done <- get(t, h, "GET", "/tv/news/index.m3u8") }()
		synctest.Wait()
		timelinetest.Feed(t, tl, timelinetest.Split(src, 0, 1))
		if r := <-done; r.StatusCode != 200 || !strings.Contains(text(t, r), "mono.m3u8") {
			t.Errorf("%d", r.StatusCode)
		}
	})
}

func TestPlaylistFollowsTheTimeline(t *testing.T) {
	src := timelinetest.Capture(t, 9, 25)
	tl := newTimeline()
	h := offer(tl, nil)
	items := timelinetest.Split(src, 0, 1)
	timelinetest.Feed(t, tl, items[:len(items)/2])
	before := text(t, get(t, h, "GET", "/tv/news/mono.m3u8"))
	if again := text(t, get(t, h, "GET", "/tv/news/mono.m3u8")); again != before {
		t.Error("changed by itself")
	}
	timelinetest.Feed(t, tl, items[len(items)/2:])
	after := text(t, get(t, h, "GET", "/tv/news/mono.m3u8"))
	if after == before || !strings.Contains(after, tl.View().Segments[len(tl.View().Segments)-1].Name) {
		t.Errorf("%s", after)
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func (d discard) SetWriteDeadline(time.Time) error { return nil }

// viewers is who is told of answers.
type viewers interface {
	Seen(channel, protocol, address, userAgent string, bytes int64)
}
