package psi

import "sigma/mux/ts"

// Packetizer makes packets of the sections of one PID (ISO/IEC 13818-1 clause
// 2.4.4) and keeps the continuity counter from call to call.
type Packetizer struct {
	PID     uint16 // 13 bits
	Counter uint8  // continuity_counter of the next packet, 0 to 15
	Apart   bool   // each section starts in a packet of its own, not behind the one before
}

// AppendTo appends the packets that carry the sections in order and returns the
// extended slice. The last packet is filled with 0xFF, so that the packets of one
// call stand by themselves and can be sent again with new counters. A section is
// started behind another one only where its long header fits in the packet.
func (p *Packetizer) AppendTo(dst []byte, sections ...Section) []byte {
	var rest []byte // of the section that has begun
	for len(rest) > 0 || len(sections) > 0 {
		end := len(dst) + ts.PacketSize
		starts := p.fits(ts.MaxPayload-1-len(rest), rest, sections)
		dst = append(dst, ts.Sync, byte(p.PID>>8)&0x1F, byte(p.PID), 0x10|p.Counter&0x0F)
		p.Counter = (p.Counter + 1) & 0x0F
		if starts {
			dst[end-ts.PacketSize+1] |= 0x40
			dst = append(dst, byte(len(rest)))
		}
		dst, rest = fill(dst, end, rest)
		for starts && len(rest) == 0 && p.fits(end-len(dst), nil, sections) {
			dst, rest = fill(dst, end, sections[0])
			sections = sections[1:]
			starts = !p.Apart
		}
		for len(dst) < end {
			dst = append(dst, 0xFF)
		}
	}
	return dst
}

// fits reports whether the next section can start in a packet with room bytes,
// behind the rest of the one before.
func (p *Packetizer) fits(room int, rest []byte, sections []Section) bool {
	if len(sections) == 0 || p.Apart && len(rest) > 0 {
		return false
	}
	return room >= min(longHeader, len(sections[0]))
}

// fill appends as much of b as fits before end and returns what is left of b.
func fill(dst []byte, end int, b []byte) (extended, rest []byte) {
	n := min(len(b), end-len(dst))
	return append(dst, b[:n]...), b[n:]
}
