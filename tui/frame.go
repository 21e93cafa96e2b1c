package tui

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/text"
)

// frameLines are the lines around a page: tabs and a rule above, hints and the status
// bar below.
const frameLines = 4

// The smallest terminal that is drawn at all.
const minWidth, minHeight = 60, 16

// View implements tea.Model.
func (m *Model) View() (v tea.View) {
	defer func() {
		if p := recover(); p != nil {
			m.crash(page.PanicMsg{Value: p, Stack: debug.Stack()})
			v = tea.NewView(m.ended)
		}
	}()
	v = tea.NewView(m.Text())
	v.AltScreen = true
	return v
}

// Text returns the whole screen as lines with styles in them.
func (m *Model) Text() string {
	if m.panicked != nil {
		return m.ended
	}
	s := m.screen()
	if !m.env.Theme.Letters {
		s = text.ASCII(s)
	}
	return s
}

func (m *Model) screen() string {
	if m.w < minWidth || m.h < minHeight {
		lines := text.Wrap(m.env.Text.T("frame.small", minWidth, minHeight, m.w, m.h), m.w)
		return strings.Join(lines[:min(len(lines), max(m.h, 1))], "\n")
	}
	height := m.h - frameLines
	body := strings.Split(m.top().View(), "\n")
	lines := make([]string, 0, m.h)
	lines = append(lines, m.head(), m.env.Theme.Dim.Render(strings.Repeat(m.env.Theme.Rule, m.w)))
	for i := range height {
		if i < len(body) {
			lines = append(lines, ansi.TruncateWc(body[i], m.w, ""))
		} else {
			lines = append(lines, "")
		}
	}
	lines = append(lines, ansi.TruncateWc(m.hints(), m.w, ""), m.status())
	return strings.Join(lines, "\n")
}

// head is the line of tabs, or the way to the page on top.
func (m *Model) head() string {
	t := m.env.Theme
	if len(m.tabs) == 0 {
		return " " + t.Title.Render(m.top().Title())
	}
	var b strings.Builder
	if len(m.stack) > 0 {
		b.WriteString(" " + m.tabs[m.tab].Title())
		for _, p := range m.stack {
			b.WriteString(" " + t.Right + " " + text.Clean(p.Title()))
		}
		return ansi.TruncateWc(t.Title.Render(b.String()), m.w, "")
	}
	for i, p := range m.tabs {
		s := strconv.Itoa(i+1) + " " + p.Title()
		if i == m.tab {
			// The brackets say it where the terminal underlines nothing.
			b.WriteString("[" + t.Tab.Render(s) + "]")
			continue
		}
		b.WriteString(" " + s + " ")
	}
	return ansi.TruncateWc(b.String(), m.w, "")
}

// hints is a message, or the keys that matter most here.
func (m *Model) hints() string {
	t, s := m.env.Theme, m.env.Text
	if m.toast.Text != "" {
		mark, style := t.Dot, t.Good
		if m.toast.Bad {
			mark, style = "!", t.Warn
		}
		return " " + style.Render(mark+" "+m.toast.Text)
	}
	typing, writing := m.typing()
	var b strings.Builder
	add := func(id keymap.ID) bool {
		k := keymap.Of(id)
		show := k.Show
		if id == keymap.Help && writing {
			show = keymap.Names(id, true)[0]
		}
		part := " " + t.Key.Render(show) + " " + t.Dim.Render(s.T(k.Text+".short")) + " "
		if lipgloss.Width(b.String())+lipgloss.Width(part) > m.w {
			return false
		}
		b.WriteString(part)
		return true
	}
	add(keymap.Help)
	if len(m.stack) > 0 && !typing {
		add(keymap.Back)
	}
	for _, k := range m.top().Keys() {
		if k.Off == "" && !add(k.ID) {
			break
		}
	}
	return b.String()
}

// status is the last line: the box on the left, the session on the right.
func (m *Model) status() string {
	e, s := m.env, m.env.Text
	left := " " + text.Clean(e.Box.Name)
	if e.Snap.Revision != 0 {
		left += "  " + s.T("status.revision", e.Snap.Revision)
	}
	a := e.Snap.Alarms
	if n := a.Critical + a.Major + a.Minor + a.Warning; n > 0 {
		left += "  " + e.Theme.Cross + " " + s.N("status.alarms", n)
		var of []string
		for _, c := range []struct {
			key string
			n   int
		}{{"status.critical", a.Critical}, {"status.major", a.Major}, {"status.new", a.Unacknowledged}} {
			if c.n > 0 {
				of = append(of, s.T(c.key, s.Int(int64(c.n))))
			}
		}
		if len(of) > 0 {
			left += " (" + strings.Join(of, ", ") + ")"
		}
	} else if !e.Snap.At.IsZero() {
		left += "  " + s.T("status.no_alarms")
	}
	right := m.link() + " " + s.Clock(e.Now()) + " "
	if e.Actor.Name != "" {
		right = text.Clean(e.Actor.Name) + " (" + s.T("role."+e.Actor.Role.String()) + ")  " + right
	}
	gap := m.w - text.Width(left) - text.Width(right)
	if gap < 1 {
		left = text.Fit(left, max(m.w-text.Width(right)-1, 0))
		gap = 1
	}
	return e.Theme.Bar.Render(ansi.TruncateWc(left+strings.Repeat(" ", gap)+right, m.w, ""))
}

// link says whether the box answers.
func (m *Model) link() string {
	e := m.env
	switch {
	case m.down != nil:
		return "! " + e.Text.T("status.down")
	case !m.asked.IsZero() && e.Now().Sub(m.asked) > slow:
		return "! " + e.Text.T("status.slow", e.Text.Ago(e.Now().Sub(m.asked)))
	}
	return fmt.Sprintf("%s %s", e.Theme.Dot, via(e))
}

func via(e *page.Env) string {
	if e.Actor.Via == "" {
		return e.Text.T("via.console")
	}
	return e.Text.T("via." + e.Actor.Via)
}
