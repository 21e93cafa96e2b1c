// Package hls serves the timeline of channels as HTTP Live Streaming (RFC 8216 and
// draft-pantos-hls-rfc8216bis): with transport stream or CMAF segments, with low
// latency, with every rung, audio and subtitle track as a rendition. Playlists are
// pure functions of a view, made once per version; segments come from memory.
//
// It cuts nothing, keeps nothing but rendered playlists and a few segments with
// tracks taken out, and knows no configuration.
package hls

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

// Viewers is told of every answer that carried media or a playlist. It must not
// block.
type Viewers interface {
	Seen(channel, protocol, address, userAgent string, bytes int64)
}

// CueForm is how splice cues are told in media playlists.
type CueForm uint8

// The forms of splice cues.
const (
	CueNone      CueForm = 0
	CueDateRange CueForm = 1 // EXT-X-DATERANGE with SCTE35-OUT, SCTE35-IN and SCTE35-CMD (RFC 8216 clause 4.3.2.7.1)
	CueTags      CueForm = 2 // EXT-X-CUE-OUT, EXT-X-CUE-OUT-CONT and EXT-X-CUE-IN, which most ad servers want
	CueBoth              = CueDateRange | CueTags
)

// Channel is one channel on offer. Source, Cues and Start are arguments; what is made of the
// source is kept here. It is safe for concurrent use and must not be copied.
type Channel struct {
	Source Source
	Cues   CueForm
	Start  func() string // the video track that viewers begin with, such as "v2"; empty, or nil: the first

	cells    cells
	gates    gates
	patience patience
	trims    trims
	spans    spans
}

// Handler answers the HLS URLs of all channels, GET and HEAD. The exported fields are
// arguments. It is safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers Viewers                    // nil counts nobody
	Wait    time.Duration              // longest a playlist waits for the first segment; 0 means 10 s
}

const (
	defaultWait = 10 * time.Second

	playlistType = "application/vnd.apple.mpegurl"
	tsType       = "video/mp2t"
	vttType      = "text/vtt; charset=utf-8"
	// A part is named by numbers that begin anew when the position of a channel is
	// lost: cached for as long as segments stay, not for ever.
	partCache = "public, max-age=900"
)

// request is one request with what was found out about it.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	route route.Route
	query query
	c     *Channel
}

// ServeHTTP answers one request. A playlist of a channel that has no segment yet
// waits for one; what is not there is 404, a segment that has left the window 410,
// nonsense 400.
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
	q.blocked = q.blocked && rt.Kind == route.Media // of no meaning elsewhere
	req := request{w, r, rt, q, c}
	var n int64
	var ok bool
	switch rt.Kind {
	case route.Segment:
		n, ok = req.segment()
	case route.Init:
		n, ok = req.init()
	case route.Part:
		n, ok = req.part()
	case route.Multivariant, route.Media:
		n, ok = h.playlist(req)
	default:
		req.refuse(http.StatusNotFound, "not an HLS address")
	}
	if ok && h.Viewers != nil {
		h.Viewers.Seen(rt.Channel, "hls", reply.Address(r), r.UserAgent(), n)
	}
}

// refuse answers with an error that may be another in a moment.
func (q *request) refuse(status int, text string) {
	reply.Refuse(q.w, status, reply.NoCache, text)
}

// playlist answers with a multivariant or a media playlist.
func (h *Handler) playlist(q request) (n int64, ok bool) {
	if !h.await(q) {
		q.unavailable("the channel has no media yet")
		return 0, false
	}
	key, problem := q.key()
	if problem != "" {
		q.refuse(http.StatusNotFound, problem)
		return 0, false
	}
	k := q.c.cells.of(key)
	var cache []string
	if q.query.blocked {
		switch q.block(key, k) {
		case opened:
			cache = k.held(q.c.Source.View())
		case refused, left:
			return 0, false
		case stale:
		}
	}
	b := k.body(q.c, key)
	if b == nil {
		q.refuse(http.StatusNotFound, missing(q.c.Source.View(), key))
		return 0, false
	}
	if q.query.token == "" {
		return b.ServeFor(q.w, q.r, cache), true
	}
	return q.private(b), true
}

// private answers with a playlist whose URIs carry the token of the viewer: the shared
// text, copied once.
func (q *request) private(b *reply.Body) int64 {
	hd := q.w.Header()
	hd.Set("Content-Type", playlistType)
	hd.Set("Cache-Control", "private, no-cache")
	return reply.Send(q.w, b.With(q.query.token))
}

func (q *request) unavailable(text string) {
	q.w.Header().Set("Retry-After", "1")
	q.refuse(http.StatusServiceUnavailable, text)
}

// await waits until the channel has segments; false when none came in time or the
// client went away.
func (h *Handler) await(q request) bool {
	if len(q.c.Source.View().Segments) > 0 {
		return true
	}
	wait := h.Wait
	if wait == 0 {
		wait = defaultWait
	}
	ready := func(v *timeline.View) bool { return len(v.Segments) > 0 }
	return q.c.wait(q.r.Context(), gateKey{}, wait, ready, func() {})
}

// cells are the playlists of a channel.
type cells struct {
	mu sync.RWMutex
	m  map[key]*cell
}

// maxCells is far more than the playlists of a channel that players ask for: only
// who plays with selectors gets there, and then they are made anew.
const maxCells = 512

// of returns the cell of a playlist.
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
	p = &cell{}
	c.m[k] = p
	return p
}
