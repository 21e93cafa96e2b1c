package timeline

import (
	"testing"
	"time"

	"sigma/mux/flow"
)

// TestPace gives random access points at different paces to segments of 2 s, or a little
// more, for half an hour.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		segment time.Duration
		every   []time.Duration // distance of random access points, in turn
		target  int             // seconds
		short   bool            // some segments are a random access point shorter
		then    time.Duration   // distance of random access points after a minute, if not 0
	}{
		"a multiple of the pace":  {2 * time.Second, []time.Duration{time.Second}, 2, false, 0},
		"the pace itself":         {2 * time.Second, []time.Duration{2 * time.Second}, 2, false, 0},
		"pace a little faster":    {2010 * time.Millisecond, []time.Duration{time.Second}, 3, false, 0},
		"pace a little slower":    {2 * time.Second, []time.Duration{1001 * time.Millisecond}, 2, true, 0},
		"NTSC, a little faster":   {2 * time.Second, []time.Duration{999 * time.Millisecond}, 2, true, 0},
		"no multiple of the pace": {2 * time.Second, []time.Duration{960 * time.Millisecond}, 3, false, 0},
		"another pace, later":     {2 * time.Second, []time.Duration{time.Second}, 2, true, 960 * time.Millisecond},
		"no pace":                 {2 * time.Second, []time.Duration{700 * time.Millisecond, time.Second}, 3, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tl := &Timeline{Name: "x", SegmentDuration: c.segment, SegmentCount: 3, PacketsOnly: true,
				UTC: func(d time.Duration) time.Time { return time.Unix(1_795_000_000, 0).Add(d) }}
			tl.cutter = &cutter{timeline: tl, broken: true}
			var shortest, longest time.Duration
			at, next, n := time.Duration(0), time.Duration(0), 0
			for at < 30*time.Minute {
				it := flow.Item[flow.Batch]{V: flow.Batch{Data: unit(0, 0), Clock: flow.FromDuration(time.Second + at)}}
				it.Arrived = at
				if at == next {
					it.Marks = flow.RandomAccess
					next += c.every[n%len(c.every)]
					if c.then > 0 && at > time.Minute {
						next = at + c.then
					}
					n++
				}
				seen := tl.View().Counters.Segments
				tl.cutter.push(it)
				if v := tl.View(); v.Counters.Segments > max(seen, 1) { // the first may begin anywhere
					d := v.Segments[len(v.Segments)-1].Duration
					longest = max(longest, d)
					if shortest == 0 || d < shortest {
						shortest = d
					}
				}
				at = min(at+40*time.Millisecond, next)
			}
			v := tl.View()
			if v.TargetDuration != c.target || v.Counters.Forced != 0 || v.Counters.Breaks != 0 {
				t.Errorf("target duration %d, want %d; %+v", v.TargetDuration, c.target, v.Counters)
			}
			if longest.Round(time.Second) > time.Duration(v.TargetDuration)*time.Second {
				t.Errorf("a segment of %v with a target duration of %d s", longest, v.TargetDuration)
			}
			if (shortest < c.segment*3/4) != c.short {
				t.Errorf("shortest %v", shortest)
			}
			if got, want := v.Counters.Segments, uint64(30*time.Minute/c.segment); got < want-2 || got > want+want/10 {
				t.Errorf("%d segments in half an hour, want about %d", got, want)
			}
		})
	}
}
