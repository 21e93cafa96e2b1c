// Package channels owns the page that lists the channels with their live state.
package channels

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/channel"
	"sigma/tui/page/edit"
	"sigma/tui/part"
)

// orders are the orders of the list, in the turn of the Sort key.
func orders() []string { return []string{"config", "state", "rate", "errors", "name"} }

// Page is the list of channels.
type Page struct {
	Env *page.Env

	list   part.List
	filter part.Line
	typing bool // in the filter
	sort   int
	moved  []string // names in the order the operator has put them, nil when as configured
	next   string   // a channel just committed: the cursor goes there once it is seen
	rows   []control.ChannelStatus
	w, h   int
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd { p.arrange(); return nil }

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.channels") }

// Typing implements page.Typing.
func (p *Page) Typing() bool { return p.typing || p.moved != nil }

// Writing implements page.Writing.
func (p *Page) Writing() bool { return p.typing }

// Dirty implements page.Dirty.
func (p *Page) Dirty() bool { return p.moved != nil }

func (p *Page) selected() *control.ChannelStatus {
	if p.list.Cursor < len(p.rows) {
		return &p.rows[p.list.Cursor]
	}
	return nil
}

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	e, none := p.Env, ""
	if len(p.rows) == 0 {
		none = p.Env.Text.T("channels.none")
	}
	sorted := none
	if p.sort != 0 || p.filter.String() != "" {
		sorted = p.Env.Text.T("channels.move_sorted")
	}
	if p.typing {
		return []page.Key{{ID: keymap.FilterKeep}, {ID: keymap.FilterOff}, {ID: keymap.Up}, {ID: keymap.Down}, {ID: keymap.Clear}}
	}
	if p.moved != nil {
		return []page.Key{e.Key(keymap.Save), e.Key(keymap.MoveUp), e.Key(keymap.MoveDown), {ID: keymap.Up}, {ID: keymap.Down}, {ID: keymap.Back}}
	}
	keys := []page.Key{
		e.Key(keymap.AddChannel), e.Key(keymap.Open, none), e.Key(keymap.Edit, none), e.Key(keymap.Copy, none),
		e.Key(keymap.Delete, none), e.Key(keymap.SelectInput, none), e.Key(keymap.Restart, none), e.Key(keymap.Toggle, none), e.Key(keymap.Viewers, none),
		{ID: keymap.Filter}, {ID: keymap.Sort},
		e.Key(keymap.MoveUp, sorted), e.Key(keymap.MoveDown, sorted),
	}
	return append(keys, e.Lists()...)
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case page.SnapshotMsg:
		p.arrange()
	case page.ConfigMsg:
		p.moved, p.next = nil, msg.Channel
	case tea.PasteMsg:
		if p.typing {
			p.filter.Insert(msg.Content)
			p.arrange()
		}
	case tea.KeyPressMsg:
		if p.typing {
			return p.filterKey(msg)
		}
		return p.key(msg)
	}
	return nil
}

// filterKey takes one key into the filter.
func (p *Page) filterKey(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "enter":
		p.typing = false
	case "esc":
		p.typing = false
		p.filter.Set("")
	case "up", "down":
		id := keymap.Match(k, keymap.Up, keymap.Down)
		p.list.Move(id, len(p.rows), p.rowsShown())
	default:
		p.filter.Key(k)
	}
	p.arrange()
	return nil
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	if p.moved == nil && k.String() == "esc" && p.filter.String() != "" {
		p.filter.Set("")
		p.arrange()
		return nil
	}
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil {
		return cmd
	}
	if p.list.Move(id, len(p.rows), p.rowsShown()) {
		return nil
	}
	switch id {
	case keymap.AddChannel:
		return page.Push(&edit.Channel{Env: p.Env})
	case keymap.Filter:
		p.typing = true
	case keymap.Sort:
		p.sort = (p.sort + 1) % len(orders())
		p.arrange()
	case keymap.MoveUp, keymap.MoveDown:
		p.move(id)
	case keymap.Save:
		return p.saveOrder()
	case keymap.Back:
		p.moved = nil
		p.arrange()
	}
	if c := p.selected(); c != nil {
		return act(p.Env, id, c)
	}
	return nil
}

// act does what a key means for one channel.
func act(e *page.Env, id keymap.ID, c *control.ChannelStatus) tea.Cmd {
	if id == keymap.Open {
		return page.Push(&channel.Page{Env: e, Name: c.Name})
	}
	return channel.Act(e, id, c)
}

// arrange takes the newest snapshot and keeps the cursor on its channel.
func (p *Page) arrange() {
	at := ""
	if c := p.selected(); c != nil {
		at = c.Name
	}
	p.rows = p.rows[:0]
	want := strings.ToLower(p.filter.String())
	for _, c := range p.Env.Snap.Channels {
		if want == "" || strings.Contains(strings.ToLower(c.Name+" "+c.Title+" "+p.Env.Text.T("state."+string(c.State))), want) {
			p.rows = append(p.rows, c)
		}
	}
	if p.moved != nil {
		place := func(c control.ChannelStatus) int {
			if i := slices.Index(p.moved, c.Name); i >= 0 {
				return i
			}
			return len(p.moved)
		}
		slices.SortStableFunc(p.rows, func(a, b control.ChannelStatus) int { return place(a) - place(b) })
	}
	sortRows(p.rows, orders()[p.sort])
	if p.next != "" && slices.ContainsFunc(p.rows, func(c control.ChannelStatus) bool { return c.Name == p.next }) {
		at, p.next = p.next, ""
	}
	for i, c := range p.rows {
		if c.Name == at {
			p.list.Cursor = i
		}
	}
	p.list.Window(len(p.rows), p.rowsShown())
}

func sortRows(rows []control.ChannelStatus, order string) {
	rank := map[control.State]int{"failed": 0, "no_signal": 1, "retrying": 2, "starting": 3, "on_standby": 4, "on_air": 5, "off": 7}
	slices.SortStableFunc(rows, func(a, b control.ChannelStatus) int {
		switch order {
		case "state":
			return rank[a.State] - rank[b.State]
		case "rate":
			return int(b.Bitrate - a.Bitrate)
		case "errors":
			return int(b.Errors - a.Errors)
		case "name":
			return strings.Compare(a.Name, b.Name)
		}
		return 0
	})
}

func (p *Page) move(id keymap.ID) {
	to := p.list.Cursor + 1
	if id == keymap.MoveUp {
		to = p.list.Cursor - 1
	}
	if to < 0 || to >= len(p.rows) {
		return
	}
	p.moved = nil
	for _, c := range p.rows {
		p.moved = append(p.moved, c.Name)
	}
	i := p.list.Cursor
	p.moved[i], p.moved[to] = p.moved[to], p.moved[i]
	p.rows[i], p.rows[to] = p.rows[to], p.rows[i]
	p.list.Cursor = to
	p.arrange()
}

// saveOrder opens the plan of the new order.
func (p *Page) saveOrder() tea.Cmd {
	order := slices.Clone(p.moved)
	return page.Push(&edit.Plan{Env: p.Env, Change: edit.Change{
		Title: p.Env.Text.T("channels.order"), Seen: control.Revision{ID: p.Env.Snap.Revision},
		Apply: func(c control.Config) control.Config {
			c.Channels = slices.Clone(c.Channels)
			slices.SortStableFunc(c.Channels, func(a, b control.Channel) int {
				return slices.Index(order, a.Name) - slices.Index(order, b.Name)
			})
			return c
		},
	}})
}
