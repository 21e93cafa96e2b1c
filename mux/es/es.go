// Package es owns what the headend knows of codecs: how transport streams signal
// them, what they are called, where a decoder can start, what an operator wants to
// read about them, and where an access unit ends. There is one table with one row
// for each codec; who needs another fact of codecs adds a column.
//
// It refuses to decode pictures or sound, and to know of tables (mux/psi) or
// packets (mux/ts).
package es

import "sigma/mux/flow"

// row is what is known of one codec. A function that is nil means that the codec
// has nothing to tell.
type row struct {
	codec  flow.Codec
	kind   flow.Kind
	name   string
	detail func(head []byte) string  // short description of the format
	access func(head []byte) Access  // whether the access unit head begins with is a random access point
	cut    func() cutter             // nil: a PES packet is an access unit
	sync   func(units [][]byte) bool // whether a whole access unit is a random access point; nil: audio and data always are
	follow func() tracker
}

// rows is the table, indexed by codec. It is never written to.
var rows = [...]row{
	flow.CodecUnknown:     {flow.CodecUnknown, flow.KindData, "unknown", nil, nil, nil, nil, nil},
	flow.CodecMPEG1Video:  {flow.CodecMPEG1Video, flow.KindVideo, "MPEG-1", mpegVideoDetail, mpegVideoAccess, newPictureCutter, mpegVideoUnitAccess, nil},
	flow.CodecMPEG2Video:  {flow.CodecMPEG2Video, flow.KindVideo, "MPEG-2", mpegVideoDetail, mpegVideoAccess, newPictureCutter, mpegVideoUnitAccess, nil},
	flow.CodecH264:        {flow.CodecH264, flow.KindVideo, "H.264", h264Detail, h264Access, newH264Cutter, h264UnitAccess, newAVCTrack},
	flow.CodecHEVC:        {flow.CodecHEVC, flow.KindVideo, "HEVC", hevcDetail, hevcAccess, newHEVCCutter, hevcUnitAccess, newHEVCTrack},
	flow.CodecVVC:         {flow.CodecVVC, flow.KindVideo, "VVC", nil, nil, nil, nil, nil},
	flow.CodecAV1:         {flow.CodecAV1, flow.KindVideo, "AV1", nil, nil, nil, nil, nil},
	flow.CodecVP9:         {flow.CodecVP9, flow.KindVideo, "VP9", nil, nil, nil, nil, nil},
	flow.CodecMPEGAudio:   {flow.CodecMPEGAudio, flow.KindAudio, "MPEG audio", audioDetail(mpegAudioFrame), nil, audioCutter(mpegAudioFrame), nil, nil},
	flow.CodecAAC:         {flow.CodecAAC, flow.KindAudio, "AAC", audioDetail(adtsFrame), nil, audioCutter(adtsFrame), nil, newADTSTrack},
	flow.CodecAACLATM:     {flow.CodecAACLATM, flow.KindAudio, "AAC LATM", audioDetail(loasFrame), nil, audioCutter(loasFrame), nil, nil},
	flow.CodecAC3:         {flow.CodecAC3, flow.KindAudio, "AC-3", audioDetail(ac3Frame), nil, audioCutter(ac3Frame), nil, nil},
	flow.CodecEAC3:        {flow.CodecEAC3, flow.KindAudio, "E-AC-3", audioDetail(ac3Frame), nil, audioCutter(ac3Frame), nil, nil},
	flow.CodecAC4:         {flow.CodecAC4, flow.KindAudio, "AC-4", nil, nil, nil, nil, nil},
	flow.CodecDTS:         {flow.CodecDTS, flow.KindAudio, "DTS", nil, nil, nil, nil, nil},
	flow.CodecOpus:        {flow.CodecOpus, flow.KindAudio, "Opus", nil, nil, nil, nil, nil},
	flow.CodecSMPTE302M:   {flow.CodecSMPTE302M, flow.KindAudio, "SMPTE 302M", nil, nil, nil, nil, nil},
	flow.CodecPCMA:        {flow.CodecPCMA, flow.KindAudio, "PCM A-law", nil, nil, nil, nil, nil},
	flow.CodecPCMU:        {flow.CodecPCMU, flow.KindAudio, "PCM \u00b5-law", nil, nil, nil, nil, nil},
	flow.CodecTeletext:    {flow.CodecTeletext, flow.KindText, "teletext", nil, nil, nil, nil, nil},
	flow.CodecDVBSubtitle: {flow.CodecDVBSubtitle, flow.KindText, "DVB subtitles", nil, nil, nil, nil, nil},
	flow.CodecSCTE35:      {flow.CodecSCTE35, flow.KindData, "SCTE 35", nil, nil, nil, nil, nil},
	flow.CodecAIT:         {flow.CodecAIT, flow.KindData, "AIT", nil, nil, nil, nil, nil},
	flow.CodecID3:         {flow.CodecID3, flow.KindData, "ID3", nil, nil, nil, nil, nil},
	flow.CodecPrivate:     {flow.CodecPrivate, flow.KindData, "private data", nil, nil, nil, nil, nil},
}

func of(c flow.Codec) *row {
	if int(c) < len(rows) {
		return &rows[c]
	}
	return &rows[flow.CodecUnknown]
}

// Name returns the name of a codec as operators know it: "H.264", "E-AC-3".
func Name(c flow.Codec) string { return of(c).name }

// Kind returns the class of media a codec carries.
func Kind(c flow.Codec) flow.Kind { return of(c).kind }

// Detail returns the short description of the format that operators read, such as
// "1920x1080i25" or "48 kHz stereo". head is the begin of the payload of a PES
// packet, the longer the better. It is empty if head does not tell.
func Detail(c flow.Codec, head []byte) string {
	if f := of(c).detail; f != nil {
		return f(head)
	}
	return ""
}

// Access says whether a decoder can start at an access unit.
type Access uint8

const (
	// AccessUnknown says that the bytes given end before it can be told, or that
	// nothing is known of the codec.
	AccessUnknown Access = iota
	// AccessLikely says the same, but everything a decoder needs before a picture
	// that it can start with has been there.
	AccessLikely
	// AccessNo says that the access unit depends on earlier ones.
	AccessNo
	// AccessYes says that a decoder can start.
	AccessYes
)

// Judges reports whether RandomAccess knows anything of a codec.
func Judges(c flow.Codec) bool { return of(c).access != nil }

// RandomAccess judges the access unit that head begins with; head may end anywhere
// in it. A random access point is, of MPEG-2 video, an I-picture after a sequence
// header; of H.264, an IDR picture, a picture with a recovery point SEI, or an
// I-picture with a sequence parameter set; of HEVC, an IRAP picture.
func RandomAccess(c flow.Codec, head []byte) Access {
	if f := of(c).access; f != nil {
		return f(head)
	}
	return AccessUnknown
}
