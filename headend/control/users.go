package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sigma/headend/auth"
)

// maxUsers and maxKeys bound the accounts of a box and the keys of one.
const (
	maxUsers = 500
	maxKeys  = 50
)

// Users lists the accounts by name; below admin, only the actor's own.
func (s *Service) Users(ctx context.Context, a Actor) ([]User, error) {
	if err := s.allow(a, "Users"); err != nil {
		return nil, err
	}
	rows, err := s.store.Users(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	var out []User
	for _, r := range rows {
		if s.role(a) < auth.Admin && r.Name != a.Name {
			continue
		}
		u := User{Name: r.Name, Role: roleOf(r.Role), Language: r.Language, LastLogin: r.LastLogin,
			Locked: s.lock.NameLocked(r.Name, s.now()), Password: r.Password != ""}
		for _, k := range keys {
			if k.User == r.Name {
				u.Keys = append(u.Keys, Key{Fingerprint: k.Fingerprint, Comment: k.Comment, Line: k.Line})
			}
		}
		out = append(out, u)
	}
	return out, nil
}

// roleOf reads a stored role; one that this version does not know may do nothing.
func roleOf(text string) (r Role) {
	if r.UnmarshalText([]byte(text)) != nil {
		return auth.Nobody
	}
	return r
}

// PutUser adds an account or changes its role and language; a user may change
// their own language. Keys, times and password are not touched.
func (s *Service) PutUser(ctx context.Context, a Actor, u User) error {
	if err := s.allowFor(a, "PutUser", u.Name); err != nil {
		return err
	}
	if err := checkUser(u, auth.CheckName); err != nil {
		return err
	}
	s.people.Lock()
	defer s.people.Unlock()
	row, found, err := s.store.User(ctx, u.Name)
	if err != nil {
		return unavailable(err)
	}
	if s.role(a) < auth.Admin && (!found || roleOf(row.Role) != u.Role) {
		return &Error{Code: CodeForbidden, Text: "roles can be changed by an admin only"}
	}
	if !found {
		return s.newUser(ctx, a, u, "")
	}
	if u.Role < auth.Admin {
		if err := s.keepsAdmin(ctx, u.Name, ""); err != nil {
			return err
		}
	}
	row.Role, row.Language = u.Role.String(), u.Language
	return s.putUser(ctx, a, row, "user_changed")
}

// AddUser adds an account with a password, or with none if that is empty: then it
// opens nothing until it has a password or a key. ErrConflict when there is one of
// the name. With a password it blocks for the time of a hash.
func (s *Service) AddUser(ctx context.Context, a Actor, u User, password string) error {
	if err := s.allow(a, "AddUser"); err != nil {
		return err
	}
	if err := checkUser(u, checkNewName); err != nil {
		return err
	}
	hash := ""
	if password != "" {
		if err := auth.CheckPassword(u.Name, password); err != nil {
			return invalid("password", err)
		}
		var err error
		if hash, err = s.hasher(a.Remote).Hash(ctx, password); err != nil {
			return unavailable(err)
		}
	}
	s.people.Lock()
	defer s.people.Unlock()
	_, found, err := s.store.User(ctx, u.Name)
	if err != nil {
		return unavailable(err)
	}
	if found {
		return &Error{Code: CodeConflict, Text: "there is a user " + u.Name + " already: choose another name, or change that user"}
	}
	return s.newUser(ctx, a, u, hash)
}

// newUser stores an account that is not there yet. The caller holds people.
func (s *Service) newUser(ctx context.Context, a Actor, u User, hash string) error {
	if err := checkUser(u, checkNewName); err != nil {
		return err
	}
	all, err := s.store.Users(ctx)
	if err != nil {
		return unavailable(err)
	}
	if len(all) >= maxUsers {
		return invalid("users", fmt.Errorf("there are %d already: delete those that are not used", len(all)))
	}
	return s.putUser(ctx, a, StoredUser{Name: u.Name, Role: u.Role.String(), Language: u.Language, Password: hash}, "user_added")
}

// putUser stores an account. The caller holds people.
func (s *Service) putUser(ctx context.Context, a Actor, row StoredUser, kind string) error {
	if err := s.store.PutUser(ctx, row); err != nil {
		return unavailable(err)
	}
	s.limit(row.Name, roleOf(row.Role))
	s.event(ctx, a, kind, "user/"+row.Name, row.Role)
	return nil
}

func checkUser(u User, checkName func(string) error) error {
	var errs FieldErrors
	if err := checkName(u.Name); err != nil {
		errs = append(errs, FieldError{Path: "name", Text: err.Error()})
	}
	if u.Role < auth.Viewer || u.Role > auth.Admin {
		errs = append(errs, FieldError{Path: "role", Text: "expected viewer, operator or admin"})
	}
	if u.Language != "" && u.Language != "en" && u.Language != "vi" {
		errs = append(errs, FieldError{Path: "language", Text: "expected en or vi, or nothing for that of the box"})
	}
	if len(errs) > 0 {
		return invalid("the user is not valid", errs)
	}
	return nil
}

// keepsAdmin makes sure that an admin who can log in is left when the user without
// is not one any more, or loses the key with the fingerprint.
func (s *Service) keepsAdmin(ctx context.Context, without, fingerprint string) error {
	rows, err := s.store.Users(ctx)
	if err != nil {
		return unavailable(err)
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return unavailable(err)
	}
	concerned := false
	for _, r := range rows {
		if roleOf(r.Role) != auth.Admin {
			continue
		}
		concerned = concerned || r.Name == without
		left := r.Name != without || fingerprint != ""
		canLogIn := r.Password != "" || slices.ContainsFunc(keys, func(k StoredKey) bool {
			return k.User == r.Name && (r.Name != without || k.Fingerprint != fingerprint)
		})
		if left && canLogIn {
			return nil
		}
	}
	if !concerned {
		return nil
	}
	return invalid("not done", fmt.Errorf("%s is the last admin who can log in: make another one first", without))
}

// DeleteUser removes an account with its keys. Open sessions of it may do nothing
// from then on.
func (s *Service) DeleteUser(ctx context.Context, a Actor, name string) error {
	if err := s.allow(a, "DeleteUser"); err != nil {
		return err
	}
	s.people.Lock()
	defer s.people.Unlock()
	if _, err := s.user(ctx, name); err != nil {
		return err
	}
	if err := s.keepsAdmin(ctx, name, ""); err != nil {
		return err
	}
	if err := s.store.DeleteUser(ctx, name); err != nil {
		return unavailable(err)
	}
	s.limit(name, auth.Nobody)
	s.event(ctx, a, "user_deleted", "user/"+name, "")
	return nil
}

func (s *Service) user(ctx context.Context, name string) (StoredUser, error) {
	row, found, err := s.store.User(ctx, name)
	if err != nil {
		return row, unavailable(err)
	}
	if !found {
		return row, notFound("user", name)
	}
	return row, nil
}

// SetPassword sets a password; a user may set their own. It blocks for the time of
// a hash, about 50 ms.
func (s *Service) SetPassword(ctx context.Context, a Actor, name, password string) error {
	if err := s.allowFor(a, "SetPassword", name); err != nil {
		return err
	}
	if err := auth.CheckPassword(name, password); err != nil {
		return invalid("password", err)
	}
	hash, err := s.hasher(a.Remote).Hash(ctx, password)
	if err != nil {
		return unavailable(err)
	}
	s.people.Lock()
	defer s.people.Unlock()
	row, err := s.user(ctx, name)
	if err != nil {
		return err
	}
	row.Password = hash
	if err := s.store.PutUser(ctx, row); err != nil {
		return unavailable(err)
	}
	s.event(ctx, a, "password_set", "user/"+name, "")
	return nil
}

// AddKey adds an SSH key, a line of an authorized_keys file without options; a user
// may add their own.
func (s *Service) AddKey(ctx context.Context, a Actor, user, line string) (Key, error) {
	if err := s.allowFor(a, "AddKey", user); err != nil {
		return Key{}, err
	}
	k, err := auth.ParseKey(line)
	if err != nil {
		return Key{}, invalid("key", err)
	}
	s.people.Lock()
	defer s.people.Unlock()
	if _, err := s.user(ctx, user); err != nil {
		return Key{}, err
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return Key{}, unavailable(err)
	}
	own := 0
	for _, have := range keys {
		if have.User == user {
			own++
		}
	}
	if own >= maxKeys {
		return Key{}, invalid("key", fmt.Errorf("%s has %d keys already: delete those that are not used", user, own))
	}
	if err := s.store.PutKey(ctx, StoredKey{User: user, Fingerprint: k.Fingerprint, Comment: k.Comment, Line: k.Line}); err != nil {
		return Key{}, unavailable(err)
	}
	s.event(ctx, a, "key_added", "user/"+user, k.Fingerprint)
	return Key{Fingerprint: k.Fingerprint, Comment: k.Comment, Line: k.Line}, nil
}

// DeleteKey removes an SSH key; a user may remove their own.
func (s *Service) DeleteKey(ctx context.Context, a Actor, user, fingerprint string) error {
	if err := s.allowFor(a, "DeleteKey", user); err != nil {
		return err
	}
	s.people.Lock()
	defer s.people.Unlock()
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return unavailable(err)
	}
	if !slices.ContainsFunc(keys, func(k StoredKey) bool { return k.User == user && k.Fingerprint == fingerprint }) {
		return notFound("key", cmp.Or(fingerprint, "without fingerprint"))
	}
	if err := s.keepsAdmin(ctx, user, fingerprint); err != nil {
		return err
	}
	if err := s.store.DeleteKey(ctx, user, fingerprint); err != nil {
		return unavailable(err)
	}
	s.event(ctx, a, "key_deleted", "user/"+user, fingerprint)
	return nil
}

// UnlockUser ends the lock-out of a name, from wherever it was tried.
func (s *Service) UnlockUser(ctx context.Context, a Actor, name string) error {
	if err := s.allow(a, "UnlockUser"); err != nil {
		return err
	}
	if _, err := s.user(ctx, name); err != nil {
		return err
	}
	for _, key := range s.lock.Unlock(name) {
		if err := s.store.DeleteLock(ctx, key); err != nil {
			return unavailable(err)
		}
	}
	s.event(ctx, a, "user_unlocked", "user/"+name, "")
	return nil
}
