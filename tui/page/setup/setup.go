// Package setup owns the page that a new box shows first: it spends the one-time code
// to create the first administrator.
package setup

import (
	"context"
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/page/users"
	"sigma/tui/part"
)

// New returns the page. code is what the user gave as the password, if anything.
func New(e *page.Env, code string) page.Page {
	name, a, b := "admin", "", ""
	f := &users.Form{Env: e, Head: e.Text.T("setup.title"), Lines: []string{e.Text.T("setup.hello"), e.Text.T("setup.keys")}, Keep: true}
	f.Form.SetFields(f.Line("code", part.Text, &code), f.Line("admin", part.Text, &name),
		f.Line("password", part.Secret, &a), f.Line("again", part.Secret, &b), f.Button("setup.create"))
	if code != "" {
		f.Form.Focus(1)
	}
	via, remote := e.Actor.Via, e.Actor.Remote
	f.Do = func() (func(context.Context, page.Service, control.Actor) (tea.Msg, error), error) {
		switch {
		case strings.TrimSpace(code) == "":
			return nil, errors.New(e.Text.T("setup.no_code"))
		case strings.TrimSpace(name) == "":
			return nil, errors.New(e.Text.T("setup.no_name"))
		}
		if err := users.SamePassword(e, a, b); err != nil {
			return nil, err
		}
		code, name, password := strings.TrimSpace(code), strings.TrimSpace(name), a
		return func(ctx context.Context, s page.Service, _ control.Actor) (tea.Msg, error) {
			actor, err := s.Setup(ctx, code, name, password, via, remote)
			switch {
			case errors.Is(err, control.ErrCredentials):
				err = errors.New(e.Text.T("setup.wrong_code"))
			case errors.Is(err, control.ErrLocked):
				err = errors.New(e.Text.T("setup.spent"))
			}
			return page.ActorMsg{Actor: actor}, err
		}, nil
	}
	return f
}
