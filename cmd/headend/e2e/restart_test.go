package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigma/mux/ts"
)

// TestRestart kills the daemon, and stops it, while a receiver captures an output:
// the tables must go on, and the programme must be back soon.
func TestRestart(t *testing.T) {
	rec, data := recorded(t, "h264")
	d := network(t, fmt.Sprintf(`
channels:
  - name: news
    segment_duration: 1s
    inputs: [{url: "udp://eth@%s"}]
    outputs: [{url: "rtp://eth@%s", bitrate: %d}]
`, group(1), outGroup(1), rec.Rate*11/10))
	d.send(t, data, rec.Rate, group(1))
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.reaches(t, "news", "on_air")
	air := d.record(t, outGroup(1))
	list := &playlist{names: map[string][32]byte{}}
	filled := func(more int) {
		t.Helper()
		want := len(list.names) + more
		d.until(t, "segments", func() bool { list.follow(t, d, "news"); return len(list.names) >= want })
	}
	air.runs(t, d, 0)
	filled(3)
	for _, end := range []struct {
		how string
		do  func()
	}{{"kill -9", d.Kill}, {"SIGTERM", func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	}}} {
		before := len(air.of(0))
		began := time.Now()
		end.do()
		gone := time.Now()
		if err := d.Launch(); err != nil {
			t.Fatal(err)
		}
		d.until(t, "the daemon to answer", func() bool { return d.answers("/health/ready") })
		air.runs(t, d, 0)
		filled(3)
		// From SIGTERM on the daemon takes its leave in order; the clock runs from its end.
		if end.how == "kill -9" {
			gone = began
		}
		lost, from := gap(air.of(0)[max(0, before-200):], programme)
		if back := from.Add(lost).Sub(gone); back > 2*time.Second {
			t.Errorf("%s: the programme is back after %v, want 2 s at most", end.how, back)
		}
		t.Logf("%s: %v without programme, back %v after the end", end.how, lost, from.Add(lost).Sub(gone))
	}
	air.stop()

	out, missing := packets(air.of(0))
	if missing > 0 {
		t.Errorf("%d RTP packets are missing in the sequence", missing)
	}
	pmt := pmtOf(out)
	for _, pid := range []uint16{0, pmt} {
		most, _ := gap(air.of(0), func(b []byte) bool { return starts(b, pid) })
		if most > 500*time.Millisecond {
			t.Errorf("PID %#x: %v without a section, want 500 ms at most", pid, most)
		}
		if n := breaks(out, pid); n > 0 {
			t.Errorf("PID %#x: %d continuity errors", pid, n)
		}
		t.Logf("PID %#x: sections at most %v apart", pid, most)
	}
}

// starts reports whether a section of a PID begins in a datagram.
func starts(b []byte, pid uint16) bool {
	_, b = rtp(b)
	for ; len(b) >= 188; b = b[188:] {
		if ts.PID(b) == pid && ts.PUSI(b) {
			return true
		}
	}
	return false
}

// breaks counts the continuity errors of one PID, marked or not.
func breaks(data []byte, pid uint16) (n int) {
	last := -1
	for p := data; len(p) >= 188; p = p[188:] {
		if ts.PID(p) != pid || !ts.HasPayload(p) {
			continue
		}
		if last >= 0 && int(ts.CC(p)) != (last+1)&15 {
			n++
		}
		last = int(ts.CC(p))
	}
	return n
}

// playlist follows a live playlist as players do.
type playlist struct {
	sequence int64
	names    map[string][32]byte // what each segment that was seen holds
}

// follow reads the playlist and every segment of it: the media sequence must not go
// back, and a name must mean the same bytes for ever. A box that restarts may not
// answer.
func (p *playlist) follow(t *testing.T, d *Daemon, channel string) {
	t.Helper()
	base := "http://" + HTTPAddr + "/" + channel + "/"
	c := d.client()
	defer c.CloseIdleConnections()
	fetch := func(name string) string {
		r, err := c.Get(base + name)
		if err != nil {
			return ""
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			return ""
		}
		return string(b)
	}
	text := fetch("index.m3u8")
	if strings.Contains(text, "#EXT-X-STREAM-INF") {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "#") {
				text = fetch(strings.TrimSpace(line))
			}
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if n, ok := strings.CutPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"); ok {
			v, err := strconv.ParseInt(n, 10, 64)
			if err != nil || v < p.sequence {
				t.Errorf("media sequence %s after %d", n, p.sequence)
			}
			p.sequence = v
		}
		if line == "" || line[0] == '#' {
			continue
		}
		body := fetch(line)
		if body == "" {
			continue
		}
		hash := sha256.Sum256([]byte(body))
		if was, seen := p.names[line]; seen && was != hash {
			t.Errorf("segment %s holds other bytes than before", line)
		}
		p.names[line] = hash
	}
}
