package timeline_test

import (
	"bytes"
	"testing"

	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
	"sigma/mux/inspect"
)

// TestWithTheInspector drives the timeline as a channel does: with batches that know
// nothing and an inspector that marks them. Track and epoch changes of the inspector
// at the beginning must not cost a segment.
func TestWithTheInspector(t *testing.T) {
	src := timelinetest.Capture(t, 11, 25)
	var inspector inspect.Inspector
	var items []flow.Item[flow.Batch]
	for _, it := range timelinetest.Split(src, 0, 0) {
		it.V.Clock, it.Marks = 0, 0
		inspector.Feed(it, func(piece flow.Item[flow.Batch]) { items = append(items, piece) })
	}
	tl := newTimeline(nil)
	timelinetest.Feed(t, tl, items)
	v := tl.View()
	checkOrder(t, v.Segments)
	if len(v.Segments) < 4 || v.TargetDuration != 2 || !v.Independent() || v.Counters.Breaks != 0 {
		t.Fatalf("%d segments, target duration %d, independent %v, %+v", len(v.Segments), v.TargetDuration, v.Independent(), v.Counters)
	}
	for pid, m := range media(concat(v.Segments)) {
		if !bytes.Contains(media(src)[pid], m) {
			t.Errorf("PID %d is not a run of the source", pid)
		}
	}
	decode(t, concat(v.Segments))
}
