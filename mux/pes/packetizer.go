package pes

import (
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// Packetizer cuts the PES packets of one PID into transport packets. Exported
// fields are arguments; CC carries on from call to call.
type Packetizer struct {
	PID uint16
	CC  uint8 // continuity counter of the next packet with payload
}

// Extra is what the adaptation field of the first transport packet of a PES packet
// says beside stuffing.
type Extra struct {
	RandomAccess  bool // random_access_indicator
	Discontinuity bool // discontinuity_indicator
	HasPCR        bool
	PCR           flow.Ticks // folded to 2^33*300 as it is written
}

// AppendTo appends the transport packets of one PES packet: h with Length set for
// payload, then payload, then stuffing in the adaptation field of the last one. The
// payload is copied.
func (z *Packetizer) AppendTo(dst []byte, h Header, payload []byte, x Extra) []byte {
	h.SetPayload(len(payload))
	head := h.AppendTo(make([]byte, 0, maxHeader))
	af := x.field()
	dst = z.open(dst, true, af, len(head)+len(payload))
	dst = append(dst, head...) // at most 19 bytes: it always fits the first packet
	n := min(len(payload), ts.MaxPayload-fieldSize(af)-len(head))
	dst = append(dst, payload[:n]...)
	for payload = payload[n:]; len(payload) > 0; payload = payload[n:] {
		dst = z.open(dst, false, nil, len(payload))
		n = min(len(payload), ts.MaxPayload)
		dst = append(dst, payload[:n]...)
	}
	return dst
}

// open appends the header of a transport packet for what is left of a PES packet,
// with the adaptation field af stuffed as far as that does not fill the packet.
func (z *Packetizer) open(dst []byte, first bool, af []byte, left int) []byte {
	pid := z.PID & ts.NullPID
	head := [4]byte{ts.Sync, byte(pid >> 8), byte(pid), 0x10 | z.CC&0x0F}
	z.CC = (z.CC + 1) & 0x0F
	if first {
		head[1] |= 0x40
	}
	stuff := max(0, ts.MaxPayload-fieldSize(af)-left)
	if len(af) == 0 && stuff == 0 {
		return append(dst, head[:]...)
	}
	head[3] |= 0x20
	dst = append(dst, head[:]...)
	if len(af) == 0 {
		stuff-- // the length itself
		if stuff > 0 {
			af = []byte{0}
			stuff--
		}
	}
	dst = append(dst, byte(len(af)+stuff))
	dst = append(dst, af...)
	for range stuff {
		dst = append(dst, 0xFF)
	}
	return dst
}

// fieldSize returns the room an adaptation field takes with its length byte.
func fieldSize(af []byte) int {
	if len(af) == 0 {
		return 0
	}
	return 1 + len(af)
}

// field returns the flags and fields of the adaptation field, nothing if it has
// nothing to say.
func (x Extra) field() []byte {
	if x == (Extra{}) {
		return nil
	}
	v := x.PCR % flow.WrapTicks
	if v < 0 {
		v += flow.WrapTicks
	}
	af := ts.AppendPCRPacket(nil, 0, 0, uint64(v))[5:12]
	af[0] = 0
	if x.Discontinuity {
		af[0] |= 0x80
	}
	if x.RandomAccess {
		af[0] |= 0x40
	}
	if !x.HasPCR {
		return af[:1]
	}
	af[0] |= 0x10
	return af
}
