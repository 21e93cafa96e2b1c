package edit

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/part"
)

// entry is the form of one input or output. It writes into the draft of its channel,
// which validates and saves.
type entry struct {
	owner  *Channel
	path   string // below the channel, ending in '.'
	title  string
	fields func(maker) []part.Field
	form   part.Form
}

func (p *entry) Init() tea.Cmd {
	p.form.Theme = p.owner.Env.Theme
	m := maker{p.owner.Env}
	f := append(p.fields(m), part.Field{Kind: part.Heading},
		part.Field{Kind: part.Button, Label: m.env.Text.T("item.done"), Help: m.env.Text.T("item.done.help"), Do: p.done})
	p.form.SetFields(f...)
	return p.owner.check()
}

func (p *entry) SetSize(w, h int) { p.form.SetSize(w, h) }
func (p *entry) Title() string    { return p.title }
func (p *entry) Typing() bool     { return true }
func (p *entry) Writing() bool    { return p.form.Writing() }
func (p *entry) Dirty() bool      { return p.owner.Dirty() }

func (p *entry) Keys() []page.Key {
	keys := formKeys(&p.form)
	keys[0] = page.Key{ID: keymap.Back} // Back stands first here: nothing is lost by it
	return keys[:len(keys)-1]
}

func (p *entry) done() tea.Cmd {
	if p.form.Bad() {
		return page.Toast(p.owner.Env.Text.N("edit.wrong", 1), true)
	}
	return page.Pop(1)
}

func (p *entry) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		if p.form.Paste(msg.Content) {
			return p.owner.check()
		}
	case tea.KeyPressMsg:
		switch keymap.Match(msg, keymap.Back, keymap.Save) {
		case keymap.Back:
			if p.form.Bad() {
				e := p.owner.Env
				return page.Push(&ask.Confirm{Env: e, Head: e.Text.T("edit.unread"), Lines: []string{e.Text.T("edit.unread.what")}, Close: 1})
			}
			return p.done()
		case keymap.Save:
			return p.done()
		}
		cmd, changed := p.form.Key(msg)
		if changed {
			return tea.Batch(cmd, p.owner.check())
		}
		return cmd
	}
	return nil
}

func (p *entry) View() string {
	p.form.Errors = map[string]string{}
	for path, e := range p.owner.form.Errors {
		if rest, ok := strings.CutPrefix(path, p.path); ok {
			p.form.Errors[rest] = e
		}
	}
	p.form.Strict = p.owner.form.Strict
	return p.form.View()
}
