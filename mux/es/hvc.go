package es

import (
	"fmt"
	"math/bits"
	"strings"

	"sigma/mux/flow"
)

const (
	hevcEndOfSequence = 36
	hevcEndOfStream   = 37
	hevcFiller        = 38
	hevcSuffixSEI     = 40
)

// maxReorder is the largest picture buffer of H.264 and HEVC.
const maxReorder = 16

// hevcTrack follows HEVC. Layers above the base layer are left out.
type hevcTrack struct {
	sets parameterSets
	sps  hevcParameters // the active one
}

func newHEVCTrack() tracker { return &hevcTrack{sets: parameterSets{active: -1}} }

// hevcLayer returns nuh_layer_id.
func hevcLayer(nal []byte) byte { return nal[0]&1<<5 | nal[1]>>3 }

func (t *hevcTrack) look(units [][]byte) (news bool) {
	renewed := -1
	for _, nal := range units {
		kind := hevcType(nal)
		if kind == 0xFF || hevcLayer(nal) > 0 {
			continue
		}
		switch {
		case kind == hevcVPS && len(nal) > 2:
			news = store(t.sets.vps[:], uint32(nal[2]>>4), nal, 0) || news
		case kind == hevcSPS:
			if s, ok := parseHEVC(nal); ok {
				news = t.sets.putSPS(s.id, nal, int(s.vps), &renewed) || news
			}
		case kind == hevcPPS:
			r := bitReader{b: unescape(nal[2:], 16)}
			id, sps := r.ue(), r.ue()
			news = !r.short && t.sets.putPPS(id, nal, sps, &renewed) || news
		case kind <= hevcVCLLast:
			return t.slice(nal) || news
		}
	}
	return news
}

// slice activates what the first slice segment of a picture refers to.
func (t *hevcTrack) slice(nal []byte) (news bool) {
	r := bitReader{b: unescape(nal[2:], 12)}
	r.bits(1) // first_slice_segment_in_pic_flag
	if kind := hevcType(nal); kind >= hevcIRAPFirst && kind <= hevcIRAPLast {
		r.bits(1)
	}
	id, ok := t.sets.pick(r.ue())
	if r.short || !ok || id == t.sets.active {
		return false
	}
	if t.sps, ok = parseHEVC(t.sets.sps[id].nal); ok {
		t.sets.activate(id)
	}
	return ok
}

func (t *hevcTrack) depth() int { return t.sps.reorder }

func (t *hevcTrack) format() (f Format, ok bool) {
	if t.sets.active < 0 || t.sets.vps[t.sps.vps].nal == nil {
		return f, false
	}
	f = Format{Codec: flow.CodecHEVC, RFC6381: hevcString(t.sps.general), Interlaced: t.sps.fields, Reordered: t.sps.reorder > 0}
	p := t.sps.geometry
	if t.sps.fields {
		p.height *= 2
		p.units *= 2
	}
	p.fill(&f)
	f.Record, ok = t.record()
	return f, ok
}

// hevcString returns the codecs parameter (ISO/IEC 14496-15 annex E.3).
func hevcString(general [12]byte) string {
	space := [...]string{"", "A", "B", "C"}[general[0]>>6]
	tier := 'L'
	if general[0]&0x20 != 0 {
		tier = 'H'
	}
	compatible := uint32(general[1])<<24 | uint32(general[2])<<16 | uint32(general[3])<<8 | uint32(general[4])
	s := fmt.Sprintf("hvc1.%s%d.%X.%c%d", space, general[0]&0x1F, bits.Reverse32(compatible), tier, general[11])
	last := 10
	for last >= 5 && general[last] == 0 {
		last--
	}
	var b strings.Builder
	b.WriteString(s)
	for i := 5; i <= last; i++ {
		fmt.Fprintf(&b, ".%X", general[i])
	}
	return b.String()
}

// record returns the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 clause 8.3.3.1)
// for the sample entry hvc1, whose arrays are complete.
func (t *hevcTrack) record() ([]byte, bool) {
	s := &t.sps
	b := append([]byte{1}, s.general[:]...)
	parallel := byte(0)
	if s.segmentation > 0 {
		parallel = t.parallelism()
	}
	b = append(b, 0xF0|byte(s.segmentation>>8&15), byte(s.segmentation), 0xFC|parallel,
		0xFC|byte(s.chroma), 0xF8|byte(s.luma), 0xF8|byte(s.chromaBD), 0, 0)
	nested := byte(0)
	if s.nested {
		nested = 1
	}
	b = append(b, byte(s.subLayers+1)<<3|nested<<2|3, 3)
	const complete = 0x80
	b = appendShort(append(b, complete|hevcVPS, 0, 1), t.sets.vps[s.vps].nal)
	b = appendShort(append(b, complete|hevcSPS, 0, 1), t.sets.sps[t.sets.active].nal)
	b = append(b, complete|hevcPPS, 0, 0)
	at := len(b)
	b, count := t.sets.appendPPS(b, 64)
	b[at-1] = byte(count)
	return b, count > 0
}

// parallelism joins the parallelismType of all PPS in use.
func (t *hevcTrack) parallelism() (joint byte) {
	first := true
	for i := range t.sets.pps {
		if p := &t.sets.pps[i]; p.nal != nil && p.parent == t.sets.active {
			if k := hevcParallelism(p.nal); first {
				joint, first = k, false
			} else if k != joint {
				joint = 0
			}
		}
	}
	return joint
}

func (t *hevcTrack) sample(dst []byte, units [][]byte) []byte {
	for _, nal := range units {
		kind := hevcType(nal)
		if kind == 0xFF || hevcLayer(nal) > 0 {
			continue
		}
		switch kind {
		case hevcVPS, hevcSPS, hevcAUD, hevcEndOfSequence, hevcEndOfStream, hevcFiller:
		case hevcPPS:
			if t.sets.inBand() {
				dst = appendNAL(dst, nal)
			}
		default:
			dst = appendNAL(dst, nal)
		}
	}
	return dst
}
