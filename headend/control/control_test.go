package control_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"sigma/headend/alarm"
	"sigma/headend/auth"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/headend/control/controltest"
)

var (
	viewer   = control.Actor{Name: "vic", Role: auth.Viewer}
	operator = control.Actor{Name: "olga", Role: auth.Operator}
	admin    = control.Actor{Name: "ann", Role: auth.Admin}
)

type box struct {
	*control.Service
	store  *controltest.Store
	engine *controltest.Engine
	alarms *alarm.Tracker
	mu     sync.Mutex
	clock  time.Time
}

func (b *box) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *box) pass(d time.Duration) {
	b.mu.Lock()
	b.clock = b.clock.Add(d)
	b.mu.Unlock()
	b.alarms.Tick(b.now())
	b.alarms.Flush()
}

func one() control.Config {
	c := config.Defaults()
	c.Channels = []control.Channel{{Name: "news", Inputs: []control.Input{
		{URL: "udp://239.1.1.1:5000"},
		{URL: "http://user:hunter2@10.0.0.1/x.ts?token=abc", Headers: map[string]string{"X-Key": "s3cret"}},
	}, Outputs: []control.Output{{URL: "udp://239.2.2.2:5000"}}}}
	return c
}

func newBox(t *testing.T, store *controltest.Store, refuse func(control.Config) error) *box {
	t.Helper()
	b := &box{store: store, engine: &controltest.Engine{Refuse: refuse}, alarms: &alarm.Tracker{}, clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	b.Service = control.New(control.Parts{Store: store, Engine: b.engine, Alarms: b.alarms, Now: b.now})
	b.alarms.Changed = b.AlarmChanged
	if _, err := b.Boot(t.Context(), one()); err != nil {
		t.Fatal(err)
	}
	return b
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want checks the kind of an error.
func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want %v", err, kind)
	}
}

func TestCommit(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	rev, c, err := b.Config(ctx, operator)
	if err != nil || rev.ID != 1 || !rev.Running || !reflect.DeepEqual(c, one()) {
		t.Fatalf("first %+v %v", rev, err)
	}
	c.Channels[0].Title = "News"
	plan, err := b.Propose(ctx, operator, 1, c)
	if err != nil || len(plan.Changes) != 1 || plan.Changes[0].Path != "channels[news].title" {
		t.Errorf("plan %+v %v", plan, err)
	}
	rev, err = b.Commit(ctx, operator, 1, c, "title")
	if err != nil || rev.ID != 2 || rev.Actor != "olga" {
		t.Fatalf("%+v %v", rev, err)
	}
	if run, n := b.engine.Running(); run.Channels[0].Title != "News" || n != 2 {
		t.Errorf("running %+v after %d", run, n)
	}
	_, err = b.Commit(ctx, operator, 1, one(), "stale")
	want(t, err, control.ErrConflict)
	if again, err := b.Commit(ctx, operator, 2, c, "nothing"); err != nil || again.ID != 2 {
		t.Errorf("no change: %+v %v", again, err)
	}
	c.Channels[0].Inputs[0].URL = "udp://nowhere"
	_, err = b.Commit(ctx, operator, 2, c, "bad")
	want(t, err, control.ErrInvalid)
	var fields control.FieldErrors
	if !errors.As(err, &fields) || fields[0].Path != "channels[news].inputs[0].url" {
		t.Errorf("fields %+v", fields)
	}
	if rev, err = b.Restore(ctx, operator, 1, ""); err != nil || rev.ID != 3 {
		t.Errorf("restore %+v %v", rev, err)
	}
	changes, err := b.Diff(ctx, viewer, 2, 3)
	if err != nil || len(changes) != 1 || changes[0].Old != "News" {
		t.Errorf("diff %+v %v", changes, err)
	}
	list, err := b.Revisions(ctx, viewer, 0, 0)
	if err != nil || len(list) != 3 || !list[0].Running || list[1].Running {
		t.Errorf("revisions %+v %v", list, err)
	}
	_, _, err = b.Revision(ctx, viewer, 99)
	want(t, err, control.ErrNotFound)
}

func TestFailedCommitChangesNothing(t *testing.T) {
	refuse := func(c control.Config) error {
		if c.Channel("bad") != nil {
			return errors.New("eth7 is missing")
		}
		return nil
	}
	b, ctx := newBox(t, &controltest.Store{}, refuse), t.Context()
	c := one()
	c.Channels = append(c.Channels, control.Channel{Name: "bad"})
	_, err := b.Commit(ctx, operator, 1, c, "")
	want(t, err, control.ErrNotApplied)
	_, err = b.Propose(ctx, operator, 1, c)
	want(t, err, control.ErrNotApplied)

	full := errors.New("disk full")
	b.store.Fail(full)
	c.Channels[1].Name = "good"
	_, err = b.Commit(ctx, operator, 1, c, "")
	want(t, err, control.ErrUnavailable)
	want(t, err, full)
	if run, n := b.engine.Running(); len(run.Channels) != 1 || n != 1 {
		t.Errorf("what cannot be stored has run: %d channels after %d", len(run.Channels), n)
	}
	b.pass(0)
	if a := b.alarms.Active(); len(a) != 1 || a[0].Code != alarm.DatabaseFailed {
		t.Errorf("alarms %+v", a)
	}
	b.store.Fail(nil)
	if rev, err := b.Commit(ctx, operator, 1, c, ""); err != nil || rev.ID != 2 {
		t.Errorf("%+v %v", rev, err)
	}
}

// The disk may fail while a configuration is put on air.
func TestCommitIsUndone(t *testing.T) {
	full := errors.New("disk full")
	var b *box
	b = newBox(t, &controltest.Store{}, func(c control.Config) error {
		if c.Channel("good") != nil {
			b.store.Fail(full)
		}
		return nil
	})
	c := one()
	c.Channels = append(c.Channels, control.Channel{Name: "good"})
	_, err := b.Commit(t.Context(), operator, 1, c, "")
	want(t, err, control.ErrUnavailable)
	want(t, err, full)
	if run, n := b.engine.Running(); len(run.Channels) != 1 || n != 3 {
		t.Errorf("what ran does not run again: %d channels after %d", len(run.Channels), n)
	}
	b.pass(0)
	if a := b.alarms.Active(); len(a) != 1 || a[0].Code != alarm.DatabaseFailed {
		t.Errorf("alarms %+v", a)
	}
}

func TestSnapshotCountsWhatAlarmsLost(t *testing.T) {
	b := newBox(t, &controltest.Store{}, nil)
	for i := range 20_001 { // one state more than are tracked
		b.alarms.Set(alarm.ConfigRolledBack, fmt.Sprint(i), true, "")
	}
	b.alarms.Tick(b.now())
	s, err := b.Snapshot(t.Context(), viewer)
	if err != nil || s.Alarms.Ignored != 1 || s.Alarms.Unrecorded != 19_000 {
		t.Errorf("%+v, %v", s.Alarms, err)
	}
}

func TestConcurrentCommitsAllowOne(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	var wg sync.WaitGroup
	errs := make(chan error, 10)
	for i := range 10 {
		wg.Go(func() {
			c := one()
			c.Channels[0].Title = fmt.Sprint("title ", i)
			_, err := b.Commit(ctx, operator, 1, c, "")
			errs <- err
		})
	}
	wg.Wait()
	good := 0
	for range 10 {
		if err := <-errs; err == nil {
			good++
		} else {
			want(t, err, control.ErrConflict)
		}
	}
	if good != 1 {
		t.Errorf("%d commits on one base", good)
	}
}

func TestBootFallsBack(t *testing.T) {
	store := &controltest.Store{}
	b, ctx := newBox(t, store, nil), t.Context()
	c := one()
	c.Channels[0].Name = "missing"
	if _, err := b.Commit(ctx, operator, 1, c, ""); err != nil {
		t.Fatal(err)
	}
	b = newBox(t, store, func(c control.Config) error {
		if c.Channel("missing") != nil {
			return errors.New("eth7 is missing")
		}
		return nil
	})
	rev, c, err := b.Config(ctx, operator)
	if err != nil || rev.ID != 1 || !rev.Running {
		t.Fatalf("%+v %v", rev, err)
	}
	b.pass(0)
	if a := b.alarms.Active(); len(a) != 1 || a[0].Code != alarm.ConfigRolledBack || !strings.Contains(a[0].Detail, "eth7") {
		t.Errorf("alarms %+v", a)
	}
	// Committing what runs makes it the newest, so that the next start takes it.
	if rev, err = b.Commit(ctx, operator, 1, c, "stay"); err != nil || rev.ID != 3 {
		t.Errorf("%+v %v", rev, err)
	}
	b.pass(time.Minute)
	if a := b.alarms.Active(); len(a) != 0 {
		t.Errorf("alarms %+v", a)
	}
	b = newBox(t, store, func(c control.Config) error {
		if len(c.Channels) > 0 {
			return errors.New("nothing works")
		}
		return nil
	})
	if rev, c, err = b.Config(ctx, operator); err != nil || rev.ID != 0 || len(c.Channels) != 0 {
		t.Errorf("without any that starts: %+v %v", rev, err)
	}
}

func TestBeforeBoot(t *testing.T) {
	s := control.New(control.Parts{Store: &controltest.Store{}, Engine: &controltest.Engine{}, Alarms: &alarm.Tracker{}})
	_, _, err := s.Config(t.Context(), admin)
	want(t, err, control.ErrUnavailable)
}

func TestSecretsStayHidden(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	_, c, err := b.Config(ctx, viewer)
	ok(t, err)
	_, stored, err := b.Revision(ctx, viewer, 1)
	ok(t, err)
	out, err := b.Export(ctx, admin)
	ok(t, err)
	for _, s := range []string{fmt.Sprint(c), fmt.Sprint(stored), string(out)} {
		for _, secret := range []string{"hunter2", "abc", "s3cret"} {
			if strings.Contains(s, secret) {
				t.Errorf("%s is shown in %s", secret, s)
			}
		}
	}
	all, err := b.ExportSecrets(ctx, operator)
	if err != nil || !strings.Contains(string(all), "hunter2") {
		t.Errorf("%v", err)
	}
	// What was masked comes back unchanged: the secrets are kept.
	back, err := b.Parse(ctx, operator, out)
	ok(t, err)
	back.Channels[0].Title = "x"
	_, err = b.Commit(ctx, operator, 1, back, "")
	ok(t, err)
	_, now, err := b.Config(ctx, operator)
	if err != nil || !reflect.DeepEqual(now.Channels[0].Inputs, one().Channels[0].Inputs) {
		t.Errorf("inputs %+v %v", now.Channels[0].Inputs, err)
	}
	// A secret does not follow to another server.
	back.Channels[0].Inputs[1].URL = "http://user:***@10.0.0.2/x.ts"
	_, err = b.Commit(ctx, operator, 2, back, "")
	want(t, err, control.ErrInvalid)
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("an error repeats the password")
	}
}

func TestParseSaysWhere(t *testing.T) {
	b := newBox(t, &controltest.Store{}, nil)
	_, err := b.Parse(t.Context(), operator, []byte("channels:\n  - name: a\n    titel: x\n    inputs:\n      - url: udp://x\n"))
	var fields control.FieldErrors
	if !errors.As(err, &fields) || len(fields) != 2 || fields[0].Line != 3 || fields[1].Line != 5 || fields[1].Path != "channels[a].inputs[0].url" {
		t.Errorf("%+v", fields)
	}
}

// TestRules calls every method that takes an actor with every role.
func TestRules(t *testing.T) {
	least := map[string]control.Role{
		"Propose": auth.Operator, "Commit": auth.Operator, "Restore": auth.Operator, "Parse": auth.Operator, "ExportSecrets": auth.Operator,
		"Log": auth.Operator, "SelectInput": auth.Operator, "RestartChannel": auth.Operator, "AckAlarm": auth.Operator,
		"CloseSession": auth.Operator, "Reauthorize": auth.Operator,
		"AddUser": auth.Admin, "PutUser": auth.Admin, "SetPassword": auth.Admin, "AddKey": auth.Admin, "DeleteKey": auth.Admin, "DeleteUser": auth.Admin,
		"UnlockUser": auth.Admin, "Tokens": auth.Admin, "CreateToken": auth.Admin, "DeleteToken": auth.Admin,
	}
	for _, m := range []string{"Config", "Revisions", "Revision", "RevisionText", "Diff", "Validate", "Export", "Snapshot", "ChannelStatus", "Sessions", "Alarms",
		"AlarmHistory", "System", "Interfaces", "Events", "Watch", "Users"} {
		least[m] = auth.Viewer
	}
	b := newBox(t, &controltest.Store{}, nil)
	v := reflect.ValueOf(b.Service)
	for i := range v.NumMethod() {
		name, m := v.Type().Method(i).Name, v.Method(i)
		if m.Type().NumIn() < 2 || m.Type().In(1) != reflect.TypeFor[control.Actor]() {
			continue
		}
		need, listed := least[name]
		if !listed {
			t.Errorf("%s is not in this test", name)
		}
		for role := auth.Nobody; role <= auth.Admin; role++ {
			args := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(control.Actor{Name: "somebody", Role: role})}
			for j := 2; j < m.Type().NumIn(); j++ {
				args = append(args, reflect.Zero(m.Type().In(j)))
			}
			out := m.Call(args)
			err, _ := out[len(out)-1].Interface().(error)
			if forbidden := errors.Is(err, control.ErrForbidden); forbidden != (role < need) {
				t.Errorf("%s as %s: %v", name, role, err)
			}
		}
		delete(least, name)
	}
	if len(least) > 0 {
		t.Errorf("no such methods: %v", least)
	}
}

func TestBoxSettingsTakeAnAdmin(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	c := one()
	c.Box.HTTP = ":80"
	_, err := b.Propose(ctx, operator, 1, c)
	want(t, err, control.ErrForbidden)
	_, err = b.Commit(ctx, operator, 1, c, "")
	want(t, err, control.ErrForbidden)
	_, err = b.Commit(ctx, admin, 1, c, "")
	ok(t, err)
}

func TestSetupUsersAndLogin(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	const pw = "correct horse"
	code, err := b.SetupCode(ctx)
	ok(t, err)
	_, err = b.Setup(ctx, code, "ann", "short", "ssh", "10.0.0.9")
	want(t, err, control.ErrInvalid)
	_, err = b.Setup(ctx, "AAAA-AAAA-AAAA", "ann", pw, "ssh", "10.0.0.9")
	want(t, err, control.ErrCredentials)
	a, err := b.Setup(ctx, strings.ToLower(code), "ann", pw, "ssh", "10.0.0.9")
	if err != nil || a.Role != auth.Admin || a.Language != "en" {
		t.Fatalf("%+v %v", a, err)
	}
	_, err = b.SetupCode(ctx)
	want(t, err, control.ErrConflict)
	_, err = b.Setup(ctx, code, "eve", pw, "ssh", "10.0.0.9")
	want(t, err, control.ErrConflict)

	want(t, b.DeleteUser(ctx, a, "ann"), control.ErrInvalid)
	want(t, b.PutUser(ctx, a, control.User{Name: "ann", Role: auth.Viewer}), control.ErrInvalid)
	ok(t, b.PutUser(ctx, a, control.User{Name: "vic", Role: auth.Viewer, Language: "vi"}))
	ok(t, b.SetPassword(ctx, a, "vic", "another horse"))
	vic, err := b.Authenticate(ctx, "vic", "another horse", "http", "10.0.0.8")
	if err != nil || vic.Role != auth.Viewer || vic.Language != "vi" {
		t.Fatalf("%+v %v", vic, err)
	}
	ok(t, b.PutUser(ctx, vic, control.User{Name: "vic", Role: auth.Viewer, Language: "en"}))
	want(t, b.PutUser(ctx, vic, control.User{Name: "vic", Role: auth.Admin}), control.ErrForbidden)
	want(t, b.PutUser(ctx, vic, control.User{Name: "ann", Role: auth.Admin}), control.ErrForbidden)
	ok(t, b.SetPassword(ctx, vic, "vic", "a third horse"))
	if own, err := b.Users(ctx, vic); err != nil || len(own) != 1 || own[0].Name != "vic" || !own[0].Password {
		t.Errorf("%+v %v", own, err)
	}
	ok(t, b.DeleteUser(ctx, a, "vic"))
	_, _, err = b.Config(ctx, vic)
	want(t, err, control.ErrForbidden) // the session of a deleted user
	_, err = b.Authenticate(ctx, "vic", "a third horse", "http", "10.0.0.8")
	want(t, err, control.ErrCredentials)
}

// TestAccountsDoNotReachTheBoxItself: whoever sits at the machine, and a scrape of it,
// keep their rights whatever happens to accounts.
func TestAccountsDoNotReachTheBoxItself(t *testing.T) {
	store := &controltest.Store{}
	b, ctx := newBox(t, store, nil), t.Context()
	code, err := b.SetupCode(ctx)
	ok(t, err)
	_, err = b.Setup(ctx, code, "local", "correct horse", "ssh", "10.0.0.9")
	want(t, err, control.ErrInvalid)
	for _, own := range []string{"local", "metrics", "system", control.Local("cli").Name, control.Scraper().Name} {
		u := control.User{Name: own, Role: auth.Viewer}
		want(t, b.PutUser(ctx, admin, u), control.ErrInvalid)
		want(t, b.AddUser(ctx, admin, u, ""), control.ErrInvalid)
	}
	for _, own := range []string{"local", "metrics"} { // of a version that did not refuse them
		ok(t, store.PutUser(ctx, control.StoredUser{Name: own, Role: "operator"}))
		ok(t, b.PutUser(ctx, admin, control.User{Name: own, Role: auth.Viewer}))
		ok(t, b.DeleteUser(ctx, admin, own))
	}
	_, err = b.Tokens(ctx, control.Local("console"))
	ok(t, err)
	_, err = b.Snapshot(ctx, control.Scraper())
	ok(t, err)
	for a, account := range map[control.Actor]bool{control.Local("cli"): false, control.Scraper(): false, {Name: "token:grafana"}: false, admin: true} {
		if a.Account() != account {
			t.Errorf("%s is an account: %v", a.Name, !account)
		}
	}
}

func TestAddUser(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	bob := control.User{Name: "bob", Role: auth.Admin, Language: "vi"}
	want(t, b.AddUser(ctx, admin, bob, "short"), control.ErrInvalid)
	ok(t, b.AddUser(ctx, admin, bob, "correct horse")) // the try before left nothing
	want(t, b.AddUser(ctx, admin, control.User{Name: "bob", Role: auth.Viewer}, "another horse"), control.ErrConflict)
	a, err := b.Authenticate(ctx, "bob", "correct horse", "ssh", "10.0.0.9")
	if err != nil || a.Role != auth.Admin || a.Language != "vi" {
		t.Errorf("after somebody else tried to add the name: %+v %v", a, err)
	}
	err = b.AddUser(ctx, admin, control.User{Name: "Bob", Role: auth.Admin}, "")
	if err == nil || !strings.HasPrefix(err.Error(), `the user is not valid: name: "Bob" is not a user name`) {
		t.Errorf("%v", err)
	}
	want(t, b.UnlockUser(ctx, admin, "nobody"), control.ErrNotFound)
}

func TestSetupCodeIsSpentAfterFive(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	code, err := b.SetupCode(ctx)
	ok(t, err)
	for range 5 {
		_, err = b.Setup(ctx, "wrong", "ann", "correct horse", "ssh", "10.0.0.9")
		want(t, err, control.ErrCredentials)
	}
	_, err = b.Setup(ctx, code, "ann", "correct horse", "ssh", "10.0.0.9")
	want(t, err, control.ErrLocked)
}

func TestLockOut(t *testing.T) {
	store := &controltest.Store{}
	b, ctx := newBox(t, store, nil), t.Context()
	ok(t, b.PutUser(ctx, admin, control.User{Name: "bob", Role: auth.Admin}))
	ok(t, b.SetPassword(ctx, admin, "bob", "correct horse"))
	for range 5 {
		_, err := b.Authenticate(ctx, "bob", "guess", "ssh", "10.0.0.6:4000")
		want(t, err, control.ErrCredentials)
	}
	_, err := b.Authenticate(ctx, "bob", "correct horse", "ssh", "10.0.0.6:4001")
	want(t, err, control.ErrLocked)
	_, err = newBox(t, store, nil).Authenticate(ctx, "bob", "correct horse", "ssh", "10.0.0.6")
	want(t, err, control.ErrLocked) // a restart is no way out
	for _, where := range []string{"10.0.0.7", ""} {
		_, err = b.Authenticate(ctx, "bob", "correct horse", "console", where)
		ok(t, err)
	}
	users, err := b.Users(ctx, admin)
	if err != nil || users[0].Locked.IsZero() {
		t.Errorf("%+v %v", users, err)
	}
	ok(t, b.UnlockUser(ctx, admin, "bob"))
	_, err = b.Authenticate(ctx, "bob", "correct horse", "ssh", "10.0.0.6")
	ok(t, err)
	failed := 0
	events, err := b.Events(ctx, viewer, 0, 100)
	ok(t, err)
	for _, e := range events {
		if e.Kind == "login_failed" {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d events for one series of guesses", failed)
	}
}

// TestWrongTokensLockTheirAddressAlone: a token says no name, so who guesses must not
// shut out the programs that have a good one.
func TestWrongTokensLockTheirAddressAlone(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	_, secret, err := b.CreateToken(ctx, admin, "grafana", auth.Viewer, 0)
	ok(t, err)
	for i := range 200 {
		_, err := b.AuthenticateToken(ctx, "rubbish", "http", fmt.Sprintf("2001:db8:0:%x::1", i/5))
		want(t, err, control.ErrCredentials)
	}
	_, err = b.AuthenticateToken(ctx, secret, "http", "10.0.0.9")
	ok(t, err)
	_, err = b.AuthenticateToken(ctx, secret, "http", "2001:db8:0:1::2")
	want(t, err, control.ErrLocked)
}

func TestKeysAndTokens(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	sshPub, err := ssh.NewPublicKey(pub)
	ok(t, err)
	line := string(ssh.MarshalAuthorizedKey(sshPub))
	_, err = b.AddKey(ctx, admin, "bob", line)
	want(t, err, control.ErrNotFound)
	ok(t, b.PutUser(ctx, admin, control.User{Name: "bob", Role: auth.Admin}))
	k, err := b.AddKey(ctx, admin, "bob", strings.TrimSpace(line)+" bob@home")
	if err != nil || k.Comment != "bob@home" {
		t.Fatalf("%+v %v", k, err)
	}
	bob, err := b.AuthenticateKey(ctx, "bob", line, "ssh", "10.0.0.1")
	if err != nil || bob.Role != auth.Admin {
		t.Errorf("%+v %v", bob, err)
	}
	_, err = b.AuthenticateKey(ctx, "ann", line, "ssh", "10.0.0.1")
	want(t, err, control.ErrCredentials)
	want(t, b.DeleteKey(ctx, bob, "bob", k.Fingerprint), control.ErrInvalid) // the last admin

	tok, secret, err := b.CreateToken(ctx, bob, "grafana", auth.Viewer, time.Hour)
	ok(t, err)
	a, err := b.AuthenticateToken(ctx, secret, "http", "10.0.0.1")
	if err != nil || a.Role != auth.Viewer || a.Name != "token:grafana" {
		t.Errorf("%+v %v", a, err)
	}
	forged := secret[:len(secret)-43] + strings.Repeat("A", 43)
	_, err = b.AuthenticateToken(ctx, forged, "http", "10.0.0.1")
	want(t, err, control.ErrCredentials)
	_, err = b.Snapshot(ctx, a)
	ok(t, err)
	b.pass(time.Hour)
	_, err = b.AuthenticateToken(ctx, secret, "http", "10.0.0.1")
	want(t, err, control.ErrCredentials)
	_, err = b.Snapshot(ctx, a)
	want(t, err, control.ErrForbidden) // of what began before it expired
	two, secondSecret, err := b.CreateToken(ctx, bob, "grafana", auth.Viewer, 0)
	ok(t, err)
	second, err := b.AuthenticateToken(ctx, secondSecret, "http", "10.0.0.1")
	ok(t, err)
	_, thirdSecret, err := b.CreateToken(ctx, bob, "grafana", auth.Viewer, 0)
	ok(t, err)
	third, err := b.AuthenticateToken(ctx, thirdSecret, "http", "10.0.0.1")
	ok(t, err)
	ok(t, b.DeleteToken(ctx, bob, two.ID))
	_, err = b.Snapshot(ctx, second)
	want(t, err, control.ErrForbidden)
	_, err = b.Snapshot(ctx, third) // its namesake
	ok(t, err)
	ok(t, b.DeleteToken(ctx, bob, tok.ID))
	want(t, b.DeleteToken(ctx, bob, tok.ID), control.ErrNotFound)
}

func TestOperate(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	c := one()
	c.Channels = append(c.Channels, control.Channel{Name: "sport"})
	_, err := b.Commit(ctx, operator, 1, c, "")
	ok(t, err)
	b.alarms.Set(alarm.OnStandby, "channel/news", true, "x")
	b.pass(time.Second)
	snap, err := b.Snapshot(ctx, viewer)
	if err != nil || len(snap.Channels) != 2 || snap.Channels[0].Name != "news" || snap.Alarms.Minor != 1 || snap.Alarms.Unacknowledged != 1 || snap.Revision != 2 {
		t.Errorf("%+v %v", snap, err)
	}
	ok(t, b.AckAlarm(ctx, operator, 1))
	want(t, b.AckAlarm(ctx, operator, 7), control.ErrNotFound)
	b.alarms.Flush()
	history, err := b.AlarmHistory(ctx, viewer, 10)
	if err != nil || len(history) != 1 || history[0].AckedBy != "olga" {
		t.Errorf("%+v %v", history, err)
	}
	ok(t, b.SelectInput(ctx, operator, "news", 1))
	if in, _ := b.engine.Selected("news"); in != 1 {
		t.Errorf("selected %d", in)
	}
	want(t, b.SelectInput(ctx, operator, "news", 2), control.ErrInvalid)
	want(t, b.SelectInput(ctx, operator, "nothing", 0), control.ErrNotFound)
	want(t, b.RestartChannel(ctx, operator, "nothing"), control.ErrNotFound)
	if _, found := b.AlarmInfo(alarm.OnStandby); !found {
		t.Error("an alarm without explanation")
	}
}

// TestCommitIsPublishedAsStored: without its ID, a watcher that resumes would get the
// event twice.
func TestCommitIsPublishedAsStored(t *testing.T) {
	b, ctx := newBox(t, &controltest.Store{}, nil), t.Context()
	live, err := b.Watch(ctx, viewer)
	ok(t, err)
	c := one()
	c.Channels[0].Title = "News"
	_, err = b.Commit(ctx, operator, 1, c, "title")
	ok(t, err)
	stored, err := b.Events(ctx, viewer, 0, 1)
	ok(t, err)
	if e := <-live; e != stored[0] || e.ID == 0 {
		t.Errorf("published %+v, stored %+v", e, stored[0])
	}
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, &controltest.Store{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		fast, err := b.Watch(ctx, viewer)
		ok(t, err)
		slow, err := b.Watch(ctx, viewer)
		ok(t, err)
		for i := range 200 {
			b.Record("input_switched", "channel/news", fmt.Sprint(i))
			synctest.Wait()
			if e := <-fast; e.Text != fmt.Sprint(i) || e.ID == 0 {
				t.Fatalf("got %+v", e)
			}
		}
		cancel()
		<-ended
		synctest.Wait()
		var got []control.Event
		for e := range slow {
			got = append(got, e)
		}
		lost := 0
		for _, e := range got {
			if e.Kind == "lost" {
				lost++
			}
		}
		if len(got) > 64 || lost == 0 || got[len(got)-1].Text != "199" {
			t.Errorf("%d events, %d losses, last %+v", len(got), lost, got[len(got)-1])
		}
	})
}
