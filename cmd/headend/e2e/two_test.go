package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

// beside makes a daemon on another host of the network of d.
func (d *Daemon) beside(t *testing.T, host int, yaml string) *Daemon {
	t.Helper()
	o := &Daemon{Net: d.Net, Host: host, Binary: d.Binary, Data: t.TempDir()}
	if err := o.Prepare(t.Context(), yaml); err != nil {
		t.Fatal(err)
	}
	return o
}

// entry is a segment as a playlist tells it.
type entry struct {
	name     string // of its address, with the directory
	sequence int
	duration string
}

// playlist reads a media playlist of HLS.
func (d *Daemon) playlist(t *testing.T, address string) (list []entry) {
	t.Helper()
	sequence, duration := 0, ""
	for line := range strings.Lines(string(d.fetch(t, address))) {
		line = strings.TrimSpace(line)
		if n, ok := strings.CutPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"); ok {
			if _, err := fmt.Sscan(n, &sequence); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		if s, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			duration = s
		}
		if line != "" && line[0] != '#' {
			list = append(list, entry{path.Join(path.Dir(address), line), sequence, duration})
			sequence++
		}
	}
	return list
}

// fetch gets what the daemon serves at a path.
func (d *Daemon) fetch(t *testing.T, address string) []byte {
	t.Helper()
	c := d.client()
	defer c.CloseIdleConnections()
	r, err := c.Get("http://" + HTTPAddr + address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, r.Status, err)
	}
	return b
}

// TestTwoBoxes has two boxes receive one multicast, the second from some seconds later
// on. They have to make the same segments, and a browser that is moved from one to the
// other has to play on.
func TestTwoBoxes(t *testing.T) {
	clip := pageClip(t)
	yaml := fmt.Sprintf(`
channels:
  - name: news
    segment_duration: 2s
    inputs: [{url: "udp://eth@%s"}]
`, group(1))
	one := network(t, yaml)
	two := one.beside(t, receiver, yaml)
	origin := one.beside(t, source, fmt.Sprintf(`
channels:
  - name: origin
    protocols: [mpegts]
    inputs: [{url: "file://%s"}]
    outputs: [{url: "udp://eth@%s", ttl: 4}]
`, clip, group(1)))
	origin.mustStart(t)
	one.mustStart(t)
	one.until(t, "segments of the first box", func() bool { return one.answers("/news/mono.m3u8") })
	two.mustStart(t)
	two.until(t, "segments of the second box", func() bool { return two.answers("/news/mono.m3u8") })

	first, second := &way{RoundTripper: one.client().Transport}, &way{RoundTripper: two.client().Transport}
	var moved atomic.Pointer[way]
	moved.Store(first)
	page, stop := one.browser(t, "http://"+door(t, one, &moved)+"/news/index.m3u8")
	goesOn := func(d *Daemon, where string) {
		t.Helper()
		was := page.now().At
		d.until(t, "the browser to play "+where, func() bool { return page.ended() || page.now().At > was+5 })
		if page.ended() {
			t.Fatalf("%s the browser ended: %s", where, page.failed)
		}
	}
	goesOn(one, "on the first box")
	moved.Store(second)
	goesOn(two, "on the second box")
	if second.used.Load() == 0 {
		t.Error("the browser was not moved")
	}
	moved.Store(first)
	goesOn(one, "on the first box again")
	stop()
	seen := page.now()
	t.Logf("browser: %+v", seen)
	if len(seen.Fatal) > 0 || seen.Stalls > 1 {
		t.Errorf("%d stalls, fatal %v", seen.Stalls, seen.Fatal)
	}

	for _, kind := range []string{"/news/mono.m3u8", "/news/tracks-v1/index.fmp4.m3u8"} {
		a, b := one.playlist(t, kind), two.playlist(t, kind)
		same := 0
		for _, s := range a {
			if i := slices.Index(b, s); i >= 0 && (i > 0 || len(b) == len(a)) {
				same++
				x, y := one.fetch(t, s.name), two.fetch(t, s.name)
				if strings.HasSuffix(s.name, ".ts") {
					x, y = withoutTables(x), withoutTables(y)
				}
				if len(x) < 1000 || string(x) != string(y) {
					t.Errorf("%s: %d and %d bytes, not the same", s.name, len(x), len(y))
				}
			}
		}
		t.Logf("%s: %d of %d segments are the same", kind, same, len(a))
		if same < len(a)-2 || same < 3 { // one of them may be a segment ahead
			t.Errorf("%s:\n%v\n%v", kind, a, b)
		}
	}
}

// way leads to a box and counts what goes there.
type way struct {
	http.RoundTripper
	used atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (w *way) RoundTrip(r *http.Request) (*http.Response, error) {
	w.used.Add(1)
	return w.RoundTripper.RoundTrip(r)
}

// door returns an address on the host of d that leads to a box.
func door(t *testing.T, d *Daemon, to *atomic.Pointer[way]) string {
	t.Helper()
	var l net.Listener
	err := d.Net.Do(d.Host, func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := httputil.ReverseProxy{Transport: to.Load(), Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", HTTPAddr
		}}
		p.ServeHTTP(w, r)
	})}
	go func() { _ = srv.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

// withoutTables returns the packets that are neither PAT nor PMT: these are counted from
// where a box began.
func withoutTables(data []byte) (out []byte) {
	pmt := pmtOf(data)
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		if pid := ts.PID(data); pid != psi.PIDPAT && pid != pmt {
			out = append(out, data[:ts.PacketSize]...)
		}
	}
	return out
}
