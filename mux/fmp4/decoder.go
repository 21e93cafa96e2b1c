package fmp4

import "fmt"

// DefaultMaxBox is the size of a box, in bytes, that a Decoder takes at most.
const DefaultMaxBox = 32 << 20

// Decoder reads a stream of boxes as it comes: a header, fragments, perhaps another
// header, and so on. It holds what has been written and not read yet. It is for one
// goroutine; the zero Decoder is ready. After an error it stays with that error.
type Decoder struct {
	MaxBox int // largest box that is taken, in bytes; 0: DefaultMaxBox

	movie    *Movie
	brands   []string
	pending  []byte // whole from the first box that is not read
	position int64  // of pending in the stream
	scanned  int    // bytes of pending that are whole boxes
	moof     bool   // one of them is a moof
	skip     uint64 // bytes to drop
	next     []trackTime
	err      error
}

// trackTime is where the samples of a track ended.
type trackTime struct {
	id   uint32
	time uint64
}

// Movie returns the newest header, or nil.
func (d *Decoder) Movie() *Movie { return d.movie }

// Write takes the next bytes of the stream, which are copied. It returns the error
// that Next has returned, if any.
func (d *Decoder) Write(b []byte) (int, error) {
	if d.err == nil {
		d.pending = append(d.pending, b...)
	}
	return len(b), d.err
}

// Close says that nothing follows. It returns an error that wraps ErrShort if the
// last box is not whole, or ErrBox if its fragment is not.
func (d *Decoder) Close() error {
	switch {
	case d.err != nil:
		return d.err
	case d.scanned < len(d.pending) || d.skip > 0:
		return fmt.Errorf("%w: %d bytes of a box at %d", ErrShort, len(d.pending)-d.scanned, d.position+int64(d.scanned))
	case d.moof:
		return fmt.Errorf("%w: moof at %d without mdat", ErrBox, d.position)
	}
	return nil
}

// Next returns the next fragment, or nil when more bytes are needed. What it returns
// is never written to. Errors wrap ErrShort, ErrBox or ErrTooLarge.
func (d *Decoder) Next() (*Fragment, error) {
	for d.err == nil && d.skipped() {
		x, err := d.scan()
		if err == nil && x.raw == nil {
			return nil, nil
		}
		if err == nil && d.moof && string(x.kind) == "mdat" {
			return d.fragment()
		}
		if err == nil {
			err = d.box(&x)
		}
		d.err = err
	}
	return nil, d.err
}

// skipped drops what is to be, and reports whether that is all.
func (d *Decoder) skipped() bool {
	n := min(d.skip, uint64(len(d.pending)))
	d.skip -= n
	d.position += int64(n)
	d.pending = d.pending[n:]
	return d.skip == 0
}

// scan takes the next box when it is whole. It has no bytes when it is not.
func (d *Decoder) scan() (x box, err error) {
	b := d.pending[d.scanned:]
	n, size, err := header(b)
	if err != nil || n == 0 {
		return x, err
	}
	kind := b[4:8]
	if string(kind) == "mdat" && !d.moof && size > 0 { // samples of a moov: not held
		d.drop()
		d.skip = size
		return box{kind: kind, raw: b[:n]}, nil
	}
	most := uint64(d.MaxBox)
	if most == 0 {
		most = DefaultMaxBox
	}
	switch {
	case size == 0:
		return x, fmt.Errorf("%w: %q up to the end of a stream", ErrBox, kind)
	case size > most-min(most, uint64(d.scanned)):
		return x, fmt.Errorf("%w: %q of %d bytes", ErrTooLarge, kind, size)
	case size > uint64(len(b)):
		return x, nil
	}
	d.scanned += int(size)
	return box{kind: kind, body: b[n:size:size], raw: b[:size:size]}, nil
}

// box acts on a box that has been scanned. One that may belong to the next fragment
// stays.
func (d *Decoder) box(x *box) error {
	switch string(x.kind) {
	case "ftyp":
		d.brands = brands(x.body)
		d.drop()
	case "moov":
		m, err := parseMoov(x.body)
		if err != nil {
			return err
		}
		m.Brands = d.brands
		d.movie, d.next = m, nil
		d.drop()
	case "moof":
		if d.moof {
			return fmt.Errorf("%w: moof at %d without mdat", ErrBox, d.position)
		}
		d.moof = true
	case "free", "skip", "mfra":
		if d.scanned == len(x.raw) {
			d.drop()
		}
	}
	return nil
}

// drop forgets the boxes that have been scanned.
func (d *Decoder) drop() {
	d.position += int64(d.scanned)
	d.pending = d.pending[d.scanned:]
	d.scanned, d.moof = 0, false
}

// fragment makes a fragment of the boxes that have been scanned.
func (d *Decoder) fragment() (*Fragment, error) {
	f := &Fragment{Movie: d.movie, Position: d.position, Data: d.pending[:d.scanned:d.scanned]}
	d.drop()
	at := 0
	for x, err := range boxes(f.Data) {
		if err == nil {
			err = f.box(&x, at)
		}
		if err != nil {
			d.err = err
			return nil, err
		}
		at += len(x.raw)
	}
	for i := range f.Runs {
		d.follow(&f.Runs[i])
	}
	return f, nil
}

// box reads one of the boxes of a fragment; at is where it begins in Data.
func (f *Fragment) box(x *box, at int) (err error) {
	switch string(x.kind) {
	case "styp":
		f.Styp = brands(x.body)
	case "sidx":
		f.Index, err = parseSidx(x.body)
	case "prft":
		f.Producer, err = parsePrft(x.body)
	case "emsg":
		var e Emsg
		if e, err = parseEmsg(x.body); err == nil {
			f.Events = append(f.Events, e)
		}
	case "moof":
		err = f.moof(x.body, at)
	case "mdat":
	default:
		f.Other = append(f.Other, x.raw)
	}
	return err
}

// follow gives a run without a time the one at which the run before it ended.
func (d *Decoder) follow(r *Run) {
	for i := range d.next {
		t := &d.next[i]
		if t.id != r.TrackID {
			continue
		}
		if !r.Timed {
			r.shift(t.time)
		}
		t.time = r.Time + r.Duration()
		return
	}
	if len(d.next) < maxTracks {
		d.next = append(d.next, trackTime{r.TrackID, r.Time + r.Duration()})
	}
}
