package webrtc

import (
	"slices"

	"sigma/mux/flow"
)

const reasonReordered = "the video has pictures that leave in another order than they come (B-frames), which browsers cannot show over WebRTC: transcode it without B-frames"

// keyFrame reports whether an access unit can be the first one of a decoder.
func keyFrame(c flow.Codec, units [][]byte) bool {
	return slices.ContainsFunc(units, func(u []byte) bool {
		if len(u) == 0 {
			return false
		}
		switch c {
		case flow.CodecH264:
			t := u[0] & 0x1F
			return t == 5 || t == 7
		case flow.CodecHEVC:
			t := u[0] >> 1 & 0x3F
			return t >= 16 && t <= 23
		case flow.CodecAV1:
			return av1Sequence(u)
		case flow.CodecVP9:
			return u[0]>>6 == 2 && u[0]&0x0C == 0
		default:
			return true
		}
	})
}

// av1Sequence reports whether a run of OBUs with size fields holds a sequence header.
func av1Sequence(u []byte) bool {
	for len(u) > 1 {
		if u[0]>>3&15 == 1 {
			return true
		}
		at := 1 + int(u[0]>>2&1)
		if u[0]&2 == 0 {
			return false
		}
		size, shift := 0, 0
		for at < len(u) && shift < 35 {
			b := u[at]
			at++
			size |= int(b&0x7F) << shift
			if shift += 7; b&0x80 == 0 {
				break
			}
		}
		if size > len(u)-at {
			return false
		}
		u = u[at+size:]
	}
	return false
}

// parameterSets keeps the newest parameter sets of H.264 and HEVC for key frames that
// come without.
type parameterSets struct{ sets [3][]byte }

// position returns where a parameter set is kept, or -1.
func (p *parameterSets) position(c flow.Codec, u []byte) int {
	if len(u) == 0 {
		return -1
	}
	switch c {
	case flow.CodecH264:
		if t := u[0] & 0x1F; t == 7 || t == 8 {
			return int(t) - 6
		}
	case flow.CodecHEVC:
		if t := u[0] >> 1 & 0x3F; t >= 32 && t <= 34 {
			return int(t) - 32
		}
	default:
	}
	return -1
}

// complete takes notice of the parameter sets of an access unit and returns it with
// those that a key frame lacks.
func (p *parameterSets) complete(c flow.Codec, units [][]byte, key bool) [][]byte {
	var has [3]bool
	for _, u := range units {
		if i := p.position(c, u); i >= 0 {
			has[i] = true
			if string(p.sets[i]) != string(u) {
				p.sets[i] = slices.Clone(u)
			}
		}
	}
	if !key {
		return units
	}
	var lacking [][]byte
	for i, s := range p.sets {
		if !has[i] && s != nil {
			lacking = append(lacking, s)
		}
	}
	if lacking == nil {
		return units
	}
	return append(lacking, units...)
}

// h264Profile returns profile_idc and the constraint flags of the newest SPS.
func (p *parameterSets) h264Profile() (profile [2]byte, ok bool) {
	if s := p.sets[1]; len(s) > 3 {
		return [2]byte{s[1], s[2]}, true
	}
	return profile, false
}
