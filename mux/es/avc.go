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

// avcTrack follows H.264.
type avcTrack struct {
	sets   parameterSets
	sps    h264.SPS // the active one
	bSlice bool     // seen with this SPS
}

func newAVCTrack() tracker { return &avcTrack{sets: parameterSets{active: -1}} }

func (t *avcTrack) look(units [][]byte) (news bool) {
	renewed := -1
	for _, nal := range units {
		switch h264Type(nal) {
		case h264SPS:
			if len(nal) >= 5 {
				r := bitReader{b: unescape(nal[4:], 8)}
				id := r.ue()
				news = !r.short && t.sets.putSPS(id, nal, 0, &renewed) || news
			}
		case h264PPS:
			r := bitReader{b: unescape(nal[1:], 16)}
			id, sps := r.ue(), r.ue()
			news = !r.short && t.sets.putPPS(id, nal, sps, &renewed) || news
		case h264Slice, h264PartitionA, h264IDR:
			return t.slice(nal) || news
		}
	}
	return news
}

// slice activates what the first slice of a picture refers to.
func (t *avcTrack) slice(nal []byte) (news bool) {
	r := bitReader{b: unescape(nal[1:], 12)}
	r.ue() // first_mb_in_slice
	kind, pps := r.ue()%5, r.ue()
	id, ok := t.sets.pick(pps)
	if r.short || !ok {
		return false
	}
	if id != t.sets.active {
		var s h264.SPS
		if s.Unmarshal(t.sets.sps[id].nal) != nil {
			return false
		}
		if p := avcPicture(&s); !p.valid() {
			return false
		}
		t.sets.activate(id)
		t.sps, t.bSlice, news = s, false, true
	}
	if kind == 1 && !t.bSlice {
		t.bSlice, news = true, true
	}
	return news
}

// avcPicture reads what an SPS says of pictures (H.264 clauses 7.4.2.1.1 and E.2.1).
func avcPicture(s *h264.SPS) (p geometry) {
	fields := 2
	if s.FrameMbsOnlyFlag {
		fields = 1
	}
	p.width = 16 * (int(s.PicWidthInMbsMinus1) + 1)
	p.height = 16 * fields * (int(s.PicHeightInMapUnitsMinus1) + 1)
	if c := s.FrameCropping; c != nil {
		x, y := chromaUnits(s.ChromaFormatIdc, s.SeparateColourPlaneFlag)
		p.width -= x * (int(c.LeftOffset) + int(c.RightOffset))
		p.height -= y * fields * (int(c.TopOffset) + int(c.BottomOffset))
	}
	v := s.VUI
	if v == nil {
		return p
	}
	p.sarNum, p.sarDen = sampleAspect(uint32(v.AspectRatioIdc))
	if v.AspectRatioIdc == extendedSAR {
		p.sarNum, p.sarDen = int(v.SarWidth), int(v.SarHeight)
	}
	p.colour = Colour{v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag}
	if t := v.TimingInfo; t != nil {
		p.units, p.scale = 2*uint64(t.NumUnitsInTick), uint64(t.TimeScale)
	}
	return p
}

// chromaUnits returns CropUnitX and, of a frame, CropUnitY (H.264 clause 7.4.2.1.1):
// SubWidthC and SubHeightC of HEVC.
func chromaUnits(format uint32, separate bool) (x, y int) {
	switch {
	case separate || format == 0 || format == 3:
		return 1, 1
	case format == 2:
		return 2, 1
	}
	return 2, 2
}

func (t *avcTrack) format() (f Format, ok bool) {
	if t.sets.active < 0 {
		return f, false
	}
	nal := t.sets.sps[t.sets.active].nal
	f = Format{
		Codec: flow.CodecH264, RFC6381: fmt.Sprintf("avc1.%02x%02x%02x", nal[1], nal[2], nal[3]),
		Interlaced: !t.sps.FrameMbsOnlyFlag, Reordered: t.reorders(),
	}
	p := avcPicture(&t.sps)
	p.fill(&f)
	f.Record, ok = t.record()
	return f, ok
}

// reorders reports whether pictures may leave in another order than they come. An SPS
// that does not say how many is believed when a B slice has been seen.
func (t *avcTrack) reorders() bool {
	if v := t.sps.VUI; v != nil && v.BitstreamRestriction != nil {
		return v.BitstreamRestriction.MaxNumReorderFrames > 0
	}
	return t.bSlice && t.sps.PicOrderCntType != 2
}

// depth returns the largest number of frames that come before one and leave after it:
// max_num_reorder_frames, or what bounds it (H.264 clause E.2.1).
func (t *avcTrack) depth() int {
	if !t.reorders() {
		return 0
	}
	if v := t.sps.VUI; v != nil && v.BitstreamRestriction != nil {
		return int(min(v.BitstreamRestriction.MaxNumReorderFrames, maxReorder))
	}
	return int(min(max(t.sps.MaxNumRefFrames, 1), maxReorder))
}

// record returns the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 clause 5.3.3.1).
func (t *avcTrack) record() ([]byte, bool) {
	nal := t.sets.sps[t.sets.active].nal
	b := []byte{1, nal[1], nal[2], nal[3], 0xFC | 3, 0xE0 | 1}
	b = append(appendShort(b, nal), 0)
	at := len(b) - 1
	b, count := t.sets.appendPPS(b, 255)
	b[at] = byte(count)
	switch t.sps.ProfileIdc {
	case 66, 77, 88:
	default:
		b = append(b, 0xFC|byte(t.sps.ChromaFormatIdc), 0xF8|byte(t.sps.BitDepthLumaMinus8), 0xF8|byte(t.sps.BitDepthChromaMinus8), 0)
	}
	return b, count > 0
}

func (t *avcTrack) sample(dst []byte, units [][]byte) []byte {
	for _, nal := range units {
		switch h264Type(nal) {
		case 0, h264SPS, h264AUD, h264EndOfSequence, h264EndOfStream, h264Filler,
			h264SPSExtension, h264Prefix, h264SubsetSPS, h264Extension, h264Extension3D:
		case h264PPS:
			if t.sets.inBand() {
				dst = appendNAL(dst, nal)
			}
		default:
			dst = appendNAL(dst, nal)
		}
	}
	return dst
}
