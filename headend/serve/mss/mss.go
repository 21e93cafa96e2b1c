// Package mss serves the timeline of channels as Smooth Streaming (MS-SSTR): live client
// manifests with a StreamIndex for the pictures, for each sound and for each text, and
// their fragments, each of which tells the one that follows. Manifests and fragments are
// made of a view: equal in every box, whenever they are asked for.
//
// It cuts nothing, keeps nothing but the newest manifests and a few headers of fragments,
// and knows no configuration.
package mss

import (
	"net/http"
	"sync/atomic"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
)

// Source is the past of one channel.
type Source = reply.Source

// Channel is one channel on offer. Source is an argument; what is made of it is kept
// here. It is safe for concurrent use and must not be copied.
type Channel struct {
	Source Source

	manifests ask.Cells[string, cell] // by the selector of tracks
	heads     ask.Cells[headKey, head]
	patience  ask.Patience
}

// Handler answers the Smooth Streaming URLs of all channels, GET and HEAD:
// route.SmoothManifest and route.SmoothFragment. The exported fields are arguments. It is
// safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers ask.Viewers                // nil counts nobody
	Wait    time.Duration              // longest a manifest waits for its first fragments; 0 means 10 s
}

const (
	// manifestType is that of IIS; clients go by what is in it.
	manifestType = "text/xml; charset=utf-8"
	// manifestCache lets all who begin in one second share one answer. Clients that play
	// learn of new fragments from fragments.
	manifestCache = "public, max-age=1"

	// maxManifests is far more than the selectors that players of a channel use.
	maxManifests = 64
	// maxHeads bounds the headers that are kept: of 6 fragments of 30 tracks, where there
	// are as many, and some KiB each.
	maxHeads = 512
)

// request is one request with what was found out about it.
type request struct {
	ask.Request
	query ask.Query
	c     *Channel
}

// ServeHTTP answers one request. A manifest of a channel that has no fragments yet, and a
// fragment whose next is not whole yet, are waited for; what is not there is 404 that no
// cache keeps, a fragment that has left the window 410, nonsense 400.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, c := ask.Begin(w, r, h.Lookup)
	if c == nil {
		return
	}
	q, problem := ask.ParseQuery(r.URL.RawQuery, func(string, string) string { return "" })
	if problem != "" {
		asked.Refuse(http.StatusBadRequest, problem)
		return
	}
	req := request{asked, q, c}
	var n int64
	var ok bool
	switch asked.Route.Kind {
	case route.SmoothManifest:
		n, ok = h.manifest(req)
	case route.SmoothFragment:
		n, ok = req.fragment()
	default:
		req.Refuse(http.StatusNotFound, "not an address of Smooth Streaming")
	}
	if ok {
		asked.Count(h.Viewers, "mss", n)
	}
}

// cell keeps one manifest of a channel.
type cell struct {
	reply.Cell
	whole atomic.Bool // no stream of the newest version waits for its first fragment
}

// manifest answers with a manifest, once every stream has a fragment or the time to wait
// is over: a client that begins without a sound never looks for it again.
func (h *Handler) manifest(q request) (n int64, ok bool) {
	k := q.c.manifests.Of(q.query.Tracks, maxManifests, func() *cell { return &cell{} })
	var b *reply.Body
	ready := func(*timeline.View) bool {
		b = k.Get(q.c.Source, func(v *timeline.View) *reply.Body {
			b, whole := render(v, q.query.Tracks)
			k.whole.Store(whole)
			return b
		})
		return k.whole.Load()
	}
	whole := ask.Until(q.R.Context(), q.c.Source, q.c.patience.After(ask.Wait(h.Wait)), ready)
	switch {
	case b == nil && whole:
		q.Refuse(http.StatusNotFound, missing(q.c.Source.View(), q.query.Tracks))
		return 0, false
	case b == nil:
		q.Unavailable("the channel has no media yet")
		return 0, false
	case q.query.Token != "":
		return q.Private(manifestType, b.With("?"+q.query.Token)), true
	}
	return b.Serve(q.W, q.R), true
}
