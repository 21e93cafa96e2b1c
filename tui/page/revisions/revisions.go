// Package revisions owns the pages of the configuration's history: what was committed
// when by whom, how two revisions differ, and the way back.
package revisions

import (
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/edit"
	"sigma/tui/part"
)

const limit = 200

// Page lists the revisions, newest first.
type Page struct {
	Env   *page.Env
	list  part.List
	rows  []control.Revision
	from  int64 // marked for comparison, 0 for none
	ready bool
	err   string
	w, h  int
}

type rowsMsg struct {
	rows []control.Revision
	err  error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd {
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		rows, err := s.Revisions(ctx, a, 0, limit)
		return rowsMsg{rows, err}
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.revisions") }

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	none := ""
	if len(p.rows) == 0 {
		none = p.Env.Text.T("revisions.none")
	}
	running := none
	if r := p.selected(); r != nil && r.Running {
		running = p.Env.Text.T("revisions.running")
	}
	keys := []page.Key{p.Env.Key(keymap.Open, none), p.Env.Key(keymap.Compare, none), p.Env.Key(keymap.ShowText, none), p.Env.Key(keymap.Restore, running), p.Env.Key(keymap.EditBox)}
	return append(keys, p.Env.Lists()...)
}

func (p *Page) selected() *control.Revision {
	if p.list.Cursor < len(p.rows) {
		return &p.rows[p.list.Cursor]
	}
	return nil
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case rowsMsg:
		p.ready, p.err = true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.rows = msg.rows
	case page.SnapshotMsg:
		if p.ready && len(p.rows) > 0 && msg.Err == nil && msg.Snapshot.Revision != p.rows[0].ID {
			return p.Init()
		}
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil {
		return cmd
	}
	if p.from != 0 && keymap.Match(k, keymap.Back) != keymap.None {
		p.from = 0
		return nil
	}
	if p.list.Move(id, len(p.rows), p.h-2) {
		return nil
	}
	if id == keymap.EditBox {
		return page.Push(&edit.Box{Env: p.Env})
	}
	r := p.selected()
	if r == nil {
		return nil
	}
	switch id {
	case keymap.Open:
		before := int64(0)
		if i := p.list.Cursor + 1; i < len(p.rows) {
			before = p.rows[i].ID
		}
		return page.Push(newDiff(p.Env, before, r.ID))
	case keymap.Compare:
		return p.compare(r.ID)
	case keymap.ShowText:
		return page.Push(newText(p.Env, r.ID))
	case keymap.Restore:
		return page.Push(p.restore(*r))
	}
	return nil
}

// compare marks the first of two revisions, then shows how they differ.
func (p *Page) compare(id int64) tea.Cmd {
	if p.from == 0 || p.from == id {
		p.from = id // the head of the list says so
		return nil
	}
	from, to := min(p.from, id), max(p.from, id)
	p.from = 0
	return page.Push(newDiff(p.Env, from, to))
}

// restore is a plan like any other: the document of r on top of what runs.
func (p *Page) restore(r control.Revision) page.Page {
	return &restorer{Env: p.Env, revision: r}
}

// View implements page.Page.
func (p *Page) View() string {
	t, s := p.Env.Theme, p.Env.Text
	head := s.T("revisions.head")
	if p.from != 0 {
		head = s.T("revisions.marked", p.from)
	}
	lines := []string{" " + t.Dim.Render(head)}
	switch {
	case p.err != "":
		return strings.Join(append(lines, part.Paragraph("! "+p.err, p.w-1, 2, t.Bad)...), "\n")
	case !p.ready:
		return strings.Join(append(lines, "  "+s.T("loading")), "\n")
	}
	table := part.Table{Theme: t, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.revision"), Width: 9, Right: true}, {Title: s.T("col.when"), Width: 19},
		{Title: s.T("col.who"), Width: 12}, {Title: s.T("col.comment"), Grow: true}, {Title: "", Width: 12},
	}}
	return strings.Join(append(lines, table.Body(&p.list, len(p.rows), p.h-1, func(i int) []part.Cell {
		r := p.rows[i]
		note := ""
		if r.Running {
			note = t.Dot + " " + s.T("revisions.runs")
		}
		if r.ID == p.from {
			note = t.Arrow
		}
		return []part.Cell{{Text: strconv.FormatInt(r.ID, 10), Style: t.Title}, {Text: s.DateTime(r.At)}, {Text: r.Actor}, {Text: s.Comment(r.Comment)}, {Text: note, Style: t.Good}}
	})...), "\n")
}
