package player_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sigma/headend/serve/player"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/es"
	"sigma/mux/flow"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func handler(assets *player.Assets, channels ...*player.Channel) *player.Handler {
	return &player.Handler{
		Assets: assets, Now: func() time.Time { return noon }, List: func() []*player.Channel { return channels }, Title: func() string { return "box" },
		Lookup: func(name string) *player.Channel {
			for _, c := range channels {
				if c.Name == name {
					return c
				}
			}
			return nil
		},
	}
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// scripts are the assets with scripts of others that a test makes up.
func scripts(t *testing.T, names ...string) *player.Assets {
	t.Helper()
	others := fstest.MapFS{"README": {Data: []byte("no script")}, ".stamp": {Data: []byte("x")}}
	for _, n := range names {
		others[n] = &fstest.MapFile{Data: []byte("script " + n)}
	}
	a, err := player.NewAssets(others)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestPage holds that the page of a channel loads only what is there, by names that
// change with the content, under a policy that allows nothing else; and that names and
// titles of a channel stay text.
func TestPage(t *testing.T) {
	c := &player.Channel{Name: "a/b", Title: `<script>alert("x")</script>`}
	h := handler(scripts(t, "hls.min.js", "hls.worker.js", "dash.mediaplayer.min.js"), c)
	w := ask(h, http.MethodGet, "/a/b/embed.html")
	page := w.Body.String()
	policy := w.Header().Get("Content-Security-Policy")
	if w.Code != http.StatusOK || !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, `data-scripts="hls"`) {
		t.Errorf("%s", page)
	}
	if w := ask(h, http.MethodGet, "/a/b/embed.html", "If-None-Match", w.Header().Get("Etag")); w.Code != http.StatusNotModified {
		t.Errorf("the same page again: %d", w.Code)
	}
	links := regexp.MustCompile(`(?:src|href)="\.\./\.\.(/streamer/player/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 6 {
		t.Fatalf("%d files: %v", len(links), links)
	}
	dir := links[0][1][:strings.LastIndexByte(links[0][1], '/')+1]
	for _, path := range []string{links[0][1], links[1][1], links[2][1], links[3][1], links[4][1], links[5][1], dir + "hls.min.js"} {
		w := ask(h, http.MethodGet, path, "Accept-Encoding", "br")
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || !player.Owns(path) {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	for _, path := range []string{dir + "embed.html", dir + "README", dir + ".stamp", dir + "../player.go", dir, player.Prefix + "0/player.js", player.Prefix} {
		if w := ask(h, http.MethodGet, path); w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if other := ask(handler(scripts(t, "hls.min.js"), c), http.MethodGet, "/a/b/embed.html").Body.String(); strings.Contains(other, dir) {
		t.Error("other files have the same name")
	}
	for path, code := range map[string]int{"/c/embed.html": 404, "/a/b/whep": 404} {
		if w := ask(h, http.MethodGet, path); w.Code != code {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask(h, http.MethodPost, "/a/b/embed.html"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestBuiltIn holds that the build is served with or without the scripts of others.
func TestBuiltIn(t *testing.T) {
	w := ask(handler(nil, &player.Channel{Name: "n"}), http.MethodGet, "/n/embed.html")
	link := regexp.MustCompile(`src="\.\.(/streamer/player/[^"]+player\.js)"`).FindStringSubmatch(w.Body.String())
	if link == nil {
		t.Fatalf("%s", w.Body)
	}
	if w := ask(handler(nil), http.MethodGet, link[1]); w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestFront(t *testing.T) {
	h := handler(scripts(t), &player.Channel{Name: "a/b", Title: "One & two", Pictures: true}, &player.Channel{Name: "c"})
	front := func(method string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.Front(w, httptest.NewRequest(method, "/", nil))
		return w
	}
	w := front(http.MethodGet)
	for _, want := range []string{`href="a/b/embed.html"`, `data-src="a/b/preview.jpg"`, "One &amp; two", `href="c/embed.html"`} {
		if strings.Count(w.Body.String(), want) != 1 {
			t.Errorf("%s is not there once: %s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "c/preview.jpg") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'self'") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	if w := front(http.MethodPost); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func infoOf(t *testing.T, c *player.Channel) player.Info {
	t.Helper()
	w := ask(handler(scripts(t), c), http.MethodGet, "/"+c.Name+"/media_info.json")
	var i player.Info
	if err := json.Unmarshal(w.Body.Bytes(), &i); err != nil || w.Header().Get("Content-Type") != "application/json" || i.ServerTime != noon.UnixMilli() {
		t.Fatalf("%v %v %s", err, w.Header(), w.Body)
	}
	return i
}

func protocol(t *testing.T, i player.Info, name string) player.Protocol {
	t.Helper()
	for _, p := range i.Protocols {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("%s is not told", name)
	return player.Protocol{}
}

// TestMediaInfo holds what is told of a channel as ffmpeg made it.
func TestMediaInfo(t *testing.T) {
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 5, 25), timelinetest.Options{})
	i := infoOf(t, &player.Channel{Name: "tv/news", Title: "News", Source: tl, Offered: player.Protocols(), Pictures: true, Sound: true})
	var ids []string
	for _, tr := range i.Tracks {
		ids = append(ids, tr.ID)
	}
	if i.Name != "tv/news" || i.Title != "News" || i.Preview != "preview.jpg" || i.DVR != nil || i.Bitrate < 500_000 || !slices.Equal(ids, []string{"v1", "v2", "v3", "a1", "a2"}) {
		t.Fatalf("%+v", i)
	}
	v, a := i.Tracks[0], i.Tracks[4]
	if v.Content != "video" || v.Codec != "h264" || !strings.HasPrefix(v.Codecs, "avc1.") || v.Width != 640 || v.Height != 360 || v.FPS != 25 ||
		!v.Reordered || v.Bitrate < 200_000 || v.Peak < v.Bitrate || v.LeftOut["webrtc"] == "" || v.LeftOut["hls"] != "" {
		t.Errorf("%+v", v)
	}
	if a.Content != "audio" || a.Codec != "aac" || a.Codecs != "mp4a.40.2" || a.Language != "eng" || a.LanguageName != "English" || a.SampleRate != 44100 || a.Channels != 1 || a.LeftOut != nil {
		t.Errorf("%+v", a)
	}
	if p := protocol(t, i, "webrtc"); p.Available || !strings.Contains(p.Reason, "B-frames") || p.URL != "whep" {
		t.Errorf("%+v", p)
	}
	for name, url := range map[string]string{"hls": "index.m3u8", "ll-dash": "index.ll.mpd", "mss": "../news.isml/manifest", "mpegts": "mpegts"} {
		if p := protocol(t, i, name); !p.Available || p.Reason != "" || p.URL != url {
			t.Errorf("%+v", p)
		}
	}
}

// fixed is a view that does not change.
type fixed timeline.View

func (f *fixed) View() *timeline.View { return (*timeline.View)(f) }

// TestReasons holds why tracks and protocols are left out.
func TestReasons(t *testing.T) {
	track := func(id string, kind flow.Kind, c flow.Codec, problem string) *timeline.Track {
		tr := &timeline.Track{ID: id, PID: 100, Kind: kind, Format: es.Format{Codec: c}, Problem: problem}
		if problem == "" && kind != flow.KindText {
			tr.Init = []byte{1}
		}
		return tr
	}
	l := &timeline.Layout{Tracks: []*timeline.Track{
		track("v1", flow.KindVideo, flow.CodecMPEG2Video, "no box for it"), track("a1", flow.KindAudio, flow.CodecAC3, ""), track("t1", flow.KindText, flow.CodecTeletext, ""),
	}}
	src := &fixed{Segments: []*timeline.Segment{{Layout: l}}}
	i := infoOf(t, &player.Channel{Name: "n", Source: src, Offered: []string{"hls", "ll-hls", "webrtc", "mss"}})
	for name, want := range map[string]string{"hls": "", "ll-hls": "no box for it", "dash": "the configuration does not allow it", "webrtc": "MPEG-2 is not known", "mss": "no box"} {
		if p := protocol(t, i, name); p.Available != (want == "") || !strings.HasPrefix(p.Reason, want) {
			t.Errorf("%s: %+v, want %q", name, p, want)
		}
	}
	if a, s := i.Tracks[1], i.Tracks[2]; !strings.Contains(a.LeftOut["webrtc"], "no ffmpeg") || a.LeftOut["mss"] == "" || s.Codec != "wvtt" || s.LeftOut["webrtc"] == "" || s.LeftOut["hls"] != "" {
		t.Errorf("%+v %+v", a, s)
	}
	empty := infoOf(t, &player.Channel{Name: "n", Source: &fixed{}, Offered: player.Protocols()})
	if p := protocol(t, empty, "hls"); p.Available || p.Reason != "the channel has no media now" || len(empty.Tracks) != 0 {
		t.Errorf("%+v", empty)
	}
	blind := infoOf(t, &player.Channel{Name: "n", Offered: []string{"webrtc"}})
	if p := protocol(t, blind, "webrtc"); !p.Available {
		t.Errorf("%+v", blind)
	}
}
