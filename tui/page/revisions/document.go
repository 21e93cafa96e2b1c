package revisions

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/page/edit"
	"sigma/tui/part"
	"sigma/tui/text"
)

// document is a page of lines made from what is fetched once.
type document struct {
	env    *page.Env
	title  string
	fetch  func(ctx context.Context, s page.Service, a control.Actor) (draw, error)
	draw   draw
	scroll part.Scroll
	w, h   int
}

// draw makes lines of at most w cells.
type draw func(w int) []string

type documentReadMsg struct {
	owner *document
	draw  draw
	err   error
}

func (p *document) Init() tea.Cmd {
	return p.env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		d, err := p.fetch(ctx, s, a)
		return documentReadMsg{p, d, err}
	})
}

func (p *document) SetSize(w, h int) { p.w, p.h = w, h }
func (p *document) Title() string    { return p.title }
func (p *document) Keys() []page.Key { return p.env.Lists() }

func (p *document) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case documentReadMsg:
		if msg.owner != p {
			return nil
		}
		p.draw = msg.draw
		if msg.err != nil {
			p.draw = func(w int) []string {
				return part.Paragraph("! "+p.env.ErrorText(msg.err), w-1, 1, p.env.Theme.Bad)
			}
		}
	case tea.KeyPressMsg:
		id, cmd := p.env.Match(msg, p.Keys())
		if p.draw != nil {
			p.scroll.Move(id, len(p.draw(p.w)), p.h)
		}
		return cmd
	}
	return nil
}

func (p *document) View() string {
	if p.draw == nil {
		return " " + p.env.Text.T("loading")
	}
	return strings.Join(p.scroll.Cut(p.draw(p.w), p.h, p.env.More()), "\n")
}

func newDiff(e *page.Env, from, to int64) *document {
	p := &document{env: e, title: e.Text.T("revisions.diff", from, to)}
	p.fetch = func(ctx context.Context, s page.Service, a control.Actor) (draw, error) {
		changes, err := s.Diff(ctx, a, from, to)
		return func(w int) []string {
			lines := []string{" " + e.Theme.Title.Render(p.title)}
			if len(changes) == 0 {
				lines = append(lines, "   "+e.Text.T("plan.nothing"))
			}
			return append(lines, edit.Changes(e, changes, w)...)
		}, err
	}
	return p
}

// newText shows a whole revision.
func newText(e *page.Env, id int64) *document {
	return &document{env: e, title: e.Text.T("revisions.text", id),
		fetch: func(ctx context.Context, s page.Service, a control.Actor) (draw, error) {
			b, err := s.RevisionText(ctx, a, id)
			lines := clean(strings.Split(strings.TrimRight(string(b), "\n"), "\n"))
			return func(int) []string { return lines }, err
		}}
}

// clean makes the lines of a document safe to show.
func clean(lines []string) []string {
	for i := range lines {
		indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
		lines[i] = strings.Repeat(" ", indent+1) + text.Clean(lines[i][indent:])
	}
	return lines
}
