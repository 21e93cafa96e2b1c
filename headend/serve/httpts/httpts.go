// Package httpts serves the programme of a channel as one transport stream without
// end over HTTP. A viewer begins with PAT, PMT and the newest random access point;
// who is too slow loses parts and never holds up the channel.
package httpts

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"sigma/headend/serve/route"
	"sigma/headend/serve/session"
	"sigma/headend/timeline/preamble"
	"sigma/mux/flow"
)

// Viewers lets viewers in and counts them; an error says that this one may not watch.
// Sent is called for what went out, and must not block; done ends the count with a
// reason. End is called when the viewer has to go.
type Viewers interface {
	Open(r *http.Request, channel, protocol string, end func(why string)) (sent func(bytes, skips int64), done func(why string), err error)
}

var _ Viewers = (*session.Registry)(nil)

// Handler answers /N/mpegts. The exported fields are arguments. It is safe for
// concurrent use.
type Handler struct {
	// Lookup returns the packets of a channel, nil when there is none that may be
	// played, and until when it may be.
	Lookup  func(name string) (*flow.Ring[flow.Batch], context.Context)
	Viewers Viewers                         // nil counts nobody
	Prepush func(name string) time.Duration // most of the past that a viewer of a channel is sent at once; nil: no limit but the ring
	Clock   func() time.Duration            // that of Arrived in the ring; needed with Prepush
	Wait    time.Duration                   // longest a viewer waits for the first packet; 0 means 10 s
	Idle    time.Duration                   // a channel without packets for this long ends the answer; 0 means 60 s
	Stall   time.Duration                   // a viewer who takes nothing for this long is cut off; 0 means 10 s
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
	errStalled   = errors.New("the viewer took nothing for too long")
	errSlow      = errors.New("the viewer is too slow: it lost a part again and again")
	errLeft      = errors.New("the viewer went away")
)

// A viewer who loses a part so often within slowSpan sees nothing but cuts: it is sent
// away, and may take a rung that fits.
const (
	slowSkips = 10
	slowSpan  = time.Minute
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
	v := viewer{ctx: ctx, w: w, rc: http.NewResponseController(w), stall: or(h.Stall, defaultStall), sent: func(int64, int64) {}}
	defer v.leave()
	if h.Viewers != nil {
		sent, done, err := h.Viewers.Open(r, channel, "mpegts", func(why string) {
			cancel(errors.New(why))
			v.interrupt()
		})
		if err != nil {
			session.Refuse(w, err)
			return
		}
		v.sent = sent
		defer func() { done(v.reason(ctx)) }()
	}
	defer context.AfterFunc(offer, func() { cancel(errWithdrawn) })()
	if h.Prepush != nil && h.Clock != nil {
		v.oldest = h.Clock() - h.Prepush(channel)
	}
	cursor := ring.Open(ctx, flow.LastRandomAccess)
	defer cursor.Close()
	silence := time.AfterFunc(or(h.Wait, defaultWait), func() { cancel(errNoSignal) })
	defer silence.Stop()
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
			if v.err = v.take(it); v.err != nil {
				return
			}
		}
		clear(items[:n])
		if v.err = v.flush(); v.err != nil {
			return
		}
	}
}

// reason says why the answer ended.
func (v *viewer) reason(ctx context.Context) string {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, context.Canceled): // by the client
		return errLeft.Error()
	case cause != nil:
		return cause.Error()
	case errors.Is(v.err, os.ErrDeadlineExceeded):
		return errStalled.Error()
	case errors.Is(v.err, errSlow):
		return errSlow.Error()
	}
	return errLeft.Error()
}

func or(d, or time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return or
}

// viewer is one answer in progress.
type viewer struct {
	ctx    context.Context // of the answer
	w      http.ResponseWriter
	rc     *http.ResponseController
	stall  time.Duration
	sent   func(bytes, skips int64)
	tables preamble.Tables
	found  bool          // a random access point came, or none came for long
	ready  bool          // PAT and PMT went out, or did not come for long
	begun  bool          // the header went out
	missed int           // batches passed over
	oldest time.Duration // what arrived before is not begun with
	skips  int64
	lost   []time.Duration // when the newest parts were lost, by their arrival
	err    error
	buf    []byte

	mu   sync.Mutex // for the deadline of writes
	over bool       // w is no longer there to be touched
}

// interrupt ends a write that waits for a slow viewer. It may be called at any time, also
// after the answer.
func (v *viewer) interrupt() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.over {
		_ = v.rc.SetWriteDeadline(time.Now())
	}
}

// leave says that the answer is over.
func (v *viewer) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.over = true
}

// extend gives the next write its time, unless the viewer has to go.
func (v *viewer) extend() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	_ = v.rc.SetWriteDeadline(time.Now().Add(v.stall)) // a writer without deadlines is one of a test
	return nil
}

// take adds a batch to what goes out.
func (v *viewer) take(it flow.Item[flow.Batch]) error {
	if it.Marks.Has(flow.Gap) && v.begun {
		v.skips++
		if v.lost = append(v.lost, it.Arrived); len(v.lost) > slowSkips {
			v.lost = v.lost[1:]
			if it.Arrived-v.lost[0] < slowSpan {
				return errSlow
			}
		}
	}
	if !v.found {
		v.missed++
		v.found = it.Marks.Has(flow.RandomAccess) && it.Arrived >= v.oldest || v.missed > maxSkip
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
	if err := v.extend(); err != nil {
		return err
	}
	if !v.begun {
		v.begun = true
		h := v.w.Header()
		h.Set("Content-Type", contentType)
		// Set-top boxes read until the end of the connection; many know no chunks.
		h.Set("Transfer-Encoding", "identity")
	}
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
