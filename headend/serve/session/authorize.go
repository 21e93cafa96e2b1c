package session

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Authorizer decides who may watch. It is asked when a session begins and again when its
// word has run out. It may be asked from many goroutines at once.
type Authorizer interface {
	// Authorize decides. An error means that it cannot say: what it said before holds
	// on, and who is new is refused.
	Authorize(ctx context.Context, r Request) (Decision, error)
}

// Request is what an Authorizer is told of a viewer.
type Request struct {
	Channel, Protocol, Address, Token string
	UserAgent, Referer, Query         string
	Session                           string        // ID, the same for all questions about one session
	Number                            int           // of the question, from 0
	Update                            bool          // the session has begun already
	Duration                          time.Duration // of the session
	Bytes                             int64         // sent to it
	ChannelClients, TotalClients      int
}

// Decision is the word of an Authorizer.
type Decision struct {
	Allow       bool
	Reason      string        // of a refusal, for the viewer and the operator
	For         time.Duration // it holds for this long; 0 means 30 s
	User        string        // whose session it is; empty when not known
	MaxSessions int           // of the user at once, over all channels; 0 is no limit
	Unique      bool          // the newest session of the user ends the others
}

// picture is the protocol of who looks at pictures of a channel: it is no viewer of it.
const picture = "jpeg"

// of returns what is decided about a session of a protocol. Who looks at a picture takes
// no place of the user, and ends nothing that plays.
func (d Decision) of(protocol string) Decision {
	if protocol == picture {
		d.User, d.Unique, d.MaxSessions = "", false, 0
	}
	return d
}

// Refusal says why a viewer may not watch.
type Refusal struct {
	Status int // of HTTP
	Text   string
}

// Error implements error.
func (f *Refusal) Error() string { return f.Text }

// HTTPStatus returns the status of the answer.
func (f *Refusal) HTTPStatus() int { return f.Status }

func denied(text string) *Refusal { return &Refusal{http.StatusForbidden, text} }

const (
	defaultFor    = 30 * time.Second // of a decision
	maxAsking     = 256              // questions at once about new viewers
	maxChecks     = 64               // questions at once about sessions
	maxDue        = 4096             // sessions that wait for theirs
	strikeSpan    = 10 * time.Second
	maxStrikes    = 50 // refusals of one address within it
	askWithin     = 10 * time.Second
	maxReason     = 200 // bytes
	silent        = "who may watch could not be found out: try again later"
	tooMany       = "too many new viewers at once: try again in a moment"
	tooManyDenied = "too many refusals of this address: wait"
)

// refused is a viewer who may not watch for a while.
type refused struct {
	until time.Time
	why   string
}

// strike counts the refusals of an address.
type strike struct {
	since time.Time
	n     int
}

// question is one to an Authorizer about a new viewer, shared by all its requests.
type question struct {
	done chan struct{}
	e    *entry
	err  error
}

// admit returns the session of a viewer, a new one if there is none; nil if there are too
// many to count. An error is a *Refusal. With end it is always a new one, of a connection.
func (r *Registry) admit(q *http.Request, k identity, end func(string)) (*entry, error) {
	now := r.Now()
	r.mu.Lock()
	if f := r.held(k, now); f != nil {
		r.mu.Unlock()
		return nil, f
	}
	if end == nil {
		if e := r.find(k, now); e != nil {
			r.mu.Unlock()
			return e, nil
		}
	}
	var auth Authorizer
	if r.Authorizer != nil {
		auth = r.Authorizer(k.channel)
	}
	if auth == nil {
		defer r.mu.Unlock()
		e := r.add(k, q.UserAgent(), end, now)
		if e == nil {
			r.uncount++
		} else { // for somebody who is to decide later
			e.facts = factsOf(q, k)
			e.facts.Session = e.ID
		}
		return e, nil
	}
	if p := r.asking[k]; p != nil && end == nil {
		r.mu.Unlock()
		select {
		case <-p.done:
			return p.e, p.err
		case <-q.Context().Done():
			return nil, denied("the viewer went away")
		}
	}
	if len(r.asking) >= maxAsking || r.strikes[k.address].n >= maxStrikes && now.Sub(r.strikes[k.address].since) < strikeSpan {
		text := tooMany
		if len(r.asking) < maxAsking {
			text = tooManyDenied
		}
		r.mu.Unlock()
		return nil, &Refusal{http.StatusTooManyRequests, text}
	}
	p := &question{done: make(chan struct{}), err: denied(silent)}
	at := k.kept()
	if end != nil {
		at.agent = newID() // connections are asked about one by one
	}
	if r.asking == nil {
		r.asking = map[identity]*question{}
	}
	r.asking[at] = p
	facts := factsOf(q, k)
	facts.ChannelClients, facts.TotalClients = r.load(k.channel)
	r.mu.Unlock()
	defer func() { // whatever happens: others wait for it
		r.mu.Lock()
		delete(r.asking, at)
		r.mu.Unlock()
		close(p.done)
	}()
	r.decide(q.Context(), auth, p, k, facts, end)
	return p.e, p.err
}

// factsOf returns what is known of a viewer, in memory of its own.
func factsOf(q *http.Request, k identity) Request {
	cut := func(s string, n int) string { return strings.Clone(s[:min(len(s), n)]) }
	token := k.token
	if t, err := url.QueryUnescape(token); err == nil {
		token = t
	}
	return Request{
		Channel: strings.Clone(k.channel), Protocol: k.protocol, Address: k.address, Token: strings.Clone(token),
		UserAgent: cut(q.UserAgent(), maxUserAgent), Referer: cut(q.Referer(), maxUserAgent), Query: cut(q.URL.RawQuery, maxQuery),
		Session: newID(),
	}
}

// load returns the viewers of a channel and of all. The caller holds mu. Sessions that
// have not been sent anything yet count: they take a place.
func (r *Registry) load(channel string) (ofChannel, total int) {
	return r.watching[channel], r.total
}

// watch counts n more sessions like e for load. The caller holds mu.
func (r *Registry) watch(e *entry, n int) {
	if e.Protocol == picture {
		return
	}
	r.total += n
	if r.watching[e.Channel] += n; r.watching[e.Channel] == 0 {
		delete(r.watching, e.Channel)
	}
}

// decide asks about a new viewer, and begins its session.
func (r *Registry) decide(ctx context.Context, auth Authorizer, p *question, k identity, facts Request, end func(string)) {
	// All requests of the viewer wait for this one: that its client goes is not the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	d, err := auth.Authorize(ctx, facts)
	if err != nil {
		d = Decision{Reason: silent}
	}
	now := r.Now()
	r.mu.Lock()
	var ends []func()
	p.e, ends, p.err = r.begin(k, facts, d, end, now)
	r.mu.Unlock()
	for _, f := range ends {
		f()
	}
}

// begin makes the session of a decision. The caller holds mu, and calls ends without it.
func (r *Registry) begin(k identity, facts Request, d Decision, end func(string), now time.Time) (e *entry, ends []func(), err error) {
	d = d.of(k.protocol)
	why := ""
	mine := r.users[d.User]
	switch {
	case !d.Allow:
		why = cmp.Or(d.Reason, "this viewer may not watch the channel")
	case d.User != "" && !d.Unique && d.MaxSessions > 0 && len(mine) >= d.MaxSessions:
		why = "as many sessions as this user may have are open already"
	}
	if why != "" {
		why = why[:min(len(why), maxReason)]
		r.refuse(k, now.Add(min(cmp.Or(d.For, defaultFor), defaultFor)), why)
		r.strike(k.address, now)
		return nil, nil, denied(why)
	}
	if d.Unique && d.User != "" {
		for _, old := range slices.Clone(mine) {
			key := old.key.whole()
			if key == k.whole() {
				key = old.key // the newest is the same viewer by another protocol
			}
			r.refuse(key, now.Add(r.expire()), newer)
			ends = append(ends, r.close(old, now, newer))
		}
		delete(r.refused, r.hash(k)) // the newest may be the same viewer anew
		delete(r.refused, r.hash(k.whole()))
	}
	if e = r.add(k, facts.UserAgent, end, now); e == nil {
		r.uncount++
		return nil, ends, &Refusal{http.StatusServiceUnavailable, "as many viewers as can be kept are here already"}
	}
	e.ID, e.facts, e.number = facts.Session, facts, 1
	r.hold(e, d, now)
	return e, ends, nil
}

const newer = "the user has begun a newer session"

// hold keeps the word about a session. The caller holds mu.
func (r *Registry) hold(e *entry, d Decision, now time.Time) {
	e.word, e.decided, e.until = d, now, now.Add(cmp.Or(d.For, defaultFor))
	r.belong(e, d.User)
}

// held returns why a viewer may not watch now, nil if nothing is held against it. The
// caller holds mu.
func (r *Registry) held(k identity, now time.Time) error {
	if len(r.refused) == 0 {
		return nil
	}
	for _, k := range []identity{k, k.whole()} {
		if f, ok := r.refused[r.hash(k)]; ok && now.Before(f.until) {
			return denied(f.why)
		}
	}
	return nil
}

// hash is of a seed of its own, so that nobody can make two viewers alike.
func (r *Registry) hash(k identity) uint64 {
	if r.seed == (maphash.Seed{}) {
		r.seed = maphash.MakeSeed()
	}
	return maphash.Comparable(r.seed, k)
}

// refuse keeps a viewer out for a while. The caller holds mu.
func (r *Registry) refuse(k identity, until time.Time, why string) {
	if r.refused == nil || len(r.refused) >= maxRefused {
		r.refused = map[uint64]refused{} // a flood: it is asked about anew
	}
	r.refused[r.hash(k)] = refused{until, why}
}

func (r *Registry) strike(address string, now time.Time) {
	if r.strikes == nil || len(r.strikes) >= maxRefused {
		r.strikes = map[string]strike{}
	}
	s := r.strikes[address]
	if now.Sub(s.since) >= strikeSpan {
		s = strike{since: now}
	}
	s.n++
	r.strikes[address] = s
}

// forget drops what is no longer held against anybody. The caller holds mu.
func (r *Registry) forget(now time.Time) {
	for h, f := range r.refused {
		if !now.Before(f.until) {
			delete(r.refused, h)
		}
	}
	for a, s := range r.strikes {
		if now.Sub(s.since) >= strikeSpan {
			delete(r.strikes, a)
		}
	}
}

// due returns the sessions whose word has run out, the longest ago first, and no more
// than may wait. The caller holds mu.
func (r *Registry) due(now time.Time) (out []*entry) {
	if r.Authorizer == nil {
		return nil
	}
	busy := 0
	add := func(e *entry) {
		switch {
		case e.checking:
			busy++
		case !now.Before(e.until) && r.Authorizer(e.Channel) != nil:
			out = append(out, e)
		}
	}
	for _, e := range r.asked {
		if e.Updated.After(e.decided) { // who asks for nothing need not be asked about
			add(e)
		}
	}
	for e := range r.open {
		add(e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return a.until.Compare(b.until) })
	out = out[:min(len(out), max(maxDue-busy, 0))]
	for _, e := range out {
		e.checking = true
	}
	return out
}

var errNobody = errors.New("nobody decides about the channel any more")

// check asks about a session that has begun.
func (r *Registry) check(ctx context.Context, e *entry) {
	now := r.Now()
	r.mu.Lock()
	if !r.open[e] && r.asked[e.key] != e { // it has ended while it waited
		r.mu.Unlock()
		return
	}
	f := e.facts
	f.Channel, f.Protocol, f.Address, f.UserAgent, f.Session = e.Channel, e.Protocol, e.Address, e.UserAgent, e.ID
	f.Number, f.Update, f.Duration, f.Bytes = e.number, true, now.Sub(e.Opened), e.Bytes
	f.ChannelClients, f.TotalClients = r.load(e.Channel)
	auth := r.Authorizer(e.Channel)
	e.number++
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	d, err := Decision{}, errNobody
	if auth != nil {
		d, err = auth.Authorize(ctx, f)
	}
	now = r.Now()
	end := func() {}
	r.mu.Lock()
	e.checking = false
	switch {
	case err != nil:
		e.until = now.Add(defaultFor) // what was said before holds on
	case !d.Allow:
		why := cmp.Or(d.Reason, "this viewer may no longer watch the channel")
		why = why[:min(len(why), maxReason)]
		r.refuse(e.key, now.Add(min(cmp.Or(d.For, defaultFor), defaultFor)), why)
		end = r.close(e, now, why)
	default:
		if r.open[e] || r.asked[e.key] == e {
			r.hold(e, d.of(e.Protocol), now)
		}
	}
	r.mu.Unlock()
	end()
}

// Reauthorize has the Authorizer asked at once about every session of a channel, or of
// all with an empty name, and forgets whom it refused.
func (r *Registry) Reauthorize(channel string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.refused)
	clear(r.strikes)
	soon := func(e *entry) {
		if channel == "" || e.Channel == channel {
			e.until, e.decided = time.Time{}, time.Time{}
		}
	}
	for _, e := range r.asked {
		soon(e)
	}
	for e := range r.open {
		soon(e)
	}
}
