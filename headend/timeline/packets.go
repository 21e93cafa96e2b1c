package timeline

import (
	"iter"

	"sigma/mux/ts"
)

// pieceBytes is the most a piece of Packets holds, just below 64 KiB. A segment takes
// memory piece by piece while it is filled: channels that cut at the same moment would
// otherwise all ask for that of whole segments at once, and stop the machine for it.
const pieceBytes = 348 * ts.PacketSize

// Packets is a transport stream in pieces of whole packets: one after the other they
// are the stream.
type Packets [][]byte

// Size returns the length of the stream in bytes.
func (p Packets) Size() int {
	n := 0
	for _, b := range p {
		n += len(b)
	}
	return n
}

// All yields the packets in order.
func (p Packets) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, b := range p {
			for ; len(b) >= ts.PacketSize; b = b[ts.PacketSize:] {
				if !yield(b[:ts.PacketSize:ts.PacketSize]) {
					return
				}
			}
		}
	}
}

// append adds a packet and returns where it lies.
func (p *Packets) append(packet []byte) []byte {
	n := len(*p)
	if n == 0 || len((*p)[n-1])+ts.PacketSize > cap((*p)[n-1]) {
		*p = append(*p, make([]byte, 0, pieceBytes))
		n++
	}
	last := append((*p)[n-1], packet...)
	(*p)[n-1] = last
	return last[len(last)-ts.PacketSize:]
}

// prepend puts whole packets in front.
func (p *Packets) prepend(packets []byte) { *p = append(Packets{packets}, *p...) }

// done ends the stream: its last piece takes no more memory than it needs.
func (p Packets) done() Packets {
	if n := len(p); n > 0 && len(p[n-1]) < cap(p[n-1])/2 {
		p[n-1] = append(make([]byte, 0, len(p[n-1])), p[n-1]...)
	}
	return p
}
