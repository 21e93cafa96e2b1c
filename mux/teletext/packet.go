// Package teletext reads the text of one subtitle page out of the teletext packets in
// the PES packets of a programme (ETSI EN 300 472 and EN 300 706).
//
// It owns the protection of the bytes, the state of the page and the character sets:
// Latin with its national options, Cyrillic and Greek, with the accents of packets
// X/26. It refuses colours, mosaics, pages of information and everything that moves:
// a subtitle is the text in the boxes of its page. Sets that are written from right to
// left are not known.
package teletext

import "math/bits"

const (
	// packetSize is the bytes of a teletext packet behind the framing code: the address
	// and 40 bytes of data (EN 300 706 clause 7.1).
	packetSize = 42
	columns    = 40
	// unitSize is data_unit_length of every unit of teletext (EN 300 472 clause 4.3).
	unitSize = 2 + packetSize

	unitTeletext = 0x02 // EBU teletext non-subtitle data
	unitSubtitle = 0x03 // EBU teletext subtitle data
)

// packets calls f for every teletext packet of a PES data field (EN 300 472 clause
// 4.2), its bits in the order of EN 300 706. The packet is lent until f returns.
func packets(field []byte, f func(p *[packetSize]byte)) {
	if len(field) < 1 || field[0] < 0x10 || field[0] > 0x1F {
		return
	}
	var p [packetSize]byte
	for b := field[1:]; len(b) >= 2; {
		id, size := b[0], int(b[1])
		b = b[2:]
		if size > len(b) {
			return
		}
		if (id == unitTeletext || id == unitSubtitle) && size == unitSize {
			for i, x := range b[2:unitSize] { // behind field_parity, line_offset and the framing code
				p[i] = bits.Reverse8(x)
			}
			f(&p)
		}
		b = b[size:]
	}
}

// bad8 is what unham8 has for bytes with more than one wrong bit.
const bad8 = 0xFF

// unham8 is the four bits of a byte protected with Hamming 8/4 (EN 300 706 clause 8.2).
var unham8 = func() (t [256]uint8) {
	for i := range t {
		t[i] = bad8
	}
	for n := range uint8(16) {
		c := ham8(n)
		t[c] = n
		for bit := range 8 {
			t[c^1<<bit] = n
		}
	}
	return t
}()

// ham8 protects four bits with Hamming 8/4.
func ham8(n uint8) uint8 {
	d1, d2, d3, d4 := n&1, n>>1&1, n>>2&1, n>>3&1
	p1, p2, p3 := 1^d1^d3^d4, 1^d1^d2^d4, 1^d1^d2^d3
	p4 := 1 ^ p1 ^ d1 ^ p2 ^ d2 ^ p3 ^ d3 ^ d4
	return p1 | d1<<1 | p2<<2 | d2<<3 | p3<<4 | d3<<5 | p4<<6 | d4<<7
}

// unham24 returns the 18 bits of three bytes protected with Hamming 24/18, first bit
// lowest, and false when more than one bit is wrong (EN 300 706 clause 8.3).
func unham24(b []byte) (v uint32, ok bool) {
	w := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	wrong := 0
	for i := range 5 {
		odd := 0
		for at := 1; at < 24; at++ {
			if at>>i&1 == 1 {
				odd ^= int(w >> (at - 1) & 1)
			}
		}
		if odd == 0 {
			wrong |= 1 << i
		}
	}
	if wrong != 0 {
		if bits.OnesCount32(w)&1 == 1 || wrong > 23 {
			return 0, false
		}
		w ^= 1 << (wrong - 1)
	}
	return w>>2&1 | w>>4&7<<1 | w>>8&0x7F<<4 | w>>16&0x7F<<11, true
}

// odd reports whether a byte has odd parity, as those of text have (EN 300 706 clause
// 8.1).
func odd(b byte) bool { return bits.OnesCount8(b)&1 == 1 }
