package pes

import (
	"errors"

	"sigma/mux/ts"
)

// MaxPacket is the limit of one reassembled PES packet in bytes. It is far above
// the largest access unit of level 6.2 of H.264 and HEVC and guards the memory
// against a stream that never starts a new packet.
const MaxPacket = 16 << 20

// maxParts bounds the pieces of one packet, for payload that comes in crumbs.
const maxParts = MaxPacket / ts.MaxPayload

// Packet is one reassembled PES packet.
type Packet struct {
	Header
	// Parts are the pieces of the payload in order: sub-slices of the transport
	// packets. The slice of slices is only lent to the receiver of Packet; the
	// bytes themselves live as long as the receiver wants.
	Parts [][]byte
	Bytes int // length of the payload: the sum of Parts

	// Corrupt says that part of the packet is missing or damaged: packets were
	// lost, it is shorter than Length says, or it grew beyond MaxPacket.
	Corrupt bool
}

// AppendTo appends the payload, concatenated.
func (p *Packet) AppendTo(dst []byte) []byte {
	for _, b := range p.Parts {
		dst = append(dst, b...)
	}
	return dst
}

// Assembler collects the PES packets of one PID. The zero value is ready; it is for
// one goroutine.
type Assembler struct {
	cur    Packet
	head   []byte // begin of a header that did not fit one transport packet
	skip   int    // header bytes still to come
	left   int    // payload bytes still to come, of a packet of known length
	open   bool   // cur is being collected
	errors uint64
}

// Errors returns the number of payload unit starts that held no PES header.
func (a *Assembler) Errors() uint64 { return a.errors }

// Feed takes the next transport packet of the PID, 188 bytes that must not be
// written to again, in the clear and without duplicates. It calls emit for the PES
// packet that ended: one of known length with its last byte, one of unbounded length
// when the next begins.
func (a *Assembler) Feed(p []byte, emit func(*Packet)) {
	b := ts.Payload(p)
	if ts.PUSI(p) {
		a.Flush(emit)
		a.start(b)
	} else if len(a.head) > 0 {
		a.start(append(a.head, b...))
	} else if a.open {
		a.add(b)
	}
	if a.open && a.left == 0 && a.cur.Length > 0 {
		a.Flush(emit)
	}
}

// Lose says that transport packets are missing before the next one fed. The packet
// being collected is marked Corrupt.
func (a *Assembler) Lose() {
	a.cur.Corrupt = a.open
	if len(a.head) > 0 {
		a.head = nil
		a.errors++
	}
}

// Open reports whether a packet is being collected.
func (a *Assembler) Open() bool { return a.open }

// Compact copies what has been collected, so that the memory of the transport
// packets is let go. It is for a packet that takes long to end.
func (a *Assembler) Compact() {
	if a.open && len(a.cur.Parts) > 0 {
		b := a.cur.AppendTo(make([]byte, 0, a.cur.Bytes))
		clear(a.cur.Parts)
		a.cur.Parts = append(a.cur.Parts[:0], b)
	}
}

// Flush ends the packet being collected, if any, and emits it.
func (a *Assembler) Flush(emit func(*Packet)) {
	a.head = nil
	if !a.open {
		return
	}
	a.open = false
	if a.left > 0 && a.cur.Length > 0 || a.skip > 0 {
		a.cur.Corrupt = true
	}
	emit(&a.cur)
	clear(a.cur.Parts) // let go of the bytes
}

// start begins a packet with its header and whatever payload follows it in b.
func (a *Assembler) start(b []byte) {
	a.head = nil
	h, err := Parse(b)
	if errors.Is(err, ErrShort) && len(b) < maxHeader {
		a.head = append(make([]byte, 0, len(b)), b...)
		return
	}
	if err != nil {
		a.errors++
		return
	}
	a.cur = Packet{Header: h, Parts: a.cur.Parts[:0]}
	a.open = true
	a.skip = h.Size
	a.left = prefixSize + h.Length - h.Size
	a.add(b)
}

// add takes the next bytes of the packet, header first.
func (a *Assembler) add(b []byte) {
	n := min(a.skip, len(b))
	a.skip -= n
	b = b[n:]
	if a.cur.Length > 0 {
		b = b[:min(len(b), a.left)]
		a.left -= len(b)
	}
	if len(b) == 0 {
		return
	}
	if a.cur.Bytes+len(b) > MaxPacket || len(a.cur.Parts) >= maxParts {
		a.cur.Corrupt = true
		return
	}
	a.cur.Parts = append(a.cur.Parts, b)
	a.cur.Bytes += len(b)
}
