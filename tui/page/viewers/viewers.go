// Package viewers owns the page of who watches a channel.
package viewers

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Page lists the viewers of a channel, or those who are gone and why. Env and Channel are
// arguments.
type Page struct {
	Env     *page.Env
	Channel string
	list    part.List
	rows    []control.Session
	ended   bool
	ready   bool
	waiting bool
	err     string
	w, h    int
}

type rowsMsg struct {
	owner *Page
	ended bool
	rows  []control.Session
	err   error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd {
	if p.waiting {
		return nil
	}
	p.waiting = true
	ended := p.ended
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		rows, err := s.Sessions(ctx, a, ended)
		rows = slices.DeleteFunc(slices.Clone(rows), func(r control.Session) bool { return r.Channel != p.Channel })
		return rowsMsg{p, ended, rows, err}
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("viewers.title", text.Clean(p.Channel)) }

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	none := ""
	if len(p.rows) == 0 || p.ended {
		none = p.Env.Text.T("viewers.none")
	}
	return append([]page.Key{p.Env.Key(keymap.SendAway, none), {ID: keymap.Ended}}, p.Env.Lists()...)
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case page.TickMsg:
		return p.Init()
	case rowsMsg:
		if msg.owner != p {
			return nil
		}
		p.waiting = false
		if msg.ended != p.ended {
			return p.Init()
		}
		p.ready, p.err = true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.rows = msg.rows
		p.list.Move(keymap.None, len(p.rows), p.rowsShown())
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	id, cmd := p.Env.Match(k, p.Keys())
	switch id {
	case keymap.Ended:
		p.ended, p.ready, p.rows = !p.ended, false, nil
		return p.Init()
	case keymap.SendAway:
		return p.sendAway()
	}
	p.list.Move(id, len(p.rows), p.rowsShown())
	return cmd
}

func (p *Page) sendAway() tea.Cmd {
	if p.list.Cursor >= len(p.rows) {
		return nil
	}
	r, t := p.rows[p.list.Cursor], p.Env.Text
	return page.Push(&ask.Confirm{
		Env: p.Env, Head: t.T("viewers.ask", r.Address), Lines: []string{t.T("viewers.what")},
		Yes: p.Env.Act(t.T("viewers.done", r.Address), func(ctx context.Context, s page.Service, a control.Actor) error {
			return s.CloseSession(ctx, a, r.ID)
		}),
	})
}

func (p *Page) rowsShown() int { return max(p.h-3, 3) }

// View implements page.Page.
func (p *Page) View() string {
	t, s := p.Env.Theme, p.Env.Text
	head := s.N("viewers.count", len(p.rows))
	if p.ended {
		head = s.T("viewers.ended")
	}
	lines := []string{" " + t.Title.Render(head)}
	switch {
	case p.err != "":
		return strings.Join(append(lines, part.Paragraph("! "+p.err, p.w-1, 1, t.Bad)...), "\n")
	case !p.ready:
		return strings.Join(append(lines, " "+s.T("loading")), "\n")
	}
	last := s.T("col.program")
	if p.ended {
		last = s.T("col.reason")
	}
	table := part.Table{Theme: t, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.proto"), Width: 7}, {Title: s.T("col.address"), Width: 16}, {Title: s.T("col.user"), Width: 10},
		{Title: s.T("col.for"), Width: 15, Right: true}, {Title: s.T("col.sent"), Width: 9, Right: true}, {Title: last, Grow: true},
	}}
	lines = append(lines, table.Body(&p.list, len(p.rows), p.rowsShown(), func(i int) []part.Cell { return p.row(&p.rows[i]) })...)
	return strings.Join(lines[:min(len(lines), p.h)], "\n")
}

func (p *Page) row(r *control.Session) []part.Cell {
	until, last, style := r.Updated, r.UserAgent, lipgloss.NewStyle()
	if p.ended {
		until, last = r.Closed, p.Env.Text.Said(r.Reason)
	} else if r.Skips > 0 {
		style = p.Env.Theme.Warn
	}
	s := p.Env.Text
	proto, known := s.Translated("proto." + r.Protocol)
	if !known {
		proto = text.Clean(r.Protocol)
	}
	return []part.Cell{
		{Text: proto}, {Text: r.Address}, {Text: text.Clean(r.User)}, {Text: s.Ago(until.Sub(r.Opened))},
		{Text: s.Bytes(uint64(max(r.Bytes, 0))), Style: style}, {Text: text.Clean(last)},
	}
}
