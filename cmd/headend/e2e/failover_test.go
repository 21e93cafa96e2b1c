package e2e

import (
	"fmt"
	"testing"
	"time"

	"sigma/multicast/rig"
)

// TestFailover stops the primary of a channel and brings it back, while a receiver
// captures, ffmpeg decodes and a browser plays it.
func TestFailover(t *testing.T) {
	const timeout = time.Second
	rec, data := recorded(t, "h264")
	d := network(t, fmt.Sprintf(`
channels:
  - name: news
    source_timeout: 1s
    return_delay: 3s
    segment_duration: 1s
    inputs: [{url: "udp://eth@%s"}, {url: "udp://eth@%s"}]
    outputs: [{url: "udp://eth@%s", bitrate: %d}]
`, group(1), group(2), outGroup(1), rec.Rate*11/10))
	stop := d.send(t, data, rec.Rate, group(1))
	d.send(t, data, rec.Rate, group(2))
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.reaches(t, "news", "on_air")
	web, closeWeb := d.browser(t, "http://"+HTTPAddr+"/news/index.m3u8")
	stream, closeStream := d.ffmpeg(t, "http://"+HTTPAddr+"/news/mpegts")
	air := d.record(t, outGroup(1), group(1))
	goesOn := func(when string) {
		t.Helper()
		was, frames := web.now().At, stream.now().Frames
		d.until(t, "the browser to play "+when, func() bool { return web.ended() || web.now().At > was+4 })
		d.until(t, "ffmpeg to read "+when, func() bool { return stream.ended() || stream.now().Frames > frames+75 })
		if web.ended() || stream.ended() {
			t.Fatalf("%s: browser over: %v %s, ffmpeg over: %v %s", when, web.ended(), web.failed, stream.ended(), stream.failed)
		}
	}
	goesOn("the primary")

	stop()
	d.reaches(t, "news", "on_standby")
	air.runs(t, d, 0)
	if s := d.state(t, "news"); s.Active != 1 {
		t.Errorf("input %d is on air, want 1", s.Active)
	}
	goesOn("the standby")

	primary := air.of(1)
	switched := d.switched(t, "news").Sub(primary[len(primary)-1].at)
	if switched < timeout || switched > timeout+500*time.Millisecond {
		t.Errorf("switched %v after the last datagram of the primary: want source_timeout (%v) and at most 0.5 s more", switched, timeout)
	}
	away, _ := gap(air.of(0), programme)
	if away > timeout+500*time.Millisecond {
		t.Errorf("nothing of the programme for %v: want at most source_timeout (%v) and 0.5 s", away, timeout)
	}
	before := len(air.of(0))
	d.send(t, data, rec.Rate, group(1))
	d.reaches(t, "news", "on_air")
	goesOn("the primary again")
	air.stop()
	back, _ := gap(air.of(0)[before:], programme)
	if back > 500*time.Millisecond {
		t.Errorf("the return to the primary left %v without programme", back)
	}

	out, _ := packets(air.of(0))
	rep := rig.Examine(out, rec.Rate*11/10, pmtOf(out))
	t.Logf("switched after %v, %v without programme, returned within %v; %v", switched, away, back, rep)
	if rep.Continuity > 0 || rep.Breaks < 2 {
		t.Errorf("%d continuity errors, want none; %d marked breaks, want 2 or more", rep.Continuity, rep.Breaks)
	}
	for pid, limit := range map[uint16]float64{0: 100, pmtOf(out): 100} {
		if rep.Gaps[pid] > limit {
			t.Errorf("PID %#x: sections %.1f ms apart, want at most %.0f", pid, rep.Gaps[pid], limit)
		}
	}
	closeStream()
	closeWeb()
	t.Logf("browser: %+v; ffmpeg: %d pictures, said %q", web.now(), stream.now().Frames, stream.failed)
	if n := len(web.now().Fatal); n > 0 {
		t.Errorf("%d fatal errors of hls.js: %v", n, web.now().Fatal)
	}
}

// switched returns when the newest switch of a channel to another input was.
func (d *Daemon) switched(t *testing.T, channel string) time.Time {
	t.Helper()
	var list struct {
		Events []struct {
			At           time.Time
			Kind, Object string
		}
	}
	d.get(t, "/events?limit=100", &list)
	for _, e := range list.Events {
		if e.Kind == "input_switched" && e.Object == "channel/"+channel {
			return e.At
		}
	}
	t.Fatalf("no switch among the events: %+v", list)
	return time.Time{}
}
