// Package dash serves the timeline of channels as MPEG-DASH (ISO/IEC 23009-1:2022):
// dynamic MPDs with one Period for each time base, exact segment timelines, patches of
// them, CMAF segments, those that are being filled as chunks while they come, and the
// clock that clients set theirs by. MPDs are made of a view, once per version.
//
// It cuts nothing, keeps nothing but the newest versions of its MPDs and the names of
// their periods, and knows no configuration.
package dash

import (
	"net/http"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
)

// Source is the past of one channel.
type Source = reply.Source

// Channel is one channel on offer. Source is an argument; what is made of it is kept
// here. It is safe for concurrent use and must not be copied.
type Channel struct {
	Source Source

	cells    ask.Cells[key, cell]
	memory   memory
	patience ask.Patience
}

// Handler answers the DASH URLs of all channels, GET and HEAD: route.Manifest,
// route.Patch, route.Fragment, route.Clock, and route.Init of text tracks. The
// exported fields are arguments. It is safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers ask.Viewers                // nil counts nobody
	Wait    time.Duration              // longest an MPD waits for the first segment; 0 means 10 s
	Now     func() time.Time           // UTC for clients; nil means time.Now
}

const (
	mpdType   = "application/dash+xml"
	patchType = "application/dash-patch+xml"
	// A segment that is being filled has its name already, and ends sooner than
	// expected when its source does: cached for as long as it can be in a manifest.
	openCache = "public, max-age=60"
)

// request is one request with what was found out about it.
type request struct {
	ask.Request
	query query
	c     *Channel
}

// ServeHTTP answers one request. An MPD of a channel that has no segment yet waits for
// one; what is not there yet is 404 that no cache keeps, a segment that has left the
// window 410, nonsense 400.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, c := ask.Begin(w, r, h.Lookup)
	if c == nil {
		return
	}
	q, problem := parseQuery(r.URL.RawQuery)
	if problem != "" {
		asked.Refuse(http.StatusBadRequest, problem)
		return
	}
	req := request{asked, q, c}
	var n int64
	var ok bool
	switch asked.Route.Kind {
	case route.Manifest:
		n, ok = h.manifest(req)
	case route.Patch:
		n, ok = h.patch(req)
	case route.Fragment:
		n, ok = req.fragment()
	case route.Init:
		n, ok = req.init()
	case route.Clock:
		h.clock(w)
	default:
		req.Refuse(http.StatusNotFound, "not a DASH address")
	}
	if ok {
		asked.Count(h.Viewers, "dash", n)
	}
}

// clock answers with UTC (urn:mpeg:dash:utc:http-iso:2014).
func (h *Handler) clock(w http.ResponseWriter) {
	now := time.Now
	if h.Now != nil {
		now = h.Now
	}
	hd := w.Header()
	hd.Set("Content-Type", "text/plain; charset=utf-8")
	hd.Set("Cache-Control", reply.NoCache)
	reply.Send(w, appendDate(nil, now()))
}

// manifest answers with an MPD.
func (h *Handler) manifest(q request) (n int64, ok bool) {
	b := h.newest(q)
	if b == nil {
		return 0, false
	}
	if q.query.Token == "" {
		return b.body.Serve(q.W, q.R), true
	}
	return q.Private(mpdType, b.private(q.query.Token)), true
}

// newest returns the newest version of the MPD that is asked for, or answers why there
// is none.
func (h *Handler) newest(q request) *version {
	if !ask.Until(q.R.Context(), q.c.Source, q.c.patience.After(ask.Wait(h.Wait)), ask.Begun) {
		q.Unavailable("the channel has no media yet")
		return nil
	}
	v := q.c.cell(q.key()).get(q.c, q.Route.Channel)
	if v == nil {
		q.Refuse(http.StatusNotFound, missing(q.c.Source.View(), q.query.Tracks))
	}
	return v
}

// key returns the MPD that a request is about.
func (q *request) key() key { return key{low: q.Route.Form == "ll", tracks: q.query.Tracks} }

// maxCells is far more than the MPDs of a channel that players ask for: only who plays
// with selectors gets there.
const maxCells = 64

// cell returns the cell of an MPD.
func (c *Channel) cell(k key) *cell {
	return c.cells.Of(k, maxCells, func() *cell { return &cell{key: k} })
}
