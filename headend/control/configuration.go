package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"sigma/headend/alarm"
	"sigma/headend/auth"
	"sigma/headend/config"
	"sigma/headend/config/text"
)

const maxComment = 1000 // bytes

// MaxList is the most entries that a list method returns at once.
const MaxList = 1000

func clampLimit(n int) int {
	if n <= 0 || n > MaxList {
		return MaxList
	}
	return n
}

// Config returns the configuration that runs. Its revision is the base for
// Propose and Commit. Viewers see no secrets.
func (s *Service) Config(ctx context.Context, a Actor) (Revision, Config, error) {
	if err := s.allow(a, "Config"); err != nil {
		return Revision{}, Config{}, err
	}
	cur, err := s.state()
	if err != nil {
		return Revision{}, Config{}, err
	}
	return cur.rev, s.shown(a, cur.config), nil
}

// shown is a copy of c as the actor may see it.
func (s *Service) shown(a Actor, c Config) Config {
	if s.role(a) < auth.Operator {
		return c.Redacted()
	}
	return c.Clone()
}

// Revisions lists the newest first; before 0 starts at the newest. At most MaxList
// are returned.
func (s *Service) Revisions(ctx context.Context, a Actor, before int64, limit int) ([]Revision, error) {
	if err := s.allow(a, "Revisions"); err != nil {
		return nil, err
	}
	rows, err := s.store.Revisions(ctx, before, clampLimit(limit))
	if err != nil {
		return nil, unavailable(err)
	}
	out := make([]Revision, 0, len(rows))
	for _, r := range rows {
		out = append(out, s.revision(r))
	}
	return out, nil
}

func (s *Service) revision(r StoredRevision) Revision {
	cur := s.current.Load()
	return Revision{ID: r.ID, At: r.At, Actor: r.Actor, Comment: r.Comment, Running: cur != nil && cur.rev.ID == r.ID}
}

// Revision returns one revision with its document, without secrets for viewers.
func (s *Service) Revision(ctx context.Context, a Actor, id int64) (Revision, Config, error) {
	if err := s.allow(a, "Revision"); err != nil {
		return Revision{}, Config{}, err
	}
	r, c, err := s.load(ctx, id)
	if err != nil {
		return Revision{}, Config{}, err
	}
	return r, s.shown(a, c), nil
}

func (s *Service) load(ctx context.Context, id int64) (Revision, Config, error) {
	row, found, err := s.store.Revision(ctx, id)
	if err != nil {
		return Revision{}, Config{}, unavailable(err)
	}
	if !found {
		return Revision{}, Config{}, notFound("revision", id)
	}
	c, err := decode(row.Document)
	if err != nil {
		return Revision{}, Config{}, invalid(fmt.Sprintf("revision %d cannot be read by this version", id), err)
	}
	return s.revision(row), c, nil
}

// decode reads a stored document. Fields that this version does not know are an
// error: leaving them out in silence would change what the box does.
func decode(b []byte) (c Config, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(&c)
	return c, err
}

// Diff compares two revisions. Secrets are masked.
func (s *Service) Diff(ctx context.Context, a Actor, from, to int64) ([]Change, error) {
	if err := s.allow(a, "Diff"); err != nil {
		return nil, err
	}
	_, x, err := s.load(ctx, from)
	if err != nil {
		return nil, err
	}
	_, y, err := s.load(ctx, to)
	if err != nil {
		return nil, err
	}
	return config.Diff(x, y), nil
}

// Validate checks a configuration as one types: nil, or ErrInvalid with every
// field that is wrong. Nothing moves.
func (s *Service) Validate(ctx context.Context, a Actor, c Config) error {
	if err := s.allow(a, "Validate"); err != nil {
		return err
	}
	cur, err := s.state()
	if err != nil {
		return err
	}
	return check(c.Unredacted(cur.config))
}

func check(c Config) error {
	if err := config.Validate(c); err != nil {
		return invalid("the configuration is not valid", err)
	}
	return nil
}

// prepare makes of what an operator sent what could run: it fills in the secrets
// that were masked, and checks base, values and rights.
func (s *Service) prepare(a Actor, base int64, c Config, cur *running) (Config, error) {
	if base != cur.rev.ID {
		return Config{}, ErrConflict
	}
	c = c.Unredacted(cur.config)
	if err := check(c); err != nil {
		return Config{}, err
	}
	if c.Box != cur.config.Box {
		if err := s.need(a, auth.Admin); err != nil {
			return Config{}, &Error{Code: CodeForbidden, Text: "settings of the box can be changed by an admin only"}
		}
	}
	return c, nil
}

// Propose says what committing c on top of base would do. Nothing moves.
func (s *Service) Propose(ctx context.Context, a Actor, base int64, c Config) (Plan, error) {
	if err := s.allow(a, "Propose"); err != nil {
		return Plan{}, err
	}
	cur, err := s.state()
	if err != nil {
		return Plan{}, err
	}
	next, err := s.prepare(a, base, c, cur)
	if err != nil {
		return Plan{}, err
	}
	interrupts, warnings, err := s.engine.Check(ctx, next)
	if err != nil {
		return Plan{}, notApplied(err)
	}
	return Plan{
		Base: base, Changes: config.Diff(cur.config, next), Interrupts: interrupts,
		Warnings: append(config.Warnings(next), warnings...),
	}, nil
}

func notApplied(err error) error {
	e := &Error{Code: CodeNotApplied, Text: "this machine cannot run the configuration; what ran goes on"}
	if !errors.As(err, &e.Fields) {
		e.Cause = err
	}
	return e
}

// Commit applies c and stores it: when it returns nil, c runs and survives a loss
// of power. ErrConflict when base is no longer what runs. On any error what ran
// goes on, and nothing is stored. If c is what runs, its revision is returned.
func (s *Service) Commit(ctx context.Context, a Actor, base int64, c Config, comment string) (Revision, error) {
	if err := s.allow(a, "Commit"); err != nil {
		return Revision{}, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	return s.commit(ctx, a, base, c, comment)
}

// Restore commits the document of an earlier revision as a new one.
func (s *Service) Restore(ctx context.Context, a Actor, id int64, comment string) (Revision, error) {
	if err := s.allow(a, "Restore"); err != nil {
		return Revision{}, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	_, c, err := s.load(ctx, id)
	if err != nil {
		return Revision{}, err
	}
	cur, err := s.state()
	if err != nil {
		return Revision{}, err
	}
	if comment == "" {
		comment = fmt.Sprintf("restored revision %d", id)
	}
	return s.commit(ctx, a, cur.rev.ID, c, comment)
}

// commit is Commit with the change mutex held.
func (s *Service) commit(ctx context.Context, a Actor, base int64, c Config, comment string) (Revision, error) {
	cur, err := s.state()
	if err != nil {
		return Revision{}, err
	}
	if len(comment) > maxComment {
		return Revision{}, invalid("the comment", fmt.Errorf("is %d bytes long: expected at most %d", len(comment), maxComment))
	}
	next, err := s.prepare(a, base, c, cur)
	if err != nil {
		return Revision{}, err
	}
	if reflect.DeepEqual(next, cur.config) && cur.rev.ID == cur.newest {
		return cur.rev, nil
	}
	document, err := json.Marshal(next)
	if err != nil {
		return Revision{}, invalid("the configuration cannot be stored", err)
	}
	if err := s.rehearse(ctx, document); err != nil {
		return Revision{}, &Error{Code: CodeUnavailable, Text: "the configuration could not be stored; what runs goes on", Cause: err}
	}
	if err := s.engine.Apply(ctx, next); err != nil {
		return Revision{}, notApplied(err)
	}
	rev, err := s.keep(ctx, a, cur, document, comment)
	if err != nil {
		return Revision{}, s.undo(ctx, cur, err)
	}
	s.current.Store(&running{rev: rev, config: next, newest: rev.ID})
	s.alarms.Set(alarm.ConfigRolledBack, "box", false, "")
	return rev, nil
}

// rehearsal is the state under which a document is stored before it runs.
const rehearsal = "config/rehearsal"

// rehearse stores a document and removes it again: a database that cannot be written
// is to be found before anything on air moves. A transaction that is open meanwhile
// would not do: it reaches the disk at its end, and keeps the engine from storing.
func (s *Service) rehearse(ctx context.Context, document []byte) error {
	ctx = context.WithoutCancel(ctx)
	err := s.store.PutState(ctx, rehearsal, document)
	if err == nil {
		err = s.store.DeleteState(ctx, rehearsal) // its room in the file is that of the revision
	}
	s.alarms.Set(alarm.DatabaseFailed, "database", err != nil, errText(err))
	return err
}

// keep stores a document that runs. Who asked may be gone by now: that is no
// reason to undo it.
func (s *Service) keep(ctx context.Context, a Actor, cur *running, document []byte, comment string) (Revision, error) {
	row := StoredRevision{At: s.now(), Actor: a.Name, Comment: comment, Document: document, Started: true}
	e := Event{At: row.At, Kind: "config_committed", Actor: a.Name, Object: "config", Text: comment}
	id, event, stored, err := s.store.AddRevision(context.WithoutCancel(ctx), cur.newest, row, e)
	switch {
	case err != nil:
		s.alarms.Set(alarm.DatabaseFailed, "database", true, err.Error())
		return Revision{}, err
	case !stored:
		return Revision{}, ErrConflict
	}
	s.alarms.Set(alarm.DatabaseFailed, "database", false, "")
	e.ID = event
	s.publish(e)
	return Revision{ID: id, At: row.At, Actor: a.Name, Comment: comment, Running: true}, nil
}

// undo goes back to what ran before a configuration that could not be stored.
func (s *Service) undo(ctx context.Context, cur *running, why error) error {
	if err := s.engine.Apply(context.WithoutCancel(ctx), cur.config); err != nil {
		why = errors.Join(why, fmt.Errorf("and the configuration before it cannot be run again: %w", err))
	}
	if errors.Is(why, ErrConflict) {
		return why
	}
	return &Error{Code: CodeUnavailable, Text: "the configuration could not be stored, what ran before runs again", Cause: why}
}

// Export writes the running configuration as text, without secrets; each is a ***
// that keeps the secret when the text is applied to this box.
func (s *Service) Export(ctx context.Context, a Actor) ([]byte, error) {
	if err := s.allow(a, "Export"); err != nil {
		return nil, err
	}
	return s.export(config.Config.Redacted)
}

// ExportSecrets is Export with the secrets, for a copy or another box.
func (s *Service) ExportSecrets(ctx context.Context, a Actor) ([]byte, error) {
	if err := s.allow(a, "ExportSecrets"); err != nil {
		return nil, err
	}
	return s.export(config.Config.Clone)
}

func (s *Service) export(form func(Config) Config) ([]byte, error) {
	cur, err := s.state()
	if err != nil {
		return nil, err
	}
	b, err := text.Marshal(form(cur.config))
	if err != nil {
		return nil, unavailable(err)
	}
	return b, nil
}

// Parse reads the text form. On ErrInvalid every error has line, column and path,
// and the configuration is what could be read.
func (s *Service) Parse(ctx context.Context, a Actor, b []byte) (Config, error) {
	if err := s.allow(a, "Parse"); err != nil {
		return Config{}, err
	}
	cur, err := s.state()
	if err != nil {
		return Config{}, err
	}
	doc, err := text.Parse(b)
	if errs := doc.Validate(err, doc.Config.Unredacted(cur.config)); len(errs) > 0 {
		return doc.Config, &Error{Code: CodeInvalid, Text: "the text is not a valid configuration", Fields: errs}
	}
	return doc.Config, nil
}
