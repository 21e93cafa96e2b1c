// Package pes owns the PES packet of ISO/IEC 13818-1 clause 2.4.3.6: its header,
// its reassembly from transport packets, and its cutting into them.
//
// It refuses to know what the payload is (mux/es) and which PIDs carry PES packets
// (mux/psi).
package pes

import (
	"errors"
	"fmt"
)

const (
	prefixSize = 6   // packet_start_code_prefix, stream_id, PES_packet_length
	flagsSize  = 3   // two bytes of flags, PES_header_data_length
	stampSize  = 5   // a coded PTS or DTS
	maxHeader  = 264 // prefix, flags and 255 bytes of header data

	// MaxLength is the largest PES_packet_length.
	MaxLength = 0xFFFF
)

// Stream ids of table 2-22 that need a name here.
const (
	StreamIDPrivate1 = 0xBD // AC-3, subtitles, teletext and most that DVB added
	StreamIDPadding  = 0xBE
	StreamIDPrivate2 = 0xBF
	StreamIDAudio    = 0xC0 // first of 32
	StreamIDVideo    = 0xE0 // first of 16
	StreamIDExtended = 0xFD
)

// Errors of Parse. Both are wrapped with what was found.
var (
	// ErrShort says that the header does not end within the bytes given.
	ErrShort = errors.New("PES header too short")
	// ErrSyntax says that the bytes are no PES header.
	ErrSyntax = errors.New("not a PES header")
)

// Header is the part of a PES header that this product reads and writes. The
// header may hold more (ESCR, rate, CRC, extension): Parse passes over it.
type Header struct {
	StreamID   uint8
	Length     int   // PES_packet_length: bytes after that field; 0 is unbounded, for video only
	Size       int   // bytes from the start code prefix to the payload, stuffing included; set by Parse
	Scrambling uint8 // PES_scrambling_control, 0 to 3; 0 is in the clear
	Alignment  bool  // data_alignment_indicator: the payload begins with an access unit
	HasPTS     bool
	HasDTS     bool   // only together with HasPTS
	PTS, DTS   uint64 // 90 kHz, 33 bits, as on the wire
}

// Bare reports whether packets of a stream id have no header but its first six
// bytes (clause 2.4.3.7): padding, private_stream_2, ECM, EMM and their like.
func Bare(streamID uint8) bool {
	switch streamID {
	case 0xBC, StreamIDPadding, StreamIDPrivate2, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF:
		return true
	}
	return false
}

// Parse reads the header that b begins with. It needs the bytes up to the time
// stamps; what follows them in the header may lie beyond b, so Size can be larger
// than len(b).
func Parse(b []byte) (Header, error) {
	if len(b) < prefixSize {
		return Header{}, fmt.Errorf("%w: %d bytes of at least %d", ErrShort, len(b), prefixSize)
	}
	if b[0] != 0 || b[1] != 0 || b[2] != 1 || b[3] < 0xBC {
		return Header{}, fmt.Errorf("%w: begins with % x, want 00 00 01 and a stream id from bc", ErrSyntax, b[:4])
	}
	h := Header{StreamID: b[3], Length: int(b[4])<<8 | int(b[5]), Size: prefixSize}
	if Bare(h.StreamID) {
		return h, nil
	}
	if len(b) < prefixSize+flagsSize {
		return Header{}, fmt.Errorf("%w: %d bytes of at least %d", ErrShort, len(b), prefixSize+flagsSize)
	}
	if b[6]>>6 != 2 {
		return Header{}, fmt.Errorf("%w: flags %#x, want 10 in the two highest bits", ErrSyntax, b[6])
	}
	data := int(b[8])
	h.Size += flagsSize + data
	h.Scrambling = b[6] >> 4 & 3
	h.Alignment = b[6]&4 != 0
	if h.Length > 0 && h.Length < flagsSize+data {
		return Header{}, fmt.Errorf("%w: packet of %d bytes with a header of %d", ErrSyntax, h.Length, flagsSize+data)
	}
	return h, h.stamps(b[prefixSize+flagsSize:], b[7]>>6, data)
}

// stamps reads PTS and DTS as PTS_DTS_flags says from header data of a length.
func (h *Header) stamps(b []byte, flags uint8, data int) error {
	need := 0
	switch flags {
	case 2:
		need = stampSize
	case 3:
		need = 2 * stampSize
	}
	if need > data {
		return fmt.Errorf("%w: time stamps of %d bytes in header data of %d", ErrSyntax, need, data)
	}
	if need > len(b) {
		return fmt.Errorf("%w: time stamps of %d bytes, %d left", ErrShort, need, len(b))
	}
	if need > 0 {
		h.HasPTS, h.PTS = true, stamp(b)
	}
	if need > stampSize {
		h.HasDTS, h.DTS = true, stamp(b[stampSize:])
	}
	return nil
}

// stamp reads 33 bits without insisting on the marker bits, which some encoders
// leave clear.
func stamp(b []byte) uint64 {
	return uint64(b[0]>>1&7)<<30 | uint64(b[1])<<22 | uint64(b[2]>>1)<<15 | uint64(b[3])<<7 | uint64(b[4]>>1)
}

// DecodeTime returns the time stamp to order the packet by: DTS, or PTS where the
// header has no DTS. ok is false if it has neither.
func (h *Header) DecodeTime() (t uint64, ok bool) {
	if h.HasDTS {
		return h.DTS, true
	}
	return h.PTS, h.HasPTS
}

// AppendTo appends the coded header. Length is written as it is; see SetPayload.
// Size and bits that Header does not hold are not taken from h: the header has no
// stuffing.
func (h *Header) AppendTo(dst []byte) []byte {
	dst = append(dst, 0, 0, 1, h.StreamID, byte(h.Length>>8), byte(h.Length))
	if Bare(h.StreamID) {
		return dst
	}
	flags := byte(0x80) | h.Scrambling&3<<4
	if h.Alignment {
		flags |= 4
	}
	switch {
	case h.HasPTS && h.HasDTS:
		dst = append(dst, flags, 0xC0, 2*stampSize)
		dst = appendStamp(dst, 3, h.PTS)
		return appendStamp(dst, 1, h.DTS)
	case h.HasPTS:
		dst = append(dst, flags, 0x80, stampSize)
		return appendStamp(dst, 2, h.PTS)
	}
	return append(dst, flags, 0, 0)
}

func appendStamp(dst []byte, mark byte, t uint64) []byte {
	return append(dst, mark<<4|byte(t>>29)&0x0E|1, byte(t>>22), byte(t>>14)|1, byte(t>>7), byte(t<<1)|1)
}

// SetPayload sets Length for a payload of n bytes: to 0, unbounded, where the packet
// is too long to have its length written, which the standard allows for video only.
func (h *Header) SetPayload(n int) {
	h.Length = len(h.AppendTo(make([]byte, 0, maxHeader))) - prefixSize + n
	if h.Length > MaxLength {
		h.Length = 0
	}
}
