package hls_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// offerOne serves one source as channel tv/news over loopback.
func offerOne(t *testing.T, s hls.Source) string {
	t.Helper()
	srv := httptest.NewServer(offer(s, nil))
	t.Cleanup(srv.Close)
	return srv.URL + "/tv/news/"
}

// ended serves one source as channel tv/news over loopback, with an end to its
// playlists, so that who reads them comes to an end too.
func ended(t *testing.T, s hls.Source) string {
	t.Helper()
	h := offer(s, nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".m3u8") {
			h.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if strings.Contains(body, "#EXTINF") {
			body += "#EXT-X-ENDLIST\n"
		}
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.WriteHeader(rec.Code)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/tv/news/"
}

// tick makes a cue of every picture that is a random access point: its number in
// seconds of media time, shown for the second after it.
type tick struct{}

func (tick) Push(f flow.Item[flow.Frame], emit func(timeline.Cue)) {
	if f.Marks.Has(flow.RandomAccess) {
		emit(timeline.Cue{Start: f.V.PTS, End: f.V.PTS + flow.TicksPerSecond*3/2, Text: fmt.Sprintf("<b>%d</b>", f.V.PTS/flow.TicksPer90k), Line: 80})
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

func ffmpeg(t *testing.T, url string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	all := slices.Concat([]string{"-v", "warning", "-i", url}, args, []string{"-f", "null", "-"})
	out, err := exec.CommandContext(ctx, "ffmpeg", all...).CombinedOutput()
	if err != nil {
		t.Errorf("ffmpeg %s: %v\n%s", url, err, out)
	}
	return string(out)
}

// TestFFmpegDecodesEveryRendition holds that ffmpeg decodes each rendition of each form
// without a word.
func TestFFmpegDecodesEveryRendition(t *testing.T) {
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 13, 25), timelinetest.Options{Texts: ticking, Break: true})
	at := ended(t, tl)
	for _, path := range []string{
		"mono.m3u8", "tracks-v1a1/mono.m3u8", "tracks-v3a1/mono.m3u8", "tracks-v2/mono.m3u8", "tracks-a1/mono.m3u8", "tracks-a2/mono.m3u8", "mono.m3u8?filter=tracks:v2a2",
		"tracks-v1/index.fmp4.m3u8", "tracks-v2/index.fmp4.m3u8", "tracks-a1/index.fmp4.m3u8", "tracks-a2/index.fmp4.m3u8",
		"tracks-v1/index.ll.m3u8", "tracks-a2/index.ll.m3u8",
	} {
		if out := ffmpeg(t, at+path, "-map", "0"); out != "" {
			t.Errorf("%s: %s", path, out)
		}
	}
	for path, want := range map[string]string{
		"index.m3u8": "aac aac h264 h264 h264", "index.fmp4.m3u8": "aac aac h264 h264 h264", "index.ll.m3u8": "aac aac h264 h264 h264",
		"index.ts.m3u8?filter=tracks:v3a2": "aac h264", "tracks-v2a2/mono.m3u8": "aac h264", "tracks-v1/iframes.fmp4.m3u8": "h264", "tracks-v3/iframes.ts.m3u8": "h264",
	} {
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,id", "-of", "csv=p=0", at+path).Output()
		var got []string
		for line := range strings.Lines(string(out)) {
			if name, _, _ := strings.Cut(strings.TrimSpace(line), ","); name != "" {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		n := len(strings.Fields(want))
		if err != nil || len(got) < n || strings.Join(slices.Compact(got), " ") != strings.Join(slices.Compact(strings.Fields(want)), " ") {
			t.Errorf("%s: %v %v, want %s", path, err, got, want)
		}
	}
}

// TestIntraPlaylists holds that each byte range of the I-frame playlists is one picture
// that can be decoded.
func TestIntraPlaylists(t *testing.T) {
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 9, 25), timelinetest.Options{Break: true})
	h := offer(tl, nil)
	ranges := regexp.MustCompile(`#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)\n`)
	for _, path := range []string{"tracks-v1/iframes.ts.m3u8", "tracks-v3/iframes.ts.m3u8", "tracks-v2/iframes.fmp4.m3u8"} {
		body := list(t, h, path)
		found := ranges.FindAllStringSubmatch(body, -1)
		if len(found) != len(tl.View().Segments) || !strings.Contains(body, "#EXT-X-I-FRAMES-ONLY\n") {
			t.Fatalf("%s: %s", path, body)
		}
		id := path[len("tracks-"):][:2]
		for _, m := range found[:2] {
			var size, offset int
			fmt.Sscan(m[1], &size)
			fmt.Sscan(m[2], &offset)
			url := "/tv/news/tracks-" + id + "/" + m[3]
			r := get(t, h, "GET", url, "Range", fmt.Sprintf("bytes=%d-%d", offset, offset+size-1))
			picture := text(t, r)
			if r.StatusCode != 206 || len(picture) != size {
				t.Fatalf("%s: %d, %d bytes", url, r.StatusCode, len(picture))
			}
			var head string
			if strings.HasSuffix(path, ".ts.m3u8") {
				head = text(t, get(t, h, "GET", url, "Range", fmt.Sprintf("bytes=0-%d", offset-1)))
			} else {
				head = string(find(t, tl.View(), id).Init)
			}
			cmd := exec.Command("ffprobe", "-v", "quiet", "-select_streams", "v", "-show_entries", "frame=pict_type", "-of", "csv=p=0", "-")
			cmd.Stdin = strings.NewReader(head + picture)
			out, err := cmd.Output()
			if got := strings.Trim(string(out), ",\n"); err != nil || got != "I" {
				t.Errorf("%s: %v %q", url, err, got)
			}
		}
	}
}

func find(t *testing.T, v *timeline.View, id string) *timeline.Track {
	t.Helper()
	return v.Segments[len(v.Segments)-1].Layout.Track(id)
}

// seenByBrowser is what play.mjs prints.
type seenByBrowser struct {
	Fatal, Errors         []string
	Stalls, Parts, Frames int
	Started               float64 // ms
	At                    float64 // s
	Latency, Target       float64 // s
	Audio                 []string
	Levels                []int
	Offered               struct {
		Audio, Subtitles []string
		Levels           []int
	}
	Cues []struct {
		Start, End float64
		Text       string
	}
}

// TestBrowserPlays plays live in Chromium: transport stream, CMAF, and CMAF with low
// latency, with a change of rung and of audio and subtitles on.
func TestBrowserPlays(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("needs chromium")
	}
	hlsjs, playwright := npm(t, "hls.js", "1.7.4"), npm(t, "playwright-core", "1.64.1")
	capture := timelinetest.Ladder(t, 110, 25)
	for _, c := range []struct {
		path  string
		low   bool
		limit float64 // s of latency
	}{{"index.ts.m3u8", false, 20}, {"index.fmp4.m3u8", false, 20}, {"index.ll.m3u8", true, 3}} {
		t.Run(c.path, func(t *testing.T) {
			at := offerOne(t, liveTimeline(t, capture))
			cmd := exec.Command("node", "testdata/play.mjs", hlsjs, playwright, at+c.path, fmt.Sprint(c.low), "100")
			out, err := cmd.CombinedOutput()
			var got seenByBrowser
			if err != nil || json.Unmarshal(out, &got) != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("started after %.0f ms, %d stalls, latency %.2f s of %.2f s, %v", got.Started, got.Stalls, got.Latency, got.Target, got.Errors)
			checkBrowser(t, got, c.low, c.limit)
		})
	}
}

func checkBrowser(t *testing.T, got seenByBrowser, low bool, limit float64) {
	t.Helper()
	if len(got.Fatal) > 0 || got.Started == 0 || got.Frames < 100 {
		t.Errorf("%+v", got)
	}
	if len(got.Offered.Audio) != 2 || len(got.Offered.Levels) != 3 || len(got.Offered.Subtitles) != 1 {
		t.Errorf("offered: %+v", got.Offered)
	}
	if len(got.Audio) == 0 || got.Audio[len(got.Audio)-1] != "English" || len(got.Levels) < 2 {
		t.Errorf("audio %v, levels %v", got.Audio, got.Levels)
	}
	if len(got.Cues) < 4 {
		t.Errorf("cues %v", got.Cues)
	}
	if low && got.Parts < 10 {
		t.Errorf("%d parts", got.Parts)
	}
	if got.Latency > limit && got.Started < 3000 { // a machine that is slower cannot tell
		t.Errorf("latency %v of %v", got.Latency, got.Target)
	}
	var last float64
	for _, c := range got.Cues { // one a second, each seen once
		if last != 0 && (c.Start-last < 0.9 || c.Start-last > 1.1) {
			t.Errorf("cues %+v", got.Cues)
			break
		}
		last = c.Start
	}
}

// liveTimeline runs a capture through a timeline as time goes by, 8 s of it at once.
func liveTimeline(t *testing.T, capture []byte) *timeline.Timeline {
	t.Helper()
	const lead = 8 * time.Second
	began := time.Now().Add(-lead)
	tl := timelinetest.New(timelinetest.Options{Texts: ticking, SegmentCount: 10})
	tl.UTC = func(mono time.Duration) time.Time { return began.Add(mono) }
	push, stop := timelinetest.Start(t, tl, 1<<16)
	items := timelinetest.Inspected(capture, 0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
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
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		stop()
	})
	return tl
}
