package fmp4

import (
	"encoding/binary"
	"fmt"
	"sort"
)

// Table is the samples of a track that are not in fragments: the sample tables of
// ISO/IEC 14496-12 clauses 8.6 and 8.7. It reads them where they lie, and holds
// nothing else. The zero Table has no samples.
type Table struct {
	count uint32 // samples
	size  uint32 // of every sample; 0: each has its own
	bits  uint32 // of a size in sizes: 32, 16, 8 or 4

	sizes   []byte // sizes of bits each
	times   []byte // stts: count, duration
	shifts  []byte // ctts: count, offset
	syncs   []byte // stss: number of a sample from 1, growing
	chunks  []byte // stco or co64: offsets
	runs    []byte // stsc: first chunk from 1, samples per chunk, description
	wide    bool   // chunks are of 64 bits
	partial bool   // there is a stss
}

// TableSample is one sample of a Table.
type TableSample struct {
	Offset      int64 // in the file; what it holds is not checked against the file
	Size        int   // bytes
	Time        uint64
	Duration    uint32
	Composition int32 // presentation time minus decode time
	Sync        bool
	Description uint32 // sample entry, from 1
}

// Len returns the number of samples. A file can claim up to 2^32-1 of one size, so
// nothing is to be made of that length before an offset was seen to be in the file.
func (t *Table) Len() int { return int(t.count) }

// box takes one of the tables.
func (t *Table) box(x *box) error {
	r := reader{b: x.body}
	switch kind := string(x.kind); kind {
	case "stts":
		return r.entries(kind, 8, &t.times)
	case "ctts":
		return r.entries(kind, 8, &t.shifts)
	case "stss":
		t.partial = true
		return r.entries(kind, 4, &t.syncs)
	case "stsc":
		return r.entries(kind, 12, &t.runs)
	case "stco":
		t.wide = false
		return r.entries(kind, 4, &t.chunks)
	case "co64":
		t.wide = true
		return r.entries(kind, 8, &t.chunks)
	case "stsz":
		return t.stsz(&r)
	case "stz2":
		return t.stz2(&r)
	}
	return nil
}

// entries reads a count and so many entries of size bytes.
func (r *reader) entries(kind string, size int, to *[]byte) error {
	r.full()
	n := r.u32()
	if uint64(n)*uint64(size) > uint64(len(r.b)) {
		return r.short(kind, int(n))
	}
	*to = r.take(int(n) * size)
	return r.error(kind)
}

func (t *Table) stsz(r *reader) error {
	r.full()
	t.size, t.count, t.bits = r.u32(), r.u32(), 32
	if t.size == 0 {
		if uint64(t.count)*4 > uint64(len(r.b)) {
			return r.short("stsz", int(t.count))
		}
		t.sizes = r.take(int(t.count) * 4)
	}
	return r.error("stsz")
}

func (t *Table) stz2(r *reader) error {
	r.full()
	t.bits, t.count, t.size = r.u32()&0xff, r.u32(), 0
	if t.bits != 4 && t.bits != 8 && t.bits != 16 {
		return fmt.Errorf("stz2: %w: %d bits", ErrBox, t.bits)
	}
	n := (uint64(t.count)*uint64(t.bits) + 7) / 8
	if n > uint64(len(r.b)) {
		return r.short("stz2", int(t.count))
	}
	t.sizes = r.take(int(n))
	return r.error("stz2")
}

// check refuses tables that do not describe every sample.
func (t *Table) check() error {
	if t.count == 0 {
		return nil
	}
	timed, placed := uint64(0), uint64(0)
	for i := range len(t.times) / 8 {
		timed += uint64(word(t.times, 2*i))
	}
	chunks := uint64(t.chunkCount())
	for i := range len(t.runs) / 12 {
		first, next := uint64(word(t.runs, 3*i)), chunks+1
		if i+1 < len(t.runs)/12 {
			next = uint64(word(t.runs, 3*i+3))
		}
		if i == 0 && first != 1 || first >= next || next > chunks+1 || word(t.runs, 3*i+1) == 0 {
			return fmt.Errorf("stsc: %w: run of chunks %d to %d of %d", ErrBox, first, next, chunks)
		}
		placed += (next - first) * uint64(word(t.runs, 3*i+1))
	}
	if timed < uint64(t.count) || placed < uint64(t.count) {
		return fmt.Errorf("%w: %d samples, %d with a time, %d with a place", ErrBox, t.count, timed, placed)
	}
	return nil
}

// word returns the i-th number of 32 bits.
func word(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }

func (t *Table) chunkCount() int {
	if t.wide {
		return len(t.chunks) / 8
	}
	return len(t.chunks) / 4
}

func (t *Table) chunkOffset(i int) int64 {
	if t.wide {
		return int64(binary.BigEndian.Uint64(t.chunks[8*i:]))
	}
	return int64(word(t.chunks, i))
}

// sizeOf returns the size of sample i, from 0.
func (t *Table) sizeOf(i int) uint32 {
	switch {
	case t.size != 0:
		return t.size
	case t.bits == 32:
		return word(t.sizes, i)
	case t.bits == 16:
		return uint32(binary.BigEndian.Uint16(t.sizes[2*i:]))
	case t.bits == 8:
		return uint32(t.sizes[i])
	}
	return uint32(t.sizes[i/2]>>(4*(1-i%2))) & 15
}

// Find returns the number, from 0, of the sample that is decoded at a time: the last
// one that begins at it or before. It is -1 without samples.
func (t *Table) Find(time uint64) int {
	if t.count == 0 {
		return -1
	}
	sample, at := uint64(0), uint64(0)
	for i := range len(t.times) / 8 {
		n, d := uint64(word(t.times, 2*i)), uint64(word(t.times, 2*i+1))
		if n*d > time-at {
			return int(min(sample+(time-at)/d, uint64(t.count)-1))
		}
		sample += n
		at += n * d
	}
	return int(t.count) - 1
}

// SyncBefore returns the number, from 0, of the last random access point that is
// sample n or before it; 0 when there is none.
func (t *Table) SyncBefore(n int) int {
	if !t.partial {
		return n
	}
	i := t.syncIndex(n + 1)
	if i == 0 {
		return 0
	}
	return max(int(word(t.syncs, i-1))-1, 0)
}

// syncIndex returns how many random access points have a sample number below n, from 0.
func (t *Table) syncIndex(n int) int {
	return sort.Search(len(t.syncs)/4, func(i int) bool { return int64(word(t.syncs, i)) > int64(n) })
}

// Cursor walks the samples of a Table in decode order.
type Cursor struct {
	t      *Table
	sample int // next one, from 0

	time     uint64
	timeRow  int
	timeLeft uint32

	shiftRow  int
	shiftLeft uint32

	runRow    int
	chunk     int    // from 0
	chunkLeft uint32 // samples of the chunk that are still to come
	offset    int64

	sync int // in syncs
}

// Cursor returns a cursor whose next sample is sample n, from 0. The table must not
// change.
func (t *Table) Cursor(n int) *Cursor {
	c := &Cursor{t: t, sample: max(n, 0)}
	if c.sample >= t.Len() {
		c.sample = t.Len()
		return c
	}
	c.seekTimes()
	c.seekPlace()
	if t.partial {
		c.sync = t.syncIndex(c.sample)
	}
	return c
}

func (c *Cursor) seekTimes() {
	t, left := c.t, uint32(c.sample)
	for c.timeLeft = word(t.times, 0); left >= c.timeLeft; c.timeLeft = word(t.times, 2*c.timeRow) {
		left -= c.timeLeft
		c.time += uint64(c.timeLeft) * uint64(word(t.times, 2*c.timeRow+1))
		c.timeRow++
	}
	c.time += uint64(left) * uint64(word(t.times, 2*c.timeRow+1))
	c.timeLeft -= left
	left = uint32(c.sample)
	for ; c.shiftRow < len(t.shifts)/8; c.shiftRow++ {
		c.shiftLeft = word(t.shifts, 2*c.shiftRow)
		if left < c.shiftLeft {
			c.shiftLeft -= left
			return
		}
		left -= c.shiftLeft
	}
	c.shiftLeft = 0
}

func (c *Cursor) seekPlace() {
	t, left := c.t, uint64(c.sample)
	for {
		per := uint64(word(t.runs, 3*c.runRow+1))
		chunks := uint64(c.runEnd() - c.chunk)
		if left < chunks*per {
			c.chunk += int(left / per)
			left %= per
			c.chunkLeft = uint32(per - left)
			break
		}
		left -= chunks * per
		c.chunk = c.runEnd()
		c.runRow++
	}
	c.offset = t.chunkOffset(c.chunk)
	if t.size != 0 {
		c.offset += int64(left) * int64(t.size)
		return
	}
	for i := c.sample - int(left); i < c.sample; i++ {
		c.offset += int64(t.sizeOf(i))
	}
}

// runEnd returns the first chunk, from 0, that is not in the run of the cursor.
func (c *Cursor) runEnd() int {
	if i := 3 * (c.runRow + 1); i < len(c.t.runs)/4 {
		return int(word(c.t.runs, i)) - 1
	}
	return c.t.chunkCount()
}

// Next returns the next sample; ok is false after the last.
func (c *Cursor) Next() (s TableSample, ok bool) {
	t := c.t
	if c.sample >= t.Len() {
		return s, false
	}
	for c.timeLeft == 0 {
		c.timeRow++
		c.timeLeft = word(t.times, 2*c.timeRow)
	}
	if c.chunkLeft == 0 {
		c.nextChunk()
	}
	s = TableSample{
		Offset: c.offset, Size: int(t.sizeOf(c.sample)), Time: c.time,
		Duration: word(t.times, 2*c.timeRow+1), Composition: c.shift(), Sync: !t.partial,
		Description: word(t.runs, 3*c.runRow+2),
	}
	for c.sync < len(t.syncs)/4 && int64(word(t.syncs, c.sync)) <= int64(c.sample)+1 {
		s.Sync = int64(word(t.syncs, c.sync)) == int64(c.sample)+1
		c.sync++
	}
	c.timeLeft--
	c.chunkLeft--
	c.time += uint64(s.Duration)
	c.offset += int64(s.Size)
	c.sample++
	return s, true
}

func (c *Cursor) nextChunk() {
	c.chunk++
	if c.chunk >= c.runEnd() {
		c.runRow++
	}
	c.chunkLeft = word(c.t.runs, 3*c.runRow+1)
	c.offset = c.t.chunkOffset(c.chunk)
}

// shift returns the composition offset of the next sample. Both versions of ctts are
// read as signed: no file has offsets of half the range.
func (c *Cursor) shift() int32 {
	for c.shiftLeft == 0 {
		c.shiftRow++
		if c.shiftRow >= len(c.t.shifts)/8 {
			return 0
		}
		c.shiftLeft = word(c.t.shifts, 2*c.shiftRow)
	}
	c.shiftLeft--
	return int32(word(c.t.shifts, 2*c.shiftRow+1))
}
