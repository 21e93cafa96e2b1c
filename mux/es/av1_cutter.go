package es

import (
	"bytes"

	"sigma/mux/flow"
)

// av1Cutter cuts AV1 into temporal units, which begin with a temporal delimiter. In a
// transport stream a PES packet holds one frame, shown or not, and only the time
// stamp of the shown one, the last, tells when the unit is presented.
//
// A stream that has lost its delimiters is cut where a frame follows a shown one.
type av1Cutter struct {
	spans     []span
	delimited bool
	coded     bool // the form of the bytes cut last
	frame     flow.Ticks
}

func newAV1Cutter() cutter { return new(av1Cutter) }

func (c *av1Cutter) begins(head []byte) (yes bool) {
	if !c.coded {
		return bytes.HasPrefix(head, delimiter) && incompleteOBU(head[2:])
	}
	return coded(head) && startCode(head, 0) <= 1 && av1Begins(head)
}

func av1Begins(head []byte) (yes bool) {
	obus(head, func(at int, o obu) bool {
		yes = at == 0 && o.kind == obuDelimiter
		return false
	})
	return yes
}

func (c *av1Cutter) cut(b []byte) []span {
	c.spans = c.spans[:0]
	begin, shown := -1, false
	c.coded = coded(b)
	from := c.sync(b)
	end := from + obus(b[from:], func(at int, o obu) bool {
		at += from
		border := o.kind == obuDelimiter
		c.delimited = c.delimited || border
		switch o.kind {
		case obuSequence, obuMetadata, obuFrame, obuHeader:
			border = border || !c.delimited && shown
		}
		if border && begin >= 0 {
			c.add(b, begin, at, false)
			begin = -1
		}
		if begin < 0 {
			begin, shown = at, false
		}
		if o.kind == obuFrame || o.kind == obuHeader {
			_, s := av1Shown(o)
			shown = shown || s
		}
		return true
	})
	switch {
	case begin >= 0:
		c.add(b, begin, len(b), true)
	case end < len(b):
		c.spans = append(c.spans, span{begin: end, open: true})
	}
	return c.spans
}

// sync returns where the first OBU begins: the bytes before it make no sense.
func (c *av1Cutter) sync(b []byte) int {
	if coded(b) {
		return 0
	}
	if incompleteOBU(b) {
		return 0
	}
	for i := bytes.Index(b, delimiter); i >= 0; {
		if incompleteOBU(b[i+2:]) {
			return i
		}
		next := bytes.Index(b[i+1:], delimiter)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return len(b)
}

// delimiter is a temporal delimiter of the low-overhead form.
var delimiter = []byte{obuDelimiter<<3 | 2, 0}

// incompleteOBU reports whether b may be the begin of an OBU.
func incompleteOBU(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	kind := b[0] >> 3 & 15
	return b[0]&0x83 == 2 && (kind >= obuSequence && kind <= obuRedundant || kind == obuPadding)
}

func (c *av1Cutter) add(b []byte, begin, end int, open bool) {
	c.spans = append(c.spans, span{
		begin: begin, end: end, open: open, late: true,
		units:  [][]byte{b[begin:end:end]},
		access: av1Access(b[begin:end]) == AccessYes,
	})
}

func (c *av1Cutter) period(span) flow.Ticks { return c.frame }
