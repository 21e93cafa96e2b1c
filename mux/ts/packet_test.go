package ts

import (
	"bytes"
	"testing"

	"github.com/asticode/go-astits"
	"sigma/mux/flow"
)

// packet returns a packet with the given header bytes, stuffed with 0xFF.
func packet(head ...byte) []byte {
	p := bytes.Repeat([]byte{0xFF}, PacketSize)
	copy(p, head)
	return p
}

func TestHeader(t *testing.T) {
	p := packet(Sync, 0xC1, 0x23, 0xD7)
	if PID(p) != 0x123 || !TEI(p) || !PUSI(p) || Scrambling(p) != 3 || AFC(p) != 1 || CC(p) != 7 || !HasPayload(p) {
		t.Errorf("header % x read wrong", p[:4])
	}
	SetPID(p, 0x1ABC)
	SetCC(p, 0x1F)
	if !bytes.Equal(p[:4], []byte{Sync, 0xDA, 0xBC, 0xDF}) {
		t.Errorf("header written as % x", p[:4])
	}
}

func TestPayloadAndAdaptationField(t *testing.T) {
	for _, c := range []struct {
		name        string
		head        []byte
		payload, af int // lengths, -1 for nil
	}{
		{"payload only", []byte{Sync, 0, 0, 0x10, 0xB7}, 184, -1},
		{"reserved control", []byte{Sync, 0, 0, 0x00, 0x00}, -1, -1},
		{"both, one byte of stuffing", []byte{Sync, 0, 0, 0x30, 0}, 183, 0},
		{"both, longest", []byte{Sync, 0, 0, 0x30, 182}, 1, 182},
		{"both, no room for payload", []byte{Sync, 0, 0, 0x30, 183}, -1, -1},
		{"both, beyond the packet", []byte{Sync, 0, 0, 0x30, 255}, -1, -1},
		{"field only", []byte{Sync, 0, 0, 0x20, 183}, -1, 183},
		{"field only, too short", []byte{Sync, 0, 0, 0x20, 182}, -1, -1},
		{"field only, beyond the packet", []byte{Sync, 0, 0, 0x20, 184}, -1, -1},
	} {
		p := packet(c.head...)
		length := func(b []byte) int {
			if b == nil {
				return -1
			}
			return len(b)
		}
		if got := length(Payload(p)); got != c.payload {
			t.Errorf("%s: payload %d, want %d", c.name, got, c.payload)
		}
		if got := length(AdaptationField(p)); got != c.af {
			t.Errorf("%s: adaptation field %d, want %d", c.name, got, c.af)
		}
	}
}

func TestIndicators(t *testing.T) {
	p := packet(Sync, 0, 0, 0x30, 1, 0x40)
	if !RandomAccessIndicator(p) || DiscontinuityIndicator(p) || HasPCR(p) {
		t.Error("flags 0x40 read wrong")
	}
	if !SetDiscontinuityIndicator(p, true) || p[5] != 0xC0 || !DiscontinuityIndicator(p) {
		t.Errorf("flags % x after setting discontinuity", p[5])
	}
	if !SetDiscontinuityIndicator(p, false) || p[5] != 0x40 {
		t.Errorf("flags % x after clearing discontinuity", p[5])
	}
	if SetDiscontinuityIndicator(packet(Sync, 0, 0, 0x10), true) || SetDiscontinuityIndicator(packet(Sync, 0, 0, 0x30, 0), true) {
		t.Error("a packet without room took discontinuity_indicator")
	}
	if SetPCR(packet(Sync, 0, 0, 0x30, 6, 0x10), 1) {
		t.Error("a field of 6 bytes took a PCR of 6 and flags")
	}
}

// TestPCR compares with go-astits.
func TestPCR(t *testing.T) {
	for _, v := range []uint64{0, 1, 299, 300, 27_000_000, uint64(flow.WrapTicks) - 1} {
		p := AppendPCRPacket([]byte("x"), 0x100, 9, v)[1:]
		if got, ok := PCR(p); !ok || got != v || PID(p) != 0x100 || CC(p) != 9 || Payload(p) != nil {
			t.Errorf("PCR %d read as %d, %v", v, got, ok)
		}
		d := astits.NewDemuxer(t.Context(), bytes.NewReader(p), astits.DemuxerOptPacketSize(PacketSize))
		q, err := d.NextPacket()
		if err != nil {
			t.Fatal(err)
		}
		if r := q.AdaptationField.PCR; uint64(r.Base*300+r.Extension) != v {
			t.Errorf("go-astits reads PCR %d as %d*300+%d", v, r.Base, r.Extension)
		}
		if !SetPCR(p, v+uint64(flow.WrapTicks)+5) {
			t.Error("no PCR to set")
		}
		if got, _ := PCR(p); got != (v+5)%uint64(flow.WrapTicks) {
			t.Errorf("PCR %d+5 read as %d", v, got)
		}
	}
	p := AppendPCRPacket(nil, 1, 0, 0)
	p[10], p[11] = 0xFF, 0xFF // extension 511
	if _, ok := PCR(p); ok {
		t.Error("PCR with extension 511 taken as valid")
	}
}

func TestUnwrapper(t *testing.T) {
	const ms = flow.TicksPerSecond / 1000
	var u Unwrapper
	want := flow.WrapTicks - 40*ms
	for i, c := range []struct{ raw, step flow.Ticks }{
		{flow.WrapTicks - 40*ms, 0},
		{flow.WrapTicks - 1, 40*ms - 1},
		{0, 1},
		{0, 0},
		{40 * ms, 40 * ms},
		{flow.WrapTicks - 40*ms, -80 * ms},
		{flow.WrapTicks/2 - 40*ms, -flow.WrapTicks / 2},
		{flow.WrapTicks - 41*ms, flow.WrapTicks/2 - ms},
	} {
		want += c.step
		got, step := u.Unwrap(uint64(c.raw))
		if got != want || step != c.step {
			t.Errorf("step %d: got %d by %d, want %d by %d", i, got, step, want, c.step)
		}
	}
	u.Reset()
	if got, step := u.Unwrap(7); got != 7 || step != 0 {
		t.Errorf("first after reset: %d by %d", got, step)
	}
}

func TestUnwrapPTS(t *testing.T) {
	for _, near := range []flow.Ticks{0, 5, flow.WrapTicks - 1, 3*flow.WrapTicks + 12345, -flow.WrapTicks - 77} {
		for _, off := range []flow.Ticks{0, 90_000, -90_000, 1<<32 - 1, 1 - 1<<32} {
			want := (near/300 + off) * 300
			pts := uint64(near/300+off) & (1<<33 - 1)
			if got := UnwrapPTS(pts, near); got != want {
				t.Errorf("PTS %d near %d is %d, want %d", pts, near, got, want)
			}
		}
	}
}

func TestNull(t *testing.T) {
	p := Null()
	if PID(p[:]) != NullPID || AFC(p[:]) != 1 || len(Payload(p[:])) != MaxPayload {
		t.Errorf("null packet % x", p[:5])
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(packet(Sync, 0x40, 0, 0x30, 182, 0x50))
	f.Add(AppendPCRPacket(nil, 1, 2, 3))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) < PacketSize {
			return
		}
		head, af, payload := 4, AdaptationField(p), Payload(p)
		if af != nil {
			head += 1 + len(af)
		}
		if payload != nil && head+len(payload) != PacketSize {
			t.Errorf("header %d and payload %d", head, len(payload))
		}
		DiscontinuityIndicator(p)
		RandomAccessIndicator(p)
		if v, ok := PCR(p); ok {
			SetPCR(p, v)
			if w, ok := PCR(p); !ok || w != v {
				t.Errorf("PCR %d rewritten as %d", v, w)
			}
		}
	})
}
