package edit

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
)

// Change is an edit of the configuration that can be put on top of whatever the
// configuration has become.
type Change struct {
	Title string
	// Apply returns c with the edit in it. It must not write into what c shares.
	Apply func(c control.Config) control.Config
	// Touches returns what the edit replaces, to see whether someone else changed it.
	Touches func(c control.Config) any
	Seen    control.Revision // the edit was made while looking at this revision
	Before  any              // Touches of that revision
	// Commit, when set, is used in place of committing what Apply returned.
	Commit func(ctx context.Context, s page.Service, a control.Actor, comment string) (control.Revision, error)
	// Refused, when set, gets the fields that the box refuses, to mark them in the form.
	Refused func(control.FieldErrors)
	Channel string // the channel the edit is about, if one
	Close   int    // pages below the plan to close once it is committed
}

// Plan shows what a change would do and commits it.
type Plan struct {
	Env    *page.Env
	Change Change

	form    part.Form
	scroll  part.Scroll
	base    control.Revision
	config  control.Config
	plan    *control.Plan
	err     error
	working bool
	comment string
	w, h    int
}

type plannedMsg struct {
	owner *Plan
	base  control.Revision
	next  control.Config
	plan  control.Plan
	both  bool // someone else changed what the edit replaces
	err   error
}

type committedMsg struct {
	owner    *Plan
	revision control.Revision
	err      error
}

// Init implements page.Page: it puts the change on the newest configuration.
func (p *Plan) Init() tea.Cmd {
	p.form.Theme = p.Env.Theme
	p.fields()
	change := p.Change
	p.working = true
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		m := plannedMsg{owner: p}
		var now control.Config
		if m.base, now, m.err = s.Config(ctx, a); m.err != nil {
			return m
		}
		if change.Touches != nil && change.Seen.ID != m.base.ID {
			m.both = !reflect.DeepEqual(change.Touches(now), change.Before)
		}
		m.next = change.Apply(now)
		m.plan, m.err = s.Propose(ctx, a, m.base.ID, m.next)
		return m
	})
}

func (p *Plan) fields() {
	t := p.Env.Text
	p.form.SetFields(
		part.Field{Label: t.T("plan.comment"), Help: t.T("plan.comment.help"), Kind: part.Text, Value: p.comment,
			Set: func(s string) error { p.comment = s; return nil }},
		part.Field{Label: t.T("plan.commit"), Kind: part.Button, Do: p.commit},
	)
}

// SetSize implements page.Page.
func (p *Plan) SetSize(w, h int) { p.w, p.h = w, h; p.form.SetSize(w, 4) }

// Title implements page.Page.
func (p *Plan) Title() string { return p.Change.Title }

// Typing implements page.Typing.
func (p *Plan) Typing() bool { return true }

// Writing implements page.Writing.
func (p *Plan) Writing() bool { return p.form.Writing() }

// Keys implements page.Page.
func (p *Plan) Keys() []page.Key {
	off := ""
	switch {
	case p.working:
		off = p.Env.Text.T("plan.working")
	case p.plan == nil:
		off = p.Env.Text.T("plan.cannot")
	case len(p.plan.Changes) == 0:
		off = p.Env.Text.T("plan.nothing")
	}
	return []page.Key{p.Env.Key(keymap.Commit, off), {ID: keymap.Back}, {ID: keymap.NextField}, {ID: keymap.PageUp}, {ID: keymap.PageDown}}
}

func (p *Plan) commit() tea.Cmd {
	if k := p.Keys()[0]; k.Off != "" {
		return page.Toast(k.Off, true)
	}
	p.working = true
	base, next, comment := p.base.ID, p.config, p.comment
	own := p.Change.Commit
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		if own != nil {
			r, err := own(ctx, s, a, comment)
			return committedMsg{p, r, err}
		}
		r, err := s.Commit(ctx, a, base, next, comment)
		return committedMsg{p, r, err}
	})
}

// Update implements page.Page.
func (p *Plan) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case plannedMsg:
		if msg.owner == p {
			p.planned(msg)
		}
	case committedMsg:
		if msg.owner == p {
			return p.committed(msg)
		}
	case tea.PasteMsg:
		p.form.Paste(msg.Content)
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *Plan) planned(msg plannedMsg) {
	p.working, p.err, p.plan = false, msg.err, nil
	p.base, p.config = msg.base, msg.next
	var fields control.FieldErrors
	if errors.As(msg.err, &fields) && p.Change.Refused != nil {
		p.Change.Refused(fields)
	}
	if msg.err == nil {
		p.plan = &msg.plan
		if msg.both {
			p.plan.Warnings = append([]string{p.Env.Text.T("plan.both")}, p.plan.Warnings...)
		}
	}
	p.form.Focus(0)
}

func (p *Plan) committed(msg committedMsg) tea.Cmd {
	p.working = false
	switch {
	case errors.Is(msg.err, control.ErrConflict):
		// The draft stays; it is put on what the other one committed.
		return tea.Batch(p.Init(), page.Toast(p.Env.Text.T("plan.conflict"), true))
	case msg.err != nil:
		p.err = msg.err
		return nil
	}
	return page.Pop(1+p.Change.Close,
		page.Toast(p.Env.Text.T("plan.done", msg.revision.ID), false),
		func() tea.Msg { return page.ConfigMsg{Revision: msg.revision, Channel: p.Change.Channel} })
}

func (p *Plan) key(k tea.KeyPressMsg) tea.Cmd {
	switch id := keymap.Match(k, keymap.Commit, keymap.Back, keymap.PageUp, keymap.PageDown); id {
	case keymap.Commit:
		return p.commit()
	case keymap.Back:
		return page.Pop(1)
	case keymap.PageUp, keymap.PageDown:
		p.scroll.Move(id, len(p.lines()), p.h-4)
		return nil
	}
	cmd, _ := p.form.Key(k)
	return cmd
}

// View implements page.Page.
func (p *Plan) View() string {
	lines := p.scroll.Cut(p.lines(), p.h-4, p.Env.More())
	for len(lines) < p.h-4 {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, p.form.View()), "\n")
}

func (p *Plan) lines() []string {
	e := p.Env
	var out []string
	head := func(key string) {
		out = append(out, "", " "+e.Theme.Title.Render(e.Text.T(key)))
	}
	if p.base.ID != 0 && p.base.ID != p.Change.Seen.ID {
		out = append(out, part.Paragraph(e.Text.T("plan.moved", p.base.ID, p.base.Actor, e.Text.DateTime(p.base.At)), p.w-1, 1, e.Theme.Warn)...)
	}
	var fields control.FieldErrors
	switch {
	case p.working:
		return append(out, " "+e.Text.T("plan.working"))
	case errors.As(p.err, &fields):
		head("plan.invalid")
		for _, f := range fields {
			out = append(out, part.Paragraph("! "+e.FieldText(f), p.w-1, 3, e.Theme.Bad)...)
		}
		return out
	case p.err != nil:
		head("plan.failed")
		return append(out, part.Paragraph("! "+e.ErrorText(p.err), p.w-1, 3, e.Theme.Bad)...)
	case p.plan == nil:
		return out
	}
	head("plan.changes")
	if len(p.plan.Changes) == 0 {
		out = append(out, "   "+e.Text.T("plan.nothing"))
	}
	out = append(out, Changes(e, p.plan.Changes, p.w)...)
	head("plan.interrupts")
	if len(p.plan.Interrupts) == 0 {
		out = append(out, "   "+e.Theme.Good.Render(e.Text.T("plan.quiet")))
	}
	for _, s := range p.plan.Interrupts {
		out = append(out, part.Paragraph("! "+e.Text.Said(s), p.w-1, 3, e.Theme.Warn)...)
	}
	warnings, others := p.warnings()
	if len(warnings)+others > 0 {
		head("plan.warnings")
	}
	for _, s := range warnings {
		out = append(out, part.Paragraph("! "+e.Text.Said(s), p.w-1, 3, e.Theme.Warn)...)
	}
	if others > 0 {
		out = append(out, part.Paragraph(e.Text.N("plan.others", others), p.w-1, 3, e.Theme.Dim)...)
	}
	return out
}

// warnings are those of what the change touches, and how many there are of channels
// that it leaves alone: these were there before and are no news in every review.
func (p *Plan) warnings() (own []string, others int) {
	for _, s := range p.plan.Warnings {
		at, _, _ := strings.Cut(s, "]")
		if strings.HasPrefix(at, "channels[") && !slices.ContainsFunc(p.plan.Changes, func(c control.Change) bool { return strings.HasPrefix(c.Path, at+"]") }) {
			others++
			continue
		}
		own = append(own, s)
	}
	return own, others
}

// Changes draws differences of two configurations, one paragraph each.
func Changes(e *page.Env, changes []control.Change, w int) []string {
	var out []string
	for _, c := range changes {
		mark, style, kind := "~", e.Theme.Warn, c.Kind
		switch { // a value where there was none, or none where there was one
		case kind == "changed" && c.Old == "" && c.New != "":
			kind = "set"
		case kind == "changed" && c.Old != "" && c.New == "":
			kind = "emptied"
		}
		switch kind {
		case "added", "set":
			mark, style = "+", e.Theme.Good
		case "removed", "emptied":
			mark, style = "-", e.Theme.Bad
		}
		s := mark + " " + e.Text.T("change."+kind) + " " + e.Text.Place(c.Path)
		old, now := e.Text.Value(c.Path, c.Kind, c.Old), e.Text.Value(c.Path, c.Kind, c.New)
		switch {
		case old != "" && now != "":
			s += "  " + old + " " + e.Theme.Arrow + " " + now
		case old+now != "":
			s += "  " + old + now
		}
		out = append(out, part.Paragraph(s, w-1, 3, style)...)
	}
	return out
}
