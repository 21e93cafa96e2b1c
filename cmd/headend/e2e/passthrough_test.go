package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/multicast/rig"
	"sigma/mux"
	"sigma/mux/ts"
)

// hosts of the network of the tests.
const (
	source = iota
	box
	receiver
)

// network makes a network of a source, the box and a receiver, with a daemon on the
// box that is prepared but not started.
func network(t *testing.T, yaml string) *Daemon {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	w, err := rig.NewNet(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	d := &Daemon{Net: w, Host: box, Binary: built(t), Data: t.TempDir()}
	if err := d.Prepare(t.Context(), yaml); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && d.cmd != nil {
			t.Log(d.Log())
		}
	})
	return d
}

func (d *Daemon) mustStart(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func group(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 1, 1, byte(i)}), 5000)
}

func outGroup(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 2, 2, byte(i)}), 5000)
}

// TestPassThrough sends each recording to the box by multicast and captures what
// comes out: as SPTS of constant bit rate.
func TestPassThrough(t *testing.T) {
	recs, length, long := Recordings(), 12*time.Second, os.Getenv("HEADEND_SOAK")
	if long != "" { // `make soak`: fewer channels for a long time
		recs = slices.DeleteFunc(recs, func(r Recording) bool { return !slices.Contains([]string{"h264", "mpeg2", "hevc"}, r.Name) })
		var err error
		if length, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
	}
	var yaml strings.Builder
	yaml.WriteString("channels:\n")
	for i, r := range recs {
		url, program := fmt.Sprintf("udp://eth@%s", group(i+1)), ""
		if r.Name == "two" {
			program = "?program=102"
		}
		fmt.Fprintf(&yaml, "  - name: %s\n    inputs: [{url: %q}]\n    outputs: [{url: \"udp://eth@%s\", bitrate: %d, ttl: 4}]\n",
			r.Name, url+program, outGroup(i+1), r.Rate+r.Rate/10)
	}
	d := network(t, yaml.String())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var outs []netip.AddrPort
	data := make([][]byte, len(recs))
	for i, r := range recs {
		b, err := r.Record(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if long != "" {
			b = extend(b, int(length/(20*time.Second))+3)
		}
		data[i] = b
		outs = append(outs, outGroup(i+1))
		go rig.Sender{Host: source, Groups: []netip.AddrPort{group(i + 1)}, Data: b, Rate: r.Rate}.Run(ctx, d.Net)
	}
	d.mustStart(t)
	captured := make([][]byte, len(recs))
	span, stop := context.WithTimeout(ctx, length)
	defer stop()
	drops, err := d.Net.Capture(span, receiver, outs, func(g int, p rig.Datagram) {
		if len(p.Data) != 1316 {
			t.Errorf("a datagram of %d bytes", len(p.Data))
		}
		captured[g] = append(captured[g], p.Data...)
	})
	if err != nil || drops > 0 {
		t.Fatalf("%d datagrams dropped by the receiver, %v", drops, err)
	}
	for i, r := range recs {
		t.Run(r.Name, func(t *testing.T) { judge(t, r, data[i], captured[i], long == "") })
	}
}

// extend plays a recording n times in a row as one programme with continuous clocks.
func extend(b []byte, n int) []byte {
	var l mux.Loop
	out := make([]byte, 0, n*len(b))
	for range n {
		at := len(out)
		out = append(out, b...)
		l.Next(out[at:])
		l.Rewind()
	}
	return out
}

// judge checks one capture.
func judge(t *testing.T, r Recording, in, out []byte, repeats bool) {
	rate := r.Rate + r.Rate/10
	rep := rig.Examine(out, rate, pmtOf(out))
	t.Log(rep)
	if rep.Packets < int(rate/1504*8) {
		t.Fatalf("%d packets in 12 s", rep.Packets)
	}
	if rep.Continuity > 0 {
		t.Errorf("%d continuity errors", rep.Continuity)
	}
	if rep.Breaks == 0 && rep.PCRWorst > 1 {
		t.Errorf("PCR is %.2f ticks off its position, want at most 1", rep.PCRWorst)
	}
	if rep.PCRGap > 35 {
		t.Errorf("PCRs %.1f ms apart, want at most 35", rep.PCRGap)
	}
	for pid, limit := range map[uint16]float64{0: 100, pmtOf(out): 100, 0x11: 1800} {
		if gap, seen := rep.Gaps[pid]; !seen && (pid != 0x11 || carries(in, pid)) || gap > limit {
			t.Errorf("PID %#x: sections %.1f ms apart, want at most %.0f", pid, gap, limit)
		}
	}
	if repeats { // two passes, so that what came out is one piece of it wherever it began
		in = slices.Concat(in, in)
	}
	sameStreams(t, in, out, r.Name == "two")
}

// carries reports whether there are packets of a PID. Not every multiplexer sends an SDT.
func carries(data []byte, pid uint16) bool {
	for p := data; len(p) >= 188; p = p[188:] {
		if ts.PID(p) == pid {
			return true
		}
	}
	return false
}

// pmtOf returns the PMT PID of the first programme.
func pmtOf(data []byte) uint16 {
	for p := data; len(p) >= 188; p = p[188:] {
		if list := programmes(p); len(list) > 0 {
			return list[0]
		}
	}
	return 0x1FFF
}

// sameStreams compares the PES bytes of each stream that came out with those that
// went in: they must be one piece of them. ffprobe must be able to read the capture.
func sameStreams(t *testing.T, in, out []byte, second bool) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out.ts")
	if err := os.WriteFile(to, out, 0o600); err != nil {
		t.Fatal(err)
	}
	sent, got := payloads(in, second), payloads(out, false)
	if len(sent) == 0 || len(sent) != len(got) {
		t.Fatalf("%d streams went in, %d came out", len(sent), len(got))
	}
	for i := range sent {
		if !bytes.Contains(sent[i].data, got[i].data) || len(got[i].data) < 500 {
			t.Errorf("stream %d: %d bytes that came out as PID %#x are not a piece of what went in as %#x", i, len(got[i].data), got[i].pid, sent[i].pid)
		}
	}
	t.Logf("%d elementary streams are byte-identical", len(sent))
	decodes(t, to)
}

// programmes returns the PMT PIDs of a packet with a PAT.
func programmes(p []byte) (pmts []uint16) {
	b := ts.Payload(p)
	if ts.PID(p) != 0 || !ts.PUSI(p) || len(b) < 13 {
		return nil
	}
	end := 1 + 3 + int(b[2]&0x0F)<<8 + int(b[3]) - 4
	for at := 9; at+4 <= min(end, len(b)); at += 4 {
		if b[at] != 0 || b[at+1] != 0 { // 0 is the network
			pmts = append(pmts, uint16(b[at+2]&0x1F)<<8|uint16(b[at+3]))
		}
	}
	return pmts
}

type payload struct {
	pid  uint16
	data []byte
}

// payloads returns the PES bytes of the streams of the first or second programme, in
// the order of their PMT, from the packets themselves: no demultiplexer of ours.
func payloads(data []byte, second bool) []payload {
	var pmts []uint16
	for p := data; len(p) >= 188 && pmts == nil; p = p[188:] {
		pmts = programmes(p)
	}
	want := 0
	if second {
		want = 1
	}
	var list []payload
	for p := data; len(p) >= 188 && list == nil; p = p[188:] {
		if b := ts.Payload(p); ts.PID(p) == pmts[want] && ts.PUSI(p) {
			end := 1 + 3 + int(b[2]&0x0F)<<8 + int(b[3]) - 4
			for at := 13 + int(b[11]&0x0F)<<8 + int(b[12]); at+5 <= end; at += 5 + int(b[at+3]&0x0F)<<8 + int(b[at+4]) {
				list = append(list, payload{pid: uint16(b[at+1]&0x1F)<<8 | uint16(b[at+2])})
			}
		}
	}
	for p := data; len(p) >= 188; p = p[188:] {
		for i := range list {
			if ts.PID(p) == list[i].pid {
				list[i].data = append(list[i].data, ts.Payload(p)...)
			}
		}
	}
	return list
}

// decodes lets ffmpeg decode a capture from its first random access point on; it
// must not find damage behind the first second.
func decodes(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets", "-of", "csv=p=0", path).Output()
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		t.Errorf("ffprobe: %v %s", err, out)
	}
	t.Logf("ffprobe: %s", bytes.ReplaceAll(bytes.TrimSpace(out), []byte("\n"), []byte("; ")))
}
