package control

import (
	"context"
	"time"
)

// Store keeps what must outlast the process. A method that returns nil has made
// its change last. Reads that find nothing answer false, not an error.
type Store interface {
	// AddRevision stores a revision with its event if base is the newest, else it
	// answers false. It ignores the IDs of both and returns those they have got.
	AddRevision(ctx context.Context, base int64, r StoredRevision, e Event) (id, event int64, stored bool, err error)
	MarkStarted(ctx context.Context, id int64) error
	Revision(ctx context.Context, id int64) (StoredRevision, bool, error)
	// Revisions lists without documents, newest first; before 0 starts at the newest.
	Revisions(ctx context.Context, before int64, limit int) ([]StoredRevision, error)

	Users(ctx context.Context) ([]StoredUser, error)
	User(ctx context.Context, name string) (StoredUser, bool, error)
	PutUser(ctx context.Context, u StoredUser) error
	TouchUser(ctx context.Context, name string, at time.Time) error
	DeleteUser(ctx context.Context, name string) error // with all keys
	Keys(ctx context.Context) ([]StoredKey, error)
	PutKey(ctx context.Context, k StoredKey) error
	DeleteKey(ctx context.Context, user, fingerprint string) error

	Tokens(ctx context.Context) ([]StoredToken, error)
	Token(ctx context.Context, id string) (StoredToken, bool, error)
	PutToken(ctx context.Context, t StoredToken) error
	TouchToken(ctx context.Context, id string, used time.Time) error
	DeleteToken(ctx context.Context, id string) error

	Locks(ctx context.Context) ([]StoredLock, error)
	PutLock(ctx context.Context, l StoredLock) error
	DeleteLock(ctx context.Context, key string) error

	AddEvent(ctx context.Context, e Event) (int64, error)
	Events(ctx context.Context, before int64, limit int) ([]Event, error)
	PutAlarm(ctx context.Context, a Alarm) error
	Alarms(ctx context.Context, limit int) ([]Alarm, error)
	CloseAlarms(ctx context.Context, at time.Time) (last int64, err error)

	State(ctx context.Context, key string) ([]byte, bool, error)
	PutState(ctx context.Context, key string, value []byte) error
	DeleteState(ctx context.Context, key string) error
}

// StoredRevision is a revision with its document, as JSON.
type StoredRevision struct {
	ID       int64
	At       time.Time
	Actor    string
	Comment  string
	Document []byte
	Started  bool // it has run on this box
}

// StoredUser is an account with the hash of its password.
type StoredUser struct {
	Name      string
	Role      string
	Language  string
	Password  string
	LastLogin time.Time
}

// StoredKey is an SSH key of a user.
type StoredKey struct {
	User        string
	Fingerprint string
	Comment     string
	Line        string
}

// StoredToken is a token with the hash of its secret.
type StoredToken struct {
	ID      string
	Name    string
	Role    string
	By      string
	Hash    []byte
	Created time.Time
	Expires time.Time
	Used    time.Time
}

// StoredLock is a lock-out that outlasts a restart.
type StoredLock struct {
	Key   string
	Locks int
	Until time.Time
}
