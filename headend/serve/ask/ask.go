// Package ask owns how the servers of a timeline take requests: what is refused before
// a protocol looks at it, what every query may say, how a request waits for media that
// has not come, and where what was made for one is kept for all.
//
// It knows no protocol, and it starts nothing.
package ask

import (
	"net/http"
	"strings"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
)

// Viewers is told of every answer that carried media or a manifest. It must not block.
type Viewers interface {
	Seen(channel, protocol, address, userAgent string, bytes int64)
}

// Request is one request that is to be answered.
type Request struct {
	W     http.ResponseWriter
	R     *http.Request
	Route route.Route
}

// Begin takes a request for a channel that lookup knows. The channel is nil when the
// request has been answered already: with a preflight, or a refusal.
func Begin[C any](w http.ResponseWriter, r *http.Request, lookup func(name string) *C) (q Request, c *C) {
	if !reply.Begin(w, r) {
		return q, nil
	}
	q = Request{w, r, route.Parse(r.URL.Path)}
	if q.Route.Kind != route.None {
		c = lookup(q.Route.Channel)
	}
	if c == nil {
		q.Refuse(http.StatusNotFound, "no such channel")
	}
	return q, c
}

// Refuse answers with an error that may be another in a moment.
func (q *Request) Refuse(status int, text string) { reply.Refuse(q.W, status, reply.NoCache, text) }

// Unavailable answers that what was asked for may be there in a second.
func (q *Request) Unavailable(text string) {
	q.W.Header().Set("Retry-After", "1")
	q.Refuse(http.StatusServiceUnavailable, text)
}

// Gone answers that a segment will never come back.
func (q *Request) Gone() {
	reply.Refuse(q.W, http.StatusGone, reply.GoneCache, "the segment has left the window")
}

// Private answers with a manifest that was made for one viewer. It returns the number of
// bytes of the answer.
func (q *Request) Private(contentType string, manifest []byte) int64 {
	h := q.W.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, no-cache")
	return reply.Send(q.W, manifest)
}

// Count tells viewers, unless nil, of an answer of n bytes.
func (q *Request) Count(viewers Viewers, protocol string, n int64) {
	if viewers != nil {
		viewers.Seen(q.Route.Channel, protocol, reply.Address(q.R), q.R.UserAgent(), n)
	}
}

// defaultWait is the longest a manifest waits for the first segment.
const defaultWait = 10 * time.Second

// Wait returns the longest a manifest waits for the first segment: limit, or 10 s if that
// is 0.
func Wait(limit time.Duration) time.Duration {
	if limit == 0 {
		return defaultWait
	}
	return limit
}

// Names reports whether a selector names a track; an empty one names all.
func Names(selector, id string) bool {
	for rest := selector; rest != ""; {
		var one string
		if one, rest = route.NextTrack(rest); one == id {
			return true
		}
	}
	return selector == ""
}

// Missing returns text followed by why tracks that a selector names are left out, as far
// as problem says so. The layout may be nil.
func Missing(text string, l *timeline.Layout, selector string, problem func(*timeline.Track) string) string {
	if l == nil {
		return text
	}
	var b strings.Builder
	b.WriteString(text)
	for _, t := range l.Tracks {
		if p := problem(t); p != "" && Names(selector, t.ID) {
			b.WriteString("; " + t.ID + ": " + p)
		}
	}
	return b.String()
}

// Problem returns why a track cannot be packaged as CMAF, empty when it can.
func Problem(t *timeline.Track) string { return t.Problem }
