package splice

import (
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// versions follows the sections of one PID byte by byte and gives those of a new
// stream a version_number that goes on from the last one sent, so that receivers
// notice the change (ISO/IEC 13818-1 clause 2.4.4.5). The CRC is mended by its
// linearity, so that a section need not be held back until it is complete.
type versions struct {
	table    uint8  // table_id of the sections that are rewritten
	listedBy uint8  // of a PMT: section_number in the PAT that lists it
	last     *uint8 // version_number sent last, +1; 0 before the first

	resync bool // shift must be found anew
	shift  uint8

	in    bool    // inside a section
	head  [3]byte // its first bytes
	pos   int     // bytes of it seen
	size  int     // its whole length, 0 until known
	patch bool    // it is one that is rewritten
	delta [4]byte // what its CRC changes by
}

// begin says that a new stream begins.
func (v *versions) begin() { v.resync, v.in = *v.last != 0, false }

// carries reports whether a section of the PID may begin with id. What is no
// section, such as a PES packet, ends the walk before it can be taken for one.
// Beside the table itself, the PIDs of PMTs and SDT carry tables of DVB and of users
// (ISO/IEC 13818-1 table 2-31, EN 300 468 table 2), which stay as they are.
func (v *versions) carries(id uint8) bool {
	return id == v.table || v.table != psi.TablePAT && id >= 0x40 && id != stuffing
}

// stuffing fills the packet behind its last section.
const stuffing = 0xFF

// section says that a new section begins.
func (v *versions) section() { v.pos, v.size, v.patch = 0, 0, false }

// packet walks the sections in one packet and reports whether it changed it, which
// it does only if write is set.
func (v *versions) packet(p []byte, write bool) bool {
	b := ts.Payload(p)
	if len(b) == 0 || ts.Scrambling(p) != 0 {
		v.in = v.in && len(b) == 0
		return false
	}
	changed := false
	if ts.PUSI(p) {
		skip := int(b[0])
		if 1+skip > len(b) {
			v.in = false
			return false
		}
		changed = v.bytes(b[1:1+skip], write)
		v.in = true
		v.section()
		b = b[1+skip:]
	}
	return v.bytes(b, write) || changed
}

func (v *versions) bytes(b []byte, write bool) bool {
	changed := false
	for i := range b {
		if !v.in {
			return changed
		}
		if v.pos == 0 && !v.carries(b[i]) { // stuffing up to the end of the packet
			v.in = false
			return changed
		}
		if v.octet(&b[i], write) {
			changed = true
		}
		if v.size > 0 && v.pos >= v.size {
			v.section() // the next one may follow at once
		}
	}
	return changed
}

// octet takes the next byte of a section, rewrites it where it must be, and
// reports whether it did.
func (v *versions) octet(b *byte, write bool) bool {
	at := v.pos
	v.pos++
	if at < len(v.head) {
		v.head[at] = *b
	}
	switch {
	case at == 2:
		v.size = 3 + int(v.head[1]&0x0F)<<8 + int(v.head[2])
		v.patch = v.head[0] == v.table && v.head[1]&0x80 != 0 && v.size >= 12
	case at == 5 && v.patch:
		return v.number(b, write)
	case v.patch && at >= v.size-4:
		if d := v.delta[at-(v.size-4)]; d != 0 && write {
			*b ^= d
			return true
		}
	}
	return false
}

// number rewrites the version_number and works out what the CRC changes by.
func (v *versions) number(b *byte, write bool) bool {
	was := *b >> 1 & 31
	if v.resync {
		v.shift, v.resync = (*v.last-was)&31, false
	}
	now := (was + v.shift) & 31
	*v.last = now + 1
	v.delta = [4]byte{}
	if now == was || !write {
		return false
	}
	diff := (now ^ was) << 1
	*b ^= diff
	v.delta = crcChange(diff, v.size-4-6)
	return true
}

// crcChange returns what CRC_32 (ISO/IEC 13818-1 annex A) changes by when diff is
// added modulo 2 to the byte that n more bytes follow before the CRC.
func crcChange(diff byte, n int) [4]byte {
	crc := uint32(diff) << 24
	for range 8 * (n + 1) {
		if crc&0x80000000 != 0 {
			crc = crc<<1 ^ 0x04C11DB7
		} else {
			crc <<= 1
		}
	}
	return [4]byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)}
}
