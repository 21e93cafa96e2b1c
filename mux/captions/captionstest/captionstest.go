// Package captionstest makes closed captions (ANSI/CTA-608, CTA-708): for tests.
package captionstest

import (
	"math/bits"

	"sigma/mux/es"
)

// Channel is a caption channel of line 21.
type Channel int

func parity(c byte) byte {
	if bits.OnesCount8(c)&1 == 0 {
		c |= 0x80
	}
	return c
}

func (c Channel) pair(a, b byte) es.CaptionPacket {
	p := es.CaptionPacket{Data: [2]byte{parity(a), parity(b)}}
	if c > 2 {
		p.Kind = es.CaptionField2
	}
	return p
}

// Control returns control codes, each twice, given as for CC1: 1420 is RCL.
func (c Channel) Control(codes ...uint16) (out []es.CaptionPacket) {
	for _, code := range codes {
		a := byte(code >> 8)
		if a == 0x14 && code&0xFF < 0x40 && c > 2 {
			a = 0x15
		}
		if c%2 == 0 {
			a |= 8
		}
		out = append(out, c.pair(a, byte(code)), c.pair(a, byte(code)))
	}
	return out
}

// Text returns characters of the basic set.
func (c Channel) Text(s string) (out []es.CaptionPacket) {
	for b := []byte(s); len(b) > 0; b = b[min(2, len(b)):] {
		second := byte(0)
		if len(b) > 1 {
			second = b[1]
		}
		out = append(out, c.pair(b[0], second))
	}
	return out
}

// DTVCC returns one caption channel packet with a service block of up to 31 bytes.
func DTVCC(sequence, service int, data ...byte) []es.CaptionPacket {
	b := append([]byte{0, byte(service<<5 | len(data))}, data...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	b[0] = byte(sequence&3<<6 | len(b)/2)
	out := []es.CaptionPacket{{Kind: es.CaptionDTVCCStart, Data: [2]byte{b[0], b[1]}}}
	for i := 2; i < len(b); i += 2 {
		out = append(out, es.CaptionPacket{Kind: es.CaptionDTVCC, Data: [2]byte{b[i], b[i+1]}})
	}
	return out
}

// Schedule is what pictures carry, by their number.
type Schedule map[int][]es.CaptionPacket

// Add puts packets of line 21 into pictures from one on, a pair into each of a field, and
// those of DTVCC all into that one.
func (s Schedule) Add(from int, packets ...[]es.CaptionPacket) {
	at := from
	for _, list := range packets {
		for _, p := range list {
			if p.Kind >= es.CaptionDTVCC {
				s[from] = append(s[from], p)
				continue
			}
			for taken(s[at], p.Kind) {
				at++
			}
			s[at] = append(s[at], p)
		}
	}
}

func taken(list []es.CaptionPacket, k es.CaptionKind) bool {
	for _, p := range list {
		if p.Kind == k {
			return true
		}
	}
	return false
}

// UserData returns ATSC user data of T.35 with packets (ATSC A/53 part 4), of the fields
// of line 21 first, as it lies in an SEI message.
func UserData(packets []es.CaptionPacket) []byte {
	b := []byte{0xB5, 0, 0x31, 'G', 'A', '9', '4', 3, 0, 0xFF}
	n := 0
	for kind := es.CaptionField1; kind <= es.CaptionDTVCC; kind++ {
		for _, p := range packets {
			if p.Kind == kind || kind == es.CaptionDTVCC && p.Kind > kind {
				b = append(b, 0xFC|byte(p.Kind), p.Data[0], p.Data[1])
				n++
			}
		}
	}
	b[8] = 0xC0 | byte(n)
	return append(b, 0xFF)
}

// SEI returns a NAL unit of H.264 with packets.
func SEI(packets []es.CaptionPacket) []byte {
	data := UserData(packets)
	raw := append([]byte{4, byte(len(data))}, data...)
	raw = append(raw, 0x80)
	nal, zeros := []byte{6}, 0
	for _, c := range raw {
		if zeros >= 2 && c <= 3 {
			nal, zeros = append(nal, 3), 0
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		nal = append(nal, c)
	}
	return nal
}
