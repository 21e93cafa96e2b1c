// Package session counts who watches what. A viewer of a connection is counted while
// it lasts; a viewer of single requests is known by address, program and channel, and
// counted until nothing was asked for a while. It decides nothing.
package session

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Session is one viewer of one channel. It is a value.
type Session struct {
	ID        string    `json:"id"`
	Channel   string    `json:"name"`
	Protocol  string    `json:"proto"` // "hls", "mpegts"
	Address   string    `json:"ip"`
	UserAgent string    `json:"user_agent,omitempty"`
	Opened    time.Time `json:"opened_at"`
	Updated   time.Time `json:"updated_at"`
	Bytes     int64     `json:"bytes"`
	Skips     int64     `json:"skips,omitempty"` // times the viewer was too slow and lost a part
}

// maxUserAgent bounds what is kept of a User-Agent header, in bytes.
const maxUserAgent = 200

// Registry counts sessions. The exported fields are arguments. It is safe for
// concurrent use; the zero value with Now set is ready.
type Registry struct {
	Now    func() time.Time
	Expire time.Duration // viewers of single requests are gone after this long without one; 0 means 30 s
	Max    int           // sessions by request kept at most; further viewers are served but not counted; 0 means 100000
	// Address bounds those of one address, which may be a proxy with many viewers or
	// one program that makes up names; 0 means a tenth of Max.
	Address int

	mu      sync.Mutex
	asked   map[identity]*Session  // by request
	from    map[string]int         // entries of asked by address
	open    map[uint64]*connection // by connection
	next    uint64
	swept   time.Time
	uncount uint64
}

type identity struct{ channel, protocol, address, agent string }

type connection struct {
	mu sync.Mutex
	s  Session
}

func (r *Registry) expire() time.Duration { return cmp.Or(r.Expire, 30*time.Second) }

// kept returns a copy of what came in a request: a part of it would keep all of the
// request in memory.
func (k identity) kept() identity {
	k.channel, k.agent = strings.Clone(k.channel), strings.Clone(k.agent)
	return k
}

// Seen counts a request that was answered with bytes of media or playlist.
func (r *Registry) Seen(channel, protocol, address, userAgent string, bytes int64) {
	key := identity{channel, protocol, address, userAgent[:min(len(userAgent), maxUserAgent)]}
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.asked[key]
	if s != nil && now.Sub(s.Updated) > r.expire() {
		r.forget(key)
		s = nil
	}
	if s == nil {
		r.sweep(now)
		if most := cmp.Or(r.Max, 100_000); len(r.asked) >= most || r.from[address] >= cmp.Or(r.Address, max(most/10, 1)) {
			r.uncount++
			return
		}
		key = key.kept()
		s = &Session{ID: key.id(now), Channel: key.channel, Protocol: protocol, Address: address, UserAgent: key.agent, Opened: now}
		if r.asked == nil {
			r.asked, r.from = map[identity]*Session{}, map[string]int{}
		}
		r.asked[key] = s
		r.from[address]++
	}
	s.Updated = now
	s.Bytes += bytes
}

func (k identity) id(now time.Time) string {
	h := sha256.Sum256([]byte(k.channel + "\x00" + k.protocol + "\x00" + k.address + "\x00" + k.agent + "\x00" + now.String()))
	return hex.EncodeToString(h[:12])
}

// sweep forgets the viewers that are gone, at most once a second. The caller holds mu.
func (r *Registry) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Second {
		return
	}
	r.swept = now
	for k, s := range r.asked {
		if now.Sub(s.Updated) > r.expire() {
			r.forget(k)
		}
	}
}

// forget takes out an entry of asked. The caller holds mu.
func (r *Registry) forget(k identity) {
	delete(r.asked, k)
	if r.from[k.address]--; r.from[k.address] == 0 {
		delete(r.from, k.address)
	}
}

// Open counts a connection until done is called. Sent adds bytes that went out and
// parts that were skipped; it does not block.
func (r *Registry) Open(channel, protocol, address, userAgent string) (sent func(bytes, skips int64), done func()) {
	now := r.Now()
	key := identity{channel, protocol, address, userAgent[:min(len(userAgent), maxUserAgent)]}.kept()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[uint64]*connection{}
	}
	r.next++
	n := r.next
	c := &connection{s: Session{
		ID:      key.id(now)[:16] + "-" + strconv.FormatUint(n, 36),
		Channel: key.channel, Protocol: protocol, Address: address, UserAgent: key.agent, Opened: now, Updated: now,
	}}
	r.open[n] = c
	sent = func(bytes, skips int64) {
		now := r.Now()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.s.Bytes += bytes
		c.s.Skips += skips
		c.s.Updated = now
	}
	return sent, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, n)
	}
}

// List returns the sessions, oldest first.
func (r *Registry) List() []Session {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Session
	for _, s := range r.asked {
		if now.Sub(s.Updated) <= r.expire() {
			out = append(out, *s)
		}
	}
	for _, c := range r.open {
		c.mu.Lock()
		out = append(out, c.s)
		c.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Session) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Count returns the number of viewers by channel.
func (r *Registry) Count() map[string]int {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, s := range r.asked {
		if now.Sub(s.Updated) <= r.expire() {
			n[s.Channel]++
		}
	}
	for _, c := range r.open {
		n[c.s.Channel]++
	}
	return n
}

// Uncounted returns how many requests came from viewers beyond Max or
// Address.
func (r *Registry) Uncounted() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uncount
}
