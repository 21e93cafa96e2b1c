package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"sigma/multicast/rig"
)

// TestEdit changes one channel after the other while a receiver captures all: no
// other output may lose a packet.
func TestEdit(t *testing.T) {
	const channels = 5
	rec, data := recorded(t, "h264")
	rate := rec.Rate * 11 / 10
	output := func(i int) object {
		return object{"url": fmt.Sprintf("rtp://eth@%s", outGroup(i)), "bitrate": fmt.Sprint(rate)}
	}
	var yaml strings.Builder
	yaml.WriteString("channels:\n")
	var groups []netip.AddrPort
	for i := range channels {
		fmt.Fprintf(&yaml, "  - name: c%d\n    inputs: [{url: \"udp://eth@%s\"}]\n    outputs: [{url: \"rtp://eth@%s\", bitrate: %d}]\n", i+1, group(1), outGroup(i+1), rate)
		groups = append(groups, outGroup(i+1))
	}
	d := network(t, yaml.String())
	d.send(t, data, rec.Rate, group(1))
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range channels {
		d.reaches(t, fmt.Sprintf("c%d", i+1), "on_air")
	}
	air := d.record(t, append(groups, outGroup(9))...)
	for i := range channels {
		air.runs(t, d, i)
	}
	input := []object{{"url": fmt.Sprintf("udp://eth@%s", group(1))}}
	// c4 and c5 are changed, c1 gets another title; c1 to c3 and the first output of c4 must not notice.
	d.do(t, http.MethodPut, "/streams/new", object{"inputs": input, "outputs": []object{output(9)}})
	d.reaches(t, "new", "on_air")
	air.runs(t, d, 5)
	d.do(t, http.MethodPut, "/streams/new", object{"title": "other", "service": "Other", "segment_duration": "2s"})
	d.do(t, http.MethodPut, "/streams/c4", object{"outputs": []object{output(4), output(8)}})
	d.until(t, "the added output", func() bool { s := d.state(t, "c4"); return len(s.Outputs) == 2 && s.Outputs[1].Datagrams > 100 })
	edited := output(8)
	edited["ttl"] = 3
	d.do(t, http.MethodPut, "/streams/c4", object{"outputs": []object{output(4), edited}})
	d.do(t, http.MethodPut, "/streams/c5", object{"outputs": []object{{"url": output(5)["url"], "bitrate": fmt.Sprint(rate + 500_000)}}})
	air.runs(t, d, 4)
	d.do(t, http.MethodPut, "/streams/c1", object{"title": "First", "comment": "no more than labels"})
	d.do(t, http.MethodDelete, "/streams/new", nil)
	d.do(t, http.MethodDelete, "/streams/c5", nil)
	for i := range channels - 1 {
		air.runs(t, d, i)
	}
	air.stop()
	reports, missing := make([]rig.Report, channels-1), make([]int, channels-1)
	seams := 1 << 30 // where the recording began anew, in all of them
	for i := range reports {
		var out []byte
		out, missing[i] = packets(air.of(i))
		reports[i] = rig.Examine(out, rate, pmtOf(out))
		seams = min(seams, reports[i].Breaks)
	}
	for i, rep := range reports {
		t.Logf("c%d: %v", i+1, rep)
		if missing[i] > 0 || rep.Continuity > 0 {
			t.Errorf("c%d: %d datagrams missing, %d continuity errors", i+1, missing[i], rep.Continuity)
		}
		if rep.Breaks > seams || rep.PCRWorst > 1 || rep.PCRs == 0 {
			t.Errorf("c%d: %d breaks, want %d; PCR is %.2f ticks off its position, want at most 1", i+1, rep.Breaks, seams, rep.PCRWorst)
		}
	}
}
