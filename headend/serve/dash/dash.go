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
	"sync"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
)

// Source is the past of one channel.
type Source interface{ View() *timeline.View }

// Viewers is told of every answer that carried media or a manifest. It must not block.
type Viewers interface {
	Seen(channel, protocol, address, userAgent string, bytes int64)
}

// Channel is one channel on offer. Source is an argument; what is made of it is kept
// here. It is safe for concurrent use and must not be copied.
type Channel struct {
	Source Source

	cells    cells
	memory   memory
	patience patience
}

// Handler answers the DASH URLs of all channels, GET and HEAD: route.Manifest,
// route.Patch, route.Fragment, route.Clock, and route.Init of text tracks. The
// exported fields are arguments. It is safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers Viewers                    // nil counts nobody
	Wait    time.Duration              // longest an MPD waits for the first segment; 0 means 10 s
	Now     func() time.Time           // UTC for clients; nil means time.Now
}

const (
	defaultWait = 10 * time.Second

	mpdType   = "application/dash+xml"
	patchType = "application/dash-patch+xml"
	// A segment that is being filled has its name already, and ends sooner than
	// expected when its source does: cached for as long as it can be in a manifest.
	openCache = "public, max-age=60"
)

// request is one request with what was found out about it.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	route route.Route
	query query
	c     *Channel
}

// ServeHTTP answers one request. An MPD of a channel that has no segment yet waits for
// one; what is not there yet is 404 that no cache keeps, a segment that has left the
// window 410, nonsense 400.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reply.Begin(w, r) {
		return
	}
	rt := route.Parse(r.URL.Path)
	var c *Channel
	if rt.Kind != route.None {
		c = h.Lookup(rt.Channel)
	}
	if c == nil {
		reply.Refuse(w, http.StatusNotFound, reply.NoCache, "no such channel")
		return
	}
	q, problem := parseQuery(r.URL.RawQuery)
	if problem != "" {
		reply.Refuse(w, http.StatusBadRequest, reply.NoCache, problem)
		return
	}
	req := request{w, r, rt, q, c}
	var n int64
	var ok bool
	switch rt.Kind {
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
		req.refuse(http.StatusNotFound, "not a DASH address")
	}
	if ok && h.Viewers != nil {
		h.Viewers.Seen(rt.Channel, "dash", reply.Address(r), r.UserAgent(), n)
	}
}

// refuse answers with an error that may be another in a moment.
func (q *request) refuse(status int, text string) {
	reply.Refuse(q.w, status, reply.NoCache, text)
}

func (q *request) unavailable(text string) {
	q.w.Header().Set("Retry-After", "1")
	q.refuse(http.StatusServiceUnavailable, text)
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
	if q.query.token == "" {
		return b.body.Serve(q.w, q.r), true
	}
	hd := q.w.Header()
	hd.Set("Content-Type", mpdType)
	hd.Set("Cache-Control", "private, no-cache")
	return reply.Send(q.w, b.private(q.query.token)), true
}

// newest returns the newest version of the MPD that is asked for, or answers why there
// is none.
func (h *Handler) newest(q request) *version {
	if !h.await(q) {
		q.unavailable("the channel has no media yet")
		return nil
	}
	v := q.c.cells.of(q.key()).get(q.c, q.route.Channel)
	if v == nil {
		q.refuse(http.StatusNotFound, missing(q.c.Source.View(), q.query.tracks))
	}
	return v
}

// key returns the MPD that a request is about.
func (q *request) key() key { return key{low: q.route.Form == "ll", tracks: q.query.tracks} }

// await waits until the channel has segments; false when none came in time or the
// client went away.
func (h *Handler) await(q request) bool {
	wait := h.Wait
	if wait == 0 {
		wait = defaultWait
	}
	late := q.c.patience.after(wait)
	for {
		v := q.c.Source.View()
		if len(v.Segments) > 0 {
			return true
		}
		if !pause(q.r.Context(), v, late) {
			return false
		}
	}
}

// cells are the MPDs of a channel.
type cells struct {
	mu sync.RWMutex
	m  map[key]*cell
}

// maxCells is far more than the MPDs of a channel that players ask for: only who plays
// with selectors gets there, and then they are made anew.
const maxCells = 64

// of returns the cell of an MPD.
func (c *cells) of(k key) *cell {
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
	if c.m == nil || len(c.m) >= maxCells {
		c.m = map[key]*cell{}
	}
	p = &cell{key: k}
	c.m[k] = p
	return p
}
