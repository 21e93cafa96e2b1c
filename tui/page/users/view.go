package users

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"sigma/tui/keymap"
	"sigma/tui/part"
	"sigma/tui/text"
)

func (p *Page) rowsShown() int { return max(p.h-10, 3) }

// View implements page.Page.
func (p *Page) View() string {
	t, s, a := p.Env.Theme, p.Env.Text, p.Env.Actor
	lines := []string{
		" " + t.Title.Render(s.T("users.you", text.Clean(a.Name), s.T("role."+a.Role.String()))),
		" " + s.T("users.own", t.Key.Render(keymap.Of(keymap.Password).Show), t.Key.Render(keymap.Of(keymap.Language).Show), s.T("language."+s.Language())),
		"",
	}
	switch {
	case a.Role < keymap.Admin:
		return strings.Join(append(lines, part.Paragraph(s.T("users.admins"), p.w-1, 1, t.Dim)...), "\n")
	case p.err != "":
		return strings.Join(append(lines, part.Paragraph("! "+p.err, p.w-1, 1, t.Bad)...), "\n")
	case !p.ready:
		return strings.Join(append(lines, " "+s.T("loading")), "\n")
	}
	if p.secret != "" {
		lines = append(lines, part.Paragraph(s.T("tokens.secret"), p.w-1, 1, t.Warn)...)
		lines = append(lines, "   "+t.Title.Render(text.Clean(p.secret)), "")
	}
	n := len(p.users) + len(p.tokens)
	from, to := p.list.Window(n, p.rowsShown())
	users, tokens := p.tables()
	if from < len(p.users) {
		lines = append(lines, " "+t.Title.Render(s.N("users.count", len(p.users))), users.Head())
	}
	for i := from; i < to; i++ {
		if i == max(from, len(p.users)) {
			lines = append(lines, "", " "+t.Title.Render(s.N("tokens.count", len(p.tokens))), tokens.Head())
		}
		if i < len(p.users) {
			lines = append(lines, users.Row(p.userRow(i), i == p.list.Cursor))
			continue
		}
		lines = append(lines, tokens.Row(p.tokenRow(i-len(p.users)), i == p.list.Cursor))
	}
	if len(p.tokens) == 0 {
		lines = append(lines, "", " "+t.Title.Render(s.N("tokens.count", 0)), "   "+t.Dim.Render(s.T("tokens.none", keymap.Of(keymap.AddToken).Show)))
	}
	return strings.Join(lines, "\n")
}

func (p *Page) tables() (users, tokens part.Table) {
	s := p.Env.Text
	users = part.Table{Theme: p.Env.Theme, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.user"), Grow: true}, {Title: s.T("col.role"), Width: 14}, {Title: s.T("col.language"), Width: 10},
		{Title: s.T("col.password"), Width: 8}, {Title: s.T("col.keys"), Width: 4, Right: true}, {Title: s.T("col.last"), Width: 24},
	}}
	tokens = part.Table{Theme: p.Env.Theme, Width: p.w, Columns: []part.Column{
		{Title: s.T("col.token"), Grow: true}, {Title: s.T("col.role"), Width: 14}, {Title: s.T("col.by"), Width: 10},
		{Title: s.T("col.expires"), Width: 19}, {Title: s.T("col.used"), Width: 19},
	}}
	return users, tokens
}

func (p *Page) userRow(i int) []part.Cell {
	t, s, u := p.Env.Theme, p.Env.Text, p.users[i]
	last, style := s.DateTime(u.LastLogin), lipgloss.NewStyle()
	if u.Locked.After(p.Env.Now()) {
		last, style = t.Cross+" "+s.T("users.locked", s.Clock(u.Locked)), t.Bad
	}
	language := "-"
	if u.Language != "" {
		language = s.T("language." + u.Language)
	}
	has := s.T("no")
	if u.Password {
		has = s.T("yes")
	}
	return []part.Cell{{Text: u.Name, Style: t.Title}, {Text: s.T("role." + u.Role.String())}, {Text: language},
		{Text: has}, {Text: fmt.Sprint(len(u.Keys))}, {Text: last, Style: style}}
}

func (p *Page) tokenRow(i int) []part.Cell {
	s, k := p.Env.Text, p.tokens[i]
	expires := s.T("tokens.forever")
	if !k.Expires.IsZero() {
		expires = s.DateTime(k.Expires)
	}
	return []part.Cell{{Text: k.Name, Style: p.Env.Theme.Title}, {Text: s.T("role." + k.Role.String())}, {Text: k.By}, {Text: expires}, {Text: s.DateTime(k.Used)}}
}
