// Package ingest owns what the network sources share: cutting a byte stream into
// batches of whole packets, counting them, and saying which errors no retry can
// mend. Each kind of source is a package of its own below this one.
//
// It refuses everything that needs to know a protocol, a configuration or a
// channel.
package ingest

import (
	"errors"
	"sync/atomic"
)

var (
	// ErrPermanent is matched by errors.Is for errors that no retry can mend: a
	// wrong option, a program that is not installed.
	ErrPermanent = errors.New("no retry can mend this")
	// ErrNotTS says that the bytes that came are no transport stream.
	ErrNotTS = errors.New("expected a transport stream")
	// ErrEnded says that the other side ended an endless stream in good order.
	ErrEnded = errors.New("the stream ended")
)

// Permanent marks err as one that no retry can mend: errors.Is(err, ErrPermanent)
// is true for it. The text stays. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error        { return p.error }
func (p permanent) Is(target error) bool { return target == ErrPermanent }

// Counters counts what a source received. The zero value is ready; it is safe for
// concurrent use and keeps counting when the source runs again.
type Counters struct {
	bytes, packets, batches, syncErrors, syncLosses atomic.Uint64
}

// Count is a snapshot of Counters.
type Count struct {
	Bytes      uint64 // received, with whatever is no packet
	Packets    uint64 // whole transport stream packets handed on
	Batches    uint64 // calls of Append
	SyncErrors uint64 // bad sync bytes (TR 101 290 indicator 1.2)
	SyncLosses uint64 // losses of synchronism (TR 101 290 indicator 1.1)
}

// Snapshot returns the counts so far.
func (c *Counters) Snapshot() Count {
	return Count{
		Bytes:      c.bytes.Load(),
		Packets:    c.packets.Load(),
		Batches:    c.batches.Load(),
		SyncErrors: c.syncErrors.Load(),
		SyncLosses: c.syncLosses.Load(),
	}
}

// Received counts n bytes from outside.
func (c *Counters) Received(n int) { c.bytes.Add(uint64(n)) }

// Appended counts one batch of n packets handed on.
func (c *Counters) Appended(n int) {
	c.packets.Add(uint64(n))
	c.batches.Add(1)
}

// Sync adds bad sync bytes and losses of synchronism.
func (c *Counters) Sync(errors, losses uint64) {
	c.syncErrors.Add(errors)
	c.syncLosses.Add(losses)
}
