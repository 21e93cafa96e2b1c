package es

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"sigma/mux/flow"
)

// vp9Head is what the header of a key frame of VP9 says (VP9 specification clause 6.2).
type vp9Head struct {
	profile, depth, space, subX, subY byte
	full                              bool
	width, height                     int
}

func newVP9Track() tracker { return &headerTrack[vp9Head]{read: readVP9, make: makeVP9} }

func readVP9(units [][]byte) (h vp9Head, ok bool) {
	var p vp9.Header
	if p.Unmarshal(units[0]) != nil || p.NonKeyFrame || p.ColorConfig == nil || p.FrameSize == nil {
		return h, false
	}
	c := p.ColorConfig
	h = vp9Head{profile: p.Profile, depth: c.BitDepth, space: c.ColorSpace, full: c.ColorRange, width: p.Width(), height: p.Height()}
	if c.SubsamplingX {
		h.subX = 1
	}
	if c.SubsamplingY {
		h.subY = 1
	}
	return h, true
}

// makeVP9 makes the body of vpcC, a full box (VP codec in ISOBMFF clause 2.2).
func makeVP9(h vp9Head) (f Format, ok bool) {
	chroma := byte(3) // 4:4:4
	switch {
	case h.subX == 1 && h.subY == 1:
		chroma = 1 // 4:2:0, the samples lie on those of luma
	case h.subX == 1:
		chroma = 2
	}
	c := vp9Colour(h.space)
	c.FullRange = h.full
	full := byte(0)
	if h.full {
		full = 1
	}
	level := vp9Level(h.width * h.height)
	f = Format{
		Codec: flow.CodecVP9, RFC6381: fmt.Sprintf("vp09.%02d.%02d.%02d", h.profile, level, h.depth),
		Record: []byte{1, 0, 0, 0, h.profile, level, h.depth<<4 | chroma<<1 | full, c.Primaries, c.Transfer, c.Matrix, 0, 0},
	}
	if h.profile != 0 || c.Matrix > 2 || h.full {
		f.RFC6381 += fmt.Sprintf(".%02d.%02d.%02d.%02d.%02d", chroma, c.Primaries, c.Transfer, c.Matrix, full)
	}
	g := geometry{width: h.width, height: h.height, colour: c}
	g.fill(&f)
	return f, g.valid()
}

// vp9Colour returns the code points of color_space, which only tells the matrix.
func vp9Colour(space byte) Colour {
	c := Colour{Primaries: 2, Transfer: 2, Matrix: 2}
	switch space {
	case 1:
		c.Matrix = 5
	case 2:
		c.Matrix = 1
	case 3:
		c.Matrix = 6
	case 4:
		c.Matrix = 7
	case 5:
		c.Matrix = 9
	case 7:
		c.Matrix = 0
	}
	return c
}

// vp9Level returns ten times the lowest level for a picture size, at 30 frames per
// second: the bitstream tells no rate.
func vp9Level(luma int) byte {
	for _, l := range [...]struct {
		level      byte
		size, rate int
	}{
		{10, 36864, 829440}, {11, 73728, 2764800}, {20, 122880, 4608000}, {21, 245760, 9216000}, {30, 552960, 20736000},
		{31, 983040, 36864000}, {40, 2228224, 83558400}, {41, 2228224, 160432128}, {50, 8912896, 311951360},
		{51, 8912896, 588251136}, {60, 35651584, 1176502272},
	} {
		if luma <= l.size && luma*30 <= l.rate {
			return l.level
		}
	}
	return 62
}

func vp9Access(head []byte) Access {
	if len(head) < 16 {
		return AccessUnknown
	}
	if _, ok := readVP9([][]byte{head}); ok {
		return AccessYes
	}
	return AccessNo
}

func vp9UnitAccess(units [][]byte) bool {
	return len(units) > 0 && vp9Access(units[0]) == AccessYes
}

func vp9Detail(head []byte) string {
	h, ok := readVP9([][]byte{head})
	if !ok {
		return ""
	}
	return videoFormat(h.width, h.height, false, 0)
}
