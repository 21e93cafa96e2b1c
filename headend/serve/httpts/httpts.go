// Package httpts serves the programme of a channel as one transport stream without
// end over HTTP. A viewer begins with PAT, PMT and the newest random access point;
// who is too slow loses parts and never holds up the channel.
package httpts

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"sigma/headend/serve/route"
	"sigma/headend/timeline/preamble"
	"sigma/mux/flow"
)

// Viewers counts connections. Sent is called for what went out, and must not block;
// done ends the count.
type Viewers interface {
	Open(channel, protocol, address, userAgent string) (sent func(bytes, skips int64), done func())
}

// Handler answers /N/mpegts. The exported fields are arguments. It is safe for
// concurrent use.
type Handler struct {
	// Lookup returns the packets of a channel, nil when there is none that may be
	// played, and until when it may be.
	Lookup  func(name string) (*flow.Ring[flow.Batch], context.Context)
	Viewers Viewers       // nil counts nobody
	Wait    time.Duration // longest a viewer waits for the first packet; 0 means 10 s
	Idle    time.Duration // a channel without packets for this long ends the answer; 0 means 60 s
	Stall   time.Duration // a viewer who takes nothing for this long is cut off; 0 means 10 s
}

const (
	defaultWait  = 10 * time.Second
	defaultIdle  = 60 * time.Second
	defaultStall = 10 * time.Second

	// writeSize is how much is gathered for one write, in bytes.
	writeSize = 64 << 10
	// maxHold is how much is held back until PAT and PMT were seen, in bytes: 1.6 s at
	// 10 Mbit/s, where the tables come every 0.1 s (TR 101 290 allows 0.5 s).
	maxHold = 2 << 20
	// maxSkip is how many batches are passed over in search of a random access point,
	// about 5 s.
	maxSkip = 1000
)

var (
	errNoSignal  = errors.New("the channel has no packets")
	errWithdrawn = errors.New("the channel may no longer be played")
)

// ServeHTTP answers one request and returns when the viewer goes away, is too slow,
// the channel has been silent for Idle, or may no longer be played.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hd := w.Header()
	hd.Set("Access-Control-Allow-Origin", "*")
	hd.Set("Cache-Control", "no-store")
	rt := route.Parse(r.URL.Path)
	var ring *flow.Ring[flow.Batch]
	var offer context.Context
	if rt.Kind == route.Stream {
		ring, offer = h.Lookup(rt.Channel)
	}
	switch {
	case r.Method == http.MethodOptions:
		hd.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		hd.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, r.Method+" is not possible here: expected GET or HEAD", http.StatusMethodNotAllowed)
	case ring == nil:
		http.Error(w, "no such channel", http.StatusNotFound)
	case r.Method == http.MethodHead:
		hd.Set("Content-Type", contentType)
		w.WriteHeader(http.StatusOK)
	default:
		h.play(w, r, rt.Channel, ring, offer)
	}
}

const contentType = "video/mp2t"

// play sends the stream while offer lives.
func (h *Handler) play(w http.ResponseWriter, r *http.Request, channel string, ring *flow.Ring[flow.Batch], offer context.Context) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(offer, func() { cancel(errWithdrawn) })()
	cursor := ring.Open(ctx, flow.LastRandomAccess)
	defer cursor.Close()
	silence := time.AfterFunc(or(h.Wait, defaultWait), func() { cancel(errNoSignal) })
	defer silence.Stop()

	v := viewer{w: w, rc: http.NewResponseController(w), stall: or(h.Stall, defaultStall), sent: func(int64, int64) {}}
	if h.Viewers != nil {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		var done func()
		v.sent, done = h.Viewers.Open(channel, "mpegts", host, r.UserAgent())
		defer done()
	}
	items := make([]flow.Item[flow.Batch], 32)
	for {
		n, err := cursor.Next(items)
		if err != nil {
			if errors.Is(err, errNoSignal) && !v.begun {
				w.Header().Set("Retry-After", "1")
				http.Error(w, errNoSignal.Error(), http.StatusServiceUnavailable)
			}
			return
		}
		silence.Reset(or(h.Idle, defaultIdle))
		for _, it := range items[:n] {
			if err := v.take(it); err != nil {
				return
			}
		}
		clear(items[:n])
		if err := v.flush(); err != nil {
			return
		}
	}
}

func or(d, or time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return or
}

// viewer is one answer in progress.
type viewer struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	stall  time.Duration
	sent   func(bytes, skips int64)
	tables preamble.Tables
	found  bool // a random access point came, or none came for long
	ready  bool // PAT and PMT went out, or did not come for long
	begun  bool // the header went out
	missed int  // batches passed over
	skips  int64
	buf    []byte
}

// take adds a batch to what goes out.
func (v *viewer) take(it flow.Item[flow.Batch]) error {
	if it.Marks.Has(flow.Gap) && v.begun {
		v.skips++
	}
	if !v.found {
		v.missed++
		v.found = it.Marks.Has(flow.RandomAccess) || v.missed > maxSkip
		if !v.found {
			return nil
		}
	}
	v.buf = append(v.buf, it.V.Data...)
	if !v.ready {
		v.lead(it.V.Data)
	}
	if v.ready && len(v.buf) >= writeSize {
		return v.flush()
	}
	return nil
}

// lead looks for PAT and PMT in what is held back and puts them in front.
func (v *viewer) lead(data []byte) {
	for ; len(data) >= flow.PacketSize && !v.tables.Ready(); data = data[flow.PacketSize:] {
		v.tables.Push(data[:flow.PacketSize])
	}
	switch {
	case v.tables.Ready():
		v.buf = append(v.tables.AppendBefore(make([]byte, 0, len(v.buf)+writeSize)), v.buf...)
	case len(v.buf) < maxHold:
		return
	}
	v.ready = true
}

// flush sends what was gathered, unless it is held back.
func (v *viewer) flush() error {
	if !v.ready || len(v.buf) == 0 {
		return nil
	}
	if !v.begun {
		v.begun = true
		h := v.w.Header()
		h.Set("Content-Type", contentType)
		// Set-top boxes read until the end of the connection; many know no chunks.
		h.Set("Transfer-Encoding", "identity")
	}
	_ = v.rc.SetWriteDeadline(time.Now().Add(v.stall)) // a writer without deadlines is one of a test
	n, err := v.w.Write(v.buf)
	if err == nil {
		err = v.rc.Flush()
	}
	v.sent(int64(n), v.skips)
	v.skips = 0
	if v.buf = v.buf[:0]; cap(v.buf) > 2*writeSize {
		v.buf = nil // the burst at the beginning was large
	}
	return err
}
