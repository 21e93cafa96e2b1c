package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// Interval is the shortest time between two batches that are not full.
	Interval = 5 * time.Millisecond
	// SlabSize is the memory that batches are cut out of, in bytes: the most whole
	// packets in 64 KiB.
	SlabSize = 64 << 10 / flow.PacketSize * flow.PacketSize

	readSize = 31 << 10 // bytes of one read
	// readRoom is the most that one read adds: what the syncer held back while it
	// searched (five packets of 204 bytes) comes with it.
	readRoom = readSize + 5*204
	// searchLimit is how many bytes without a packet are enough to say that this
	// is no transport stream.
	searchLimit = 256 << 10
	sniffSize   = 512 // bytes that tell what else it is
)

// Cutter turns an endless byte stream into batches. Its fields are arguments.
type Cutter struct {
	Now      func() time.Duration // CLOCK_MONOTONIC
	Counters *Counters
}

// Run reads r until ctx ends, and then returns nil, or until reading fails, and
// then returns why: ErrEnded when r ended in good order, ErrNotTS when what it
// carries is something else. It closes r before it returns; closing must end a Read
// that blocks. Batches go to to at most every 5 ms or 64 KiB.
func (c Cutter) Run(ctx context.Context, r io.ReadCloser, to flow.Appender[flow.Batch]) error {
	s := newSlab(c)
	read := make(chan error, 1)
	closeOnce := sync.OnceFunc(func() {
		_ = r.Close() // nothing was written: there is nothing to lose
		s.end()
	})
	stop := context.AfterFunc(ctx, closeOnce)
	defer stop()
	go func() { read <- s.fill(r) }()

	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-s.ready:
			s.take(to)
		case err := <-read:
			closeOnce()
			s.take(to)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		pause.Reset(Interval)
		select {
		case <-pause.C:
		case <-s.full:
		case <-ctx.Done():
		}
	}
}

// slab is the memory between the goroutine that reads and the one that appends.
type slab struct {
	Cutter
	ready chan struct{} // holds a token while there are packets to take
	full  chan struct{} // holds a token while there is no room for another read

	mu      sync.Mutex
	taken   sync.Cond
	buf     []byte // packets to take; its capacity is the room that is left
	arrived time.Duration
	ended   bool
}

func newSlab(c Cutter) *slab {
	s := &slab{Cutter: c, ready: make(chan struct{}, 1), full: make(chan struct{}, 1)}
	s.taken.L = &s.mu
	s.buf = make([]byte, 0, SlabSize)
	return s
}

// fill reads and cuts until r fails. One copy brings packets that lie across two
// reads into their place: it costs nothing beside the system call.
func (s *slab) fill(r io.Reader) error {
	var syncer ts.Syncer
	chunk := make([]byte, readSize)
	var begin []byte // of what is no packets so far
	idle, packets := 0, false
	for {
		n, err := r.Read(chunk)
		if n > 0 {
			errs, losses := syncer.Errors(), syncer.Losses()
			found := s.add(s.Now(), func(emit func([]byte)) { syncer.Feed(chunk[:n], emit) })
			s.Counters.Received(n)
			s.Counters.Sync(syncer.Errors()-errs, syncer.Losses()-losses)
			if found {
				idle, begin, packets = 0, nil, true
			} else {
				idle += n
				begin = append(begin, chunk[:min(n, sniffSize-len(begin))]...)
			}
			if idle > searchLimit {
				return notTS(begin, idle)
			}
			s.waitForRoom()
		}
		if errors.Is(err, io.EOF) {
			if !s.add(s.Now(), syncer.Flush) && !packets && idle > 0 {
				return notTS(begin, idle)
			}
			return ErrEnded
		}
		if err != nil {
			return err
		}
	}
}

// notTS says what came instead of a transport stream, by its first bytes.
func notTS(begin []byte, n int) error {
	return fmt.Errorf("%w: found no packets in %d bytes, which look like %s and begin with %.24q",
		ErrNotTS, n, http.DetectContentType(begin), begin)
}

// add takes the packets that feed emits and reports whether there were any.
func (s *slab) add(now time.Duration, feed func(emit func([]byte))) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.buf)
	feed(func(run []byte) { s.buf = append(s.buf, run...) })
	if len(s.buf) == before {
		return false
	}
	if before == 0 {
		s.arrived = now
	}
	signal(s.ready)
	if cap(s.buf)-len(s.buf) < readRoom {
		if len(s.buf)+readRoom <= SlabSize {
			s.buf = append(make([]byte, 0, SlabSize), s.buf...)
		} else {
			signal(s.full)
		}
	}
	return true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// waitForRoom blocks until another read fits or end was called.
func (s *slab) waitForRoom() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cap(s.buf)-len(s.buf) < readRoom && !s.ended {
		s.taken.Wait()
	}
}

// take appends what there is, and takes new memory when the old is used up.
func (s *slab) take(to flow.Appender[flow.Batch]) {
	s.mu.Lock()
	data, arrived := s.buf[:len(s.buf):len(s.buf)], s.arrived
	if s.buf = s.buf[len(s.buf):]; cap(s.buf) < readRoom {
		s.buf = make([]byte, 0, SlabSize)
	}
	for _, c := range []chan struct{}{s.ready, s.full} {
		select {
		case <-c:
		default:
		}
	}
	s.mu.Unlock()
	s.taken.Signal()
	if len(data) == 0 {
		return
	}
	s.Counters.Appended(len(data) / flow.PacketSize)
	to.Append(flow.Item[flow.Batch]{Stamp: flow.Stamp{Arrived: arrived}, V: flow.Batch{Data: data}})
}

// end lets a reader that waits for room go.
func (s *slab) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.taken.Signal()
}
