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
	sync   func(units [][]byte) bool // whether a whole access unit is a random access point; nil: always, but for video
	follow func() tracker            // nil: no container holds it
	rtp    func(f *Format) RTP       // nil: there is no payload format for it
}

// rows is the table, indexed by codec. It is never written to.
var rows = [...]row{
	flow.CodecUnknown: {codec: flow.CodecUnknown, kind: flow.KindData, name: "unknown"},
	flow.CodecMPEG1Video: {
		codec: flow.CodecMPEG1Video, kind: flow.KindVideo, name: "MPEG-1",
		detail: mpegVideoDetail, access: mpegVideoAccess, cut: newPictureCutter, sync: mpegVideoUnitAccess, follow: newMPEG1Track, rtp: mpegVideoRTP,
	},
	flow.CodecMPEG2Video: {
		codec: flow.CodecMPEG2Video, kind: flow.KindVideo, name: "MPEG-2",
		detail: mpegVideoDetail, access: mpegVideoAccess, cut: newPictureCutter, sync: mpegVideoUnitAccess, follow: newMPEG2Track, rtp: mpegVideoRTP,
	},
	flow.CodecH264: {
		codec: flow.CodecH264, kind: flow.KindVideo, name: "H.264",
		detail: h264Detail, access: h264Access, cut: newH264Cutter, sync: h264UnitAccess, follow: newAVCTrack, rtp: h264RTP,
	},
	flow.CodecHEVC: {
		codec: flow.CodecHEVC, kind: flow.KindVideo, name: "HEVC",
		detail: hevcDetail, access: hevcAccess, cut: newHEVCCutter, sync: hevcUnitAccess, follow: newHEVCTrack, rtp: hevcRTP,
	},
	flow.CodecVVC: {codec: flow.CodecVVC, kind: flow.KindVideo, name: "VVC"},
	flow.CodecAV1: {
		codec: flow.CodecAV1, kind: flow.KindVideo, name: "AV1",
		detail: av1Detail, access: av1Access, cut: newAV1Cutter, sync: av1UnitAccess, follow: newAV1Track, rtp: av1RTP,
	},
	flow.CodecVP9: {
		codec: flow.CodecVP9, kind: flow.KindVideo, name: "VP9",
		detail: vp9Detail, access: vp9Access, sync: vp9UnitAccess, follow: newVP9Track, rtp: vp9RTP,
	},
	flow.CodecMPEGAudio: {
		codec: flow.CodecMPEGAudio, kind: flow.KindAudio, name: "MPEG audio",
		detail: audioDetail(mpegAudioFrame), cut: audioCutter(mpegAudioFrame), follow: newMPEGAudioTrack, rtp: mpegAudioRTP,
	},
	flow.CodecAAC: {
		codec: flow.CodecAAC, kind: flow.KindAudio, name: "AAC",
		detail: audioDetail(adtsFrame), cut: audioCutter(adtsFrame), follow: newADTSTrack, rtp: aacRTP,
	},
	flow.CodecAACLATM: {
		codec: flow.CodecAACLATM, kind: flow.KindAudio, name: "AAC LATM",
		detail: audioDetail(loasFrame), cut: audioCutter(loasFrame), follow: newLATMTrack, rtp: aacRTP,
	},
	flow.CodecAC3: {
		codec: flow.CodecAC3, kind: flow.KindAudio, name: "AC-3",
		detail: audioDetail(ac3Frame), cut: audioCutter(ac3Frame), follow: newAC3Track, rtp: ac3RTP,
	},
	flow.CodecEAC3: {
		codec: flow.CodecEAC3, kind: flow.KindAudio, name: "E-AC-3",
		detail: audioDetail(ac3Frame), cut: audioCutter(ac3Frame), follow: newEAC3Track, rtp: eac3RTP,
	},
	flow.CodecAC4: {codec: flow.CodecAC4, kind: flow.KindAudio, name: "AC-4"},
	flow.CodecDTS: {codec: flow.CodecDTS, kind: flow.KindAudio, name: "DTS"},
	flow.CodecOpus: {
		codec: flow.CodecOpus, kind: flow.KindAudio, name: "Opus",
		detail: opusDetail, cut: newOpusCutter, follow: newOpusTrack, rtp: opusRTP,
	},
	flow.CodecSMPTE302M: {codec: flow.CodecSMPTE302M, kind: flow.KindAudio, name: "SMPTE 302M"},
	flow.CodecPCMA: {
		codec: flow.CodecPCMA, kind: flow.KindAudio, name: "PCM A-law",
		follow: newPCMTrack(flow.CodecPCMA, "alaw"), rtp: pcmaRTP,
	},
	flow.CodecPCMU: {
		codec: flow.CodecPCMU, kind: flow.KindAudio, name: "PCM \u00b5-law",
		follow: newPCMTrack(flow.CodecPCMU, "ulaw"), rtp: pcmuRTP,
	},
	flow.CodecTeletext:    {codec: flow.CodecTeletext, kind: flow.KindText, name: "teletext"},
	flow.CodecDVBSubtitle: {codec: flow.CodecDVBSubtitle, kind: flow.KindText, name: "DVB subtitles"},
	flow.CodecSCTE35:      {codec: flow.CodecSCTE35, kind: flow.KindData, name: "SCTE 35"},
	flow.CodecAIT:         {codec: flow.CodecAIT, kind: flow.KindData, name: "AIT"},
	flow.CodecID3:         {codec: flow.CodecID3, kind: flow.KindData, name: "ID3"},
	flow.CodecPrivate:     {codec: flow.CodecPrivate, kind: flow.KindData, name: "private data"},
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
