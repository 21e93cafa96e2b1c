package timeline

import (
	"fmt"
	"testing"

	"sigma/mux/flow"
)

// TestSaid emits cues as decoders do, and looks at what is in two segments.
func TestSaid(t *testing.T) {
	const s = flow.TicksPerSecond
	x := &text{}
	x.emit(Cue{Start: 1 * s, Text: "grow"})
	x.emit(Cue{Start: 1 * s, Text: "growing"})
	x.emit(Cue{Start: 1 * s, End: 5 * s, Text: "growing"})
	x.emit(Cue{Start: 2 * s, Text: "taken back"})
	x.emit(Cue{Start: 2 * s, End: 2 * s})
	x.emit(Cue{Start: 3 * s, End: 6 * s, Text: "whole"})
	x.emit(Cue{Start: 3 * s, Text: "beside"})
	x.emit(Cue{Start: 3 * s, End: 4 * s, Text: "beside it"})
	x.emit(Cue{Start: 7 * s, End: 6 * s, Text: "never"})
	x.emit(Cue{Start: 7 * s, Text: "open"})
	during := func(begin, end flow.Ticks) (out []string) {
		for _, c := range x.cues {
			if c, ok := c.during(begin*s, end*s); ok {
				out = append(out, fmt.Sprint(c.Text, " ", c.Start/s, "-", c.End/s))
			}
		}
		return out
	}
	for _, w := range []struct {
		begin, end flow.Ticks
		want       string
	}{
		{0, 4, "[growing 1-4 whole 3-6 beside it 3-4]"},
		{4, 8, "[growing 4-5 whole 3-6 open 7-8]"},
		{8, 12, "[open 8-12]"},
		{66, 70, "[open 66-67]"},
		{67, 70, "[]"},
	} {
		if got := fmt.Sprint(during(w.begin, w.end)); got != w.want {
			t.Errorf("from %d to %d: %s, expected %s", w.begin, w.end, got, w.want)
		}
	}
	for i := range 2 * maxCues {
		x.emit(Cue{Start: flow.Ticks(100+i) * s, Text: "more"})
	}
	x.emit(Cue{Start: 50 * s, Text: "now"})
	if len(x.cues) != maxCues || fmt.Sprint(during(50, 51)) != "[open 50-51 now 50-51]" {
		t.Errorf("%d cues", len(x.cues))
	}
}
