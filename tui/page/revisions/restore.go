package revisions

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/page/edit"
)

// restorer reads a revision and becomes the plan that puts it on top.
type restorer struct {
	Env      *page.Env
	revision control.Revision
	plan     *edit.Plan
	w, h     int
}

type documentMsg struct {
	owner  *restorer
	config control.Config
	err    error
}

func (p *restorer) Init() tea.Cmd {
	id := p.revision.ID
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		_, c, err := s.Revision(ctx, a, id)
		return documentMsg{p, c, err}
	})
}

func (p *restorer) SetSize(w, h int) {
	p.w, p.h = w, h
	if p.plan != nil {
		p.plan.SetSize(w, h)
	}
}

func (p *restorer) Title() string { return p.Env.Text.T("revisions.restore", p.revision.ID) }
func (p *restorer) Typing() bool  { return p.plan != nil }
func (p *restorer) Writing() bool { return p.plan != nil && p.plan.Writing() }

func (p *restorer) Keys() []page.Key {
	if p.plan == nil {
		return nil
	}
	return p.plan.Keys()
}

func (p *restorer) Update(msg tea.Msg) tea.Cmd {
	m, ok := msg.(documentMsg)
	switch {
	case ok && m.owner == p && m.err != nil:
		return page.Pop(1, page.Toast(p.Env.ErrorText(m.err), true))
	case ok && m.owner == p:
		p.plan = &edit.Plan{Env: p.Env, Change: edit.Change{
			Title: p.Title(), Seen: control.Revision{ID: p.Env.Snap.Revision},
			Apply: func(control.Config) control.Config { return m.config },
			Commit: func(ctx context.Context, s page.Service, a control.Actor, comment string) (control.Revision, error) {
				return s.Restore(ctx, a, p.revision.ID, comment)
			},
		}}
		p.plan.SetSize(p.w, p.h)
		return p.plan.Init()
	case p.plan != nil:
		return p.plan.Update(msg)
	}
	return nil
}

func (p *restorer) View() string {
	if p.plan == nil {
		return " " + p.Env.Text.T("loading")
	}
	return p.plan.View()
}
