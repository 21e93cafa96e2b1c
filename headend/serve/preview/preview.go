// Package preview owns the pictures of channels: the newest key frame of the timeline,
// made into a JPEG by a child process, for N/preview.jpg. One small pool decodes for
// all channels, only when somebody asks, each channel at most once in a while.
//
// It starts no goroutine of its own and keeps one picture per channel.
package preview

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/serve/route"
)

// Channel is the pictures of one channel. Source is the argument; it must not be
// copied.
type Channel struct {
	Source reply.Source

	mu      sync.Mutex
	now     *picture
	made    time.Time     // begin of the last attempt
	problem string        // of the last attempt
	busy    chan struct{} // closed at the end of the attempt that goes on; nil: none does
}

// picture is one JPEG. It is immutable.
type picture struct {
	segment string    // that the key frame is of
	at      time.Time // UTC of the segment
	made    time.Time
	data    []byte
}

// Handler answers N/preview.jpg. The exported fields are arguments; it is safe for
// concurrent use and must not be copied.
type Handler struct {
	Root   context.Context                              // life of the decoders
	Lookup func(name string) *Channel                   // nil for a channel that has no pictures
	FFmpeg string                                       // the decoder; empty: there is none
	Slots  int                                          // decodes at a time for all channels; 0 means 2
	Every  time.Duration                                // least time between two decodes of a channel; 0 means 5 s
	Limit  time.Duration                                // longest decode; 0 means 10 s
	Wait   time.Duration                                // longest wait for a slot; 0 means 1 s
	Decode func(context.Context, Input) ([]byte, error) // nil means FFmpeg
	Log    *slog.Logger

	once  sync.Once
	slots chan struct{}
}

// The defaults of Handler.
const (
	defaultSlots = 2
	defaultEvery = 5 * time.Second
	defaultLimit = 10 * time.Second
	defaultWait  = time.Second
)

// staleAfter is the age up to which an older picture is better than none.
const staleAfter = time.Minute

func (h *Handler) every() time.Duration { return cmp.Or(h.Every, defaultEvery) }

// ServeHTTP answers GET and HEAD of N/preview.jpg: the picture of the newest segment, or
// one that is at most Every older. While no decoder is free, an older one is the answer
// for up to a minute, and 503 with Retry-After when there is none.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reply.Begin(w, r) {
		return
	}
	c := h.Lookup(route.Parse(r.URL.Path).Channel)
	if c == nil {
		reply.Refuse(w, http.StatusNotFound, reply.NoCache, "no such channel")
		return
	}
	p, problem := h.picture(r.Context(), c)
	if p == nil {
		w.Header().Set("Retry-After", strconv.Itoa(int((h.every()+time.Second-1)/time.Second)))
		reply.Refuse(w, http.StatusServiceUnavailable, reply.NoCache, problem)
		return
	}
	m := reply.Media{
		Type: "image/jpeg", Cache: "public, max-age=1", ETag: `"` + strconv.FormatInt(p.at.UnixMilli(), 36) + `"`,
		Modified: p.at, Data: [][]byte{p.data},
	}
	m.Serve(w, r)
}

// picture returns the picture to answer with, or why there is none.
func (h *Handler) picture(ctx context.Context, c *Channel) (p *picture, problem string) {
	for {
		lead, busy := c.begin(h.every())
		switch {
		case lead:
			h.refresh(ctx, c)
			return c.answer()
		case busy == nil:
			return c.answer()
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, "the request ended"
		}
	}
}

// begin says who makes the next picture: the caller, who then must call end; or
// somebody who is at it until busy is closed; or nobody, since the last one still
// holds.
func (c *Channel) begin(every time.Duration) (lead bool, busy <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.busy != nil {
		return false, c.busy
	}
	if !c.made.IsZero() && now.Sub(c.made) < every || c.now != nil && c.now.segment == newest(c.Source.View()) {
		return false, nil
	}
	c.busy = make(chan struct{})
	return true, nil
}

// end closes the attempt of the caller. Tried says that a decoder was used.
func (c *Channel) end(p *picture, tried bool, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tried {
		c.made = time.Now()
	}
	if p != nil {
		c.now = p
	}
	c.problem = problem
	close(c.busy)
	c.busy = nil
}

// answer returns the picture there is, unless it is of another time.
func (c *Channel) answer() (*picture, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && (c.problem == "" || time.Since(c.now.made) < staleAfter) {
		return c.now, ""
	}
	return nil, cmp.Or(c.problem, "there is no picture yet")
}

// refresh makes the next picture of c. The decoder goes on when the client leaves, since
// others wait for the same; it ends with Root and after Limit.
func (h *Handler) refresh(ctx context.Context, c *Channel) {
	var p *picture
	tried, problem := false, "there is no picture yet"
	defer func() { c.end(p, tried, problem) }()
	in, ok := newestInput(c.Source.View())
	if !ok {
		return
	}
	if problem = h.acquire(ctx); problem != "" {
		return
	}
	defer func() { <-h.slots }()
	tried = true
	limited, cancel := context.WithTimeout(h.Root, cmp.Or(h.Limit, defaultLimit))
	defer cancel()
	decode := h.Decode
	if decode == nil {
		decode = h.ffmpeg
	}
	data, err := decode(limited, in)
	if err != nil {
		problem = fmt.Sprintf("the picture of now cannot be decoded: %v", err)
		h.Log.Debug("preview", "segment", in.segment, "err", err)
		return
	}
	p = &picture{segment: in.segment, at: in.at, made: time.Now(), data: data}
}

// acquire takes a slot of the pool. It says why there is none.
func (h *Handler) acquire(ctx context.Context) (problem string) {
	h.once.Do(func() { h.slots = make(chan struct{}, cmp.Or(h.Slots, defaultSlots)) })
	select {
	case h.slots <- struct{}{}:
		return ""
	default:
	}
	t := time.NewTimer(cmp.Or(h.Wait, defaultWait))
	defer t.Stop()
	select {
	case h.slots <- struct{}{}:
		return ""
	case <-t.C:
	case <-ctx.Done():
	}
	return "every decoder is at work: try again later"
}
