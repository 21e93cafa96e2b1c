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

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/mux/ts"
	"sigma/storage"
)

func TestPublicURL(t *testing.T) {
	lo := control.Interface{Name: "lo", Up: true, Carrier: true, Addresses: []string{"127.0.0.1/8", "::1/128"}}
	six := control.Interface{Name: "eth1", Up: true, Carrier: true, Addresses: []string{"fe80::1/64", "2001:db8::1/64"}}
	four := control.Interface{Name: "eth2", Up: true, Carrier: true, Addresses: []string{"169.254.1.1/16", "192.0.2.10/24"}}
	unplugged := control.Interface{Name: "eth0", Up: true, Addresses: []string{"198.51.100.1/24"}}
	for want, list := range map[string][]control.Interface{
		"http://127.0.0.1:80":     {lo, unplugged},
		"http://[2001:db8::1]:80": {lo, unplugged, six},
		"http://192.0.2.10:80":    {lo, unplugged, six, four},
	} {
		if got := publicURL(config.Box{HTTP: "0.0.0.0:80"}, "", func() []control.Interface { return list }); got != want {
			t.Errorf("%+v: %q, want %q", list, got, want)
		}
	}
	alone := func() []control.Interface { return []control.Interface{lo} }
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
		if got := publicURL(c.box, c.listen, alone); got != c.want {
			t.Errorf("%+v, %q: %q, want %q", c.box, c.listen, got, c.want)
		}
	}
	if got := consoleCommand("setup", "[fe80::1%eth0]:22"); got != "ssh -p 22 setup@fe80::1%eth0" {
		t.Errorf("console: %q", got)
	}
}

// TestNotice reads what people are told at the start.
func TestNotice(t *testing.T) {
	ch := control.ChannelStatus{Name: "news", Outputs: []control.OutputStatus{{URL: "udp://239.1.1.1:5000"}}}
	n := notice{version: "1", base: "http://192.0.2.10:8080", ssh: ":2222", channels: []control.ChannelStatus{ch}, setup: true, command: "headend user code --data /d"}
	shown := n
	shown.code = "ABCD-EFGH"
	noWeb, noSSH := n, shown
	noWeb.closed = map[alarm.Code]error{alarm.HTTPListenFailed: errors.New(":8080 cannot be listened on")}
	noSSH.closed = map[alarm.Code]error{alarm.SSHListenFailed: errors.New(":2222 cannot be listened on")}
	const web, door, code = "http://192.0.2.10:8080", "ssh -p 2222 setup@127.0.0.1", "ABCD-EFGH"
	for name, c := range map[string]struct {
		n          notice
		with, none []string
	}{
		"journal":  {n, []string{"is on air", web, door, "headend user code --data /d"}, []string{code}},
		"terminal": {shown, []string{"is on air", web, door, code}, []string{"headend user code"}},
		"no HTTP":  {noWeb, []string{"cannot be reached", ":8080 cannot be listened on", door, "udp://239.1.1.1:5000"}, []string{"is on air", web}},
		"no SSH":   {noSSH, []string{"cannot be reached", ":2222 cannot be listened on", web}, []string{"is on air", door, code}},
		"set up":   {notice{ssh: ":2222"}, []string{"OPERATOR@"}, []string{"one-time code"}},
	} {
		text := c.n.String()
		for _, want := range c.with {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in%s", name, want, text)
			}
		}
		for _, not := range c.none {
			if strings.Contains(text, not) {
				t.Errorf("%s: %q is in%s", name, not, text)
			}
		}
	}
	if f, err := os.Create(filepath.Join(t.TempDir(), "log")); err != nil || isTerminal(f) || isTerminal(&strings.Builder{}) {
		t.Errorf("a file or a buffer passes for a terminal: %v", err)
	}
}

func TestDemoListensOnLoopback(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "demo", "loop.ts")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := demoConfig(t.Context(), data)
	if err != nil || c.Box.HTTP != "127.0.0.1:8080" || c.Box.SSH != "127.0.0.1:2222" || c.Box.WebRTC != "127.0.0.1:8189" || config.Validate(c) != nil {
		t.Errorf("%+v %v", c.Box, err)
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
	id, _, stored, err := s.AddRevision(ctx, 0, row, event)
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
	if _, _, err := Offline(t.Context(), data, false); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("nothing there: %v, want ErrNoData", err)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading made the folder: %v", err)
	}
	_, done, err := Offline(t.Context(), data, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Offline(t.Context(), data, true); !errors.Is(err, ErrInUse) {
		t.Errorf("second: %v, want ErrInUse", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	_, done, err = Offline(t.Context(), data, false)
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
		"good":       {"box: {http: '" + taken.Addr().String() + "'}\nchannels:\n  - name: a\n    inputs:\n      - url: test://One\n", "1 channel, no errors", true},
		"bad value":  {"channels:\n  - name: a b\n", "line 2,", false},
		"bad option": {"channels:\n  - name: a\n    inputs:\n      - url: test://One?rate=0\n", "line 4,", false},
		"bad text":   {"channels: [", "line 1,", false},
	} {
		var out strings.Builder
		ok, err := CheckFile(context.Background(), "-", strings.NewReader(c.text), &out, t.TempDir())
		if err != nil || ok != c.ok || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, %v, %q; want a word about %q", name, ok, err, out.String(), c.want)
		}
	}
}

// TestCheckFileFindsEverything: errors of every kind at once, each with its place.
func TestCheckFileFindsEverything(t *testing.T) {
	const document = `channels:
  - name: a
    segment_count: many
    inputs:
      - url: udp://x
      - url: ftp://h/x
  - name: a
  - name: b
    inputs:
      - url: test://One?rate=0
`
	var out strings.Builder
	if ok, err := CheckFile(t.Context(), "-", strings.NewReader(document), &out, t.TempDir()); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{"line 3, ", "line 5, ", "line 6, ", "line 7, column 5: channels[1].name", "line 10, "} {
		if len(lines) != 5 || !strings.Contains(lines[i], want) {
			t.Fatalf("want %s in line %d of\n%s", want, i, &out)
		}
	}
}

// TestCheckFileOfWhatWasExported: a secret that is masked is that of the data folder.
func TestCheckFileOfWhatWasExported(t *testing.T) {
	data := t.TempDir()
	svc, done, err := Offline(t.Context(), data, true)
	if err != nil {
		t.Fatal(err)
	}
	root := control.Local("cli")
	rev, c, err := svc.Config(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	c.Channels = []config.Channel{{Name: "news", Inputs: []config.Input{{URL: "http://u:pw@10.0.0.1/x.ts", Headers: map[string]string{"X-Key": "s"}}}}}
	if _, err := svc.Commit(t.Context(), root, rev.ID, c, ""); err != nil {
		t.Fatal(err)
	}
	exported, err := svc.Export(t.Context(), root)
	if err := errors.Join(err, done()); err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(exported), "10.0.0.1", "10.0.0.2", 1)
	for name, c := range map[string]struct {
		text, data, want string
		ok               bool
	}{
		"on the box":          {string(exported), data, "1 channel, no errors", true},
		"on another":          {string(exported), t.TempDir(), "warning: channels[news].inputs[0]: a secret is masked", true},
		"of an unknown input": {other, data, "the secret is masked and not known here", false},
	} {
		var out strings.Builder
		if ok, err := CheckFile(t.Context(), "-", strings.NewReader(c.text), &out, c.data); ok != c.ok || err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v %v %s", name, ok, err, &out)
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
	if _, err := Analyze(t.Context(), &out, "ftp://x", time.Second, true); !errors.Is(err, ErrInput) {
		t.Errorf("no input: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("no stream"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Analyze(t.Context(), &out, path, time.Second, true); err == nil || !strings.Contains(err.Error(), "no transport stream") {
		t.Errorf("not a stream: %v", err)
	}
}
