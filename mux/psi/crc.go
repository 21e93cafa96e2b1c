package psi

import "encoding/binary"

// crcPolynomial is that of CRC_32 in ISO/IEC 13818-1 annex A, most significant
// bit first.
const crcPolynomial = 0x04C11DB7

// crcTables[k][b] is the remainder of byte b followed by k zero bytes; eight of
// them let one step take eight bytes.
var crcTables = makeCRCTables()

func makeCRCTables() *[8][256]uint32 {
	var t [8][256]uint32
	for i := range t[0] {
		r := uint32(i) << 24
		for range 8 {
			carry := r>>31 == 1
			r <<= 1
			if carry {
				r ^= crcPolynomial
			}
		}
		t[0][i] = r
	}
	for k := 1; k < len(t); k++ {
		for i := range t[k] {
			r := t[k-1][i]
			t[k][i] = r<<8 ^ t[0][r>>24]
		}
	}
	return &t
}

// CRC32 returns the CRC of ISO/IEC 13818-1 annex A over b: initial value all
// ones, not reflected, not inverted. Over a section with its CRC_32 it is 0.
func CRC32(b []byte) uint32 {
	t := crcTables
	r := ^uint32(0)
	for len(b) >= 8 {
		hi := r ^ binary.BigEndian.Uint32(b)
		lo := binary.BigEndian.Uint32(b[4:])
		r = t[7][hi>>24] ^ t[6][hi>>16&0xFF] ^ t[5][hi>>8&0xFF] ^ t[4][hi&0xFF] ^
			t[3][lo>>24] ^ t[2][lo>>16&0xFF] ^ t[1][lo>>8&0xFF] ^ t[0][lo&0xFF]
		b = b[8:]
	}
	for _, x := range b {
		r = r<<8 ^ t[0][byte(r>>24)^x]
	}
	return r
}
