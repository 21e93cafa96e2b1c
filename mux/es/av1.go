package es

import (
	"fmt"

	"sigma/mux/flow"
)

// obu_type of the AV1 specification, clause 6.2.2.
const (
	obuSequence  = 1
	obuDelimiter = 2
	obuHeader    = 3
	obuMetadata  = 5
	obuFrame     = 6
	obuRedundant = 7
	obuTileList  = 8
	obuPadding   = 15
)

// obu is an open bitstream unit.
type obu struct {
	kind   byte
	header []byte // one byte, two with an extension
	body   []byte // still escaped in the form with start codes
}

// readOBU reads an OBU of the low-overhead form (AV1 clause 5.2), which needs its
// size, and returns its length in bytes, 0 if there is none.
func readOBU(b []byte) (o obu, size int) {
	if len(b) < 2 || b[0]&0x81 != 0 || b[0]&2 == 0 {
		return o, 0
	}
	head := 1 + int(b[0]>>2&1)
	n, used := leb128(b[min(head, len(b)):])
	if used == 0 || n > len(b)-head-used {
		return o, 0
	}
	return obu{b[0] >> 3 & 15, b[:head:head], b[head+used : head+used+n]}, head + used + n
}

// leb128 reads a number of AV1 clause 4.10.5. used is 0 if it does not end or is too
// large for anything.
func leb128(b []byte) (v, used int) {
	for i := range min(len(b), 5) {
		v |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

func appendLEB128(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// coded reports whether b has the form with start codes (Carriage of AV1 in MPEG-2 TS,
// clause 3.2): no OBU of the other form begins with a zero byte.
func coded(b []byte) bool { return len(b) > 0 && b[0] == 0 }

// obus calls f for every OBU of b, in either form, with its position, until f returns
// false. It returns where what it understands ends.
func obus(b []byte, f func(at int, o obu) bool) (end int) {
	if coded(b) {
		nalus(b, func(at int, nal []byte, _ bool) bool {
			if len(nal) == 0 || nal[0]&0x80 != 0 {
				return true
			}
			head := min(1+int(nal[0]>>2&1), len(nal))
			o := obu{nal[0] >> 3 & 15, nal[:head:head], nal[head:]}
			if nal[0]&2 != 0 { // the size counts without escapes, and the start code tells it too
				_, used := leb128(o.body)
				o.body = o.body[used:]
			}
			return f(at, o)
		})
		return len(b)
	}
	for end < len(b) {
		o, size := readOBU(b[end:])
		if size == 0 || !f(end, o) {
			break
		}
		end += size
	}
	return end
}

// av1Sequence is what a sequence header says (AV1 clause 5.5).
type av1Sequence struct {
	geometry
	profile, level, tier byte
	high, twelve, mono   bool
	subX, subY, position byte
	reduced              bool // reduced_still_picture_header
}

func parseAV1(b []byte) (s av1Sequence, ok bool) {
	r := bitReader{b: b}
	s.profile = byte(r.bits(3))
	r.bits(1)
	if s.reduced = r.bits(1) == 1; s.reduced {
		s.level = byte(r.bits(5))
	} else {
		s.operatingPoints(&r)
	}
	w, h := int(r.bits(4))+1, int(r.bits(4))+1
	s.width, s.height = int(r.bits(w))+1, int(r.bits(h))+1
	if !s.reduced && r.bits(1) == 1 { // frame_id_numbers_present_flag
		r.skip(7)
	}
	r.skip(3)
	if !s.reduced {
		s.tools(&r)
	}
	r.skip(3)
	s.colours(&r)
	r.bits(1) // film_grain_params_present
	return s, !r.short && s.profile <= 2 && s.valid()
}

// operatingPoints reads up to what is said of each operating point; the first counts.
func (s *av1Sequence) operatingPoints(r *bitReader) {
	model, delayBits := false, 0
	if r.bits(1) == 1 { // timing_info_present_flag
		units, scale := uint64(r.bits(32)), uint64(r.bits(32))
		if r.bits(1) == 1 { // equal_picture_interval
			s.units, s.scale = units*(uint64(r.ue())+1), scale
		}
		if model = r.bits(1) == 1; model {
			delayBits = int(r.bits(5)) + 1
			r.skip(32 + 5 + 5)
		}
	}
	display := r.bits(1) == 1
	for i := range r.bits(5) + 1 {
		r.skip(12)
		level, tier := byte(r.bits(5)), byte(0)
		if level > 7 {
			tier = byte(r.bits(1))
		}
		if i == 0 {
			s.level, s.tier = level, tier
		}
		if model && r.bits(1) == 1 {
			r.skip(2*delayBits + 1)
		}
		if display && r.bits(1) == 1 {
			r.skip(4)
		}
	}
}

// tools skips what turns coding tools on.
func (s *av1Sequence) tools(r *bitReader) {
	r.skip(4)
	order := r.bits(1) == 1
	if order {
		r.skip(2)
	}
	screen := r.bits(1) == 1 // seq_choose_screen_content_tools
	if !screen {
		screen = r.bits(1) == 1 // seq_force_screen_content_tools
	}
	if screen && r.bits(1) == 0 { // seq_choose_integer_mv
		r.skip(1)
	}
	if order {
		r.skip(3)
	}
}

// colours reads color_config (AV1 clause 5.5.2).
func (s *av1Sequence) colours(r *bitReader) {
	s.high = r.bits(1) == 1
	s.twelve = s.profile == 2 && s.high && r.bits(1) == 1
	s.mono = s.profile != 1 && r.bits(1) == 1
	s.colour = Colour{Primaries: 2, Transfer: 2, Matrix: 2}
	if r.bits(1) == 1 {
		s.colour = Colour{Primaries: byte(r.bits(8)), Transfer: byte(r.bits(8)), Matrix: byte(r.bits(8))}
	}
	c := &s.colour
	s.subX, s.subY = 1, 1
	switch {
	case s.mono:
		c.FullRange = r.bits(1) == 1
		return
	case c.Primaries == 1 && c.Transfer == 13 && c.Matrix == 0: // sRGB
		c.FullRange, s.subX, s.subY = true, 0, 0
	default:
		c.FullRange = r.bits(1) == 1
		switch {
		case s.profile == 1:
			s.subX, s.subY = 0, 0
		case s.profile == 2 && s.twelve:
			if s.subX = byte(r.bits(1)); s.subX == 1 {
				s.subY = byte(r.bits(1))
			} else {
				s.subY = 0
			}
		case s.profile == 2:
			s.subY = 0
		}
		if s.subX == 1 && s.subY == 1 {
			s.position = byte(r.bits(2))
		}
	}
	r.bits(1) // separate_uv_delta_q
}

// bitDepth returns the bits of a sample.
func (s *av1Sequence) bitDepth() int {
	switch {
	case s.twelve:
		return 12
	case s.high:
		return 10
	}
	return 8
}

// String returns the codecs parameter (AV1 in ISOBMFF clause 5). The part on colours
// is left out where it says what is meant without it.
func (s *av1Sequence) String() string {
	tier := 'M'
	if s.tier == 1 {
		tier = 'H'
	}
	str := fmt.Sprintf("av01.%d.%02d%c.%02d", s.profile, s.level, tier, s.bitDepth())
	c := s.colour
	plain := c.Primaries == 2 && c.Transfer == 2 && c.Matrix == 2 || c.Primaries == 1 && c.Transfer == 1 && c.Matrix == 1
	if plain && !c.FullRange && !s.mono && s.subX == 1 && s.subY == 1 {
		return str
	}
	mono, full := 0, 0
	if s.mono {
		mono = 1
	}
	if c.FullRange {
		full = 1
	}
	return str + fmt.Sprintf(".%d.%d%d%d.%02d.%02d.%02d.%d", mono, s.subX, s.subY, s.position, c.Primaries, c.Transfer, c.Matrix, full)
}

// av1Track follows AV1.
type av1Track struct {
	head []byte // body of the sequence header
	seq  av1Sequence
}

func newAV1Track() tracker { return new(av1Track) }

func (t *av1Track) look(units [][]byte) (news bool) {
	for _, u := range units {
		escaped := coded(u)
		obus(u, func(_ int, o obu) bool {
			if o.kind != obuSequence {
				return o.kind != obuFrame && o.kind != obuHeader
			}
			body := o.body
			if escaped {
				body = unescape(body, maxParameterSet)
			}
			if string(body) == string(t.head) || len(body) > maxParameterSet {
				return true
			}
			if s, ok := parseAV1(body); ok {
				t.head, t.seq, news = append([]byte(nil), body...), s, true
			}
			return true
		})
	}
	return news
}

func (t *av1Track) format() (f Format, ok bool) {
	if t.head == nil {
		return f, false
	}
	f = Format{Codec: flow.CodecAV1, RFC6381: t.seq.String(), Record: t.record()}
	t.seq.fill(&f)
	return f, true
}

// record returns the AV1CodecConfigurationRecord (AV1 in ISOBMFF clause 2.3).
func (t *av1Track) record() []byte {
	s := &t.seq
	flag := func(b bool, at int) byte {
		if b {
			return 1 << at
		}
		return 0
	}
	b := []byte{
		0x81, s.profile<<5 | s.level,
		s.tier<<7 | flag(s.high, 6) | flag(s.twelve, 5) | flag(s.mono, 4) | s.subX<<3 | s.subY<<2 | s.position,
		0,
	}
	return appendOBU(b, []byte{obuSequence << 3}, t.head)
}

// appendOBU appends an OBU with its size.
func appendOBU(dst, header, body []byte) []byte {
	at := len(dst)
	dst = append(dst, header...)
	dst[at] |= 2
	return append(appendLEB128(dst, len(body)), body...)
}

// sample returns a temporal unit as AV1 in ISOBMFF clause 2.4 wants it.
func (t *av1Track) sample(dst []byte, units [][]byte) []byte {
	for _, u := range units {
		escaped := coded(u)
		obus(u, func(_ int, o obu) bool {
			switch o.kind {
			case obuDelimiter, obuRedundant, obuTileList, obuPadding:
				return true
			}
			body := o.body
			if escaped {
				body = unescape(body, len(body))
			}
			dst = appendOBU(dst, o.header, body)
			return true
		})
	}
	return dst
}

// av1Shown reads the begin of a frame header (AV1 clause 5.9.2): whether the frame is
// a key frame, and whether it is shown.
func av1Shown(o obu) (key, shown bool) {
	if len(o.body) == 0 {
		return false, false
	}
	b := o.body[0]
	if b&0x80 != 0 { // show_existing_frame
		return false, true
	}
	return b>>5&3 == 0, b&0x10 != 0
}

func av1Access(head []byte) Access {
	seq, verdict := false, AccessUnknown
	obus(head, func(_ int, o obu) bool {
		switch o.kind {
		case obuSequence:
			seq = true
		case obuFrame, obuHeader:
			verdict = AccessNo
			if key, shown := av1Shown(o); seq && key && shown {
				verdict = AccessYes
			}
		}
		return verdict == AccessUnknown
	})
	if verdict == AccessUnknown && seq {
		return AccessLikely
	}
	return verdict
}

func av1UnitAccess(units [][]byte) bool {
	return len(units) > 0 && av1Access(units[0]) == AccessYes
}

func av1Detail(head []byte) (detail string) {
	var t av1Track
	if t.look([][]byte{head}); t.head != nil {
		s := &t.seq
		rate := 0.
		if s.units > 0 {
			rate = float64(s.scale) / float64(s.units)
		}
		detail = videoFormat(s.width, s.height, false, rate)
	}
	return detail
}
