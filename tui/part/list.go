// Package part owns the pieces that pages are drawn from: tables, forms, lines of
// text, histories. A part draws and moves; it asks nothing of the box.
package part

import (
	"strings"

	"charm.land/lipgloss/v2"

	"sigma/tui/keymap"
	"sigma/tui/text"
	"sigma/tui/theme"
)

// List is a cursor in a list that may be longer than the screen.
type List struct {
	Cursor int // index of the selected row
	offset int // first row shown
}

// Move answers a key of keymap.Lists for a list of n rows of which rows are shown,
// and reports whether it was one.
func (l *List) Move(id keymap.ID, n, rows int) bool {
	switch id {
	case keymap.Up:
		l.Cursor--
	case keymap.Down:
		l.Cursor++
	case keymap.PageUp:
		l.Cursor -= max(rows-1, 1)
	case keymap.PageDown:
		l.Cursor += max(rows-1, 1)
	case keymap.Top:
		l.Cursor = 0
	case keymap.Bottom:
		l.Cursor = n - 1
	default:
		return false
	}
	l.Window(n, rows)
	return true
}

// Window keeps the cursor in the list and on the screen; it returns the rows to
// show: first and one past the last.
func (l *List) Window(n, rows int) (from, to int) {
	l.Cursor = max(min(l.Cursor, n-1), 0)
	rows = max(rows, 1)
	l.offset = max(min(l.offset, l.Cursor), l.Cursor-rows+1)
	l.offset = max(min(l.offset, n-rows), 0)
	return l.offset, min(l.offset+rows, n)
}

// Column is one column of a table. Exactly one column of a table has Grow set and
// takes the width that is left.
type Column struct {
	Title string // already in the language of the user
	Width int    // cells
	Grow  bool
	Right bool
	Ends  bool // a text that does not fit keeps both its ends
}

// Cell is one cell: text without escape sequences, and how it looks unless its row
// is selected.
type Cell struct {
	Text  string
	Style lipgloss.Style
}

// Table draws rows in columns.
type Table struct {
	Theme   theme.Theme
	Columns []Column
	Width   int
}

// Head returns the line of titles.
func (t Table) Head() string {
	cells := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		cells[i].Text = c.Title
	}
	return t.Theme.Dim.Render(t.line(cells, false, true))
}

// Row returns one line. A selected row is marked and drawn as a whole.
func (t Table) Row(cells []Cell, selected bool) string {
	s := t.line(cells, selected, selected)
	if selected {
		return t.Theme.Select.Render(s)
	}
	return s
}

// Grow returns the width of the column that grows, at least 4 cells.
func (t Table) Grow() int {
	grow := t.Width - 1
	for _, c := range t.Columns {
		grow -= 1
		if !c.Grow {
			grow -= c.Width
		}
	}
	return max(grow, 4)
}

func (t Table) line(cells []Cell, selected, plain bool) string {
	var b strings.Builder
	b.WriteString(" ")
	if selected {
		b.Reset()
		b.WriteString(t.Theme.Mark)
	}
	grow := t.Grow()
	for i, c := range t.Columns {
		w := c.Width
		if c.Grow {
			w = grow
		}
		s := ""
		if i < len(cells) {
			s = text.Clean(cells[i].Text)
		}
		switch {
		case c.Right:
			s = text.FitRight(s, w)
		case c.Ends:
			s = text.FitEnds(s, w)
		default:
			s = text.Fit(s, w)
		}
		b.WriteByte(' ')
		if !plain && i < len(cells) {
			s = cells[i].Style.Render(s)
		}
		b.WriteString(s)
	}
	return b.String()
}

// Body draws n rows around the cursor of a list under the titles, in height lines.
func (t Table) Body(l *List, n, height int, row func(i int) []Cell) []string {
	lines := []string{t.Head()}
	from, to := l.Window(n, height-1)
	for i := from; i < to; i++ {
		lines = append(lines, t.Row(row(i), i == l.Cursor))
	}
	return lines
}
