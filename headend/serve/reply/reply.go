// Package reply owns how the playout servers answer: whole bodies with their length
// and a deadline by size, manifests made and compressed once per version for all
// viewers, conditions, ranges, CORS, refusals.
//
// It knows no protocol and no channel, and it starts nothing.
package reply

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// Values of Cache-Control that do not depend on the channel. Nothing here sets Age:
// every answer is made or validated by the origin when it is asked for, and a cache
// on the way counts from Date (RFC 9111 clause 5.1).
const (
	// NoCache is for what must be asked for anew each time.
	NoCache = "no-store"
	// GoneCache is for what will never come back.
	GoneCache = "public, max-age=60"
	// SegmentCache is for a name that never means other bytes.
	SegmentCache = "public, max-age=31536000, immutable"
)

// A client may take 10 s, and 1 s for every 64 KiB, to take an answer: slower than any
// programme, so who is slower cannot be watching.
const (
	writeGrace = 10 * time.Second
	writeRate  = 64 << 10
)

// deadline bounds the time a slow client holds an answer of n bytes. Writers without
// deadlines (tests, wrappers) go unbounded.
func deadline(w http.ResponseWriter, n int64) {
	limit := writeGrace + time.Duration(n/writeRate)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
}

func clearDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

// Send answers with the whole body and its length. Each slice is handed to the socket
// without a copy in user space when it is longer than the buffer of net/http (4 KiB).
// Content-Type and all else are for the caller to set before; the status is 200 unless
// one was written. It returns the number of bytes of the body.
func Send(w http.ResponseWriter, body ...[]byte) int64 {
	n := int64(0)
	for _, b := range body {
		n += int64(len(b))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	write(w, n, body...)
	return n
}

func write(w http.ResponseWriter, n int64, body ...[]byte) {
	deadline(w, n)
	for _, b := range body {
		if _, err := w.Write(b); err != nil {
			break // the client went away, or was too slow: nothing is left to do for it
		}
	}
	clearDeadline(w)
}

// Refuse answers with a status and one line of text. Cache is the Cache-Control.
func Refuse(w http.ResponseWriter, status int, cache, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", cache)
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(text), '\n'))
}

var (
	anyOrigin = []string{"*"}
	exposed   = []string{"Content-Length, Content-Range, Date, ETag"}
)

// Allow lets pages of any origin read the answer.
func Allow(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Access-Control-Expose-Headers"] = exposed
}

// Begin does what every GET resource begins with: CORS, the preflight of OPTIONS, and
// the refusal of methods but GET and HEAD. It reports whether r is still to be
// answered.
func Begin(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	Allow(h)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Range, If-None-Match, If-Modified-Since, Cache-Control")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		Refuse(w, http.StatusMethodNotAllowed, NoCache, "expected GET or HEAD, got another method")
	}
	return false
}

// Address returns the address of the client without its port.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
