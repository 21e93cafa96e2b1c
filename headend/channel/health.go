package channel

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigma/headend/supervise"
)

// health is the state of an input or output and why it has it.
type health struct {
	mu      sync.Mutex
	state   State
	since   time.Time
	err     string
	retries uint64
}

// set changes the state; a nil err clears the error.
func (h *health) set(s State, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != s {
		h.state, h.since = s, time.Now()
	}
	h.err = ""
	if err != nil {
		h.err = err.Error()
	}
}

// failed notes the end of a run; no pause means that there is no next one.
func (h *health) failed(err error, pause time.Duration) {
	state := Retrying
	switch {
	case pause == 0:
		state = Failed
	case errors.As(err, new(silent)):
		state = NoSignal
	}
	h.set(state, err)
	h.mu.Lock()
	h.retries++
	h.mu.Unlock()
}

func (h *health) get() (State, time.Time, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state, h.since, h.err
}

// running is a task that was started. A nil *running is one that was not.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func startTask(ctx context.Context, t supervise.Task) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		_ = t.Loop(ctx) // the end of the task was told to Failed
	}()
	return r
}

func (r *running) cancelRun() {
	if r != nil {
		r.cancel()
	}
}

// stop ends the task and waits for its end.
func (r *running) stop() {
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// errorWindow counts the media errors of the last minute, in steps of a second.
type errorWindow struct {
	steps [60]int64
	at    int
	last  uint64
	begun bool // last is known
}

// add takes the total once a second. One that goes back begins anew.
func (w *errorWindow) add(total uint64) {
	n := int64(0)
	if w.begun && total >= w.last {
		n = int64(total - w.last)
	}
	w.last, w.begun = total, true
	w.at = (w.at + 1) % len(w.steps)
	w.steps[w.at] = n
}

// sum returns the errors of the last minute.
func (w *errorWindow) sum() int64 {
	sum := int64(0)
	for _, v := range w.steps {
		sum += v
	}
	return sum
}
