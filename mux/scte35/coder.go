package scte35

import "fmt"

// coder walks a structure field by field. The same walk decodes and encodes, so that
// both directions cannot differ. The first error sticks: fields after it are left alone.
type coder struct {
	b   []byte
	pos int // in b in bits
	enc bool
	err error
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// left returns the number of whole bytes not yet decoded.
func (c *coder) left() int { return (len(c.b)*8 - c.pos) / 8 }

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// bits codes the n bits of an unsigned field, most significant first.
func bits[T integer](c *coder, n int, v *T) {
	switch {
	case c.err != nil:
	case !c.enc:
		*v = T(c.get(n))
	case n < 64 && uint64(*v)>>n != 0:
		c.fail("%w: %d in %d bits", ErrRange, uint64(*v), n)
	default:
		c.put(n, uint64(*v))
	}
}

func (c *coder) put(n int, v uint64) {
	for ; n > 0; n-- {
		if c.pos%8 == 0 {
			c.b = append(c.b, 0)
		}
		c.b[len(c.b)-1] |= byte(v>>(n-1)&1) << (7 - c.pos%8)
		c.pos++
	}
}

func (c *coder) get(n int) (v uint64) {
	if c.pos+n > len(c.b)*8 {
		c.fail("%w: %d bits wanted at bit %d of %d", ErrShort, n, c.pos, len(c.b)*8)
		return 0
	}
	for ; n > 0; n-- {
		v = v<<1 | uint64(c.b[c.pos/8]>>(7-c.pos%8)&1)
		c.pos++
	}
	return v
}

// flag codes one bit.
func (c *coder) flag(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	bits(c, 1, &b)
	if !c.enc && c.err == nil {
		*v = b == 1
	}
}

// reserved codes n bits that are ones unless they were not when they were read: zeros
// are kept in off.
func (c *coder) reserved(n int, off *uint16) {
	mask := uint16(1)<<n - 1
	v := ^*off & mask
	bits(c, n, &v)
	*off = ^v & mask
}

// take codes n bytes, which decoding copies.
func (c *coder) take(n int, v *[]byte) {
	switch {
	case c.err != nil:
	case c.enc:
		c.b = append(c.b, *v...)
		c.pos += len(*v) * 8
	case n > c.left():
		c.fail("%w: %d bytes wanted, %d left", ErrShort, n, c.left())
	case n > 0:
		*v = append([]byte(nil), c.b[c.pos/8:c.pos/8+n]...)
		c.pos += n * 8
	}
}

// encoded returns the bytes that a walk writes.
func encoded(walk func(c *coder)) ([]byte, error) {
	c := &coder{enc: true}
	walk(c)
	return c.b, c.err
}
