package rtp

import (
	"encoding/binary"
	"time"
)

// Types of RTCP packet (RFC 3550 clause 12.1, RFC 4585 clause 6.1).
const (
	rtcpSR   = 200
	rtcpRR   = 201
	rtcpSDES = 202
	rtcpBYE  = 203
	rtcpRTP  = 205 // transport layer feedback
	rtcpPS   = 206 // payload-specific feedback
)

// Report is a reception report block (RFC 3550 clause 6.4.1).
type Report struct {
	SSRC     uint32 // of the stream it is about
	Lost     uint8  // fraction of the packets lost since the report before, in 1/256
	Highest  uint32 // extended highest sequence number received
	Jitter   uint32 // in units of the RTP clock
	LSR      uint32 // middle bits of the NTP time of the last SR, 0 for none
	DelaySR  uint32 // time since that SR came, in 1/65536 s
	Lifetime uint32 // packets lost since the begin, 24 bits, signed
}

// Arrival is what transport-wide feedback says of one packet.
type Arrival struct {
	Sequence uint16 // transport-wide
	Received bool
	At       time.Duration // on the clock of the receiver, if Received; only differences count
}

// Feedback takes what a receiver tells its sender. A nil function is not called.
type Feedback struct {
	Report   func(Report)
	Lost     func(ssrc uint32, sequence uint16) // generic NACK (RFC 4585 clause 6.2.1)
	Refresh  func(ssrc uint32)                  // PLI or FIR: a key frame is wished
	Bitrate  func(bitsPerSecond uint64)         // REMB
	Arrivals func([]Arrival)                    // transport-cc; the slice is lent
	Bye      func()

	arrivals []Arrival // scratch
}

// maxArrivals bounds the packets of one transport-cc message that count.
const maxArrivals = 2048

// Parse reads a compound RTCP packet, decrypted. What is malformed ends it; what came
// before has been told. It reports whether all of b made sense. It does not allocate
// once it is warm.
func (f *Feedback) Parse(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return false
		}
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if size > len(b) {
			return false
		}
		p := b[:size]
		b = b[size:]
		if p[0]&0x20 != 0 {
			pad := int(p[size-1])
			if pad == 0 || pad > size-4 {
				return false
			}
			p = p[:size-pad]
		}
		if !f.packet(p) {
			return false
		}
	}
	return true
}

func (f *Feedback) packet(p []byte) bool {
	count := int(p[0] & 0x1F)
	switch p[1] {
	case rtcpSR:
		return f.reports(p, 28, count)
	case rtcpRR:
		return f.reports(p, 8, count)
	case rtcpBYE:
		if f.Bye != nil {
			f.Bye()
		}
	case rtcpRTP:
		switch {
		case len(p) < 12:
			return false
		case count == 1:
			f.nack(p)
		case count == 15:
			return f.transport(p)
		}
	case rtcpPS:
		return f.payload(p, count)
	}
	return true
}

func (f *Feedback) reports(p []byte, at, count int) bool {
	if len(p) < at+24*count {
		return false
	}
	for ; count > 0 && f.Report != nil; count-- {
		r := p[at : at+24]
		f.Report(Report{
			SSRC: binary.BigEndian.Uint32(r), Lost: r[4], Lifetime: binary.BigEndian.Uint32(r[4:]) & 0xFFFFFF,
			Highest: binary.BigEndian.Uint32(r[8:]), Jitter: binary.BigEndian.Uint32(r[12:]),
			LSR: binary.BigEndian.Uint32(r[16:]), DelaySR: binary.BigEndian.Uint32(r[20:]),
		})
		at += 24
	}
	return true
}

func (f *Feedback) nack(p []byte) {
	if f.Lost == nil {
		return
	}
	ssrc := binary.BigEndian.Uint32(p[8:])
	for e := p[12:]; len(e) >= 4; e = e[4:] {
		seq, mask := binary.BigEndian.Uint16(e), binary.BigEndian.Uint16(e[2:])
		f.Lost(ssrc, seq)
		for i := uint16(1); mask != 0; i, mask = i+1, mask>>1 {
			if mask&1 != 0 {
				f.Lost(ssrc, seq+i)
			}
		}
	}
}

func (f *Feedback) payload(p []byte, format int) bool {
	if len(p) < 12 {
		return false
	}
	switch format {
	case 1: // PLI, RFC 4585 clause 6.3.1
		if f.Refresh != nil {
			f.Refresh(binary.BigEndian.Uint32(p[8:]))
		}
	case 4: // FIR, RFC 5104 clause 4.3.1
		for e := p[12:]; len(e) >= 8 && f.Refresh != nil; e = e[8:] {
			f.Refresh(binary.BigEndian.Uint32(e))
		}
	case 15: // REMB
		if len(p) < 20 || string(p[12:16]) != "REMB" || f.Bitrate == nil {
			return true
		}
		exponent, mantissa := p[17]>>2, uint64(p[17]&3)<<16|uint64(binary.BigEndian.Uint16(p[18:]))
		if exponent < 46 {
			f.Bitrate(mantissa << exponent)
		}
	}
	return true
}

// transport reads a transport-cc message (draft-holmer-rmcat-transport-wide-cc-
// extensions-01 clause 3.1).
func (f *Feedback) transport(p []byte) bool {
	if len(p) < 20 {
		return false
	}
	base, count := binary.BigEndian.Uint16(p[12:]), int(binary.BigEndian.Uint16(p[14:]))
	reference := int32(binary.BigEndian.Uint32(p[16:])) >> 8
	if count > maxArrivals {
		return false
	}
	f.arrivals = f.arrivals[:0]
	at := 20
	for len(f.arrivals) < count {
		if at+2 > len(p) {
			return false
		}
		chunk := binary.BigEndian.Uint16(p[at:])
		at += 2
		f.chunk(chunk, base, count)
	}
	now := time.Duration(reference) * 64 * time.Millisecond
	for i := range f.arrivals {
		a := &f.arrivals[i]
		step := int(a.At)
		a.At = 0
		switch step {
		case 1:
			if at+1 > len(p) {
				return false
			}
			now += time.Duration(p[at]) * 250 * time.Microsecond
			at++
		case 2:
			if at+2 > len(p) {
				return false
			}
			now += time.Duration(int16(binary.BigEndian.Uint16(p[at:]))) * 250 * time.Microsecond
			at += 2
		default:
			continue
		}
		a.Received, a.At = true, now
	}
	if f.Arrivals != nil {
		f.Arrivals(f.arrivals)
	}
	return true
}

// chunk expands a packet status chunk: the width of the delta of each packet goes to At
// until the deltas are read.
func (f *Feedback) chunk(chunk, base uint16, count int) {
	add := func(symbol uint16) {
		if n := len(f.arrivals); n < count {
			f.arrivals = append(f.arrivals, Arrival{Sequence: base + uint16(n), At: time.Duration(symbol)})
		}
	}
	switch {
	case chunk&0x8000 == 0: // a run
		for range chunk & 0x1FFF {
			add(chunk >> 13 & 3)
		}
		if chunk&0x1FFF == 0 {
			add(0) // makes no sense, but must come to an end
		}
	case chunk&0x4000 == 0: // 14 of one bit
		for i := 13; i >= 0; i-- {
			add(chunk >> i & 1)
		}
	default: // 7 of two bits
		for i := 12; i >= 0; i -= 2 {
			add(chunk >> i & 3)
		}
	}
}

// SenderReport is what AppendTo writes (RFC 3550 clause 6.4.1).
type SenderReport struct {
	SSRC      uint32
	NTP       uint64 // seconds since 1900 in the upper 32 bits, their fraction below
	Timestamp uint32 // of the same moment, on the clock of the stream
	Packets   uint32
	Octets    uint32 // of payload
	Name      string // CNAME, at most 255 bytes
}

// AppendTo appends a compound packet of SR and SDES with CNAME (clause 6.1).
func (s SenderReport) AppendTo(b []byte) []byte {
	b = append(b, 2<<6, rtcpSR, 0, 6)
	b = binary.BigEndian.AppendUint32(b, s.SSRC)
	b = binary.BigEndian.AppendUint64(b, s.NTP)
	b = binary.BigEndian.AppendUint32(b, s.Timestamp)
	b = binary.BigEndian.AppendUint32(b, s.Packets)
	b = binary.BigEndian.AppendUint32(b, s.Octets)
	name := s.Name[:min(len(s.Name), 255)]
	items := 4 + 2 + len(name) + 1
	words := (items + 3) / 4
	b = append(b, 2<<6|1, rtcpSDES, byte(words>>8), byte(words))
	b = binary.BigEndian.AppendUint32(b, s.SSRC)
	b = append(b, 1, byte(len(name)))
	b = append(b, name...)
	return append(b, make([]byte, 4*words-items+1)...)
}

// NTP returns a moment in the form of SenderReport.NTP.
func NTP(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}
