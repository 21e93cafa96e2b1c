// Package hls serves the timeline of channels as HTTP Live Streaming (RFC 8216) with
// transport stream segments: playlists made once per version, segments from memory.
//
// It cuts nothing, keeps nothing but rendered playlists, and knows no configuration.
package hls

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

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

// Channel is one channel on offer. Source is an argument; the playlists made of it
// are kept here. It is safe for concurrent use and must not be copied.
type Channel struct {
	Source Source

	multivariant, media cell
}

// Handler answers the HLS URLs of all channels: playlists and segments, GET and
// HEAD. The exported fields are arguments. It is safe for concurrent use.
type Handler struct {
	Lookup  func(name string) *Channel // nil when there is none that may be played
	Viewers Viewers                    // nil counts nobody
	Wait    time.Duration              // longest a playlist waits for the first segment; 0 means 10 s

	zips sync.Pool // of *gzip.Writer, each of which takes 800 KB
}

const (
	defaultWait = 10 * time.Second
	// A client may take 10 s and 1 s for every 64 KiB to take an answer: slower than
	// any programme, so who is slower cannot be watching.
	writeGrace = 10 * time.Second
	writeRate  = 64 << 10

	playlistType = "application/vnd.apple.mpegurl"
	segmentType  = "video/mp2t"
	// A live playlist is new once per target duration; clients that come late by a
	// second are late by no more than that.
	playlistCache = "public, max-age=1"
	// A segment name never means other bytes.
	segmentCache = "public, max-age=31536000, immutable"
	goneCache    = "public, max-age=60"
	noCache      = "no-store"
)

// ServeHTTP answers one request. A playlist of a channel that has no segment yet
// waits for one; what is not there is 404, a segment that has left the window 410.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigins(w.Header())
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		preflight(w)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, noCache, r.Method+" is not for playlists and segments: expected GET or HEAD")
		return
	}
	rt := route.Parse(r.URL.Path)
	var c *Channel
	if rt.Kind != route.None {
		c = h.Lookup(rt.Channel)
	}
	if c == nil {
		refuse(w, http.StatusNotFound, noCache, "no such channel")
		return
	}
	switch rt.Kind {
	case route.Segment:
		h.segment(w, r, rt, c)
	case route.Multivariant:
		h.playlist(w, r, rt, c, &c.multivariant, renderMultivariant)
	case route.Media:
		h.playlist(w, r, rt, c, &c.media, renderMedia)
	default:
		refuse(w, http.StatusNotFound, noCache, "not an HLS address")
	}
}

func (h *Handler) segment(w http.ResponseWriter, r *http.Request, rt route.Route, c *Channel) {
	s, gone := c.Source.View().Find(rt.Name)
	switch {
	case gone:
		refuse(w, http.StatusGone, goneCache, "the segment has left the window")
		return
	case s == nil:
		refuse(w, http.StatusNotFound, noCache, "no such segment")
		return
	}
	hd := w.Header()
	hd.Set("Content-Type", segmentType)
	hd.Set("Cache-Control", segmentCache)
	hd.Set("Accept-Ranges", "bytes")
	etag := `"` + strconv.FormatUint(s.Sequence, 36) + "-" + strconv.Itoa(len(s.TS)) + `"`
	hd.Set("ETag", etag)
	hd.Set("Last-Modified", s.Start.Add(s.Duration).UTC().Format(http.TimeFormat))
	if r.Header.Get("Range") != "" || conditional(r) {
		deadline(w, len(s.TS))
		http.ServeContent(w, r, "", s.Start.Add(s.Duration), bytes.NewReader(s.TS))
		clearDeadline(w)
	} else {
		send(w, s.TS)
	}
	h.seen(r, rt, len(s.TS))
}

func conditional(r *http.Request) bool {
	return r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" ||
		r.Header.Get("If-Match") != "" || r.Header.Get("If-Unmodified-Since") != ""
}

func (h *Handler) playlist(w http.ResponseWriter, r *http.Request, rt route.Route, c *Channel, cell *cell, render func([]byte, *timeline.View) []byte) {
	v := h.await(r, c.Source)
	if v == nil {
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, noCache, "the channel has no media yet")
		return
	}
	p := cell.get(v, render, &h.zips)
	body, etag := p.plain, p.etag
	hd := w.Header()
	hd.Set("Content-Type", playlistType)
	hd.Set("Cache-Control", playlistCache)
	hd.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = p.zipped, p.etagZip
		hd.Set("Content-Encoding", "gzip")
	}
	hd.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), p) {
		hd.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
	} else {
		send(w, body)
	}
	h.seen(r, rt, len(body))
}

// await returns the view of a source that has segments, waiting for the first; nil
// when none came in time or the client went away.
func (h *Handler) await(r *http.Request, s Source) *timeline.View {
	v := s.View()
	if len(v.Segments) > 0 {
		return v
	}
	wait := h.Wait
	if wait == 0 {
		wait = defaultWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for len(v.Segments) == 0 {
		select {
		case <-v.Changed():
			v = s.View()
		case <-timer.C:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return v
}

func (h *Handler) seen(r *http.Request, rt route.Route, n int) {
	if h.Viewers == nil {
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if r.Method == http.MethodHead {
		n = 0
	}
	h.Viewers.Seen(rt.Channel, "hls", host, r.UserAgent(), int64(n))
}

// send writes the whole body at once: with its length known, net/http hands it to
// the socket without a copy.
func send(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	deadline(w, len(body))
	_, _ = w.Write(body) // the client went away, or was too slow: nothing is left to do for it
	clearDeadline(w)
}

// deadline bounds the time a slow client holds the answer. Writers without deadlines
// (tests, wrappers) go unbounded.
func deadline(w http.ResponseWriter, n int) {
	limit := writeGrace + time.Duration(n/writeRate)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
}

func clearDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

func refuse(w http.ResponseWriter, status int, cache, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", cache)
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(text), '\n'))
}

func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Date, ETag")
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Range, If-None-Match, If-Modified-Since, Cache-Control")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// acceptsGzip reads Accept-Encoding (RFC 9110 clause 12.5.3): gzip or * with a
// weight that is not 0; gzip goes before *.
func acceptsGzip(header string) bool {
	any := false
	for f := range strings.SplitSeq(header, ",") {
		name, param, _ := strings.Cut(f, ";")
		weight, given := strings.CutPrefix(strings.ToLower(strings.TrimSpace(param)), "q=")
		zero := given && strings.Trim(weight, "0.") == ""
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return !zero
		case "*":
			any = !zero
		}
	}
	return any
}

// matches reads If-None-Match; either coding of the same playlist is a match.
func matches(header string, p *playlist) bool {
	for f := range strings.SplitSeq(header, ",") {
		f = strings.TrimPrefix(strings.TrimSpace(f), "W/")
		if f != "" && (f == "*" || f == p.etag || f == p.etagZip) {
			return true
		}
	}
	return false
}
