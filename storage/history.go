package storage

import (
	"context"
	"database/sql"
	"time"
)

// Event is something that happened.
type Event struct {
	ID     int64
	At     time.Time
	Kind   string
	Actor  string
	Object string
	Text   string
}

// AddEvent stores an event and returns its ID; the ID of e is ignored. The oldest
// events go when there are more than 20000.
func (d *DB) AddEvent(ctx context.Context, e Event) (id int64, err error) {
	err = d.update(ctx, "store event", func(tx *sql.Tx) error {
		id, err = d.insertEvent(ctx, tx, e)
		return err
	})
	return id, err
}

func (d *DB) insertEvent(ctx context.Context, tx *sql.Tx, e Event) (int64, error) {
	res, err := tx.ExecContext(ctx, "INSERT INTO event (at, kind, actor, object, text) VALUES (?, ?, ?, ?, ?)",
		micros(e.At), e.Kind, e.Actor, e.Object, e.Text)
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM event WHERE id <= ?", id-d.keepEvents)
	return id, err
}

// Events lists at most limit events older than before, newest first; before 0
// starts at the newest.
func (d *DB) Events(ctx context.Context, before int64, limit int) ([]Event, error) {
	return list(ctx, d, "list events", func(rows *sql.Rows) (e Event, err error) {
		var at int64
		err = rows.Scan(&e.ID, &at, &e.Kind, &e.Actor, &e.Object, &e.Text)
		e.At = fromMicros(at)
		return e, err
	}, "SELECT id, at, kind, actor, object, text FROM event WHERE ? = 0 OR id < ? ORDER BY id DESC LIMIT ?", before, before, limit)
}

// Alarm is one alarm that is raised, or was.
type Alarm struct {
	ID       int64
	Code     string
	Severity uint8
	Object   string
	Detail   string
	Raised   time.Time
	Cleared  time.Time // zero while raised
	AckedBy  string
	Acked    time.Time
}

// PutAlarm adds an alarm or replaces the one with its ID. The oldest go when there
// are more than 5000.
func (d *DB) PutAlarm(ctx context.Context, a Alarm) error {
	return d.update(ctx, "store alarm", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO alarm (id, code, severity, object, detail, raised, cleared, acked_by, acked)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			a.ID, a.Code, a.Severity, a.Object, a.Detail, micros(a.Raised), micros(a.Cleared), a.AckedBy, micros(a.Acked))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM alarm WHERE id <= ?", a.ID-d.keepAlarms)
		return err
	})
}

// Alarms lists at most limit alarms, newest first.
func (d *DB) Alarms(ctx context.Context, limit int) ([]Alarm, error) {
	return list(ctx, d, "list alarms", func(rows *sql.Rows) (a Alarm, err error) {
		var raised, cleared, acked int64
		err = rows.Scan(&a.ID, &a.Code, &a.Severity, &a.Object, &a.Detail, &raised, &cleared, &a.AckedBy, &acked)
		a.Raised, a.Cleared, a.Acked = fromMicros(raised), fromMicros(cleared), fromMicros(acked)
		return a, err
	}, "SELECT id, code, severity, object, detail, raised, cleared, acked_by, acked FROM alarm ORDER BY id DESC LIMIT ?", limit)
}

// CloseAlarms clears every alarm that is still raised: what was raised by a process
// that is gone is judged anew. It returns the highest ID there is.
func (d *DB) CloseAlarms(ctx context.Context, at time.Time) (last int64, err error) {
	err = d.update(ctx, "close alarms", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE alarm SET cleared = ? WHERE cleared = 0", micros(at)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM alarm").Scan(&last)
	})
	return last, err
}

// State returns a small value that was put under key.
func (d *DB) State(ctx context.Context, key string) ([]byte, bool, error) {
	return one(ctx, d, "read state", func(rows *sql.Rows) (b []byte, err error) {
		err = rows.Scan(&b)
		return b, err
	}, "SELECT value FROM state WHERE key = ?", key)
}

// PutState stores a small value under key, in place of the one before.
func (d *DB) PutState(ctx context.Context, key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return d.exec(ctx, "store state", "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", key, value)
}

// DeleteState removes a value. One that is not there is no error.
func (d *DB) DeleteState(ctx context.Context, key string) error {
	return d.exec(ctx, "delete state", "DELETE FROM state WHERE key = ?", key)
}
