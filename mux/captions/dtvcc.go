package captions

import (
	"cmp"
	"slices"

	"sigma/mux/es"
	"sigma/mux/flow"
)

const (
	dtvccWindows = 8
	dtvccRows    = 16  // of a window, as far as its definition goes
	dtvccColumns = 64  //
	dtvccPacket  = 128 // bytes of the largest caption channel packet
	rowHeight    = 80.0 / 15
)

// DTVCC decodes a service of CTA-708. Set Service, then call Push. Delays are not
// kept, and text is written from left to right.
type DTVCC struct {
	Service int // 1 to 63

	packet  []byte // as far as it came
	windows [dtvccWindows]*window
	current *window // nil: none is defined
	teller  teller
}

// window is a caption window (clause 8.4). Rows scroll up.
type window struct {
	visible       bool
	top           int // in percent
	rows, columns int
	row, col      int
	pen           pen
	cells         [dtvccRows][dtvccColumns]cell
}

var _ Decoder = (*DTVCC)(nil)

// Push implements Decoder.
func (d *DTVCC) Push(pts flow.Ticks, packets []es.CaptionPacket, emit func(from flow.Ticks, lines []Line)) {
	for _, p := range packets {
		switch {
		case p.Kind == es.CaptionDTVCCStart:
			d.packet = append(d.packet[:0], p.Data[:]...)
		case p.Kind == es.CaptionDTVCC && len(d.packet) > 0:
			d.packet = append(d.packet, p.Data[:]...)
		default:
			continue
		}
		size := 2 * int(d.packet[0]&0x3F) // clause 5.1
		if size == 0 {
			size = dtvccPacket
		}
		if len(d.packet) >= size {
			d.blocks(d.packet[1:size])
			d.packet = d.packet[:0]
		}
	}
	d.teller.tell(pts, d.lines(), emit)
}

// blocks takes the service blocks of a packet (clause 6.2).
func (d *DTVCC) blocks(b []byte) {
	for len(b) > 0 {
		service, size := int(b[0]>>5), int(b[0]&0x1F)
		b = b[1:]
		if service == 7 && size > 0 && len(b) > 0 {
			service = int(b[0] & 0x3F)
			b = b[1:]
		}
		if service == 0 || size > len(b) {
			return
		}
		if service == d.Service {
			d.codes(b[:size])
		}
		b = b[size:]
	}
}

// codes takes the data of a service block (clause 7.1). A code that does not end in it
// is lost.
func (d *DTVCC) codes(b []byte) {
	for len(b) > 0 {
		n := codeSize(b)
		if n > len(b) {
			return
		}
		switch c := b[0]; {
		case c == 0x10:
			if b[1] >= 0x20 && b[1] < 0x80 || b[1] >= 0xA0 {
				d.write(dtvccExtended(b[1]))
			}
		case c == 0x18: // P16
			d.write(rune(b[1])<<8 | rune(b[2]))
		case c < 0x20:
			d.control(c)
		case c == 0x7F:
			d.write('♪')
		case c < 0x80, c >= 0xA0:
			d.write(rune(c))
		default:
			d.command(c, b[1:n])
		}
		b = b[n:]
	}
}

// codeSize returns how many bytes a code and its parameters are (clauses 7.1.2 to
// 7.1.10); b is not empty.
func codeSize(b []byte) int {
	switch c := b[0]; {
	case c == 0x10: // EXT1
		if len(b) < 2 {
			return 2
		}
		return extendedSize(b[1:])
	case c < 0x10:
		return 1
	case c < 0x18:
		return 2
	case c < 0x20:
		return 3
	case c >= 0x88 && c <= 0x8D: // CLW, DSW, HDW, TGW, DLW, DLY
		return 2
	case c == 0x90, c == 0x92: // SPA, SPL
		return 3
	case c == 0x91: // SPC
		return 4
	case c == 0x97: // SWA
		return 5
	case c >= 0x98 && c <= 0x9F: // DF0 to DF7
		return 7
	}
	return 1
}

// extendedSize is codeSize of a code behind EXT1.
func extendedSize(b []byte) int {
	switch c := b[0]; {
	case c < 0x20:
		return 2 + int(c>>3)
	case c < 0x80, c >= 0xA0:
		return 2
	case c < 0x88:
		return 6
	case c < 0x90:
		return 7
	case len(b) < 2:
		return 3
	}
	return 3 + int(b[1]&0x3F)
}

// control takes a code of C0 (clause 7.1.4).
func (d *DTVCC) control(c byte) {
	w := d.current
	if w == nil {
		return
	}
	switch c {
	case 0x08: // backspace
		if w.col > 0 {
			w.col--
			w.cells[w.row][w.col] = cell{}
		}
	case 0x0C: // form feed
		w.erase()
		d.teller.cut = true
	case 0x0D: // carriage return
		d.newline(w)
	case 0x0E: // horizontal carriage return
		w.cells[w.row] = [dtvccColumns]cell{}
		w.col = 0
		d.teller.cut = d.teller.cut || w.visible
	}
}

func (w *window) erase() {
	w.cells, w.row, w.col = [dtvccRows][dtvccColumns]cell{}, 0, 0
}

func (d *DTVCC) newline(w *window) {
	w.col = 0
	if w.row+1 < w.rows {
		w.row++
		return
	}
	copy(w.cells[:w.rows], w.cells[1:w.rows])
	w.cells[w.rows-1] = [dtvccColumns]cell{}
	d.teller.cut = d.teller.cut || w.visible
}

func (d *DTVCC) write(c rune) {
	w := d.current
	if w == nil {
		return
	}
	if w.col >= w.columns {
		d.newline(w)
	}
	if c < 0x20 || c >= 0x7F && c < 0xA0 || c >= 0xD800 && c < 0xE000 || c >= 0xFFFE { // P16 takes any
		c = '_'
	}
	w.cells[w.row][w.col] = cell{c, w.pen}
	w.col++
}

// command takes a code of C1 with its parameters (clause 8.10.5).
func (d *DTVCC) command(c byte, p []byte) {
	switch {
	case c < 0x88: // set current window
		if w := d.windows[c&7]; w != nil {
			d.current = w
		}
	case c <= 0x8C:
		d.each(p[0], c)
	case c == 0x8F: // reset
		d.windows, d.current, d.teller.cut = [dtvccWindows]*window{}, nil, true
	case c >= 0x98:
		d.define(int(c&7), p)
	case d.current == nil:
	case c == 0x90: // set pen attributes
		d.current.pen = pen{italic: p[1]&0x80 != 0, underline: p[1]&0x40 != 0}
	case c == 0x92: // set pen location
		d.current.row, d.current.col = min(int(p[0]&0x0F), d.current.rows-1), min(int(p[1]&0x3F), d.current.columns)
	}
}

// each does to all windows of a map what a command says.
func (d *DTVCC) each(which, c byte) {
	d.teller.cut = true
	for i, w := range d.windows {
		if w == nil || which>>i&1 == 0 {
			continue
		}
		switch c {
		case 0x88: // clear
			w.erase()
		case 0x89: // display
			w.visible = true
		case 0x8A: // hide
			w.visible = false
		case 0x8B: // toggle
			w.visible = !w.visible
		case 0x8C: // delete
			d.windows[i] = nil
			if d.current == w {
				d.current = nil
			}
		}
	}
}

// define takes a define window command. The text of a window that is there stays.
func (d *DTVCC) define(i int, p []byte) {
	w := d.windows[i]
	if w == nil {
		w = new(window)
		d.windows[i] = w
		w.visible = p[0]&0x20 != 0
	} else if seen := p[0]&0x20 != 0; seen != w.visible {
		w.visible = seen
		d.teller.cut = true
	}
	d.current = w
	w.rows, w.columns = int(p[3]&0x0F)+1, int(p[4]&0x3F)+1
	w.row, w.col = min(w.row, w.rows-1), min(w.col, w.columns)
	at := 10 + float64(p[1]&0x7F)*80/75
	if p[1]&0x80 != 0 { // relative: percent
		at = float64(p[1] & 0x7F)
	}
	at -= float64(p[3]>>4/3) / 2 * float64(w.rows) * rowHeight // what of it is above its anchor
	w.top = int(max(0, min(at, 100)))
}

// lines returns the text of all windows that are seen, from above.
func (d *DTVCC) lines() (out []Line) {
	for _, w := range d.windows {
		if w == nil || !w.visible {
			continue
		}
		for i := range w.rows {
			if r := runs(w.cells[i][:w.columns]); len(r) > 0 {
				out = append(out, Line{min(100, w.top+int(float64(i)*rowHeight)), r})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Line) int { return cmp.Compare(a.Top, b.Top) })
	return out
}

// dtvccExtended returns a character of G2 or G3 (clauses 7.1.8 and 7.1.9).
func dtvccExtended(c byte) rune {
	switch c {
	case 0x20, 0x21:
		return ' '
	case 0x25:
		return '…'
	case 0x2A:
		return 'Š'
	case 0x2C:
		return 'Œ'
	case 0x39:
		return '™'
	case 0x3A:
		return 'š'
	case 0x3C:
		return 'œ'
	case 0x3D:
		return '℠'
	case 0x3F:
		return 'Ÿ'
	}
	switch {
	case c >= 0x30 && c <= 0x35:
		return []rune("█‘’“”•")[c-0x30]
	case c >= 0x76 && c <= 0x7F:
		return []rune("⅛⅜⅝⅞│┐└─┘┌")[c-0x76]
	}
	return '_' // as the standard has it for what is not known
}
