package hls_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
)

// ask sends a request beside the test and says what came, and when.
type answer struct {
	status int
	body   string
	header http.Header
	after  time.Duration
}

func ask(t *testing.T, h http.Handler, path string) <-chan answer {
	t.Helper()
	return askWith(t, t.Context(), h, path)
}

func askWith(t *testing.T, ctx context.Context, h http.Handler, path string) <-chan answer {
	t.Helper()
	out := make(chan answer, 1)
	began := time.Now()
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/tv/news/"+path, nil))
		out <- answer{w.Code, w.Body.String(), w.Header(), time.Since(began)}
	}()
	return out
}

func parked(t *testing.T, c <-chan answer) {
	t.Helper()
	synctest.Wait()
	select {
	case a := <-c:
		t.Fatalf("answered already: %+v", a)
	default:
	}
}

const (
	videoList = "tracks-v1/index.ll.m3u8"
	audioList = "tracks-a1/index.ll.m3u8"
)

func TestBlockingReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(simple())
		h := offerShow(s, hls.CueNone)
		s.at(26, 26) // segments 100 to 105, parts 106-0 and 106-1
		for _, now := range []string{"_HLS_msn=3", "_HLS_msn=105", "_HLS_msn=106&_HLS_part=1", "_HLS_msn=105&_HLS_part=3", "_HLS_msn=105&_HLS_part=4", "_HLS_msn=104&_HLS_part=77"} {
			if a := <-ask(t, h, videoList+"?"+now); a.status != 200 || a.after != 0 || a.header.Get("Cache-Control") != "public, max-age=9" {
				t.Errorf("%s: %+v", now, a)
			}
		}
		part := ask(t, h, videoList+"?_HLS_msn=106&_HLS_part=2")
		whole := ask(t, h, videoList+"?_HLS_msn=106")
		rolled := ask(t, h, videoList+"?_HLS_msn=106&_HLS_part=4") // there is no such part: 107-0
		other := ask(t, h, audioList+"?_HLS_msn=106&_HLS_part=2")
		next := ask(t, h, videoList+"?_HLS_msn=107&_HLS_part=0")
		parked(t, part)
		s.at(27, 26)
		if a := <-part; a.status != 200 || !strings.Contains(a.body, `URI="part-106-2.m4s"`) || !strings.Contains(a.body, `HINT:TYPE=PART,URI="part-106-3.m4s"`) {
			t.Errorf("%+v", a)
		}
		parked(t, other)
		s.at(28, 26) // the picture's segment is whole, that of the sound is not
		if a := <-whole; a.status != 200 || !strings.Contains(a.body, "2026/11/22/08/06/42-02000.m4s") || !strings.Contains(a.body, `URI="part-107-0.m4s"`) {
			t.Errorf("%+v", a)
		}
		parked(t, other)
		parked(t, rolled)
		parked(t, next)
		s.at(29, 27)
		for _, c := range []<-chan answer{rolled, next} {
			if a := <-c; a.status != 200 || !strings.Contains(a.body, `#EXT-X-PART:DURATION=0.500,INDEPENDENT=YES,URI="part-107-0.m4s"`) {
				t.Errorf("%+v", a)
			}
		}
		if a := <-other; a.status != 200 || !strings.Contains(a.body, `URI="part-106-2.m4s"`) || !strings.Contains(a.body, `../tracks-v1/index.ll.m3u8",LAST-MSN=107,LAST-PART=0`) {
			t.Errorf("%+v", a)
		}
	})
}

func TestWhoAsksTooFarIsRefused(t *testing.T) {
	s := newShow(simple())
	h := offerShow(s, hls.CueNone)
	s.at(26, 26)
	far := []string{
		"_HLS_msn=109", "_HLS_msn=18446744073709551615", "_HLS_msn=9223372036854775808&_HLS_part=0", "_HLS_msn=106&_HLS_part=8",
		"_HLS_msn=107&_HLS_part=6", "_HLS_msn=106&_HLS_part=18446744073709551615", "_HLS_msn=108&_HLS_part=1000000000000",
	}
	wrong := []string{"_HLS_part=1", "_HLS_msn=", "_HLS_msn=-1", "_HLS_msn=1e3", "_HLS_msn=18446744073709551616", "_HLS_msn=106&_HLS_part=", "_HLS_msn=106&_HLS_part=x", "_HLS_part=0&_HLS_skip=YES"}
	for _, q := range append(far, wrong...) {
		if r := get(t, h, "GET", "/tv/news/"+videoList+"?"+q); r.StatusCode != 400 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", q, r.StatusCode)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		h.ServeHTTP(discard{http.Header{}}, httptest.NewRequest("GET", "/tv/news/"+videoList+"?_HLS_msn=18446744073709551615", nil))
	}); n > 40 {
		t.Errorf("%v allocations", n)
	}
	// Unknown directives and values are passed over.
	for _, q := range []string{"_HLS_start_offset=4", "_HLS_skip=maybe", "_HLS_msn=105&_HLS_x=%zz", "&&=&x"} {
		if r := get(t, h, "GET", "/tv/news/"+videoList+"?"+q); r.StatusCode != 200 {
			t.Errorf("%s: %d", q, r.StatusCode)
		}
	}
}

// TestAfterALossOfPosition holds that a player that knows higher numbers from before
// gets the playlist, so that it can start anew.
func TestAfterALossOfPosition(t *testing.T) {
	s := newShow(simple())
	s.made = 6
	h := offerShow(s, hls.CueNone)
	s.at(26, 26)
	r := get(t, h, "GET", "/tv/news/"+videoList+"?_HLS_msn=4000&_HLS_part=1")
	if body := text(t, r); r.StatusCode != 200 || !strings.Contains(body, "#EXT-X-MEDIA-SEQUENCE:100\n") || r.Header.Get("Cache-Control") != "public, max-age=1" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

func TestHeldAtMostThreeTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(simple())
		h := offerShow(s, hls.CueNone)
		s.at(26, 26)
		for _, path := range []string{videoList + "?_HLS_msn=108", "tracks-v1/part-106-2.m4s"} {
			a := <-ask(t, h, path)
			if a.status != 503 || a.after > 9*time.Second || a.after < 7*time.Second || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %+v", path, a)
			}
		}
		// One that goes away lets another lead.
		ctx, cancel := context.WithCancel(t.Context())
		gone := askWith(t, ctx, h, videoList+"?_HLS_msn=106&_HLS_part=2")
		synctest.Wait()
		stays := ask(t, h, videoList+"?_HLS_msn=106&_HLS_part=2")
		parked(t, stays)
		cancel()
		<-gone
		parked(t, stays)
		s.at(27, 27)
		if a := <-stays; a.status != 200 {
			t.Errorf("%+v", a)
		}
	})
}

func TestHintedPartWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(simple())
		h := offerShow(s, hls.CueNone)
		s.at(27, 26)
		hinted := ask(t, h, "tracks-v1/part-106-3.m4s")
		parked(t, hinted)
		for _, not := range []string{"tracks-v1/part-106-4.m4s", "tracks-v1/part-107-0.m4s", "tracks-a1/part-106-3.m4s"} {
			if a := <-ask(t, h, not); a.status != 404 {
				t.Errorf("%s: %+v", not, a)
			}
		}
		s.at(28, 26)
		if a := <-hinted; a.status != 200 || !strings.HasPrefix(a.body, "[v1 106-3]") || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("%+v", a)
		}
		first := ask(t, h, "tracks-v1/part-107-0.m4s")
		parked(t, first)
		s.at(29, 27)
		if a := <-first; a.status != 200 || !strings.HasPrefix(a.body, "[v1 107-0]") {
			t.Errorf("%+v", a)
		}
	})
}

// TestServerControlNeverChanges holds what makes Apple's players stop for good.
func TestServerControlNeverChanges(t *testing.T) {
	s := newShow(full())
	h := offerShow(s, hls.CueNone)
	control := regexp.MustCompile("#EXT-X-(SERVER-CONTROL|PART-INF|TARGETDURATION|VERSION):.*\n")
	first := ""
	for i := 6; i < 60; i++ {
		s.at(i, i-i%3)
		for _, id := range []string{"v1", "v3", "a2"} {
			body := list(t, h, "tracks-"+id+"/index.ll.m3u8")
			got := strings.Join(control.FindAllString(body, -1), "")
			if first == "" {
				first = got
			}
			if got != first || strings.Count(got, "\n") != 4 {
				t.Fatalf("was %s and is %s", first, got)
			}
			if n := strings.Count(body, "#EXT-X-PRELOAD-HINT"); n != 1 {
				t.Errorf("%d hints", n)
			}
			if n := strings.Count(body, "#EXT-X-RENDITION-REPORT"); n != 7 {
				t.Errorf("%d reports", n)
			}
		}
	}
}

var skipped = regexp.MustCompile(`#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)\n`)

// TestDeltaUpdates puts deltas together with what they leave out and expects the whole
// playlist, with discontinuities and headers at the border.
func TestDeltaUpdates(t *testing.T) {
	s := eventful()
	s.window = 20
	s.breaks[9] = true
	h := offerShow(s, hls.CueBoth)
	deltas := 0
	for i := 40; i < 100; i++ {
		s.at(i, i)
		full := list(t, h, videoList)
		delta := list(t, h, videoList+"?_HLS_skip=YES")
		m := skipped.FindStringSubmatch(delta)
		if m == nil {
			if delta != full {
				t.Fatal("no delta and not the whole")
			}
			continue
		}
		deltas++
		var n int
		fmt.Sscan(m[1], &n)
		fullHead, fullSegments := split(full)
		head, segments := split(delta)
		if skipped.ReplaceAllString(head, "") != fullHead || n+len(segments) != len(fullSegments) {
			t.Fatalf("%d skipped, %d listed of %d", n, len(segments), len(fullSegments))
		}
		// What is left out ends 18 s before the end, or earlier.
		if left := float64(len(segments)-1)*2 + float64(i%4)/2; left < 18 {
			t.Errorf("%v s are left", left)
		}
		for j, got := range segments {
			want := fullSegments[n+j]
			if j == 0 { // the header is told anew, and the cues of what was left out
				got, want = bare(got), bare(want)
			}
			if got != want {
				t.Errorf("segment %d of a delta:\n%s\nwant\n%s", j, got, want)
			}
		}
		if strings.Count(delta, "#EXT-X-DATERANGE") != strings.Count(full, "#EXT-X-DATERANGE") || !strings.Contains(segments[0], "#EXT-X-MAP") {
			t.Errorf("%s", delta)
		}
	}
	if deltas < 30 {
		t.Errorf("%d deltas", deltas)
	}
}

// split cuts a playlist behind each URI.
func split(list string) (head string, segments []string) {
	i := strings.Index(list, "#EXT-X-SKIP")
	if i < 0 {
		i = strings.Index(list, "#EXT-X-INDEPENDENT-SEGMENTS")
	}
	i += strings.Index(list[i:], "\n") + 1
	head = list[:i]
	return head, regexp.MustCompile(`(?s).*?\n[^#\n]+\n|.+$`).FindAllString(list[i:], -1)
}

func bare(s string) string {
	return regexp.MustCompile("#EXT-X-(MAP|DATERANGE):.*\n").ReplaceAllString(s, "")
}

// TestThousandWaiters holds that all who wait for a part get it at once, and leave
// nothing behind.
func TestThousandWaiters(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newShow(full())
	h := offerShow(s, hls.CueNone)
	s.at(26, 26)
	const waiters = 1000
	var ready, done sync.WaitGroup
	for i := range waiters {
		ready.Add(1)
		done.Go(func() {
			id := []string{"v1", "v2", "a1", "a2"}[i%4]
			r := httptest.NewRequest("GET", "/tv/news/tracks-"+id+"/index.ll.m3u8?_HLS_msn=106&_HLS_part=2", nil)
			r.Header.Set("Accept-Encoding", "gzip, br")
			w := httptest.NewRecorder()
			ready.Done()
			h.ServeHTTP(w, r)
			if w.Code != 200 || w.Header().Get("Content-Encoding") != "br" {
				t.Errorf("%d", w.Code)
			}
		})
	}
	ready.Wait()
	s.at(27, 26)
	s.at(27, 27)
	done.Wait()
	if n := runtime.NumGoroutine(); n > before+2 {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

// TestWithoutParts holds what is left of low latency where the timeline makes no parts.
func TestWithoutParts(t *testing.T) {
	s := newShow(simple())
	s.at(26, 26)
	v := *s.View()
	v.PartTarget = 0
	var shelf timeline.Shelf
	shelf.Show(v)
	h := offer(&shelf, nil)
	body := list(t, h, videoList)
	if strings.Contains(body, "PART") || !strings.Contains(body, "CAN-BLOCK-RELOAD=YES") {
		t.Errorf("%s", body)
	}
}

// TestOverHTTP2 holds that held requests of one connection do not hold each other up.
func TestOverHTTP2(t *testing.T) {
	s := newShow(simple())
	s.at(26, 26)
	srv := httptest.NewUnstartedServer(offerShow(s, hls.CueNone))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	answers := make(chan string, 3)
	ask := func(path string) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/tv/news/"+path, nil)
		r, err := srv.Client().Do(req)
		if err != nil {
			t.Error(err)
			answers <- ""
			return
		}
		defer r.Body.Close()
		body := text(t, r)
		if r.ProtoMajor != 2 || r.StatusCode != 200 || r.ContentLength != int64(len(body)) && !r.Uncompressed {
			t.Errorf("%s: %s %s, %d of %d bytes", path, r.Proto, r.Status, len(body), r.ContentLength)
		}
		answers <- body
	}
	go ask(videoList + "?_HLS_msn=106&_HLS_part=2")
	go ask("tracks-v1/part-106-2.m4s")
	ask("tracks-v1/part-106-1.m4s")
	if got := <-answers; !strings.HasPrefix(got, "[v1 106-1]") {
		t.Errorf("%.40q came first", got)
	}
	s.at(27, 26)
	for range 2 {
		if got := <-answers; !strings.Contains(got, "part-106-2") && !strings.HasPrefix(got, "[v1 106-2]") {
			t.Errorf("%.40q", got)
		}
	}
}
