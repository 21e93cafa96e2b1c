// Package file owns the source that plays a transport stream file for ever, in real
// time by the clock in it.
//
// Each pass goes on where the one before ended: clocks, time stamps and continuity
// counters never jump (package mux, Loop). It refuses other containers, and it does
// not hold the file in memory: many sources may play the same one.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/ingest"
	"sigma/mux"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

const (
	// maxLate is how much of a stall is caught up; after a longer one the schedule
	// moves, so that no burst goes out.
	maxLate = time.Second
	// notTSLimit is how many bytes without a packet are enough to say that this is
	// no transport stream.
	notTSLimit = 256 << 10
	sniffSize  = 512 // bytes that tell what else it is
)

// Source plays one file. The exported fields are arguments; a Source can run again
// after Run has returned.
type Source struct {
	Path string               // of a file of packets 188, 192 or 204 bytes apart
	Now  func() time.Duration // CLOCK_MONOTONIC

	counters ingest.Counters
}

var _ flow.Source = (*Source)(nil)

// Count returns what was played since the Source was made. It is safe for
// concurrent use.
func (s *Source) Count() ingest.Count { return s.counters.Snapshot() }

// Run plays the file until ctx ends, and then returns nil, or until it cannot be
// read. Arrived of a batch is its time by the schedule. When the file was replaced
// or rewritten, the next pass plays the new one, with a break of the clock. Every
// error is worth a retry; those for a file that is no transport stream match
// ingest.ErrNotTS.
func (s *Source) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	p := player{Source: s, to: to, timer: time.NewTimer(0)}
	defer p.timer.Stop()
	if err := p.open(); err != nil {
		return err
	}
	defer func() { _ = p.file.Close() }() // was only read
	for ctx.Err() == nil {
		if err := p.pass(ctx); err != nil {
			return fmt.Errorf("file %s: %w", s.Path, err)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := p.rewind(); err != nil {
			return err
		}
	}
	return nil
}

// player is one run of a Source.
type player struct {
	*Source
	to    flow.Appender[flow.Batch]
	timer *time.Timer

	file     *os.File
	info     fs.FileInfo // when the pass began
	syncer   ts.Syncer
	loop     mux.Loop
	schedule schedule
}

// open opens the file of the name as it is now.
func (p *player) open() error {
	// Without O_NONBLOCK a FIFO that nobody writes to is waited for without end.
	f, err := os.OpenFile(p.Path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: check the path and who may read it", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("file %s: expected a transport stream, found a directory", p.Path)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("file %s: expected a regular file, found %s", p.Path, info.Mode().Type())
	case info.Size() == 0:
		err = fmt.Errorf("file %s: %w, found an empty file", p.Path, ingest.ErrNotTS)
	}
	if err != nil {
		_ = f.Close() // was not read
		return err
	}
	p.file, p.info = f, info
	return nil
}

// rewind goes back to the beginning of the file, or of the one that has its name
// now.
func (p *player) rewind() error {
	old, was := p.file, p.info
	if err := p.open(); err != nil {
		p.file = old
		return err
	}
	_ = old.Close() // was only read
	if os.SameFile(was, p.info) && was.Size() == p.info.Size() && was.ModTime().Equal(p.info.ModTime()) {
		p.loop.Rewind()
	} else {
		p.loop = mux.Loop{}
		p.schedule.cut()
	}
	return nil
}

// pass plays the file to its end. It reads ahead until the next PCR and the rest of
// one slab, not more.
func (p *player) pass(ctx context.Context) error {
	idle, packets := 0, false
	p.schedule.moved = false
	var begin []byte
	for {
		slab := make([]byte, ingest.SlabSize)
		n, err := io.ReadFull(p.file, slab)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return err
		}
		p.counters.Received(n)
		if begin == nil {
			begin = append([]byte{}, slab[:min(n, sniffSize)]...)
		}
		found, clocked := p.feed(slab[:n], end)
		if !clocked && p.schedule.begun && !p.schedule.moved {
			return errStands
		}
		if !clocked {
			return fmt.Errorf("found no PCR in %d MiB: expected a clock to play by, at least every 100 ms", searchLimit>>20)
		}
		if idle += n; found {
			idle, packets = 0, true
		}
		if idle > notTSLimit || end && !packets {
			return fmt.Errorf("%w: found no packets in %d bytes, of a file that looks like %s",
				ingest.ErrNotTS, idle, http.DetectContentType(begin))
		}
		if end && p.schedule.begun && !p.schedule.moved {
			return errStands
		}
		if !p.play(ctx, p.schedule.take()) {
			return nil
		}
		if end {
			return nil
		}
	}
}

// errStands says that a pass had no two PCR that say how long it takes.
var errStands = errors.New("the clock of the file does not advance: expected PCRs that grow, at least every 100 ms")

// feed cuts data into packets, which it gives to the schedule. It reports whether
// there were any, and whether the schedule still has a clock.
func (p *player) feed(data []byte, end bool) (found, clocked bool) {
	errs, losses := p.syncer.Errors(), p.syncer.Losses()
	clocked = true
	emit := func(run []byte) {
		found = true
		p.loop.Next(run)
		clocked = p.schedule.add(run, p.Now()) && clocked
	}
	p.syncer.Feed(data, emit)
	if end {
		p.syncer.Flush(emit)
	}
	p.counters.Sync(p.syncer.Errors()-errs, p.syncer.Losses()-losses)
	return found, clocked
}

// play appends batches when they are due and reports whether ctx still lives.
func (p *player) play(ctx context.Context, list []batch) bool {
	var moved time.Duration
	for _, b := range list {
		due := b.due + moved
		if late := p.Now() - due; late > maxLate {
			p.schedule.delay(late)
			due, moved = due+late, moved+late
		}
		if !p.wait(ctx, due) {
			return false
		}
		p.counters.Appended(len(b.data) / flow.PacketSize)
		p.to.Append(flow.Item[flow.Batch]{Stamp: flow.Stamp{Arrived: due}, V: flow.Batch{Data: b.data[:len(b.data):len(b.data)]}})
	}
	return ctx.Err() == nil
}

// wait blocks until due and reports whether ctx still lives.
func (p *player) wait(ctx context.Context, due time.Duration) bool {
	left := due - p.Now()
	if left <= 0 {
		return ctx.Err() == nil
	}
	p.timer.Reset(left)
	select {
	case <-p.timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
