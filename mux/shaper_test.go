package mux

import (
	"bytes"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"sigma/mux/flow"
)

// source is one capture that a constant rate is made of.
type source struct {
	name string
	args []string
	rate int64
}

func sources() []source {
	return []source{
		{"h264 aac vbr 25p", []string{picture25, sound, h264, named, "-pcr_period 20"}, 1_500_000},
		{"h264 aac vbr 25p pcr 100 ms", []string{picture25, sound, h264, named, "-pcr_period 100"}, 1_733_333},
		{"h264 mp2 50i", []string{picture50, sound, h264i, named}, 4_000_001},
		{"mpeg2 mp2 ac3 cbr", []string{picture25, sound, mpeg2, named, "-muxrate 2500k"}, 3_000_000},
		{"hevc aac cbr", []string{picture25, sound, hevc, named, "-muxrate 1500k -pcr_period 40"}, 2_000_000},
		{"h264 near the wrap", []string{picture25, sound, h264, named, "-output_ts_offset 95440"}, 1_500_000},
	}
}

func TestConstantRate(t *testing.T) {
	for _, src := range sources() {
		t.Run(src.name, func(t *testing.T) {
			in := capture(t, 8, src.args...)
			s := &Shaper{Rate: src.rate, Selection: Selection{Name: "Zwei", Provider: "Wir"}}
			out, log := play(s, in, schedule(in, time.Hour), time.Second)
			checkConstant(t, out, src.rate)
			checkTimes(t, log, src.rate)
			if got := breaks(out); got != nil {
				t.Errorf("%d continuity errors: %v", len(got), got[:min(5, len(got))])
			}
			if got := complaints(t, out); got != "" {
				t.Errorf("ffmpeg: %s", got)
			}
			if got, want := hashes(t, out), hashes(t, in); !slices.Equal(got, want) {
				t.Errorf("streams differ:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			st := s.Stats()
			if st.Overflow+st.Discontinuities+st.Late != 0 || st.Packets != uint64(len(out)/188) {
				t.Errorf("stats %+v", st)
			}
			tool(t, "ffprobe")
			probe, _ := run(t, "ffprobe", "-v", "error", "-show_programs", save(t, out))
			for _, want := range []string{"service_name=Zwei", "service_provider=Wir"} {
				if !strings.Contains(probe, want) {
					t.Errorf("ffprobe does not see %s:\n%s", want, probe)
				}
			}
		})
	}
}

// checkConstant checks PCR accuracy and the repetition of PCR and tables by byte
// position.
func checkConstant(t *testing.T, out []byte, rate int64) {
	t.Helper()
	cs := clocksOf(out)
	if len(cs) < 100 {
		t.Fatalf("%d PCRs", len(cs))
	}
	worst := big.NewRat(0, 1)
	longest := int64(0)
	for i, c := range cs {
		if c.pid != cs[0].pid {
			t.Fatalf("PCR on PID %d and %d", c.pid, cs[0].pid)
		}
		if i > 0 {
			longest = max(longest, step(cs[i-1].pcr, c.pcr))
		}
		ideal := big.NewRat(int64(c.packet-cs[0].packet)*1504*27_000_000, rate)
		got := big.NewRat(step(cs[0].pcr, c.pcr), 1)
		if d := got.Sub(got, ideal).Abs(got); d.Cmp(worst) > 0 {
			worst = d
		}
	}
	if f, _ := worst.Float64(); f > 1 {
		t.Errorf("PCR accuracy %.3f ticks, want at most 1", f)
	}
	if longest > 35*27000 {
		t.Errorf("PCR interval %d ms, want at most 35", longest/27000)
	}
	tables := map[uint16]time.Duration{0: 100, 0x1000: 100, 0x11: 1800}
	for pid, most := range tables {
		at := starts(out, pid)
		if len(at) < 3 {
			t.Fatalf("PID %d: %d sections", pid, len(at))
		}
		for i := 1; i < len(at); i++ {
			if d := time.Duration(at[i]-at[i-1]) * 1504 * time.Second / time.Duration(rate); d > most*time.Millisecond {
				t.Errorf("PID %d: %v between sections, want at most %d ms", pid, d, most)
				break
			}
		}
	}
}

// checkTimes checks that datagrams are full and leave at the rate, exactly where the
// sender's clock is ours.
func checkTimes(t *testing.T, log []sent, rate int64) {
	t.Helper()
	for i, d := range log {
		if d.n != 7 {
			t.Fatalf("datagram %d has %d packets", i, d.n)
		}
		want := log[0].at + time.Duration(int64(i)*7*1504*1e9/rate)
		if off := d.at - want; off < -time.Microsecond || off > time.Microsecond {
			t.Fatalf("datagram %d leaves %v from its time", i, off)
		}
	}
}

func TestJitterDoesNotChangeBytes(t *testing.T) {
	for _, src := range sources()[:3] {
		in := capture(t, 8, src.args...)
		onTime := schedule(in, time.Hour)
		want, _ := play(&Shaper{Rate: src.rate}, in, onTime, 100*time.Millisecond)
		for seed := range uint64(5) {
			s := &Shaper{Rate: src.rate}
			got, _ := play(s, in, jitter(onTime, 50*time.Millisecond, seed), time.Second)
			n := min(len(want), len(got))
			if n < len(in) || !bytes.Equal(got[:n], want[:n]) {
				t.Errorf("%s: jitter changes the output of %d bytes; stats %+v", src.name, n, s.Stats())
			}
		}
	}
}

func TestAsIs(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	onTime := schedule(in, time.Hour)
	s := &Shaper{}
	out, log := play(s, in, jitter(onTime, 40*time.Millisecond, 3), time.Second)
	if !bytes.Equal(out, in) {
		t.Errorf("%d bytes sent of %d, or others", len(out), len(in))
	}
	if s.PSI().Generation == 0 || len(s.PSI().Tables) != 3 {
		t.Errorf("PSI %+v", s.PSI())
	}
	// The times of departure are those of the sender plus a constant.
	byPacket := map[int]time.Duration{}
	for i, at := range onTime {
		byPacket[7*i] = at
	}
	var low, high time.Duration
	packet, seen := 0, 0
	for _, d := range log {
		if at, ok := byPacket[packet]; ok {
			off := d.at - at
			if seen++; seen == 1 {
				low, high = off, off
			}
			low, high = min(low, off), max(high, off)
		}
		packet += d.n
	}
	if seen < 5 || high-low > time.Millisecond {
		t.Errorf("latency from %v to %v over %d datagrams", low, high, seen)
	}
	if low < DefaultDelay || high > DefaultDelay+120*time.Millisecond {
		t.Errorf("latency %v to %v, want %v and the jitter", low, high, DefaultDelay)
	}
}

func item(data []byte, at time.Duration, marks flow.Mark) flow.Item[flow.Batch] {
	it := flow.Item[flow.Batch]{V: flow.Batch{Data: data}}
	it.Arrived, it.Marks = at, marks
	return it
}
