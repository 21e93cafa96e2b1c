// Package storage owns the database of the box: configuration revisions, users,
// events, alarms and small states, as plain rows of its own. It never looks inside
// a document and knows nothing of what the rows mean.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// The errors that callers may want to tell apart.
var (
	ErrFull     = errors.New("the disk of the database is full: free some space")
	ErrDamaged  = errors.New("the database is damaged: move it away and restore a copy, or start without one")
	ErrNewer    = errors.New("the database was written by a newer version: install that version, or restore a copy from before")
	ErrReadOnly = errors.New("the database cannot be written: check owner and permissions of the data folder")
	ErrBusy     = errors.New("the database is held by another process")
)

// DB is an open database. It is safe for concurrent use. One connection writes, a
// few others read and are never kept waiting by it.
type DB struct {
	path         string
	write, read  *sql.DB
	keepEvents   int64
	keepAlarms   int64
	keepRevision int64
}

// How many rows of history are kept; older ones go when new ones come.
const (
	keepEvents    = 20_000
	keepAlarms    = 5_000
	keepRevisions = 1_000
	readers       = 4
	busyTimeout   = 5 * time.Second
)

// Open opens the database at path and brings its schema up to date. The file, and
// a missing folder around it, are made for the owner alone (0600, 0700). It checks
// the file and returns an error that wraps ErrDamaged, ErrNewer, ErrFull,
// ErrReadOnly or ErrBusy where one of them is the reason.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	// SQLite would make the file with the umask's mode; its -wal and -shm follow it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{path: path, keepEvents: keepEvents, keepAlarms: keepAlarms, keepRevision: keepRevisions}
	if err := d.connect(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return d, nil
}

// Newest returns the newest revision of the database at path as it lies there, of this
// version or an older one, with or without a daemon at work on it. Unlike Open it
// changes nothing: no mode, no schema, no file beside it.
func Newest(ctx context.Context, path string) (r Revision, found bool, err error) {
	how := "?mode=ro"
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		how += "&immutable=1" // nobody has it open; SQLite would make the files for those who might
	}
	d := &DB{path: path}
	if d.read, err = sql.Open("sqlite3", d.uri()+how+fmt.Sprintf("&_query_only=1&_busy_timeout=%d", busyTimeout.Milliseconds())); err != nil {
		return r, false, err
	}
	defer d.Close()
	return one(ctx, d, "read newest revision", scanRevision,
		"SELECT id, at, actor, comment, document, started FROM config_revision ORDER BY id DESC LIMIT 1")
}

// uri names the file to SQLite.
func (d *DB) uri() string { return "file:" + (&url.URL{Path: d.path}).EscapedPath() }

// connect opens the connections. The writer syncs every commit to the disk
// (synchronous=FULL): what was acknowledged survives a loss of power.
func (d *DB) connect(ctx context.Context) (err error) {
	common := fmt.Sprintf("_busy_timeout=%d&_foreign_keys=1", busyTimeout.Milliseconds())
	file := d.uri() + "?"
	if d.write, err = sql.Open("sqlite3", file+common+"&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate"); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if err := check(ctx, d.write); err != nil {
		return err
	}
	if err := migrate(ctx, d.write); err != nil {
		return err
	}
	if d.read, err = sql.Open("sqlite3", file+common+"&_query_only=1"); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(readers)
	return nil
}

// check reads every page once (PRAGMA quick_check).
func check(ctx context.Context, db *sql.DB) error {
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w (%s)", ErrDamaged, result)
	}
	return nil
}

// Close ends all use of the database. Rows that were acknowledged are on the disk
// whether it is called or not.
func (d *DB) Close() error {
	var errs []error
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Probe reads and writes the smallest thing there is and returns how long that
// took: what a health check asks.
func (d *DB) Probe(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	err := d.PutState(ctx, "storage/probe", []byte(began.UTC().Format(time.RFC3339)))
	return time.Since(began), err
}

// update runs f in a transaction of the writer and makes it last.
func (d *DB) update(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err == nil {
		if err = f(tx); err == nil {
			err = tx.Commit()
		}
		if err != nil {
			// A rollback after a failed commit is what SQLite asks for; its own error
			// would only hide the reason.
			_ = tx.Rollback()
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, explain(err))
	}
	return nil
}

// exec is update for one statement.
func (d *DB) exec(ctx context.Context, what, query string, args ...any) error {
	return d.update(ctx, what, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// list reads all rows of a query.
func list[T any](ctx context.Context, d *DB, what string, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := d.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, explain(err))
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, explain(err))
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, explain(err))
	}
	return out, nil
}

// one reads at most one row; found is false when there is none.
func one[T any](ctx context.Context, d *DB, what string, scan func(*sql.Rows) (T, error), query string, args ...any) (v T, found bool, err error) {
	all, err := list(ctx, d, what, scan, query, args...)
	if err != nil || len(all) == 0 {
		return v, false, err
	}
	return all[0], true, nil
}

// explain adds to an error of SQLite what an operator can do about it.
func explain(err error) error {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		return err
	}
	switch se.Code {
	case sqlite3.ErrFull:
		return fmt.Errorf("%w (%w)", ErrFull, err)
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return fmt.Errorf("%w (%w)", ErrReadOnly, err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("%w (%w)", ErrBusy, err)
	case sqlite3.ErrIoErr:
		if strings.Contains(se.SystemErrno.Error(), "no space") {
			return fmt.Errorf("%w (%w)", ErrFull, err)
		}
	}
	return err
}

// micros is how times are stored: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
