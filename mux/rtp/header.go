// Package rtp owns the framing of transport stream packets in RTP datagrams:
// the fixed header of RFC 3550 clause 5.1 with the payload format of RFC 2250
// clause 2, and the buffer that puts datagrams back in order and counts what the
// network lost.
//
// It refuses sockets and clocks: arrival times come in as arguments. It knows
// neither RTCP nor forward error correction.
package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	// HeaderSize is the length in bytes of a header without contributing sources
	// and without extension, the only form AppendTo writes.
	HeaderSize = 12
	// PayloadMP2T is the payload type of an MPEG-2 transport stream (RFC 3551
	// table 5).
	PayloadMP2T = 33
	// ClockRate is the frequency in Hz of Timestamp for PayloadMP2T.
	ClockRate = 90_000
)

// ErrMalformed says that a datagram is not a whole RTP packet of version 2.
var ErrMalformed = errors.New("malformed RTP packet")

// Header is the fixed header of an RTP packet (RFC 3550 clause 5.1).
type Header struct {
	Marker      bool   // RFC 2250 clause 2: set when the timestamp is discontinuous
	PayloadType uint8  // 0 to 127
	Sequence    uint16 // one more than that of the packet before, modulo 2^16
	Timestamp   uint32 // 90 kHz, target transmission time of the first payload byte
	SSRC        uint32 // synchronisation source
}

// AppendTo appends the 12 bytes of h to b and returns the longer slice.
func (h Header) AppendTo(b []byte) []byte {
	second := h.PayloadType & 0x7f
	if h.Marker {
		second |= 0x80
	}
	b = append(b, 2<<6, second)
	b = binary.BigEndian.AppendUint16(b, h.Sequence)
	b = binary.BigEndian.AppendUint32(b, h.Timestamp)
	return binary.BigEndian.AppendUint32(b, h.SSRC)
}

// Parse splits a datagram into header and payload. Contributing sources, the
// header extension and padding are skipped. The payload is a sub-slice of b.
// Every error wraps ErrMalformed.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < HeaderSize {
		return h, nil, fmt.Errorf("%w: %d bytes, want at least %d", ErrMalformed, len(b), HeaderSize)
	}
	if v := b[0] >> 6; v != 2 {
		return h, nil, fmt.Errorf("%w: version %d, want 2", ErrMalformed, v)
	}
	h = Header{
		Marker:      b[1]&0x80 != 0,
		PayloadType: b[1] & 0x7f,
		Sequence:    binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}
	start := HeaderSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < start+4 {
			return h, nil, fmt.Errorf("%w: header extension at byte %d of %d", ErrMalformed, start, len(b))
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if start > len(b) {
		return h, nil, fmt.Errorf("%w: header of %d bytes in a datagram of %d", ErrMalformed, start, len(b))
	}
	payload = b[start:]
	if b[0]&0x20 != 0 {
		if len(payload) == 0 {
			return h, nil, fmt.Errorf("%w: padding flag without padding", ErrMalformed)
		}
		pad := int(payload[len(payload)-1])
		if pad == 0 || pad > len(payload) {
			return h, nil, fmt.Errorf("%w: %d bytes of padding in a payload of %d", ErrMalformed, pad, len(payload))
		}
		payload = payload[:len(payload)-pad]
	}
	return h, payload, nil
}

// Timestamp returns the 90 kHz timestamp of a monotonic time, folded at 2^32.
func Timestamp(at time.Duration) uint32 {
	s, r := at/time.Second, at%time.Second
	return uint32(int64(s)*ClockRate + int64(r)*9/100_000)
}
