// Package session knows who watches what. A viewer of a connection is a session while
// it lasts; a viewer of single requests is known by the address and the token, or the
// program, that the requests come with, and is one session until nothing was asked for
// a while. An Authorizer says who may watch, and the sessions hold to what it said.
//
// What it keeps is bounded, whoever asks for whatever.
package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sigma/headend/serve/reply"
)

// Session is one viewer of one channel. It is a value.
type Session struct {
	ID        string    `json:"id"`
	Channel   string    `json:"name"`
	Protocol  string    `json:"proto"` // "hls", "dash", "mss", "mpegts", "webrtc", "jpeg"
	Address   string    `json:"ip"`
	Token     string    `json:"token,omitempty"` // its begin: it would let others in
	User      string    `json:"user_id,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Opened    time.Time `json:"opened_at"`
	Updated   time.Time `json:"updated_at"`
	Closed    time.Time `json:"closed_at,omitzero"`
	Reason    string    `json:"reason,omitempty"` // why it was closed
	Bytes     int64     `json:"bytes"`
	Skips     int64     `json:"skips,omitempty"` // times the viewer was too slow and lost a part
}

const (
	maxUserAgent = 200  // bytes kept of a User-Agent or Referer header
	maxToken     = 1024 // bytes of a token, as hls and dash have it
	maxQuery     = 512  // bytes of a query that an Authorizer is told
	shownToken   = 6    // bytes of it that operators see
	maxEnded     = 500  // sessions remembered after their end
	maxRefused   = 1 << 16
	defaultMax   = 100_000
)

// Registry keeps sessions. The exported fields are arguments. It is safe for
// concurrent use; the zero value with Now set is ready.
type Registry struct {
	Now    func() time.Time
	Expire time.Duration // viewers of single requests are gone after this long without one; 0 means 30 s
	Max    int           // sessions kept at most; further viewers are served but not counted, unless an Authorizer was to be asked; 0 means 100000
	// Address bounds those of one address, which may be a proxy with many viewers or
	// one program that makes up names; 0 means a tenth of Max.
	Address int
	// Authorizer returns what decides about the viewers of a channel; nil, or a nil
	// result, lets everybody in.
	Authorizer func(channel string) Authorizer

	mu       sync.Mutex
	asked    map[identity]*entry // by request
	open     map[*entry]bool     // by connection
	from     map[string]int      // entries by address
	watching map[string]int      // entries by channel, without those of pictures
	total    int                 // of watching
	users    map[string][]*entry // by the user that the Authorizer named
	refused  map[uint64]refused  // by hash of the identity
	strikes  map[string]strike   // refusals by address
	asking   map[identity]*question
	ended    []Session // newest last
	seed     maphash.Seed
	swept    time.Time
	uncount  uint64
}

// identity is what one viewer of one channel is known by. With a token the program is
// left out: many players come with one name for lists and another for media.
type identity struct{ channel, protocol, address, token, agent string }

// entry is a session with what is known about it.
type entry struct {
	Session
	key      identity
	facts    Request      // for the next question
	counted  bool         // something was sent
	end      func(string) // ends the connection; nil of requests
	decided  time.Time    // when the Authorizer was asked last
	until    time.Time    // until when its word holds
	word     Decision     // its word
	number   int          // of questions
	checking bool         // a question is under way
}

func (r *Registry) expire() time.Duration { return cmp.Or(r.Expire, 30*time.Second) }
func (r *Registry) most() int             { return cmp.Or(r.Max, defaultMax) }

// identify returns who asks. Its texts are parts of the request.
func identify(r *http.Request, channel, protocol string) identity {
	k := identity{channel: channel, protocol: protocol, address: reply.Address(r), token: tokenOf(r.URL.RawQuery)}
	if k.token == "" {
		agent := r.UserAgent()
		k.agent = agent[:min(len(agent), maxUserAgent)]
	}
	return k
}

// tokenOf returns the token of a query as it is written, nothing if there is none.
func tokenOf(query string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if v, ok := strings.CutPrefix(pair, "token="); ok && v != "" && len(v) <= maxToken {
			return v
		}
	}
	return ""
}

// whole is the viewer by whatever protocol: players change it by themselves.
func (k identity) whole() identity {
	k.protocol = ""
	return k
}

// kept returns a copy of what came in a request: a part of it would keep all of the
// request in memory.
func (k identity) kept() identity {
	k.channel, k.token, k.agent = strings.Clone(k.channel), strings.Clone(k.token), strings.Clone(k.agent)
	return k
}

// newID returns a random UUID (RFC 9562 clause 5.4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// find returns the session of requests that is alive. The caller holds mu.
func (r *Registry) find(k identity, now time.Time) *entry {
	e := r.asked[k]
	if e != nil && now.Sub(e.Updated) > r.expire() {
		r.remove(e, now, "nothing was asked for any more")
		return nil
	}
	return e
}

// add makes a session of requests, or of a connection when end is given; nil when there
// are too many. The caller holds mu.
func (r *Registry) add(k identity, agent string, end func(string), now time.Time) *entry {
	r.sweep(now)
	most := r.most()
	if len(r.asked)+len(r.open) >= most || r.from[k.address] >= cmp.Or(r.Address, max(most/10, 1)) {
		return nil
	}
	k = k.kept()
	e := &entry{key: k, end: end, counted: end != nil, Session: Session{
		ID: newID(), Channel: k.channel, Protocol: k.protocol, Address: k.address, Token: shown(k.token),
		UserAgent: strings.Clone(agent[:min(len(agent), maxUserAgent)]), Opened: now, Updated: now,
	}}
	if r.from == nil {
		r.asked, r.open, r.from, r.users = map[identity]*entry{}, map[*entry]bool{}, map[string]int{}, map[string][]*entry{}
		r.watching = map[string]int{}
	}
	if end != nil {
		r.open[e] = true
	} else {
		r.asked[k] = e
	}
	r.from[k.address]++
	r.watch(e, 1)
	return e
}

func shown(token string) string {
	if len(token) > 2*shownToken {
		return strings.Clone(token[:shownToken]) + "…"
	}
	if token != "" {
		return "…"
	}
	return ""
}

// sweep forgets the viewers that are gone, at most once a second. The caller holds mu.
func (r *Registry) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Second {
		return
	}
	r.swept = now
	for _, e := range r.asked {
		if now.Sub(e.Updated) > r.expire() {
			r.remove(e, now, "nothing was asked for any more")
		}
	}
	r.forget(now)
}

// remove takes a session out. It reports whether it was there. The caller holds mu.
func (r *Registry) remove(e *entry, now time.Time, why string) bool {
	if !r.open[e] && r.asked[e.key] != e {
		return false
	}
	if r.open[e] {
		delete(r.open, e)
	} else {
		delete(r.asked, e.key)
	}
	if r.from[e.Address]--; r.from[e.Address] == 0 {
		delete(r.from, e.Address)
	}
	r.watch(e, -1)
	r.belong(e, "")
	if e.counted {
		if len(r.ended) >= maxEnded {
			r.ended = append(r.ended[:0:0], r.ended[maxEnded/5:]...)
		}
		s := e.Session
		s.Closed, s.Reason = now, why
		r.ended = append(r.ended, s)
	}
	return true
}

// belong says whose session it is. The caller holds mu.
func (r *Registry) belong(e *entry, user string) {
	if e.User == user {
		return
	}
	if e.User != "" {
		rest := slices.DeleteFunc(r.users[e.User], func(o *entry) bool { return o == e })
		if r.users[e.User] = rest; len(rest) == 0 {
			delete(r.users, e.User)
		}
	}
	if e.User = user; user != "" {
		r.users[user] = append(r.users[user], e)
	}
}

// took counts what a viewer was sent.
func (r *Registry) took(e *entry, bytes, skips int64) {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	e.counted, e.Updated = true, now
	e.Bytes += bytes
	e.Skips += skips
}

// Open begins the session of a connection that r asks for. An error is a *Refusal. Sent
// adds bytes that went out and parts that were skipped, and does not block; done ends the
// session with a reason. End is called, at most once, when the session is to end by
// another's will; it must not wait for done.
func (r *Registry) Open(q *http.Request, channel, protocol string, end func(why string)) (sent func(bytes, skips int64), done func(why string), err error) {
	e, err := r.admit(q, identify(q, channel, protocol), end)
	switch {
	case err != nil:
		return nil, nil, err
	case e == nil:
		return func(int64, int64) {}, func(string) {}, nil
	}
	return func(bytes, skips int64) { r.took(e, bytes, skips) }, func(why string) {
		now := r.Now()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.remove(e, now, why)
	}, nil
}

// Close ends a session, and keeps its viewer out for as long as a session of requests
// lasts without one. It reports whether there is such a session.
func (r *Registry) Close(id, why string) bool {
	now := r.Now()
	r.mu.Lock()
	e := r.byID(id)
	if e != nil {
		r.refuse(e.key.whole(), now.Add(r.expire()), why)
	}
	end := r.close(e, now, why)
	r.mu.Unlock()
	end()
	return e != nil
}

func (r *Registry) byID(id string) *entry {
	for _, e := range r.asked {
		if e.ID == id {
			return e
		}
	}
	for e := range r.open {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// close takes a session out and returns what ends its connection, to be called without
// the lock. The caller holds mu.
func (r *Registry) close(e *entry, now time.Time, why string) (end func()) {
	if e == nil || !r.remove(e, now, why) || e.end == nil {
		return func() {}
	}
	return func() { e.end(why) }
}

// List returns the sessions, oldest first.
func (r *Registry) List() []Session {
	now := r.Now()
	r.mu.Lock()
	var out []Session
	for _, e := range r.asked {
		if e.counted && now.Sub(e.Updated) <= r.expire() {
			out = append(out, e.Session)
		}
	}
	for e := range r.open {
		out = append(out, e.Session)
	}
	r.mu.Unlock()
	slices.SortFunc(out, func(a, b Session) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Ended returns the sessions that ended last, newest first.
func (r *Registry) Ended() []Session {
	r.mu.Lock()
	out := slices.Clone(r.ended)
	r.mu.Unlock()
	slices.Reverse(out)
	return out
}

// Count returns the number of viewers by channel.
func (r *Registry) Count() map[string]int {
	now := r.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, e := range r.asked {
		if e.counted && e.Protocol != picture && now.Sub(e.Updated) <= r.expire() {
			n[e.Channel]++
		}
	}
	for e := range r.open {
		n[e.Channel]++
	}
	return n
}

// Uncounted returns how many requests came from viewers beyond Max or Address.
func (r *Registry) Uncounted() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.uncount
}

// Run forgets who is gone and asks the Authorizer again when its word has run out, until
// ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var under sync.WaitGroup
	turn := make(chan struct{}, maxChecks)
	defer under.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := r.Now()
		r.mu.Lock()
		r.sweep(now)
		due := r.due(now)
		r.mu.Unlock()
		for _, e := range due {
			under.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				r.check(ctx, e)
			})
		}
	}
}
