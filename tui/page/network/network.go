// Package network owns the page of network interfaces.
package network

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/part"
)

// Page lists the interfaces; under them, the addresses and groups of the selected one.
type Page struct {
	Env     *page.Env
	list    part.List
	rows    []control.Interface
	ready   bool
	waiting bool
	err     string
	w, h    int
}

type rowsMsg struct {
	rows []control.Interface
	err  error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd {
	if p.waiting {
		return nil
	}
	p.waiting = true
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		rows, err := s.Interfaces(ctx, a)
		return rowsMsg{rows, err}
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.network") }

// Keys implements page.Page.
func (p *Page) Keys() []page.Key { return p.Env.Lists() }

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case page.TickMsg:
		return p.Init()
	case rowsMsg:
		p.waiting, p.ready, p.err = false, true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.rows = msg.rows
	case tea.KeyPressMsg:
		id, cmd := p.Env.Match(msg, p.Keys())
		p.list.Move(id, len(p.rows), p.rowsShown())
		return cmd
	}
	return nil
}

func (p *Page) rowsShown() int { return max(p.h/2, 4) }

// View implements page.Page.
func (p *Page) View() string {
	t, s := p.Env.Theme, p.Env.Text
	switch {
	case p.err != "":
		return strings.Join(part.Paragraph("! "+p.err, p.w-1, 1, t.Bad), "\n")
	case !p.ready:
		return " " + s.T("loading")
	}
	table := part.Table{Theme: t, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.interface"), Width: 10}, {Title: s.T("col.state"), Width: 12}, {Title: s.T("col.address"), Grow: true},
		{Title: s.T("col.in"), Width: 11, Right: true}, {Title: s.T("col.out"), Width: 11, Right: true},
		{Title: s.T("col.groups"), Width: 5, Right: true}, {Title: s.T("col.drops"), Width: 6, Right: true},
	}}
	lines := table.Body(&p.list, len(p.rows), p.rowsShown()+1, func(i int) []part.Cell { return p.row(&p.rows[i]) })
	if p.list.Cursor < len(p.rows) {
		lines = append(lines, p.detail(&p.rows[p.list.Cursor])...)
	}
	return strings.Join(lines[:min(len(lines), p.h)], "\n")
}

func (p *Page) row(n *control.Interface) []part.Cell {
	t, s := p.Env.Theme, p.Env.Text
	state, style := t.Dot+" "+s.T("net.up"), t.Good
	switch {
	case !n.Up:
		state, style = t.Dash+" "+s.T("net.down"), t.Dim
	case !n.Carrier:
		state, style = t.Cross+" "+s.T("net.no_carrier"), t.Bad
	}
	address := "-"
	if len(n.Addresses) > 0 {
		address = n.Addresses[0]
	}
	drops := lipgloss.NewStyle()
	if n.RxDropped+n.TxDropped > 0 {
		drops = t.Warn
	}
	return []part.Cell{
		{Text: n.Name, Style: t.Title}, {Text: state, Style: style}, {Text: address},
		{Text: s.BitRate(n.RxBitrate)}, {Text: s.BitRate(n.TxBitrate)},
		{Text: s.Int(int64(len(n.Groups)))}, {Text: s.Uint(n.RxDropped + n.TxDropped), Style: drops},
	}
}

func (p *Page) detail(n *control.Interface) []string {
	t, s := p.Env.Theme, p.Env.Text
	speed := s.T("net.speed_unknown")
	if n.Speed > 0 {
		speed = s.BitRate(n.Speed)
	}
	multicast := s.T("no")
	if n.Multicast {
		multicast = s.T("yes")
	}
	none := func(list []string) string {
		if len(list) == 0 {
			return s.T("none")
		}
		return strings.Join(list, "  ")
	}
	mac := n.MAC
	if mac == "" {
		mac = "-"
	}
	out := []string{"", " " + t.Title.Render(n.Name)}
	for _, d := range [][2]string{
		{"net.link", s.T("net.link_is", mac, n.MTU, speed, multicast)},
		{"net.addresses", none(n.Addresses)},
		{"net.joined", none(n.Groups)},
		{"net.dropped", s.T("net.dropped_is", s.Uint(n.RxDropped), s.Uint(n.TxDropped))},
	} {
		out = append(out, part.Paragraph(s.T(d[0])+": "+d[1], p.w-1, 3, lipgloss.NewStyle())...)
	}
	return out
}
