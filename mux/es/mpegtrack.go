package es

import (
	"fmt"

	"sigma/mux/flow"
)

const (
	codeUserData     = 0xB2
	extensionDisplay = 2
	pictureB         = 3
)

// mpegTrack follows MPEG-1 and MPEG-2 video. Sequence headers stay in the samples;
// that of the first is no part of the format, so that another quantiser matrix does
// not break the stream.
type mpegTrack struct {
	codec  flow.Codec
	head   []byte // sequence header with its extensions, as it came
	found  mpegSequence
	seen   bool
	bFrame bool
}

func newMPEG1Track() tracker { return &mpegTrack{codec: flow.CodecMPEG1Video} }
func newMPEG2Track() tracker { return &mpegTrack{codec: flow.CodecMPEG2Video} }

// mpegSequence is what a sequence header and its extensions say.
type mpegSequence struct {
	geometry
	extended    bool // MPEG-2
	profile     byte // profile_and_level_indication
	progressive bool
	low         bool // low_delay: no B-pictures
}

func (t *mpegTrack) look(units [][]byte) (news bool) {
	for _, b := range units {
		for i := startCode(b, 0); i >= 0 && i+5 < len(b); i = startCode(b, i+3) {
			switch code := b[i+3]; {
			case code == codeSequence:
				news = t.sequence(b[i:]) || news
			case code == codePicture:
				if b[i+5]>>3&7 == pictureB && !t.bFrame {
					t.bFrame, news = true, true
				}
				return news
			}
		}
	}
	return news
}

// sequence takes the sequence header that b begins with.
func (t *mpegTrack) sequence(b []byte) bool {
	end := len(b)
	for i := startCode(b, 3); i >= 0 && i+3 < len(b); i = startCode(b, i+3) {
		if b[i+3] != codeExtension {
			end = i
			break
		}
	}
	b = b[:min(end, 512)]
	if string(b) == string(t.head) {
		return false
	}
	s, ok := parseMPEG(b)
	if !ok {
		return false
	}
	t.head, t.found, t.seen = append(t.head[:0], b...), s, true
	return true
}

// parseMPEG reads a sequence header with the extensions behind it (ISO/IEC 13818-2
// clauses 6.2.2.1, 6.2.2.3 and 6.2.2.4).
func parseMPEG(b []byte) (s mpegSequence, ok bool) {
	old, ok := parseSequence(b[min(4, len(b)):])
	if !ok || len(b) < 12 {
		return s, false
	}
	s.width, s.height = old.width, old.height
	s.progressive = true
	s.units, s.scale = frameRateRatio(b[7] & 15)
	aspect := b[7] >> 4
	for i := startCode(b, 3); i >= 0 && i+5 < len(b); i = startCode(b, i+3) {
		if b[i+3] != codeExtension {
			continue
		}
		r := bitReader{b: b[i+4:]}
		switch r.bits(4) {
		case extensionSequence:
			s.extended = true
			s.profile = byte(r.bits(8))
			s.progressive = r.bits(1) == 1
			r.skip(2 + 2 + 2 + 12 + 1 + 8)
			s.low = r.bits(1) == 1
			s.scale *= uint64(r.bits(2)) + 1
			s.units *= uint64(r.bits(5)) + 1
		case extensionDisplay:
			r.skip(3)
			if r.bits(1) == 1 && len(b) >= i+8 {
				s.colour = Colour{Primaries: byte(r.bits(8)), Transfer: byte(r.bits(8)), Matrix: byte(r.bits(8))}
			}
		}
	}
	s.aspect(aspect)
	return s, s.valid()
}

// aspect sets the sample aspect ratio from aspect_ratio_information: of MPEG-2 that of
// the display (ISO/IEC 13818-2 table 6-3), of MPEG-1 pel_aspect_ratio (ISO/IEC 11172-2
// clause 2.4.3.2).
func (s *mpegSequence) aspect(code byte) {
	if !s.extended {
		height := [...]int{0, 10000, 6735, 7031, 7615, 8055, 8437, 8935, 9157, 9815, 10255, 10695, 10950, 11575, 12015, 0}[code&15]
		s.sarNum, s.sarDen = 10000, height
		return
	}
	switch code {
	case 2:
		s.sarNum, s.sarDen = 4*s.height, 3*s.width
	case 3:
		s.sarNum, s.sarDen = 16*s.height, 9*s.width
	case 4:
		s.sarNum, s.sarDen = 221*s.height, 100*s.width
	}
}

// frameRateRatio returns what frame_rate_code stands for (ISO/IEC 13818-2 table 6-4).
func frameRateRatio(code byte) (units, scale uint64) {
	if code < 1 || code > 8 {
		return 0, 0
	}
	table := [...][2]uint64{{1001, 24000}, {1, 24}, {1, 25}, {1001, 30000}, {1, 30}, {1, 50}, {1001, 60000}, {1, 60}}
	return table[code-1][0], table[code-1][1]
}

func (t *mpegTrack) format() (f Format, ok bool) {
	if !t.seen {
		return f, false
	}
	s := &t.found
	f = Format{
		Codec: t.codec, RFC6381: fmt.Sprintf("mp4v.%02X", s.objectType()),
		Interlaced: !s.progressive, Reordered: t.bFrame && !s.low,
	}
	s.fill(&f)
	return f, true
}

// objectType returns objectTypeIndication of ISO/IEC 14496-1 table 5 for a profile of
// ISO/IEC 13818-2 table 8-2. The decoder needs no specific information.
func (s *mpegSequence) objectType() byte {
	if !s.extended {
		return 0x6A
	}
	switch {
	case s.profile&0x80 != 0:
		return 0x65 // 4:2:2
	case s.profile>>4 == 5:
		return 0x60 // simple
	case s.profile>>4 == 3:
		return 0x62 // scalable in noise
	case s.profile>>4 == 2:
		return 0x63 // scalable in space
	case s.profile>>4 == 1:
		return 0x64 // high
	}
	return 0x61
}

// depth is 1 where B-pictures are allowed.
func (t *mpegTrack) depth() int {
	if !t.seen || t.found.low {
		return 0
	}
	return 1
}

func (t *mpegTrack) sample(dst []byte, units [][]byte) []byte { return appendUnits(dst, units) }
