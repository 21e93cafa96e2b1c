package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errBoom = errors.New("boom")

func TestPermanent(t *testing.T) {
	if Permanent(nil) != nil || IsPermanent(nil) || IsPermanent(errBoom) {
		t.Error("no error, or a plain one, is permanent")
	}
	p := fmt.Errorf("open: %w", Permanent(errBoom))
	if !IsPermanent(p) || !errors.Is(p, errBoom) || p.Error() != "open: boom" {
		t.Errorf("got %v", p)
	}
}

func TestBackoffGrowsAndStartsAgain(t *testing.T) {
	b := Backoff{Min: time.Second, Max: 10 * time.Second}
	within := func(got, most time.Duration) {
		t.Helper()
		if got > most || got < most*9/10 {
			t.Errorf("pause %v, want up to a tenth below %v", got, most)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		within(b.Next(9*time.Second), want*time.Second)
	}
	within(b.Next(10*time.Second), time.Second) // 10 times Min is healthy
	within(b.Next(0), 2*time.Second)
	b = Backoff{Min: time.Second, Max: 10 * time.Second, Healthy: time.Minute}
	b.Next(0)
	within(b.Next(59*time.Second), 2*time.Second)
	within(b.Next(time.Minute), time.Second)
}

func TestBackoffIsNotInStep(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		b := Backoff{Min: time.Second, Max: time.Second}
		seen[b.Next(0)] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses of 100", len(seen))
	}
}

func TestLoopRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began, runs := time.Now(), 0
		var told []string
		task := Task{Name: "x", Backoff: Backoff{Min: time.Second, Max: 4 * time.Second},
			Run: func(ctx context.Context) error {
				switch runs++; runs {
				case 1:
					return errBoom
				case 2:
					return nil
				case 3:
					panic("out of order")
				}
				<-ctx.Done()
				return ctx.Err()
			},
			Failed: func(err error, pause time.Duration) {
				told = append(told, strings.SplitN(err.Error(), "\n", 2)[0])
				if pause <= 0 {
					t.Errorf("no pause after %v", err)
				}
			},
		}
		ended := make(chan error)
		go func() { ended <- task.Loop(ctx) }()
		time.Sleep(10 * time.Second) // of the clock of synctest
		synctest.Wait()
		if runs != 4 || strings.Join(told, "|") != "boom|ended without an error|panic: out of order" {
			t.Errorf("%d runs, told %q", runs, told)
		}
		cancel()
		if err := <-ended; err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestPanicCarriesItsStackAndCause(t *testing.T) {
	err := Task{Run: func(context.Context) error { panic(errBoom) }}.once(t.Context())
	if !errors.Is(err, errBoom) || !strings.Contains(err.Error(), "supervise_test.go") {
		t.Errorf("got %v", err)
	}
}

func TestLoopGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		task := Task{Name: "input", Run: func(context.Context) error { return Permanent(errBoom) },
			Failed: func(_ error, pause time.Duration) { told = append(told, pause) }}
		err := task.Loop(t.Context())
		if !errors.Is(err, errBoom) || !IsPermanent(err) || !strings.HasPrefix(err.Error(), "input: ") || len(told) != 1 || told[0] != 0 {
			t.Errorf("got %v, told %v", err, told)
		}
	})
}

func TestEndDuringPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		task := Task{Run: func(context.Context) error { return errBoom }, Backoff: Backoff{Min: time.Hour, Max: time.Hour}}
		if err := task.Loop(ctx); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	task := Task{Run: func(context.Context) error { t.Error("started"); return nil }}
	if err := task.Loop(ctx); err != nil {
		t.Error(err)
	}
}

func TestGroupStopsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(t.Context())
		var ended atomic.Int32
		for range 3 {
			g.Go(Task{Run: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second) // a task that takes its time to end
				ended.Add(1)
				return nil
			}})
		}
		gone := false
		g.Go(Task{Run: func(context.Context) error { gone = true; return Permanent(errBoom) }})
		synctest.Wait()
		if !gone {
			t.Error("a task was not started")
		}
		began := time.Now()
		g.Stop()
		if ended.Load() != 3 || time.Since(began) != time.Second {
			t.Errorf("%d ended after %v", ended.Load(), time.Since(began))
		}
		g.Stop() // once more is no harm
	})
}

func TestGroupEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := NewGroup(ctx)
		g.Go(Task{Run: func(ctx context.Context) error { <-ctx.Done(); return nil }})
		synctest.Wait()
		cancel()
		g.Wait()
	})
}
