package headend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sigma/headend/config"
	"sigma/headend/frames"
	"sigma/headend/serve/preview"
	"sigma/headend/serve/session"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// TestPages holds that "/" shows channels only where the box says so, and only those
// that have a page; and what media_info.json tells of what is allowed.
func TestPages(t *testing.T) {
	a := &app{engine: &engine{}, rtc: &rtc{}}
	c := config.Config{Box: config.Box{Name: "hanoi"}, Channels: []config.Channel{{Name: "n", Title: "News"}, {Name: "hidden"}}}
	shelf := &timeline.Timeline{}
	stations := map[string]*station{"n": {life: t.Context()}, "hidden": {life: t.Context()}}
	stations["n"].played.Store(&playout{protocols: []string{"cmaf", "player", "jpeg"}, timeline: shelf, preview: &preview.Channel{Source: shelf}})
	stations["hidden"].played.Store(&playout{protocols: []string{"webrtc"}, frames: &frames.Face{Packets: flow.NewRing[flow.Batch](2)}})
	a.viewers.Now = time.Now
	a.engine.publish(c, stations)
	h := a.handler(http.NotFoundHandler())
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := ask("/"); w.Code != http.StatusNotFound || w.Body.String() != "no such channel, or it is not offered this way\n" {
		t.Errorf("/ where it is off: %d %s", w.Code, w.Body)
	}
	c.Box.ViewerPage = true
	a.engine.publish(c, stations)
	if w := ask("/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), ">News<") || !strings.Contains(w.Body.String(), ">hanoi<") || strings.Contains(w.Body.String(), "hidden") {
		t.Errorf("/ where it is on: %d %s", w.Code, w.Body)
	}
	for path, want := range map[string]string{
		"/n/embed.html":           `data-channel="n"`,
		"/n/media_info.json":      `{"name":"ll-hls","url":"index.ll.m3u8","available":false,"reason":"the channel has no media now"}`,
		"/hidden/media_info.json": `{"name":"hls","url":"index.m3u8","available":false,"reason":"the configuration does not allow it"}`,
	} {
		if w := ask(path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for path, code := range map[string]int{"/hidden/embed.html": 404, "/hidden/preview.jpg": 404, "/n/preview.jpg": 503, "/x/media_info.json": 404, "/streamer/player/x": 404} {
		if w := ask(path); w.Code != code {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	a.viewers.Authorizer = func(string) session.Authorizer { return nobody{} }
	if w := ask("/n/preview.jpg"); w.Code != http.StatusForbidden {
		t.Errorf("a picture for who may not watch: %d %s", w.Code, w.Body)
	}
}

// nobody may watch.
type nobody struct{}

func (nobody) Authorize(context.Context, session.Request) (session.Decision, error) {
	return session.Decision{}, nil
}
