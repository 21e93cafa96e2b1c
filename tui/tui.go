// Package tui owns the console: the frame around the pages, the round of once a
// second, and what every page shares. It touches neither the database nor the engine:
// all it knows and does goes through control.
package tui

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/alarms"
	"sigma/tui/page/ask"
	"sigma/tui/page/channels"
	"sigma/tui/page/help"
	"sigma/tui/page/network"
	"sigma/tui/page/revisions"
	"sigma/tui/page/setup"
	"sigma/tui/page/system"
	"sigma/tui/page/users"
	"sigma/tui/text"
	"sigma/tui/theme"
)

// Service is what the console asks of the box. *control.Service is one.
type Service = page.Service

// Options are what one session of the console needs.
type Options struct {
	Context context.Context // ends the questions that are under way
	Service Service
	Actor   control.Actor // who sits here; without a name the first page is setup
	Code    string        // for setup: what was given as the password
	Theme   theme.Theme
	Now     func() time.Time // for the clock in the corner and idleness
	Log     *slog.Logger     // for what must never happen
	Idle    time.Duration    // ends the session after so long without a key; 0 never
}

// refresh is how often the box is asked for its state.
const refresh = time.Second

// warnIdle is how long before the end of an idle session its user is told.
const warnIdle = 2 * time.Minute

// toastShown is how long a message stands over the hints; a key ends it earlier, once
// it has stood for toastRead.
const toastShown, toastRead = 8 * time.Second, 2 * time.Second

// slow is how long an answer may take before the user is told.
const slow = 3 * time.Second

// Model is one session.
type Model struct {
	env    *page.Env
	idle   time.Duration
	tabs   []page.Page
	tab    int
	opened []bool
	stack  []page.Page // above the tab

	toast    page.ToastMsg
	toastEnd time.Time
	asked    time.Time // when the snapshot under way was asked for; zero when none is
	down     error     // why the last snapshot failed
	lastKey  time.Time
	w, h     int
	ended    string // why the session ends, for the terminal it leaves
	panicked *page.PanicMsg
	boxOf    int64 // revision whose Box is known
	tick     func() tea.Cmd
}

// New returns the model of a session.
func New(o Options) *Model {
	e := &page.Env{Ctx: o.Context, Service: o.Service, Actor: o.Actor, Text: text.New(o.Actor.Language).In(o.Now().Location()), Theme: o.Theme, Now: o.Now, Log: o.Log}
	m := &Model{env: e, idle: o.Idle, lastKey: o.Now(), w: 80, h: 24}
	m.tick = func() tea.Cmd { return after(o.Context, refresh) }
	m.open()
	if o.Actor.Name == "" {
		m.tabs = nil
		m.stack = []page.Page{setup.New(e, o.Code)}
	}
	return m
}

func (m *Model) open() {
	e := m.env
	m.tabs = []page.Page{
		&channels.Page{Env: e}, &alarms.Page{Env: e}, &revisions.Page{Env: e},
		&users.Page{Env: e}, &network.Page{Env: e}, &system.Page{Env: e},
	}
	m.opened = make([]bool, len(m.tabs))
	m.tab = 0
}

// Ended says why the session ended, in the language of the user; empty when the user
// left.
func (m *Model) Ended() string { return m.ended }

type tickMsg struct{}

// after is a tick that does not outlive the session.
func after(ctx context.Context, d time.Duration) tea.Cmd {
	return func() tea.Msg {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return tickMsg{}
		case <-ctx.Done():
			return nil
		}
	}
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd {
	if len(m.tabs) == 0 {
		return tea.Batch(m.top().Init(), m.tick())
	}
	return tea.Batch(m.show(0), m.ask(), m.tick())
}

// top is the page that gets the keys.
func (m *Model) top() page.Page {
	if n := len(m.stack); n > 0 {
		return m.stack[n-1]
	}
	return m.tabs[m.tab]
}

func (m *Model) show(tab int) tea.Cmd {
	m.tab = tab
	m.resize()
	if m.opened[tab] {
		return m.tabs[tab].Update(page.ShownMsg{})
	}
	m.opened[tab] = true
	return m.tabs[tab].Init()
}

func (m *Model) resize() { m.top().SetSize(m.w, max(m.h-frameLines, 1)) }

// ask asks for the state of the box, unless the last question is still open.
func (m *Model) ask() tea.Cmd {
	if !m.asked.IsZero() || len(m.tabs) == 0 {
		return nil
	}
	m.asked = m.env.Now()
	return m.env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		snap, err := s.Snapshot(ctx, a)
		return page.SnapshotMsg{Snapshot: snap, Err: err}
	})
}

type boxMsg struct{ box control.Box }

// readBox reads the name and the addresses of the box.
func (m *Model) readBox() tea.Cmd {
	return m.env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		_, c, err := s.Config(ctx, a)
		if err != nil {
			return nil // the status bar says when the box does not answer
		}
		return boxMsg{c.Box}
	})
}

// Update implements tea.Model. A panic in a page ends this session alone.
func (m *Model) Update(msg tea.Msg) (_ tea.Model, cmd tea.Cmd) {
	defer func() {
		if p := recover(); p != nil {
			cmd = m.crash(page.PanicMsg{Value: p, Stack: debug.Stack()})
		}
	}()
	if m.panicked != nil { // in View, which cannot quit
		return m, tea.Quit
	}
	return m, m.update(msg)
}

func (m *Model) crash(p page.PanicMsg) tea.Cmd {
	m.panicked = &p
	m.ended = m.env.Text.T("ended.panic")
	m.env.Log.Error("console session ended", "user", m.env.Actor.Name, "err", p.Error(), "stack", string(p.Stack))
	return tea.Quit
}

func (m *Model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		m.resize()
		return nil
	case tea.KeyPressMsg:
		m.lastKey = m.env.Now()
		if m.toastEnd.Sub(m.lastKey) < toastShown-toastRead {
			m.toast = page.ToastMsg{}
		}
		return m.key(msg)
	case tea.PasteMsg:
		m.lastKey = m.env.Now()
		return m.top().Update(msg)
	case tickMsg:
		return m.second()
	case page.SnapshotMsg:
		m.asked, m.down = time.Time{}, msg.Err
		if msg.Err == nil {
			m.env.Snap = msg.Snapshot
			if m.boxOf != msg.Snapshot.Revision {
				m.boxOf = msg.Snapshot.Revision
				return tea.Batch(m.broadcast(msg), m.readBox())
			}
		}
	case boxMsg:
		m.env.Box = msg.box
		return nil
	case page.PushMsg:
		return m.push(msg.Page)
	case page.PopMsg:
		return m.pop(msg)
	case page.ToastMsg:
		m.toast, m.toastEnd = msg, m.env.Now().Add(toastShown)
		return nil
	case page.ActorMsg:
		return m.become(msg.Actor)
	case page.PanicMsg:
		return m.crash(msg)
	case page.ConfigMsg:
		return tea.Batch(m.broadcast(msg), m.ask())
	}
	return m.broadcast(msg)
}

// broadcast hands a message to every page that is open.
func (m *Model) broadcast(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for i, p := range m.tabs {
		if m.opened[i] {
			cmds = append(cmds, p.Update(msg))
		}
	}
	for _, p := range m.stack {
		cmds = append(cmds, p.Update(msg))
	}
	return tea.Batch(cmds...)
}

// second is what happens once a second: only the pages that are seen ask.
func (m *Model) second() tea.Cmd {
	now := m.env.Now()
	if now.After(m.toastEnd) {
		m.toast = page.ToastMsg{}
	}
	if m.idle > 0 {
		left := m.idle - now.Sub(m.lastKey)
		if left <= 0 {
			m.ended = m.env.Text.T("ended.idle")
			return tea.Quit
		}
		if left <= warnIdle {
			m.toast = page.ToastMsg{Text: m.env.Text.T("idle.soon", m.env.Text.Ago(left)), Bad: true}
			m.toastEnd = now.Add(2 * refresh)
		}
	}
	cmds := []tea.Cmd{m.ask(), m.tick()}
	if len(m.stack) == 0 {
		cmds = append(cmds, m.top().Update(page.TickMsg{}))
	}
	return tea.Batch(cmds...)
}

func (m *Model) push(p page.Page) tea.Cmd {
	m.stack = append(m.stack, p)
	m.resize()
	return p.Init()
}

func (m *Model) pop(msg page.PopMsg) tea.Cmd {
	n := max(min(msg.N, len(m.stack)), 0)
	if len(m.tabs) == 0 { // setup stays
		n = 0
	}
	m.stack = m.stack[:len(m.stack)-n]
	m.resize()
	return tea.Batch(m.top().Update(page.ShownMsg{}), msg.Then)
}

// become takes another actor: the one setup made, or the same in another language.
func (m *Model) become(a control.Actor) tea.Cmd {
	first := len(m.tabs) == 0
	m.env.Actor, m.env.Text = a, text.New(a.Language).In(m.env.Now().Location())
	m.stack = nil
	if !first {
		m.toast, m.toastEnd = page.ToastMsg{Text: m.env.Text.T("users.language_set")}, m.env.Now().Add(toastShown)
		m.resize()
		return m.top().Update(page.ShownMsg{})
	}
	m.open()
	return tea.Batch(m.show(0), m.ask())
}

// typing reports whether the page on top takes the keys for itself, and whether
// letters are text to it.
func (m *Model) typing() (typing, writing bool) {
	t, ok := m.top().(page.Typing)
	typing = ok && t.Typing()
	if w, ok := m.top().(page.Writing); ok {
		return typing, typing && w.Writing()
	}
	return typing, typing
}

// globals are the keys that the root answers on the page on top.
func (m *Model) globals() []keymap.ID {
	typing, _ := m.typing()
	switch {
	case typing:
		return []keymap.ID{keymap.Help, keymap.Quit}
	case len(m.stack) > 0:
		return []keymap.ID{keymap.Back, keymap.Help, keymap.Quit}
	}
	return []keymap.ID{keymap.Tabs, keymap.NextTab, keymap.PrevTab, keymap.Help, keymap.Quit}
}

func (m *Model) key(k tea.KeyPressMsg) tea.Cmd {
	top := m.top()
	typing, writing := m.typing()
	ours := k.String() == "ctrl+c" || k.String() == "f1" || k.String() == "?" && !writing
	if typing && !ours {
		return top.Update(k)
	}
	switch id := keymap.Match(k, m.globals()...); {
	case id == keymap.Quit:
		return m.quit()
	case id == keymap.Help:
		if _, is := top.(*help.Page); is {
			return page.Pop(1)
		}
		return m.push(&help.Page{Env: m.env, Of: top.Title(), Listed: top.Keys(), Everywhere: m.globals(), Typing: typing, Writing: writing})
	case id == keymap.Back:
		return m.pop(page.PopMsg{N: 1})
	case id == keymap.Tabs:
		return m.show(int(k.String()[0]-'1') % len(m.tabs))
	case id == keymap.NextTab:
		return m.show((m.tab + 1) % len(m.tabs))
	case id == keymap.PrevTab:
		return m.show((m.tab + len(m.tabs) - 1) % len(m.tabs))
	}
	return top.Update(k)
}

// quit ends the session; it asks first when something would be lost.
func (m *Model) quit() tea.Cmd {
	pages := append([]page.Page{}, m.stack...)
	if len(m.tabs) > 0 {
		pages = append(pages, m.tabs[m.tab])
	}
	for _, p := range pages {
		if d, ok := p.(page.Dirty); ok && d.Dirty() {
			return m.push(&ask.Confirm{Env: m.env, Head: m.env.Text.T("quit.ask"), Lines: []string{m.env.Text.T("edit.discard.what")}, Yes: tea.Quit})
		}
	}
	return tea.Quit
}
