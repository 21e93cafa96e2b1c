package timeline_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// capture returns H.264 and AAC from a moment of the programme clock on, of a size.
func capture(t *testing.T, seconds int, size, offset string, more ...string) []byte {
	t.Helper()
	args := []string{
		"-f", "lavfi", "-i", "testsrc2=rate=25:size=" + size, "-f", "lavfi", "-i", "sine=440:sample_rate=48000",
		"-t", fmt.Sprint(seconds),
	}
	args = append(append(args, timelinetest.H264(25)...), "-muxrate", "1200k", "-output_ts_offset", offset)
	return timelinetest.Make(t, append(args, more...)...)
}

// joined returns captures as one stream, as an encoder that was given other orders
// makes it: tables, counters and clock go on.
func joined(t *testing.T, captures ...[]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	var list strings.Builder
	for i, c := range captures {
		f := filepath.Join(dir, fmt.Sprintf("%d.ts", i))
		if err := os.WriteFile(f, c, 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "file '%s'\n", f)
	}
	in, out := filepath.Join(dir, "list"), filepath.Join(dir, "out.ts")
	if err := os.WriteFile(in, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", in, "-map", "0", "-c", "copy", "-f", "mpegts", out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// runs returns the segments by period.
func runs(segments []*timeline.Segment) (out [][]*timeline.Segment) {
	for i, s := range segments {
		if i == 0 || s.Period != segments[i-1].Period {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], s)
	}
	return out
}

// checkPlays checks that each period of a window plays by itself, every track of it,
// and that the dates of periods follow each other.
func checkPlays(t *testing.T, v *timeline.View) [][]*timeline.Segment {
	t.Helper()
	checkMedia(t, v)
	checkOrder(t, v.Segments)
	periods := runs(v.Segments)
	ids := map[string]bool{}
	for i, run := range periods {
		p := run[0].Period
		if ids[p.ID] {
			t.Errorf("period %s comes twice", p.ID)
		}
		ids[p.ID] = true
		for _, x := range run[0].Layout.Tracks {
			if x.Init != nil {
				checkTrack(t, run, x.ID)
			}
		}
		if i == 0 {
			continue
		}
		last := periods[i-1][len(periods[i-1])-1]
		m := last.Media[0]
		end := last.Period.UTC(flow.Ticks(m.Time+m.Duration) * flow.TicksPer90k)
		if begin := p.UTC(flow.Ticks(run[0].Media[0].Time) * flow.TicksPer90k); begin.Before(end.Add(-time.Second)) {
			t.Errorf("period %s begins at %v, the one before ended at %v", p.ID, begin, end)
		}
	}
	return periods
}

func TestGapOfInput(t *testing.T) {
	first := timelinetest.Inspected(capture(t, 7, "320x180", "0"), 0)
	second := timelinetest.Inspected(capture(t, 7, "320x180", "27"), 27*time.Second)
	for _, it := range second {
		it.Epoch++
		first = append(first, it)
	}
	tl := timelinetest.New(timelinetest.Options{})
	timelinetest.Feed(t, tl, first)
	periods := checkPlays(t, tl.View())
	if len(periods) != 2 || len(periods[0]) < 3 || len(periods[1]) < 3 || !periods[1][0].Discontinuity {
		t.Fatalf("%d periods, %+v", len(periods), tl.View().Counters)
	}
	// Nothing of the first run is lost: 7 s of it.
	length := time.Duration(0)
	for _, s := range periods[0] {
		length += s.Duration
	}
	if length < 6500*time.Millisecond {
		t.Errorf("%v before the gap", length)
	}
}

func TestCodecParametersChange(t *testing.T) {
	src := joined(t, capture(t, 7, "320x180", "0"), capture(t, 7, "480x270", "7"), capture(t, 7, "320x180", "14"))
	v := timelinetest.Play(t, src, timelinetest.Options{}).View()
	periods := checkPlays(t, v)
	if len(periods) != 3 || v.Counters.Breaks != 2 {
		t.Fatalf("%d periods, %+v", len(periods), v.Counters)
	}
	for i, width := range []int{320, 480, 320} {
		if x := periods[i][0].Layout.Tracks[0]; x.Format.Width != width || i > 0 && x.InitName == periods[i-1][0].Layout.Tracks[0].InitName {
			t.Errorf("period %d: %+v", i, x.Format)
		}
		n := 0
		for _, s := range periods[i] {
			for _, p := range s.Media[0].Parts {
				n += len(p.Samples)
			}
		}
		if i < 2 && n != 175 {
			t.Errorf("period %d has %d pictures", i, n)
		}
		// The segments of packets are cut there as well.
		if got := hashes(t, concat(periods[i]), "v"); len(got) != n {
			t.Errorf("period %d: %d pictures as packets, %d as track", i, len(got), n)
		}
	}
	if periods[0][0].Layout.Tracks[0].InitName != periods[2][0].Layout.Tracks[0].InitName {
		t.Error("the same format has another header")
	}
}

func TestSoundChanges(t *testing.T) {
	src := joined(t, capture(t, 7, "320x180", "0"), capture(t, 7, "320x180", "7", "-ac", "2"))
	v := timelinetest.Play(t, src, timelinetest.Options{}).View()
	periods := checkPlays(t, v)
	if len(periods) != 2 {
		t.Fatalf("%d periods", len(periods))
	}
	for i, n := range []int{1, 2} {
		if x := periods[i][0].Layout.Track("a1"); x.Format.Channels != n {
			t.Errorf("period %d: %+v", i, x.Format)
		}
	}
}

// TestWrap plays over the wrap of the 33-bit clocks at 95443.7 s.
func TestWrap(t *testing.T) {
	items := timelinetest.Inspected(capture(t, 14, "320x180", "95436"), 0)
	a, b := timelinetest.New(timelinetest.Options{}), timelinetest.New(timelinetest.Options{})
	timelinetest.Feed(t, a, items)
	v := a.View()
	periods := checkPlays(t, v)
	if len(periods) != 1 || v.Counters.Breaks != 0 || len(v.Segments) < 5 {
		t.Fatalf("%d periods, %+v", len(periods), v.Counters)
	}
	var raw []uint64
	for _, s := range v.Segments {
		raw = append(raw, s.Media[0].Time&(1<<33-1))
	}
	if slices.IsSorted(raw) {
		t.Fatalf("the capture does not wrap: %d", raw)
	}
	// A box that begins after the wrap finds the same times.
	timelinetest.Feed(t, b, timelinetest.Inspected(after(items, 10*time.Second), 10*time.Second))
	for _, s := range b.View().Segments[1:] {
		found := false
		for _, o := range v.Segments {
			found = found || o.Media[0].Time == s.Media[0].Time
		}
		if !found && s.Media[0].Time < v.Open[0].Media[0].Time {
			t.Errorf("%s at %d: no such time in the other box", s.Name, s.Media[0].Time)
		}
	}
	if len(b.View().Segments) == 0 {
		t.Error("no segment")
	}
}

// after returns the packets that arrived after a time.
func after(items []flow.Item[flow.Batch], at time.Duration) (data []byte) {
	for _, it := range items {
		if it.Arrived >= at {
			data = append(data, it.V.Data...)
		}
	}
	return data
}

// TestTimeIsLostAndComesTwice takes packets out of the middle, and repeats some.
func TestTimeIsLostAndComesTwice(t *testing.T) {
	src := capture(t, 20, "320x180", "0")
	n := len(src) / ts.PacketSize
	part := func(from, to int) []byte { return src[n*from/100*ts.PacketSize : n*to/100*ts.PacketSize] }
	for name, data := range map[string][]byte{
		"half a second is lost": slices.Concat(part(0, 48), part(51, 100)),
		"three seconds lost":    slices.Concat(part(0, 40), part(55, 100)),
		"three seconds twice":   slices.Concat(part(0, 55), part(40, 100)),
	} {
		t.Run(name, func(t *testing.T) {
			v := timelinetest.Play(t, data, timelinetest.Options{Break: true}).View()
			periods := checkPlays(t, v)
			pictures := 0
			for _, s := range v.Segments {
				for _, p := range s.Media[0].Parts {
					pictures += len(p.Samples)
				}
			}
			if want := len(data) / (len(src) / 500); pictures < want-60 || pictures > want+5 {
				t.Errorf("%d pictures, expected about %d, in %d periods", pictures, want, len(periods))
			}
		})
	}
}

// TestKilledAtAnyMoment ends the process between any two views and begins another.
func TestKilledAtAnyMoment(t *testing.T) {
	items := timelinetest.Inspected(capture(t, 8, "320x180", "0"), 0)
	mem := &timelinetest.Memory{}
	shown := map[uint64]int{} // sequence number: life
	last := uint64(0)
	for life := range 6 {
		tl := timelinetest.New(timelinetest.Options{Memory: mem})
		push, stop := timelinetest.Start(t, tl, len(items)+1)
		at := time.Duration(life) * 9 * time.Second
		if life == 3 {
			at -= 8 * time.Second // the clock of the box went back
		}
		var some []flow.Item[flow.Batch]
		for _, it := range items[:len(items)*(life+4)/10] {
			it.Arrived += at
			some = append(some, it)
		}
		push(some)
		stop()
		v := tl.View()
		checkMedia(t, v)
		for _, s := range slices.Concat(v.Segments, v.Open) {
			if old, ok := shown[s.Sequence]; ok && old != life {
				t.Errorf("life %d: %d was shown in life %d", life, s.Sequence, old)
			}
			if s.Sequence < last {
				t.Errorf("life %d: %d after %d", life, s.Sequence, last)
			}
			shown[s.Sequence], last = life, s.Sequence
		}
		if first := slices.Concat(v.Segments, v.Open)[0]; life > 0 && !first.Discontinuity {
			t.Errorf("life %d begins without discontinuity", life)
		}
	}
}

// TestLateAndSilentTracks plays a track that ends, and one that never was.
func TestLateAndSilentTracks(t *testing.T) {
	long, short := capture(t, 16, "320x180", "0"), 0
	// The sound ends after a third.
	data := slices.Clone(long)
	for i := 0; i < len(data); i += ts.PacketSize {
		p := data[i : i+ts.PacketSize]
		if ts.PID(p) == 0x101 && i > len(data)/3 {
			null := ts.Null()
			copy(p, null[:])
			short++
		}
	}
	tl := timelinetest.Play(t, data, timelinetest.Options{})
	v := tl.View()
	checkMedia(t, v)
	if short == 0 || len(v.Segments) < 5 {
		t.Fatalf("%d packets taken, %d segments", short, len(v.Segments))
	}
	last := v.Segments[len(v.Segments)-1]
	if m := last.Track("a1"); !m.Gap || !m.Done || len(m.Parts) != 0 {
		t.Errorf("%+v", m)
	}
	if m := v.Segments[0].Track("a1"); m.Gap || len(m.Parts) == 0 {
		t.Errorf("%+v", m)
	}
	// The sound never comes, then it does.
	data = slices.Clone(long)
	for i := 0; i < len(data)/2; i += ts.PacketSize {
		if p := data[i : i+ts.PacketSize]; ts.PID(p) == 0x101 {
			null := ts.Null()
			copy(p, null[:])
		}
	}
	v = timelinetest.Play(t, data, timelinetest.Options{}).View()
	periods := checkPlays(t, v)
	if len(periods) != 2 {
		t.Fatalf("%d periods", len(periods))
	}
	if x := periods[0][0].Layout.Track("a1"); x.Init != nil || x.Problem == "" {
		t.Errorf("%+v", x)
	}
	if x := periods[1][0].Layout.Track("a1"); x.Init == nil || x.Problem != "" {
		t.Errorf("%+v", x)
	}
}

// TestRunsAgain ends the task of a timeline and begins it again.
func TestRunsAgain(t *testing.T) {
	items := timelinetest.Inspected(capture(t, 7, "320x180", "0"), 0)
	tl := timelinetest.New(timelinetest.Options{})
	for run := range 3 {
		var some []flow.Item[flow.Batch]
		for _, it := range items[:len(items)*(10-run)/10] {
			it.Arrived += time.Duration(run) * 10 * time.Second
			some = append(some, it)
		}
		timelinetest.Feed(t, tl, some)
	}
	v := tl.View()
	if periods := checkPlays(t, v); len(periods) != 3 || v.Counters.Breaks != 2 {
		t.Errorf("%d periods, %+v", len(periods), v.Counters)
	}
	last := v.Segments[len(v.Segments)-1].Sequence
	for i, s := range v.Open {
		if s.Sequence != last+uint64(i)+1 {
			t.Errorf("%d is open after %d", s.Sequence, last)
		}
	}
}
