package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/headend/api"
	"sigma/headend/control"
)

// fake is a control.Service in memory: what it does not have panics.
type fake struct {
	api.Service

	mu       sync.Mutex
	revision int64
	config   control.Config
	events   []control.Event // oldest first
	watchers []chan control.Event
	did      []string
	fail     error // what Snapshot answers
}

func role(name string) control.Role {
	var r control.Role
	if err := r.UnmarshalText([]byte(name)); err != nil {
		panic(err)
	}
	return r
}

func newFake() *fake {
	return &fake{revision: 7, config: control.Config{
		Box: control.Box{Name: "box"},
		Channels: []control.Channel{
			{Name: "news", Title: "News", Inputs: []control.Input{{URL: "udp://239.0.0.1:1234"}}, SegmentDuration: control.Duration(5 * time.Second)},
			{Name: "tv/hd/sport", Title: "Sport"},
			{Name: "film"},
		},
	}}
}

func (f *fake) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, s)
}

func (f *fake) Authenticate(_ context.Context, name, password, via, remote string) (control.Actor, error) {
	switch {
	case password == "locked":
		return control.Actor{}, control.ErrLocked
	case password != "secret":
		return control.Actor{}, control.ErrCredentials
	}
	return control.Actor{Name: name, Role: role(name), Via: via, Remote: remote}, nil
}

func (f *fake) AuthenticateToken(_ context.Context, token, via, remote string) (control.Actor, error) {
	if token != "tok-1" {
		return control.Actor{}, control.ErrCredentials
	}
	return control.Actor{Name: "token", Role: role("operator"), Via: via, Remote: remote}, nil
}

func (f *fake) Config(context.Context, control.Actor) (control.Revision, control.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return control.Revision{ID: f.revision, Running: true}, f.config, nil
}

func (f *fake) Commit(_ context.Context, a control.Actor, base int64, c control.Config, comment string) (control.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case a.Role < role("operator"):
		return control.Revision{}, control.ErrForbidden
	case base != f.revision:
		return control.Revision{}, control.ErrConflict
	}
	for i, ch := range c.Channels {
		if len(ch.Inputs) > 0 && ch.Inputs[0].URL == "bad" {
			return control.Revision{}, &control.Error{Code: control.CodeInvalid, Text: "not valid", Fields: control.FieldErrors{
				{Path: "channels[" + c.Channels[i].Name + "].inputs[0].url", Text: "expected a URL"},
			}}
		}
	}
	f.revision++
	f.config = c
	f.did = append(f.did, "commit "+comment)
	return control.Revision{ID: f.revision}, nil
}

func (f *fake) Validate(_ context.Context, _ control.Actor, c control.Config) error {
	if c.Box.Name == "" {
		return control.FieldErrors{{Path: "box.name", Text: "expected a name"}}
	}
	return nil
}

func (f *fake) Parse(_ context.Context, _ control.Actor, text []byte) (control.Config, error) {
	return control.Config{Box: control.Box{Name: strings.TrimSpace(string(text))}}, nil
}

func (f *fake) Export(context.Context, control.Actor) ([]byte, error) {
	return []byte("box:\n  name: box\n"), nil
}

func (f *fake) Propose(_ context.Context, _ control.Actor, base int64, _ control.Config) (control.Plan, error) {
	return control.Plan{Base: base}, nil
}

func (f *fake) status(ch control.Channel) control.ChannelStatus {
	st := control.ChannelStatus{Name: ch.Name, State: "on_air", Bitrate: int64(len(ch.Name)) * 1000, Viewers: 2, Active: 0, Manual: -1}
	for _, in := range ch.Inputs {
		st.Inputs = append(st.Inputs, control.InputStatus{URL: in.URL, State: "on_air"})
		st.Outputs = append(st.Outputs, control.OutputStatus{URL: "udp://239.1.1.1:1", State: "on_air"})
	}
	return st
}

func (f *fake) Snapshot(context.Context, control.Actor) (control.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := control.Snapshot{At: time.Unix(1, 0), Revision: f.revision, Alarms: control.AlarmCount{Ignored: 3, Unrecorded: 4}}
	for _, ch := range f.config.Channels {
		s.Channels = append(s.Channels, f.status(ch))
	}
	return s, f.fail
}

func (f *fake) ChannelStatus(_ context.Context, _ control.Actor, name string) (control.ChannelStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ch := f.config.Channel(name); ch != nil {
		return f.status(*ch), nil
	}
	return control.ChannelStatus{}, control.ErrNotFound
}

func (f *fake) System(context.Context, control.Actor) (control.System, error) {
	return control.System{Name: "box", Uptime: 77 * time.Hour, Started: time.Unix(1000, 0), CPUs: 2}, nil
}

func (f *fake) SelectInput(_ context.Context, _ control.Actor, channel string, input int) error {
	if input > 0 {
		return control.ErrNotFound
	}
	f.note("select " + channel)
	return nil
}

func (f *fake) RestartChannel(_ context.Context, _ control.Actor, channel string) error {
	f.note("restart " + channel)
	return nil
}

func (f *fake) Alarms(context.Context, control.Actor) ([]control.Alarm, error) {
	return []control.Alarm{{ID: 3, Code: "input_lost", Severity: 2, Object: "channel/news", Raised: time.Unix(5, 0)}}, nil
}

func (f *fake) AlarmInfo(code control.AlarmCode) (control.AlarmInfo, bool) {
	return control.AlarmInfo{Code: code, Severity: 2, Title: "lost", Hold: 1500 * time.Millisecond}, code == "input_lost"
}

func (f *fake) Users(context.Context, control.Actor) ([]control.User, error) {
	return nil, errors.New("the disk is gone")
}

func (f *fake) CreateToken(_ context.Context, _ control.Actor, name string, r control.Role, _ time.Duration) (control.Token, string, error) {
	return control.Token{ID: "1", Name: name, Role: r}, "tok-new", nil
}

func (f *fake) Events(_ context.Context, _ control.Actor, before int64, limit int) ([]control.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []control.Event
	for _, e := range slices.Backward(f.events) {
		if (before == 0 || e.ID < before) && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (f *fake) Watch(context.Context, control.Actor) (<-chan control.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan control.Event, 16)
	f.watchers = append(f.watchers, c)
	return c, nil
}

func (f *fake) happen(e control.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
	for _, w := range f.watchers {
		w <- e
	}
}

func (f *fake) Sessions(_ context.Context, _ control.Actor, ended bool) ([]control.Session, error) {
	if ended {
		return []control.Session{{ID: "old", Channel: "news", Protocol: "mpegts", Reason: "too slow"}}, nil
	}
	return []control.Session{{ID: "a", Channel: "news", Protocol: "hls"}, {ID: "b", Channel: "film", Protocol: "mpegts"}}, nil
}

func (f *fake) CloseSession(_ context.Context, _ control.Actor, id string) error {
	f.note("close " + id)
	return nil
}

func (f *fake) Reauthorize(_ context.Context, _ control.Actor, channel string) error {
	f.note("reauth " + channel)
	return nil
}

func newServer(f *fake) *api.Server {
	return &api.Server{
		Control: f, Version: "1.2.3", Now: func() time.Time { return time.Unix(1090, 0) }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Uncounted: func() uint64 { return 5 },
		Sessions: func() []api.Session {
			return []api.Session{{ID: "a", Channel: "news", Protocol: "hls"}, {ID: "b", Channel: "film", Protocol: "mpegts"}}
		},
	}
}

// call is one request and its answer.
type call struct {
	h http.Handler
	t testing.TB
}

func (c call) do(method, path, body string, header ...string) (*http.Response, string) {
	c.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("operator", "secret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	resp := w.Result()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(b)
}

// want checks status and decodes the body into a T.
func want[T any](t testing.TB, status int, r *http.Response, body string) T {
	t.Helper()
	var v T
	if r.StatusCode != status {
		t.Errorf("%d, want %d: %s", r.StatusCode, status, body)
		return v
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Errorf("%v: %s", err, body)
	}
	return v
}
