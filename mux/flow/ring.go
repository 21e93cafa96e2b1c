package flow

import (
	"context"
	"sync"
)

// Ring keeps the newest items of one writer for any number of readers. The writer
// never waits for a reader; a reader that falls behind by more than the size of
// the ring is moved to the newest random access point and told so by Gap.
//
// A Ring is safe for one writer and many readers at once. The zero Ring is not
// usable; call NewRing.
type Ring[T any] struct {
	mu     sync.Mutex
	cond   sync.Cond
	items  []Item[T]
	next   uint64 // sequence number of the next item; the first item has 1
	access uint64 // sequence number of the newest random access item, 0 if none
}

// NewRing returns a ring that keeps the newest items, at least 2.
func NewRing[T any](items int) *Ring[T] {
	r := &Ring[T]{items: make([]Item[T], max(items, 2)), next: 1}
	r.cond.L = &r.mu
	return r
}

// Append adds an item and wakes the readers. It sets Seq, never blocks for a
// reader and never fails.
func (r *Ring[T]) Append(it Item[T]) {
	r.mu.Lock()
	it.Seq = r.next
	r.items[it.Seq%uint64(len(r.items))] = it
	if it.Marks.Has(RandomAccess) {
		r.access = it.Seq
	}
	r.next++
	r.mu.Unlock()
	r.cond.Broadcast()
}

// oldest returns the sequence number of the oldest item kept. The caller holds mu.
func (r *Ring[T]) oldest() uint64 {
	if n := uint64(len(r.items)); r.next > n {
		return r.next - n
	}
	return 1
}

// Start says where a new cursor begins.
type Start uint8

const (
	// Live begins with the next item appended.
	Live Start = iota
	// LastRandomAccess begins with the newest random access item still kept, or
	// with the next item appended if there is none.
	LastRandomAccess
)

// Open returns a cursor that reads until ctx ends. It must be closed, or its
// context ended, to release what it holds.
func (r *Ring[T]) Open(ctx context.Context, at Start) *Cursor[T] {
	c := &Cursor[T]{ring: r, ctx: ctx}
	r.mu.Lock()
	c.pos = r.next
	if at == LastRandomAccess && r.access >= r.oldest() {
		c.pos = r.access
	}
	r.mu.Unlock()
	c.stop = context.AfterFunc(ctx, func() {
		r.mu.Lock() // so that a reader is either waiting or sees the end of ctx
		defer r.mu.Unlock()
		r.cond.Broadcast()
	})
	return c
}

// Cursor reads a ring in order. It is for one goroutine.
type Cursor[T any] struct {
	ring *Ring[T]
	ctx  context.Context
	stop func() bool
	pos  uint64
	lost uint64
}

// Next copies items into dst in order and returns how many, at least one. It
// blocks until there is one or the context of Open ends, and then returns the
// cause. The first item after an overrun carries Gap.
func (c *Cursor[T]) Next(dst []Item[T]) (int, error) {
	if len(dst) == 0 {
		return 0, nil
	}
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	gap := false
	for {
		if c.ctx.Err() != nil {
			return 0, context.Cause(c.ctx)
		}
		if c.pos < r.oldest() {
			to := r.next
			if r.access > c.pos && r.access >= r.oldest() {
				to = r.access
			}
			c.lost += to - c.pos
			c.pos, gap = to, true
		}
		if c.pos < r.next {
			break
		}
		r.cond.Wait()
	}
	n := 0
	for n < len(dst) && c.pos < r.next {
		dst[n] = r.items[c.pos%uint64(len(r.items))]
		n++
		c.pos++
	}
	if gap {
		dst[0].Marks |= Gap
	}
	return n, nil
}

// Err returns the cause once the context of Open has ended, nil before. It is safe for
// concurrent use.
func (c *Cursor[T]) Err() error { return context.Cause(c.ctx) }

// Lost returns the number of items this cursor was too slow for. It must be
// called from the goroutine that calls Next.
func (c *Cursor[T]) Lost() uint64 { return c.lost }

// Behind returns the number of items that wait for this cursor.
func (c *Cursor[T]) Behind() int {
	c.ring.mu.Lock()
	defer c.ring.mu.Unlock()
	return int(c.ring.next - c.pos)
}

// Close releases the cursor. Next must not be running or be called again.
func (c *Cursor[T]) Close() { c.stop() }
