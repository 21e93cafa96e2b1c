// Package help owns the page that lists every key of another page, from the keymap.
package help

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Page explains the keys of one page.
type Page struct {
	Env    *page.Env
	Of     string     // title of the page it explains
	Listed []page.Key // its keys, as they are now

	Everywhere []keymap.ID // those that the root answers there
	Typing     bool        // the page takes the keys for itself: q is not the root's
	Writing    bool        // letters are text there

	scroll part.Scroll
	w, h   int
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd { return nil }

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("help.title") }

// Keys implements page.Page.
func (p *Page) Keys() []page.Key { return p.Env.Lists() }

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		id, cmd := p.Env.Match(k, p.Keys())
		p.scroll.Move(id, len(p.lines()), p.h)
		return cmd
	}
	return nil
}

// View implements page.Page.
func (p *Page) View() string { return strings.Join(p.scroll.Cut(p.lines(), p.h, p.Env.More()), "\n") }

func (p *Page) lines() []string {
	t, s := p.Env.Theme, p.Env.Text
	out := []string{" " + t.Title.Render(s.T("help.page", p.Of))}
	for _, k := range p.Listed {
		out = append(out, p.line(k, p.Writing)...)
	}
	out = append(out, "", " "+t.Title.Render(s.T("help.everywhere")))
	for _, id := range p.Everywhere {
		out = append(out, p.line(page.Key{ID: id}, p.Writing || p.Typing && id == keymap.Quit)...)
	}
	out = append(out, "", " "+t.Title.Render(s.T("help.states")))
	for _, st := range []string{"on_air", "on_standby", "no_signal", "retrying", "failed", "off"} {
		word, style := p.Env.State(control.State(st))
		out = append(out, p.row(style.Render(text.Fit(word, names)), s.T("state."+st+".help"))...)
	}
	out = append(out, "", " "+t.Title.Render(s.T("help.marks")))
	for _, m := range [][2]string{
		{"2/2!", "mark.held"}, {"!0/1", "mark.outputs"}, {s.T("col.errors"), "mark.errors"}, {"CC", "mark.cc"}, {s.T("col.lost"), "mark.lost"},
		{s.T("col.drops"), "mark.drops"}, {s.T("col.retries"), "mark.retries"}, {s.T("col.stuffing"), "mark.stuffing"},
		{s.T("col.late"), "mark.late"}, {s.T("col.overflow"), "mark.overflow"},
	} {
		out = append(out, p.row(t.Key.Render(text.Fit(m[0], names)), s.T(m[1]))...)
	}
	return out
}

// names are the cells in which the keys stand.
const names = 16

// line is a key, what it does, and why it does nothing now.
func (p *Page) line(k page.Key, writing bool) []string {
	t, s, b := p.Env.Theme, p.Env.Text, keymap.Of(k.ID)
	does := s.T(b.Text)
	if k.Off != "" {
		does += " (" + s.T("help.off") + ": " + k.Off + ")"
	}
	return p.row(t.Key.Render(text.Fit(strings.Join(keymap.Names(k.ID, writing), " "), names)), does)
}

// row is a name and what it means, in as many lines as that takes.
func (p *Page) row(name, means string) []string {
	out := part.Paragraph(means, p.w-1, names+4, lipgloss.NewStyle())
	out[0] = "   " + name + " " + strings.TrimLeft(out[0], " ")
	return out
}
