package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigma/headend/auth"
)

const maxTokens = 500

// Tokens lists the tokens of programs, newest first, without their secrets.
func (s *Service) Tokens(ctx context.Context, a Actor) ([]Token, error) {
	if err := s.allow(a, "Tokens"); err != nil {
		return nil, err
	}
	rows, err := s.store.Tokens(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	out := make([]Token, 0, len(rows))
	for _, t := range rows {
		out = append(out, token(t))
	}
	return out, nil
}

func token(t StoredToken) Token {
	return Token{ID: t.ID, Name: t.Name, Role: roleOf(t.Role), Created: t.Created, By: t.By, Expires: t.Expires, Used: t.Used}
}

// CreateToken returns a new token and its secret, which is never shown again. With
// ttl 0 it does not expire.
func (s *Service) CreateToken(ctx context.Context, a Actor, name string, role Role, ttl time.Duration) (Token, string, error) {
	if err := s.allow(a, "CreateToken"); err != nil {
		return Token{}, "", err
	}
	if err := auth.CheckName(name); err != nil {
		return Token{}, "", invalid("name", err)
	}
	if role < auth.Viewer || role > auth.Admin {
		return Token{}, "", invalid("role", errors.New("expected viewer, operator or admin"))
	}
	if ttl < 0 {
		return Token{}, "", invalid("ttl", fmt.Errorf("%s is in the past: expected a length of time, or 0 for ever", ttl))
	}
	s.people.Lock()
	defer s.people.Unlock()
	rows, err := s.store.Tokens(ctx)
	if err != nil {
		return Token{}, "", unavailable(err)
	}
	if len(rows) >= maxTokens {
		return Token{}, "", invalid("tokens", fmt.Errorf("there are %d already: delete those that are not used", len(rows)))
	}
	secret, id, hash := auth.NewToken()
	row := StoredToken{ID: id, Name: name, Role: role.String(), By: a.Name, Hash: hash, Created: s.now()}
	if ttl > 0 {
		row.Expires = row.Created.Add(ttl)
	}
	if err := s.store.PutToken(ctx, row); err != nil {
		return Token{}, "", unavailable(err)
	}
	s.event(ctx, a, "token_created", "token/"+name, role.String())
	return token(row), secret, nil
}

// DeleteToken removes a token; it opens nothing from then on, and who came with it may
// do nothing any more.
func (s *Service) DeleteToken(ctx context.Context, a Actor, id string) error {
	if err := s.allow(a, "DeleteToken"); err != nil {
		return err
	}
	row, found, err := s.store.Token(ctx, id)
	if err != nil {
		return unavailable(err)
	}
	if !found {
		return notFound("token", id)
	}
	if err := s.store.DeleteToken(ctx, id); err != nil {
		return unavailable(err)
	}
	s.limit(tokenLimit+id, auth.Nobody)
	s.event(ctx, a, "token_deleted", "token/"+row.Name, "")
	return nil
}
