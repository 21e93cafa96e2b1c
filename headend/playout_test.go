package headend

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"sigma/headend/config"
	"sigma/headend/frames"
	"sigma/headend/serve/dash"
	"sigma/headend/serve/hls"
	"sigma/headend/serve/mss"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// offering returns the handler of a box with one channel that has no media yet.
func offering(t *testing.T, protocols ...string) http.Handler {
	t.Helper()
	a := &app{engine: &engine{}, rtc: &rtc{}}
	a.viewers.Now = time.Now
	st, shelf := &station{life: t.Context()}, &timeline.Timeline{}
	st.played.Store(&playout{
		protocols: protocols, hls: &hls.Channel{Source: shelf}, dash: &dash.Channel{Source: shelf}, mss: &mss.Channel{Source: shelf},
		frames: &frames.Face{Packets: flow.NewRing[flow.Batch](2)},
	})
	a.engine.publish(config.Config{Channels: []config.Channel{{Name: "n"}}}, map[string]*station{"n": st})
	return a.handler(http.NotFoundHandler())
}

// TestProtocols asks for one address of each kind: it is found if one of its protocols
// is allowed, and not if all others are.
func TestProtocols(t *testing.T) {
	const seg = "2026/11/22/08/06/37-05000"
	for path, by := range map[string][]string{
		"/n/" + seg + ".ts":            {"hls"},
		"/n/tracks-v1/" + seg + ".m4s": {"hls", "cmaf"},
		"/n/tracks-v1/init-a.mp4":      {"hls", "cmaf", "dash"},
		"/n/tracks-v1/part-1-0.m4s":    {"cmaf"},
		"/n/dash/v1/1.m4s":             {"dash"},
		"/n/time":                      {"dash"},
		"/n/whep":                      {"webrtc"},
		"/n.isml/manifest":             {"mss"},
		"/n.isml/QualityLevels(1001)/Fragments(video=1)": {"mss"},
		"/n/embed.html":  {"player"},
		"/n/preview.jpg": {"jpeg"},
	} {
		if got := protocolsOf(route.Parse(path)); !slices.Equal(got, by) {
			t.Errorf("%s is of %v, want %v", path, got, by)
		}
		for _, p := range config.AllProtocols() {
			w := httptest.NewRecorder()
			offering(t, p).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			refused := w.Code == http.StatusNotFound && w.Body.String() == "no such channel, or it is not offered this way\n"
			if refused == slices.Contains(by, p) {
				t.Errorf("%s where %s is allowed: %d %s", path, p, w.Code, w.Body)
			}
		}
	}
	w := httptest.NewRecorder()
	offering(t, config.AllProtocols()...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/other/index.m3u8", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a channel that is not there: %d", w.Code)
	}
}

func TestClearHTTP2(t *testing.T) {
	w := newWeb(t, make(states, 10))
	l := hold(t)
	go func() { _ = w.server.Serve(l) }() // ends with the listener
	only := new(http.Protocols)
	only.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: only}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		t.Errorf("%s %d", resp.Proto, resp.StatusCode)
	}
}
