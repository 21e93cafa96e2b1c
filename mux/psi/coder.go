package psi

import (
	"errors"
	"fmt"
)

// ErrShort is wrapped by every error about bytes that end too early.
var ErrShort = errors.New("ends too early")

// coder walks a structure field by field. The same walk decodes and encodes, so
// that both directions cannot differ. The first error sticks: fields after it are
// left alone, and the caller looks at err once.
type coder struct {
	b     []byte // decoding: what is read; encoding: what has been written
	pos   int    // position in b in bits
	enc   bool
	err   error
	scope scope
}

// scope says in which name space descriptor tags are read.
type scope struct {
	table     uint8  // table_id of the section
	specifier uint32 // private_data_specifier in force, 0 if none
}

func newDecoder(b []byte, s scope) *coder { return &coder{b: b, scope: s} }

func newEncoder(dst []byte) *coder { return &coder{b: dst, pos: len(dst) * 8, enc: true} }

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// left returns the number of whole bytes not yet decoded.
func (c *coder) left() int { return (len(c.b)*8 - c.pos) / 8 }

// more reports whether an optional trailing field is present: when decoding, that
// bytes are left; when encoding, that the caller has it.
func (c *coder) more(has bool) bool {
	if c.enc {
		return has
	}
	return c.err == nil && c.left() > 0
}

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// bits codes the n bits of an unsigned field, most significant first.
func bits[T integer](c *coder, n int, v *T) {
	if c.err != nil {
		return
	}
	if c.enc {
		if n < 64 && uint64(*v)>>n != 0 {
			c.fail("value %d does not fit %d bits", uint64(*v), n)
			return
		}
		c.put(n, uint64(*v))
		return
	}
	*v = T(c.get(n))
}

func (c *coder) put(n int, v uint64) {
	for n > 0 {
		if c.pos%8 == 0 {
			c.b = append(c.b, 0)
		}
		room := 8 - c.pos%8
		k := min(room, n)
		part := byte(v>>(n-k)) & (1<<k - 1)
		c.b[len(c.b)-1] |= part << (room - k)
		c.pos += k
		n -= k
	}
}

func (c *coder) get(n int) uint64 {
	if c.pos+n > len(c.b)*8 {
		c.fail("%w: %d bits wanted at bit %d of %d", ErrShort, n, c.pos, len(c.b)*8)
		return 0
	}
	var v uint64
	for n > 0 {
		room := 8 - c.pos%8
		k := min(room, n)
		part := c.b[c.pos/8] >> (room - k) & (1<<k - 1)
		v = v<<k | uint64(part)
		c.pos += k
		n -= k
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

// reserved codes n bits that are written as ones and not looked at when read.
func (c *coder) reserved(n int) {
	v := ^uint64(0) >> (64 - n)
	bits(c, n, &v)
}

// zeros codes n bits that are written as zeros and not looked at when read.
func (c *coder) zeros(n int) {
	var v uint64
	bits(c, n, &v)
}

// fixed codes len(v) bytes.
func (c *coder) fixed(v []byte) {
	if c.err != nil {
		return
	}
	if c.enc {
		c.b = append(c.b, v...)
		c.pos += len(v) * 8
		return
	}
	copy(v, c.take(len(v)))
}

// take returns the next n bytes as a sub-slice, or nil with an error set.
func (c *coder) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.left() {
		c.fail("%w: %d bytes wanted, %d left", ErrShort, n, c.left())
		return nil
	}
	at := c.pos / 8
	c.pos += n * 8
	return c.b[at : at+n : at+n]
}

// rest codes all bytes up to the end of the enclosing structure.
func (c *coder) rest(v *[]byte) {
	if c.enc {
		c.fixed(*v)
		return
	}
	if n := c.left(); n > 0 {
		*v = c.take(n)
	}
}

// restText codes a text that fills the rest of the enclosing structure.
func (c *coder) restText(v *Text) {
	b := []byte(*v)
	c.rest(&b)
	*v = Text(b)
}

// text codes a text after its 8-bit length.
func (c *coder) text(v *Text) {
	c.sized(8, func(c *coder) { c.restText(v) })
}

// bytes8 codes bytes after their 8-bit length.
func (c *coder) bytes8(v *[]byte) {
	c.sized(8, func(c *coder) { c.rest(v) })
}

// chars codes a string of exactly n bytes, such as an ISO 639-2 language code.
func (c *coder) chars(n int, v *string) {
	if c.err != nil {
		return
	}
	if c.enc {
		if len(*v) != n {
			c.fail("%q has %d bytes, want %d", *v, len(*v), n)
			return
		}
		c.fixed([]byte(*v))
		return
	}
	*v = string(c.take(n))
}

// bcd codes a number of decimal digits, four bits each, in units of scale.
func bcd[T integer](c *coder, digits int, scale T, v *T) {
	if c.err != nil {
		return
	}
	if c.enc {
		c.putBCD(digits, uint64(*v), uint64(scale))
		return
	}
	var n uint64
	for range digits {
		d := c.get(4)
		if d > 9 {
			c.fail("digit %#x is not decimal", d)
			return
		}
		n = n*10 + d
	}
	*v = T(n) * scale
}

func (c *coder) putBCD(digits int, v, scale uint64) {
	n := v / scale
	if n*scale != v {
		c.fail("%d is not a multiple of %d", v, scale)
		return
	}
	var packed uint64
	for i := range digits {
		packed |= n % 10 << (4 * i)
		n /= 10
	}
	if n != 0 {
		c.fail("%d does not fit %d decimal digits of %d", v, digits, scale)
		return
	}
	c.put(digits*4, packed)
}

// scaled codes a number of n bits in units of scale.
func scaled[T integer](c *coder, n int, scale T, v *T) {
	u := *v / scale
	if c.enc && u*scale != *v {
		c.fail("%d is not a multiple of %d", *v, scale)
		return
	}
	bits(c, n, &u)
	if !c.enc {
		*v = u * scale
	}
}

// sized codes a structure after its length in bytes, a field of n bits that ends
// on a byte border. The structure must fill the length exactly.
func (c *coder) sized(n int, body func(*coder)) {
	if c.err != nil {
		return
	}
	if !c.enc {
		sub := coder{b: c.take(int(c.get(n))), err: c.err, scope: c.scope}
		body(&sub)
		if sub.err == nil && sub.left() > 0 {
			sub.fail("%d bytes left over", sub.left())
		}
		c.err = sub.err
		return
	}
	c.put(n, 0)
	start := len(c.b)
	body(c)
	size := len(c.b) - start
	if size >= 1<<n {
		c.fail("%d bytes do not fit a length of %d bits", size, n)
		return
	}
	if n > 8 {
		c.b[start-2] |= byte(size >> 8)
	}
	c.b[start-1] = byte(size)
}

// list codes entries up to the end of the enclosing structure. Every entry takes
// at least one byte.
func list[T any](c *coder, s *[]T, entry func(*coder, *T)) {
	if c.enc {
		for i := range *s {
			entry(c, &(*s)[i])
		}
		return
	}
	for c.err == nil && c.left() > 0 {
		var v T
		entry(c, &v)
		if c.err == nil {
			*s = append(*s, v)
		}
	}
}

// present codes the flag of an optional field. A nil pointer is an absent field;
// when decoding, a present one gets room for its value, which is coded later.
func present[T any](c *coder, v **T) {
	has := *v != nil
	c.flag(&has)
	if !c.enc && c.err == nil && has {
		*v = new(T)
	}
}

// octet codes an optional byte where it is present.
func octet(c *coder, v *uint8) {
	if v != nil {
		bits(c, 8, v)
	}
}
