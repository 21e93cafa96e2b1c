package fake

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigma/headend/control"
)

func (b *Box) Users(_ context.Context, a control.Actor) ([]control.User, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.users), need(a, 3)
}

func (b *Box) AddUser(ctx context.Context, a control.Actor, u control.User, password string) error {
	b.mu.Lock()
	known := slices.ContainsFunc(b.users, func(have control.User) bool { return have.Name == u.Name })
	b.mu.Unlock()
	if known {
		return &control.Error{Code: control.CodeConflict, Text: "there is a user " + u.Name + " already"}
	}
	if password != "" && b.RefusesPassword != nil {
		return b.RefusesPassword
	}
	if err := b.PutUser(ctx, a, u); err != nil || password == "" {
		return err
	}
	return b.SetPassword(ctx, a, u.Name, password)
}

func (b *Box) PutUser(_ context.Context, a control.Actor, u control.User) error {
	if a.Name != u.Name {
		if err := need(a, 3); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.RefusesUser != nil {
		return b.RefusesUser
	}
	for i := range b.users {
		if b.users[i].Name == u.Name {
			b.users[i].Role, b.users[i].Language = u.Role, u.Language
			return nil
		}
	}
	b.users = append(b.users, u)
	return nil
}

func (b *Box) DeleteUser(_ context.Context, a control.Actor, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users = slices.DeleteFunc(b.users, func(u control.User) bool { return u.Name == name })
	return need(a, 3)
}

func (b *Box) SetPassword(_ context.Context, a control.Actor, name, password string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.RefusesPassword == nil {
		b.passwords[name] = password
	}
	return b.RefusesPassword
}

func (b *Box) AddKey(_ context.Context, a control.Actor, user, line string) (control.Key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := control.Key{Fingerprint: "SHA256:new", Line: line}
	for i := range b.users {
		if b.users[i].Name == user {
			b.users[i].Keys = append(b.users[i].Keys, k)
		}
	}
	return k, need(a, 3)
}

func (b *Box) DeleteKey(_ context.Context, a control.Actor, user, fingerprint string) error {
	return need(a, 3)
}

func (b *Box) UnlockUser(_ context.Context, a control.Actor, name string) error { return need(a, 3) }

func (b *Box) Tokens(_ context.Context, a control.Actor) ([]control.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tokens), need(a, 3)
}

func (b *Box) CreateToken(_ context.Context, a control.Actor, name string, role control.Role, ttl time.Duration) (control.Token, string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := control.Token{ID: name, Name: name, Role: role, By: a.Name, Created: b.At}
	if ttl > 0 {
		t.Expires = b.At.Add(ttl)
	}
	b.tokens = append(b.tokens, t)
	return t, "secret-of-" + name, need(a, 3)
}

func (b *Box) DeleteToken(_ context.Context, a control.Actor, id string) error { return need(a, 3) }

func (b *Box) Authenticate(_ context.Context, name, password, via, remote string) (control.Actor, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.users {
		if u.Name == name && b.passwords[name] == password {
			return control.Actor{Name: name, Role: u.Role, Via: via, Remote: remote, Language: u.Language}, nil
		}
	}
	return control.Actor{}, control.ErrCredentials
}

func (b *Box) AuthenticateKey(_ context.Context, name, key, via, remote string) (control.Actor, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.users {
		for _, k := range u.Keys {
			if u.Name == name && strings.TrimSpace(k.Line) == strings.TrimSpace(key) {
				return control.Actor{Name: name, Role: u.Role, Via: via, Remote: remote, Language: u.Language}, nil
			}
		}
	}
	return control.Actor{}, control.ErrCredentials
}

func (b *Box) SetupPending(context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Code != "", nil
}

func (b *Box) Setup(_ context.Context, code, name, password, via, remote string) (control.Actor, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Code == "" || code != b.Code {
		return control.Actor{}, control.ErrCredentials
	}
	b.Code = ""
	b.users = append(b.users, control.User{Name: name, Role: 3, Password: true})
	b.passwords[name] = password
	return control.Actor{Name: name, Role: 3, Via: via, Remote: remote}, nil
}

func (b *Box) SetupCode(context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Code = "ABCD-EFGH"
	return b.Code, nil
}
