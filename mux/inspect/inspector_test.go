package inspect

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

// testPieces holds that nothing is lost, copied or out of order, that
// the clock never runs backwards and that it meets every PCR.
func (c made) testPieces(t *testing.T) {
	for _, n := range []int{1, 7, 348, 1 << 20} {
		var in Inspector
		at, last := 0, flow.Ticks(0)
		for _, it := range inspect(&in, c.data, n) {
			if &it.V.Data[0] != &c.data[at] || len(it.V.Data) == 0 {
				t.Fatalf("piece at %d is not the stream", at)
			}
			at += len(it.V.Data)
			if it.V.Clock < last {
				t.Fatalf("clock %d after %d", it.V.Clock, last)
			}
			last = it.V.Clock
			p := it.V.Data[:ts.PacketSize]
			if v, ok := ts.PCR(p); ok && ts.PID(p) == in.tabs.pcr && it.V.Clock != 0 && it.Epoch == in.epoch {
				// Without the next PCR at hand, the clock of a variable bit rate can be early.
				exact := n == 1<<20 || c.name == "h264"
				if d := ts.UnwrapPTS(v/300, it.V.Clock) + flow.Ticks(v%300) - it.V.Clock; d != 0 && (exact || d > 0 || d < -maxStep) {
					t.Fatalf("batches of %d: clock %d where the PCR is %d off", n, it.V.Clock, d)
				}
			}
		}
		if at != len(c.data) {
			t.Errorf("%d bytes of %d came out", at, len(c.data))
		}
		s := in.Snapshot()
		total := s.Counters
		total.Packets = 0
		if total != (Counters{}) || s.Packets != uint64(len(c.data)/ts.PacketSize) || in.epoch != 1 || last == 0 {
			t.Errorf("batches of %d: %+v, epoch %d, clock %d", n, s.Counters, in.epoch, last)
		}
	}
}

// testAccess compares the positions of key frames.
func (c made) testAccess(t *testing.T) {
	if c.name == "radio" {
		c.testRadioAccess(t)
		return
	}
	for program := range programs(c.data) {
		for _, n := range []int{50, 348, 1 << 20} {
			in := Inspector{Program: program}
			var got []int
			at := 0
			for _, it := range inspect(&in, c.data, n) {
				if it.Marks.Has(flow.RandomAccess) {
					got = append(got, at)
				}
				at += len(it.V.Data)
			}
			var want []int
			for _, p := range c.streams[flow.TrackID(in.lead.id)].packets {
				if pos, err := strconv.Atoi(p.Pos); err == nil && p.Flags[0] == 'K' {
					want = append(want, pos)
				}
			}
			// Before its PMT a track is unknown.
			if len(want) > 0 && !slices.Contains(got, want[0]) {
				want = want[1:]
			}
			if len(got) < 3 || !slices.Equal(got, want) {
				t.Errorf("program %d, batches of %d: random access at %v, ffprobe %v", program, n, got, want)
			}
		}
	}
}

// testRadioAccess wants two random access points a second of audio.
func (c made) testRadioAccess(t *testing.T) {
	var in Inspector
	n := 0
	for _, it := range inspect(&in, c.data, 10) {
		if it.Marks.Has(flow.RandomAccess) {
			n++
			if p := it.V.Data; !ts.PUSI(p) || ts.PID(p) != in.lead.id {
				t.Errorf("piece begins with % x", p[:4])
			}
		}
	}
	if n < 6 || n > 11 {
		t.Errorf("%d random access points in 5 s", n)
	}
}

// testSnapshot compares formats, and rates with the size of the file.
func (c made) testSnapshot(t *testing.T) {
	var in Inspector
	inspect(&in, c.data, 70)
	s := in.Snapshot()
	if len(s.Services) == 0 || s.Program != s.Services[0].ID {
		t.Fatalf("services %+v", s.Services)
	}
	if c.name == "two" && (len(s.Services) != 2 || s.Services[1].ID != 9 || s.Services[1].Name != "Nine") {
		t.Errorf("services %+v", s.Services)
	}
	for _, v := range s.Services {
		for _, tr := range v.Tracks {
			p := c.streams[tr.ID]
			if want := format(p, c.name); tr.Format != want {
				t.Errorf("PID %d: %q, want %q", tr.ID, tr.Format, want)
			}
			if tr.Bitrate <= 0 || tr.Packets == 0 {
				t.Errorf("PID %d: %d bit/s, %d packets", tr.ID, tr.Bitrate, tr.Packets)
			}
		}
	}
	if c.name == "mpeg2" && s.Services[0].Tracks[2].Language != "vie" {
		t.Errorf("tracks %+v", s.Services[0].Tracks)
	}
	if c.name == "h264" && math.Abs(float64(s.Bitrate)-2e6) > 2e3 {
		t.Errorf("%d bit/s, want 2 Mbit/s", s.Bitrate)
	}
	var packets uint64
	for _, p := range s.PIDs {
		packets += p.Packets
	}
	if packets+s.Null != s.Packets {
		t.Errorf("%d packets by PID and %d null, %d in all", packets, s.Null, s.Packets)
	}
}

// format says what ffprobe found in the words of this package.
func format(p *probed, name string) string {
	if p.Channels > 0 {
		rate, _ := strconv.Atoi(p.Rate)
		return fmt.Sprintf("%g kHz %s", float64(rate)/1000, map[int]string{1: "mono", 2: "stereo"}[p.Channels])
	}
	scan := "p"
	if name == "tff" || name == "interlaced" {
		scan = "i"
	}
	return fmt.Sprintf("%dx%d%s25", p.Width, p.Height, scan)
}

// pat, pmt and video build a small stream by hand.
func patPacket() []byte { return section(0, []byte{0, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xE1, 0}) }

func pmtPacket(version byte, audio bool) []byte {
	b := []byte{2, 0xB0, 18, 0, 1, 0xC1 | version<<1, 0, 0, 0xE1, 1, 0xF0, 0, 0x1B, 0xE1, 1, 0xF0, 0}
	if audio {
		b = append(b, 0x0F, 0xE1, 2, 0xF0, 0)
		b[2] += 5
	}
	return section(0x100, b)
}

// section returns a packet with one section and its CRC_32.
func section(pid uint16, b []byte) []byte {
	crc := uint32(0xFFFFFFFF)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	p := bytes.Repeat([]byte{0xFF}, ts.PacketSize)
	copy(p, []byte{ts.Sync, 0x40 | byte(pid>>8), byte(pid), 0x10, 0})
	copy(p[5:], b)
	copy(p[5+len(b):], []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
	return p
}

// clip returns n video packets with a PCR before every tenth, 1 ms apart, from pcr.
func clip(n int, pcr flow.Ticks, cc *uint8) (out []byte) {
	for i := range n {
		if i%10 == 0 {
			out = ts.AppendPCRPacket(out, 0x101, *cc-1, uint64(pcr+flow.Ticks(i)*27000))
		}
		p := bytes.Repeat([]byte{0xAA}, ts.PacketSize)
		copy(p, []byte{ts.Sync, 0x01, 0x01, 0x10 | *cc&15})
		*cc++
		out = append(out, p...)
	}
	return out
}

func hand() (data []byte, cc *uint8) {
	cc = new(uint8)
	data = append(patPacket(), pmtPacket(0, false)...)
	return append(data, clip(100, 1000, cc)...), cc
}

func TestContinuityRules(t *testing.T) {
	video := func(head ...byte) []byte {
		p := bytes.Repeat([]byte{0xFF}, ts.PacketSize)
		copy(p, append([]byte{ts.Sync, 1, 1}, head...))
		return p
	}
	for _, c := range []struct {
		name    string
		packets [][]byte // after counter 3
		errors  uint64
		tei     uint64
	}{
		{"in order", [][]byte{video(0x14), video(0x15)}, 0, 0},
		{"one repetition", [][]byte{video(0x13), video(0x14)}, 0, 0},
		{"two repetitions", [][]byte{video(0x13), video(0x13), video(0x14)}, 1, 0},
		{"one lost", [][]byte{video(0x15)}, 1, 0},
		{"swapped", [][]byte{video(0x15), video(0x14), video(0x16)}, 3, 0},
		{"lost, announced", [][]byte{video(0x38, 1, 0x80), video(0x19)}, 0, 0},
		{"no payload does not count", [][]byte{video(0x23, 183, 0), video(0x2A, 183, 0), video(0x14)}, 0, 0},
		{"announced without payload", [][]byte{video(0x23, 183, 0x80), video(0x19)}, 0, 0},
		{"reserved control is passed over", [][]byte{video(0x09), video(0x14)}, 0, 0},
		{"damaged is only damaged", [][]byte{{ts.Sync, 0x81, 1, 0x1A}, video(0x14)}, 0, 1},
		{"wraps", [][]byte{video(0x14), video(0x15), video(0x16), video(0x17), video(0x18), video(0x19), video(0x1A),
			video(0x1B), video(0x1C), video(0x1D), video(0x1E), video(0x1F), video(0x10)}, 0, 0},
	} {
		var in Inspector
		data := append(patPacket(), pmtPacket(0, false)...)
		for _, p := range append([][]byte{video(0x12), video(0x13)}, c.packets...) {
			data = append(append(data, p...), make([]byte, ts.PacketSize-len(p))...)
			null := ts.Null()
			data = append(data, null[:]...)
		}
		inspect(&in, data, 3)
		s := in.Snapshot()
		if s.Continuity != c.errors || s.Transport != c.tei || s.PIDs[2].Continuity != c.errors {
			t.Errorf("%s: %d continuity and %d transport errors, want %d and %d", c.name, s.Continuity, s.Transport, c.errors, c.tei)
		}
	}
}

func TestMedia(t *testing.T) {
	packet := func(pid uint16) []byte {
		return append([]byte{ts.Sync, byte(pid >> 8), byte(pid), 0x10}, make([]byte, ts.PacketSize-4)...)
	}
	null, other := ts.Null(), pmtPacket(1, true)
	ts.SetCC(other, 1)
	var in Inspector
	for _, c := range []struct {
		name string
		data []byte
		want uint64
	}{
		{"null packets", null[:], 0},
		{"SI", packet(0x12), 0},
		{"no tables yet", packet(0x123), 1},
		{"PAT and PMT", append(patPacket(), pmtPacket(0, false)...), 0},
		{"a stream", packet(0x101), 1},
		{"a scrambled stream", append([]byte{ts.Sync, 1, 1, 0x91}, packet(0)[4:]...), 1},
		{"a clock without payload", ts.AppendPCRPacket(nil, 0x101, 0, 1000), 0},
		{"no stream of a programme", packet(0x123), 0},
		{"a PID not met before", packet(0x124), 0},
		{"damaged", append([]byte{ts.Sync, 0x81, 1, 0x12}, packet(0)[4:]...), 0},
		{"another PMT", other, 0},
		{"a stream of it", packet(0x102), 1},
	} {
		before := in.Media()
		inspect(&in, c.data, 10)
		if got := in.Media() - before; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestTimeBaseBreaks(t *testing.T) {
	const ms = flow.TicksPerSecond / 1000
	for _, c := range []struct {
		name  string
		step  flow.Ticks // of the PCR
		flag  bool
		mark  flow.Mark // on the item where it happens
		epoch uint32
		jumps uint64
	}{
		{"continues", ms, false, 0, 1, 0},
		{"backwards", -5 * ms, false, 0, 2, 1},
		{"backwards, flagged", -5 * ms, true, 0, 2, 0},
		{"backwards, announced by the source", -5 * ms, false, flow.Discontinuity, 2, 0},
		{"forwards", 1500 * ms, false, 0, 2, 1},
		{"a pause", 900 * ms, false, 0, 1, 0},
		{"a pause, flagged", 500 * ms, true, 0, 2, 0},
		{"a pause, announced by the source", 500 * ms, false, flow.Discontinuity, 2, 0},
		{"99 ms", 99 * ms, false, 0, 1, 0},
		{"wraps", 0, false, 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var in Inspector
			cc := new(uint8)
			start := flow.Ticks(1000)
			if c.name == "wraps" {
				start = flow.WrapTicks - 50*ms
			}
			before := append(patPacket(), pmtPacket(0, false)...)
			before = append(before, clip(91, start, cc)...)
			after := clip(50, start+90*ms+c.step, cc)
			if c.flag {
				ts.SetDiscontinuityIndicator(after, true)
			}
			var got []flow.Item[flow.Batch]
			emit := func(it flow.Item[flow.Batch]) { got = append(got, it) }
			for _, it := range batches(before, 13) {
				in.Feed(it, emit)
			}
			n := len(got)
			for i, it := range batches(after, 13) {
				it.Arrived = 0
				if i == 0 {
					it.Marks |= c.mark
				}
				in.Feed(it, emit)
			}
			first := got[n]
			broken := c.epoch == 2
			if in.epoch != c.epoch || in.total.PCRJumps != c.jumps || first.Epoch != c.epoch || in.Layout().Epoch != c.epoch ||
				first.Marks.Has(flow.Discontinuity) != broken {
				t.Errorf("epoch %d, %d jumps, first piece %d marks %d", in.epoch, in.total.PCRJumps, first.Epoch, first.Marks)
			}
			if want := start + 90*ms + c.step; first.V.Clock != want {
				t.Errorf("clock %d, want %d", first.V.Clock, want)
			}
			if in.total.Continuity != 0 {
				t.Errorf("%d continuity errors", in.total.Continuity)
			}
		})
	}
}

// radio returns packets of a programme whose PCRs are 366 ms apart, as ffmpeg makes
// them of one stream of sound.
func radio(pcrs int) []byte {
	out := append(patPacket(), pmtPacket(0, false)...)
	cc := new(uint8)
	for i := range pcrs {
		out = append(out, clip(10, flow.Ticks(i)*366*flow.TicksPerSecond/1000, cc)...)
	}
	return out
}

// TestRarePCRsInBursts lets a source with rare PCRs arrive in bursts: that is no
// break. Where packets are missing as well, the arrival decides.
func TestRarePCRsInBursts(t *testing.T) {
	data := radio(60)
	const perPCR = 11 // packets
	for _, burst := range []time.Duration{1, 100 * time.Millisecond, 500 * time.Millisecond, time.Second} {
		for _, lost := range []int{0, 1} {
			var in Inspector
			breaks := 0
			for i, it := range batches(data, 1) {
				it.Arrived = (time.Duration(i) * 366 * time.Millisecond / perPCR).Truncate(burst)
				if lost > 0 && i == 30*perPCR-3 {
					continue
				}
				in.Feed(it, func(it flow.Item[flow.Batch]) {
					if it.Marks.Has(flow.Discontinuity) {
						breaks++
					}
				})
			}
			if want := uint64(lost); in.total.Continuity != want {
				t.Fatalf("%d continuity errors, want %d", in.total.Continuity, want)
			}
			if breaks > 0 && (lost == 0 || burst == 1) || breaks > 1 {
				t.Errorf("bursts of %v, %d packets lost: %d breaks, epoch %d", burst, lost, breaks, in.epoch)
			}
		}
	}
}

// TestPauseWithLoss tells a jump from a pause where packets are missing.
func TestPauseWithLoss(t *testing.T) {
	for _, waited := range []time.Duration{0, 500 * time.Millisecond} {
		var in Inspector
		data, cc := hand()
		for _, it := range batches(data, 10) {
			it.Arrived = 0
			in.Feed(it, func(flow.Item[flow.Batch]) {})
		}
		*cc += 5
		it := batches(clip(20, 1000+580*27000, cc)[ts.PacketSize:], 100)[0] // the loss before the PCR
		it.Arrived = waited
		in.Feed(it, func(flow.Item[flow.Batch]) {})
		if broken := waited == 0; in.total.Continuity != 1 || (in.total.PCRJumps == 1) != broken {
			t.Errorf("arrived after %v: %d continuity errors, %d jumps", waited, in.total.Continuity, in.total.PCRJumps)
		}
	}
}

func TestLayoutChanges(t *testing.T) {
	var in Inspector
	data, cc := hand()
	inspect(&in, data, 50)
	one := in.Layout()
	same := pmtPacket(1, false) // a new version of the same
	ts.SetCC(same, 1)
	inspect(&in, append(same, clip(5, 1000+100*27000, cc)...), 50)
	if in.Layout() != one || in.epoch != 1 {
		t.Errorf("epoch %d after a version without change", in.epoch)
	}
	more := pmtPacket(2, true)
	ts.SetCC(more, 2)
	data = append(clip(5, 1000+110*27000, cc), more...)
	cut := len(data)
	data = append(data, clip(5, 1000+120*27000, cc)...)
	got := inspect(&in, data, 50)
	if len(got) != 2 || len(got[0].V.Data) != cut-ts.PacketSize || got[0].Epoch != 1 || got[1].Epoch != 2 || got[1].Marks != 0 {
		t.Errorf("%d pieces", len(got))
	}
	if l := in.Layout(); l.Epoch != 2 || len(l.Tracks) != 2 || len(one.Tracks) != 1 || in.total.PCRJumps != 0 {
		t.Errorf("layout %+v, before %+v, %d jumps", l, one, in.total.PCRJumps)
	}
}

func TestGapForgivesContinuity(t *testing.T) {
	var in Inspector
	data, cc := hand()
	inspect(&in, data, 50)
	*cc += 5
	it := batches(clip(20, 1000+100*27000, cc), 100)[0]
	it.Marks |= flow.Gap
	var got []flow.Item[flow.Batch]
	in.Feed(it, func(it flow.Item[flow.Batch]) { got = append(got, it) })
	if in.total.Continuity != 0 || len(got) != 1 || !got[0].Marks.Has(flow.Gap) || got[0].Epoch != 1 {
		t.Errorf("%d errors, %d pieces", in.total.Continuity, len(got))
	}
}

func TestCRCAndSyncErrors(t *testing.T) {
	var in Inspector
	data, _ := hand()
	data[20] ^= 1 // of the PAT: stuffing
	data[10] ^= 1 // of the PAT: table
	data[50*ts.PacketSize] = 0
	inspect(&in, data, 50)
	if in.total.CRC != 1 || in.total.Sync != 1 || in.Layout() != nil {
		t.Errorf("%+v", in.total)
	}
}

func benchmarkData(b *testing.B) []flow.Item[flow.Batch] {
	data := read(b, capture(b, recipe{"bench", "-f lavfi -i testsrc2=size=1280x720:rate=25 " + noise +
		"-map 0 -map 1 -c:v libx264 -preset ultrafast -g 25 -b:v 8M -minrate 8M -maxrate 8M -bufsize 4M -c:a mp2 -muxrate 9M"}))
	return batches(data, 64<<10/ts.PacketSize)
}

func BenchmarkInspect(b *testing.B) {
	items := benchmarkData(b)
	var in Inspector
	n := 0
	b.SetBytes(int64(len(items[0].V.Data)))
	b.ReportAllocs()
	for b.Loop() {
		it := items[n%(len(items)-1)]
		if n++; n%(len(items)-1) == 0 {
			it.Marks |= flow.Discontinuity
		}
		in.Feed(it, func(flow.Item[flow.Batch]) {})
	}
}

func BenchmarkDemux(b *testing.B) {
	items := benchmarkData(b)
	var in Inspector
	var d Demuxer
	for _, it := range items {
		in.Feed(it, func(flow.Item[flow.Batch]) {})
	}
	d.SetLayout(in.Layout())
	n, frames := 0, 0
	b.SetBytes(int64(len(items[0].V.Data)))
	b.ReportAllocs()
	for b.Loop() {
		it := items[n%(len(items)-1)]
		if n++; n%(len(items)-1) == 0 {
			it.Marks |= flow.Discontinuity
		}
		d.Feed(it, func(flow.Item[flow.Frame]) { frames++ })
	}
	if frames == 0 {
		b.Error("no frames")
	}
}

func fuzzSeeds(f *testing.F) {
	data, cc := hand()
	f.Add(data, uint8(7))
	more := append(bytes.Clone(data), pmtPacket(1, true)...)
	f.Add(append(more, clip(10, 0, cc)...), uint8(1))
	rnd := rand.New(rand.NewPCG(1, 2))
	mixed := bytes.Clone(data)
	for range 200 {
		mixed[rnd.IntN(len(mixed))] = byte(rnd.Uint32())
	}
	f.Add(mixed, uint8(30))
}

func FuzzInspect(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		var in Inspector
		at, epoch := 0, uint32(0)
		for _, it := range inspect(&in, data, int(n)+1) {
			if len(it.V.Data)%ts.PacketSize != 0 || len(it.V.Data) == 0 || &it.V.Data[0] != &data[at] {
				t.Fatalf("piece of %d at %d", len(it.V.Data), at)
			}
			if at += len(it.V.Data); it.Epoch < epoch {
				t.Fatalf("epoch %d after %d", it.Epoch, epoch)
			}
			epoch = it.Epoch
		}
		if at != len(data)/ts.PacketSize*ts.PacketSize || epoch != in.epoch && at > 0 {
			t.Fatalf("%d bytes of %d, epoch %d of %d", at, len(data), epoch, in.epoch)
		}
		if l := in.Layout(); l != nil && l.Epoch != in.epoch {
			t.Fatalf("layout of epoch %d in %d", l.Epoch, in.epoch)
		}
		in.Snapshot()
	})
}

func FuzzDemux(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		total := 0
		for _, frames := range demux(new(Inspector), data, int(n)+1) {
			for _, it := range frames {
				for _, u := range it.V.Units {
					total += len(u)
				}
			}
		}
		if total > len(data) {
			t.Fatalf("%d bytes in frames of a stream of %d", total, len(data))
		}
	})
}
