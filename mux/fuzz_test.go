package mux

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// small is a programme of one stream with PCR: PAT, PMT, SDT and n packets.
func small(f testing.TB, n int) []byte {
	f.Helper()
	var out []byte
	for _, t := range []struct {
		pid   uint16
		table psi.Table
	}{
		{0, &psi.PAT{TransportStreamID: 1, Programs: []psi.Program{{Number: 0, PID: 16}, {Number: 1, PID: 100}}}},
		{100, &psi.PMT{ProgramNumber: 1, PCRPID: 101, Streams: []psi.Stream{{Type: 2, PID: 101}, {Type: 6, PID: 102}}}},
		{17, &psi.SDT{TransportStreamID: 1, Services: []psi.SDTService{{ServiceID: 1}}}},
	} {
		sections, err := t.table.Sections()
		if err != nil {
			f.Fatal(err)
		}
		out = (&psi.Packetizer{PID: t.pid}).AppendTo(out, sections...)
	}
	for i := range n {
		if i%5 == 0 {
			out = ts.AppendPCRPacket(out, 101, byte(i), uint64(i)*270_000)
			continue
		}
		out = append(out, es(101+uint16(i%2), byte(i))...)
	}
	return out
}

func whole(t *testing.T, b []byte) {
	t.Helper()
	if len(b)%ts.PacketSize != 0 {
		t.Fatalf("%d bytes are no whole packets", len(b))
	}
	for p := range packets(b) {
		if p[0] != ts.Sync {
			t.Fatalf("packet begins with %#x", p[0])
		}
	}
}

// synced gives the packets of b their sync bytes: sources cut nothing else.
func synced(b []byte) []byte {
	for p := range packets(b) {
		p[0] = ts.Sync
	}
	return b
}

func FuzzExtractor(f *testing.F) {
	f.Add(small(f, 20), uint16(0), uint16(0), uint16(200))
	f.Add(small(f, 20), uint16(1), uint16(9), uint16(102))
	f.Fuzz(func(t *testing.T, data []byte, program, service, pid uint16) {
		e := &Extractor{Selection: Selection{Program: program, ServiceID: service, Name: "x", PIDs: []PID{{'v', 1, pid}, {'m', 0, pid + 1}}}}
		data = synced(append([]byte(nil), data...))
		for range 2 {
			e.Feed(item(data, 0, 0), func(it flow.Item[flow.Batch]) { whole(t, it.V.Data) })
		}
		_ = e.Status().State.String()
	})
}

// FuzzShaper cuts the data into items whose arrival, marks and epoch are fuzzed as
// well: 4 bytes for each.
func FuzzShaper(f *testing.F) {
	f.Add(small(f, 200), []byte{0, 10, 0, 0, 0, 10, 2, 0, 0, 10, 4, 1}, int32(1_000_000), false)
	f.Add(small(f, 200), []byte{0, 10, 0, 0}, int32(0), true)
	f.Add(small(f, 200), []byte{255, 10, 0, 0, 1, 1, 1, 1}, int32(100), false)
	f.Fuzz(func(t *testing.T, data, stamps []byte, rate int32, rename bool) {
		s := &Shaper{Rate: int64(min(rate, 20_000_000))}
		if rename {
			s.ServiceID, s.Program = 3, 1
		}
		data = synced(append([]byte(nil), data...))
		now, last := time.Hour, time.Duration(0)
		for len(data) >= 188 && len(stamps) >= 4 {
			n := min(len(data)/188, 1+int(stamps[3])) * 188
			it := item(data[:n], now, flow.Mark(stamps[2]&15))
			it.Epoch = uint32(stamps[3] >> 6)
			s.Push(it)
			now += time.Duration(binary.BigEndian.Uint16(stamps)) * time.Millisecond / 8
			s.Emit(now, func(at time.Duration, p []byte) {
				whole(t, p)
				if at < last || len(p) == 0 || len(p) > 7*188 {
					t.Fatalf("%d bytes at %v after %v", len(p), at, last)
				}
				last = at
			})
			if s.queue.count > maxQueue || len(s.si.queue) > maxSI || s.in.heldBytes > holdBytes+n {
				t.Fatal("the queue has no bound")
			}
			data, stamps = data[n:], stamps[4:]
		}
		_ = s.Stats()
	})
}

// endless yields the same second of a 20 Mbit/s programme again and again.
func endless(b *testing.B) ([]flow.Item[flow.Batch], int64) {
	b.Helper()
	var out []flow.Item[flow.Batch]
	data := small(b, 0)
	const perPCR = 266 // packets in 20 ms
	for i := range 50 * perPCR {
		if i%perPCR == 0 {
			data = ts.AppendPCRPacket(data, 101, byte(i-1-i/perPCR), uint64(i/perPCR)*540_000)
			continue
		}
		data = append(data, es(101+uint16(i%2), byte(i/2))...)
	}
	for at := 0; at < len(data); at += 7 * 188 {
		out = append(out, item(data[at:min(len(data), at+7*188)], time.Duration(float64(at)/float64(len(data))*1e9), 0))
	}
	return out, int64(len(data))
}

func benchmarkShaper(b *testing.B, rate int64) {
	items, size := endless(b)
	s := &Shaper{Rate: rate}
	b.SetBytes(size)
	b.ReportAllocs()
	datagrams := 0
	for n := 0; b.Loop(); n++ {
		for _, it := range items {
			data := it.V.Data
			it.Arrived += time.Duration(n) * time.Second
			for p := range packets(data) {
				if pcr, ok := ts.PCR(p); ok {
					ts.SetPCR(p, pcr+27_000_000)
				}
			}
			s.Push(it)
			s.Emit(it.Arrived, func(time.Duration, []byte) { datagrams++ })
		}
	}
	b.ReportMetric(float64(datagrams)/float64(b.N), "datagrams/op")
	if st := s.Stats(); st.Overflow > 0 {
		b.Fatalf("stats %+v", st)
	}
}

func BenchmarkShaperCBR(b *testing.B)  { benchmarkShaper(b, 25_000_000) }
func BenchmarkShaperAsIs(b *testing.B) { benchmarkShaper(b, 0) }

func BenchmarkExtractor(b *testing.B) {
	items, size := endless(b)
	e := &Extractor{Selection: Selection{ServiceID: 5}}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, it := range items {
			e.Feed(it, func(flow.Item[flow.Batch]) {})
		}
	}
}

// TestRandomDamage breaks a good stream in ways that keep its sections whole, which
// a fuzzer seldom finds: packets vanish, repeat, change place or PID, and PCRs and
// arrivals jump.
func TestRandomDamage(t *testing.T) {
	base := small(t, 400)
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := &Shaper{Rate: []int64{0, 300_000, 3_000_000}[seed%3]}
		if seed%2 == 1 {
			s.PIDs = []PID{{'v', 1, 500}, {'l', 1, 101}}
		}
		now, last := time.Hour, time.Duration(0)
		for range 10 {
			data := damaged(r, base)
			for b := range slices.Chunk(data, 7*188) {
				s.Push(item(b, now, flow.Mark(r.IntN(40)&6)))
				now += time.Duration(r.IntN(12)) * time.Millisecond
				if r.IntN(200) == 0 {
					now += time.Duration(r.IntN(3000)) * time.Millisecond
				}
				s.Emit(now, func(at time.Duration, p []byte) {
					whole(t, p)
					if at < last || s.Rate > 0 && len(p) != 7*188 {
						t.Fatalf("seed %d: %d bytes at %v after %v", seed, len(p), at, last)
					}
					last = at
				})
			}
		}
		if last < now-2*time.Second && s.Rate > 0 {
			t.Errorf("seed %d: output stopped at %v, now %v", seed, last, now)
		}
	}
}

func damaged(r *rand.Rand, base []byte) []byte {
	var out []byte
	jump := r.Uint64N(uint64(flow.WrapTicks))
	for p := range packets(base) {
		p = bytes.Clone(p)
		if pcr, ok := ts.PCR(p); ok {
			ts.SetPCR(p, pcr+jump)
		}
		switch r.IntN(60) {
		case 0:
			continue
		case 1:
			out = append(out, p...)
		case 2:
			ts.SetPID(p, uint16(r.IntN(8192)))
		case 3:
			p[3] ^= byte(r.IntN(256))
		case 4:
			p[5] = byte(r.IntN(256))
		case 5:
			jump += r.Uint64N(1 << 30)
		}
		out = append(out, p...)
	}
	return out
}
