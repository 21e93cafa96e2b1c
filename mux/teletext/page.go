package teletext

import (
	"slices"
	"strings"
)

const (
	lastRow = 24 // rows 1 to 24 have text; 0 is the header, 25 and beyond are not text
	// enhancements is the triplets of packets X/26 with the designations 0 to 15.
	enhancements = 16 * 13
)

// Line is a row of a subtitle.
type Line struct {
	Row  int // 1 to 24 from above
	Text string
}

// page is the memory of a page.
type page struct {
	rows     [lastRow + 1][columns]byte // 7 bits
	have     uint32                     // rows that came since the page was erased
	triplets [enhancements]uint32       // of packets X/26; 0: none
	enhanced bool
	national uint8 // C12 to C14
	sets     sets  // of packet X/28
}

// sets is a designation of character sets: of a page (X/28), or a magazine (M/29).
type sets struct {
	known  bool
	first  Group
	second option
}

func (p *page) erase() {
	national, sets := p.national, p.sets
	*p = page{national: national, sets: sets}
}

// row takes the data of packets X/1 to X/24. A character that is damaged leaves what
// was there.
func (p *page) row(n int, data []byte) {
	if p.have>>n&1 == 0 {
		for i := range p.rows[n] {
			p.rows[n][i] = ' '
		}
	}
	p.have |= 1 << n
	for i, c := range data[:columns] {
		if odd(c) {
			p.rows[n][i] = c & 0x7F
		}
	}
}

// enhance takes the data of a packet X/26 (EN 300 706 clause 12.3.1).
func (p *page) enhance(data []byte) {
	d := unham8[data[0]]
	if d == bad8 {
		return
	}
	p.enhanced = true
	at := p.triplets[int(d)*13:]
	for i := range 13 {
		v, ok := unham24(data[1+3*i:])
		at[i] = 0
		if ok {
			at[i] = v | 1<<31
		}
	}
}

// designate takes the data of a packet X/28 or M/29 of format 1 (EN 300 706 clauses
// 9.4.2.2 and 9.5.1).
func (s *sets) designate(data []byte) {
	d := unham8[data[0]]
	one, ok := unham24(data[1:])
	two, also := unham24(data[4:])
	if d != 0 && d != 4 || !ok || !also || one&0x7F != 0 { // page function and coding: a page of text
		return
	}
	code := one>>14&0x0F | two&7<<4
	*s = sets{known: true, first: Group(one >> 10 & 0x0F), second: options[code>>3&0x0F][code&7]}
}

// overlay is the characters of packets X/26 by row and column.
type overlay map[[2]int]string

// overlays returns what the packets X/26 put over the rows (EN 300 706 clause 12.3.2).
func (p *page) overlays(o option) overlay {
	if !p.enhanced {
		return nil
	}
	over := overlay{}
	row := 0
	for _, t := range p.triplets {
		if t == 0 {
			continue
		}
		address, mode, data := int(t&0x3F), t>>6&0x1F, byte(t>>11&0x7F)
		switch {
		case address >= columns && mode == 0x1F: // the end of what is in use
			return over
		case address >= columns && (mode == 0x04 || mode == 0x01):
			if row = address - columns; row == 0 {
				row = lastRow
			}
		case address >= columns || data < 0x20 || row == 0:
		case mode == 0x0F:
			over[[2]int{row, address}] = string(o.g2(data))
		case mode == 0x10 && data == 0x2A:
			over[[2]int{row, address}] = "@"
		case mode == 0x09, mode >= 0x10:
			over[[2]int{row, address}] = accented(o.g0(data), uint8(mode&0x0F)*uint8(mode>>4))
		}
	}
	return over
}

// Spacing attributes (EN 300 706 clause 12.2).
const (
	alphaLast    = 0x07
	endBox       = 0x0A
	startBox     = 0x0B
	normalSize   = 0x0C
	doubleHeight = 0x0D
	doubleWidth  = 0x0E
	doubleSize   = 0x0F
	mosaicFirst  = 0x10
	mosaicLast   = 0x17
	conceal      = 0x18
	escape       = 0x1B
)

// lines returns the text in the boxes of a page.
func (p *page) lines(s sets) (out []Line) {
	first := options[s.first&0x0F][p.national&7]
	over := p.overlays(first)
	for n := 1; n <= lastRow; n++ {
		if p.have>>n&1 == 0 {
			continue
		}
		text, tall := p.text(n, first, s.second, over)
		if text != "" {
			out = append(out, Line{n, text})
		}
		if tall {
			n++ // it is covered
		}
	}
	return out
}

// text returns the text in the boxes of a row, and whether it covers the row below.
func (p *page) text(n int, first, second option, over overlay) (text string, tall bool) {
	var b strings.Builder
	boxed, mosaic, hidden, wide, set := false, false, false, false, first
	for i := 0; i < columns; i++ {
		c := p.rows[n][i]
		if c < 0x20 {
			switch {
			case c <= alphaLast:
				mosaic, hidden = false, false
			case c >= mosaicFirst && c <= mosaicLast:
				mosaic, hidden = true, false
			case c == endBox, c == startBox:
				boxed = c == startBox
			case c == conceal:
				hidden = true
			case c == escape && set == first:
				set = second
			case c == escape:
				set = first
			case c >= normalSize && c <= doubleSize:
				wide = c >= doubleWidth
				tall = tall || c == doubleHeight || c == doubleSize
			}
		}
		o, put := over[[2]int{n, i}]
		switch {
		case !boxed, hidden, !put && (c < 0x20 || mosaic && c&0x20 != 0):
			o = " "
		case !put:
			o = string(set.g0(c))
		}
		b.WriteString(o)
		if wide && boxed && c >= 0x20 {
			i++ // the right half of it
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), tall
}

// within reports whether every one of lines is also in all.
func within(lines, all []Line) bool {
	return !slices.ContainsFunc(lines, func(l Line) bool { return !slices.Contains(all, l) })
}
