package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestColdStart starts a box with 50 channels and says when the first datagram of a
// programme was captured.
func TestColdStart(t *testing.T) {
	const channels = 50
	rec, data := recorded(t, "small")
	var yaml strings.Builder
	yaml.WriteString("channels:\n")
	var in, out []netip.AddrPort
	for i := range channels {
		bitrate := int64(0)
		if i%2 == 0 {
			bitrate = rec.Rate * 11 / 10
		}
		in, out = append(in, group(i+1)), append(out, outGroup(i+1))
		fmt.Fprintf(&yaml, "  - name: c%d\n    inputs: [{url: \"udp://eth@%s\"}]\n    outputs: [{url: \"udp://eth@%s\", bitrate: %d}]\n", i, in[i], out[i], bitrate)
	}
	d := network(t, yaml.String())
	d.send(t, data, rec.Rate, in...)
	air := d.record(t, out...)
	began := time.Now()
	d.mustStart(t)
	var first, last time.Time
	d.until(t, "all channels", func() bool {
		first, last = time.Time{}, time.Time{}
		for i := range channels {
			at := firstOf(air.of(i))
			if at.IsZero() {
				return false
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
		return true
	})
	t.Logf("first datagram of a programme %v after the start, all %d channels after %v", first.Sub(began), channels, last.Sub(began))
	if last.Sub(began) > 15*time.Second {
		t.Errorf("the last of %d channels was on air after %v, want 15 s at most", channels, last.Sub(began))
	}
}

// firstOf returns when the programme began.
func firstOf(list []arrival) time.Time {
	for _, a := range list {
		if programme(a.data) {
			return a.at
		}
	}
	return time.Time{}
}
