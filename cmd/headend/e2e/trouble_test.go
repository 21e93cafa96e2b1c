package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sigma/multicast/rig"
)

// recordedFile returns the path of a recording.
func recordedFile(t *testing.T, name string) string {
	t.Helper()
	recorded(t, name)
	dir, err := Cache("recordings")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name+".ts")
}

// goodChannel is a channel that must stay on air whatever happens beside it.
func goodChannel(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("channels:\n  - name: good\n    inputs: [{url: \"file://%s\"}]\n    outputs: [{url: \"udp://eth@%s\", bitrate: 1200000}]\n", recordedFile(t, "small"), outGroup(1))
}

// unharmed checks that an output went on without a break.
func (p *tape) unharmed(t *testing.T, d *Daemon, g int) {
	t.Helper()
	p.runs(t, d, g)
	p.stop()
	out, _ := packets(p.of(g))
	rep := rig.Examine(out, 1_200_000, pmtOf(out))
	t.Logf("the good channel: %v", rep)
	if rep.Continuity > 0 || rep.PCRWorst > 1 || rep.PCRs == 0 {
		t.Errorf("the good channel was disturbed: %v", rep)
	}
}

// listen listens on a host of the network until the test ends.
func (d *Daemon) listen(t *testing.T, host int, addr string) net.Listener {
	t.Helper()
	var l net.Listener
	err := d.Net.Do(host, func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ip runs ip(8) on the box.
func (d *Daemon) ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := d.Net.Command(box, "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// forever answers every request with the same bytes over and over until its client
// goes.
func forever(data []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	})
}

// noise is what is no transport stream.
func noise() []byte {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, 70*188)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func text() []byte {
	return bytes.Repeat([]byte("this is no transport stream\n"), 70*188/28+1)[:70*188]
}

// TestTrouble does what goes wrong in real life to a box with a good channel: there
// must be an alarm that names the cause, and an end of it when it is mended.
func TestTrouble(t *testing.T) {
	_, data := recorded(t, "small")
	d := network(t, goodChannel(t))
	d.send(t, data, 1_000_000, group(1))
	d.send(t, noise(), 500_000, group(2))
	d.send(t, text(), 500_000, group(3))
	mux := http.NewServeMux()
	mux.Handle("/noise", forever(noise()))
	mux.Handle("/text", forever(text()))
	server := &http.Server{Handler: mux}
	web := d.listen(t, source, "10.99.0.1:80")
	go func() { _ = server.Serve(web) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	air := d.record(t, outGroup(1))
	d.reaches(t, "good", "on_air")

	good := fmt.Sprintf("udp://eth@%s", group(1))
	channel := func(input, output string) object {
		o := object{"source_timeout": "1s", "inputs": []object{{"url": input, "max_retry_timeout": "1s"}}, "outputs": []object{}}
		if output != "" {
			o["outputs"] = []object{{"url": output}}
		}
		return o
	}
	t.Run("interface of an output", func(t *testing.T) {
		d.do(t, http.MethodPut, "/streams/x", channel(good, "udp://soon@239.3.3.3:5000"))
		d.raised(t, "interface_missing", "interface/soon", "soon")
		d.ip(t, "link", "add", "soon", "type", "veth", "peer", "name", "later")
		d.ip(t, "addr", "add", "10.98.0.1/24", "dev", "soon")
		d.ip(t, "link", "set", "later", "up")
		d.ip(t, "link", "set", "soon", "up")
		was := d.state(t, "x").Outputs[0].Datagrams
		d.until(t, "datagrams", func() bool { return d.state(t, "x").Outputs[0].Datagrams > was+10 })
		d.cleared(t, "interface_missing", "interface/soon")
	})
	const notTS = "no transport stream"
	cases := []struct{ name, url, detail string }{
		{"interface of an input", "udp://gone@239.1.1.1:5000", "gone"},
		{"name that does not resolve", "http://no.such.host.invalid/x.ts", "no.such.host.invalid"},
		{"address of another machine", "udp://eth@10.99.0.77:5000", "10.99.0.77"},
		{"server that refuses", "http://10.99.0.1:81/x.ts", "refused"},
		{"address that is not there", "http://10.99.0.1/nothing", "404"},
		{"file that is not there", "file:///nowhere/x.ts", "/nowhere/x.ts"},
		{"group nobody sends to", "udp://eth@239.1.1.99:5000", "no packet"},
		{"noise by multicast", fmt.Sprintf("udp://eth@%s", group(2)), notTS},
		{"text by multicast", fmt.Sprintf("udp://eth@%s", group(3)), notTS},
		{"noise by HTTP", "http://10.99.0.1/noise", "expected a transport stream"},
		{"text by HTTP", "http://10.99.0.1/text", "expected a transport stream"},
	}
	// All at once: an alarm that flaps is held longer and longer.
	for i, c := range cases {
		d.do(t, http.MethodPut, fmt.Sprintf("/streams/bad%d", i), channel(c.url, ""))
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d.raised(t, "input_lost", fmt.Sprintf("input/bad%d/0", i), c.detail)
			d.raised(t, "channel_off_air", fmt.Sprintf("channel/bad%d", i), "")
			a, _ := d.alarm(t, "input_lost", fmt.Sprintf("input/bad%d/0", i))
			t.Logf("alarm: %s", a.Detail)
		})
	}
	for i := range cases {
		d.do(t, http.MethodPut, fmt.Sprintf("/streams/bad%d", i), channel(good, ""))
	}
	for i, c := range cases {
		t.Run(c.name+" mended", func(t *testing.T) {
			d.reaches(t, fmt.Sprintf("bad%d", i), "on_air")
			d.cleared(t, "input_lost", fmt.Sprintf("input/bad%d/0", i))
			d.cleared(t, "channel_off_air", fmt.Sprintf("channel/bad%d", i))
		})
	}
	t.Run("requests", d.badRequests)
	t.Run("configurations", d.badConfigurations)
	air.unharmed(t, d, 0)
}

// badRequests asks the API for what cannot be: each answer says what is wrong.
func (d *Daemon) badRequests(t *testing.T) {
	const base = "http://" + HTTPAddr
	for _, c := range []struct {
		method, path, body string
		status             int
		names              string
	}{
		{"PUT", "/streamer/api/v3/streams/x", `{`, 422, "JSON object"},
		{"PUT", "/streamer/api/v3/streams/x", `{"inputs": "none"}`, 422, "channels[x].inputs"},
		{"PUT", "/streamer/api/v3/streams/x", `{"imputs": []}`, 422, "imputs"},
		{"PUT", "/streamer/api/v3/streams/x", `{"inputs": [{"url": "ftp://x"}]}`, 422, "channels[x].inputs[0].url"},
		{"PUT", "/streamer/api/v3/streams/x", `{"outputs": [{"url": "udp://eth@239.5.5.5"}]}`, 422, "channels[x].outputs[0].url"},
		{"PUT", "/streamer/api/v3/streams/x", `{"outputs": [{"url": "udp://eth@` + outGroup(1).String() + `"}]}`, 422, "channels[x].outputs[0].url"},
		{"PUT", "/streamer/api/v3/streams/x", strings.Repeat("[", 100_000), 422, "depth"},
		{"GET", "/streamer/api/v3/streams/nothing", "", 404, "nothing"},
		{"GET", "/streamer/api/v3/nothing", "", 404, "openapi.json"},
		{"POST", "/streamer/api/v3/streams/x", "", 405, "POST"},
		{"POST", "/streamer/api/v3/streams/x/inputs/77/select", "", 422, ""},
		{"GET", "/nothing/index.m3u8", "", 404, ""},
		{"GET", "/nothing/mpegts", "", 404, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+d.token)
		req.Header.Set("Content-Type", "application/json")
		client := d.client()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		client.CloseIdleConnections()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(b), c.names) || len(b) == 0 {
			t.Errorf("%s %s %.60s: %s %s, %v; want %d and a word about %q", c.method, c.path, c.body, resp.Status, b, err, c.status, c.names)
		}
	}
}

// badConfigurations checks and applies configurations with errors: all are found at
// once, with their place, and nothing changes.
func (d *Daemon) badConfigurations(t *testing.T) {
	bad := `box: {http: nowhere}
channels:
  - name: a b
    inputs: [{url: "udp://239.1.1.1"}]
  - name: ok
    source_timeout: 1ms
    outputs: [{url: "udp://eth@239.9.9.9:5000", ttl: 300}]
`
	file := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after json.RawMessage
	d.get(t, "/config", &before)
	for _, args := range [][]string{{"config", "check", file}, {"config", "apply", file}} {
		out, err := d.Tool(t.Context(), "", args...)
		if err == nil || !strings.Contains(err.Error(), "exit status 1") {
			t.Errorf("%v: %v: want exit status 1", args, err)
		}
		for _, path := range []string{"box.http", "channels[a b].name", "channels[a b].inputs[0].url", "channels[ok].source_timeout", "channels[ok].outputs[0].ttl"} {
			if !strings.Contains(out, path) {
				t.Errorf("%v: no word about %s:\n%s", args, path, out)
			}
		}
	}
	d.get(t, "/config", &after)
	if !bytes.Equal(before, after) {
		t.Error("a configuration with errors changed what runs")
	}
}

// TestPortInUse starts a box whose HTTP port another program has.
func TestPortInUse(t *testing.T) {
	d := network(t, goodChannel(t))
	other := d.listen(t, box, HTTPAddr)
	if err := d.Launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	air := d.record(t, outGroup(1))
	air.runs(t, d, 0)
	d.until(t, "a line of the log", func() bool { return strings.Contains(d.Log(), HTTPAddr+" cannot be listened on") })
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	d.until(t, "the API", func() bool { return d.answers("/health/live") })
	d.cleared(t, "http_listen_failed", "box")
	var past struct{ Alarms []alarmState }
	d.until(t, "the alarm in the history", func() bool {
		d.get(t, "/alarms/history", &past)
		for _, a := range past.Alarms {
			if a.Code == "http_listen_failed" && strings.Contains(a.Detail, HTTPAddr) {
				return true
			}
		}
		return false
	})
	air.unharmed(t, d, 0)
}

// TestFullDisk fills the disk of the data folder.
func TestFullDisk(t *testing.T) {
	d := network(t, "")
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=80m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	d.Data = filepath.Join(disk, "data")
	if err := d.Prepare(t.Context(), goodChannel(t)); err != nil {
		t.Fatal(err)
	}
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.reaches(t, "good", "on_air")
	air := d.record(t, outGroup(1))
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size >= 1; size /= 2 {
		for err = nil; err == nil; {
			_, err = filler.Write(make([]byte, size))
		}
	}
	_ = filler.Close() // it is full
	d.raised(t, "disk_full", "disk", "free")
	change := func(title string) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return d.API(ctx, http.MethodPut, "/streams/good", object{"title": strings.Repeat(title, 50)}, nil)
	}
	var refused error
	for i := 0; i < 1000 && refused == nil; i++ {
		refused = change(fmt.Sprint(i)) // the database may have pages left
	}
	if refused == nil || !strings.Contains(refused.Error(), "full") {
		t.Errorf("a change on a full disk: %v: want an error that names it", refused)
	}
	t.Logf("refused: %v", refused)
	d.reaches(t, "good", "on_air")
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if err := change("again"); err != nil {
		t.Error(err)
	}
	d.cleared(t, "disk_full", "disk")
	air.unharmed(t, d, 0)
}
