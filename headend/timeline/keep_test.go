package timeline_test

import (
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux"
)

// TestNothingIsKeptBeyondTheWindow plays a programme without a break for ten windows:
// the bytes of the first segments are gone by then.
func TestNothingIsKeptBeyondTheWindow(t *testing.T) {
	data := timelinetest.Capture(t, 10, 25)
	tl := &timeline.Timeline{Name: "n", SegmentDuration: 2 * time.Second, SegmentCount: 3, PartTarget: 500 * time.Millisecond, UTC: timelinetest.UTC}
	var (
		loop  mux.Loop
		at    time.Duration
		early []weak.Pointer[byte]
	)
	push, stop := timelinetest.Start(t, tl, 4096)
	for range 12 {
		pass := slices.Clone(data)
		loop.Next(pass)
		loop.Rewind()
		items := timelinetest.Split(pass, at, 0)
		at = items[len(items)-1].Arrived + 20*time.Millisecond
		push(items)
		if v := tl.View(); early == nil && len(v.Segments) > 0 {
			s := v.Segments[0]
			early = append(early, weak.Make(&s.TS[0][0]), weak.Make(&s.Media[0].Parts[0].Data[0]))
		}
	}
	stop()
	if n := tl.View().Counters.Segments; n < 40 || len(early) == 0 {
		t.Fatalf("%d segments in two minutes, %d of them watched", n, len(early))
	}
	runtime.GC()
	for i, p := range early {
		if p.Value() != nil {
			t.Errorf("%s of the first segment are still there", []string{"packets", "samples"}[i])
		}
	}
	runtime.KeepAlive(tl)
}
