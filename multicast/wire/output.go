package wire

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// owner is what an Output asks of the side that sends.
type owner interface {
	psiChanged(o *Output)
	closeOutput(o *Output) error
}

// Output is the filling end of one output. Send is for one goroutine; everything
// else is safe for concurrent use.
//
// The sender numbers the packets of each PID so that the continuity counters of an
// output that was taken over, or held in between, go on without a break (ISO/IEC
// 13818-1 clause 2.4.3.3). Otherwise they leave as they were put in.
type Output struct {
	spec Spec
	ring *ring
	fd   int // of the memory, -1 for Local
	own  owner

	untold atomic.Bool // sets has changed since the sender was told
	mu     sync.Mutex
	sets   []PSISet
}

// newOutput takes over r and fd; both are released when nobody holds the Output.
func newOutput(spec Spec, r *ring, fd int, own owner) *Output {
	o := &Output{spec: spec, ring: r, fd: fd, own: own}
	runtime.AddCleanup(o, func(m memory) { m.release() }, memory{r.mem, fd})
	return o
}

type memory struct {
	mem []byte
	fd  int
}

func (m memory) release() {
	_ = unix.Munmap(m.mem)
	if m.fd >= 0 {
		unix.Close(m.fd)
	}
}

// Spec returns what the output was opened with.
func (o *Output) Spec() Spec { return o.spec }

// Send puts in a datagram that is to leave at the given time of CLOCK_MONOTONIC.
// Times must not run backwards. The payload is copied and has at most MaxDatagram
// bytes; for an RTP output it begins with a header of 12 bytes. Send never blocks;
// it returns false, and counts, when the ring is full.
func (o *Output) Send(at time.Duration, payload []byte) bool {
	ok := o.ring.put(at, payload)
	runtime.KeepAlive(o)
	return ok
}

// SetPSI sets what is repeated while the output is held; the order of the sets is
// that in which they are first sent. The sets are cloned. SetPSI does not block;
// it returns an error that wraps ErrSpec if a set cannot be repeated.
func (o *Output) SetPSI(sets []PSISet) error {
	if err := checkSets(sets); err != nil {
		return fmt.Errorf("%s: %w", o.spec.ID, err)
	}
	clones := make([]PSISet, len(sets))
	for i, s := range sets {
		clones[i] = PSISet{s.Interval, slices.Clone(s.Packets)}
	}
	o.mu.Lock()
	o.sets = clones
	o.mu.Unlock()
	o.own.psiChanged(o)
	return nil
}

func (o *Output) psi() []PSISet {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sets
}

// Counters are the totals of one output since its ring was made, which may be
// longer ago than the daemon was started.
type Counters struct {
	Sent    uint64 // datagrams the network took
	Held    uint64 // of these, PSI and null packets made while nobody filled the ring
	Late    uint64 // sent more than 5 ms after their time
	Dropped uint64 // not taken by the system, or a second too late
	Full    uint64 // refused by Send because the ring was full
	Bad     uint64 // made no sense to the sender
	Waiting uint64 // in the ring now
	Err     error  // why the newest datagram was dropped; nil once one was sent again
}

// Counters returns the totals of now.
func (o *Output) Counters() Counters {
	r := o.ring
	c := Counters{
		Sent: r.sent.Load(), Held: r.held.Load(), Late: r.late.Load(), Dropped: r.dropped.Load(),
		Full: r.full.Load(), Bad: r.bad.Load(), Waiting: min(r.head.Load()-r.tail.Load(), r.slots),
		Err: errText(o.spec, unix.Errno(r.errno.Load())),
	}
	runtime.KeepAlive(o)
	return c
}

// Lateness returns the lateness of the datagrams of the last 10 s.
func (o *Output) Lateness() Lateness {
	var sum [buckets]uint64
	o.addLateness(&sum)
	return latenessOf(&sum)
}

func (o *Output) addLateness(sum *[buckets]uint64) {
	o.ring.lateness.addTo(sum, newClock().now())
	runtime.KeepAlive(o)
}

// LatenessOf returns the lateness of all datagrams of the given outputs.
func LatenessOf(outputs []*Output) Lateness {
	var sum [buckets]uint64
	for _, o := range outputs {
		o.addLateness(&sum)
	}
	return latenessOf(&sum)
}

// Last returns the scheduled time of the newest datagram, whether it has been sent
// or waits, 0 if there was none: what follows must be scheduled after it. While the
// output is held it moves on by itself, up to the first datagram of the new daemon.
func (o *Output) Last() time.Duration {
	last := o.ring.newest()
	runtime.KeepAlive(o)
	return last
}

// Close ends the output at once; what is still in the ring is not sent. The output
// must not be used for sending afterwards.
func (o *Output) Close() error { return o.own.closeOutput(o) }
