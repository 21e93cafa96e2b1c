package webrtc

import (
	"context"
	"slices"
	"sync"
	"time"
)

// perGroup is how many viewers one goroutine sends to before another is started, as
// long as there are processors for it.
const perGroup = 64

// group is viewers of one channel that one goroutine sends to.
type group struct {
	feed  *feed
	dirty chan struct{}
	out   batch
	burst [burst]packet // scratch of the sending goroutine

	mu      sync.Mutex
	viewers []*viewer // replaced, never changed
}

// burst is how many packets are looked at together.
const burst = 64

func newGroup(f *feed) *group {
	return &group{feed: f, dirty: make(chan struct{}, 1), out: batch{buf: make([]byte, 0, maxBatch)}}
}

// poke says that there may be something to send. It does not block.
func (g *group) poke() {
	select {
	case g.dirty <- struct{}{}:
	default:
	}
}

func (g *group) count() int { return len(g.list()) }

func (g *group) list() []*viewer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.viewers
}

func (g *group) add(v *viewer) {
	g.mu.Lock()
	g.viewers = append(slices.Clone(g.viewers), v)
	g.mu.Unlock()
	g.poke()
}

func (g *group) remove(v *viewer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.viewers = slices.DeleteFunc(slices.Clone(g.viewers), func(o *viewer) bool { return o == v })
}

// run sends until ctx ends: when there is something new, and when pacing, a report or a
// retransmission is due for a viewer.
func (g *group) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-g.dirty:
		case <-timer.C:
		}
		now := g.feed.server.now()
		due := now + time.Minute
		for _, v := range g.list() {
			due = min(due, v.pump(g, now))
		}
		timer.Reset(max(due-g.feed.server.now(), time.Millisecond))
	}
}
