package hls_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".m3u8")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as in %s:\n%s", name, path, got)
	}
}

// eventful is a show with a change of format at segment 4, a break of the programme
// and a cue over a border, seen when video is ahead of audio.
func eventful() *show {
	s := newShow(full())
	changed := *s.layouts[0]
	changed.Tracks = append([]*timeline.Track{}, changed.Tracks...)
	v1 := *changed.Tracks[0]
	v1.InitName, v1.Init = "another", []byte("another")
	changed.Tracks[0] = &v1
	for range 3 {
		s.layouts = append(s.layouts, s.layouts[0])
	}
	s.layouts = append(s.layouts, &changed)
	s.breaks = map[int]bool{4: true}
	at := func(sec float64) time.Time { return showStart.Add(time.Duration(sec * float64(time.Second))) }
	s.events = []*timeline.Event{
		{ID: "7", Kind: timeline.EventOut, UTC: at(6), Duration: 6 * time.Second, Section: []byte{0xFC, 0x30, 0x01}},
		{ID: "9", Kind: timeline.EventOther, UTC: at(7), Section: []byte{0xFC, 0x30, 0x02}},
		{ID: "7", Kind: timeline.EventIn, UTC: at(12), Section: []byte{0xFC, 0x30, 0x03}},
		{ID: "8", Kind: timeline.EventOut, UTC: at(30), Duration: 30 * time.Second, Section: []byte{0xFC, 0x30, 0x04}},
	}
	s.cues = []timeline.Cue{
		{Start: showMedia + 5*flow.TicksPerSecond, End: showMedia + 7*flow.TicksPerSecond, Text: "over <i>the</i> border\n\nand on", Line: 80, Align: "center"},
		{Start: showMedia + 8*flow.TicksPerSecond, End: showMedia + 9*flow.TicksPerSecond, Text: "one &lt; two"},
	}
	s.at(34, 30)
	return s
}

func TestGoldenPlaylists(t *testing.T) {
	h := offerShow(eventful(), hls.CueBoth)
	for name, path := range map[string]string{
		"multivariant-ts":       "index.m3u8",
		"multivariant-separate": "index.ts.m3u8?separate_audio=true",
		"multivariant-filter":   "index.ts.m3u8?filter=tracks:v3v2a2t1",
		"multivariant-fmp4":     "index.fmp4.m3u8",
		"multivariant-ll":       "index.ll.m3u8?filter.tracks=v1v2a1t2&token=a%2Bb",
		"media-ts":              "tracks-v2a1/mono.m3u8",
		"media-audio-ts":        "tracks-a2/mono.m3u8?token=x.y",
		"media-mono-filter":     "mono.m3u8?filter=tracks%3Av1a2",
		"media-fmp4":            "tracks-v1/index.fmp4.m3u8",
		"media-ll-video":        "tracks-v1/index.ll.m3u8",
		"media-ll-audio":        "tracks-a1/index.ll.m3u8?token=x",
		"media-vtt":             "tracks-t1/index.vtt.m3u8",
		"iframes-fmp4":          "tracks-v1/iframes.fmp4.m3u8",
	} {
		golden(t, name, list(t, h, path))
	}
	golden(t, "multivariant-simple", list(t, offerShow(shown(newShow(simple())), hls.CueNone), "index.m3u8"))
}

// shown shows the full window of a show.
func shown(s *show) *show {
	s.at(9*showParts, 9*showParts)
	return s
}

// TestEverythingIsThere asks for every URI of every playlist, as a player would.
func TestEverythingIsThere(t *testing.T) {
	h := offerShow(eventful(), hls.CueBoth)
	asked := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		path = filepath.Clean(path)
		if asked[path] {
			return
		}
		asked[path] = true
		r := get(t, h, "GET", "/tv/news/"+path)
		body := text(t, r)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
			return
		}
		if !strings.HasSuffix(path, ".m3u8") {
			return
		}
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			if _, after, ok := strings.Cut(line, `URI="`); ok && !strings.HasPrefix(line, "#EXT-X-PRELOAD-HINT") {
				line, _, _ = strings.Cut(after, `"`)
			} else if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if strings.HasSuffix(line, ".ts") {
				continue // the show has no packets
			}
			follow(filepath.Dir(path) + "/" + line)
		}
	}
	for _, path := range []string{"index.m3u8", "index.ts.m3u8", "index.fmp4.m3u8", "index.ll.m3u8"} {
		follow(path)
	}
	if len(asked) < 100 {
		t.Errorf("%d addresses", len(asked))
	}
}

// TestPartsMakeTheSegment holds that a segment is its parts, one after the other
// (clause 4.4.4.9 of rfc8216bis), and its headers.
func TestPartsMakeTheSegment(t *testing.T) {
	h := offerShow(eventful(), hls.CueBoth)
	name := timeline.FormatName(showStart.Add(12*time.Second), 2*time.Second)
	r := get(t, h, "GET", "/tv/news/tracks-v2/"+name+".m4s")
	whole := text(t, r)
	if r.Header.Get("Content-Type") != "video/mp4" || r.ContentLength != int64(len(whole)) || r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%v", r.Header)
	}
	parts := ""
	for i := range showParts {
		r := get(t, h, "GET", "/tv/news/tracks-v2/part-106-"+string('0'+rune(i))+".m4s")
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "public, max-age=900" {
			t.Errorf("%d %v", r.StatusCode, r.Header)
		}
		parts += text(t, r)
	}
	if parts != whole {
		t.Error("the parts make another segment")
	}
	r = get(t, h, "GET", "/tv/news/tracks-v2/"+name+".m4s", "Range", "bytes=1005-1025")
	if got := text(t, r); r.StatusCode != 206 || got != whole[1005:1026] {
		t.Errorf("%d %q", r.StatusCode, got)
	}
	for path, want := range map[string]int{
		"tracks-v1/init-another.mp4": 200, "tracks-v1/init-fv1.mp4": 200, "tracks-v1/init-x.mp4": 404, "tracks-v2/init-fv1.mp4": 404,
		"tracks-v1/part-1-0.m4s": 410, "tracks-v1/part-106-4.m4s": 404, "tracks-v1/part-9999999999999999999-0.m4s": 404, "tracks-v9/part-106-0.m4s": 404,
		"tracks-v1a1/part-106-0.m4s": 404, "tracks-v1a1/" + name + ".m4s": 404, "tracks-t1/" + name + ".m4s": 404, "tracks-v1/" + name + ".vtt": 404,
		"tracks-v1a1/index.fmp4.m3u8": 404, "tracks-v9/mono.m3u8": 404, "tracks-t1/index.fmp4.m3u8": 404, "tracks-a1/iframes.fmp4.m3u8": 404, "tracks-v1/index.vtt.m3u8": 404,
		"index.fmp4.m3u8?filter=tracks:v9": 404,
	} {
		if r := get(t, h, "GET", "/tv/news/"+path); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
}

func TestAutomaticForm(t *testing.T) {
	hevc := &timeline.Layout{Tracks: []*timeline.Track{video("v1", flow.CodecHEVC, "hvc1.1.6.L93.B0", 1280, 720), video("v2", flow.CodecH264, "avc1.64001f", 640, 360), audio("a1", "eng", timeline.RoleMain)}}
	hevc.Tracks[0].Format.Colour.Transfer = 16
	h := offerShow(shown(newShow(hevc)), hls.CueNone)
	auto := list(t, h, "index.m3u8")
	if !strings.Contains(auto, "hvc1") || !strings.Contains(auto, "index.fmp4.m3u8") || !strings.Contains(auto, "VIDEO-RANGE=PQ") || !strings.Contains(auto, "VIDEO-RANGE=SDR") {
		t.Errorf("%s", auto)
	}
	if ts := list(t, h, "index.ts.m3u8"); strings.Contains(ts, "hvc1") || !strings.Contains(ts, "avc1") {
		t.Errorf("HEVC in transport stream segments:\n%s", ts)
	}
	mpeg2 := &timeline.Layout{Tracks: []*timeline.Track{video("v1", flow.CodecMPEG2Video, "", 720, 576), audio("a1", "eng", timeline.RoleMain)}}
	mpeg2.Tracks[0].Init, mpeg2.Tracks[0].Problem = nil, "MPEG-2 video is not in CMAF"
	h = offerShow(shown(newShow(mpeg2)), hls.CueNone)
	if auto := list(t, h, "index.m3u8"); !strings.Contains(auto, "\nmono.m3u8\n") || strings.Contains(auto, "CODECS") && !strings.Contains(auto, "I-FRAME") {
		t.Errorf("%s", auto)
	}
	if r := get(t, h, "GET", "/tv/news/tracks-v1/index.fmp4.m3u8"); r.StatusCode != 404 || !strings.Contains(text(t, r), "MPEG-2 video is not in CMAF") {
		t.Errorf("%d", r.StatusCode)
	}
	radio := &timeline.Layout{Tracks: []*timeline.Track{audio("a1", "eng", timeline.RoleMain)}}
	h = offerShow(shown(newShow(radio)), hls.CueNone)
	if auto := list(t, h, "index.m3u8"); !strings.Contains(auto, "\nmono.m3u8\n") || strings.Contains(auto, "RESOLUTION") || strings.Contains(auto, "EXT-X-MEDIA") {
		t.Errorf("%s", auto)
	}
	if ll := list(t, h, "index.ll.m3u8"); !strings.Contains(ll, "\ntracks-a1/index.ll.m3u8\n") {
		t.Errorf("%s", ll)
	}
}

func TestCaptionsAndCodecGroups(t *testing.T) {
	l := full()
	l.Tracks[0].Format.Captions = []string{"CC1", "SERVICE1"}
	l.Tracks[4].Format.RFC6381, l.Tracks[4].Format.Codec, l.Tracks[4].Format.Channels = "ac-3", flow.CodecAC3, 6
	m := list(t, offerShow(shown(newShow(l)), hls.CueNone), "index.fmp4.m3u8")
	for want, n := range map[string]int{
		`INSTREAM-ID="CC1"`: 1, `INSTREAM-ID="SERVICE1"`: 1, `CLOSED-CAPTIONS="cc"`: 2, "CLOSED-CAPTIONS=NONE": 0,
		`GROUP-ID="audio2"`: 1, `CODECS="avc1.640028,mp4a.40.2"`: 1, `CODECS="avc1.640028,ac-3"`: 1, `CHANNELS="6"`: 1, "#EXT-X-STREAM-INF": 6,
	} {
		if strings.Count(m, want) != n {
			t.Errorf("%s is not in it %d times:\n%s", want, n, m)
		}
	}
}
