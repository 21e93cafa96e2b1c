// Package system owns the page of the machine: processor, memory, disk, temperature,
// versions, the wire process, the daemon's log and the events kept in the database.
package system

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/edit"
	"sigma/tui/part"
)

const (
	logLines   = 200
	eventLines = 200
)

// The views under the state of the machine.
type view int

const (
	logView view = iota
	eventView
)

// Page shows the machine, and log or events under it.
type Page struct {
	Env     *page.Env
	view    view
	filter  part.Line
	typing  bool
	system  control.System
	log     []control.LogLine
	events  []control.Event
	back    int // lines scrolled back from the newest
	ready   bool
	waiting bool
	err     string
	w, h    int
}

type readMsg struct {
	system control.System
	log    []control.LogLine
	events []control.Event
	err    error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd {
	if p.waiting {
		return nil
	}
	if p.Env.Actor.Role < keymap.Operator {
		p.view = eventView // the log may name what viewers must not know
	}
	p.waiting = true
	v := p.view
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		var m readMsg
		if m.system, m.err = s.System(ctx, a); m.err != nil {
			return m
		}
		if v == logView {
			m.log, m.err = s.Log(ctx, a, logLines)
		} else {
			m.events, m.err = s.Events(ctx, a, 0, eventLines)
		}
		return m
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.system") }

// Typing implements page.Typing.
func (p *Page) Typing() bool { return p.typing }

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	if p.typing {
		return []page.Key{{ID: keymap.FilterKeep}, {ID: keymap.FilterOff}, {ID: keymap.Clear}}
	}
	keys := []page.Key{p.Env.Key(keymap.LogView), {ID: keymap.EventView}, {ID: keymap.Filter}, p.Env.Key(keymap.EditBox)}
	for _, id := range []keymap.ID{keymap.Up, keymap.Down, keymap.PageUp, keymap.PageDown} {
		keys = append(keys, page.Key{ID: id})
	}
	return keys
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case page.TickMsg:
		return p.Init()
	case readMsg:
		p.waiting, p.ready, p.err = false, true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.system = msg.system
		if msg.log != nil {
			p.log = msg.log
		}
		if msg.events != nil {
			p.events = msg.events
		}
	case tea.PasteMsg:
		if p.typing {
			p.filter.Insert(msg.Content)
		}
	case tea.KeyPressMsg:
		if p.typing {
			p.filterKey(msg)
			return nil
		}
		return p.key(msg)
	}
	return nil
}

func (p *Page) filterKey(k tea.KeyPressMsg) {
	p.back = 0
	switch k.String() {
	case "enter":
		p.typing = false
	case "esc":
		p.typing = false
		p.filter.Set("")
	default:
		p.filter.Key(k)
	}
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil {
		return cmd
	}
	step := max(p.h-len(p.machine())-3, 1)
	switch id {
	case keymap.LogView, keymap.EventView:
		p.view, p.back, p.waiting = logView, 0, false
		if id == keymap.EventView {
			p.view = eventView
		}
		return p.Init()
	case keymap.Filter:
		p.typing = true
	case keymap.EditBox:
		return page.Push(&edit.Box{Env: p.Env})
	case keymap.Up:
		p.back++
	case keymap.Down:
		p.back--
	case keymap.PageUp:
		p.back += step
	case keymap.PageDown:
		p.back -= step
	}
	p.back = max(min(p.back, len(p.lines())-step), 0)
	return nil
}

// View implements page.Page.
func (p *Page) View() string {
	t, s := p.Env.Theme, p.Env.Text
	switch {
	case p.err != "":
		return strings.Join(part.Paragraph("! "+p.err, p.w-1, 1, t.Bad), "\n")
	case !p.ready:
		return " " + s.T("loading")
	}
	out := append(p.machine(), "")
	head := s.T("system.log")
	if p.view == eventView {
		head = s.T("system.events")
	}
	head = t.Title.Render(head)
	if p.typing || p.filter.String() != "" {
		head += "  " + s.T("channels.filter") + " " + p.filter.View(t, 30, p.typing)
	}
	out = append(out, " "+head)
	lines := p.lines()
	room := max(p.h-len(out), 1)
	to := max(len(lines)-p.back, 0)
	if len(lines) == 0 {
		out = append(out, "   "+t.Dim.Render(s.T("none")))
	}
	return strings.Join(append(out, lines[max(to-room, 0):to]...), "\n")
}
