// Package captions reads the closed captions in the pictures of a programme: those of
// line 21 (ANSI/CTA-608) and of DTVCC (CTA-708).
//
// It owns the memories of the decoders and says what is on the screen from when on. It
// refuses colours, fonts and the look of windows, and it does not know where captions
// lie in a picture: mux/es finds them.
package captions

import (
	"slices"
	"strings"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Decoder follows one caption channel or service. Packets come by the PTS of their
// pictures, as es.CaptionQueue gives them. Whenever the screen shows something else it
// calls emit with the lines from above and the PTS they are shown from; no lines are an
// empty screen. Text that is written while it is shown counts from its first
// character: a call with the PTS of the one before takes its place. The lines are
// immutable. A decoder is for one goroutine; what it keeps does not grow.
type Decoder interface {
	Push(pts flow.Ticks, packets []es.CaptionPacket, emit func(from flow.Ticks, lines []Line))
}

// Line is a row of a caption.
type Line struct {
	Top  int // of the row, in percent of the height from above
	Runs []Run
}

// Run is characters of one style.
type Run struct {
	Text      string
	Italic    bool
	Underline bool
}

func (l Line) equal(o Line) bool { return l.Top == o.Top && slices.Equal(l.Runs, o.Runs) }

// Text returns the characters of a line without their style.
func (l Line) Text() string {
	var b strings.Builder
	for _, r := range l.Runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

// pen is the style of what is written.
type pen struct{ italic, underline bool }

// cell is a place of a screen; the zero value is empty.
type cell struct {
	c rune
	pen
}

// runs returns what a row of cells says, without the spaces around it.
func runs(row []cell) (out []Run) {
	for len(row) > 0 && (row[0].c == 0 || row[0].c == ' ') {
		row = row[1:]
	}
	for n := len(row); n > 0 && (row[n-1].c == 0 || row[n-1].c == ' '); n-- {
		row = row[:n-1]
	}
	var text []rune
	for i, x := range row {
		if x.c == 0 {
			x.c = ' '
		}
		text = append(text, x.c)
		if i+1 == len(row) || row[i+1].pen != x.pen {
			out = append(out, Run{string(text), x.italic, x.underline})
			text = text[:0]
		}
	}
	return out
}

// teller tells what is on the screen when it is something else.
type teller struct {
	from  flow.Ticks
	shown []Line
	cut   bool // what is next is not more of the same
}

func (t *teller) tell(pts flow.Ticks, lines []Line, emit func(flow.Ticks, []Line)) {
	if slices.EqualFunc(lines, t.shown, Line.equal) {
		return
	}
	if t.cut || len(lines) == 0 || len(t.shown) == 0 {
		t.from = pts
	}
	t.cut, t.shown = false, lines
	emit(t.from, lines)
}
