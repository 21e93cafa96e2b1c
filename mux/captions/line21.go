package captions

import (
	"math/bits"

	"sigma/mux/es"
	"sigma/mux/flow"
)

const (
	line21Rows    = 15
	line21Columns = 32
)

// Line21 decodes CC1 to CC4 (ANSI/CTA-608-E). Set Channel, then call Push.
type Line21 struct {
	Channel int // 1 to 4

	mode     mode
	depth    int // rows of roll-up
	row, col int // from 0; col may be behind the last
	pen      pen
	shown    *line21Screen
	hidden   *line21Screen
	active   bool    // the newest control code of the field was of the channel
	last     [2]byte // control code that may be repeated
	teller   teller
}

type line21Screen [line21Rows][line21Columns]cell

// mode is how what is written comes on the screen (clause B.8).
type mode uint8

const (
	noMode  mode = iota
	popOn        // written unseen, then shown at once
	rollUp       // written into the last of some rows
	paintOn      // written as it is seen
	textual      // no captions
)

var _ Decoder = (*Line21)(nil)

// Push implements Decoder.
func (d *Line21) Push(pts flow.Ticks, packets []es.CaptionPacket, emit func(from flow.Ticks, lines []Line)) {
	if d.shown == nil {
		d.shown, d.hidden = new(line21Screen), new(line21Screen)
		d.row = line21Rows - 1
	}
	field := es.CaptionField1
	if d.Channel > 2 {
		field = es.CaptionField2
	}
	for _, p := range packets {
		if p.Kind == field && bits.OnesCount8(p.Data[0])&1 == 1 && bits.OnesCount8(p.Data[1])&1 == 1 {
			d.pair(p.Data[0]&0x7F, p.Data[1]&0x7F)
		}
	}
	d.teller.tell(pts, d.shown.lines(), emit)
}

func (s *line21Screen) lines() (out []Line) {
	for i := range s {
		if r := runs(s[i][:]); len(r) > 0 {
			out = append(out, Line{10 + i*80/line21Rows, r}) // inside the safe title area
		}
	}
	return out
}

// pair takes two bytes without parity.
func (d *Line21) pair(a, b byte) {
	switch {
	case a == 0 && b == 0:
		return // padding: a code may be repeated behind it
	case a >= 0x10 && a < 0x20:
		if code := [2]byte{a, b}; code != d.last {
			d.last = code
			d.control(a, b)
			return
		}
	case a != 0 && a < 0x10:
		d.active = false // extended data, until the next control code
	case d.active:
		d.write(line21Basic(a))
		if b >= 0x20 {
			d.write(line21Basic(b))
		}
	}
	d.last = [2]byte{}
}

// control takes a control code (clauses 7.1 and B.5).
func (d *Line21) control(a, b byte) {
	if d.active = int(a>>3&1) == (d.Channel-1)&1; !d.active || b < 0x20 {
		return
	}
	switch class := a & 7; {
	case b >= 0x40:
		d.address(class, b)
	case class == 1 && b < 0x30: // mid-row code
		d.pen.italic = false
		d.write(' ')
		d.pen = pen{italic: b>>1&7 == 7, underline: b&1 == 1}
	case class == 1:
		d.write(line21Special[b-0x30])
	case class == 2 || class == 3:
		if d.col > 0 { // it takes the place of one of the basic set
			d.col--
		}
		d.write(line21Extended[class-2][b-0x20])
	case (class == 4 || class == 5) && b < 0x30:
		d.command(b)
	case class == 7 && b >= 0x21 && b <= 0x23:
		d.col = min(d.col+int(b-0x20), line21Columns-1)
	}
}

// line21Row is the rows of preamble address codes, by class and bit 5 (table 53).
var line21Row = [8][2]int{{11, 11}, {1, 2}, {3, 4}, {12, 13}, {14, 15}, {5, 6}, {7, 8}, {9, 10}}

// address takes a preamble address code.
func (d *Line21) address(class, b byte) {
	row := line21Row[class][b>>5&1] - 1
	if d.mode == rollUp && row != d.row {
		d.move(row)
	}
	d.row, d.col = row, 0
	d.pen = pen{underline: b&1 == 1}
	switch at := int(b >> 1 & 15); {
	case at >= 8:
		d.col = (at - 8) * 4
	case at == 7:
		d.pen.italic = true
	}
}

// move puts the rows of roll-up above another base row.
func (d *Line21) move(base int) {
	var s line21Screen
	for i := range d.depth {
		if from, to := d.row-i, base-i; from >= 0 && to >= 0 {
			s[to] = d.shown[from]
		}
	}
	*d.shown = s
	d.teller.cut = true
}

// command takes a miscellaneous control code (table 52).
func (d *Line21) command(b byte) {
	switch b {
	case 0x20: // resume caption loading
		d.enter(popOn)
	case 0x21: // backspace
		if d.col > 0 {
			d.col--
			d.put(cell{})
		}
	case 0x24: // delete to end of row
		if s := d.screen(); s != nil {
			clear(s[d.row][min(d.col, line21Columns):])
		}
	case 0x25, 0x26, 0x27: // roll-up captions
		if d.mode != rollUp {
			*d.shown, *d.hidden = line21Screen{}, line21Screen{}
			d.row, d.col, d.pen = line21Rows-1, 0, pen{}
		}
		d.enter(rollUp)
		d.depth = int(b - 0x23)
	case 0x29: // resume direct captioning
		d.enter(paintOn)
	case 0x2A, 0x2B: // text restart, resume text display
		d.mode = textual
	case 0x2C: // erase displayed memory
		*d.shown = line21Screen{}
		d.teller.cut = true
	case 0x2D: // carriage return
		if d.mode == rollUp {
			d.roll()
		}
	case 0x2E: // erase non-displayed memory
		*d.hidden = line21Screen{}
	case 0x2F: // end of caption
		d.enter(popOn)
		d.shown, d.hidden = d.hidden, d.shown
	}
}

// enter goes on in a mode. Roll-up is told anew for every row.
func (d *Line21) enter(m mode) {
	d.teller.cut = d.teller.cut || m != rollUp || d.mode != rollUp
	d.mode = m
}

// roll moves the rows of roll-up up.
func (d *Line21) roll() {
	var s line21Screen
	for i := 1; i < d.depth; i++ {
		if from := d.row - i + 1; from >= 1 {
			s[from-1] = d.shown[from]
		}
	}
	*d.shown = s
	d.col, d.pen, d.teller.cut = 0, pen{}, true
}

// screen returns the memory that is written to, or nil.
func (d *Line21) screen() *line21Screen {
	switch d.mode {
	case popOn:
		return d.hidden
	case rollUp, paintOn:
		return d.shown
	case noMode, textual:
	}
	return nil
}

func (d *Line21) put(c cell) {
	if s := d.screen(); s != nil {
		s[d.row][min(d.col, line21Columns-1)] = c
	}
}

func (d *Line21) write(c rune) {
	d.put(cell{c, d.pen})
	d.col = min(d.col+1, line21Columns)
}

// line21Basic returns a character of the basic set (table 50).
func line21Basic(c byte) rune {
	switch c {
	case 0x27:
		return '’'
	case 0x2A:
		return 'á'
	case 0x5C:
		return 'é'
	case 0x5E:
		return 'í'
	case 0x5F:
		return 'ó'
	case 0x60:
		return 'ú'
	case 0x7B:
		return 'ç'
	case 0x7C:
		return '÷'
	case 0x7D:
		return 'Ñ'
	case 0x7E:
		return 'ñ'
	case 0x7F:
		return '█'
	}
	return rune(c)
}

// The special characters from 30 on (table 49), and the extended sets from 20 on
// (tables 5 to 10): Spanish, miscellaneous and French; Portuguese, German and Danish.
var (
	line21Special  = []rune("®°½¿™¢£♪à\u00A0èâêîôû")
	line21Extended = [2][]rune{
		[]rune("ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»"),
		[]rune("ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤│ÅåØø┌┐└┘"),
	}
)
