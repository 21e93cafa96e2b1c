// Package ts owns the transport stream packet of ISO/IEC 13818-1 clause 2.4.3:
// header, adaptation field, PCR, and the cutting of byte streams into packets.
//
// It works on []byte of 188 in place and keeps no packet. It refuses everything
// above the packet: sections are in mux/psi, PES packets in mux/pes.
package ts

import (
	"encoding/binary"

	"sigma/mux/flow"
)

const (
	// PacketSize is the length of a transport packet in bytes.
	PacketSize = flow.PacketSize
	// Sync is the sync_byte every packet begins with.
	Sync = 0x47
	// NullPID is the PID of null packets, which carry nothing and may be dropped.
	NullPID = 0x1FFF
	// MaxPayload is the room for payload in a packet without adaptation field, in
	// bytes.
	MaxPayload = PacketSize - headerSize

	headerSize = 4
)

// The functions below take one packet, a slice of at least PacketSize bytes, and
// panic if it is shorter. They read the header as it is: whether the sync byte is
// right and transport_error_indicator is clear is for the caller to ask first.

// PID returns the packet identifier, 0 to 0x1FFF.
func PID(p []byte) uint16 { return binary.BigEndian.Uint16(p[1:3]) & 0x1FFF }

// SetPID writes the packet identifier.
func SetPID(p []byte, pid uint16) {
	p[1] = p[1]&0xE0 | byte(pid>>8)&0x1F
	p[2] = byte(pid)
}

// TEI returns transport_error_indicator: the packet holds at least one bit error
// that could not be corrected, and no field of it can be trusted.
func TEI(p []byte) bool { return p[1]&0x80 != 0 }

// PUSI returns payload_unit_start_indicator: a PES packet begins at the first byte
// of the payload, or a section begins in it.
func PUSI(p []byte) bool { return p[1]&0x40 != 0 }

// Scrambling returns transport_scrambling_control, 0 to 3; 0 is in the clear.
func Scrambling(p []byte) uint8 { return p[3] >> 6 }

// AFC returns adaptation_field_control: 1 payload only, 2 adaptation field only,
// 3 both, 0 reserved.
func AFC(p []byte) uint8 { return p[3] >> 4 & 3 }

// HasPayload reports whether adaptation_field_control announces payload. The
// continuity counter counts just these packets.
func HasPayload(p []byte) bool { return p[3]&0x10 != 0 }

// CC returns the continuity counter, 0 to 15.
func CC(p []byte) uint8 { return p[3] & 0x0F }

// SetCC writes the low four bits of cc as the continuity counter.
func SetCC(p []byte, cc uint8) { p[3] = p[3]&0xF0 | cc&0x0F }

// Payload returns the payload as a sub-slice of p, or nil if there is none or if
// the length of the adaptation field does not fit the packet.
func Payload(p []byte) []byte {
	switch AFC(p) {
	case 1:
		return p[headerSize:PacketSize:PacketSize]
	case 3:
		if n := headerSize + 1 + int(p[4]); n < PacketSize {
			return p[n:PacketSize:PacketSize]
		}
	}
	return nil
}

// AdaptationField returns the bytes that follow adaptation_field_length, flags
// first, as a sub-slice of p. It is nil if there is no adaptation field, and if its
// length does not fit the packet: 183 without payload, at most 182 with it (clause
// 2.4.3.5). A field of length 0, one byte of stuffing, is empty but not nil.
func AdaptationField(p []byte) []byte {
	n := int(p[4])
	switch AFC(p) {
	case 2:
		if n != PacketSize-headerSize-1 {
			return nil
		}
	case 3:
		if n > PacketSize-headerSize-2 {
			return nil
		}
	default:
		return nil
	}
	return p[headerSize+1 : headerSize+1+n : headerSize+1+n]
}

// Flags of the adaptation field, clause 2.4.3.4.
const (
	flagDiscontinuity = 0x80
	flagRandomAccess  = 0x40
	flagPCR           = 0x10
)

func afFlag(p []byte, flag byte) bool {
	af := AdaptationField(p)
	return len(af) > 0 && af[0]&flag != 0
}

// DiscontinuityIndicator returns discontinuity_indicator: the time base (on the PCR
// PID) or the continuity counter breaks here, and this is no error.
func DiscontinuityIndicator(p []byte) bool { return afFlag(p, flagDiscontinuity) }

// SetDiscontinuityIndicator writes discontinuity_indicator. It reports false, and
// changes nothing, if the packet has no adaptation field to hold it.
func SetDiscontinuityIndicator(p []byte, on bool) bool {
	af := AdaptationField(p)
	if len(af) == 0 {
		return false
	}
	if af[0] &^= flagDiscontinuity; on {
		af[0] |= flagDiscontinuity
	}
	return true
}

// RandomAccessIndicator returns random_access_indicator: the next PES packet of the
// PID begins with a point where a decoder can start.
func RandomAccessIndicator(p []byte) bool { return afFlag(p, flagRandomAccess) }
