package es

import (
	"slices"
	"strconv"

	"sigma/mux/flow"
)

// CaptionKind is cc_type of CTA-708 table 3.
type CaptionKind uint8

// The kinds of caption data.
const (
	CaptionField1     CaptionKind = iota // CEA-608, CC1 and CC2
	CaptionField2                        // CEA-608, CC3, CC4 and XDS
	CaptionDTVCC                         // CEA-708, goes on with a packet
	CaptionDTVCCStart                    // CEA-708, begins a packet
)

// CaptionPacket is the two bytes of one cc_data_pkt that is valid (CTA-708 clause 4.3).
// It is a plain value. The parity bits of CEA-608 are as they came.
type CaptionPacket struct {
	Kind CaptionKind
	Data [2]byte
}

// maxUserData is the largest caption message: 31 packets and their head, with room for
// what else there is in the same NAL unit.
const maxUserData = 4096

// Captions calls emit for every caption packet of an access unit, in the order they
// lie in it. Access units come in decode order: a decoder wants the packets by the
// PTS of their access units, as CaptionQueue gives them.
func (f *Follower) Captions(units [][]byte, emit func(cc CaptionPacket)) {
	captions(f.row.codec, units, emit)
}

func captions(c flow.Codec, units [][]byte, emit func(cc CaptionPacket)) {
	switch c {
	case flow.CodecH264:
		for _, nal := range units {
			if t := h264Type(nal); t == h264SEI {
				seiCaptions(unescape(nal[1:], maxUserData), emit)
			}
		}
	case flow.CodecHEVC:
		for _, nal := range units {
			if t := hevcType(nal); t == hevcPrefixSEI || t == hevcSuffixSEI {
				seiCaptions(unescape(nal[2:], maxUserData), emit)
			}
		}
	case flow.CodecMPEG1Video, flow.CodecMPEG2Video:
		for _, b := range units {
			mpegCaptions(b, emit)
		}
	default:
	}
}

// seiCaptions looks into the user data registered by ITU-T T.35 of SEI messages
// (ANSI/SCTE 128-1 clause 8.1): United States, ATSC.
func seiCaptions(b []byte, emit func(cc CaptionPacket)) {
	for len(b) > 2 {
		var kind, size int
		kind, b = seiNumber(b)
		size, b = seiNumber(b)
		if size > len(b) {
			return
		}
		if m := b[:size]; kind == 4 && size > 3 && m[0] == 0xB5 && m[1] == 0 && m[2] == 0x31 {
			atscCaptions(m[3:], emit)
		}
		b = b[size:]
	}
}

// mpegCaptions looks into the user data of picture headers (ATSC A/53 part 4 clause
// 6.2.3).
func mpegCaptions(b []byte, emit func(cc CaptionPacket)) {
	for i := startCode(b, 0); i >= 0 && i+4 < len(b); i = startCode(b, i+3) {
		switch code := b[i+3]; {
		case code == codeUserData:
			atscCaptions(b[i+4:min(i+4+maxUserData, len(b))], emit)
		case code > codePicture && code <= codeSliceLast: // slices are the bulk
			return
		}
	}
}

// atscCaptions reads ATSC_user_data with cc_data (ATSC A/53 part 4 table 6.7, CTA-708
// table 2).
func atscCaptions(b []byte, emit func(cc CaptionPacket)) {
	if len(b) < 7 || string(b[:4]) != "GA94" || b[4] != 3 || b[5]&0x40 == 0 { // process_cc_data_flag
		return
	}
	count := int(b[5] & 0x1F)
	for b = b[7:]; count > 0 && len(b) >= 3; count, b = count-1, b[3:] {
		if b[0]&4 != 0 { // cc_valid
			emit(CaptionPacket{CaptionKind(b[0] & 3), [2]byte{b[1], b[2]}})
		}
	}
}

// captionScan finds out which channels and services there are.
type captionScan struct {
	channels [4]bool // CC1 to CC4
	services uint64  // bit n: SERVICEn
	packet   []byte  // of DTVCC, as far as it came
	news     bool
}

// look takes the captions of an access unit, and reports whether there were new ones.
func (s *captionScan) look(c flow.Codec, units [][]byte) bool {
	s.news = false
	captions(c, units, s.take)
	return s.news
}

func (s *captionScan) take(cc CaptionPacket) {
	switch cc.Kind {
	case CaptionField1, CaptionField2:
		s.line21(int(cc.Kind), cc.Data[0]&0x7F, cc.Data[1]&0x7F)
	case CaptionDTVCCStart:
		s.packet = append(s.packet[:0], cc.Data[:]...)
		s.dtvcc()
	case CaptionDTVCC:
		if len(s.packet) > 0 {
			s.packet = append(s.packet, cc.Data[:]...)
			s.dtvcc()
		}
	}
}

// line21 takes notice of the control codes that begin captions (CTA-608 clause 6.2).
func (s *captionScan) line21(field int, a, b byte) {
	if a&0x76 != 0x14 {
		return
	}
	switch b {
	case 0x20, 0x25, 0x26, 0x27, 0x29, 0x2F: // RCL, RU2, RU3, RU4, RDC, EOC
		if n := 2*field + int(a>>3&1); !s.channels[n] {
			s.channels[n], s.news = true, true
		}
	}
}

// dtvcc reads the service blocks of a packet once it is whole (CTA-708 clause 5 and 6).
func (s *captionScan) dtvcc() {
	size := 2 * int(s.packet[0]&0x3F)
	if size == 0 {
		size = 128
	}
	if len(s.packet) < size {
		return
	}
	for b := s.packet[1:size]; len(b) > 0; {
		service, length := int(b[0]>>5), int(b[0]&0x1F)
		b = b[1:]
		if service == 7 && length > 0 && len(b) > 0 {
			service = int(b[0] & 0x3F)
			b = b[1:]
		}
		if length == 0 || length > len(b) || service == 0 {
			break
		}
		if s.services>>service&1 == 0 {
			s.services |= 1 << service
			s.news = true
		}
		b = b[length:]
	}
	s.packet = s.packet[:0]
}

// names returns what was found as INSTREAM-ID of RFC 8216 has it, nil if nothing was.
func (s *captionScan) names() (names []string) {
	for i, found := range s.channels {
		if found {
			names = append(names, "CC"+strconv.Itoa(i+1))
		}
	}
	for i := 1; i < 64; i++ {
		if s.services>>i&1 == 1 {
			names = append(names, "SERVICE"+strconv.Itoa(i))
		}
	}
	return names
}

// maxCaptionQueue is how many access units with captions may wait: more than any
// picture buffer.
const maxCaptionQueue = 64

// CaptionQueue brings the caption packets of access units from decode order into
// presentation order. It is for one goroutine; the zero value is ready.
type CaptionQueue struct{ units []captionUnit }

type captionUnit struct {
	pts     flow.Ticks
	packets []CaptionPacket
}

// Push adds the packets of an access unit with the given PTS, which the queue keeps.
func (q *CaptionQueue) Push(pts flow.Ticks, packets []CaptionPacket) {
	if len(packets) == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(q.units, pts, func(u captionUnit, t flow.Ticks) int {
		if u.pts <= t {
			return -1
		}
		return 1
	})
	q.units = slices.Insert(q.units, i, captionUnit{pts, packets})
}

// Pop calls emit, by PTS, for the packets of access units that nothing can come before
// any more when the access unit with the decode time dts has been pushed.
func (q *CaptionQueue) Pop(dts flow.Ticks, emit func(pts flow.Ticks, packets []CaptionPacket)) {
	n := 0
	for n < len(q.units) && (q.units[n].pts <= dts || len(q.units)-n > maxCaptionQueue) {
		emit(q.units[n].pts, q.units[n].packets)
		n++
	}
	q.units = slices.Delete(q.units, 0, n)
}
