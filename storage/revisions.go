package storage

import (
	"context"
	"database/sql"
	"time"
)

// Revision is one committed configuration.
type Revision struct {
	ID       int64
	At       time.Time
	Actor    string
	Comment  string
	Document []byte
	Started  bool // it has run on this box
}

// AddRevision stores r as the newest revision, and e as its event, in one
// transaction, if base is the newest so far (0 for none). When it returns stored,
// the revision is on the disk; id and event are the IDs of the two, those of r and e
// are ignored. The oldest revisions go when there are more than 1000.
func (d *DB) AddRevision(ctx context.Context, base int64, r Revision, e Event) (id, event int64, stored bool, err error) {
	err = d.update(ctx, "store revision", func(tx *sql.Tx) error {
		var newest int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM config_revision").Scan(&newest); err != nil || newest != base {
			return err
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO config_revision (at, actor, comment, document, started) VALUES (?, ?, ?, ?, ?)",
			micros(r.At), r.Actor, r.Comment, r.Document, r.Started)
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, "DELETE FROM config_revision WHERE id <= ?", id-d.keepRevision); err != nil {
			return err
		}
		stored = true
		event, err = d.insertEvent(ctx, tx, e)
		return err
	})
	if err != nil {
		return 0, 0, false, err
	}
	return id, event, stored, nil
}

// MarkStarted notes that a revision has run on this box.
func (d *DB) MarkStarted(ctx context.Context, id int64) error {
	return d.exec(ctx, "mark revision", "UPDATE config_revision SET started = 1 WHERE id = ?", id)
}

// Revision returns one revision with its document.
func (d *DB) Revision(ctx context.Context, id int64) (Revision, bool, error) {
	return one(ctx, d, "read revision", scanRevision, "SELECT id, at, actor, comment, document, started FROM config_revision WHERE id = ?", id)
}

// Revisions lists at most limit revisions older than before, newest first, without
// their documents; before 0 starts at the newest.
func (d *DB) Revisions(ctx context.Context, before int64, limit int) ([]Revision, error) {
	return list(ctx, d, "list revisions", scanRevision,
		"SELECT id, at, actor, comment, NULL, started FROM config_revision WHERE ? = 0 OR id < ? ORDER BY id DESC LIMIT ?", before, before, limit)
}

func scanRevision(rows *sql.Rows) (r Revision, err error) {
	var at int64
	err = rows.Scan(&r.ID, &at, &r.Actor, &r.Comment, &r.Document, &r.Started)
	r.At = fromMicros(at)
	return r, err
}
