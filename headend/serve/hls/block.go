package hls

import (
	"context"
	"net/http"
	"sync"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/timeline"
)

// Requests that wait for the same thing stand behind one gate. One of them, the
// leader, watches the view; it makes the playlist and opens the gate for all. So a
// waiting request costs a parked goroutine, woken once.

// gateKey is what requests wait for: the segment msn, or part of it, of a track. The
// zero value is the first segment of the channel.
type gateKey struct {
	kind kind
	id   string
	msn  uint64
	part int
}

type gate struct {
	open    chan struct{} // closed when it is there
	lead    chan struct{} // holds one token while there is no leader
	waiting int           // under gates.mu
}

type gates struct {
	mu sync.Mutex
	m  map[gateKey]*gate
}

func (g *gates) join(k gateKey) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[gateKey]*gate{}
	}
	p := g.m[k]
	if p == nil {
		p = &gate{open: make(chan struct{}), lead: make(chan struct{}, 1)}
		p.lead <- struct{}{}
		g.m[k] = p
	}
	p.waiting++
	return p
}

func (g *gates) leave(k gateKey, p *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.waiting--; p.waiting == 0 && g.m[k] == p {
		delete(g.m, k)
	}
}

// wait returns true as soon as ready says so of the view, and false after limit, or an
// eighth less, or when ctx ends. Of all who wait at k, one calls prepare before they
// go on.
func (c *Channel) wait(ctx context.Context, k gateKey, limit time.Duration, ready func(*timeline.View) bool, prepare func()) bool {
	g := c.gates.join(k)
	defer c.gates.leave(k, g)
	late := c.patience.After(limit)
	for {
		select {
		case <-g.open:
			return true
		case <-late:
			return false
		case <-ctx.Done():
			return false
		case <-g.lead:
			if ask.Until(ctx, c.Source, late, ready) {
				prepare()
				close(g.open)
				return true
			}
			g.lead <- struct{}{} // the next leads
			return false
		}
	}
}

// youth is how many segments a timeline makes before it holds that who asks for
// numbers far in the future asks for nonsense: they may know them from before a loss
// of the position, or from another box.
const youth = 30

// outcome is how a blocking request ended.
type outcome uint8

const (
	opened  outcome = iota // what it waits for is there
	stale                  // it never will be: answer with what there is
	refused                // an answer was given
	left                   // the client went away
)

// block holds a playlist request until the playlist has what its directives name.
func (q *request) block(k key, p *cell) outcome {
	v := q.c.Source.View()
	e := edgeOf(v, k.kind, k.id)
	want := gateKey{k.kind, k.id, q.query.msn, q.query.part}
	if k.kind != kindLL {
		want.part = -1
	}
	if e.has(want.msn, want.part) {
		return opened
	}
	if e.beyond(v, want.msn, want.part) {
		if v.Counters.Segments <= youth {
			return stale
		}
		q.Refuse(http.StatusBadRequest, "the playlist is not so far yet")
		return refused
	}
	ready := func(v *timeline.View) bool { e := edgeOf(v, k.kind, k.id); return e.has(want.msn, want.part) }
	prepare := func() {
		if b := p.body(q.c, k); b != nil {
			b.Prepare(q.R)
		}
	}
	switch {
	case q.c.wait(q.R.Context(), want, ask.Hold(v), ready, prepare):
		return opened
	case q.R.Context().Err() != nil:
		return left
	}
	q.Unavailable("nothing new came in three target durations")
	return refused
}
