package headend

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/alarm"
)

// details keeps the detail of each alarm that is on.
type details struct {
	mu sync.Mutex
	on map[alarm.Code]string
}

func (d *details) Set(code alarm.Code, _ string, on bool, detail string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.on, code); on {
		d.on[code] = detail
	}
}

func TestDatabaseProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raised := &details{on: map[alarm.Code]string{}}
		want := func(what string, on map[alarm.Code]string) {
			t.Helper()
			synctest.Wait()
			raised.mu.Lock()
			defer raised.mu.Unlock()
			if !maps.Equal(raised.on, on) {
				t.Errorf("%s: alarms %q, want %q", what, raised.on, on)
			}
		}
		var failing atomic.Bool
		hang := make(chan struct{})
		p := &databaseProbe{Alarms: raised, Write: func(context.Context) (time.Duration, error) {
			began := time.Now()
			<-hang
			if failing.Load() {
				return 0, errors.New("disk full")
			}
			return time.Since(began), nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended, asked := make(chan error), 0
		go func() { ended <- p.run(ctx, func(context.Context) { asked++ }) }()
		p.report()
		want("just asked", nil)
		time.Sleep(7 * time.Second) // of the clock of the bubble
		p.report()
		want("hangs", map[alarm.Code]string{alarm.DatabaseSlow: "a write takes 7s"})
		failing.Store(true)
		close(hang)
		want("failed", map[alarm.Code]string{alarm.DatabaseFailed: "disk full"})
		failing.Store(false)
		time.Sleep(5 * time.Second)
		p.report()
		want("is well", nil)
		if asked != 3 {
			t.Errorf("what needs the database was done %d times, want 3", asked)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
