// Package ingesttest owns what the tests of the sources share: a receiver that
// checks the contract of flow.Source, and packets to send. It is for tests only.
package ingesttest

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sigma/mux/flow"
)

// Recorder receives batches and checks each: whole packets, at most 64 KiB, arrival
// times that do not run backwards, bytes that nobody writes to afterwards. It is
// safe for concurrent use.
type Recorder struct {
	T    testing.TB
	mu   sync.Mutex
	cond sync.Cond
	kept []flow.Item[flow.Batch]
	copy []byte
}

// NewRecorder returns a Recorder that reports to t.
func NewRecorder(t testing.TB) *Recorder {
	r := &Recorder{T: t}
	r.cond.L = &r.mu
	return r
}

// Append implements flow.Appender.
func (r *Recorder) Append(it flow.Item[flow.Batch]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(it.V.Data)
	if n == 0 || n%flow.PacketSize != 0 || n > 64<<10 {
		r.T.Errorf("batch of %d bytes, want whole packets of 188 and at most 64 KiB", n)
	}
	if k := len(r.kept); k > 0 && it.Arrived < r.kept[k-1].Arrived {
		r.T.Errorf("arrival runs backwards: %v after %v", it.Arrived, r.kept[k-1].Arrived)
	}
	r.kept = append(r.kept, it)
	r.copy = append(r.copy, it.V.Data...)
	r.cond.Broadcast()
}

// Items returns the batches so far.
func (r *Recorder) Items() []flow.Item[flow.Batch] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]flow.Item[flow.Batch](nil), r.kept...)
}

// Wait blocks until n bytes have come.
func (r *Recorder) Wait(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.copy) < n {
		r.cond.Wait()
	}
}

// Bytes returns everything received, as it was when it came, and checks that the
// batches still hold it.
func (r *Recorder) Bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := 0
	for _, it := range r.kept {
		if !bytes.Equal(it.V.Data, r.copy[at:at+len(it.V.Data)]) {
			r.T.Error("a batch was written to after Append")
		}
		at += len(it.V.Data)
	}
	return bytes.Clone(r.copy)
}

// Packets returns n packets on PID 0x100 with running continuity counters and a
// number in the payload.
func Packets(n int) []byte {
	b := make([]byte, 0, n*flow.PacketSize)
	for i := range n {
		p := bytes.Repeat([]byte{0xA5}, flow.PacketSize)
		p[0], p[1], p[2], p[3] = 0x47, 0x01, 0x00, 0x10|byte(i)&0x0F
		binary.BigEndian.PutUint32(p[4:], uint32(i))
		b = append(b, p...)
	}
	return b
}

// Now returns CLOCK_MONOTONIC.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // the clock is always there
	}
	return time.Duration(t.Nano())
}
