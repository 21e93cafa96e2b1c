package ts

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// stream returns n numbered packets, stride bytes apart, with a time stamp before
// or parity after them as the stride says.
func stream(n, stride int) (spaced, packets []byte) {
	for i := range n {
		p := packet(Sync, 0, byte(i), 0x10|byte(i)&15, byte(i>>8))
		packets = append(packets, p...)
		switch stride {
		case m2tsStride:
			spaced = append(append(spaced, 0, 1, 2, byte(i)), p...)
		case rsStride:
			spaced = append(append(spaced, p...), make([]byte, 16)...)
		default:
			spaced = append(spaced, p...)
		}
	}
	return spaced, packets
}

// feed cuts data into pieces of random length up to most.
func feed(s *Syncer, data []byte, most int) (out []byte, runs int) {
	rnd := rand.New(rand.NewPCG(1, uint64(most)))
	emit := func(b []byte) { out = append(out, b...); runs++ }
	for len(data) > 0 {
		n := min(len(data), 1+rnd.IntN(most))
		s.Feed(bytes.Clone(data[:n]), emit)
		data = data[n:]
	}
	s.Flush(emit)
	return out, runs
}

func TestSyncerStrides(t *testing.T) {
	for _, stride := range []int{PacketSize, m2tsStride, rsStride} {
		for _, most := range []int{1, 7, 188, 1316, 5000, 1 << 20} {
			data, want := stream(300, stride)
			for _, garbage := range []int{0, 3, 500} {
				var s Syncer
				got, _ := feed(&s, append(make([]byte, garbage), data...), most)
				if !bytes.Equal(got, want) || s.Errors() != 0 || s.Losses() != 0 {
					t.Errorf("stride %d, pieces up to %d, %d bytes of garbage: %d of %d bytes, %d errors",
						stride, most, garbage, len(got), len(want), s.Errors())
				}
			}
		}
	}
}

func TestSyncerDoesNotCopyAlignedInput(t *testing.T) {
	data, _ := stream(50, PacketSize)
	var s Syncer
	s.Feed(data, func(p []byte) {
		if &p[0] != &data[0] || len(p) != len(data) {
			t.Errorf("run of %d bytes is not the input of %d", len(p), len(data))
		}
	})
	if n := testing.AllocsPerRun(100, func() { s.Feed(data, func([]byte) {}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if s.Stride() != PacketSize {
		t.Errorf("stride %d", s.Stride())
	}
}

// TestSyncerHysteresis holds annex G: one bad sync byte costs one packet, two in a
// row cost synchronism.
func TestSyncerHysteresis(t *testing.T) {
	for _, most := range []int{100, 1 << 20} {
		data, want := stream(40, PacketSize)
		data[20*PacketSize] = 0
		var s Syncer
		got, _ := feed(&s, data, most)
		if !bytes.Equal(got, append(bytes.Clone(want[:20*PacketSize]), want[21*PacketSize:]...)) || s.Errors() != 1 || s.Losses() != 0 {
			t.Errorf("one bad: %d packets, %d errors, %d losses", len(got)/PacketSize, s.Errors(), s.Losses())
		}

		// 30 bytes are lost within packet 20.
		data, want = stream(40, PacketSize)
		data = append(data[:20*PacketSize+50], data[20*PacketSize+80:]...)
		s = Syncer{}
		got, _ = feed(&s, data, most)
		if s.Errors() != 2 || s.Losses() != 1 || !bytes.HasSuffix(got, want[23*PacketSize:]) {
			t.Errorf("slip: %d packets, %d errors, %d losses", len(got)/PacketSize, s.Errors(), s.Losses())
		}
		for i := 0; i < len(got); i += PacketSize {
			if got[i] != Sync {
				t.Errorf("packet %d begins with %#x", i/PacketSize, got[i])
			}
		}
	}
}

func TestSyncerShortStream(t *testing.T) {
	data, want := stream(3, PacketSize)
	var s Syncer
	if got, _ := feed(&s, append(data, 1, 2, 3), 1000); !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func FuzzSyncer(f *testing.F) {
	for _, stride := range []int{PacketSize, m2tsStride, rsStride} {
		data, _ := stream(8, stride)
		f.Add(data, uint16(188))
		f.Add(append([]byte{Sync, 1, 2}, data[:1000]...), uint16(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, most uint16) {
		var s Syncer
		out, _ := feed(&s, data, int(most)+1)
		if len(out) > len(data) || len(out)%PacketSize != 0 {
			t.Fatalf("%d bytes out of %d", len(out), len(data))
		}
		for i := 0; i < len(out); i += PacketSize {
			if out[i] != Sync {
				t.Fatalf("packet %d begins with %#x", i/PacketSize, out[i])
			}
		}
	})
}

func BenchmarkSyncer(b *testing.B) {
	data, _ := stream(348, PacketSize)
	var s Syncer
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		s.Feed(data, func([]byte) {})
	}
}
