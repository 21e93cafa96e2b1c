package page

import (
	"context"
	"time"

	"sigma/headend/control"
)

// Service is what the console asks of the box. *control.Service is one.
type Service interface {
	Config(ctx context.Context, a control.Actor) (control.Revision, control.Config, error)
	Revisions(ctx context.Context, a control.Actor, before int64, limit int) ([]control.Revision, error)
	Revision(ctx context.Context, a control.Actor, id int64) (control.Revision, control.Config, error)
	RevisionText(ctx context.Context, a control.Actor, id int64) ([]byte, error)
	Diff(ctx context.Context, a control.Actor, from, to int64) ([]control.Change, error)
	Validate(ctx context.Context, a control.Actor, c control.Config) error
	Propose(ctx context.Context, a control.Actor, base int64, c control.Config) (control.Plan, error)
	Commit(ctx context.Context, a control.Actor, base int64, c control.Config, comment string) (control.Revision, error)
	Restore(ctx context.Context, a control.Actor, id int64, comment string) (control.Revision, error)
	Export(ctx context.Context, a control.Actor) ([]byte, error)
	Parse(ctx context.Context, a control.Actor, text []byte) (control.Config, error)

	Snapshot(ctx context.Context, a control.Actor) (control.Snapshot, error)
	SelectInput(ctx context.Context, a control.Actor, channel string, input int) error
	RestartChannel(ctx context.Context, a control.Actor, channel string) error

	Sessions(ctx context.Context, a control.Actor, ended bool) ([]control.Session, error)
	CloseSession(ctx context.Context, a control.Actor, id string) error

	Alarms(ctx context.Context, a control.Actor) ([]control.Alarm, error)
	AlarmHistory(ctx context.Context, a control.Actor, limit int) ([]control.Alarm, error)
	AlarmInfo(code control.AlarmCode) (control.AlarmInfo, bool)
	AckAlarm(ctx context.Context, a control.Actor, id int64) error

	Users(ctx context.Context, a control.Actor) ([]control.User, error)
	AddUser(ctx context.Context, a control.Actor, u control.User, password string) error
	PutUser(ctx context.Context, a control.Actor, u control.User) error
	DeleteUser(ctx context.Context, a control.Actor, name string) error
	SetPassword(ctx context.Context, a control.Actor, name, password string) error
	AddKey(ctx context.Context, a control.Actor, user, line string) (control.Key, error)
	DeleteKey(ctx context.Context, a control.Actor, user, fingerprint string) error
	UnlockUser(ctx context.Context, a control.Actor, name string) error
	Tokens(ctx context.Context, a control.Actor) ([]control.Token, error)
	CreateToken(ctx context.Context, a control.Actor, name string, role control.Role, ttl time.Duration) (control.Token, string, error)
	DeleteToken(ctx context.Context, a control.Actor, id string) error

	Setup(ctx context.Context, code, name, password, via, remote string) (control.Actor, error)

	System(ctx context.Context, a control.Actor) (control.System, error)
	Interfaces(ctx context.Context, a control.Actor) ([]control.Interface, error)
	Log(ctx context.Context, a control.Actor, n int) ([]control.LogLine, error)
	Events(ctx context.Context, a control.Actor, before int64, limit int) ([]control.Event, error)
}

var _ Service = (*control.Service)(nil)
