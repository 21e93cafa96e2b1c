// Package help owns the page that lists every key of another page, from the keymap.
package help

import (
	"strings"

	tea "charm.land/bubbletea/v2"

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
		out = append(out, p.line(k))
	}
	out = append(out, "", " "+t.Title.Render(s.T("help.everywhere")))
	for _, id := range keymap.Globals() {
		out = append(out, p.line(page.Key{ID: id}))
	}
	out = append(out, "", " "+t.Title.Render(s.T("help.states")))
	for _, st := range []string{"on_air", "on_standby", "no_signal", "retrying", "failed", "off"} {
		word, style := p.Env.State(control.State(st))
		out = append(out, "   "+style.Render(text.Fit(word, 16))+" "+s.T("state."+st+".help"))
	}
	return out
}

func (p *Page) line(k page.Key) string {
	t, s, b := p.Env.Theme, p.Env.Text, keymap.Of(k.ID)
	var names []string
	for _, n := range b.Keys {
		names = append(names, keymap.Name(n))
	}
	if k.ID == keymap.Tabs {
		names = []string{b.Show}
	}
	line := "   " + t.Key.Render(text.Fit(strings.Join(names, " "), 16)) + " " + s.T(b.Text)
	if k.Off != "" {
		line += t.Dim.Render("  (" + s.T("help.off") + ": " + k.Off + ")")
	}
	return line
}
