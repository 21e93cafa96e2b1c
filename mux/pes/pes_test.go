package pes

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/asticode/go-astits"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

var headers = []struct {
	name string
	h    Header
	wire []byte
}{
	{"no stamps", Header{StreamID: 0xE0}, []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0}},
	{"PTS of all ones", Header{StreamID: 0xC0, Length: 10, Alignment: true, HasPTS: true, PTS: 1<<33 - 1},
		[]byte{0, 0, 1, 0xC0, 0, 10, 0x84, 0x80, 5, 0x2F, 0xFF, 0xFF, 0xFF, 0xFF}},
	{"PTS 90000, DTS 86400", Header{StreamID: 0xE0, HasPTS: true, HasDTS: true, PTS: 90000, DTS: 86400},
		[]byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10, 0x31, 0, 5, 0xBF, 0x21, 0x11, 0, 5, 0xA3, 0x01}},
	{"scrambled", Header{StreamID: 0xBD, Scrambling: 2}, []byte{0, 0, 1, 0xBD, 0, 0, 0xA0, 0, 0}},
	{"bare", Header{StreamID: StreamIDPrivate2, Length: 4}, []byte{0, 0, 1, 0xBF, 0, 4}},
}

func TestHeader(t *testing.T) {
	for _, c := range headers {
		got := c.h.AppendTo(nil)
		if !bytes.Equal(got, c.wire) {
			t.Errorf("%s: wrote % x, want % x", c.name, got, c.wire)
		}
		want := c.h
		want.Size = len(c.wire)
		if h, err := Parse(c.wire); err != nil || h != want {
			t.Errorf("%s: read %+v, %v", c.name, h, err)
		}
		for n := range c.wire {
			if _, err := Parse(c.wire[:n]); !errors.Is(err, ErrShort) {
				t.Errorf("%s: first %d bytes: %v", c.name, n, err)
			}
		}
	}
}

func TestHeaderRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"other start code":             {0, 0, 1, 0xB3, 0, 0, 0x80, 0, 0},
		"no start code":                {0, 0, 2, 0xE0, 0, 0, 0x80, 0, 0},
		"MPEG-1 flags":                 {0, 0, 1, 0xE0, 0, 0, 0x40, 0, 0},
		"stamps beyond header data":    {0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		"header longer than packet":    {0, 0, 1, 0xE0, 0, 3, 0x80, 0x80, 5, 1, 2, 3, 4, 5},
		"packet shorter than a header": {0, 0, 1, 0xE0, 0, 1, 0x80, 0, 0},
	} {
		if _, err := Parse(b); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeTime(t *testing.T) {
	for _, c := range headers {
		got, ok := c.h.DecodeTime()
		switch {
		case c.h.HasDTS && got != c.h.DTS, !c.h.HasDTS && got != c.h.PTS, ok != c.h.HasPTS:
			t.Errorf("%s: %d, %v", c.name, got, ok)
		}
	}
}

type collected struct {
	Header
	data    []byte
	corrupt bool
}

func collect(a *Assembler, packets []byte) (out []collected) {
	emit := func(p *Packet) {
		out = append(out, collected{p.Header, p.AppendTo(nil), p.Corrupt})
	}
	for ; len(packets) > 0; packets = packets[ts.PacketSize:] {
		a.Feed(packets[:ts.PacketSize], emit)
	}
	a.Flush(emit)
	return out
}

func payload(n int) []byte {
	b := make([]byte, n)
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// TestRoundTrip cuts packets of every critical length and puts them together again,
// here and in go-astits.
func TestRoundTrip(t *testing.T) {
	extras := []Extra{{}, {RandomAccess: true}, {HasPCR: true, PCR: flow.WrapTicks + 77}, {true, true, true, 5}}
	lengths := []int{0, 1, 183, 5000, 65522, 65527, 65528, 70000}
	for n := 150; n < 190; n++ {
		lengths = append(lengths, n, n+184)
	}
	for _, x := range extras {
		z := Packetizer{PID: 0x101, CC: 13}
		var a Assembler
		for _, n := range lengths {
			h := Header{StreamID: 0xE0, Alignment: true, HasPTS: true, PTS: uint64(n)<<16 | 5, HasDTS: n%2 == 0}
			if h.HasDTS {
				h.DTS = h.PTS - 2
			}
			want, cc := payload(n), z.CC
			wire := z.AppendTo([]byte{1, 2, 3}, h, want, x)[3:]
			checkPackets(t, wire, x, cc)
			got := collect(&a, wire)
			if len(got) != 1 || !bytes.Equal(got[0].data, want) || got[0].corrupt {
				t.Fatalf("%d bytes %+v: got %d packets", n, x, len(got))
			}
			g := got[0].Header
			g.Size, g.Length = 0, 0
			if g != h {
				t.Errorf("%d bytes: header %+v, want %+v", n, g, h)
			}
			judge(t, wire, h, want)
		}
		if a.Errors() != 0 {
			t.Errorf("%d errors", a.Errors())
		}
	}
}

func checkPackets(t *testing.T, wire []byte, x Extra, cc uint8) {
	t.Helper()
	if len(wire)%ts.PacketSize != 0 {
		t.Fatalf("%d bytes are no whole packets", len(wire))
	}
	for i := 0; i < len(wire); i += ts.PacketSize {
		p := wire[i : i+ts.PacketSize]
		pcr, ok := ts.PCR(p)
		if ts.CC(p) != cc || ts.PUSI(p) != (i == 0) || ts.PID(p) != 0x101 || len(ts.Payload(p)) == 0 ||
			ok != (i == 0 && x.HasPCR) || pcr != uint64(x.PCR%flow.WrapTicks)*b2u(ok) ||
			ts.RandomAccessIndicator(p) != (i == 0 && x.RandomAccess) ||
			ts.DiscontinuityIndicator(p) != (i == 0 && x.Discontinuity) {
			t.Fatalf("packet %d: % x", i/ts.PacketSize, p[:12])
		}
		cc = (cc + 1) & 15
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// judge lets go-astits read the packet. It needs PAT and PMT to know the PID, and
// gets them from its own muxer.
func judge(t *testing.T, wire []byte, h Header, want []byte) {
	t.Helper()
	var buf bytes.Buffer
	m := astits.NewMuxer(t.Context(), &buf)
	if err := m.AddElementaryStream(astits.PMTElementaryStream{ElementaryPID: 0x101, StreamType: astits.StreamTypeH264Video}); err != nil {
		t.Fatal(err)
	}
	m.SetPCRPID(0x101)
	if _, err := m.WriteTables(); err != nil {
		t.Fatal(err)
	}
	buf.Write(wire)
	d := astits.NewDemuxer(t.Context(), &buf)
	for {
		data, err := d.NextData()
		if err != nil {
			t.Fatalf("%d bytes: go-astits found no PES packet: %v", len(want), err)
		}
		if data.PES == nil {
			continue
		}
		o := data.PES.Header.OptionalHeader
		if !bytes.Equal(data.PES.Data, want) || o.PTS == nil || uint64(o.PTS.Base) != h.PTS ||
			(o.DTS != nil) != h.HasDTS || h.HasDTS && uint64(o.DTS.Base) != h.DTS {
			t.Errorf("%d bytes: go-astits reads %d bytes, %+v", len(want), len(data.PES.Data), o)
		}
		return
	}
}

func TestBoundedPacketEndsWithItsLastByte(t *testing.T) {
	z := Packetizer{PID: 0x20}
	wire := z.AppendTo(nil, Header{StreamID: 0xC0, HasPTS: true}, payload(400), Extra{})
	var a Assembler
	n := 0
	for i := 0; i < len(wire); i += ts.PacketSize {
		a.Feed(wire[i:i+ts.PacketSize], func(p *Packet) {
			n++
			if &p.Parts[0][0] != &wire[18] {
				t.Error("the payload was copied")
			}
		})
	}
	if n != 1 || a.Open() {
		t.Errorf("%d packets after the last byte", n)
	}
}

func TestLossAndDamage(t *testing.T) {
	z := Packetizer{PID: 0x20}
	wire := z.AppendTo(nil, Header{StreamID: 0xC0, HasPTS: true}, payload(1000), Extra{})
	next := z.AppendTo(nil, Header{StreamID: 0xC0, HasPTS: true}, payload(100), Extra{})

	var a Assembler
	got := collect(&a, append(bytes.Clone(wire[:3*ts.PacketSize]), next...))
	if len(got) != 2 || !got[0].corrupt || got[1].corrupt || len(got[0].data) != 3*184-14 {
		t.Errorf("cut short: %+v", got)
	}

	a.Feed(wire[:ts.PacketSize], nil)
	a.Lose()
	a.Compact()
	got = collect(&a, wire[2*ts.PacketSize:])
	if len(got) != 1 || !got[0].corrupt {
		t.Errorf("packet lost: %+v", got)
	}

	got = collect(&a, wire[ts.PacketSize:])
	if len(got) != 0 {
		t.Errorf("joined in the middle: %d packets", len(got))
	}

	bad := bytes.Clone(next)
	bad[len(bad)-114+2] = 7 // packet_start_code_prefix
	if got = collect(&a, bad); len(got) != 0 || a.Errors() != 1 {
		t.Errorf("no header: %d packets, %d errors", len(got), a.Errors())
	}
}

// TestHeaderAcrossPackets has a header of 264 bytes, and one cut within its stamps.
func TestHeaderAcrossPackets(t *testing.T) {
	long := append([]byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 255, 0x21, 0, 1, 0, 1}, bytes.Repeat([]byte{0xFF}, 250)...)
	long = append(long, "payload"...)
	for _, cut := range []int{3, 8, 11, 14, 100} {
		var wire []byte
		for i, b := range [][]byte{long[:cut], long[cut : cut+150], long[cut+150:]} {
			p := bytes.Repeat([]byte{0xFF}, ts.PacketSize)
			p[0], p[1], p[2], p[3], p[4], p[5] = ts.Sync, 0, 0x20, 0x30|byte(i), byte(183-len(b)), 0
			if i == 0 {
				p[1] = 0x40
			}
			copy(p[ts.PacketSize-len(b):], b)
			wire = append(wire, p...)
		}
		var a Assembler
		got := collect(&a, wire)
		if len(got) != 1 || string(got[0].data) != "payload" || got[0].Size != 264 || got[0].corrupt {
			t.Errorf("cut at %d: %+v", cut, got)
		}
	}
}

func TestAssemblerIsBounded(t *testing.T) {
	z := Packetizer{PID: 0x20}
	wire := z.AppendTo(nil, Header{StreamID: 0xE0}, payload(MaxPacket+1000), Extra{})
	var a Assembler
	got := collect(&a, wire)
	if len(got) != 1 || !got[0].corrupt || len(got[0].data) > MaxPacket {
		t.Errorf("%d packets", len(got))
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range headers {
		f.Add(c.wire)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(h.AppendTo(nil))
		if again.Size = h.Size; err == nil && again != h {
			t.Errorf("% x: %+v, written and read %+v", b, h, again)
		}
	})
}

func FuzzAssembler(f *testing.F) {
	z := Packetizer{PID: 0x20}
	f.Add(z.AppendTo(nil, Header{StreamID: 0xC0, HasPTS: true}, payload(400), Extra{HasPCR: true}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		var a Assembler
		total := 0
		for _, p := range collect(&a, wire[:len(wire)-len(wire)%ts.PacketSize]) {
			if p.Length > 0 && len(p.data) > p.Length {
				t.Errorf("%d bytes in a packet of %d", len(p.data), p.Length)
			}
			total += len(p.data)
		}
		if total > len(wire) {
			t.Errorf("%d bytes out of %d", total, len(wire))
		}
	})
}
