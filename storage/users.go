package storage

import (
	"context"
	"database/sql"
	"time"
)

// User is an operator account.
type User struct {
	Name      string
	Role      string
	Language  string
	Password  string    // encoded hash, empty for none
	LastLogin time.Time // zero for never
}

// Key is an SSH public key of a user.
type Key struct {
	User        string
	Fingerprint string
	Comment     string
	Line        string
}

// Users lists all users by name.
func (d *DB) Users(ctx context.Context) ([]User, error) {
	return list(ctx, d, "list users", scanUser, "SELECT name, role, language, password, last_login FROM user ORDER BY name")
}

// User returns one user.
func (d *DB) User(ctx context.Context, name string) (User, bool, error) {
	return one(ctx, d, "read user", scanUser, "SELECT name, role, language, password, last_login FROM user WHERE name = ?", name)
}

func scanUser(rows *sql.Rows) (u User, err error) {
	var at int64
	err = rows.Scan(&u.Name, &u.Role, &u.Language, &u.Password, &at)
	u.LastLogin = fromMicros(at)
	return u, err
}

// PutUser adds a user or replaces all fields of one.
func (d *DB) PutUser(ctx context.Context, u User) error {
	return d.exec(ctx, "store user", `INSERT INTO user (name, role, language, password, last_login) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET role = excluded.role, language = excluded.language, password = excluded.password, last_login = excluded.last_login`,
		u.Name, u.Role, u.Language, u.Password, micros(u.LastLogin))
}

// DeleteUser removes a user with all keys. A name that is not there is no error.
func (d *DB) DeleteUser(ctx context.Context, name string) error {
	return d.exec(ctx, "delete user", "DELETE FROM user WHERE name = ?", name)
}

// Keys lists the keys of all users, by user and fingerprint.
func (d *DB) Keys(ctx context.Context) ([]Key, error) {
	return list(ctx, d, "list keys", func(rows *sql.Rows) (k Key, err error) {
		err = rows.Scan(&k.User, &k.Fingerprint, &k.Comment, &k.Line)
		return k, err
	}, "SELECT user, fingerprint, comment, line FROM user_key ORDER BY user, fingerprint")
}

// PutKey adds a key to a user that exists, or replaces it.
func (d *DB) PutKey(ctx context.Context, k Key) error {
	return d.exec(ctx, "store key", "INSERT OR REPLACE INTO user_key (user, fingerprint, comment, line) VALUES (?, ?, ?, ?)",
		k.User, k.Fingerprint, k.Comment, k.Line)
}

// DeleteKey removes a key. One that is not there is no error.
func (d *DB) DeleteKey(ctx context.Context, user, fingerprint string) error {
	return d.exec(ctx, "delete key", "DELETE FROM user_key WHERE user = ? AND fingerprint = ?", user, fingerprint)
}

// Token is an API token: the hash of its secret, never the secret.
type Token struct {
	ID      string
	Name    string
	Role    string
	By      string
	Hash    []byte
	Created time.Time
	Expires time.Time // zero for never
	Used    time.Time // zero for never
}

// Tokens lists all tokens, newest first.
func (d *DB) Tokens(ctx context.Context) ([]Token, error) {
	return list(ctx, d, "list tokens", scanToken, "SELECT id, name, role, author, hash, created, expires, used FROM token ORDER BY created DESC, id")
}

// Token returns one token.
func (d *DB) Token(ctx context.Context, id string) (Token, bool, error) {
	return one(ctx, d, "read token", scanToken, "SELECT id, name, role, author, hash, created, expires, used FROM token WHERE id = ?", id)
}

func scanToken(rows *sql.Rows) (t Token, err error) {
	var created, expires, used int64
	err = rows.Scan(&t.ID, &t.Name, &t.Role, &t.By, &t.Hash, &created, &expires, &used)
	t.Created, t.Expires, t.Used = fromMicros(created), fromMicros(expires), fromMicros(used)
	return t, err
}

// PutToken adds a token or replaces it.
func (d *DB) PutToken(ctx context.Context, t Token) error {
	return d.exec(ctx, "store token", "INSERT OR REPLACE INTO token (id, name, role, author, hash, created, expires, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		t.ID, t.Name, t.Role, t.By, t.Hash, micros(t.Created), micros(t.Expires), micros(t.Used))
}

// TouchToken notes when a token was used; a token that is gone stays gone.
func (d *DB) TouchToken(ctx context.Context, id string, used time.Time) error {
	return d.exec(ctx, "store token", "UPDATE token SET used = ? WHERE id = ?", micros(used), id)
}

// DeleteToken removes a token. One that is not there is no error.
func (d *DB) DeleteToken(ctx context.Context, id string) error {
	return d.exec(ctx, "delete token", "DELETE FROM token WHERE id = ?", id)
}

// Lock is a lock-out after failed logins that must outlast a restart.
type Lock struct {
	Key   string // who is locked out, in the form of the caller
	Locks int    // how often in a row
	Until time.Time
}

// Locks lists the locks that were stored and not deleted.
func (d *DB) Locks(ctx context.Context) ([]Lock, error) {
	return list(ctx, d, "list locks", func(rows *sql.Rows) (l Lock, err error) {
		var until int64
		err = rows.Scan(&l.Key, &l.Locks, &until)
		l.Until = fromMicros(until)
		return l, err
	}, "SELECT key, locks, until FROM login_lock ORDER BY key")
}

// PutLock adds or replaces a lock, and drops those that ended more than a day
// before it ends.
func (d *DB) PutLock(ctx context.Context, l Lock) error {
	return d.update(ctx, "store lock", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM login_lock WHERE until < ?", micros(l.Until.Add(-24*time.Hour))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO login_lock (key, locks, until) VALUES (?, ?, ?)", l.Key, l.Locks, micros(l.Until))
		return err
	})
}

// DeleteLock removes a lock. One that is not there is no error.
func (d *DB) DeleteLock(ctx context.Context, key string) error {
	return d.exec(ctx, "delete lock", "DELETE FROM login_lock WHERE key = ?", key)
}

// TouchUser notes when a user last logged in.
func (d *DB) TouchUser(ctx context.Context, name string, at time.Time) error {
	return d.exec(ctx, "store login", "UPDATE user SET last_login = ? WHERE name = ?", micros(at), name)
}
