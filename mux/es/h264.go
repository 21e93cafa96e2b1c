package es

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"sigma/mux/flow"
)

// nal_unit_type of ITU-T H.264 table 7-1.
const (
	h264Slice      = 1
	h264PartitionA = 2
	h264PartitionC = 4
	h264IDR        = 5
	h264SEI        = 6
	h264SPS        = 7
	h264PPS        = 8
	h264AUD        = 9
)

func h264Type(nal []byte) byte {
	if len(nal) == 0 {
		return 0
	}
	return nal[0] & 0x1F
}

// h264Class tells what a NAL unit means for the border of access units (H.264
// clause 7.4.1.2.3). Every slice that begins with macroblock 0 is taken for the
// first of a picture: arbitrary slice order exists in the baseline profile only.
func h264Class(nal []byte) nalClass {
	switch t := h264Type(nal); {
	case t == h264Slice, t == h264PartitionA, t == h264IDR:
		if len(nal) > 1 && nal[1]&0x80 != 0 {
			return nalFirst
		}
		return nalMore
	case t > h264PartitionA && t <= h264PartitionC:
		return nalMore
	case t >= h264SEI && t <= h264AUD, t >= 14 && t <= 18:
		return nalBefore
	}
	return nalOther
}

func newH264Cutter() cutter {
	var fields fieldReader
	return &nalCutter{
		field: fields.read,
		class: h264Class, access: h264UnitAccess, format: h264Period,
		sps: func(nal []byte) bool { return h264Type(nal) == h264SPS },
	}
}

// h264Judge collects from the NAL units of an access unit what tells whether it is a
// random access point.
type h264Judge struct{ sps, recovery bool }

// take returns AccessUnknown until a slice decides.
func (j *h264Judge) take(nal []byte) Access {
	switch h264Type(nal) {
	case h264SPS:
		j.sps = true
	case h264SEI:
		j.recovery = j.recovery || h264Recovery(nal)
	case h264IDR:
		if h264Class(nal) == nalFirst {
			return AccessYes
		}
		return AccessNo
	case h264Slice, h264PartitionA:
		if j.recovery || j.sps && h264IntraSlice(nal) {
			return AccessYes
		}
		return AccessNo
	}
	return AccessUnknown
}

func h264UnitAccess(units [][]byte) bool {
	var j h264Judge
	for _, nal := range units {
		if a := j.take(nal); a != AccessUnknown {
			return a == AccessYes
		}
	}
	return false
}

func h264Access(head []byte) Access {
	var j h264Judge
	verdict := AccessUnknown
	nalus(head, func(_ int, nal []byte, whole bool) bool {
		if !whole && (len(nal) < 4 || h264Type(nal) == h264SEI) {
			return false
		}
		verdict = j.take(nal)
		return verdict == AccessUnknown
	})
	if verdict == AccessUnknown && (j.sps || j.recovery) {
		return AccessLikely
	}
	return verdict
}

// h264IntraSlice reports whether slice_type is I or SI.
func h264IntraSlice(nal []byte) bool {
	r := bitReader{b: unescape(nal[1:], 12)}
	r.ue() // first_mb_in_slice
	t := r.ue() % 5
	return !r.short && (t == 2 || t == 4)
}

// h264Recovery looks for a recovery point SEI message (H.264 clause D.1.8).
func h264Recovery(nal []byte) bool {
	b := unescape(nal[1:], 1024)
	for len(b) > 2 {
		var kind, size int
		kind, b = seiNumber(b)
		size, b = seiNumber(b)
		if kind == 6 && size > 0 {
			return true
		}
		if size > len(b) {
			break
		}
		b = b[size:]
	}
	return false
}

// seiNumber reads a payload type or size: bytes of 255 add up with the one after.
func seiNumber(b []byte) (v int, rest []byte) {
	for len(b) > 0 {
		v += int(b[0])
		if b[0] != 0xFF {
			return v, b[1:]
		}
		b = b[1:]
	}
	return v, nil
}

func h264Detail(head []byte) string {
	var s h264.SPS
	if !findNAL(head, func(nal []byte) bool { return h264Type(nal) == h264SPS && s.Unmarshal(nal) == nil }) {
		return ""
	}
	return videoFormat(s.Width(), s.Height(), !s.FrameMbsOnlyFlag, s.FPS())
}

// h264Period returns the time one access unit without time stamps takes, known from
// the SPS: a tick of the VUI for a field, two for a frame.
func h264Period(sps []byte, first []byte) flow.Ticks {
	var s h264.SPS
	if s.Unmarshal(sps) != nil || s.VUI == nil || s.VUI.TimingInfo == nil {
		return 0
	}
	tick := period(s.VUI.TimingInfo.NumUnitsInTick, s.VUI.TimingInfo.TimeScale)
	if readField(&s, first).coded {
		return tick
	}
	return 2 * tick
}

// fieldReader reads slice headers, and remembers the SPS it read last.
type fieldReader struct {
	set []byte
	sps h264.SPS
	ok  bool
}

func (f *fieldReader) read(set, slice []byte) field {
	if string(set) != string(f.set) {
		f.set, f.sps = append(f.set[:0], set...), h264.SPS{}
		f.ok = f.sps.Unmarshal(set) == nil
	}
	if !f.ok {
		return field{}
	}
	return readField(&f.sps, slice)
}

// readField reads the begin of a slice header (H.264 clause 7.3.3).
func readField(s *h264.SPS, nal []byte) (f field) {
	if len(nal) == 0 || s.FrameMbsOnlyFlag {
		return f
	}
	r := bitReader{b: unescape(nal[1:], 32)}
	r.ue() // first_mb_in_slice
	r.ue() // slice_type
	r.ue() // pic_parameter_set_id
	if s.SeparateColourPlaneFlag {
		r.bits(2)
	}
	f.frameNumber = r.bits(int(s.Log2MaxFrameNumMinus4&15) + 4)
	f.coded = r.bits(1) == 1
	f.bottom = f.coded && r.bits(1) == 1
	f.reference, f.idr = nal[0]&0x60 != 0, h264Type(nal) == h264IDR
	if r.short {
		return field{short: true}
	}
	return f
}

// period returns units/scale seconds in ticks, 0 if that is no useful frame period.
func period(units, scale uint32) flow.Ticks {
	if scale == 0 {
		return 0
	}
	p := flow.Ticks(units) * flow.TicksPerSecond / flow.Ticks(scale)
	if p > 10*flow.TicksPerSecond {
		return 0
	}
	return p
}

// findNAL reports whether f accepts one of the NAL units of a byte stream.
func findNAL(b []byte, f func(nal []byte) bool) (found bool) {
	nalus(b, func(_ int, nal []byte, _ bool) bool {
		found = f(nal)
		return !found
	})
	return found
}
