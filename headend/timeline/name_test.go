package timeline

import (
	"testing"
	"time"

	"sigma/mux/flow"
)

func TestName(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 6, 37, 999, time.UTC)
	for want, d := range map[string]time.Duration{
		"2026/11/22/08/06/37-05000": 5 * time.Second,
		"2026/11/22/08/06/37-04960": 4*time.Second + 959_600*time.Microsecond,
		"2026/11/22/08/06/37-99999": time.Hour,
		"2026/11/22/08/06/37-00000": -time.Second,
	} {
		if got := FormatName(at, d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	start, d, err := ParseName("2026/11/22/08/06/37-05000")
	if err != nil || !start.Equal(at.Truncate(time.Second)) || d != 5*time.Second {
		t.Errorf("%v %v %v", start, d, err)
	}
	for _, bad := range []string{"", "2026/11/22/08/06/37-0500", "2026/13/22/08/06/37-05000", "2026/11/22/08/06/37_05000",
		"2026/11/22/08/06/37-05000.ts", "2026/11/22/08/06/60-05000", "2026/11/22/08/06/37-+5000", "2026-11-22-08-06-37-05000"} {
		if _, _, err := ParseName(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzSegmentName(f *testing.F) {
	f.Add("2026/11/22/08/06/37-05000")
	f.Add("0000/01/01/00/00/00-99999")
	f.Add("2024/02/29/23/59/59-00001")
	f.Add("2023/02/29/23/59/59-00001")
	f.Fuzz(func(t *testing.T, name string) {
		start, d, err := ParseName(name)
		if err != nil {
			return
		}
		if got := FormatName(start, d); got != name {
			t.Errorf("%q is %v %v is %q", name, start, d, got)
		}
	})
}

func TestAnchorNamesSurviveTheWrap(t *testing.T) {
	var early, late anchor
	before := flow.WrapTicks - 10*flow.TicksPerSecond
	early.begin(before, 1000*time.Hour, 0)
	late.begin(5*flow.TicksPerSecond, 1000*time.Hour+15*time.Second+20*time.Millisecond, 0)
	early.name(before)
	if a, b := early.name(flow.WrapTicks+6*flow.TicksPerSecond), late.name(6*flow.TicksPerSecond); a != b {
		t.Errorf("%v and %v", a, b)
	}
}
