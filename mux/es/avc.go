package es

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"sigma/mux/flow"
)

const (
	h264EndOfSequence = 10
	h264EndOfStream   = 11
	h264Filler        = 12
	h264SPSExtension  = 13
	h264Prefix        = 14
	h264SubsetSPS     = 15
	h264Extension     = 20
	h264Extension3D   = 21
)

// parameterSet is a parameter set of H.264 or HEVC as it came.
type parameterSet struct {
	nal    []byte // own copy; nil: none with this id yet
	parent uint32 // id of the set it refers to
}

// store keeps a copy of a parameter set, and reports whether it is new.
func (p *parameterSet) store(nal []byte, parent uint32) bool {
	if string(p.nal) == string(nal) {
		return false
	}
	p.nal, p.parent = append([]byte(nil), nal...), parent
	return true
}

// maxParameterSet is the largest parameter set that a configuration record can hold
// (ISO/IEC 14496-15 clause 5.3.3.1.2).
const maxParameterSet = 65535

// avcTrack follows H.264.
type avcTrack struct {
	sps    [32]parameterSet
	pps    [256]parameterSet
	active int // id of the SPS that the newest picture uses, -1 before the first
	parsed h264.SPS
	bSlice bool // seen with this SPS
}

func newAVCTrack() tracker { return &avcTrack{active: -1} }

func (t *avcTrack) look(units [][]byte) (news bool) {
	renewed := -1 // id of an SPS with a new content
	for _, nal := range units {
		switch h264Type(nal) {
		case h264SPS:
			if id, ok := t.takeSPS(nal); ok {
				renewed, news = id, true
			}
		case h264PPS:
			news = t.takePPS(nal, &renewed) || news
		case h264Slice, h264PartitionA, h264IDR:
			return t.slice(nal) || news
		}
	}
	return news
}

// takeSPS keeps an SPS and returns its id if it is new.
func (t *avcTrack) takeSPS(nal []byte) (id int, ok bool) {
	if len(nal) < 5 || len(nal) > maxParameterSet {
		return 0, false
	}
	r := bitReader{b: unescape(nal[4:], 8)}
	n := r.ue()
	if r.short || n >= uint32(len(t.sps)) || !t.sps[n].store(nal, 0) {
		return 0, false
	}
	if int(n) == t.active {
		t.active = -1 // to be activated anew
	}
	return int(n), true
}

// takePPS keeps a PPS. The first one after a new SPS drops those that refer to the
// old one.
func (t *avcTrack) takePPS(nal []byte, renewed *int) bool {
	if len(nal) < 2 || len(nal) > maxParameterSet {
		return false
	}
	r := bitReader{b: unescape(nal[1:], 16)}
	id, sps := r.ue(), r.ue()
	if r.short || id >= uint32(len(t.pps)) || sps >= uint32(len(t.sps)) {
		return false
	}
	if int(sps) == *renewed {
		for i := range t.pps {
			if t.pps[i].nal != nil && t.pps[i].parent == sps {
				t.pps[i] = parameterSet{}
			}
		}
		*renewed = -1
	}
	return t.pps[id].store(nal, sps)
}

// slice activates what the first slice of a picture refers to.
func (t *avcTrack) slice(nal []byte) (news bool) {
	r := bitReader{b: unescape(nal[1:], 12)}
	r.ue() // first_mb_in_slice
	kind, pps := r.ue()%5, r.ue()
	if r.short || pps >= uint32(len(t.pps)) || t.pps[pps].nal == nil {
		return false
	}
	if id := int(t.pps[pps].parent); id != t.active && t.sps[id].nal != nil {
		var s h264.SPS
		if s.Unmarshal(t.sps[id].nal) != nil || s.Width() <= 0 || s.Height() <= 0 {
			return false
		}
		t.active, t.parsed, t.bSlice = id, s, false
		news = true
	}
	if kind == 1 && !t.bSlice {
		t.bSlice, news = true, true
	}
	return news
}

func (t *avcTrack) format() (f Format, ok bool) {
	if t.active < 0 {
		return f, false
	}
	s, nal := &t.parsed, t.sps[t.active].nal
	f = Format{
		Codec:   flow.CodecH264,
		RFC6381: fmt.Sprintf("avc1.%02x%02x%02x", nal[1], nal[2], nal[3]),
		Width:   s.Width(), Height: s.Height(), SARNum: 1, SARDen: 1,
		Interlaced: !s.FrameMbsOnlyFlag,
		Reordered:  t.bSlice,
	}
	f.Record, ok = t.record()
	return f, ok
}

// record returns the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 clause 5.3.3.1).
func (t *avcTrack) record() ([]byte, bool) {
	s, nal := &t.parsed, t.sps[t.active].nal
	b := []byte{1, nal[1], nal[2], nal[3], 0xFC | 3, 0xE0 | 1}
	b = appendShort(b, nal)
	count := len(b)
	b = append(b, 0)
	for i := range t.pps {
		if p := &t.pps[i]; p.nal != nil && int(p.parent) == t.active && b[count] < 255 {
			b = appendShort(b, p.nal)
			b[count]++
		}
	}
	switch s.ProfileIdc {
	case 66, 77, 88:
	default:
		b = append(b, 0xFC|byte(s.ChromaFormatIdc), 0xF8|byte(s.BitDepthLumaMinus8), 0xF8|byte(s.BitDepthChromaMinus8), 0)
	}
	return b, b[count] > 0
}

// appendShort appends b behind its length in 16 bits.
func appendShort(dst, b []byte) []byte {
	return append(append(dst, byte(len(b)>>8), byte(len(b))), b...)
}

// appendNAL appends a NAL unit behind its length in 32 bits.
func appendNAL(dst, nal []byte) []byte {
	n := len(nal)
	return append(append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), nal...)
}

func (t *avcTrack) sample(dst []byte, units [][]byte) []byte {
	for _, nal := range units {
		switch h264Type(nal) {
		case 0, h264SPS, h264PPS, h264AUD, h264EndOfSequence, h264EndOfStream, h264Filler,
			h264SPSExtension, h264Prefix, h264SubsetSPS, h264Extension, h264Extension3D:
		default:
			dst = appendNAL(dst, nal)
		}
	}
	return dst
}
