package channels

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/part"
	"sigma/tui/text"
)

const sparkCells = 10

func (p *Page) rowsShown() int { return max(p.h-2, 1) }

// View implements page.Page.
func (p *Page) View() string {
	if len(p.Env.Snap.Channels) == 0 && !p.Env.Snap.At.IsZero() {
		return p.empty()
	}
	t := p.table()
	lines := []string{p.head()}
	lines = append(lines, t.Body(&p.list, len(p.rows), p.h-1, func(i int) []part.Cell { return p.row(&p.rows[i]) })...)
	switch {
	case p.Env.Snap.At.IsZero(): // nothing is known yet
		return " " + p.Env.Text.T("loading")
	case len(p.rows) == 0:
		lines = append(lines, "", "  "+p.Env.Text.T("channels.no_match"))
	}
	return strings.Join(lines, "\n")
}

// empty tells someone who has never been here what to press.
func (p *Page) empty() string {
	t, s := p.Env.Theme, p.Env.Text
	lines := []string{t.Title.Render(s.T("channels.empty")), ""}
	if p.Env.Actor.Role < keymap.Operator {
		lines = append(lines, s.T("channels.empty.viewer"))
	} else {
		lines = append(lines, s.T("channels.empty.add", t.Key.Render(keymap.Of(keymap.AddChannel).Show)))
	}
	lines = append(lines, "", t.Dim.Render(s.T("channels.empty.help", keymap.Of(keymap.Help).Show)))
	return strings.Join(part.Centre(lines, p.w, p.h), "\n")
}

// head is the line above the list: the filter, the order, or the sum.
func (p *Page) head() string {
	t, s := p.Env.Theme, p.Env.Text
	switch {
	case p.typing:
		return " " + s.T("channels.filter") + " " + p.filter.View(t, max(p.w-30, 10), true) + " " + s.T("channels.of", len(p.rows), len(p.Env.Snap.Channels))
	case p.moved != nil:
		return " " + t.Warn.Render(s.T("channels.moving"))
	case p.filter.String() != "":
		return " " + s.T("channels.filter") + " " + t.Title.Render(text.Clean(p.filter.String())) + "  " + s.T("channels.of", len(p.rows), len(p.Env.Snap.Channels))
	}
	on, rate := 0, int64(0)
	for _, c := range p.Env.Snap.Channels {
		if c.State == "on_air" || c.State == "on_standby" {
			on++
		}
		rate += c.Bitrate
	}
	head := " " + s.N("channels.sum", len(p.Env.Snap.Channels), s.Int(int64(on)), s.BitRate(rate))
	if p.sort != 0 {
		head += "  " + s.T("channels.sorted", s.T("sort."+orders()[p.sort]))
	}
	return t.Dim.Render(head)
}

func (p *Page) table() part.Table {
	s := p.Env.Text
	cols := []part.Column{
		{Title: s.T("col.state"), Width: 14},
		{Title: s.T("col.channel"), Grow: true},
		{Title: s.T("col.rate"), Width: 11, Right: true},
		{Title: s.T("col.history"), Width: sparkCells},
		{Title: s.T("col.errors"), Width: 5, Right: true},
		{Title: s.T("col.input"), Width: 4},
		{Title: s.T("col.viewers"), Width: 5, Right: true},
		{Title: s.T("col.outputs"), Width: 5, Right: true},
	}
	if p.wide() {
		cols = append(cols[:2], append([]part.Column{{Title: s.T("col.title"), Width: (p.w - 70) / 2}}, cols[2:]...)...)
	}
	return part.Table{Theme: p.Env.Theme, Width: p.w, Columns: cols}
}

func (p *Page) wide() bool { return p.w >= 100 }

func (p *Page) row(c *control.ChannelStatus) []part.Cell {
	t, s := p.Env.Theme, p.Env.Text
	state, style := p.Env.State(c.State)
	ok, outputs := 0, 0
	for _, o := range c.Outputs {
		if o.State == "off" {
			continue
		}
		outputs++
		if o.State == "on_air" {
			ok++
		}
	}
	outStyle, errStyle := lipgloss.NewStyle(), lipgloss.NewStyle()
	if ok < outputs {
		outStyle = t.Bad
	}
	if c.Errors > 0 {
		errStyle = t.Warn
	}
	out := fmt.Sprintf("%d/%d", ok, outputs)
	if ok < outputs {
		out = "!" + out
	}
	cells := []part.Cell{
		{Text: state, Style: style},
		{Text: c.Name, Style: t.Title},
		{Text: s.BitRate(c.Bitrate)},
		{Text: part.Spark(t.Spark, c.History, p.Env.Snap.At, sparkCells), Style: t.Dim},
		{Text: s.Int(c.Errors), Style: errStyle},
		{Text: input(c)},
		{Text: s.Int(int64(c.Viewers))},
		{Text: out, Style: outStyle},
	}
	if p.wide() {
		return append(cells[:2], append([]part.Cell{{Text: c.Title}}, cells[2:]...)...)
	}
	if c.Title != "" {
		cells[1].Text += " " + c.Title
	}
	return cells
}

// input says which input is active, with a mark when an operator holds it there.
func input(c *control.ChannelStatus) string {
	if len(c.Inputs) == 0 || c.Active < 0 {
		return "-"
	}
	held := ""
	if c.Manual >= 0 {
		held = "!"
	}
	return fmt.Sprintf("%d/%d%s", c.Active+1, len(c.Inputs), held)
}
