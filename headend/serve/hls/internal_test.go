package hls

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// streams returns what ffprobe sees in a transport stream, and how many complaints it
// has.
func streams(t *testing.T, data []byte) (list []string, complaints string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ffprobe", "-v", "warning", "-show_entries", "stream=codec_name,id", "-of", "csv=p=0", path)
	var bad bytes.Buffer
	cmd.Stderr = &bad
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, bad.String())
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimRight(line, ",\n"); line != "" && !slices.Contains(list, line) {
			list = append(list, line) // ffprobe tells each of the programme again
		}
	}
	return list, bad.String()
}

func TestTrim(t *testing.T) {
	src := timelinetest.Capture(t, 4, 25)
	for _, c := range []struct {
		pids []uint16
		want string
	}{
		{[]uint16{0x100, 0x102}, "h264,0x100 aac,0x102"},
		{[]uint16{0x102}, "aac,0x102"},
		{[]uint16{0x100}, "h264,0x100"},
	} {
		out := trim(timeline.Packets{src}, c.pids)[0]
		got, complaints := streams(t, out)
		if strings.Join(got, " ") != c.want || complaints != "" {
			t.Errorf("%x: %v\n%s", c.pids, got, complaints)
		}
		if len(out) != cap(out) || len(out) >= len(src) {
			t.Errorf("%d bytes in %d, of %d", len(out), cap(out), len(src))
		}
		checkPackets(t, out, c.pids)
	}
	if trim(timeline.Packets{src[:188]}, []uint16{0x100}) != nil || trim(nil, nil) != nil {
		t.Error("something was made of nothing")
	}
}

// checkPackets holds that counters go on and that there is a clock.
func checkPackets(t *testing.T, data []byte, pids []uint16) {
	t.Helper()
	last := map[uint16]uint8{}
	clocks := 0
	for p := data; len(p) > 0; p = p[ts.PacketSize:] {
		pid := ts.PID(p)
		if ts.HasPCR(p) {
			clocks++
		}
		if !ts.HasPayload(p) {
			if pid != 0x100 {
				t.Fatalf("a bare packet on %#x", pid)
			}
			continue
		}
		if pid == 0x100 && !slices.Contains(pids, pid) {
			t.Fatal("picture in what has none")
		}
		if cc, ok := last[pid]; ok && ts.CC(p) != (cc+1)&15 {
			t.Fatalf("counter of %#x jumps from %d to %d", pid, cc, ts.CC(p))
		}
		last[pid] = ts.CC(p)
	}
	if clocks < 40 {
		t.Errorf("%d clocks in 4 s", clocks)
	}
}

// TestTrimOfALongPMT holds that counters of the table go on where the new one needs
// fewer packets.
func TestTrimOfALongPMT(t *testing.T) {
	long := psi.PMT{ProgramNumber: 1, PCRPID: 0x100}
	for i := range 40 {
		long.Streams = append(long.Streams, psi.Stream{Type: 0x1B, PID: uint16(0x100 + i)})
	}
	pmt, err := long.Sections()
	if err != nil {
		t.Fatal(err)
	}
	pat, err := (&psi.PAT{Programs: []psi.Program{{Number: 1, PID: 0x1000}}}).Sections()
	if err != nil {
		t.Fatal(err)
	}
	pats, pmts := &psi.Packetizer{}, &psi.Packetizer{PID: 0x1000}
	var in []byte
	for range 3 {
		in = pmts.AppendTo(pats.AppendTo(in, pat...), pmt...)
	}
	if len(in) != 3*3*ts.PacketSize {
		t.Fatalf("%d packets", len(in)/ts.PacketSize)
	}
	out := slices.Concat(trim(timeline.Packets{in}, []uint16{0x101})...)
	if len(out) != len(in) {
		t.Fatalf("%d packets of %d", len(out)/ts.PacketSize, len(in)/ts.PacketSize)
	}
	var a psi.Assembler
	sections := 0
	for p := out; len(p) > 0; p = p[ts.PacketSize:] {
		if ts.PID(p) == 0x1000 {
			a.Push(p[:ts.PacketSize], func(s psi.Section) {
				sections++
				if m, err := psi.ParsePMT(s); err != nil || len(m.Streams) != 1 || m.Streams[0].PID != 0x101 || m.PCRPID != 0x100 {
					t.Errorf("%v %+v", err, m)
				}
			})
		}
	}
	if sections != 3 || a.Discontinuities+a.Malformed+a.CRCErrors > 0 {
		t.Errorf("%d sections, %+v", sections, a)
	}
}

func TestFindIntra(t *testing.T) {
	src := timelinetest.Capture(t, 3, 25)
	offset, size := findIntra(timeline.Packets{src}, 0x100, flow.CodecH264)
	if offset == 0 || size == 0 || ts.PID(src[offset:]) != 0x100 || !ts.PUSI(src[offset:]) {
		t.Fatalf("%d %d", offset, size)
	}
	// With the tables in front it is one picture, and that an I-picture.
	path := filepath.Join(t.TempDir(), "i.ts")
	if err := os.WriteFile(path, slices.Concat(src[:offset], src[offset:offset+size]), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pict_type", "-of", "csv=p=0", path).CombinedOutput()
	if got := strings.Trim(string(out), ",\n"); err != nil || got != "I" {
		t.Errorf("%v %q", err, got)
	}
	if _, size := findIntra(timeline.Packets{src}, 0x101, flow.CodecAAC); size != 0 {
		t.Error("an I-frame of sound")
	}
}

func TestTrimmedSegmentsAreBounded(t *testing.T) {
	src := timelinetest.Capture(t, 4, 25)
	l := &timeline.Layout{Tracks: []*timeline.Track{
		{ID: "v1", PID: 0x100, Kind: flow.KindVideo}, {ID: "a1", PID: 0x101, Kind: flow.KindAudio}, {ID: "a2", PID: 0x102, Kind: flow.KindAudio},
	}}
	var c trims
	var all []*timeline.Segment
	for i := range 3 * maxTrimmed / len(src) {
		s := &timeline.Segment{Sequence: uint64(i), TS: timeline.Packets{src}, Layout: l}
		all = append(all, s)
		a, b := c.of(s, "v1a2"), c.of(s, "v1a2")
		if len(a) == 0 || &a[0][0] != &b[0][0] {
			t.Fatal("made twice")
		}
	}
	if c.bytes > maxTrimmed || len(c.m) != len(c.order) || len(c.m) < 10 {
		t.Errorf("%d bytes in %d", c.bytes, len(c.m))
	}
	if got := c.of(all[0], "a1v1a2"); &got[0][0] != &src[0] {
		t.Error("what is whole was copied")
	}
	if c.of(all[0], "a3") != nil {
		t.Error("something of a track that is not there")
	}
	for i := range all {
		c.forget(trimKey{uint64(i), "v1a2"})
	}
	if c.bytes != 0 || len(c.m) != 0 || len(c.order) != 0 {
		t.Errorf("%d bytes, %d, %d", c.bytes, len(c.m), len(c.order))
	}
}

// TestTrimsLetTheChannelGo holds that what waits for the end of a segment does not keep
// the channel, which has the segment.
func TestTrimsLetTheChannelGo(t *testing.T) {
	src := timelinetest.Capture(t, 4, 25)
	gone := make(chan struct{})
	func() {
		type channel struct {
			trims
			segment *timeline.Segment
		}
		c := &channel{segment: &timeline.Segment{TS: timeline.Packets{src}, Layout: &timeline.Layout{Tracks: []*timeline.Track{
			{ID: "v1", PID: 0x100, Kind: flow.KindVideo}, {ID: "a1", PID: 0x101, Kind: flow.KindAudio},
		}}}}
		runtime.AddCleanup(c, func(gone chan struct{}) { close(gone) }, gone)
		if len(c.of(c.segment, "v1")) == 0 {
			t.Fatal("nothing is left")
		}
	}()
	for range 10 {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Error("the channel is kept")
}

// BenchmarkTrim is what the first viewer of an alternate audio track costs.
func BenchmarkTrim(b *testing.B) {
	src := timelinetest.Capture(b, 4, 25)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		trim(timeline.Packets{src}, []uint16{0x100, 0x102})
	}
}

func TestVTT(t *testing.T) {
	const media = flow.Ticks(1_795_334_790) * flow.TicksPerSecond // a multiple of neither 2^33 nor an hour
	s := &timeline.Segment{Start: time.Unix(1_795_334_790, 0), Period: &timeline.Period{Start: time.Unix(1_795_334_790, 0), Media: media}}
	cue := timeline.Cue{Start: media - flow.TicksPerSecond/3, End: media + 90*flow.TicksPerSecond, Text: "a\r\n\n\nb\x00\n", Line: 80, Align: "start"}
	first := string(appendVTT(nil, s, []timeline.Cue{cue, {Start: media, End: media, Text: "never"}, {Start: media, End: media + 1e9}}))
	zero := (media/(3600*flow.TicksPerSecond) - 1) * 3600 * flow.TicksPerSecond
	local := (media - zero) / flow.TicksPerSecond
	want := "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:" + itoa(int64(zero/300)&(1<<33-1)) + ",LOCAL:00:00:00.000\n\n"
	if !strings.HasPrefix(first, want) || !strings.HasSuffix(first, " line:80% align:start\na\nb\n") || strings.Count(first, "-->") != 1 {
		t.Errorf("%q\nwant\n%q", first, want)
	}
	h, m, sec := local/3600, local/60%60, local%60
	if h < 1 || h > 1 {
		t.Errorf("local time of %d hours", h)
	}
	stamp := func(s flow.Ticks) string { return "0" + itoa(int64(h)) + ":" + pad(m) + ":" + pad(s) }
	if line := stamp(sec-1) + ".667 --> "; !strings.Contains(first, line) {
		t.Errorf("%q is not in %q", line, first)
	}
	// The same cue in the next segment is the same to the millisecond.
	next := &timeline.Segment{Start: s.Start.Add(2 * time.Second), Period: s.Period}
	if second := string(appendVTT(nil, next, []timeline.Cue{cue})); second != first {
		t.Errorf("%q\nwas\n%q", second, first)
	}
	if empty := string(appendVTT(nil, s, nil)); empty != strings.TrimSuffix(want, "\n") {
		t.Errorf("%q", empty)
	}
	if nothing := string(appendVTT(nil, &timeline.Segment{}, nil)); nothing != "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n" {
		t.Errorf("%q", nothing)
	}
}

func itoa(n int64) string {
	var t text
	t.int("", n)
	return string(t.b)
}

func pad(n flow.Ticks) string {
	return strings.Repeat("0", max(0, 2-len(itoa(int64(n))))) + itoa(int64(n))
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Second: "2.000", 333_333_333: "0.333333", 200_200 * time.Microsecond: "0.2002", 1500 * time.Millisecond: "1.500", -time.Second: "0.000",
		21_333_333: "0.021333", time.Hour + 10*time.Microsecond: "3600.00001",
	} {
		var x text
		if x.seconds("", d); string(x.b) != want {
			t.Errorf("%v: %s, want %s", d, x.b, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"_HLS_msn=18446744073709551615&_HLS_part=3", "filter=tracks%3Av1a1&token=x", "filter.tracks=v1v2a1t1", "token=%22%0A", "_HLS_skip=YES", "&&==", "separate_audio=true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, problem := parseQuery(raw)
		switch {
		case problem != "":
			if q != (query{}) {
				t.Errorf("%+v with %s", q, problem)
			}
		case q.part < -1 || q.part > maxPart, q.part >= 0 && !q.blocked, len(q.Tracks) > 96:
			t.Errorf("%+v", q)
		}
	})
}

// FuzzTrim gives trim packets that mean harm.
func FuzzTrim(f *testing.F) {
	pat, _ := (&psi.PAT{Programs: []psi.Program{{Number: 1, PID: 0x1000}}}).Sections()
	pmt, _ := (&psi.PMT{ProgramNumber: 1, PCRPID: 0x100, Streams: []psi.Stream{{Type: 0x1B, PID: 0x100}, {Type: 0x0F, PID: 0x101}}}).Sections()
	f.Add((&psi.Packetizer{PID: 0x1000}).AppendTo((&psi.Packetizer{}).AppendTo(nil, pat...), pmt...), uint16(0x101))
	f.Fuzz(func(t *testing.T, data []byte, pid uint16) {
		out := slices.Concat(trim(timeline.Packets{data}, []uint16{pid})...)
		if len(out)%ts.PacketSize != 0 || len(out) > len(data) {
			t.Errorf("%d bytes of %d", len(out), len(data))
		}
		findIntra(timeline.Packets{data}, pid&0x1FFF, flow.CodecH264)
	})
}
