// Package control owns every read and every change an operator can make, whatever
// door it comes through. Authorisation is here and only here. It neither stores
// nor streams: it is handed a store and an engine.
package control

import (
	"context"
	"errors"
	"time"
)

var errNotYet = errors.New("not there yet")

// Service is safe for concurrent use.
type Service struct{}

// Engine is what runs the configuration.
type Engine interface {
	// Apply goes from the configuration that runs to next: it claims what is new,
	// switches, then releases what is old. On error what ran goes on running.
	Apply(ctx context.Context, next Config) error
	// Check is Apply stopped before anything moves: it says what cannot work on this
	// machine (an interface that is missing, a port in use), and what would be interrupted.
	Check(ctx context.Context, next Config) (interrupts, warnings []string, err error)
	Channels() []ChannelStatus
	SelectInput(channel string, input int) error // -1 for automatic
	RestartChannel(channel string) error
	Wire() WireStatus
	System() System
	Interfaces() []Interface
	Log(n int) []LogLine
}

// Every method takes the actor first after the context and answers ErrForbidden
// when the role does not suffice.

func (s *Service) Config(ctx context.Context, a Actor) (Revision, Config, error) {
	return Revision{}, Config{}, errNotYet
}

// Revisions lists the newest first; before 0 starts at the newest.
func (s *Service) Revisions(ctx context.Context, a Actor, before int64, limit int) ([]Revision, error) {
	return nil, errNotYet
}

// Revision returns one revision with its document.
func (s *Service) Revision(ctx context.Context, a Actor, id int64) (Revision, Config, error) {
	return Revision{}, Config{}, errNotYet
}

// Diff compares two revisions.
func (s *Service) Diff(ctx context.Context, a Actor, from, to int64) ([]Change, error) {
	return nil, errNotYet
}

// Validate checks a configuration as one types: FieldErrors or nil. Nothing moves.
func (s *Service) Validate(ctx context.Context, a Actor, c Config) error { return errNotYet }

// Propose says what committing c on top of base would do. Nothing moves.
func (s *Service) Propose(ctx context.Context, a Actor, base int64, c Config) (Plan, error) {
	return Plan{}, errNotYet
}

// Commit applies c and stores it. ErrConflict when base is no longer the newest.
func (s *Service) Commit(ctx context.Context, a Actor, base int64, c Config, comment string) (Revision, error) {
	return Revision{}, errNotYet
}

// Restore commits the document of an earlier revision as a new one.
func (s *Service) Restore(ctx context.Context, a Actor, id int64, comment string) (Revision, error) {
	return Revision{}, errNotYet
}

// Export writes the newest configuration as text; Parse reads text, with every
// error and its path.
func (s *Service) Export(ctx context.Context, a Actor) ([]byte, error) { return nil, errNotYet }
func (s *Service) Parse(ctx context.Context, a Actor, text []byte) (Config, error) {
	return Config{}, errNotYet
}

// Snapshot returns the state of the whole box. It is cheap.
func (s *Service) Snapshot(ctx context.Context, a Actor) (Snapshot, error) {
	return Snapshot{}, errNotYet
}
func (s *Service) ChannelStatus(ctx context.Context, a Actor, name string) (ChannelStatus, error) {
	return ChannelStatus{}, errNotYet
}

// SelectInput holds a channel on one input, or lets it choose again with -1.
func (s *Service) SelectInput(ctx context.Context, a Actor, channel string, input int) error {
	return errNotYet
}
func (s *Service) RestartChannel(ctx context.Context, a Actor, channel string) error {
	return errNotYet
}

// Alarms returns the raised alarms, most severe first, then newest; AlarmHistory
// those that were. AlarmInfo explains a code.
func (s *Service) Alarms(ctx context.Context, a Actor) ([]Alarm, error) { return nil, errNotYet }
func (s *Service) AlarmHistory(ctx context.Context, a Actor, limit int) ([]Alarm, error) {
	return nil, errNotYet
}
func (s *Service) AlarmInfo(code AlarmCode) (AlarmInfo, bool)            { return AlarmInfo{}, false }
func (s *Service) AckAlarm(ctx context.Context, a Actor, id int64) error { return errNotYet }

func (s *Service) Users(ctx context.Context, a Actor) ([]User, error) { return nil, errNotYet }

// PutUser adds or changes name, role and language. A user may change their own language.
func (s *Service) PutUser(ctx context.Context, a Actor, u User) error         { return errNotYet }
func (s *Service) DeleteUser(ctx context.Context, a Actor, name string) error { return errNotYet }

// SetPassword sets a password; a user may set their own.
func (s *Service) SetPassword(ctx context.Context, a Actor, name, password string) error {
	return errNotYet
}
func (s *Service) AddKey(ctx context.Context, a Actor, user, line string) (Key, error) {
	return Key{}, errNotYet
}
func (s *Service) DeleteKey(ctx context.Context, a Actor, user, fingerprint string) error {
	return errNotYet
}
func (s *Service) UnlockUser(ctx context.Context, a Actor, name string) error { return errNotYet }

// Authenticate proves who asks. They fail with ErrCredentials or ErrLocked after
// the same time whatever was wrong. AuthenticateKey takes the line of an
// authorized_keys file without options.
func (s *Service) Authenticate(ctx context.Context, name, password, via, remote string) (Actor, error) {
	return Actor{}, errNotYet
}
func (s *Service) AuthenticateKey(ctx context.Context, name, key, via, remote string) (Actor, error) {
	return Actor{}, errNotYet
}
func (s *Service) AuthenticateToken(ctx context.Context, token, via, remote string) (Actor, error) {
	return Actor{}, errNotYet
}

// SetupPending reports whether the box has no user with a password or key yet.
// SetupCode makes the one-time code (only its hash is kept); Setup spends it to
// create the first admin.
func (s *Service) SetupPending(ctx context.Context) (bool, error) { return false, errNotYet }
func (s *Service) SetupCode(ctx context.Context) (string, error)  { return "", errNotYet }
func (s *Service) Setup(ctx context.Context, code, name, password, via, remote string) (Actor, error) {
	return Actor{}, errNotYet
}

// Tokens are for programs. CreateToken returns the secret, which is never shown again.
func (s *Service) Tokens(ctx context.Context, a Actor) ([]Token, error) { return nil, errNotYet }
func (s *Service) CreateToken(ctx context.Context, a Actor, name string, role Role, ttl time.Duration) (Token, string, error) {
	return Token{}, "", errNotYet
}
func (s *Service) DeleteToken(ctx context.Context, a Actor, id string) error { return errNotYet }

func (s *Service) System(ctx context.Context, a Actor) (System, error) { return System{}, errNotYet }
func (s *Service) Interfaces(ctx context.Context, a Actor) ([]Interface, error) {
	return nil, errNotYet
}
func (s *Service) Log(ctx context.Context, a Actor, n int) ([]LogLine, error) { return nil, errNotYet }

// Events lists the newest first; before 0 starts at the newest.
func (s *Service) Events(ctx context.Context, a Actor, before int64, limit int) ([]Event, error) {
	return nil, errNotYet
}

// Watch hands out events as they happen until ctx ends. A watcher that does not
// keep up loses the oldest and gets an Event of kind "lost".
func (s *Service) Watch(ctx context.Context, a Actor) (<-chan Event, error) { return nil, errNotYet }
