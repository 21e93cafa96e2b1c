package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T) *DB {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "data", "head end?#.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriterIsDurable(t *testing.T) {
	d := open(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		ok(t, d.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	if _, err := d.read.ExecContext(t.Context(), "DELETE FROM state"); err == nil {
		t.Error("a reader can write")
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	d := open(t)
	ok(t, d.PutState(t.Context(), "a", nil))
	for path, want := range map[string]os.FileMode{filepath.Dir(d.path): 0o700, d.path: 0o600, d.path + "-wal": 0o600, d.path + "-shm": 0o600} {
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, st.Mode().Perm(), err, want)
		}
	}
}

func TestRevisions(t *testing.T) {
	d, ctx := open(t), t.Context()
	d.keepRevision = 3
	for i := range int64(5) {
		id, event, stored, err := d.AddRevision(ctx, i, Revision{At: noon, Actor: "ann", Comment: "c", Document: []byte{byte(i), 0, 255}}, Event{At: noon, Kind: "config_committed"})
		if err != nil || !stored || id != i+1 || event != i+1 {
			t.Fatalf("id %d stored %v err %v", id, stored, err)
		}
	}
	if _, _, stored, err := d.AddRevision(ctx, 4, Revision{At: noon, Document: []byte("x")}, Event{}); stored || err != nil {
		t.Fatalf("stale base: stored %v err %v", stored, err)
	}
	ok(t, d.MarkStarted(ctx, 5))
	r, found, err := d.Revision(ctx, 5)
	want := Revision{ID: 5, At: noon, Actor: "ann", Comment: "c", Document: []byte{4, 0, 255}, Started: true}
	if err != nil || !found || !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v %v %v", r, found, err)
	}
	if _, found, err := d.Revision(ctx, 2); found || err != nil {
		t.Errorf("revision 2 should be gone: %v %v", found, err)
	}
	l := must[[]Revision](t)(d.Revisions(ctx, 5, 10))
	if len(l) != 2 || l[0].ID != 4 || l[0].Document != nil {
		t.Errorf("got %+v", l)
	}
	if e := must[[]Event](t)(d.Events(ctx, 0, 10)); len(e) != 5 {
		t.Errorf("%d events, want one for each revision", len(e))
	}
}

func TestUsersKeysTokens(t *testing.T) {
	d, ctx := open(t), t.Context()
	u := User{Name: "ann", Role: "admin", Language: "vi", Password: "h", LastLogin: noon}
	ok(t, d.PutUser(ctx, u))
	k := Key{User: "ann", Fingerprint: "SHA256:x", Comment: "laptop", Line: "ssh-ed25519 AAAA"}
	ok(t, d.PutKey(ctx, k))
	u.Role = "viewer"
	ok(t, d.PutUser(ctx, u))
	if got, found, err := d.User(ctx, "ann"); !found || err != nil || got != u {
		t.Errorf("got %+v %v %v", got, found, err)
	}
	if got := must[[]Key](t)(d.Keys(ctx)); len(got) != 1 || got[0] != k {
		t.Errorf("a changed user lost the keys: %+v", got)
	}
	if err := d.PutKey(ctx, Key{User: "nobody"}); err == nil {
		t.Error("a key without a user was stored")
	}
	ok(t, d.DeleteUser(ctx, "ann"))
	if got := must[[]Key](t)(d.Keys(ctx)); len(got) != 0 {
		t.Errorf("keys outlive their user: %+v", got)
	}
	tok := Token{ID: "a", Name: "n", Role: "viewer", By: "ann", Hash: []byte{1, 2}, Created: noon}
	ok(t, d.PutToken(ctx, tok))
	tok.Used = noon.Add(time.Hour)
	ok(t, d.TouchToken(ctx, "a", tok.Used))
	if got, found, err := d.Token(ctx, "a"); !found || err != nil || !reflect.DeepEqual(got, tok) {
		t.Errorf("got %+v %v %v", got, found, err)
	}
	ok(t, d.DeleteToken(ctx, "a"))
	ok(t, d.TouchToken(ctx, "a", noon))
	if got := must[[]Token](t)(d.Tokens(ctx)); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestLocksAndState(t *testing.T) {
	d, ctx := open(t), t.Context()
	ok(t, d.PutLock(ctx, Lock{Key: "old", Locks: 1, Until: noon}))
	ok(t, d.PutLock(ctx, Lock{Key: "new", Locks: 2, Until: noon.Add(25 * time.Hour)}))
	if got := must[[]Lock](t)(d.Locks(ctx)); len(got) != 1 || got[0].Key != "new" || got[0].Locks != 2 {
		t.Errorf("got %+v", got)
	}
	ok(t, d.DeleteLock(ctx, "new"))
	ok(t, d.PutState(ctx, "k", []byte("1")))
	ok(t, d.PutState(ctx, "k", []byte("2")))
	if b, found, err := d.State(ctx, "k"); string(b) != "2" || !found || err != nil {
		t.Errorf("%q %v %v", b, found, err)
	}
	ok(t, d.DeleteState(ctx, "k"))
	if _, found, _ := d.State(ctx, "k"); found {
		t.Error("state was not deleted")
	}
	if _, err := d.Probe(ctx); err != nil {
		t.Error(err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	d, ctx := open(t), t.Context()
	d.keepEvents, d.keepAlarms = 10, 5
	for i := range 30 {
		must[int64](t)(d.AddEvent(ctx, Event{At: noon, Kind: "k", Text: strings.Repeat("x", i)}))
		ok(t, d.PutAlarm(ctx, Alarm{ID: int64(i + 1), Code: "c", Severity: 2, Raised: noon}))
	}
	if e := must[[]Event](t)(d.Events(ctx, 0, 100)); len(e) != 10 || e[0].ID != 30 {
		t.Errorf("%d events, newest %d", len(e), e[0].ID)
	}
	if e := must[[]Event](t)(d.Events(ctx, 25, 3)); len(e) != 3 || e[0].ID != 24 {
		t.Errorf("got %+v", e)
	}
	if last := must[int64](t)(d.CloseAlarms(ctx, noon.Add(time.Minute))); last != 30 {
		t.Errorf("last alarm %d", last)
	}
	a := must[[]Alarm](t)(d.Alarms(ctx, 100))
	if len(a) != 5 || !a[4].Cleared.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %+v", a)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	d := open(t)
	if _, err := d.write.ExecContext(t.Context(), "PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), d.path); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "schema 999") {
		t.Errorf("got %v", err)
	}
}

func TestFailedMigrationLeavesNothing(t *testing.T) {
	d := open(t)
	err := step(t.Context(), d.write, migration{version: 2, script: "CREATE TABLE extra (a); SELECT nonsense FROM nowhere;"})
	if err == nil {
		t.Fatal("the script should fail")
	}
	var version, tables int
	ok(t, d.write.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version))
	ok(t, d.write.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_master WHERE name = 'extra'").Scan(&tables))
	if version != 1 || tables != 0 {
		t.Errorf("version %d, tables %d", version, tables)
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	ok(t, os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600))
	if _, err := Open(t.Context(), garbage); !errors.Is(err, ErrDamaged) {
		t.Errorf("garbage: %v", err)
	}
	path := filepath.Join(dir, "x.db")
	d := must[*DB](t)(Open(t.Context(), path))
	for range 50 {
		must[int64](t)(d.AddEvent(t.Context(), Event{Text: strings.Repeat("y", 3000)}))
	}
	ok(t, d.Close())
	b := must[[]byte](t)(os.ReadFile(path))
	for i := 8192; i < len(b)-4096; i++ {
		b[i] ^= 0x5A
	}
	ok(t, os.WriteFile(path, b, 0o600))
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrDamaged) {
		t.Errorf("flipped bytes: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	d, ctx := open(t), t.Context()
	if _, err := d.write.ExecContext(ctx, "PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	doc := make([]byte, 1<<20)
	if _, _, stored, err := d.AddRevision(ctx, 0, Revision{At: noon, Document: doc}, Event{}); !errors.Is(err, ErrFull) || stored {
		t.Errorf("stored %v err %v", stored, err)
	}
	if _, _, stored, err := d.AddRevision(ctx, 0, Revision{At: noon, Document: doc[:10]}, Event{}); err != nil || !stored {
		t.Errorf("a small one after it: stored %v err %v", stored, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	d, ctx := open(t), t.Context()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if _, err := d.AddEvent(ctx, Event{At: noon, Kind: "k"}); err != nil {
					t.Error(err)
				}
				if _, err := d.Events(ctx, 0, 10); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if e := must[[]Event](t)(d.Events(ctx, 0, 1000)); len(e) != 100 {
		t.Errorf("%d events", len(e))
	}
}

func TestEndedContextStoresNothing(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, stored, err := d.AddRevision(ctx, 0, Revision{}, Event{}); stored || !errors.Is(err, context.Canceled) {
		t.Errorf("stored %v err %v", stored, err)
	}
}

// TestNewestTouchesNothing reads a database beside an open one and after it was closed.
func TestNewestTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a b.db")
	if _, _, err := Newest(t.Context(), path); err == nil {
		t.Error("read a file that is not there")
	}
	d := must[*DB](t)(Open(t.Context(), path))
	if _, found, err := Newest(t.Context(), path); found || err != nil {
		t.Errorf("empty: %v %v", found, err)
	}
	for i := range int64(2) {
		_, _, _, err := d.AddRevision(t.Context(), i, Revision{At: time.Now(), Document: []byte{'a' + byte(i)}}, Event{})
		ok(t, err)
	}
	newest := func() {
		t.Helper()
		if r, found, err := Newest(t.Context(), path); !found || err != nil || r.ID != 2 || string(r.Document) != "b" {
			t.Errorf("%+v %v %v", r, found, err)
		}
	}
	newest()
	ok(t, d.Close())
	ok(t, os.Chmod(path, 0o444))
	before := listing(t, dir)
	newest()
	if after := listing(t, dir); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
}

// listing describes every file of a folder.
func listing(t *testing.T, dir string) (out string) {
	t.Helper()
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		i := must[os.FileInfo](t)(e.Info())
		out += fmt.Sprintln(i.Name(), i.Mode(), i.Size(), i.ModTime())
	}
	return out
}
