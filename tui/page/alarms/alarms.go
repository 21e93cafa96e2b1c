// Package alarms owns the page of raised and past alarms.
package alarms

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
	"sigma/tui/text"
)

// historyLimit is how many past alarms are shown.
const historyLimit = 200

// Page lists alarms and explains the selected one.
type Page struct {
	Env     *page.Env
	list    part.List
	past    bool
	rows    []control.Alarm
	err     string
	ready   bool
	waiting bool
	w, h    int
}

type rowsMsg struct {
	past bool
	rows []control.Alarm
	err  error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd { return p.load() }

func (p *Page) load() tea.Cmd {
	if p.waiting {
		return nil
	}
	p.waiting = true
	past := p.past
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		m := rowsMsg{past: past}
		if past {
			m.rows, m.err = s.AlarmHistory(ctx, a, historyLimit)
			m.rows = slices.DeleteFunc(m.rows, func(a control.Alarm) bool { return a.Cleared.IsZero() }) // those still raised are on the other list
		} else {
			m.rows, m.err = s.Alarms(ctx, a)
		}
		return m
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.alarms") }

func (p *Page) selected() *control.Alarm {
	if p.list.Cursor < len(p.rows) {
		return &p.rows[p.list.Cursor]
	}
	return nil
}

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	off := ""
	switch a := p.selected(); {
	case a == nil:
		off = p.Env.Text.T("alarms.none")
	case a.AckedBy != "":
		off = p.Env.Text.T("alarms.acked", text.Clean(a.AckedBy))
	case !a.Cleared.IsZero():
		off = p.Env.Text.T("alarms.over")
	}
	all := ""
	if len(p.unacked()) == 0 {
		all = p.Env.Text.T("alarms.none_unacked")
	}
	return append([]page.Key{p.Env.Key(keymap.Ack, off), p.Env.Key(keymap.AckAll, all), {ID: keymap.History}}, p.Env.Lists()...)
}

func (p *Page) unacked() []int64 {
	var ids []int64
	for _, a := range p.rows {
		if a.AckedBy == "" && a.Cleared.IsZero() {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case page.TickMsg:
		return p.load()
	case rowsMsg:
		p.waiting = false
		if msg.past != p.past {
			return p.load()
		}
		p.ready, p.err = true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.take(msg.rows)
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

// take keeps the cursor on its alarm.
func (p *Page) take(rows []control.Alarm) {
	at := int64(-1)
	if a := p.selected(); a != nil {
		at = a.ID
	}
	p.rows = rows
	for i, a := range rows {
		if a.ID == at {
			p.list.Cursor = i
		}
	}
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil {
		return cmd
	}
	switch id {
	case keymap.Ack:
		return p.ack([]int64{p.selected().ID})
	case keymap.AckAll:
		return p.ack(p.unacked())
	case keymap.History:
		p.past, p.rows, p.ready, p.waiting = !p.past, nil, false, false
		return p.load()
	}
	p.list.Move(id, len(p.rows), p.rowsShown())
	return nil
}

func (p *Page) ack(ids []int64) tea.Cmd {
	return p.Env.Act(p.Env.Text.N("alarms.ack_done", len(ids)), func(ctx context.Context, s page.Service, a control.Actor) error {
		for _, id := range ids {
			if err := s.AckAlarm(ctx, a, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *Page) rowsShown() int { return max(p.h-11, 3) }

// View implements page.Page.
func (p *Page) View() string {
	t, s := p.Env.Theme, p.Env.Text
	head := s.N("alarms.raised", len(p.rows))
	if p.past {
		head = s.N("alarms.past", len(p.rows))
	}
	lines := []string{" " + t.Title.Render(head)}
	switch {
	case p.err != "":
		return strings.Join(append(lines, part.Paragraph("! "+p.err, p.w-1, 2, t.Bad)...), "\n")
	case !p.ready:
		return strings.Join(append(lines, "  "+s.T("loading")), "\n")
	case len(p.rows) == 0:
		return strings.Join(append(lines, "", "  "+t.Good.Render(s.T("alarms.quiet"))), "\n")
	}
	table := part.Table{Theme: t, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.severity"), Width: 13}, {Title: s.T("col.since"), Width: 10}, {Title: s.T("col.object"), Width: 18},
		{Title: s.T("col.alarm"), Grow: true}, {Title: s.T("col.ack"), Width: 10},
	}}
	if p.past { // who took it stands below
		table.Columns = slices.Insert(table.Columns[:4], 2, part.Column{Title: s.T("col.until"), Width: 10})
	}
	lines = append(lines, table.Body(&p.list, len(p.rows), p.rowsShown()+1, func(i int) []part.Cell { return p.row(&p.rows[i]) })...)
	return strings.Join(append(lines, p.detail()...), "\n")
}

func (p *Page) row(a *control.Alarm) []part.Cell {
	word, style := p.Env.Severity(a.Severity)
	title, _, _ := p.Env.AlarmText(a.Code)
	s, now := p.Env.Text, p.Env.Now()
	severity, since := part.Cell{Text: word, Style: style}, part.Cell{Text: s.Moment(a.Raised, now)}
	object, alarm := part.Cell{Text: s.Place(a.Object)}, part.Cell{Text: title}
	if p.past {
		return []part.Cell{severity, since, {Text: s.Moment(a.Cleared, now)}, object, alarm}
	}
	acked := a.AckedBy
	if acked == "" {
		acked = "-"
	}
	return []part.Cell{severity, since, object, alarm, {Text: acked}}
}

// detail explains the selected alarm.
func (p *Page) detail() []string {
	a := p.selected()
	if a == nil {
		return nil
	}
	t, s := p.Env.Theme, p.Env.Text
	title, cause, remedy := p.Env.AlarmText(a.Code)
	when := s.T("alarms.since", s.DateTime(a.Raised))
	if !a.Cleared.IsZero() {
		when = s.T("alarms.from_to", s.DateTime(a.Raised), s.DateTime(a.Cleared))
	}
	out := []string{t.Dim.Render(strings.Repeat(t.Rule, p.w))}
	out = append(out, part.Paragraph(title+" ("+string(a.Code)+", "+s.Place(a.Object)+")", p.w-1, 1, t.Title)...)
	out = append(out, " "+t.Dim.Render(when))
	if a.AckedBy != "" {
		out = append(out, " "+t.Dim.Render(s.T("alarms.acked_at", text.Clean(a.AckedBy), s.DateTime(a.Acked))))
	}
	for _, d := range [][2]string{{"alarms.seen", s.Said(a.Detail)}, {"alarms.cause", cause}, {"alarms.remedy", remedy}} {
		if d[1] != "" {
			out = append(out, part.Paragraph(s.T(d[0])+": "+d[1], p.w-1, 1, t.Dim.UnsetForeground())...)
		}
	}
	return out
}
