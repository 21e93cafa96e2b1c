package timeline_test

import (
	"bytes"
	"errors"
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

func newTimeline(m timeline.Memory) *timeline.Timeline {
	return &timeline.Timeline{
		Name: "news", SegmentDuration: 2 * time.Second, SegmentCount: 100,
		UTC: timelinetest.UTC, Memory: m,
	}
}

// media returns the packets of one PID in order; PSI and null packets have none.
func media(data []byte) map[uint16][]byte {
	out := map[uint16][]byte{}
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		if pid := ts.PID(data); pid >= 0x100 && pid < 0x1000 {
			out[pid] = append(out[pid], data[:ts.PacketSize]...)
		}
	}
	return out
}

func concat(segments []*timeline.Segment) []byte {
	var b []byte
	for _, s := range segments {
		b = append(b, slices.Concat(s.TS...)...)
	}
	return b
}

// decode fails the test unless ffmpeg decodes data without a word.
func decode(t *testing.T, data []byte) {
	t.Helper()
	f := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(f, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-i", f, "-map", "0", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}

func checkOrder(t *testing.T, segments []*timeline.Segment) {
	t.Helper()
	for i, s := range segments {
		start, d, err := timeline.ParseName(s.Name)
		if err != nil || d != s.Duration.Round(time.Millisecond) {
			t.Errorf("segment %d: name %s, duration %v, %v", i, s.Name, s.Duration, err)
		}
		if off := s.Start.Sub(start); off < -time.Second || off > 2*time.Second {
			t.Errorf("segment %d: name %s, start %v", i, s.Name, s.Start)
		}
		if i == 0 {
			continue
		}
		p := segments[i-1]
		breaks := p.Breaks
		if s.Discontinuity {
			breaks++
		}
		if s.Sequence != p.Sequence+1 || s.Breaks != breaks || s.Name <= p.Name {
			t.Errorf("after %s %d %d: %s %d %d", p.Name, p.Sequence, p.Breaks, s.Name, s.Sequence, s.Breaks)
		}
		gap := s.Start.Sub(p.Start.Add(p.Duration))
		if gap < -10*time.Millisecond || (!s.Discontinuity && gap > 10*time.Millisecond) {
			t.Errorf("%s starts %v after the end of %s", s.Name, gap, p.Name)
		}
	}
}

func TestSegmentsHoldTheProgramme(t *testing.T) {
	src := timelinetest.Capture(t, 11, 25)
	tl := newTimeline(nil)
	items := timelinetest.Split(src, 0, 1)
	end := items[len(items)-1]
	end.Epoch = 2 // publishes what is open
	timelinetest.Feed(t, tl, append(items, end))
	v := tl.View()
	checkOrder(t, v.Segments)
	if len(v.Segments) < 5 || v.TargetDuration != 2 || !v.Independent() {
		t.Fatalf("%d segments, target duration %d, independent %v", len(v.Segments), v.TargetDuration, v.Independent())
	}
	all := concat(v.Segments)
	want, got := media(src), media(all)
	if len(want) != 3 || len(got) != 3 {
		t.Fatalf("%d streams in, %d out", len(want), len(got))
	}
	for pid, w := range want {
		if !bytes.Equal(w, got[pid]) {
			t.Errorf("PID %d: %d bytes in, %d bytes out, or not the same", pid, len(w), len(got[pid]))
		}
	}
	for _, s := range v.Segments {
		if ts.PID(s.TS[0]) != 0 || ts.PID(s.TS[0][188:]) != 0x1000 {
			t.Errorf("%s begins with PID %d and %d", s.Name, ts.PID(s.TS[0]), ts.PID(s.TS[0][188:]))
		}
		for pid, m := range media(slices.Concat(s.TS...)) {
			if !ts.PUSI(m) {
				t.Errorf("%s: PID %d does not begin with a PES packet", s.Name, pid)
			}
		}
	}
	checkCounters(t, all)
	decode(t, all)
	for _, s := range v.Segments {
		decode(t, slices.Concat(s.TS...))
	}
}

// checkCounters checks the continuity counters of every PID.
func checkCounters(t *testing.T, data []byte) {
	t.Helper()
	last := map[uint16]uint8{}
	for ; len(data) > 0; data = data[ts.PacketSize:] {
		pid := ts.PID(data)
		want, known := last[pid]
		if ts.HasPayload(data) {
			want++
		}
		if known && ts.CC(data) != want&15 {
			t.Fatalf("PID %d: counter %d, want %d", pid, ts.CC(data), want&15)
		}
		last[pid] = ts.CC(data)
	}
}

func TestTwoBoxesCutAlike(t *testing.T) {
	src := timelinetest.Capture(t, 13, 12)
	a, b := newTimeline(nil), newTimeline(nil)
	b.UTC = func(m time.Duration) time.Time { return timelinetest.UTC(m).Add(37 * time.Millisecond) }
	items := timelinetest.Split(src, 0, 1)
	timelinetest.Feed(t, a, items)
	late := items[len(items)/3:]
	timelinetest.Feed(t, b, late)
	va, vb := a.View(), b.View()
	if len(vb.Segments) < 3 {
		t.Fatalf("%d segments", len(vb.Segments))
	}
	for _, s := range vb.Segments[1:] {
		o, _ := va.Find(s.Name)
		if o == nil || o.Sequence != s.Sequence || len(media(slices.Concat(o.TS...))) != len(media(slices.Concat(s.TS...))) {
			t.Errorf("%s %d is not on the other box", s.Name, s.Sequence)
			continue
		}
		for pid, m := range media(slices.Concat(s.TS...)) {
			if !bytes.Equal(m, media(slices.Concat(o.TS...))[pid]) {
				t.Errorf("%s: PID %d differs", s.Name, pid)
			}
		}
	}
}

func TestRestartGoesOn(t *testing.T) {
	src := timelinetest.Capture(t, 7, 25)
	mem := &timelinetest.Memory{}
	names := map[string][]byte{}
	var last *timeline.Segment
	// The second life begins while the clock of the box has gone back a little, the
	// third an hour later, the fourth without what was saved.
	for life, at := range []time.Duration{0, 2 * time.Second, time.Hour, time.Hour + 10*time.Second} {
		var m timeline.Memory = mem
		if life == 3 {
			m = nil
		}
		tl := newTimeline(m)
		timelinetest.Feed(t, tl, timelinetest.Split(src, at, 1))
		v := tl.View()
		checkOrder(t, v.Segments)
		for _, s := range v.Segments {
			if old, ok := names[s.Name]; ok && !bytes.Equal(old, slices.Concat(s.TS...)) {
				t.Errorf("life %d: %s means other bytes", life, s.Name)
			}
			names[s.Name] = slices.Concat(s.TS...)
		}
		first := v.Segments[0]
		if last != nil && first.Sequence <= last.Sequence {
			t.Errorf("life %d: sequence %d after %d", life, first.Sequence, last.Sequence)
		}
		if last != nil && life < 3 && (!first.Discontinuity || first.Breaks != last.Breaks+1 || first.Start.Before(last.Start.Add(last.Duration))) {
			t.Errorf("life %d: %+v after %+v", life, *first, *last)
		}
		last = v.Segments[len(v.Segments)-1]
	}
}

func TestBreaks(t *testing.T) {
	src := timelinetest.Capture(t, 7, 25)
	for name, change := range map[string]func(items []flow.Item[flow.Batch]){
		"epoch":         func(i []flow.Item[flow.Batch]) { i[0].Epoch = 2 },
		"gap":           func(i []flow.Item[flow.Batch]) { i[0].Marks |= flow.Gap },
		"discontinuity": func(i []flow.Item[flow.Batch]) { i[0].Marks |= flow.Discontinuity },
		"clock back":    func([]flow.Item[flow.Batch]) {},
	} {
		t.Run(name, func(t *testing.T) {
			tl := newTimeline(nil)
			first := timelinetest.Split(src, 0, 1)
			second := timelinetest.Split(src, 30*time.Second, 1)
			change(second)
			for i := range second {
				second[i].Epoch = second[0].Epoch
			}
			timelinetest.Feed(t, tl, slices.Concat(first, second))
			v := tl.View()
			checkOrder(t, v.Segments)
			breaks := 0
			for _, s := range v.Segments {
				if s.Discontinuity {
					breaks++
					if s.Start.Sub(timelinetest.UTC(30*time.Second)) > 2*time.Second {
						t.Errorf("%s starts at %v", s.Name, s.Start)
					}
				}
				if s.Duration > 3*time.Second {
					t.Errorf("%s lasts %v", s.Name, s.Duration)
				}
				decode(t, slices.Concat(s.TS...))
			}
			if breaks != 1 {
				t.Errorf("%d discontinuities", breaks)
			}
			checkCounters(t, psiOnly(concat(v.Segments)))
		})
	}
}

func psiOnly(data []byte) []byte {
	var out []byte
	for ; len(data) > 0; data = data[ts.PacketSize:] {
		if pid := ts.PID(data); pid == 0 || pid == 0x1000 {
			out = append(out, data[:ts.PacketSize]...)
		}
	}
	return out
}

func TestAnchorSlews(t *testing.T) {
	src := timelinetest.Capture(t, 20, 25)
	tl := newTimeline(nil)
	items := timelinetest.Split(src, 0, 1)
	for i := range items {
		if i > 100 {
			items[i].Arrived += 700 * time.Millisecond // the clock of the box was set
		}
	}
	timelinetest.Feed(t, tl, items)
	v := tl.View()
	checkOrder(t, v.Segments)
	first, last := v.Segments[0], v.Segments[len(v.Segments)-1]
	var media time.Duration
	for _, s := range v.Segments[:len(v.Segments)-1] {
		media += s.Duration
	}
	moved := last.Start.Sub(first.Start) - media
	if moved <= 0 || moved > 25*time.Millisecond {
		t.Errorf("anchor moved %v in %v", moved, media)
	}
	if v.Counters.Breaks != 0 {
		t.Errorf("%d discontinuities", v.Counters.Breaks)
	}
}

func TestSeldomRandomAccess(t *testing.T) {
	src := timelinetest.Capture(t, 20, 1000)
	tl := newTimeline(nil)
	timelinetest.Feed(t, tl, timelinetest.Split(src, 0, 1))
	v := tl.View()
	checkOrder(t, v.Segments)
	if v.TargetDuration != 6 || v.Independent() || v.Counters.Forced == 0 {
		t.Errorf("target duration %d, independent %v, %+v", v.TargetDuration, v.Independent(), v.Counters)
	}
	for _, s := range v.Segments {
		if s.Duration.Round(time.Second) > 6*time.Second {
			t.Errorf("%s lasts %v", s.Name, s.Duration)
		}
	}
	decode(t, concat(v.Segments))
}

func TestWindowIsBounded(t *testing.T) {
	src := timelinetest.Capture(t, 20, 25)
	tl := newTimeline(nil)
	tl.SegmentCount = 3
	timelinetest.Feed(t, tl, timelinetest.Split(src, 0, 1))
	v := tl.View()
	// Three target durations of 2 s need four segments, since one is a little shorter.
	if len(v.Segments) != 4 || len(v.Late) != 2 {
		t.Errorf("%d segments and %d late", len(v.Segments), len(v.Late))
	}
	if s, gone := v.Find(v.Late[0].Name); s != v.Late[0] || gone {
		t.Error("late segment not found")
	}
	if s, gone := v.Find("2026/11/22/08/06/30-02000"); s != nil || !gone {
		t.Error("old segment is not gone")
	}
	if s, gone := v.Find("2027/11/22/08/06/30-02000"); s != nil || gone {
		t.Error("future segment is gone")
	}

	small := newTimeline(nil)
	small.MaxBytes = 600_000
	timelinetest.Feed(t, small, timelinetest.Split(src, 0, 1))
	bytes := 0
	for _, s := range slices.Concat(small.View().Late, small.View().Segments) {
		bytes += s.TS.Size()
	}
	if bytes > small.MaxBytes || bytes == 0 {
		t.Errorf("%d bytes kept, %d allowed", bytes, small.MaxBytes)
	}
}

func TestMemoryFails(t *testing.T) {
	tl := newTimeline(&timelinetest.Memory{Fail: errors.New("disk full")})
	timelinetest.Feed(t, tl, timelinetest.Split(timelinetest.Capture(t, 5, 25), 0, 1))
	c := tl.View().Counters
	if c.Segments == 0 || c.SaveErrors != c.Segments || !strings.Contains(c.LastError, "disk full") {
		t.Errorf("%+v", c)
	}
}

func TestChanged(t *testing.T) {
	tl := newTimeline(nil)
	v := tl.View()
	select {
	case <-v.Changed():
		t.Fatal("changed before anything was published")
	default:
	}
	timelinetest.Feed(t, tl, timelinetest.Split(timelinetest.Capture(t, 4, 25), 0, 1))
	<-v.Changed()
	if len(tl.View().Segments) == 0 {
		t.Error("no segment")
	}
}
