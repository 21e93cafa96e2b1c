package es

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"sigma/mux/flow"
)

// nal_unit_type of ITU-T H.265 table 7-1.
const (
	hevcIRAPFirst = 16
	hevcIRAPLast  = 23
	hevcVCLLast   = 31
	hevcVPS       = 32
	hevcSPS       = 33
	hevcPPS       = 34
	hevcAUD       = 35
	hevcPrefixSEI = 39
)

func hevcType(nal []byte) byte {
	if len(nal) < 2 {
		return 0xFF
	}
	return nal[0] >> 1 & 0x3F
}

// hevcClass tells what a NAL unit means for the border of access units (H.265
// clause 7.4.2.4.4).
func hevcClass(nal []byte) nalClass {
	switch t := hevcType(nal); {
	case t <= hevcVCLLast:
		if len(nal) > 2 && nal[2]&0x80 != 0 { // first_slice_segment_in_pic_flag
			return nalFirst
		}
		return nalMore
	case t >= hevcVPS && t <= hevcAUD, t == hevcPrefixSEI, t >= 41 && t <= 44, t >= 48 && t <= 55:
		return nalBefore
	}
	return nalOther
}

func newHEVCCutter() cutter {
	return &nalCutter{
		class: hevcClass, access: hevcUnitAccess, format: hevcPeriod,
		sps: func(nal []byte) bool { return hevcType(nal) == hevcSPS },
	}
}

func hevcTake(nal []byte) Access {
	switch t := hevcType(nal); {
	case t >= hevcIRAPFirst && t <= hevcIRAPLast && hevcClass(nal) == nalFirst:
		return AccessYes
	case t <= hevcVCLLast:
		return AccessNo
	}
	return AccessUnknown
}

func hevcUnitAccess(units [][]byte) bool {
	for _, nal := range units {
		if a := hevcTake(nal); a != AccessUnknown {
			return a == AccessYes
		}
	}
	return false
}

func hevcAccess(head []byte) Access {
	verdict, sps := AccessUnknown, false
	nalus(head, func(_ int, nal []byte, _ bool) bool {
		verdict = hevcTake(nal)
		sps = sps || hevcType(nal) == hevcSPS
		return verdict == AccessUnknown
	})
	if verdict == AccessUnknown && sps {
		return AccessLikely
	}
	return verdict
}

func hevcDetail(head []byte) string {
	var s h265.SPS
	if !findNAL(head, func(nal []byte) bool { return hevcType(nal) == hevcSPS && s.Unmarshal(nal) == nil }) {
		return ""
	}
	if s.VUI != nil && s.VUI.FieldSeqFlag { // pictures are fields (H.265 clause E.3.1)
		return videoFormat(s.Width(), 2*s.Height(), true, s.FPS()/2)
	}
	return videoFormat(s.Width(), s.Height(), false, s.FPS())
}

// hevcPeriod returns the time between pictures, known from the VUI of the SPS.
func hevcPeriod(sps, _ []byte) flow.Ticks {
	var s h265.SPS
	if s.Unmarshal(sps) != nil || s.VUI == nil || s.VUI.TimingInfo == nil {
		return 0
	}
	return period(s.VUI.TimingInfo.NumUnitsInTick, s.VUI.TimingInfo.TimeScale)
}
