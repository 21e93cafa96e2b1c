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
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
)

// Source is the past of one channel.
type Source = reply.Source

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

	cells    ask.Cells[key, cell]
	gates    gates
	patience ask.Patience
	trims    trims
	spans    spans
}

// Handler answers the HLS URLs of all channels, GET and HEAD. The exported fields are
// arguments. It is safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers ask.Viewers                // nil counts nobody
	Wait    time.Duration              // longest a playlist waits for the first segment; 0 means 10 s
}

const (
	playlistType = "application/vnd.apple.mpegurl"
	tsType       = "video/mp2t"
	vttType      = "text/vtt; charset=utf-8"
	// A part is named by numbers that begin anew when the position of a channel is
	// lost: cached for as long as segments stay, not for ever.
	partCache = "public, max-age=900"
)

// request is one request with what was found out about it.
type request struct {
	ask.Request
	query query
	c     *Channel
}

// ServeHTTP answers one request. A playlist of a channel that has no segment yet
// waits for one; what is not there is 404, a segment that has left the window 410,
// nonsense 400.
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
	q.blocked = q.blocked && asked.Route.Kind == route.Media // of no meaning elsewhere
	req := request{asked, q, c}
	var n int64
	var ok bool
	switch asked.Route.Kind {
	case route.Segment:
		n, ok = req.segment()
	case route.Init:
		n, ok = req.init()
	case route.Part:
		n, ok = req.part()
	case route.Multivariant, route.Media:
		n, ok = h.playlist(req)
	default:
		req.Refuse(http.StatusNotFound, "not an HLS address")
	}
	if ok {
		asked.Count(h.Viewers, "hls", n)
	}
}

// playlist answers with a multivariant or a media playlist.
func (h *Handler) playlist(q request) (n int64, ok bool) {
	if !h.await(q) {
		q.Unavailable("the channel has no media yet")
		return 0, false
	}
	key, problem := q.key()
	if problem != "" {
		q.Refuse(http.StatusNotFound, problem)
		return 0, false
	}
	k := q.c.cells.Of(key, maxCells, func() *cell { return &cell{} })
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
		q.Refuse(http.StatusNotFound, missing(q.c.Source.View(), key))
		return 0, false
	}
	if q.query.Token == "" {
		return b.ServeFor(q.W, q.R, cache), true
	}
	return q.Private(playlistType, b.With("?"+q.query.Token)), true
}

// await waits until the channel has segments; false when none came in time or the
// client went away.
func (h *Handler) await(q request) bool {
	return ask.Begun(q.c.Source.View()) || q.c.wait(q.R.Context(), gateKey{}, ask.Wait(h.Wait), ask.Begun, func() {})
}

// maxCells is far more than the playlists of a channel that players ask for: only
// who plays with selectors gets there.
const maxCells = 512
