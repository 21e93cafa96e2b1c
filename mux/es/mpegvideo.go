package es

import "sigma/mux/flow"

// Start codes of ISO/IEC 13818-2 table 6-1.
const (
	codePicture   = 0x00
	codeSliceLast = 0xAF
	codeSequence  = 0xB3
	codeExtension = 0xB5
	codeEnd       = 0xB7
	codeGroup     = 0xB8

	extensionSequence = 1
	extensionPicture  = 8
	pictureI          = 1
	structureFrame    = 3
)

// sequence is what sequence header and sequence extension say (ISO/IEC 13818-2
// clauses 6.2.2.1 and 6.2.2.3).
type sequence struct {
	width, height int
	rate          float64 // frames per second, 0 if forbidden or reserved
	interlaced    bool
}

// parseSequence reads the sequence header that b begins with, after its start code,
// and the extension that follows it. An MPEG-1 sequence has none.
func parseSequence(b []byte) (s sequence, ok bool) {
	if len(b) < 8 {
		return s, false
	}
	s.width = int(b[0])<<4 | int(b[1])>>4
	s.height = int(b[1]&15)<<8 | int(b[2])
	s.rate = frameRate(b[3] & 15)
	i := startCode(b, 0)
	if i >= 0 && i+9 < len(b) && b[i+3] == codeExtension && b[i+4]>>4 == extensionSequence {
		e := b[i+4:]
		s.interlaced = e[1]&8 == 0
		s.width |= (int(e[1]&1)<<1 | int(e[2])>>7) << 12
		s.height |= int(e[2]>>5&3) << 12
		s.rate *= float64(e[5]>>5&3+1) / float64(e[5]&31+1)
	}
	return s, s.width > 0 && s.height > 0
}

// frameRate returns what frame_rate_code stands for (ISO/IEC 13818-2 table 6-4).
func frameRate(code byte) float64 {
	switch code {
	case 1:
		return 24000. / 1001
	case 2:
		return 24
	case 3:
		return 25
	case 4:
		return 30000. / 1001
	case 5:
		return 30
	case 6:
		return 50
	case 7:
		return 60000. / 1001
	case 8:
		return 60
	}
	return 0
}

func mpegVideoDetail(head []byte) string {
	for i := startCode(head, 0); i >= 0 && i+3 < len(head); i = startCode(head, i+3) {
		if head[i+3] != codeSequence {
			continue
		}
		if s, ok := parseSequence(head[i+4:]); ok {
			return videoFormat(s.width, s.height, s.interlaced, s.rate)
		}
	}
	return ""
}

func mpegVideoAccess(head []byte) Access {
	seq := false
	for i := startCode(head, 0); i >= 0 && i+5 < len(head); i = startCode(head, i+3) {
		switch c := head[i+3]; {
		case c == codeSequence:
			seq = true
		case c == codePicture:
			if seq && head[i+5]>>3&7 == pictureI {
				return AccessYes
			}
			return AccessNo
		case c <= codeSliceLast:
			return AccessNo
		}
	}
	if seq {
		return AccessLikely
	}
	return AccessUnknown
}

// pictureCutter cuts MPEG-1 and MPEG-2 video into coded frames. Two field pictures
// of one frame stay together.
type pictureCutter struct {
	spans []span
	frame flow.Ticks // period of a frame
}

func newPictureCutter() cutter { return new(pictureCutter) }

func (c *pictureCutter) begins(head []byte) bool {
	i := startCode(head, 0)
	return i >= 0 && i <= 1 && i+3 < len(head) &&
		(head[i+3] == codeSequence || head[i+3] == codeGroup || head[i+3] == codePicture)
}

func (c *pictureCutter) cut(b []byte) []span {
	c.spans = c.spans[:0]
	begin := -1
	sliced, field, second := false, false, false
	for i := startCode(b, 0); i >= 0 && i+3 < len(b); i = startCode(b, i+3) {
		switch code := b[i+3]; {
		case code == codePicture && sliced && field:
			sliced, field, second = false, false, true
		case code == codePicture, code == codeGroup, code == codeSequence:
			if sliced {
				c.add(b, begin, i, false)
			}
			if sliced || begin < 0 {
				begin, sliced, field, second = i, false, false, false
			}
			if code == codeSequence {
				c.sequence(b[i+4:])
			}
		case code == codeExtension && !sliced && !second && i+6 < len(b) && b[i+4]>>4 == extensionPicture:
			field = b[i+6]&3 != structureFrame
		case code > codePicture && code <= codeSliceLast:
			sliced = begin >= 0
		}
	}
	if begin >= 0 {
		c.add(b, begin, len(b), true)
	}
	return c.spans
}

func (c *pictureCutter) sequence(b []byte) {
	if s, ok := parseSequence(b); ok && s.rate > 0 {
		c.frame = flow.Ticks(flow.TicksPerSecond / s.rate)
	}
}

func (c *pictureCutter) add(b []byte, begin, end int, open bool) {
	c.spans = append(c.spans, span{
		begin: begin, end: end, open: open,
		units:  [][]byte{b[begin:end:end]},
		access: mpegVideoAccess(b[begin:end]) == AccessYes,
	})
}

func (c *pictureCutter) period(span) flow.Ticks { return c.frame }

func mpegVideoUnitAccess(units [][]byte) bool {
	return len(units) > 0 && mpegVideoAccess(units[0]) == AccessYes
}
