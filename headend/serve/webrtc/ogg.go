package webrtc

import (
	"errors"
	"fmt"
	"io"

	"sigma/mux/flow"
)

var errOgg = errors.New("not an Ogg page")

// maxOggPacket is the longest packet: 120 ms of Opus have 1275 bytes in 6 frames.
const maxOggPacket = 64 << 10

// oggReader cuts an Ogg stream (RFC 3533) into packets. It does not look for a page
// after bytes that are none: what it reads comes from a child over a pipe.
type oggReader struct {
	from   io.Reader
	head   [27]byte
	lacing [255]byte
	left   []byte // lengths of the segments of the page at hand that were not taken
	packet []byte
}

// next returns the next packet, which belongs to the caller.
func (o *oggReader) next() ([]byte, error) {
	for {
		for len(o.left) > 0 {
			n := int(o.left[0])
			o.left = o.left[1:]
			at := len(o.packet)
			if at+n > maxOggPacket {
				return nil, fmt.Errorf("%w: a packet of more than %d bytes", errOgg, maxOggPacket)
			}
			o.packet = append(o.packet, make([]byte, n)...)
			if _, err := io.ReadFull(o.from, o.packet[at:]); err != nil {
				return nil, fmt.Errorf("ogg: %w", err)
			}
			if n < 255 {
				p := o.packet
				o.packet = nil
				return p, nil
			}
		}
		if _, err := io.ReadFull(o.from, o.head[:]); err != nil {
			return nil, fmt.Errorf("ogg: %w", err)
		}
		if string(o.head[:4]) != "OggS" || o.head[4] != 0 {
			return nil, fmt.Errorf("%w: it begins with %x", errOgg, o.head[:5])
		}
		n := int(o.head[26])
		if _, err := io.ReadFull(o.from, o.lacing[:n]); err != nil {
			return nil, fmt.Errorf("ogg: %w", err)
		}
		o.left = o.lacing[:n]
	}
}

// opusDuration returns the length of a packet of Opus (RFC 6716 clause 3.1).
func opusDuration(p []byte) flow.Ticks {
	if len(p) == 0 {
		return 0
	}
	const ms = flow.TicksPerSecond / 1000
	var frame flow.Ticks
	switch config := p[0] >> 3; {
	case config < 12:
		frame = [...]flow.Ticks{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config%4]
	case config < 16:
		frame = [...]flow.Ticks{10 * ms, 20 * ms}[config%2]
	default:
		frame = [...]flow.Ticks{5 * ms / 2, 5 * ms, 10 * ms, 20 * ms}[config%4]
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 3:
		if len(p) > 1 {
			return flow.Ticks(p[1]&63) * frame
		}
		return 0
	}
	return 2 * frame
}
