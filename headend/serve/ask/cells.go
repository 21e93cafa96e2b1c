package ask

import "sync"

// Cells keeps what was made for requests by their keys, at most so many: when there would
// be more, all are forgotten and made anew. The zero value is ready; it is safe for
// concurrent use and must not be copied.
type Cells[K comparable, V any] struct {
	mu sync.RWMutex
	m  map[K]*V
}

// Of returns the value of a key, that of fresh if there is none. Fresh must be quick.
func (c *Cells[K, V]) Of(k K, most int, fresh func() *V) *V {
	c.mu.RLock()
	p := c.m[k]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p = c.m[k]; p != nil {
		return p
	}
	if c.m == nil || len(c.m) >= most {
		c.m = map[K]*V{}
	}
	p = fresh()
	c.m[k] = p
	return p
}
