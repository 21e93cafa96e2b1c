package session

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestHook(t *testing.T) {
	var asked url.Values
	answer := func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query()
		answer(w)
	}))
	defer srv.Close()
	allow := false
	var told error
	h := &Hook{URL: srv.URL + "/auth?key=k", Default: func() bool { return allow }, Client: HookClient(), Told: func(err error) { told = err }}
	q := Request{Channel: "tv/news", Protocol: "hls", Address: "192.0.2.1", Token: "a b&c", UserAgent: "p", Session: "id", ChannelClients: 3, TotalClients: 9}
	want := map[string]string{
		"key": "k", "name": "tv/news", "proto": "hls", "ip": "192.0.2.1", "token": "a b&c", "user_agent": "p", "request_type": "new_session",
		"request_number": "0", "session_id": "id", "stream_clients": "3", "total_clients": "9",
	}
	for _, c := range []struct {
		status int
		header http.Header
		update bool
		want   Decision
		silent bool
	}{
		{status: 200, want: Decision{Allow: true}},
		{status: 302, header: http.Header{"Location": {"/elsewhere"}}, want: Decision{Allow: true}},
		{status: 200, header: http.Header{"X-Authduration": {"36000"}, "X-Userid": {"7"}, "X-Max-Sessions": {"2"}, "X-Unique": {"true"}},
			want: Decision{Allow: true, For: 10 * time.Hour, User: "7", MaxSessions: 2, Unique: true}},
		{status: 200, header: http.Header{"X-Authduration": {"1"}, "X-Max-Sessions": {"-1"}, "X-Userid": {strings.Repeat("u", 1000)}},
			want: Decision{Allow: true, For: minFor, User: strings.Repeat("u", maxUser)}},
		{status: 200, header: http.Header{"X-Authduration": {"99999999999999999999"}}, want: Decision{Allow: true}},
		{status: 403, want: Decision{}},
		{status: 404, header: http.Header{"X-Authduration": {"60"}}, want: Decision{For: time.Minute}},
		{status: 500, want: Decision{Reason: silent, For: silentFor}, silent: true},
		{status: 500, update: true, silent: true},
	} {
		answer = func(w http.ResponseWriter) {
			for k, v := range c.header {
				w.Header()[k] = v
			}
			w.WriteHeader(c.status)
		}
		q.Update = c.update
		d, err := h.Authorize(t.Context(), q)
		if d != c.want || (err != nil) != (c.silent && c.update) || (told != nil) != c.silent {
			t.Errorf("%+v: %+v %v, told %v", c, d, err, told)
		}
	}
	if asked.Get("request_type") != "update_session" || asked.Get("duration") != "0" || asked.Get("bytes") != "0" {
		t.Errorf("%v", asked)
	}
	q.Update = false
	answer = func(http.ResponseWriter) {}
	if _, err := h.Authorize(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for name, v := range want {
		if asked.Get(name) != v {
			t.Errorf("%s=%q, want %q", name, asked.Get(name), v)
		}
	}
	srv.Close()
	if allow = true; true {
		if d, err := h.Authorize(t.Context(), q); err != nil || !d.Allow {
			t.Errorf("nobody there, and allow_default: %+v %v", d, err)
		}
	}
}
