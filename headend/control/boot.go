package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sigma/headend/alarm"
	"sigma/headend/auth"
	"sigma/headend/config"
)

// bootTries is how many revisions Boot tries before it starts without channels.
const bootTries = 10

// Boot starts the newest configuration that starts. If the newest does not, an
// alarm says so and which one runs instead; if none of the last ten does, the box
// runs without channels so that it can be mended. With an empty store, initial is
// stored as the first revision. It must be called once, before the tracker runs.
func (s *Service) Boot(ctx context.Context, initial Config) (Revision, error) {
	s.change.Lock()
	defer s.change.Unlock()
	if err := s.recover(ctx); err != nil {
		return Revision{}, unavailable(err)
	}
	rows, err := s.store.Revisions(ctx, 0, bootTries)
	if err != nil {
		return Revision{}, unavailable(err)
	}
	if len(rows) == 0 {
		return s.first(ctx, initial)
	}
	var failures []error
	for _, row := range rows {
		c, err := s.start(ctx, row.ID)
		if ctx.Err() != nil {
			return Revision{}, unavailable(context.Cause(ctx))
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("revision %d: %w", row.ID, err))
			continue
		}
		return s.started(ctx, row, c, rows[0].ID, failures), nil
	}
	c := config.Defaults()
	if err := s.engine.Apply(ctx, c); err != nil {
		return Revision{}, unavailable(errors.Join(append(failures, err)...))
	}
	return s.started(ctx, StoredRevision{}, c, rows[0].ID, failures), nil
}

// recover takes over what an earlier process left.
func (s *Service) recover(ctx context.Context) error {
	last, err := s.store.CloseAlarms(ctx, s.now())
	if err != nil {
		return err
	}
	s.alarms.LastID = max(s.alarms.LastID, last)
	rows, err := s.store.Locks(ctx)
	var locks []auth.Lock
	for _, l := range rows {
		locks = append(locks, auth.Lock(l))
	}
	s.lock.Restore(locks, s.now())
	return err
}

// first runs and stores the configuration of a new box.
func (s *Service) first(ctx context.Context, initial Config) (Revision, error) {
	if err := check(initial); err != nil {
		return Revision{}, err
	}
	if err := s.engine.Apply(ctx, initial); err != nil {
		return Revision{}, notApplied(err)
	}
	document, err := json.Marshal(initial)
	if err != nil {
		return Revision{}, unavailable(err)
	}
	rev, err := s.keep(ctx, Actor{Name: "system"}, &running{}, document, "first start")
	if err != nil {
		return Revision{}, unavailable(err)
	}
	s.current.Store(&running{rev: rev, config: initial, newest: rev.ID})
	return rev, nil
}

// start tries to run one revision.
func (s *Service) start(ctx context.Context, id int64) (Config, error) {
	_, c, err := s.load(ctx, id)
	if err != nil {
		return Config{}, err
	}
	if err := check(c); err != nil {
		return Config{}, err
	}
	return c, s.engine.Apply(ctx, c)
}

func (s *Service) started(ctx context.Context, row StoredRevision, c Config, newest int64, failures []error) Revision {
	rev := s.revision(row)
	rev.Running = true
	s.current.Store(&running{rev: rev, config: c, newest: newest})
	if row.ID != 0 && !row.Started {
		if err := s.store.MarkStarted(ctx, row.ID); err != nil {
			s.alarms.Set(alarm.DatabaseFailed, "database", true, err.Error())
		}
	}
	if len(failures) > 0 {
		what := fmt.Sprintf("revision %d runs", row.ID)
		if row.ID == 0 {
			what = "no channel runs"
		}
		detail := what + " instead of " + failures[0].Error()
		s.alarms.Set(alarm.ConfigRolledBack, "box", true, detail)
		s.event(ctx, Actor{Name: "system"}, "config_rolled_back", "config", detail)
	}
	return rev
}
