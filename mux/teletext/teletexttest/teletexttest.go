// Package teletexttest makes teletext as it is in the PES packets of a programme (ETSI
// EN 300 472 and EN 300 706): for tests.
package teletexttest

import "math/bits"

// Page is a page to be sent.
type Page struct {
	Magazine uint8 // 1 to 8
	Page     uint8 // two decimal digits
	National uint8 // C12 to C14, C12 highest
	Erase    bool  // C4
	Parallel bool  // C11 is 0
	Rows     map[int]string
	// Over is the characters of packets X/26 by row and column: mode and data.
	Over map[[2]int][2]uint8
	// Set is the 7 bits that a packet X/28 tells of the first character set, and Second of
	// the second; with 0 there is no such packet.
	Set, Second uint8
}

// Row returns a row in double height with text in a box from a column on.
func Row(column int, text string) string {
	b := []byte("                                        ")
	copy(b[column:], "\x0D\x0B\x0B"+text+"\x0A\x0A")
	return string(b[:40])
}

func ham8(n uint8) byte {
	d := [4]uint8{n & 1, n >> 1 & 1, n >> 2 & 1, n >> 3 & 1}
	p1, p2, p3 := 1^d[0]^d[2]^d[3], 1^d[0]^d[1]^d[3], 1^d[0]^d[1]^d[2]
	b := p1 | d[0]<<1 | p2<<2 | d[1]<<3 | p3<<4 | d[2]<<5 | d[3]<<7
	if bits.OnesCount8(b)&1 == 0 {
		b |= 1 << 6
	}
	return b
}

// Ham24 protects 18 bits with Hamming 24/18.
func Ham24(v uint32) []byte {
	w := v&1<<2 | v>>1&7<<4 | v>>4&0x7F<<8 | v>>11&0x7F<<16
	for i := range 5 {
		n := 0
		for at := 1; at < 24; at++ {
			if at>>i&1 == 1 {
				n += int(w >> (at - 1) & 1)
			}
		}
		if n&1 == 0 {
			w |= 1 << (1<<i - 1)
		}
	}
	if bits.OnesCount32(w)&1 == 0 {
		w |= 1 << 23
	}
	return []byte{byte(w), byte(w >> 8), byte(w >> 16)}
}

func parity(c byte) byte {
	if bits.OnesCount8(c)&1 == 0 {
		c |= 0x80
	}
	return c
}

func packet(magazine uint8, row int, data []byte) []byte {
	p := []byte{ham8(magazine&7 | byte(row&1)<<3), ham8(byte(row >> 1))}
	p = append(p, data...)
	for len(p) < 42 {
		p = append(p, parity(' '))
	}
	return p
}

// Header returns the packet X/0 of a page.
func (p *Page) Header() []byte {
	flag := func(set bool, bit uint8) uint8 {
		if set {
			return bit
		}
		return 0
	}
	data := []byte{
		ham8(p.Page & 15), ham8(p.Page >> 4), ham8(0), ham8(flag(p.Erase, 8)), ham8(0), ham8(8), ham8(1),
		ham8(flag(!p.Parallel, 1) | p.National>>2&1<<1 | p.National>>1&1<<2 | p.National&1<<3),
	}
	return packet(p.Magazine, 0, data)
}

// Filler returns the header of a page that is none: it ends the page before.
func Filler(magazine uint8) []byte {
	return (&Page{Magazine: magazine, Page: 0xFF}).Header()
}

// Packets returns the packets of a page, its header first.
func (p *Page) Packets() [][]byte {
	out := [][]byte{p.Header()}
	if p.Set != 0 || p.Second != 0 {
		data := append([]byte{ham8(0)}, Ham24(uint32(p.Set)<<7|uint32(p.Second&15)<<14)...)
		data = append(data, Ham24(uint32(p.Second>>4))...)
		for len(data) < 40 {
			data = append(data, Ham24(0)...)
		}
		out = append(out, packet(p.Magazine, 28, data))
	}
	out = append(out, p.enhancements()...)
	for row := 1; row < 25; row++ {
		if text, ok := p.Rows[row]; ok {
			var data []byte
			for _, c := range []byte(text) {
				data = append(data, parity(c))
			}
			out = append(out, packet(p.Magazine, row, data))
		}
	}
	return out
}

func (p *Page) enhancements() (out [][]byte) {
	var list []uint32
	for row := 1; row < 25; row++ {
		first := true
		for column := range 40 {
			x, ok := p.Over[[2]int{row, column}]
			if !ok {
				continue
			}
			if first {
				first = false
				list = append(list, uint32(40+row%24)|0x04<<6)
			}
			list = append(list, uint32(column)|uint32(x[0])<<6|uint32(x[1])<<11)
		}
	}
	for d := 0; len(list) > 0; d++ {
		data := []byte{ham8(uint8(d))}
		for range 13 {
			t := uint32(0x3F) | 0x1F<<6 | 7<<11
			if len(list) > 0 {
				t, list = list[0], list[1:]
			}
			data = append(data, Ham24(t)...)
		}
		out = append(out, packet(p.Magazine, 26, data))
	}
	return out
}

// Field returns the PES data field with the given packets, and units of stuffing so
// that it fills packets of a transport stream behind a PES header of 45 bytes.
func Field(packets ...[]byte) []byte {
	b := []byte{0x10}
	for i, p := range packets {
		b = append(b, 0x03, 44, 0xC0|1<<5|byte(7+i%16), 0xE4)
		for _, c := range p {
			b = append(b, bits.Reverse8(c))
		}
	}
	for n := len(packets); n == 0 || n%4 != 3; n++ {
		b = append(b, 0xFF, 44)
		for range 44 {
			b = append(b, 0xFF)
		}
	}
	return b
}
