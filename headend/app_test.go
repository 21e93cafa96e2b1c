package headend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/mux/ts"
	"sigma/storage"
)

func TestPublicURL(t *testing.T) {
	for _, c := range []struct {
		box          config.Box
		listen, want string
	}{
		{config.Box{HTTP: ":8080"}, "", "http://127.0.0.1:8080"},
		{config.Box{HTTP: "[::]:80"}, "", "http://127.0.0.1:80"},
		{config.Box{HTTP: "10.0.0.1:80"}, "[fe80::1%eth0]:81", "http://[fe80::1%eth0]:81"},
		{config.Box{HTTP: ":80"}, "nowhere", "http://nowhere"},
		{config.Box{HTTP: ":80", PublicURL: "https://tv/"}, ":81", "https://tv"},
	} {
		if got := publicURL(c.box, c.listen); got != c.want {
			t.Errorf("%+v, %q: %q, want %q", c.box, c.listen, got, c.want)
		}
	}
	if got := consoleCommand("setup", "[fe80::1%eth0]:22"); got != "ssh -p 22 setup@fe80::1%eth0" {
		t.Errorf("console: %q", got)
	}
}

func TestModules(t *testing.T) {
	m := modules{}
	for _, url := range []string{
		"udp://127.0.0.1:5000", "rtp://239.1.1.1:5000", "http://127.0.0.1/a.ts", "https://127.0.0.1/a.ts",
		"tcp://127.0.0.1:5000", "file:///tmp/a.ts", "test://One",
	} {
		if s, err := m.Source("a", 0, config.Input{URL: url}); err != nil || s.Source == nil || s.Counters == nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, want := range map[string]string{
		"test://One?size=big": "WIDTHxHEIGHT", "gopher://a": "gopher",
	} {
		if _, err := m.Source("a", 0, config.Input{URL: url}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a word about %q", url, err, want)
		}
	}
	ttl := 3
	o, err := m.Output("a", 0, config.Output{URL: "rtp://127.0.0.1:5000", TTL: &ttl, Bitrate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	if spec := o.Output.(*datagramOutput).spec; !spec.RTP || spec.TTL != 3 || spec.Rate != 1e6 || spec.Check() != nil {
		t.Errorf("spec %+v: %v", spec, spec.Check())
	}
	if s := o.Status(); !reflect.ValueOf(s).IsZero() {
		t.Errorf("status of an output that does not run: %+v", s)
	}
}

func TestOutputID(t *testing.T) {
	long := config.Output{URL: "udp://239.1.1.1:5000?" + strings.Repeat("x", 500)}
	id := outputID(strings.Repeat("n", 128), long)
	if len(id) != 32 || id != outputID(strings.Repeat("n", 128), long) || id == outputID("n", long) {
		t.Errorf("id %q", id)
	}
	long.Comment = "no other output"
	if id != outputID(strings.Repeat("n", 128), long) {
		t.Error("a comment makes another output")
	}
}

func TestStore(t *testing.T) {
	ctx := t.Context()
	db, err := storage.Open(ctx, filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, at := store{db}, time.UnixMicro(1_700_000_000_000_001).UTC()
	same := func(what string, got, want any, err error) {
		t.Helper()
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if err != nil || !bytes.Equal(g, w) {
			t.Errorf("%s: %s, %v; want %s", what, g, err, w)
		}
	}
	user := control.StoredUser{Name: "ann", Role: "admin", Language: "vi", Password: "hash", LastLogin: at}
	if err := s.PutUser(ctx, user); err != nil {
		t.Fatal(err)
	}
	users, err := s.Users(ctx)
	same("users", users, []control.StoredUser{user}, err)
	alarm := control.Alarm{ID: 7, Code: "disk_low", Severity: 2, Object: "disk", Detail: "d", Raised: at, AckedBy: "ann", Acked: at}
	if err := s.PutAlarm(ctx, alarm); err != nil {
		t.Fatal(err)
	}
	alarms, err := s.Alarms(ctx, 10)
	same("alarms", alarms, []control.Alarm{alarm}, err)
	event := control.Event{At: at, Kind: "login", Actor: "ann", Object: "o", Text: "t"}
	if event.ID, err = s.AddEvent(ctx, event); err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(ctx, 0, 10)
	same("events", events, []control.Event{event}, err)
	row := control.StoredRevision{At: at, Actor: "ann", Comment: "c", Document: []byte("{}"), Started: true}
	id, stored, err := s.AddRevision(ctx, 0, row, event)
	if err != nil || !stored {
		t.Fatalf("revision: %v, %v", stored, err)
	}
	row.ID = id
	got, _, err := s.Revision(ctx, id)
	same("revision", got, row, err)
	m := memory{db}
	if b, err := m.Load("news"); b != nil || err != nil {
		t.Errorf("nothing saved: %q, %v", b, err)
	}
	err = m.Save("news", []byte("x"))
	b, loadErr := m.Load("news")
	same("memory", b, []byte("x"), errors.Join(err, loadErr))
}

func TestOffline(t *testing.T) {
	data := filepath.Join(t.TempDir(), "new")
	_, done, err := Offline(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Offline(t.Context(), data); !errors.Is(err, ErrInUse) {
		t.Errorf("second: %v, want ErrInUse", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	_, done, err = Offline(t.Context(), data)
	if err != nil {
		t.Fatalf("after the first is done: %v", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFile(t *testing.T) {
	taken := hold(t)
	for name, c := range map[string]struct {
		text, want string
		ok         bool
	}{
		"good":       {"box: {http: '" + taken.Addr().String() + "'}\nchannels:\n  - name: a\n    inputs:\n      - url: test://One\n", "1 channels, no errors", true},
		"bad value":  {"channels:\n  - name: a b\n", "line 2,", false},
		"bad option": {"channels:\n  - name: a\n    inputs:\n      - url: test://One?rate=0\n", "line 4,", false},
		"bad text":   {"channels: [", "line 1,", false},
	} {
		var out strings.Builder
		ok, err := CheckFile(context.Background(), "-", strings.NewReader(c.text), &out)
		if err != nil || ok != c.ok || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, %v, %q; want a word about %q", name, ok, err, out.String(), c.want)
		}
	}
}

func TestAnalyze(t *testing.T) {
	// Packets of PID 0x100, a clock every 20 ms: one counter is skipped, one clock is 120 ms late.
	var b []byte
	pcr, cc := uint64(0), uint8(0)
	for i := range 50 {
		b = ts.AppendPCRPacket(b, 0x100, cc, pcr)
		p := ts.Null()
		ts.SetPID(p[:], 0x101)
		ts.SetCC(p[:], uint8(i)&15)
		if i >= 30 {
			ts.SetCC(p[:], uint8(i+3)&15)
		}
		b = append(b, p[:]...)
		pcr += 20 * 27_000
		if i == 40 {
			pcr += 100 * 27_000
		}
	}
	path := filepath.Join(t.TempDir(), "a.ts")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	clean, err := Analyze(t.Context(), &out, path, time.Second, true)
	var a Analysis
	if err := errors.Join(err, json.Unmarshal(out.Bytes(), &a)); err != nil {
		t.Fatal(err)
	}
	if clean || a.Packets != 100 || a.Errors.Continuity != 1 || a.Errors.PCRGaps != 1 || len(a.PCR) != 1 || a.PCR[0].Max != 120 {
		t.Errorf("clean %v, %+v, PCR %+v", clean, a.Errors, a.PCR)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("no stream"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Analyze(t.Context(), &out, path, time.Second, true); err == nil || !strings.Contains(err.Error(), "no transport stream") {
		t.Errorf("not a stream: %v", err)
	}
}
