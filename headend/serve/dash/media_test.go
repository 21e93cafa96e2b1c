package dash_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
)

const first = 161580131106006 // $Time$ of the first segment of v1

func fragment(track string, at uint64) string {
	return fmt.Sprintf("/tv/news/dash/%s/%d.m4s", track, at)
}

func TestSegments(t *testing.T) {
	s := newShow(full())
	s.at(41, 40)
	h := offer(s)
	for u, want := range map[string]int{
		fragment("v1", first+4*180000): 200, fragment("v1", first+2*180000): 200, fragment("v1", first+180000): 410, fragment("v1", 7): 410,
		fragment("v1", first+11*180000): 404, fragment("v1", first+4*180000+1): 404, fragment("v4", first): 404, fragment("v9", first): 404,
		"/tv/other/index.mpd": 404, "/tv/news/index.m3u8": 404, "/tv/news/index.mpd?filter=x": 400, "/tv/news/index.mpp": 400,
		"/tv/news/index.mpp?publishTime=yesterday": 400, "/tv/news/index.mpd?filter=tracks:v4": 404, "/tv/news/tracks-t1/init-nope.mp4": 404,
	} {
		r := get(t, h, "GET", u)
		cache := r.Header.Get("Cache-Control")
		if r.StatusCode != want || want == 404 && cache != "no-store" || want == 200 && !strings.Contains(cache, "immutable") {
			t.Errorf("%s: %d %s", u, r.StatusCode, cache)
		}
	}
	r := get(t, h, "GET", fragment("v1", first+4*180000))
	if b := body(t, r); r.ContentLength != int64(len(b)) || !strings.HasPrefix(b, "[v1 104-0]") || r.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("%d %.20s", r.ContentLength, b)
	}
	clock := body(t, get(t, h, "GET", "/tv/news/time"))
	if at, err := time.Parse(time.RFC3339Nano, clock); err != nil || time.Since(at) > time.Minute || at.Location() != time.UTC {
		t.Error(clock, err)
	}
	unknown := body(t, get(t, h, "GET", "/tv/news/index.mpp?publishTime=2020-01-01T00:00:00Z"))
	if p := parse(t, unknown); p.attrs["originalPublishTime"] == "2020-01-01T00:00:00Z" || len(p.kids) == 0 {
		t.Error(unknown)
	}
}

// flushes notes what has left when.
type flushes struct {
	*httptest.ResponseRecorder
	at   []time.Duration
	size []int
	from time.Time
}

func (f *flushes) Flush() {
	f.at, f.size = append(f.at, time.Since(f.from)), append(f.size, f.Body.Len())
}

// TestStream holds that a segment leaves in parts as they are made, also when it is
// asked for before it has one, and that requests end with the segment, with the client
// and when nothing comes.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(full())
		s.at(16, 16)
		s.at(17, 16) // audio has nothing of the fifth segment
		h := offer(s)
		video := &flushes{ResponseRecorder: httptest.NewRecorder(), from: time.Now()}
		audio := &flushes{ResponseRecorder: httptest.NewRecorder(), from: time.Now()}
		done := make(chan time.Duration, 4)
		ask := func(w http.ResponseWriter, u string, ctx context.Context) {
			from := time.Now()
			h.ServeHTTP(w, httptest.NewRequest("GET", u, nil).WithContext(ctx))
			done <- time.Since(from)
		}
		go ask(video, fragment("v1", first+4*180000), t.Context())
		go ask(audio, fragment("a1", uint64(showMedia/flow.TicksPerSecond+8)*48000), t.Context())
		for n := 18; n <= 20; n++ {
			time.Sleep(500 * time.Millisecond)
			s.at(n, n-1)
		}
		if took := <-done; took != 1500*time.Millisecond {
			t.Errorf("video took %v", took)
		}
		time.Sleep(500 * time.Millisecond)
		s.at(21, 20)
		<-done
		if len(video.at) != 3 || video.at[0] != 0 || video.at[1] != 500*time.Millisecond || video.size[1] != 2*1010 && video.size[1] != 2*len("[v1 104-0]")+2000 {
			t.Errorf("video left at %v: %v", video.at, video.size)
		}
		if b := audio.Body.String(); audio.Code != 200 || strings.Count(b, "[a1 104-") != 4 || audio.Header().Get("Content-Type") != "audio/mp4" {
			t.Errorf("%d %.60s", audio.Code, b)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go ask(httptest.NewRecorder(), fragment("v1", first+5*180000), ctx)
		time.Sleep(time.Second)
		cancel()
		if took := <-done; took != time.Second {
			t.Errorf("a client that left was held %v", took)
		}
		go ask(httptest.NewRecorder(), fragment("v1", first+5*180000), t.Context())
		if took := <-done; took > 6*time.Second || took < 5*time.Second {
			t.Errorf("a dead source held a client %v", took)
		}
	})
}

// TestPatchWaits holds that a patch waits for something new, and is 204 when there is
// nothing.
func TestPatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(full())
		s.at(16, 16)
		h := offer(s)
		u := "/tv/news/" + parse(t, mpdOf(t, h, "index.mpd")).all("PatchLocation")[0].text
		from := time.Now()
		go func() {
			time.Sleep(time.Second)
			s.at(17, 17) // a part: nothing new in this MPD
			time.Sleep(time.Second)
			s.at(20, 20)
		}()
		if r := get(t, h, "GET", u); r.StatusCode != 200 || time.Since(from) != 2*time.Second {
			t.Errorf("%d after %v", r.StatusCode, time.Since(from))
		}
		u = "/tv/news/" + parse(t, mpdOf(t, h, "index.mpd")).all("PatchLocation")[0].text
		if r := get(t, h, "GET", u); r.StatusCode != 204 {
			t.Errorf("%d", r.StatusCode)
		}
	})
}

// TestFFmpegDecodes gives DASH of a real timeline to the demuxer of ffmpeg, and each
// segment of text with its header.
func TestFFmpegDecodes(t *testing.T) {
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 13, 25), timelinetest.Options{Texts: ticking, Break: true})
	at := offerOne(t, tl)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, path := range []string{"index.mpd?filter=tracks:v1v2v3a1a2", "index.ll.mpd?filter=tracks:v3a2"} {
		out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "warning", "-i", at+path, "-map", "0", "-t", "6", "-f", "null", "-").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "" {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
	h := offer(tl)
	root := parse(t, mpdOf(t, h, "index.mpd"))
	for _, r := range root.all("Representation") {
		if r.attrs["codecs"] != "wvtt" {
			continue
		}
		s := r.all("SegmentTemplate")[0]
		data := body(t, get(t, h, "GET", "/tv/news/"+s.attrs["initialization"]))
		n := len(tl.View().Segments)
		for _, seg := range tl.View().Segments {
			data += body(t, get(t, h, "GET", "/tv/news/"+strings.ReplaceAll(s.attrs["media"], "$Time$", fmt.Sprint(seg.Track("t1").Time))))
		}
		checkWords(t, data, n)
	}
}

func TestOverlappingCues(t *testing.T) {
	s := newShow(full())
	at := showMedia + 16*flow.TicksPerSecond
	s.cues = []timeline.Cue{
		{Start: at - flow.TicksPerSecond, End: at + flow.TicksPerSecond, Text: "one", Line: 80, Align: "start"},
		{Start: at + flow.TicksPerSecond/2, End: at + 3*flow.TicksPerSecond, Text: "two &amp; a half"},
		{Start: at + flow.TicksPerSecond, End: at + flow.TicksPerSecond, Text: "never"},
	}
	s.at(40, 40)
	h := offer(s)
	b := body(t, get(t, h, "GET", fragment("t1", uint64(at/300))))
	if strings.Count(b, "vttc") != 4 || strings.Count(b, "one") != 2 || strings.Count(b, "two &amp; a half") != 2 || strings.Contains(b, "never") || !strings.Contains(b, "line:80% align:start") {
		t.Errorf("%q", b)
	}
}
