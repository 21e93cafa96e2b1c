package reply

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Media is a piece of media whose bytes never change.
type Media struct {
	Type     string // Content-Type
	Cache    string // Cache-Control
	ETag     string // with its quotes; empty for none
	Modified time.Time
	Data     [][]byte // one after the other they are the resource; not written to
}

// Serve answers r, which is GET or HEAD, with the whole, or with what its ranges and
// conditions ask for (RFC 9110 clauses 13 and 14). It returns the number of bytes of
// the answer.
func (m *Media) Serve(w http.ResponseWriter, r *http.Request) int64 {
	h := w.Header()
	h.Set("Content-Type", m.Type)
	h.Set("Cache-Control", m.Cache)
	h.Set("Accept-Ranges", "bytes")
	if m.ETag != "" {
		h.Set("Etag", m.ETag)
	}
	h.Set("Last-Modified", m.Modified.UTC().Format(http.TimeFormat))
	var n int64
	if r.Header.Get("Range") == "" && !conditional(r) {
		n = Send(w, m.Data...)
	} else {
		s := &gather{data: m.Data}
		for _, b := range m.Data {
			s.size += int64(len(b))
		}
		deadline(w, s.size)
		http.ServeContent(w, r, "", m.Modified, s)
		clearDeadline(w)
		n, _ = strconv.ParseInt(h.Get("Content-Length"), 10, 64) // absent of 304
	}
	if r.Method == http.MethodHead {
		return 0
	}
	return n
}

func conditional(r *http.Request) bool {
	return r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" ||
		r.Header.Get("If-Match") != "" || r.Header.Get("If-Unmodified-Since") != ""
}

// gather reads slices as if they were one.
type gather struct {
	data     [][]byte
	size, at int64
}

var errSeek = errors.New("seek before the begin")

// Read reads from where Seek went to.
func (g *gather) Read(p []byte) (int, error) {
	at := g.at
	for _, b := range g.data {
		if at < int64(len(b)) {
			n := copy(p, b[at:])
			g.at += int64(n)
			return n, nil
		}
		at -= int64(len(b))
	}
	return 0, io.EOF
}

// Seek moves to an offset as io.Seeker says.
func (g *gather) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += g.at
	case io.SeekEnd:
		offset += g.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	g.at = offset
	return offset, nil
}
