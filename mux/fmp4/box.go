package fmp4

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// reader reads numbers from the begin of b. Where b ends too early, it returns zeros
// from then on and remembers.
type reader struct {
	b      []byte
	failed bool
}

// take returns the next n bytes as a sub-slice, or nil.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.failed, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) u8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// full reads version and flags of a FullBox.
func (r *reader) full() (version uint8, flags uint32) {
	v := r.u32()
	return uint8(v >> 24), v & 0xffffff
}

// sized reads a number of 64 bits of version 1 and of 32 bits of version 0.
func (r *reader) sized(version uint8) uint64 {
	if version == 1 {
		return r.u64()
	}
	return uint64(r.u32())
}

// cstring reads up to a zero, which may be missing at the end.
func (r *reader) cstring() string {
	for i, c := range r.b {
		if c == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			return s
		}
	}
	s := string(r.b)
	r.b = nil
	return s
}

// error says whether all that was read was there.
func (r *reader) error(box string) error {
	if r.failed {
		return fmt.Errorf("%s: %w", box, ErrShort)
	}
	return nil
}

// short is the error of a count that the bytes left do not hold.
func (r *reader) short(box string, n int) error {
	return fmt.Errorf("%s: %w: %d entries in %d bytes", box, ErrShort, n, len(r.b))
}

// box is a box in the bytes it was read from.
type box struct {
	kind []byte // four characters
	body []byte // after the header
	raw  []byte // all of it
}

// header reads the header of the box that b begins with. size is that of the whole
// box, 0 when it goes on to the end of the file; n is that of the header, 0 when b
// holds less than that.
func header(b []byte) (n int, size uint64, err error) {
	if len(b) < 8 {
		return 0, 0, nil
	}
	n, size = 8, uint64(binary.BigEndian.Uint32(b))
	switch size {
	case 0:
		return n, 0, nil
	case 1:
		if len(b) < 16 {
			return 0, 0, nil
		}
		n, size = 16, binary.BigEndian.Uint64(b[8:])
	}
	if size < uint64(n) {
		return n, size, fmt.Errorf("%w: %q of %d bytes", ErrBox, b[4:8], size)
	}
	return n, size, nil
}

// boxes walks the boxes that b consists of. It ends after the first error, which is
// about the box that has it. Up to 7 bytes that are left over, as QuickTime has them,
// are passed over.
func boxes(b []byte) iter.Seq2[box, error] {
	return func(yield func(box, error) bool) {
		for len(b) >= 8 {
			n, size, err := header(b)
			if err == nil && size == 0 && n > 0 {
				size = uint64(len(b))
			}
			if err == nil && (n == 0 || size > uint64(len(b))) {
				err = fmt.Errorf("%w: %q has %d bytes, %d are left", ErrShort, b[4:8], size, len(b))
			}
			if err != nil {
				yield(box{}, err)
				return
			}
			if !yield(box{kind: b[4:8], body: b[n:size:size], raw: b[:size:size]}, nil) {
				return
			}
			b = b[size:]
		}
	}
}

// maxBrands is how many brands are kept of a ftyp or styp.
const maxBrands = 32

// brands reads the body of a ftyp or styp: the major brand, then the compatible ones.
func brands(b []byte) []string {
	var all []string
	for i := 0; i+4 <= len(b) && len(all) < maxBrands; i += 4 {
		if i != 4 { // minor_version
			all = append(all, string(b[i:i+4]))
		}
	}
	return all
}
