package storage

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var files embed.FS

// migration is one step of the schema. The version of a database is the number of
// the last step it took, kept in PRAGMA user_version.
type migration struct {
	version int
	name    string
	script  string
}

// migrations returns the steps in order. Their numbers run from 1 without holes.
func migrations() ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var out []migration
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.Atoi(number)
		if err != nil || n != i+1 {
			return nil, fmt.Errorf("%s: expected number %d", name, i+1)
		}
		script, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{version: n, name: name, script: string(script)})
	}
	return out, nil
}

// migrate takes the steps that db lacks, each in a transaction of its own, so that
// a crash leaves the database at a whole step.
func migrate(ctx context.Context, db *sql.DB) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(all) {
		return fmt.Errorf("%w (schema %d, this version knows %d)", ErrNewer, have, len(all))
	}
	for _, m := range all[have:] {
		if err := step(ctx, db, m); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, m migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, m.script+"\n;PRAGMA user_version = "+strconv.Itoa(m.version))
	if err == nil {
		return tx.Commit()
	}
	_ = tx.Rollback() // the error of the script is the one that says why
	return err
}
