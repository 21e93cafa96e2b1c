// Package frames owns the frame face of a channel: the frames of all its tracks, made
// of its packets only while somebody reads them. The first reader starts the work, the
// last one ends it.
//
// It refuses to decode, to convert, and to change a time stamp.
package frames

import (
	"context"
	"slices"
	"sync"

	"sigma/mux/flow"
	"sigma/mux/inspect"
)

const (
	// defaultSize is the number of frames kept: 6 s of four tracks of video and four of
	// audio.
	defaultSize = 2048
	// maxHeld is how many batches wait for the tables of the programme: about 5 s.
	maxHeld = 2000
	// layouts is how many layouts are remembered for readers that are behind.
	layouts = 8
)

// Face is the frame face of one channel. Packets is an argument: the ring of the
// channel. It is safe for concurrent use.
type Face struct {
	Packets *flow.Ring[flow.Batch]
	Size    int // frames kept at least for readers that fall behind; 0 means 2048

	mu      sync.Mutex
	readers int
	run     *run
}

// run is one time of being read: from the first reader to the last.
type run struct {
	ring *flow.Ring[flow.Frame]
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	layouts []*flow.Layout
}

// Open returns a reader that begins with the newest random access point the channel
// has. It must be closed. Frames come in the order of flow.Demuxer's epochs; the first
// after frames were lost carries Gap.
func (f *Face) Open(ctx context.Context) *Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == 0 {
		f.start()
	}
	f.readers++
	r := &Reader{face: f, run: f.run}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.Cursor = f.run.ring.Open(r.ctx, flow.LastRandomAccess)
	return r
}

// Readers returns how many there are.
func (f *Face) Readers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers
}

// start begins to make frames. The caller holds mu.
func (f *Face) start() {
	size := f.Size
	if size == 0 {
		size = defaultSize
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &run{ring: flow.NewRing[flow.Frame](size), stop: stop, done: make(chan struct{})}
	f.run = r
	from := f.Packets.Open(ctx, flow.LastRandomAccess)
	go func() {
		defer close(r.done)
		defer from.Close()
		r.work(from)
	}()
}

// work makes frames until the cursor ends.
func (r *run) work(from *flow.Cursor[flow.Batch]) {
	var (
		look  inspect.Inspector
		demux inspect.Demuxer
		held  []flow.Item[flow.Batch] // before the tables came
		known *flow.Layout
		items = make([]flow.Item[flow.Batch], 64)
	)
	feed := func(it flow.Item[flow.Batch]) { demux.Feed(it, r.ring.Append) }
	piece := func(it flow.Item[flow.Batch]) {
		switch l := look.Layout(); {
		case l == nil && len(held) < maxHeld:
			held = append(held, it)
			return
		case l == nil:
			return
		case l != known:
			known = l
			demux.SetLayout(l)
			r.publish(l)
		}
		for _, h := range held {
			h.Epoch = it.Epoch
			feed(h)
		}
		held = nil
		feed(it)
	}
	for {
		n, err := from.Next(items)
		for _, it := range items[:n] {
			look.Feed(it, piece)
		}
		clear(items[:n])
		if err != nil {
			return
		}
	}
}

func (r *run) publish(l *flow.Layout) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.layouts) == layouts {
		r.layouts = slices.Delete(r.layouts, 0, 1)
	}
	r.layouts = append(r.layouts, l)
}

// Reader reads the frames of a channel. It is for one goroutine, but for Close.
type Reader struct {
	*flow.Cursor[flow.Frame]
	face   *Face
	run    *run
	ctx    context.Context
	cancel context.CancelCauseFunc
	once   sync.Once
}

// Layout returns the tracks of an epoch, that of a frame read before: the newest layout
// that is not later, or else the oldest remembered. It is not nil once a frame was read.
func (r *Reader) Layout(epoch uint32) *flow.Layout {
	r.run.mu.Lock()
	defer r.run.mu.Unlock()
	for _, l := range slices.Backward(r.run.layouts) {
		if l.Epoch <= epoch {
			return l
		}
	}
	if len(r.run.layouts) > 0 {
		return r.run.layouts[0]
	}
	return nil
}

// Close ends the reader: Next returns context.Canceled. When it was the last one it
// returns after the work has ended.
func (r *Reader) Close() {
	r.once.Do(func() {
		r.cancel(nil)
		f := r.face
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.readers--; f.readers > 0 {
			return
		}
		f.run.stop()
		<-f.run.done
		f.run = nil
	})
}
