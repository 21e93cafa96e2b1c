// Package ask owns the two questions that pages put to the user: yes or no, and one
// of several. It does what the answer says and closes.
package ask

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
)

// Confirm asks before something that cannot be taken back, or costs somebody a picture.
type Confirm struct {
	Env   *page.Env
	Head  string   // the question
	Lines []string // what it means
	Yes   tea.Cmd  // done after the page has closed
	Close int      // pages to close with yes besides this one
	w, h  int
}

// Init implements page.Page.
func (c *Confirm) Init() tea.Cmd { return nil }

// SetSize implements page.Page.
func (c *Confirm) SetSize(w, h int) { c.w, c.h = w, h }

// Title implements page.Page.
func (c *Confirm) Title() string { return c.Env.Text.T("ask.title") }

// Typing implements page.Typing: yes and no are letters.
func (c *Confirm) Typing() bool { return true }

// Writing implements page.Writing.
func (c *Confirm) Writing() bool { return false }

// Keys implements page.Page.
func (c *Confirm) Keys() []page.Key {
	return []page.Key{{ID: keymap.Yes}, {ID: keymap.No}}
}

// Update implements page.Page.
func (c *Confirm) Update(msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	switch keymap.Match(k, keymap.Yes, keymap.No) {
	case keymap.Yes:
		return page.Pop(1+c.Close, c.Yes)
	case keymap.No:
		return page.Pop(1)
	}
	return nil
}

// View implements page.Page.
func (c *Confirm) View() string {
	t := c.Env.Theme
	lines := part.Paragraph(c.Head, min(c.w, 72), 0, t.Title)
	lines = append(lines, "")
	for _, l := range c.Lines {
		lines = append(lines, part.Paragraph(l, min(c.w, 72), 0, t.Dim)...)
	}
	lines = append(lines, "", t.Key.Render("y")+" "+c.Env.Text.T("key.yes")+"    "+t.Key.Render("n")+" "+c.Env.Text.T("key.no"))
	return strings.Join(part.Centre(lines, c.w, c.h), "\n")
}

// Option is one answer.
type Option struct {
	Label string
	Do    tea.Cmd
}

// Choose asks for one of several.
type Choose struct {
	Env     *page.Env
	Head    string
	Options []Option
	List    part.List
	w, h    int
}

// Init implements page.Page.
func (c *Choose) Init() tea.Cmd { return nil }

// SetSize implements page.Page.
func (c *Choose) SetSize(w, h int) { c.w, c.h = w, h }

// Title implements page.Page.
func (c *Choose) Title() string { return c.Env.Text.T("ask.title") }

// Keys implements page.Page.
func (c *Choose) Keys() []page.Key {
	return append([]page.Key{{ID: keymap.Open}}, c.Env.Lists()...)
}

// Update implements page.Page.
func (c *Choose) Update(msg tea.Msg) tea.Cmd {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return nil
	}
	id, cmd := c.Env.Match(k, c.Keys())
	if id == keymap.Open && len(c.Options) > 0 {
		return page.Pop(1, c.Options[c.List.Cursor].Do)
	}
	c.List.Move(id, len(c.Options), c.h-2)
	return cmd
}

// View implements page.Page.
func (c *Choose) View() string {
	t := part.Table{Theme: c.Env.Theme, Width: c.w, Columns: []part.Column{{Title: "", Grow: true}}}
	lines := []string{" " + c.Env.Theme.Title.Render(c.Head)}
	lines = append(lines, t.Body(&c.List, len(c.Options), c.h-1, func(i int) []part.Cell {
		return []part.Cell{{Text: c.Options[i].Label}}
	})...)
	return strings.Join(lines, "\n")
}
