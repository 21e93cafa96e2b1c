package headend

import (
	"context"

	"sigma/headend/alarm"
	"sigma/headend/control"
	"sigma/storage"
)

// store hands the rows of the database to control: both keep plain values of the
// same shape, so that neither knows the other.
type store struct{ *storage.DB }

var _ control.Store = store{}

func convert[A, B any](rows []A, err error, f func(A) B) ([]B, error) {
	out := make([]B, len(rows))
	for i, r := range rows {
		out[i] = f(r)
	}
	return out, err
}

func (s store) AddRevision(ctx context.Context, base int64, r control.StoredRevision, e control.Event) (id, event int64, stored bool, err error) {
	return s.DB.AddRevision(ctx, base, storage.Revision(r), storage.Event(e))
}

func (s store) Revision(ctx context.Context, id int64) (control.StoredRevision, bool, error) {
	r, ok, err := s.DB.Revision(ctx, id)
	return control.StoredRevision(r), ok, err
}

func (s store) Revisions(ctx context.Context, before int64, limit int) ([]control.StoredRevision, error) {
	rows, err := s.DB.Revisions(ctx, before, limit)
	return convert(rows, err, func(r storage.Revision) control.StoredRevision { return control.StoredRevision(r) })
}

func (s store) Users(ctx context.Context) ([]control.StoredUser, error) {
	rows, err := s.DB.Users(ctx)
	return convert(rows, err, func(r storage.User) control.StoredUser { return control.StoredUser(r) })
}

func (s store) User(ctx context.Context, name string) (control.StoredUser, bool, error) {
	u, ok, err := s.DB.User(ctx, name)
	return control.StoredUser(u), ok, err
}

func (s store) PutUser(ctx context.Context, u control.StoredUser) error {
	return s.DB.PutUser(ctx, storage.User(u))
}

func (s store) Keys(ctx context.Context) ([]control.StoredKey, error) {
	rows, err := s.DB.Keys(ctx)
	return convert(rows, err, func(r storage.Key) control.StoredKey { return control.StoredKey(r) })
}

func (s store) PutKey(ctx context.Context, k control.StoredKey) error {
	return s.DB.PutKey(ctx, storage.Key(k))
}

func (s store) Tokens(ctx context.Context) ([]control.StoredToken, error) {
	rows, err := s.DB.Tokens(ctx)
	return convert(rows, err, func(r storage.Token) control.StoredToken { return control.StoredToken(r) })
}

func (s store) Token(ctx context.Context, id string) (control.StoredToken, bool, error) {
	t, ok, err := s.DB.Token(ctx, id)
	return control.StoredToken(t), ok, err
}

func (s store) PutToken(ctx context.Context, t control.StoredToken) error {
	return s.DB.PutToken(ctx, storage.Token(t))
}

func (s store) Locks(ctx context.Context) ([]control.StoredLock, error) {
	rows, err := s.DB.Locks(ctx)
	return convert(rows, err, func(r storage.Lock) control.StoredLock { return control.StoredLock(r) })
}

func (s store) PutLock(ctx context.Context, l control.StoredLock) error {
	return s.DB.PutLock(ctx, storage.Lock(l))
}

func (s store) AddEvent(ctx context.Context, e control.Event) (int64, error) {
	return s.DB.AddEvent(ctx, storage.Event(e))
}

func (s store) Events(ctx context.Context, before int64, limit int) ([]control.Event, error) {
	rows, err := s.DB.Events(ctx, before, limit)
	return convert(rows, err, func(r storage.Event) control.Event { return control.Event(r) })
}

func (s store) PutAlarm(ctx context.Context, a control.Alarm) error {
	return s.DB.PutAlarm(ctx, storage.Alarm{
		ID: a.ID, Code: string(a.Code), Severity: uint8(a.Severity), Object: a.Object, Detail: a.Detail,
		Raised: a.Raised, Cleared: a.Cleared, AckedBy: a.AckedBy, Acked: a.Acked,
	})
}

func (s store) Alarms(ctx context.Context, limit int) ([]control.Alarm, error) {
	rows, err := s.DB.Alarms(ctx, limit)
	return convert(rows, err, func(a storage.Alarm) control.Alarm {
		return control.Alarm{
			ID: a.ID, Code: alarm.Code(a.Code), Severity: alarm.Severity(a.Severity), Object: a.Object, Detail: a.Detail,
			Raised: a.Raised, Cleared: a.Cleared, AckedBy: a.AckedBy, Acked: a.Acked,
		}
	})
}

// memory keeps what timelines remember over restarts.
type memory struct{ db *storage.DB }

// Load implements timeline.Memory.
func (m memory) Load(key string) ([]byte, error) {
	b, _, err := m.db.State(context.Background(), "timeline/"+key)
	return b, err
}

// Save implements timeline.Memory.
func (m memory) Save(key string, value []byte) error {
	return m.db.PutState(context.Background(), "timeline/"+key, value)
}
