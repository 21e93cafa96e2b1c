// Package users owns the page of operators, their keys and the tokens of programs,
// and of one's own password and language.
package users

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/page/ask"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Page lists users, then tokens, in one list.
type Page struct {
	Env    *page.Env
	list   part.List
	users  []control.User
	tokens []control.Token
	ready  bool
	err    string
	secret string // of the token just made, shown until the page is left
	w, h   int
}

type rowsMsg struct {
	users  []control.User
	tokens []control.Token
	err    error
}

type tokenMsg struct {
	secret string
	err    error
}

// Init implements page.Page.
func (p *Page) Init() tea.Cmd { return p.load() }

func (p *Page) load() tea.Cmd {
	if p.Env.Actor.Role < keymap.Admin {
		return nil
	}
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		var m rowsMsg
		if m.users, m.err = s.Users(ctx, a); m.err == nil {
			m.tokens, m.err = s.Tokens(ctx, a)
		}
		return m
	})
}

// SetSize implements page.Page.
func (p *Page) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Page) Title() string { return p.Env.Text.T("tab.users") }

func (p *Page) user() *control.User {
	if p.list.Cursor < len(p.users) {
		return &p.users[p.list.Cursor]
	}
	return nil
}

func (p *Page) token() *control.Token {
	if i := p.list.Cursor - len(p.users); i >= 0 && i < len(p.tokens) {
		return &p.tokens[i]
	}
	return nil
}

// Keys implements page.Page.
func (p *Page) Keys() []page.Key {
	e, s := p.Env, p.Env.Text
	account := ""
	if !e.Actor.Account() {
		account = s.T("users.no_account")
	}
	keys := []page.Key{{ID: keymap.Password, Off: account}, {ID: keymap.Language}}
	user, locked, keyed, del := "", "", "", ""
	u := p.user()
	switch {
	case u == nil:
		user = s.T("users.pick")
	case len(u.Keys) == 0:
		keyed = s.T("users.no_keys")
	}
	if u != nil && !u.Locked.After(e.Now()) {
		locked = s.T("users.not_locked")
	}
	if u != nil && u.Name == e.Actor.Name {
		del = s.T("users.self")
	}
	if u == nil && p.token() == nil {
		del = s.T("users.pick")
	}
	keys = append(keys, e.Key(keymap.AddUser), e.Key(keymap.UserRole, user, del), e.Key(keymap.UserLanguage, user), e.Key(keymap.UserPassword, user),
		e.Key(keymap.AddKey, user), e.Key(keymap.RemoveKey, user, keyed), e.Key(keymap.Unlock, user, locked),
		e.Key(keymap.AddToken), adminDelete(e, del))
	return append(keys, e.Lists()...)
}

// adminDelete is the Delete key on a page where only an admin may delete.
func adminDelete(e *page.Env, off string) page.Key {
	k := e.Key(keymap.Delete, off)
	if e.Actor.Role < keymap.Admin {
		k.Off = e.Text.T("key.off.role", e.Text.T("role."+keymap.Admin.String()))
	}
	return k
}

// Update implements page.Page.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case rowsMsg:
		p.ready, p.err = true, ""
		if msg.err != nil {
			p.err = p.Env.ErrorText(msg.err)
			return nil
		}
		p.users, p.tokens = msg.users, msg.tokens
		p.list.Window(len(p.users)+len(p.tokens), p.h)
	case tokenMsg:
		if msg.err != nil {
			return page.Toast(p.Env.ErrorText(msg.err), true)
		}
		p.secret = msg.secret
		return p.load()
	case page.ShownMsg:
		return p.load()
	case changedMsg:
		return tea.Batch(page.Toast(msg.done, false), p.load())
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

// changedMsg says that a change was made, so that the list is read again.
type changedMsg struct{ done string }

func (p *Page) act(done string, fn func(ctx context.Context, s page.Service, a control.Actor) error) tea.Cmd {
	fail := *p.Env
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		if err := fn(ctx, s, a); err != nil {
			return page.ToastMsg{Text: fail.ErrorText(err), Bad: true}
		}
		return changedMsg{done}
	})
}

func (p *Page) key(k tea.KeyPressMsg) tea.Cmd {
	id, cmd := p.Env.Match(k, p.Keys())
	if cmd != nil || p.list.Move(id, len(p.users)+len(p.tokens), p.rowsShown()) {
		return cmd
	}
	switch id {
	case keymap.Password:
		return page.Push(p.passwordForm(p.Env.Actor.Name))
	case keymap.Language:
		return page.Push(p.language())
	case keymap.AddUser:
		return page.Push(p.userForm())
	case keymap.AddToken:
		return page.Push(p.tokenForm())
	case keymap.Delete:
		return p.delete()
	}
	if u := p.user(); u != nil {
		return p.change(id, *u)
	}
	return nil
}

// change does what a key means for one user.
func (p *Page) change(id keymap.ID, u control.User) tea.Cmd {
	s := p.Env.Text
	switch id {
	case keymap.UserPassword:
		return page.Push(p.passwordForm(u.Name))
	case keymap.AddKey:
		return page.Push(p.keyForm(u.Name))
	case keymap.RemoveKey:
		return page.Push(p.keyChooser(u))
	case keymap.Unlock:
		return p.act(s.T("users.unlocked", text.Clean(u.Name)), func(ctx context.Context, v page.Service, a control.Actor) error {
			return v.UnlockUser(ctx, a, u.Name)
		})
	case keymap.UserRole:
		c := &ask.Choose{Env: p.Env, Head: s.T("users.role_of", text.Clean(u.Name))}
		for _, r := range []control.Role{keymap.Viewer, keymap.Operator, keymap.Admin} {
			next := u
			next.Role = r
			c.Options = append(c.Options, ask.Option{Label: s.T("role."+r.String()) + " - " + s.T("role."+r.String()+".may"), Do: p.put(next)})
		}
		c.List.Cursor = max(int(u.Role)-1, 0)
		return page.Push(c)
	case keymap.UserLanguage:
		c := &ask.Choose{Env: p.Env, Head: s.T("users.language_of", text.Clean(u.Name))}
		for _, l := range text.Languages() {
			next := u
			next.Language = l
			c.Options = append(c.Options, ask.Option{Label: s.T("language." + l), Do: p.put(next)})
		}
		return page.Push(c)
	}
	return nil
}

func (p *Page) put(u control.User) tea.Cmd {
	return p.act(p.Env.Text.T("users.saved", text.Clean(u.Name)), func(ctx context.Context, s page.Service, a control.Actor) error {
		return s.PutUser(ctx, a, u)
	})
}

// language changes one's own language, here at once and, for who has an account, for
// the next login.
func (p *Page) language() *ask.Choose {
	e := p.Env
	c := &ask.Choose{Env: e, Head: e.Text.T("users.own_language")}
	for i, l := range text.Languages() {
		actor := e.Actor
		actor.Language = l
		if l == e.Text.Language() {
			c.List.Cursor = i
		}
		fail := *e
		c.Options = append(c.Options, ask.Option{Label: e.Text.T("language." + l), Do: e.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
			if a.Account() {
				if err := s.PutUser(ctx, a, control.User{Name: a.Name, Role: a.Role, Language: l}); err != nil {
					return page.ToastMsg{Text: fail.ErrorText(err), Bad: true}
				}
			}
			return page.ActorMsg{Actor: actor}
		})})
	}
	return c
}

func (p *Page) delete() tea.Cmd {
	s := p.Env.Text
	if u := p.user(); u != nil {
		name := u.Name
		return page.Push(&ask.Confirm{Env: p.Env, Head: s.T("users.delete", text.Clean(name)), Lines: []string{s.T("users.delete.what")},
			Yes: p.act(s.T("users.deleted", text.Clean(name)), func(ctx context.Context, v page.Service, a control.Actor) error {
				return v.DeleteUser(ctx, a, name)
			})})
	}
	t := *p.token()
	return page.Push(&ask.Confirm{Env: p.Env, Head: s.T("tokens.delete", text.Clean(t.Name)), Lines: []string{s.T("tokens.delete.what")},
		Yes: p.act(s.T("users.deleted", text.Clean(t.Name)), func(ctx context.Context, v page.Service, a control.Actor) error {
			return v.DeleteToken(ctx, a, t.ID)
		})})
}

func (p *Page) keyChooser(u control.User) *ask.Choose {
	c := &ask.Choose{Env: p.Env, Head: p.Env.Text.T("users.which_key")}
	for _, k := range slices.Clone(u.Keys) {
		c.Options = append(c.Options, ask.Option{Label: k.Fingerprint + "  " + k.Comment,
			Do: p.act(p.Env.Text.T("users.key_removed"), func(ctx context.Context, s page.Service, a control.Actor) error {
				return s.DeleteKey(ctx, a, u.Name, k.Fingerprint)
			})})
	}
	return c
}
