// Package supervise keeps tasks running: it restarts them with a growing pause,
// gives up on errors that no retry can mend, and stops them all before it returns.
// It knows nothing of what the tasks do.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Permanent marks err as one that no retry can mend: the task is not started again.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// errEnded is what Failed is told of a Run that returned nil too early.
var errEnded = errors.New("ended without an error")

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// Backoff is a growing pause between attempts. The zero value is not usable: Min
// and Max must be set, 0 < Min <= Max.
type Backoff struct {
	Min, Max time.Duration // first and longest pause
	Healthy  time.Duration // a run of at least this long starts again at Min; 0 means 10 times Min
	next     time.Duration
}

// Next returns the pause after a run that lasted ran: doubled each time, with up
// to a tenth taken off at random so that many tasks do not march in step.
func (b *Backoff) Next(ran time.Duration) time.Duration {
	healthy := b.Healthy
	if healthy == 0 {
		healthy = 10 * b.Min
	}
	if ran >= healthy || b.next < b.Min {
		b.next = b.Min
	}
	d := b.next
	b.next = min(b.next*2, b.Max)
	return d - time.Duration(rand.Int64N(int64(d)/10+1))
}

// Task is one thing to keep running.
type Task struct {
	Name    string
	Run     func(ctx context.Context) error
	Backoff Backoff // zero means 200 ms to 10 s
	// Failed, when set, is told of each end of Run that was not caused by ctx: the
	// error, never nil, and the pause before the next attempt (0 when there will be
	// none). It must not block.
	Failed func(err error, pause time.Duration)
}

// Loop runs the task until ctx ends or it fails for good, and returns that error;
// nil when ctx ended. A Run that returns nil before ctx ends is restarted like
// one that failed. A panic counts as a failure and is reported with its stack.
func (t Task) Loop(ctx context.Context) error {
	if t.Backoff.Min == 0 {
		t.Backoff = Backoff{Min: 200 * time.Millisecond, Max: 10 * time.Second}
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := t.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errEnded
		}
		if IsPermanent(err) {
			if t.Failed != nil {
				t.Failed(err, 0)
			}
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		pause := t.Backoff.Next(time.Since(began))
		if t.Failed != nil {
			t.Failed(err, pause)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func (t Task) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			cause, ok := p.(error)
			if !ok {
				cause = fmt.Errorf("%v", p)
			}
			err = fmt.Errorf("panic: %w\n%s", cause, debug.Stack())
		}
	}()
	return t.Run(ctx)
}

// Group runs tasks and waits for all of them. The zero Group is not usable; call
// NewGroup. It is safe for concurrent use.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewGroup returns a group whose tasks end with ctx at the latest.
func NewGroup(ctx context.Context) *Group {
	g := &Group{}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// Go starts a task. It must not be called after Stop.
func (g *Group) Go(t Task) { g.wg.Go(func() { _ = t.Loop(g.ctx) }) }

// Stop ends the tasks and returns when all have ended.
func (g *Group) Stop() {
	g.cancel()
	g.wg.Wait()
}

// Wait returns when all tasks have ended.
func (g *Group) Wait() { g.wg.Wait() }
