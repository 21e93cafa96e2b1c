package mux

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/mux/flow"
)

// tool skips the test if a program it needs is not installed.
func tool(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Skipf("%s is not installed", n)
		}
	}
}

// run returns what a program writes to stdout and stderr.
func run(t testing.TB, name string, args ...string) (string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, errs.String())
	}
	return out.String(), errs.String()
}

// captures keeps the streams that ffmpeg makes for the tests of this package: the
// key is the whole command.
var captures = struct {
	sync.Mutex
	made map[string][]byte
}{made: map[string][]byte{}}

const (
	picture25 = "-f lavfi -i testsrc2=s=320x240:r=25"
	picture50 = "-f lavfi -i testsrc2=s=320x240:r=50"
	sound     = "-f lavfi -i sine=f=440:r=48000"
	h264      = "-c:v libx264 -preset ultrafast -g 25 -b:v 600k -c:a aac -b:a 96k"
	h264i     = "-vf interlace -c:v libx264 -preset ultrafast -x264opts tff=1 -g 25 -c:a mp2"
	mpeg2     = "-map 0 -map 1 -map 1 -c:v mpeg2video -b:v 1500k -g 12 -bf 2 -c:a:0 mp2 -c:a:1 ac3"
	hevc      = "-c:v libx265 -preset ultrafast -x265-params log-level=0:keyint=50 -b:v 500k -c:a aac"
	named     = "-metadata service_name=Eins -metadata service_provider=Haus"
)

// capture makes a transport stream with ffmpeg.
func capture(t testing.TB, seconds int, args ...string) []byte {
	t.Helper()
	tool(t, "ffmpeg")
	captures.Lock()
	defer captures.Unlock()
	cmd := fmt.Sprintf("-v error -nostdin %s -t %d -f mpegts", strings.Join(args, " "), seconds)
	if b, ok := captures.made[cmd]; ok {
		return b
	}
	file := filepath.Join(t.TempDir(), "in.ts")
	run(t, "ffmpeg", append(strings.Fields(cmd), "-y", file)...)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	captures.made[cmd] = b
	return b
}

// save writes a stream to a file for an outside judge.
func save(t testing.TB, b []byte) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "out.ts")
	if err := os.WriteFile(f, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// pcrAt is a PCR in a capture, found without the package under test.
type pcrAt struct {
	packet int
	pid    uint16
	pcr    int64 // 27 MHz, as on the wire
	mark   bool  // discontinuity_indicator
}

func pidOf(p []byte) uint16 { return uint16(p[1]&0x1F)<<8 | uint16(p[2]) }

func clocksOf(b []byte) []pcrAt {
	var out []pcrAt
	for i := 0; i+188 <= len(b); i += 188 {
		p := b[i : i+188]
		if p[3]&0x20 == 0 || p[4] < 7 || p[5]&0x10 == 0 {
			continue
		}
		base := int64(p[6])<<25 | int64(p[7])<<17 | int64(p[8])<<9 | int64(p[9])<<1 | int64(p[10])>>7
		out = append(out, pcrAt{i / 188, pidOf(p), base*300 + int64(p[10]&1)<<8 + int64(p[11]), p[5]&0x80 != 0})
	}
	return out
}

const wrap = int64(1<<33) * 300

// step is the shorter way from one PCR to another.
func step(from, to int64) int64 {
	d := ((to-from)%wrap + wrap) % wrap
	if d > wrap/2 {
		d -= wrap
	}
	return d
}

// breaks counts continuity errors as ISO/IEC 13818-1 clause 2.4.3.3 has them.
func breaks(b []byte) []string {
	var out []string
	last := map[uint16]byte{}
	for i := 0; i+188 <= len(b); i += 188 {
		p := b[i : i+188]
		pid := pidOf(p)
		if pid == 0x1FFF {
			continue
		}
		cc := p[3] & 15
		was, known := last[pid]
		last[pid] = cc
		want := was
		if p[3]&0x10 != 0 {
			want = (was + 1) & 15
		}
		if known && cc != want {
			out = append(out, fmt.Sprintf("packet %d pid %d: %d after %d", i/188, pid, cc, was))
		}
	}
	return out
}

// starts returns the indices of the packets of a PID that start a section.
func starts(b []byte, pid uint16) []int {
	var out []int
	for i := 0; i+188 <= len(b); i += 188 {
		if p := b[i : i+188]; pidOf(p) == pid && p[1]&0x40 != 0 {
			out = append(out, i/188)
		}
	}
	return out
}

// hashes returns the md5 of every elementary stream as ffmpeg demultiplexes it.
func hashes(t testing.TB, b []byte) []string {
	t.Helper()
	tool(t, "ffmpeg")
	out, _ := run(t, "ffmpeg", "-v", "error", "-nostdin", "-i", save(t, b), "-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-")
	var sums []string
	for line := range strings.Lines(out) {
		_, kind, _ := strings.Cut(strings.TrimSpace(line), ",")
		sums = append(sums, kind)
	}
	slices.Sort(sums)
	return sums
}

// complaints returns what ffmpeg says about the continuity of a stream.
func complaints(t testing.TB, b []byte) string {
	t.Helper()
	tool(t, "ffmpeg")
	_, errs := run(t, "ffmpeg", "-v", "debug", "-nostdin", "-i", save(t, b), "-map", "0", "-c", "copy", "-f", "null", "-")
	var out []string
	for line := range strings.Lines(errs) {
		if l := strings.ToLower(line); strings.Contains(l, "continuity") || strings.Contains(l, "non-monoton") || strings.Contains(l, "corrupt") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// schedule returns the arrival of every datagram of 7 packets as a sender on time
// would have it: by position between the PCRs of the first PCR PID, from start.
func schedule(b []byte, start time.Duration) []time.Duration {
	all := clocksOf(b)
	var cs []pcrAt
	for _, c := range all {
		if c.pid == all[0].pid {
			cs = append(cs, c)
		}
	}
	var out []time.Duration
	t, k := 0.0, 1 // ticks since the first PCR up to cs[k-1]
	for i := 0; i*188 < len(b); i += 7 {
		for k < len(cs)-1 && i > cs[k].packet {
			t += float64(step(cs[k-1].pcr, cs[k].pcr))
			k++
		}
		a, z := cs[k-1], cs[k]
		at := t + float64(i-a.packet)*float64(step(a.pcr, z.pcr))/float64(z.packet-a.packet)
		out = append(out, start+time.Duration(at*1000/27))
	}
	return out
}

// jitter delays arrivals by up to twice most, keeping their order.
func jitter(at []time.Duration, most time.Duration, seed uint64) []time.Duration {
	r := rand.New(rand.NewPCG(seed, 1))
	out := slices.Clone(at)
	for i := range out {
		out[i] += time.Duration(r.Int64N(int64(2 * most)))
		if i > 0 {
			out[i] = max(out[i], out[i-1])
		}
	}
	return out
}

// sent is one datagram.
type sent struct {
	at time.Duration
	n  int // packets
}

// play pushes the packets at their times and emits every 5 ms up to tail after the
// last one.
func play(s *Shaper, b []byte, arrivals []time.Duration, tail time.Duration) ([]byte, []sent) {
	var out []byte
	var log []sent
	now := arrivals[0]
	for i := 0; i < len(arrivals) || now < arrivals[len(arrivals)-1]+tail; now += 5 * time.Millisecond {
		for ; i < len(arrivals) && arrivals[i] <= now; i++ {
			from, to := i*7*188, min((i+1)*7*188, len(b))
			it := flow.Item[flow.Batch]{V: flow.Batch{Data: b[from:to]}}
			it.Arrived = arrivals[i]
			s.Push(it)
		}
		s.Emit(now, func(at time.Duration, p []byte) {
			out = append(out, p...)
			log = append(log, sent{at, len(p) / 188})
		})
	}
	return out, log
}
