package fmp4

import "encoding/binary"

// appender is a buffer that boxes are appended to. A box is opened with box or full
// and closed with end, which sets its size.
type appender struct{ b []byte }

// box opens a box and returns where it begins. kind has four characters.
func (a *appender) box(kind string) int {
	at := len(a.b)
	a.u32(0)
	a.b = append(a.b, kind...)
	return at
}

// full opens a box with version and flags (FullBox).
func (a *appender) full(kind string, version uint8, flags uint32) int {
	at := a.box(kind)
	a.u32(uint32(version)<<24 | flags)
	return at
}

// end closes the box that begins at at.
func (a *appender) end(at int) { binary.BigEndian.PutUint32(a.b[at:], uint32(len(a.b)-at)) }

func (a *appender) u8(v uint8)     { a.b = append(a.b, v) }
func (a *appender) u16(v uint16)   { a.b = binary.BigEndian.AppendUint16(a.b, v) }
func (a *appender) u32(v uint32)   { a.b = binary.BigEndian.AppendUint32(a.b, v) }
func (a *appender) u64(v uint64)   { a.b = binary.BigEndian.AppendUint64(a.b, v) }
func (a *appender) bytes(v []byte) { a.b = append(a.b, v...) }
func (a *appender) text(v string)  { a.b = append(a.b, v...) }

// cstring appends a string with a zero after it.
func (a *appender) cstring(v string) {
	a.text(v)
	a.u8(0)
}

// zeros appends n bytes of zero.
func (a *appender) zeros(n int) {
	for range n {
		a.b = append(a.b, 0)
	}
}

// matrix appends the unity matrix of mvhd and tkhd.
func (a *appender) matrix() {
	for _, v := range [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} {
		a.u32(v)
	}
}

// put overwrites a number that has been appended.
func (a *appender) put(at int, v uint32) { binary.BigEndian.PutUint32(a.b[at:], v) }
