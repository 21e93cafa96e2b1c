package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sigma/headend/auth"
)

// hasher keeps a flood of logins over the network from the local terminal.
func (s *Service) hasher(remote string) *auth.Hasher {
	if remote == "" {
		return s.local
	}
	return s.remote
}

// Authenticate proves who asks by password. It answers ErrCredentials after the
// same time whether or not the user exists, ErrLocked at once while the name is
// locked out from remote, and ErrUnavailable when too many log in at the same
// time. Remote is empty on the local terminal alone, which is never locked out.
func (s *Service) Authenticate(ctx context.Context, name, password, via, remote string) (Actor, error) {
	if err := s.locked(name, remote); err != nil {
		return Actor{}, err
	}
	if len(password) > auth.MaxPassword || auth.CheckName(name) != nil {
		s.failed(ctx, "?", via, remote) // names that cannot be are not repeated in the log
		return Actor{}, ErrCredentials
	}
	row, _, err := s.store.User(ctx, name)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	good, err := s.hasher(remote).Verify(ctx, row.Password, password)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	if !good {
		s.failed(ctx, name, via, remote)
		return Actor{}, ErrCredentials
	}
	return s.welcome(ctx, row, via, remote)
}

func (s *Service) locked(name, remote string) error {
	until := s.lock.Locked(name, remote, s.now())
	if until.IsZero() {
		return nil
	}
	wait := until.Sub(s.now()).Round(time.Second)
	return &Error{Code: CodeLocked, Text: fmt.Sprintf("locked after too many failed logins: wait %s", max(wait, time.Second))}
}

// failed counts a failed login. Only the first of a series and the locks become
// events, so that a flood does not push everything else out.
func (s *Service) failed(ctx context.Context, name, via, remote string) {
	first, locks := s.lock.Fail(name, remote, s.now())
	who := Actor{Name: name}
	if first {
		s.event(ctx, who, "login_failed", "user/"+name, via+" "+remote)
	}
	for _, l := range locks {
		// A lock that is not stored still holds until the next start.
		if err := s.store.PutLock(context.WithoutCancel(ctx), StoredLock(l)); err != nil {
			s.event(ctx, who, "lock_not_stored", "user/"+name, err.Error())
		}
		s.event(ctx, who, "user_locked", "user/"+name, fmt.Sprintf("%s, until %s", l.Key, l.Until.UTC().Format(time.RFC3339)))
	}
}

// loginKept is how long a login over HTTP stands for those that follow it.
const loginKept = 10 * time.Minute

// welcome makes the actor of a user who proved to be it.
func (s *Service) welcome(ctx context.Context, row StoredUser, via, remote string) (Actor, error) {
	a := Actor{Name: row.Name, Role: roleOf(row.Role), Via: via, Remote: remote, Language: row.Language}
	if a.Language == "" {
		a.Language = "en"
		if cur := s.current.Load(); cur != nil && cur.config.Box.Language != "" {
			a.Language = cur.config.Box.Language
		}
	}
	s.lock.Succeed(row.Name, remote)
	if via == "http" && s.now().Sub(row.LastLogin) < loginKept {
		return a, nil // a program asks with every request: one event is enough
	}
	// Nobody is kept out because the time of the login cannot be stored; the event
	// that follows raises the alarm of a failing database.
	_ = s.store.TouchUser(ctx, row.Name, s.now())
	s.event(ctx, a, "login", "user/"+row.Name, via+" "+remote)
	return a, nil
}

// AuthenticateKey tells whose key it is: the line of an authorized_keys file
// without options. The door must have proved that the other side holds the private
// key. Failures are not counted: SSH clients offer all keys they have, and a key
// cannot be guessed.
func (s *Service) AuthenticateKey(ctx context.Context, name, key, via, remote string) (Actor, error) {
	k, err := auth.ParseKey(key)
	if err != nil {
		return Actor{}, ErrCredentials
	}
	row, found, err := s.store.User(ctx, name)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	for _, have := range keys {
		if found && have.User == name && have.Line == k.Line {
			return s.welcome(ctx, row, via, remote)
		}
	}
	return Actor{}, ErrCredentials
}

// touchEvery is how often the use of a token is written to the disk.
const touchEvery = time.Minute

// AuthenticateToken tells what a program with the token may do. Wrong tokens count
// against the address alone.
func (s *Service) AuthenticateToken(ctx context.Context, token, via, remote string) (Actor, error) {
	const nobody = auth.TokenName
	if err := s.locked(nobody, remote); err != nil {
		return Actor{}, err
	}
	id, ok := auth.TokenID(token)
	if !ok {
		s.failed(ctx, nobody, via, remote)
		return Actor{}, ErrCredentials
	}
	row, found, err := s.store.Token(ctx, id)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	now := s.now()
	switch {
	case !auth.TokenMatches(token, row.Hash) || !found:
		s.failed(ctx, nobody, via, remote)
		return Actor{}, ErrCredentials
	case !row.Expires.IsZero() && !now.Before(row.Expires):
		return Actor{}, &Error{Code: CodeCredentials, Text: "the token has expired: create a new one"}
	}
	if now.Sub(row.Used) >= touchEvery {
		_ = s.store.TouchToken(ctx, id, now) // for display alone
	}
	return Actor{Name: "token:" + row.Name, Role: roleOf(row.Role), Via: via, Remote: remote, Language: "en", token: id, until: row.Expires}, nil
}

// setupKey is where the hash of the setup code is kept.
const setupKey = "control/setup"

type setup struct {
	Hash  string `json:"hash"`
	Tries int    `json:"tries"`
}

// SetupPending reports whether the box has no user with a password or key yet.
func (s *Service) SetupPending(ctx context.Context) (bool, error) {
	users, err := s.store.Users(ctx)
	if err != nil {
		return false, unavailable(err)
	}
	for _, u := range users {
		if u.Password != "" {
			return false, nil
		}
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return false, unavailable(err)
	}
	return len(keys) == 0, nil
}

// SetupCode makes a new one-time code in place of the one before; only its hash is
// kept. ErrConflict once there is a user who can log in. It is for the local
// terminal and the command line, not for the network.
func (s *Service) SetupCode(ctx context.Context) (string, error) {
	s.people.Lock()
	defer s.people.Unlock()
	if err := s.stillPending(ctx); err != nil {
		return "", err
	}
	code := auth.NewCode()
	hash, err := s.local.Hash(ctx, auth.NormalCode(code))
	if err != nil {
		return "", unavailable(err)
	}
	return code, s.putSetup(ctx, setup{Hash: hash})
}

func (s *Service) stillPending(ctx context.Context) error {
	pending, err := s.SetupPending(ctx)
	if err == nil && !pending {
		err = &Error{Code: CodeConflict, Text: "the box is set up already: log in, or ask an admin"}
	}
	return err
}

func (s *Service) putSetup(ctx context.Context, v setup) error {
	b, err := json.Marshal(v)
	if err == nil {
		err = s.store.PutState(ctx, setupKey, b)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// Setup spends the code to create the first admin. After five wrong codes a new
// one is needed. ErrConflict once there is a user who can log in.
func (s *Service) Setup(ctx context.Context, code, name, password, via, remote string) (Actor, error) {
	s.people.Lock()
	defer s.people.Unlock()
	if err := s.stillPending(ctx); err != nil {
		return Actor{}, err
	}
	if err := s.spend(ctx, code, via, remote); err != nil {
		return Actor{}, err
	}
	if err := errors.Join(checkNewName(name), auth.CheckPassword(name, password)); err != nil {
		return Actor{}, invalid("the first operator", err)
	}
	hash, err := s.hasher(remote).Hash(ctx, password)
	if err != nil {
		return Actor{}, unavailable(err)
	}
	row := StoredUser{Name: name, Role: auth.Admin.String(), Password: hash}
	if err := s.store.PutUser(ctx, row); err != nil {
		return Actor{}, unavailable(err)
	}
	if err := s.store.DeleteState(ctx, setupKey); err != nil {
		return Actor{}, unavailable(err)
	}
	s.limit(name, auth.Admin)
	s.event(ctx, Actor{Name: name}, "setup", "user/"+name, via+" "+remote)
	return s.welcome(ctx, row, via, remote)
}

// spend checks the code. A try is stored before it is judged, so that killing the
// process does not give it back; a right code stays good until the admin exists.
func (s *Service) spend(ctx context.Context, code, via, remote string) error {
	b, found, err := s.store.State(ctx, setupKey)
	if err != nil {
		return unavailable(err)
	}
	var v setup
	if !found || json.Unmarshal(b, &v) != nil || v.Tries >= auth.CodeTries {
		return &Error{Code: CodeLocked, Text: "the code is spent: make a new one on the box"}
	}
	v.Tries++
	if err := s.putSetup(ctx, v); err != nil {
		return err
	}
	good, err := s.hasher(remote).Verify(ctx, v.Hash, auth.NormalCode(code))
	switch {
	case err != nil:
		return unavailable(err)
	case !good:
		s.event(ctx, Actor{}, "setup_failed", "setup", via+" "+remote)
		return &Error{Code: CodeCredentials, Text: fmt.Sprintf("wrong code: %d tries left", auth.CodeTries-v.Tries)}
	}
	v.Tries--
	return s.putSetup(ctx, v)
}
