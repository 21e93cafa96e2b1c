package teletext

import (
	"slices"

	"sigma/mux/flow"
)

// Decoder follows one page. Set the exported fields, then call Push; it is for one
// goroutine. It keeps one page, whatever comes.
type Decoder struct {
	Magazine uint8 // 1 to 8
	Page     uint8 // two decimal digits, one in each half: 0x88 is 88
	Group    Group // of the character sets, where the stream does not say

	on     bool       // the rows that come are of the page
	at     flow.Ticks // PTS of its newest header
	erased bool       // by that header
	rows   bool       // there were some since
	hidden bool       // inhibit display
	page   page
	sets   sets   // of the magazine
	shown  []Line // as told
}

// Row addresses of the packets that are not text (EN 300 706 clause 7.1.2).
const (
	rowHeader    = 0
	rowEnhance   = 26
	rowPage      = 28
	rowMagazine  = 29
	timeFilling  = 0xFF
	headerLength = 10 // bytes of a header packet up to C14
)

// Push takes the data field of the next PES packet. Whenever the page shows something
// else it calls emit with the lines from above and the PTS it is shown from; no lines
// are an empty page. A call with the PTS of the one before takes its place: more rows
// of the page have come. The lines are immutable.
func (d *Decoder) Push(pts flow.Ticks, field []byte, emit func(from flow.Ticks, lines []Line)) {
	packets(field, func(p *[packetSize]byte) { d.packet(pts, p, emit) })
	d.rest(emit)
}

func (d *Decoder) packet(pts flow.Ticks, p *[packetSize]byte, emit func(flow.Ticks, []Line)) {
	low, high := unham8[p[0]], unham8[p[1]]
	if low == bad8 || high == bad8 {
		return
	}
	magazine, row, data := low&7, int(low>>3|high<<1), p[2:]
	own := magazine == d.Magazine&7
	switch {
	case row == rowHeader:
		d.header(pts, own, p[:headerLength], emit)
	case own && row == rowMagazine:
		d.sets.designate(data)
	case !own || !d.on:
	case row <= lastRow:
		d.rows = true
		d.page.row(row, data)
	case row == rowEnhance:
		d.page.enhance(data)
	case row == rowPage:
		d.page.sets.designate(data)
	}
}

// header takes the header of any page (EN 300 706 clause 9.3.1). It ends the page
// before it: that of its magazine, or where magazines come one after the other, of any.
func (d *Decoder) header(pts flow.Ticks, own bool, p []byte, emit func(flow.Ticks, []Line)) {
	var n [8]uint8
	damaged := false
	for i := range n {
		n[i] = unham8[p[2+i]]
		damaged = damaged || n[i] == bad8
	}
	serial := n[7]&1 != 0
	if d.on && (own || serial || damaged) {
		d.tell(emit)
		d.on = false
	}
	if damaged || !own || n[0]|n[1]<<4 != d.Page || d.Page == timeFilling {
		return
	}
	d.on, d.at, d.rows = true, pts, false
	d.erased, d.hidden = n[3]&8 != 0, n[6]&8 != 0
	d.page.national = n[7]>>1&1<<2 | n[7]>>2&1<<1 | n[7]>>3&1
	if d.erased {
		d.page.erase()
	}
}

// rest looks at a page whose end has not come at the end of a PES packet. It may be
// long until the next, so what is new is told; what is a part of what is shown is not:
// pages are sent again and again.
func (d *Decoder) rest(emit func(flow.Ticks, []Line)) {
	if !d.on || !d.rows && !d.erased {
		return
	}
	if lines := d.lines(); len(lines) == 0 && !d.rows || !within(lines, d.shown) {
		d.tell(emit)
	}
}

func (d *Decoder) lines() []Line {
	if d.hidden {
		return nil
	}
	s := d.page.sets
	if !s.known {
		s = d.sets
	}
	if !s.known {
		s = sets{first: d.Group, second: english}
	}
	return d.page.lines(s)
}

// tell tells what the page shows, if it is something else.
func (d *Decoder) tell(emit func(flow.Ticks, []Line)) {
	if lines := d.lines(); !slices.Equal(lines, d.shown) {
		d.shown = lines
		emit(d.at, lines)
	}
}
