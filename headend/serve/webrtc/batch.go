package webrtc

import "encoding/binary"

const (
	// maxBatch is how many bytes are handed to the kernel at once: below the longest
	// datagram there can be.
	maxBatch = 64_000
	// maxSegments is UDP_MAX_SEGMENTS of the kernel.
	maxSegments = 64
)

// batch gathers datagrams for one viewer: all of one size, but the last may be shorter,
// as UDP_SEGMENT wants it. It is for one goroutine.
type batch struct {
	path    *path // where it goes
	buf     []byte
	size    int // of each, the last excepted
	count   int
	short   bool // the last is shorter: nothing can follow
	sent    int  // bytes that went to path
	control control
}

// aim begins batches for another viewer.
func (b *batch) aim(p *path) { b.path, b.sent = p, 0 }

// flush sends what there is.
func (b *batch) flush() {
	if b.count == 0 {
		return
	}
	b.sent += len(b.buf)
	b.path.send(b)
	b.buf, b.count, b.short = b.buf[:0], 0, false
}

// room makes room for a datagram of up to n bytes and returns where it is to be
// written. What does not fit beside it is sent.
func (b *batch) room(n int) []byte {
	if b.count > 0 && (b.short || b.count == maxSegments || len(b.buf)+n > maxBatch) {
		b.flush()
	}
	return b.buf[len(b.buf):len(b.buf):cap(b.buf)]
}

// add adds the datagram that was written to what room returned.
func (b *batch) add(n int) {
	switch {
	case b.count == 0:
		b.size = n
	case n > b.size:
		// Longer than those before: they go first.
		at := len(b.buf)
		b.flush()
		copy(b.buf[:n], b.buf[at:at+n])
		b.size = n
	case n < b.size:
		b.short = true
	}
	b.buf = b.buf[:len(b.buf)+n]
	b.count++
}

// maxPlayout is the longest delay a player whose path loses packets may choose, in 10 ms.
const maxPlayout = 100

// header is what differs between viewers of one packet.
type header struct {
	pt        uint8
	marker    bool
	seq       uint16
	stamp     uint32
	ssrc      uint32
	transport int // transport-wide sequence number, -1 for none
	playout   int // wish for the delay of the player in 10 ms, -1 for none
}

// extensions are the numbers that the header extensions of a section have (RFC 8285), 0
// for those that were not agreed on.
type extensions struct{ transport, playout uint8 }

// appendTo appends an RTP header with the extensions that apply.
func (h *header) appendTo(b []byte, x extensions) []byte {
	first, second := byte(2<<6), h.pt
	if h.marker {
		second |= 0x80
	}
	at := len(b)
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, h.seq)
	b = binary.BigEndian.AppendUint32(b, h.stamp)
	b = binary.BigEndian.AppendUint32(b, h.ssrc)
	transport := x.transport != 0 && h.transport >= 0
	playout := x.playout != 0 && h.playout >= 0
	if !transport && !playout {
		return b
	}
	b[at] |= 0x10
	b = append(b, 0xBE, 0xDE, 0, 1)
	begin := len(b)
	if transport {
		b = append(b, x.transport<<4|1, byte(h.transport>>8), byte(h.transport))
	}
	if playout {
		least, most := uint16(h.playout), uint16(0)
		if h.playout > 0 {
			most = maxPlayout
		}
		b = append(b, x.playout<<4|2, byte(least>>4), byte(least<<4|most>>8), byte(most))
	}
	for (len(b)-begin)%4 != 0 {
		b = append(b, 0)
	}
	b[begin-1] = byte((len(b) - begin) / 4)
	return b
}
