package headend

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/channel"
	"sigma/headend/config"
	"sigma/headend/serve/session"
	"sigma/mux/flow"
)

// silent builds inputs and outputs that run and move nothing.
type silent struct{}

func (silent) Run(ctx context.Context, _ flow.Appender[flow.Batch]) error {
	<-ctx.Done()
	return nil
}

func (silent) Source(_ string, _ int, in config.Input) (channel.Source, error) {
	if strings.Contains(in.URL, "bad") {
		return channel.Source{}, errors.New("no good")
	}
	return channel.Source{Source: silent{}}, nil
}

type mute struct{}

func (mute) Run(ctx context.Context, _ *flow.Cursor[flow.Batch]) error {
	<-ctx.Done()
	return nil
}

func (silent) Output(string, int, config.Output) (channel.Output, error) {
	return channel.Output{Output: mute{}}, nil
}

func newEngine(t *testing.T) *engine {
	alarms := &alarm.Tracker{}
	w := newWeb(t, alarms)
	w.HTTP, w.SSH = "127.0.0.1:0", "127.0.0.1:0"
	seats := &session.Registry{Now: time.Now}
	for range 3 {
		if _, _, err := seats.Open(httptest.NewRequest(http.MethodGet, "/b/mpegts", nil), "b", "mpegts", func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	e := &engine{
		RTC:  func(config.Box) {},
		Root: t.Context(), Build: silent{}, Alarms: alarms, Web: w, Logger: slog.New(slog.DiscardHandler),
		Events: func(string, string, string) {}, Seats: seats,
	}
	t.Cleanup(e.stop)
	return e
}

func boxWith(names ...string) config.Config {
	c := config.Defaults()
	for _, n := range names {
		c.Channels = append(c.Channels, config.Channel{Name: n, Protocols: []string{"mpegts"}, Inputs: []config.Input{{URL: "test://" + n}}})
	}
	return c
}

func TestApply(t *testing.T) {
	e := newEngine(t)
	apply := func(c config.Config) {
		t.Helper()
		if err := e.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	apply(boxWith("a", "b"))
	kept, _ := e.station("b")
	gone, _ := e.station("a")
	c := boxWith("b", "c")
	c.Channels[0].Title = "B"
	c.Channels[0].Outputs = []config.Output{{URL: "udp://nic7@127.0.0.1:5000"}}
	over, cancel := context.WithCancel(t.Context())
	cancel() // who asked is gone
	if err := e.Apply(over, c); err != nil {
		t.Fatalf("asked for by someone who left: %v", err)
	}
	if now, _ := e.station("b"); now != kept || !slices.Equal(e.names(), []string{"b", "c"}) {
		t.Errorf("channels %v, b was kept: %v", e.names(), now == kept)
	}
	if gone.life.Err() == nil {
		t.Error("a still runs")
	}
	status := e.Channels()
	if len(status) != 2 || status[0].Viewers != 3 || status[1].Name != "c" {
		t.Errorf("status %+v", status)
	}
	if ids := e.outputs(); len(ids) != 1 || !ids[outputID("b", c.Effective().Channels[0].Outputs[0])] {
		t.Errorf("outputs %v", ids)
	}
	if used := e.interfacesInUse(); !used["nic7"] {
		t.Errorf("interfaces %v", used)
	}
	if err := e.SelectInput("b", 0); err != nil {
		t.Error(err)
	}
	if err := e.SelectInput("a", 0); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("select on a channel that is gone: %v", err)
	}
	here := e.onAir()
	e.publish(here.config, map[string]*station{"a": gone}) // as if it went while it was asked
	if err := e.RestartChannel("a"); err == nil || !strings.Contains(err.Error(), "went off air") {
		t.Errorf("restart of a channel that ended: %v", err)
	}
	e.publish(here.config, here.stations)
	c.Channels[0].Disabled = true
	apply(c)
	if len(e.outputs()) != 0 || len(e.interfacesInUse()) != 0 {
		t.Error("a channel that is off has outputs or interfaces")
	}
	if kept.stream.Load() != nil {
		t.Error("a channel that is off may be played")
	}
}

// Who watches over HTTP-TS does so until that is withdrawn, whatever else changes.
func TestStreamIsWithdrawn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		ends   bool
	}{
		"another segment": {func(c *config.Config) { c.Channels[0].SegmentCount = 7 }, false},
		"one more":        {func(c *config.Config) { c.Channels[0].Protocols = []string{"hls", "mpegts"} }, false},
		"withdrawn":       {func(c *config.Config) { c.Channels[0].Protocols = []string{"hls"} }, true},
		"disabled":        {func(c *config.Config) { c.Channels[0].Disabled = true }, true},
		"removed":         {func(c *config.Config) { c.Channels = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			cfg := boxWith("a")
			if err := e.Apply(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			st, _ := e.station("a")
			watched := st.stream.Load()
			next := cfg.Clone()
			c.change(&next)
			if err := e.Apply(t.Context(), next); err != nil {
				t.Fatal(err)
			}
			if ended := watched.life.Err() != nil; ended != c.ends {
				t.Errorf("ended %v, want %v", ended, c.ends)
			}
		})
	}
}

// stuck builds sources that do not end before they may.
type stuck struct {
	silent
	runs, asked, may chan struct{}
}

func (s stuck) Source(string, int, config.Input) (channel.Source, error) {
	return channel.Source{Source: s}, nil
}

func (s stuck) Run(ctx context.Context, _ flow.Appender[flow.Batch]) error {
	close(s.runs)
	<-ctx.Done()
	close(s.asked)
	<-s.may
	return nil
}

// Whoever asks what runs does not wait for a channel that takes its time to end.
func TestApplyHoldsNobodyUp(t *testing.T) {
	e := newEngine(t)
	if err := e.Apply(t.Context(), boxWith("b")); err != nil {
		t.Fatal(err)
	}
	s := stuck{runs: make(chan struct{}), asked: make(chan struct{}), may: make(chan struct{})}
	e.Build = s
	if err := e.Apply(t.Context(), boxWith("a", "b")); err != nil {
		t.Fatal(err)
	}
	<-s.runs
	applied, answers := make(chan error, 1), make(chan []string, 1)
	go func() { applied <- e.Apply(t.Context(), boxWith("b")) }()
	<-s.asked
	go func() {
		_, b := e.station("b")
		if _, a := e.station("a"); a || !b || len(e.Channels()) != 1 || e.box().HTTP == "" || len(e.outputs())+len(e.interfacesInUse()) != 0 {
			t.Errorf("a is found: %v, b is found: %v, channels %v", a, b, e.Channels())
		}
		answers <- e.names()
	}()
	select {
	case got := <-answers:
		if !slices.Equal(got, []string{"b"}) {
			t.Errorf("channels %v", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("no answer while a channel ends")
	}
	close(s.may)
	if err := <-applied; err != nil {
		t.Error(err)
	}
}

func TestEngineCheck(t *testing.T) {
	e := newEngine(t)
	if err := e.Apply(t.Context(), boxWith("a")); err != nil {
		t.Fatal(err)
	}
	c := boxWith("b")
	c.Channels[0].Outputs = []config.Output{{URL: "udp://nic7@239.1.1.1:5000"}}
	interrupts, warnings, err := e.Check(t.Context(), c)
	if err != nil || !slices.Contains(interrupts, "channel/a: goes off air") ||
		len(warnings) != 1 || !strings.Contains(warnings[0], `no interface "nic7"`) {
		t.Errorf("interrupts %q, warnings %q, %v", interrupts, warnings, err)
	}
	var fields config.FieldErrors
	if _, _, err := e.Check(t.Context(), boxWith("a", "bad")); !errors.As(err, &fields) || fields[0].Path != "channels[bad].inputs[0].url" {
		t.Errorf("bad input: %v", err)
	}
}

func TestHandler(t *testing.T) {
	a := &app{engine: newEngine(t)}
	if err := a.engine.Apply(t.Context(), boxWith("a")); err != nil {
		t.Fatal(err)
	}
	h := a.handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for path, want := range map[string]int{
		"/metrics": http.StatusTeapot, "/health/live": http.StatusTeapot, "/streamer/api/v3/channels": http.StatusTeapot,
		"/a/mpegts": http.StatusOK, "/b/mpegts": http.StatusNotFound, "/a/index.m3u8": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	there := filepath.Join(t.TempDir(), "a b.ts")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	url := "file://" + strings.ReplaceAll(there, " ", "%20")
	got := missingFiles([]config.Channel{
		{Name: "one", Inputs: []config.Input{{URL: url}, {URL: url + ".gone"}}},
		{Name: "two", Inputs: []config.Input{{URL: "udp://239.1.1.1:5000"}}},
	})
	if len(got) != 1 || !strings.HasPrefix(got[0], `channels[one].inputs[1]: this machine has no file "`) || !strings.HasSuffix(got[0], "no such file or directory") {
		t.Errorf("got %q", got)
	}
}
