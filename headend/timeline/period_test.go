package timeline

import (
	"testing"
	"time"

	"sigma/mux/flow"
)

// TestPeriodFollowsTheAnchor lets a source run 30 ppm slow for a day.
func TestPeriodFollowsTheAnchor(t *testing.T) {
	r := newReel(&Timeline{})
	var a anchor
	begin := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	periods := map[string]*Period{}
	var last *Period
	for i := range 24 * 3600 / 2 {
		clock := flow.Ticks(i) * 2 * flow.TicksPerSecond
		utc := begin.Add(time.Duration(i) * (2*time.Second + 60*time.Microsecond))
		if i == 0 {
			a.begin(clock, time.Duration(utc.UnixNano()), 0)
		}
		a.observe(clock, time.Duration(utc.UnixNano()))
		a.slew(clock)
		d := &draft{start: clock, name: a.name(clock), base: i == 0, fresh: i == 0, order: i + 1}
		d.segment.Start = time.Unix(0, int64(a.at(clock))).UTC()
		d.bound = bound{pts: clock + 90_000*300, dts: clock, known: true}
		r.date(d, &a)
		p := d.segment.Period
		periods[p.ID] = p
		media := d.bound.pts + r.shift
		if off := p.UTC(media).Sub(utc); off < -1100*time.Millisecond || off > 1100*time.Millisecond {
			t.Fatalf("after %v the date is off by %v", clock.Duration(), off)
		}
		if last != nil && p != last {
			if step := p.UTC(media).Sub(last.UTC(media)); step < maxDrift || step > maxDrift+10*time.Millisecond {
				t.Errorf("the date steps by %v", step)
			}
		}
		last = p
	}
	if len(periods) != 3 {
		t.Errorf("%d periods in a day of 2.6 s drift", len(periods))
	}
}
