package mux

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// feed is one item of a scenario.
type feed struct {
	data  []byte
	at    time.Duration
	marks flow.Mark
	epoch uint32
}

// feeds cuts a capture into datagrams arriving on time from start.
func feeds(b []byte, start time.Duration) []feed {
	var out []feed
	for i, at := range schedule(b, start) {
		out = append(out, feed{data: b[i*1316 : min(len(b), (i+1)*1316)], at: at})
	}
	return out
}

// act plays a scenario up to its last item and tail.
func act(s *Shaper, fs []feed, tail time.Duration) (out []byte, log []sent) {
	now := fs[0].at
	for i := 0; i < len(fs) || now < fs[len(fs)-1].at+tail; now += 5 * time.Millisecond {
		for ; i < len(fs) && fs[i].at <= now; i++ {
			it := item(fs[i].data, fs[i].at, fs[i].marks)
			it.Epoch = fs[i].epoch
			s.Push(it)
		}
		s.Emit(now, func(at time.Duration, p []byte) {
			if len(p)%188 != 0 || len(p) == 0 || len(log) > 0 && at < log[len(log)-1].at {
				panic("datagram out of order or broken")
			}
			out = append(out, p...)
			log = append(log, sent{at, len(p) / 188})
		})
	}
	return out, log
}

// jumps returns the PCRs whose step from the one before is not 0 to 100 ms.
func jumps(cs []pcrAt) []pcrAt {
	var out []pcrAt
	for i := 1; i < len(cs); i++ {
		if d := step(cs[i-1].pcr, cs[i].pcr); d <= 0 || d > 2_700_000 {
			out = append(out, cs[i])
		}
	}
	return out
}

func marked(cs []pcrAt) []pcrAt {
	return slices.DeleteFunc(slices.Clone(cs), func(c pcrAt) bool { return !c.mark })
}

func TestSwitchOfInput(t *testing.T) {
	a := capture(t, 8, picture25, sound, h264, named)
	b := capture(t, 8, picture25, sound, mpeg2, "-muxrate 2500k -output_ts_offset 5000 -mpegts_start_pid 0x200")
	for _, rate := range []int64{4_000_000, 0} {
		fs := feeds(a, time.Hour)
		fs = fs[:len(fs)/2]
		next := feeds(b, fs[len(fs)-1].at+20*time.Millisecond)
		next[0].marks |= flow.Discontinuity | flow.RandomAccess
		for i := range next {
			next[i].epoch = 1
		}
		s := &Shaper{Rate: rate}
		out, log := act(s, append(fs, next...), time.Second)
		if got := breaks(out); got != nil {
			t.Errorf("rate %d: %d continuity errors: %v", rate, len(got), got[0])
		}
		cs := clocksOf(out)
		j, m := jumps(cs), marked(cs)
		if len(j) != 1 || len(m) != 1 || j[0] != m[0] {
			t.Errorf("rate %d: PCR jumps at %v, marked at %v; want the same one", rate, j, m)
		}
		if st := s.Stats(); st.Discontinuities != 1 || st.Overflow != 0 {
			t.Errorf("rate %d: stats %+v", rate, st)
		}
		if rate > 0 {
			checkTimes(t, log, rate)
			// Nothing of the second input is lost, its first packet included.
			for _, pid := range []uint16{0x200, 0x201, 0x202} {
				if want, got := len(payloads(b, pid)), len(payloads(out, pid)); got < want {
					t.Errorf("PID %#x: %d bytes of %d", pid, got, want)
				}
			}
		}
	}
}

func TestGapOfTheSameClock(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	fs := feeds(in, time.Hour)
	n := len(fs)
	fs = append(fs[:n/2:n/2], fs[n/2+n/20:]...) // 0.4 s are missing
	fs[n/2].marks |= flow.Gap
	s := &Shaper{Rate: 1_500_000}
	out, log := act(s, fs, 500*time.Millisecond)
	checkTimes(t, log, 1_500_000)
	if got := breaks(out); got != nil {
		t.Errorf("continuity errors: %v", got)
	}
	// The clock goes on, so that there is nothing but the pause to mark.
	if j := jumps(clocksOf(out)); len(j) > 1 {
		t.Errorf("PCR jumps %v", j)
	}
}

func TestInputStopsAndResumes(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	const rate = 2_000_000
	fs := feeds(in, time.Hour)
	n := len(fs) / 2
	for i := n; i < len(fs); i++ {
		fs[i].at += 3 * time.Second // as if the sender had paused
	}
	s := &Shaper{Rate: rate}
	out, log := act(s, fs, time.Second)
	checkTimes(t, log, rate)
	if got := breaks(out); got != nil {
		t.Errorf("continuity errors: %v", got)
	}
	cs := clocksOf(out)
	if m := marked(cs); len(m) != 1 {
		t.Errorf("marks %v, want one", m)
	}
	// PCR stops, PSI does not.
	pause := 0
	for i := 1; i < len(cs); i++ {
		pause = max(pause, cs[i].packet-cs[i-1].packet)
	}
	if d := time.Duration(pause) * 1504 * time.Second / rate; d < 2*time.Second || d > 3*time.Second {
		t.Errorf("PCR pauses for %v", d)
	}
	pats := starts(out, 0)
	for i := 1; i < len(pats); i++ {
		if d := time.Duration(pats[i]-pats[i-1]) * 1504 * time.Second / rate; d > 100*time.Millisecond {
			t.Errorf("PAT pauses for %v", d)
		}
	}
	if got, want := hashes(t, out), hashes(t, in); !slices.Equal(got, want) {
		t.Errorf("streams differ: %v, want %v", got, want)
	}
}

func TestOverflow(t *testing.T) {
	in := capture(t, 8, picture25, sound, mpeg2, "-muxrate 2500k")
	s := &Shaper{Rate: 900_000}
	out, log := play(s, in, schedule(in, time.Hour), 100*time.Millisecond)
	checkTimes(t, log, 900_000)
	checkConstant(t, out, 900_000)
	st := s.Stats()
	if st.Overflow == 0 || !st.Overloaded || st.Discontinuities != 0 {
		t.Errorf("stats %+v", st)
	}
	// What leaves of a stream is in order and a part of what came.
	var at int
	want := payloads(in, 0x100)
	for got := payloads(out, 0x100); len(got) > 0; got = got[188:] {
		if got[3]&0x10 == 0 {
			continue // a PCR added
		}
		i := bytes.Index(want[at:], got[100:188])
		if i < 0 {
			t.Fatal("a packet is out of order or not of the input")
		}
		at += i
	}
}

func TestBurstsAreEvened(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	fs := feeds(in, time.Hour)
	for i := range fs { // as of an HTTP server that sends every 2 s
		fs[i].at = fs[i].at.Truncate(2*time.Second) + 2*time.Second
	}
	s := &Shaper{Rate: 1_500_000}
	out, log := act(s, fs, 3*time.Second)
	checkTimes(t, log, 1_500_000)
	if got := hashes(t, out); !slices.Equal(got, hashes(t, in)) {
		t.Errorf("streams differ")
	}
	if st := s.Stats(); st.Discontinuities > 1 || st.Overflow != 0 {
		t.Errorf("stats %+v", st)
	}
}

// strip makes the packets of a capture that carry a PCR lose it.
func strip(in []byte) []byte {
	out := bytes.Clone(in)
	for _, c := range clocksOf(out) {
		out[c.packet*188+5] &^= 0x10
	}
	return out
}

func TestNoPCR(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	fs := feeds(in, time.Hour)
	bare := strip(in)
	for i := range fs {
		fs[i].data = bare[i*1316 : min(len(bare), (i+1)*1316)]
	}
	for _, rate := range []int64{1_500_000, 0} {
		s := &Shaper{Rate: rate}
		out, _ := act(s, fs, 2*time.Second)
		if got := breaks(out); got != nil {
			t.Errorf("continuity errors: %v", got[0])
		}
		if cs := clocksOf(out); len(cs) != 0 {
			t.Errorf("%d PCRs of a programme that has none", len(cs))
		}
		want, got := payloads(in, 0x100), payloads(out, 0x100)
		if len(want)-len(got) > 3*1316 {
			t.Errorf("rate %d: %d bytes of %d", rate, len(got), len(want))
		}
	}
}

func TestPCROnAudioAndScrambled(t *testing.T) {
	in := bytes.Clone(capture(t, 8, sound, picture25, "-map 0:a -map 1:v -c:v libx264 -preset ultrafast -c:a mp2 -muxrate 1500k"))
	for i := 0; i+188 <= len(in); i += 188 {
		if p := in[i : i+188]; pidOf(p) == 0x101 {
			p[3] |= 0xC0
		}
	}
	s := &Shaper{Rate: 2_000_000}
	out, _ := play(s, in, schedule(in, 0), time.Second)
	checkConstant(t, out, 2_000_000)
	for _, pid := range []uint16{0x100, 0x101} {
		n := func(b []byte) (n int) {
			for p := range packets(payloads(b, pid)) {
				if p[3]&0x10 != 0 {
					n++
				}
			}
			return n
		}
		if n(in) != n(out) {
			t.Errorf("PID %#x: %d packets, want %d", pid, n(out), n(in))
		}
	}
}

// TestRecovery follows a sender that is 20 ppm fast through ±50 ms of jitter: the
// rate settles, never changes faster than allowed, and latency stays.
func TestRecovery(t *testing.T) {
	const ppm = 20e-6
	r := rand.New(rand.NewPCG(7, 7))
	var c recovery
	c.anchor(0, DefaultDelay)
	last, worst := 0.0, 0.0
	for n := range 4 * 3600 * 50 { // 4 h, a PCR every 20 ms
		stc := flow.Ticks(n) * 540_000
		truth := float64(n) * 0.02 / (1 + ppm)
		at := time.Duration((truth + 0.1*r.Float64()) * 1e9)
		c.sample(stc, at, stc+2_700_000)
		if d := math.Abs(c.rate - last); d > 0 {
			if most := slewLearning; n < 600*50 && d > most*1.01 || n > 610*50 && d > slewSteady*1.2 {
				t.Fatalf("after %d s the rate changes by %g", n/50, d)
			}
		}
		last = c.rate
		if n > 3600*50 {
			latency := c.time(stc).Seconds() - truth
			worst = max(worst, math.Abs(latency-DefaultDelay.Seconds()))
		}
	}
	if d := c.rate + ppm; math.Abs(d) > 1e-6 {
		t.Errorf("rate %.3f ppm, want -20", c.rate*1e6)
	}
	if worst > 0.02 {
		t.Errorf("latency off by %.1f ms", worst*1e3)
	}
}

func TestSlotClockHasNoDrift(t *testing.T) {
	for _, rate := range []int64{1, 999_999, 4_000_001, 38_014_706, 100_000_000} {
		c := newSlotClock(rate)
		for range 100_000 {
			c.advance()
		}
		if want := flow.Ticks(slotTicks / rate * 100_000); rate > 1000 && (c.ticks < want || c.ticks > want+100_000) {
			t.Errorf("rate %d: %d ticks", rate, c.ticks)
		}
		if got := int64(c.ticks)*rate + c.frac; rate > 1000 && got != slotTicks*100_000 {
			t.Errorf("rate %d: %d after 100000 slots, want %d", rate, got, int64(slotTicks)*100_000)
		}
	}
}

func TestCarouselSpacesPackets(t *testing.T) {
	long, err := psi.Header{TableID: psi.TableEITActual}.Section(make([]byte, 900))
	if err != nil {
		t.Fatal(err)
	}
	pk := psi.Packetizer{PID: psi.PIDEIT}
	var c carousel
	c.load([]PSITable{{(&psi.Packetizer{PID: 100}).AppendTo(nil, long), repeatPSI.Duration()}}, 0)
	for c.push(pk.AppendTo(nil, long)) {
	}
	if len(c.queue) > maxSI {
		t.Errorf("%d bytes wait", len(c.queue))
	}
	last := map[uint16]flow.Ticks{}
	for now := flow.Ticks(0); now < flow.TicksPerSecond; now += 4000 {
		p := c.next(now)
		if p == nil {
			continue
		}
		if was, ok := last[pidOf(p)]; ok && now-was < siSpacing {
			t.Fatalf("PID %d: packets %d ticks apart", pidOf(p), now-was)
		}
		last[pidOf(p)] = now
	}
}

// TestDriftIsFollowed plays half an hour of senders whose clocks are 30 ppm off.
func TestDriftIsFollowed(t *testing.T) {
	for _, ppm := range []float64{-30e-6, 30e-6} {
		s := &Shaper{Rate: 200_000}
		head := small(t, 0)
		s.Push(item(head, 0, 0))
		var first, last time.Duration
		var packets int64
		for n := range int64(30 * 60 * 25) {
			now := time.Duration(float64(n) * 40e6 * (1 + ppm))
			data := ts.AppendPCRPacket(nil, 101, 0, uint64(n)*1_080_000)
			data = append(data, es(102, byte(n))...)
			s.Push(item(data, now, 0))
			s.Emit(now, func(at time.Duration, p []byte) {
				if packets == 0 {
					first = at
				}
				last = at
				packets += int64(len(p) / 188)
			})
		}
		if st := s.Stats(); st.Late+st.Overflow+st.Discontinuities != 0 {
			t.Errorf("%g: stats %+v", ppm, st)
		}
		// The output keeps the sender's time: what it has sent lasts as long as here.
		nominal := float64(packets-7) * 1504 / 200_000
		if off := (last - first).Seconds() - nominal*(1+ppm); math.Abs(off) > 0.01 {
			t.Errorf("%g: output is %.1f ms off after half an hour", ppm, off*1e3)
		}
	}
}

// TestJudges makes sure that the judges of these tests see what they are to see.
func TestJudges(t *testing.T) {
	in := capture(t, 8, picture25, sound, h264, named)
	broken := slices.Concat(in[:1000*188], in[1001*188:])
	if len(breaks(broken)) == 0 || complaints(t, broken) == "" {
		t.Error("a missing packet is not seen")
	}
	if len(breaks(in)) != 0 || complaints(t, in) != "" {
		t.Error("a whole stream is complained about")
	}
	if slices.Equal(hashes(t, broken), hashes(t, in)) {
		t.Error("a missing packet does not change the streams")
	}
}
