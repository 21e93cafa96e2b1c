// Package controltest owns a store in memory and an engine that runs nothing, for
// tests of control and of the doors to it.
package controltest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"sigma/headend/control"
)

// Store is a control.Store in memory. The zero value is empty and ready. It is
// safe for concurrent use.
type Store struct {
	mu        sync.Mutex
	err       error
	revisions []control.StoredRevision
	users     []control.StoredUser
	keys      []control.StoredKey
	tokens    []control.StoredToken
	locks     []control.StoredLock
	events    []control.Event
	alarms    []control.Alarm
	state     map[string][]byte
}

// Fail makes every later change fail with err, until it is nil again.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// change runs f with the lock held, unless changes fail.
func (s *Store) change(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		f()
	}
	return s.err
}

func find[T any](s *Store, all *[]T, is func(T) bool) (v T, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(*all, is); i >= 0 {
		return (*all)[i], true, nil
	}
	return v, false, nil
}

// put replaces the item that is the same, or appends.
func put[T any](all *[]T, v T, same func(T) bool) {
	if i := slices.IndexFunc(*all, same); i >= 0 {
		(*all)[i] = v
		return
	}
	*all = append(*all, v)
}

// newest returns up to limit items whose ID is below before, from the end.
func newest[T any](all []T, id func(T) int64, before int64, limit int) []T {
	var out []T
	for _, v := range slices.Backward(all) {
		if (before == 0 || id(v) < before) && len(out) < limit {
			out = append(out, v)
		}
	}
	return out
}

// AddRevision implements control.Store.
func (s *Store) AddRevision(_ context.Context, base int64, r control.StoredRevision, e control.Event) (id, event int64, stored bool, err error) {
	err = s.change(func() {
		if base != int64(len(s.revisions)) {
			return
		}
		r.ID, e.ID = base+1, int64(len(s.events)+1)
		s.revisions, s.events = append(s.revisions, r), append(s.events, e)
		id, event, stored = r.ID, e.ID, true
	})
	return id, event, stored, err
}

// MarkStarted implements control.Store.
func (s *Store) MarkStarted(_ context.Context, id int64) error {
	return s.change(func() { s.revisions[id-1].Started = true })
}

// Revision implements control.Store.
func (s *Store) Revision(_ context.Context, id int64) (control.StoredRevision, bool, error) {
	return find(s, &s.revisions, func(r control.StoredRevision) bool { return r.ID == id })
}

// Revisions implements control.Store.
func (s *Store) Revisions(_ context.Context, before int64, limit int) ([]control.StoredRevision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := newest(s.revisions, func(r control.StoredRevision) int64 { return r.ID }, before, limit)
	for i := range out {
		out[i].Document = nil
	}
	return out, nil
}

// Users implements control.Store.
func (s *Store) Users(context.Context) ([]control.StoredUser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.users), func(a, b control.StoredUser) int { return strings.Compare(a.Name, b.Name) }), nil
}

// User implements control.Store.
func (s *Store) User(_ context.Context, name string) (control.StoredUser, bool, error) {
	return find(s, &s.users, func(u control.StoredUser) bool { return u.Name == name })
}

// PutUser implements control.Store.
func (s *Store) PutUser(_ context.Context, u control.StoredUser) error {
	return s.change(func() { put(&s.users, u, func(o control.StoredUser) bool { return o.Name == u.Name }) })
}

// TouchUser implements control.Store.
func (s *Store) TouchUser(_ context.Context, name string, at time.Time) error {
	return s.change(func() {
		for i := range s.users {
			if s.users[i].Name == name {
				s.users[i].LastLogin = at
			}
		}
	})
}

// DeleteUser implements control.Store.
func (s *Store) DeleteUser(_ context.Context, name string) error {
	return s.change(func() {
		s.users = slices.DeleteFunc(s.users, func(u control.StoredUser) bool { return u.Name == name })
		s.keys = slices.DeleteFunc(s.keys, func(k control.StoredKey) bool { return k.User == name })
	})
}

// Keys implements control.Store.
func (s *Store) Keys(context.Context) ([]control.StoredKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), nil
}

// PutKey implements control.Store.
func (s *Store) PutKey(_ context.Context, k control.StoredKey) error {
	return s.change(func() {
		put(&s.keys, k, func(o control.StoredKey) bool { return o.User == k.User && o.Fingerprint == k.Fingerprint })
	})
}

// DeleteKey implements control.Store.
func (s *Store) DeleteKey(_ context.Context, user, fingerprint string) error {
	return s.change(func() {
		s.keys = slices.DeleteFunc(s.keys, func(k control.StoredKey) bool { return k.User == user && k.Fingerprint == fingerprint })
	})
}

// Tokens implements control.Store.
func (s *Store) Tokens(context.Context) ([]control.StoredToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens), nil
}

// Token implements control.Store.
func (s *Store) Token(_ context.Context, id string) (control.StoredToken, bool, error) {
	return find(s, &s.tokens, func(t control.StoredToken) bool { return t.ID == id })
}

// PutToken implements control.Store.
func (s *Store) PutToken(_ context.Context, t control.StoredToken) error {
	return s.change(func() { put(&s.tokens, t, func(o control.StoredToken) bool { return o.ID == t.ID }) })
}

// TouchToken implements control.Store.
func (s *Store) TouchToken(_ context.Context, id string, used time.Time) error {
	return s.change(func() {
		for i := range s.tokens {
			if s.tokens[i].ID == id {
				s.tokens[i].Used = used
			}
		}
	})
}

// DeleteToken implements control.Store.
func (s *Store) DeleteToken(_ context.Context, id string) error {
	return s.change(func() {
		s.tokens = slices.DeleteFunc(s.tokens, func(t control.StoredToken) bool { return t.ID == id })
	})
}

// Locks implements control.Store.
func (s *Store) Locks(context.Context) ([]control.StoredLock, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.locks), nil
}

// PutLock implements control.Store.
func (s *Store) PutLock(_ context.Context, l control.StoredLock) error {
	return s.change(func() { put(&s.locks, l, func(o control.StoredLock) bool { return o.Key == l.Key }) })
}

// DeleteLock implements control.Store.
func (s *Store) DeleteLock(_ context.Context, key string) error {
	return s.change(func() {
		s.locks = slices.DeleteFunc(s.locks, func(l control.StoredLock) bool { return l.Key == key })
	})
}

// AddEvent implements control.Store.
func (s *Store) AddEvent(_ context.Context, e control.Event) (id int64, err error) {
	err = s.change(func() {
		id = int64(len(s.events) + 1)
		e.ID = id
		s.events = append(s.events, e)
	})
	return id, err
}

// Events implements control.Store.
func (s *Store) Events(_ context.Context, before int64, limit int) ([]control.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return newest(s.events, func(e control.Event) int64 { return e.ID }, before, limit), nil
}

// PutAlarm implements control.Store.
func (s *Store) PutAlarm(_ context.Context, a control.Alarm) error {
	return s.change(func() { put(&s.alarms, a, func(o control.Alarm) bool { return o.ID == a.ID }) })
}

// Alarms implements control.Store.
func (s *Store) Alarms(_ context.Context, limit int) ([]control.Alarm, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return newest(s.alarms, func(a control.Alarm) int64 { return a.ID }, 0, limit), nil
}

// CloseAlarms implements control.Store.
func (s *Store) CloseAlarms(_ context.Context, at time.Time) (last int64, err error) {
	err = s.change(func() {
		for i := range s.alarms {
			if s.alarms[i].Cleared.IsZero() {
				s.alarms[i].Cleared = at
			}
			last = max(last, s.alarms[i].ID)
		}
	})
	return last, err
}

// State implements control.Store.
func (s *Store) State(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.state[key]
	return b, ok, nil
}

// PutState implements control.Store.
func (s *Store) PutState(_ context.Context, key string, value []byte) error {
	return s.change(func() {
		if s.state == nil {
			s.state = map[string][]byte{}
		}
		s.state[key] = value
	})
}

// DeleteState implements control.Store.
func (s *Store) DeleteState(_ context.Context, key string) error {
	return s.change(func() { delete(s.state, key) })
}

var _ control.Store = (*Store)(nil)
