package psi

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// push feeds whole packets and returns copies of the sections they complete.
func push(a *Assembler, packets []byte) []Section {
	var out []Section
	for p := range slices.Chunk(packets, 188) {
		a.Push(p, func(s Section) { out = append(out, s.Clone()) })
	}
	return out
}

func randomSection(t *testing.T, r *rand.Rand, size int) Section {
	t.Helper()
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(r.Uint32())
	}
	s, err := Header{TableID: 0x80 + uint8(r.IntN(0x60)), Extension: uint16(r.Uint32()), Version: uint8(r.IntN(32))}.Section(body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPacketsCarrySections(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		p := Packetizer{PID: 0x1ABC, Counter: uint8(r.IntN(16)), Apart: round%3 == 0}
		var a Assembler
		for range 3 {
			var in []Section
			for range 1 + r.IntN(12) {
				size := r.IntN(400)
				if r.IntN(4) == 0 {
					size = r.IntN(MaxPrivateSection - 12)
				}
				in = append(in, randomSection(t, r, size))
			}
			packets := p.AppendTo(nil, in...)
			if len(packets)%188 != 0 {
				t.Fatalf("%d bytes are no whole packets", len(packets))
			}
			out := push(&a, packets)
			if !slices.EqualFunc(in, out, func(x, y Section) bool { return bytes.Equal(x, y) }) {
				t.Fatalf("round %d: %d sections in, %d out", round, len(in), len(out))
			}
		}
		if a.CRCErrors+a.Discontinuities+a.Malformed+a.Scrambled != 0 {
			t.Fatalf("round %d: errors counted in clean packets: %+v", round, a)
		}
	}
}

// Every size around the borders of a packet, alone and followed by another.
func TestPacketizerSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for size := range 600 {
		for _, apart := range []bool{false, true} {
			p := Packetizer{PID: 0x100, Apart: apart}
			in := []Section{randomSection(t, r, size), randomSection(t, r, 3)}
			packets := p.AppendTo(nil, in...)
			var a Assembler
			if out := push(&a, packets); len(out) != 2 || !bytes.Equal(out[0], in[0]) || !bytes.Equal(out[1], in[1]) {
				t.Fatalf("size %d apart %v: %d sections out", size, apart, len(out))
			}
			most := (1+len(in[0])+183)/184 + 1
			if len(packets)/188 > most {
				t.Errorf("size %d apart %v: %d packets, want at most %d", size, apart, len(packets)/188, most)
			}
			if apart && len(packets)/188 != most {
				t.Errorf("size %d: sections share a packet", size)
			}
		}
	}
}

func TestAssemblerTrouble(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	one, two, three := randomSection(t, r, 700), randomSection(t, r, 700), randomSection(t, r, 20)
	clean := func() []byte {
		p := Packetizer{PID: 0x100}
		return p.AppendTo(nil, one, two, three)
	}
	packet := func(b []byte, i int) []byte { return b[i*188 : (i+1)*188] }
	for _, tc := range []struct {
		name  string
		spoil func(b []byte) []byte
		want  []Section
		check func(a *Assembler) bool
	}{
		{"clean", func(b []byte) []byte { return b }, []Section{one, two, three},
			func(a *Assembler) bool { return a.Sections == 3 }},
		{"lost packet", func(b []byte) []byte { return slices.Delete(b, 188, 376) }, []Section{two, three},
			func(a *Assembler) bool { return a.Discontinuities == 1 }},
		{"repeated packet", func(b []byte) []byte { return slices.Insert(b, 376, slices.Clone(packet(b, 1))...) },
			[]Section{one, two, three}, func(a *Assembler) bool { return a.Discontinuities == 0 }},
		{"packet three times", func(b []byte) []byte {
			twin := slices.Clone(packet(b, 1))
			return slices.Insert(b, 376, append(twin, twin...)...)
		}, []Section{two, three}, func(a *Assembler) bool { return a.Discontinuities == 1 }},
		{"wrong bit", func(b []byte) []byte { b[188+100] ^= 4; return b }, []Section{two, three},
			func(a *Assembler) bool { return a.CRCErrors == 1 }},
		{"transport error", func(b []byte) []byte { b[189] |= 0x80; return b }, []Section{two, three},
			func(a *Assembler) bool { return a.Malformed == 1 }},
		{"scrambled", func(b []byte) []byte { b[191] |= 0x80; return b }, []Section{two, three},
			func(a *Assembler) bool { return a.Scrambled == 1 }},
		{"no payload", func(b []byte) []byte {
			empty := slices.Repeat([]byte{0xFF}, 188)
			copy(empty, []byte{0x47, 1, 0, 0x20, 183, 0})
			return slices.Insert(b, 188, empty...)
		}, []Section{one, two, three}, func(a *Assembler) bool { return a.Discontinuities == 0 }},
		{"pointer beyond the packet", func(b []byte) []byte { b[4] = 184; return b }, []Section{two, three},
			func(a *Assembler) bool { return a.Malformed == 1 }},
		{"section_length beyond the limit", func(b []byte) []byte { b[6] |= 0x0F; b[7] = 0xFF; return b }, []Section{two, three},
			func(a *Assembler) bool { return a.Malformed == 1 }},
		{"section cut by the next", func(b []byte) []byte { // the one before the pointer is longer than that
			b[7]++
			return b
		}, []Section{two, three}, func(a *Assembler) bool { return a.Malformed == 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a Assembler
			got := push(&a, tc.spoil(clean()))
			// Behind a hole the section that starts after a pointer is still whole.
			if !slices.EqualFunc(got, tc.want, func(x, y Section) bool { return bytes.Equal(x, y) }) {
				t.Errorf("got %d sections, want %d: %+v", len(got), len(tc.want), a)
			}
			if !tc.check(&a) {
				t.Errorf("counters are %+v", a)
			}
		})
	}
}

func TestAssemblerHeaderAcrossPackets(t *testing.T) {
	// A section of which only one byte stands in the first packet.
	r := rand.New(rand.NewPCG(7, 8))
	first, second := randomSection(t, r, 170), randomSection(t, r, 30)
	pkt := append([]byte{0x47, 0x41, 0, 0x10, 0}, first...)
	pkt = append(pkt, second[0])
	if len(pkt) != 188 {
		t.Fatalf("set-up has %d bytes", len(pkt))
	}
	pkt = append(pkt, 0x47, 0x01, 0, 0x11)
	pkt = append(pkt, second[1:]...)
	for len(pkt) < 376 {
		pkt = append(pkt, 0xFF)
	}
	var a Assembler
	out := push(&a, pkt)
	if len(out) != 2 || !bytes.Equal(out[1], second) {
		t.Fatalf("got %d sections: %+v", len(out), a)
	}
}

func TestAssemblerAdaptationField(t *testing.T) {
	s := randomSection(t, rand.New(rand.NewPCG(9, 9)), 50)
	pkt := []byte{0x47, 0x41, 0, 0x37, 10, 0x80}
	pkt = append(pkt, make([]byte, 9)...)
	pkt = append(pkt, 0)
	pkt = append(pkt, s...)
	for len(pkt) < 188 {
		pkt = append(pkt, 0xFF)
	}
	a := Assembler{counter: 2, started: true}
	if out := push(&a, pkt); len(out) != 1 || a.Discontinuities != 0 {
		t.Fatalf("got %d sections behind an announced discontinuity: %+v", len(out), a)
	}
}

func TestAssemblerDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	p := Packetizer{PID: 0x12}
	s := []Section{randomSection(t, r, 4000), randomSection(t, r, 10)}
	packets := p.AppendTo(nil, s...)
	var a Assembler
	seen := 0
	emit := func(Section) { seen++ }
	allocs := testing.AllocsPerRun(50, func() {
		a.Reset()
		for p := range slices.Chunk(packets, 188) {
			a.Push(p, emit)
		}
	})
	if allocs > 0 || seen == 0 {
		t.Errorf("%v allocations for %d sections", allocs, seen)
	}
}

func FuzzAssembler(f *testing.F) {
	p := Packetizer{PID: 0x100}
	s, _ := Header{TableID: TablePAT}.Section(make([]byte, 400))
	f.Add(p.AppendTo(nil, s, s))
	f.Add(slices.Repeat([]byte{0x47, 0x40, 0, 0x10, 0}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Assembler
		for p := range slices.Chunk(b, 188) {
			a.Push(p, func(s Section) {
				if err := s.Check(); err != nil {
					t.Errorf("bad section handed out: %v", err)
				}
			})
		}
		// The same bytes with valid headers reach deeper.
		for p := range slices.Chunk(b, 183) {
			pkt := append([]byte{0x47, p[0] & 0x40, 0x20, 0x10 | a.counter + 1&0x0F}, p...)
			for len(pkt) < 188 {
				pkt = append(pkt, 0xFF)
			}
			pkt = pkt[:188]
			a.Push(pkt, func(s Section) {
				if err := s.Check(); err != nil {
					t.Errorf("bad section handed out: %v", err)
				}
			})
		}
		if cap(a.buf) > 2*MaxPrivateSection {
			t.Errorf("buffer grew to %d bytes", cap(a.buf))
		}
	})
}

func BenchmarkAssembler(b *testing.B) {
	s, _ := Header{TableID: 0x80}.Section(make([]byte, 1000))
	p := Packetizer{PID: 0x100}
	packets := p.AppendTo(nil, slices.Repeat([]Section{s}, 188)...)
	var a Assembler
	b.SetBytes(int64(len(packets)))
	for b.Loop() {
		a.Reset()
		for p := range slices.Chunk(packets, 188) {
			a.Push(p, func(Section) {})
		}
	}
}
