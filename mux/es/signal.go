package es

import (
	"strings"

	"sigma/mux/flow"
)

// Tags of the descriptors that tell what a stream is: ISO/IEC 13818-1 table 2-45,
// EN 300 468 table 12 and (from 0x80 of the extension on) table 109.
const (
	tagRegistration = 0x05
	tagLanguage     = 0x0A
	tagMetadata     = 0x26
	tagVBITeletext  = 0x46
	tagTeletext     = 0x56
	tagSubtitling   = 0x59
	tagAC3          = 0x6A
	tagAIT          = 0x6F
	tagEAC3         = 0x7A
	tagDTS          = 0x7B
	tagAAC          = 0x7C
	tagExtension    = 0x7F

	extDTSHD = 0x0E
	extAC4   = 0x15
	extDTSUH = 0x21
)

// Track returns the track that an entry of a PMT describes: its elementary PID,
// stream_type and the bytes of its descriptor loop, which the track keeps. Malformed
// descriptors end the loop; what stood before them counts.
func Track(pid uint16, streamType uint8, info []byte) flow.Track {
	t := flow.Track{ID: flow.TrackID(pid), StreamType: streamType, Info: info}
	described := flow.CodecUnknown
	for rest := info; len(rest) >= 2 && len(rest) >= 2+int(rest[1]); {
		tag, body := rest[0], rest[2:2+int(rest[1])]
		rest = rest[2+len(body):]
		if c := describedCodec(tag, body); c != flow.CodecUnknown && described == flow.CodecUnknown {
			described = c
		}
		if lang := language(tag, body); lang != "" && t.Language == "" {
			t.Language = lang
		}
	}
	t.Codec = codec(streamType, described)
	t.Kind = Kind(t.Codec)
	return t
}

// codec joins stream_type with what the descriptors say.
func codec(streamType uint8, described flow.Codec) flow.Codec {
	switch streamType {
	case 0x01:
		return flow.CodecMPEG1Video
	case 0x02:
		return flow.CodecMPEG2Video
	case 0x03, 0x04:
		return flow.CodecMPEGAudio
	case 0x0F:
		return flow.CodecAAC
	case 0x11:
		if described == flow.CodecAAC || described == flow.CodecUnknown {
			return flow.CodecAACLATM
		}
	case 0x1B:
		return flow.CodecH264
	case 0x24:
		return flow.CodecHEVC
	case 0x33:
		return flow.CodecVVC
	case 0x05, 0x06, 0x15: // private sections, private PES, metadata
		if described == flow.CodecAAC {
			return flow.CodecAACLATM // EN 300 468 annex H, outside of stream_type 0x0F
		}
		if described == flow.CodecUnknown {
			return flow.CodecPrivate
		}
		return described
	case 0x81: // ATSC A/52 annex A
		return flow.CodecAC3
	case 0x87:
		return flow.CodecEAC3
	case 0x82, 0x85, 0x8A:
		if described == flow.CodecUnknown && streamType != 0x82 {
			return flow.CodecDTS
		}
	case 0x86:
		return flow.CodecSCTE35
	}
	return described
}

// describedCodec returns what one descriptor says the stream is.
func describedCodec(tag byte, body []byte) flow.Codec {
	switch tag {
	case tagTeletext, tagVBITeletext:
		return flow.CodecTeletext
	case tagSubtitling:
		return flow.CodecDVBSubtitle
	case tagAC3:
		return flow.CodecAC3
	case tagEAC3:
		return flow.CodecEAC3
	case tagDTS:
		return flow.CodecDTS
	case tagAAC:
		return flow.CodecAAC
	case tagAIT:
		return flow.CodecAIT
	case tagMetadata:
		if strings.Contains(string(body), "ID3 ") {
			return flow.CodecID3
		}
	case tagExtension:
		if len(body) == 0 {
			return flow.CodecUnknown
		}
		switch body[0] {
		case extAC4:
			return flow.CodecAC4
		case extDTSHD, extDTSUH:
			return flow.CodecDTS
		}
	case tagRegistration:
		if len(body) >= 4 {
			return registered(string(body[:4]))
		}
	}
	return flow.CodecUnknown
}

// registered returns the codec of a format_identifier of the SMPTE registry.
func registered(id string) flow.Codec {
	switch id {
	case "AC-3":
		return flow.CodecAC3
	case "EAC3":
		return flow.CodecEAC3
	case "AC-4":
		return flow.CodecAC4
	case "DTS1", "DTS2", "DTS3":
		return flow.CodecDTS
	case "Opus":
		return flow.CodecOpus
	case "BSSD":
		return flow.CodecSMPTE302M
	case "AV01", "AV1G": // with start codes; as GStreamer has it, without
		return flow.CodecAV1
	case "VP09":
		return flow.CodecVP9
	case "HEVC":
		return flow.CodecHEVC
	case "VVC ":
		return flow.CodecVVC
	case "CUEI":
		return flow.CodecSCTE35
	case "ID3 ":
		return flow.CodecID3
	}
	return flow.CodecUnknown
}

// language returns the first ISO 639-2 code of a descriptor that carries one, in
// lower case.
func language(tag byte, body []byte) string {
	switch tag {
	case tagLanguage, tagTeletext, tagVBITeletext, tagSubtitling:
	default:
		return ""
	}
	if len(body) < 3 {
		return ""
	}
	for _, c := range body[:3] {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return ""
		}
	}
	return strings.ToLower(string(body[:3]))
}
