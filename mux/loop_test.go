package mux

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

// looped reads a file several times through a Loop.
func looped(l *Loop, in []byte, passes int) []byte {
	var out []byte
	for range passes {
		for b := range slices.Chunk(in, 348*188) {
			b = bytes.Clone(b)
			l.Next(b)
			out = append(out, b...)
		}
		l.Rewind()
	}
	return out
}

func TestLoop(t *testing.T) {
	const passes = 5
	files := map[string][]string{
		"h264 vbr": {picture25, sound, h264}, "mpeg2 cbr ac3": {picture25, sound, mpeg2, "-muxrate 2500k"},
		"hevc": {picture25, sound, hevc}, "near the wrap": {picture25, sound, h264, "-output_ts_offset 95437"},
	}
	for name, args := range files {
		t.Run(name, func(t *testing.T) { checkLoop(t, capture(t, 4, args...), passes, 4) })
	}
	t.Run("two programmes", func(t *testing.T) { checkLoop(t, twoProgrammes(t), passes, 6) })
}

func checkLoop(t *testing.T, in []byte, passes int, seconds float64) {
	t.Helper()
	before := bytes.Clone(in)
	var l Loop
	out := looped(&l, in, passes)
	if !bytes.Equal(in, before) {
		t.Fatal("the file was written to")
	}
	if !bytes.Equal(out[:len(in)], in) {
		t.Error("the first pass is not the file")
	}
	if got := breaks(out); got != nil {
		t.Errorf("%d continuity errors: %v", len(got), got[0])
	}
	if got := complaints(t, out); got != "" {
		t.Errorf("ffmpeg: %s", got)
	}
	last := map[uint16]int64{}
	for _, c := range clocksOf(out) {
		if was, ok := last[c.pid]; ok {
			if d := step(was, c.pcr); d <= 0 || d > 150*27000 {
				t.Errorf("packet %d of PID %d: PCR step %d µs", c.packet, c.pid, d/27)
			}
		}
		last[c.pid] = c.pcr
	}
	checkDTS(t, out, passes, seconds)
}

// checkDTS lets ffprobe read the DTS of every stream.
func checkDTS(t *testing.T, out []byte, passes int, seconds float64) {
	t.Helper()
	tool(t, "ffprobe")
	text, _ := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=stream_index,dts_time,duration_time", "-of", "csv=p=0", save(t, out))
	type stream struct{ first, last, longest float64 }
	streams := map[int]*stream{}
	for line := range strings.Lines(text) {
		var i int
		var dts float64
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ",", " "), "%d %f", &i, &dts); err != nil {
			continue
		}
		s := streams[i]
		if s == nil {
			streams[i] = &stream{first: dts, last: dts}
			continue
		}
		if dts <= s.last {
			t.Fatalf("stream %d: DTS %f after %f", i, dts, s.last)
		}
		s.longest = max(s.longest, dts-s.last)
		s.last = dts
	}
	if len(streams) < 2 {
		t.Fatalf("%d streams", len(streams))
	}
	for i, s := range streams {
		if span := s.last - s.first; span < float64(passes)*seconds-0.5 || span > float64(passes)*(seconds+0.3) {
			t.Errorf("stream %d lasts %.3f s for %d passes of %.0f s", i, span, passes, seconds)
		}
		if s.longest > 0.15 {
			t.Errorf("stream %d pauses for %.3f s", i, s.longest)
		}
	}
}

// unequal is a programme of two streams of which that with the PCR is over first: PCRs
// up to short, PES packets of sound up to long, in steps of 40 ms.
func unequal(short, long int) []byte {
	var out []byte
	var cc byte
	for i := range long {
		if i < short {
			out = ts.AppendPCRPacket(out, 256, 0, uint64(i)*40*27_000)
		}
		p := es(257, cc)
		cc++
		p[1] |= 0x40
		pts := uint64(i) * 40 * 90
		copy(p[4:], []byte{0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5,
			0x21 | byte(pts>>30)<<1, byte(pts >> 22), byte(pts>>14) | 1, byte(pts >> 7), byte(pts<<1) | 1})
		out = append(out, p...)
	}
	return out
}

// TestLoopOfUnequalStreams holds that a pause of the PCR between two passes is marked,
// and that nothing else is.
func TestLoopOfUnequalStreams(t *testing.T) {
	for _, c := range []struct{ short, long, marks int }{{100, 100, 0}, {100, 101, 0}, {100, 102, 2}, {100, 150, 2}, {1, 50, 2}} {
		var l Loop
		cs := clocksOf(looped(&l, unequal(c.short, c.long), 3))
		if len(cs) != 3*c.short {
			t.Fatalf("%d PCRs", len(cs))
		}
		marks := 0
		for i := 1; i < len(cs); i++ {
			d := step(cs[i-1].pcr, cs[i].pcr)
			if cs[i].mark != (d > 100*27_000) || d <= 0 {
				t.Errorf("%d of %d: PCR step %d ms, marked %v", c.short, c.long, d/27_000, cs[i].mark)
			}
			if cs[i].mark {
				marks++
			}
		}
		if marks != c.marks || cs[0].mark {
			t.Errorf("%d of %d: %d marks, want %d", c.short, c.long, marks, c.marks)
		}
	}
}

func TestLoopForEver(t *testing.T) {
	in := capture(t, 4, picture25, sound, h264)
	var l Loop
	l.Next(bytes.Clone(in))
	pass := l.Pass()
	// 26.5 hours on, a little before the clocks fold.
	l.Rewind()
	l.shift = flow.WrapTicks - pass/2/300*300
	a := bytes.Clone(in)
	l.Next(a)
	l.Rewind()
	b := bytes.Clone(in)
	l.Next(b)
	cs := clocksOf(append(a, b...))
	for i := 1; i < len(cs); i++ {
		if d := step(cs[i-1].pcr, cs[i].pcr); d <= 0 || d > 150*27000 {
			t.Errorf("PCR step %d µs at packet %d", d/27, cs[i].packet)
		}
	}
	if l.Passes() != 2 || l.shift >= flow.WrapTicks {
		t.Errorf("%d passes, shift %d", l.Passes(), l.shift)
	}
}

func FuzzLoop(f *testing.F) {
	p := es(256, 1)
	p[1] |= 0x40
	p[3], p[4], p[5] = 0x31, 13, 0x18
	copy(p[18:], []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1})
	f.Add(p, p)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var l Loop
		for range 3 {
			for _, x := range [][]byte{a, b} {
				x = bytes.Clone(x)
				n := len(x)
				l.Next(x)
				if len(x) != n {
					t.Fatal("length changed")
				}
			}
			if d := l.Pass(); d < 0 || d%300 != 0 {
				t.Fatalf("pass of %d ticks", d)
			}
			l.Rewind()
		}
	})
}
