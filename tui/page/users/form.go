package users

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sigma/headend/control"
	"sigma/tui/keymap"
	"sigma/tui/page"
	"sigma/tui/part"
	"sigma/tui/text"
)

// Form asks for a few values and does one thing with them. It closes when that has
// worked; what went wrong is shown above the fields.
type Form struct {
	Env   *page.Env
	Head  string
	Lines []string
	// Do returns what to ask the box, or the field that is wrong.
	Do   func() (func(ctx context.Context, s page.Service, a control.Actor) (tea.Msg, error), error)
	Keep bool // stay when it has worked

	Form    part.Form
	err     string
	working bool
	w, h    int
}

type doneMsg struct {
	owner *Form
	then  tea.Msg
	err   error
}

// Init implements page.Page.
func (p *Form) Init() tea.Cmd { p.Form.Theme = p.Env.Theme; return nil }

// SetSize implements page.Page.
func (p *Form) SetSize(w, h int) { p.w, p.h = w, h }

// Title implements page.Page.
func (p *Form) Title() string { return p.Head }

// Typing implements page.Typing.
func (p *Form) Typing() bool { return true }

// Writing implements page.Writing.
func (p *Form) Writing() bool { return p.Form.Writing() }

// Keys implements page.Page.
func (p *Form) Keys() []page.Key {
	keys := []page.Key{{ID: keymap.Submit}, {ID: keymap.PrevField}, {ID: keymap.NextField}}
	switch {
	case p.Form.Writing():
		keys = append(keys, page.Key{ID: keymap.Clear})
	case p.Form.Kind() == part.Choice:
		keys = append(keys, page.Key{ID: keymap.Choose})
	case p.Form.Kind() == part.Button:
		keys = append(keys, page.Key{ID: keymap.Open})
	}
	if p.Keep { // there is nothing to go back to
		return keys
	}
	return append(keys, page.Key{ID: keymap.Back})
}

// Update implements page.Page.
func (p *Form) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case doneMsg:
		if msg.owner != p {
			return nil
		}
		p.working = false
		if msg.err != nil {
			p.refused(msg.err)
			return nil
		}
		then := func() tea.Msg { return msg.then }
		if p.Keep {
			return then
		}
		return page.Pop(1, then)
	case tea.PasteMsg:
		p.Form.Paste(msg.Content)
	case tea.KeyPressMsg:
		switch keymap.Match(msg, keymap.Submit, keymap.Back) {
		case keymap.Submit:
			return p.Submit()
		case keymap.Back:
			return page.Pop(1)
		}
		cmd, _ := p.Form.Key(msg)
		return cmd
	}
	return nil
}

// refused shows what the box said: at the fields that it named, else above them.
func (p *Form) refused(err error) {
	var fields control.FieldErrors
	if !errors.As(err, &fields) {
		p.err = p.Env.ErrorText(err)
		return
	}
	p.Form.Strict, p.Form.Errors = true, map[string]string{}
	for _, f := range fields {
		p.Form.Errors[f.Path] = p.Env.Text.Said(f.Text)
		if !p.Form.FocusPath(f.Path) {
			p.err = p.Env.FieldText(f)
		}
	}
	p.Form.FocusError()
}

// Submit does it.
func (p *Form) Submit() tea.Cmd {
	if p.working {
		return nil
	}
	p.Form.Errors = nil
	if p.Form.Bad() {
		p.Form.FocusError()
		return nil
	}
	ask, err := p.Do()
	if err != nil {
		p.err = err.Error()
		return nil
	}
	p.working, p.err = true, ""
	return p.Env.Do(func(ctx context.Context, s page.Service, a control.Actor) tea.Msg {
		then, err := ask(ctx, s, a)
		return doneMsg{p, then, err}
	})
}

// View implements page.Page.
func (p *Form) View() string {
	t := p.Env.Theme
	var lines []string // the title stands in the frame
	for _, l := range p.Lines {
		lines = append(lines, part.Paragraph(l, min(p.w-1, 78), 1, t.Dim)...)
	}
	lines = append(lines, "")
	if p.err != "" {
		lines = append(lines, part.Paragraph("! "+p.err, p.w-1, 1, t.Bad)...)
	}
	if p.working {
		lines = append(lines, " "+p.Env.Text.T("plan.working"))
	}
	p.Form.SetSize(p.w, max(p.h-len(lines), 3))
	return strings.Join(append(lines, p.Form.View()), "\n")
}

// Line returns a text field of a form.
func (p *Form) Line(id string, kind part.Kind, v *string) part.Field {
	s := p.Env.Text
	return part.Field{Label: s.T("f." + id), Help: s.T("f." + id + ".help"), Kind: kind, Value: *v,
		Set: func(x string) error { *v = x; return nil }}
}

// Button returns the button that submits.
func (p *Form) Button(id string) part.Field {
	return part.Field{Label: p.Env.Text.T(id), Kind: part.Button, Do: p.Submit}
}

// SamePassword says what is wrong with a password typed twice.
func SamePassword(e *page.Env, a, b string) error {
	switch {
	case a == "":
		return errors.New(e.Text.T("password.empty"))
	case a != b:
		return errors.New(e.Text.T("password.differ"))
	}
	return nil
}

func (p *Page) passwordForm(name string) *Form {
	e, a, b := p.Env, "", ""
	f := &Form{Env: e, Head: e.Text.T("users.password_of", text.Clean(name))}
	f.Form.SetFields(f.Line("password", part.Secret, &a), f.Line("again", part.Secret, &b), f.Button("form.ok"))
	f.Do = func() (func(context.Context, page.Service, control.Actor) (tea.Msg, error), error) {
		if err := SamePassword(e, a, b); err != nil {
			return nil, err
		}
		password, done := a, e.Text.T("users.password_set", text.Clean(name))
		return func(ctx context.Context, s page.Service, a control.Actor) (tea.Msg, error) {
			return changedMsg{done}, s.SetPassword(ctx, a, name, password)
		}, nil
	}
	return f
}

func (p *Page) roleField(r *control.Role) part.Field {
	s := p.Env.Text
	f := part.Field{Label: s.T("f.role"), Help: s.T("f.role.help"), Kind: part.Choice, Value: r.String(),
		Set: func(v string) error { return r.UnmarshalText([]byte(v)) }}
	for _, role := range []control.Role{keymap.Viewer, keymap.Operator, keymap.Admin} {
		f.Options = append(f.Options, part.Option{Value: role.String(), Label: s.T("role." + role.String())})
	}
	return f
}

func (p *Page) userForm() *Form {
	e, a, b := p.Env, "", ""
	u := control.User{Role: keymap.Operator, Language: e.Text.Language()}
	f := &Form{Env: e, Head: e.Text.T("users.new")}
	language := part.Field{Label: e.Text.T("f.language"), Help: e.Text.T("f.language.help"), Kind: part.Choice, Value: u.Language,
		Set: func(v string) error { u.Language = v; return nil }}
	for _, l := range text.Languages() {
		language.Options = append(language.Options, part.Option{Value: l, Label: e.Text.T("language." + l)})
	}
	name := f.Line("user", part.Text, &u.Name)
	name.Path = "name"
	name.Set = func(s string) error {
		u.Name = strings.TrimSpace(s)
		if slices.ContainsFunc(p.users, func(o control.User) bool { return o.Name == u.Name }) {
			return errors.New(e.Text.T("users.exists", u.Name))
		}
		return nil
	}
	f.Form.SetFields(name, p.roleField(&u.Role), language,
		f.Line("password", part.Secret, &a), f.Line("again", part.Secret, &b), f.Button("form.ok"))
	f.Do = func() (func(context.Context, page.Service, control.Actor) (tea.Msg, error), error) {
		if a+b != "" {
			if err := SamePassword(e, a, b); err != nil {
				return nil, err
			}
		}
		next, password, done := u, a, e.Text.T("users.saved", text.Clean(u.Name))
		return func(ctx context.Context, s page.Service, a control.Actor) (tea.Msg, error) {
			return changedMsg{done}, s.AddUser(ctx, a, next, password)
		}, nil
	}
	return f
}

func (p *Page) keyForm(name string) *Form {
	e, line := p.Env, ""
	f := &Form{Env: e, Head: e.Text.T("users.key_for", text.Clean(name)), Lines: []string{e.Text.T("users.key_hint")}}
	f.Form.SetFields(f.Line("key", part.Text, &line), f.Button("form.ok"))
	f.Do = func() (func(context.Context, page.Service, control.Actor) (tea.Msg, error), error) {
		key, done := strings.TrimSpace(line), e.Text.T("users.key_added")
		return func(ctx context.Context, s page.Service, a control.Actor) (tea.Msg, error) {
			_, err := s.AddKey(ctx, a, name, key)
			return changedMsg{done}, err
		}, nil
	}
	return f
}

func (p *Page) tokenForm() *Form {
	e, name, ttl := p.Env, "", control.Duration(0)
	role := keymap.Viewer
	f := &Form{Env: e, Head: e.Text.T("tokens.new"), Lines: []string{e.Text.T("tokens.hint")}}
	lasts := part.Field{Label: e.Text.T("f.ttl"), Help: e.Text.T("f.ttl.help"), Kind: part.Choice, Value: "0s",
		Set: func(v string) error { return ttl.UnmarshalText([]byte(v)) }}
	for _, days := range []int{0, 1, 30, 365} {
		label := e.Text.T("tokens.forever")
		if days > 0 {
			label = e.Text.N("tokens.days", days)
		}
		lasts.Options = append(lasts.Options, part.Option{Value: (time.Duration(days) * 24 * time.Hour).String(), Label: label})
	}
	f.Form.SetFields(f.Line("token", part.Text, &name), p.roleField(&role), lasts, f.Button("form.ok"))
	f.Do = func() (func(context.Context, page.Service, control.Actor) (tea.Msg, error), error) {
		n, r, d := strings.TrimSpace(name), role, ttl.Std()
		return func(ctx context.Context, s page.Service, a control.Actor) (tea.Msg, error) {
			_, secret, err := s.CreateToken(ctx, a, n, r, d)
			return tokenMsg{secret: secret}, err
		}, nil
	}
	return f
}
