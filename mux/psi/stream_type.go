package psi

import "fmt"

// The values of stream_type that a headend meets (ISO/IEC 13818-1 table 2-34,
// ATSC A/53, SCTE 35).
const (
	StreamMPEG1Video      uint8 = 0x01
	StreamMPEG2Video      uint8 = 0x02
	StreamMPEG1Audio      uint8 = 0x03
	StreamMPEG2Audio      uint8 = 0x04
	StreamPrivateSections uint8 = 0x05
	StreamPrivatePES      uint8 = 0x06 // in DVB: AC-3, teletext, subtitles, as the descriptors say
	StreamDSMCC           uint8 = 0x0B // DSM-CC U-N messages: object carousel
	StreamDSMCCSections   uint8 = 0x0D
	StreamAAC             uint8 = 0x0F // ADTS
	StreamAACLATM         uint8 = 0x11
	StreamMetadata        uint8 = 0x15 // ID3 in PES
	StreamH264            uint8 = 0x1B
	StreamMVC             uint8 = 0x20
	StreamHEVC            uint8 = 0x24
	StreamVVC             uint8 = 0x33
	StreamAVS             uint8 = 0x42
	StreamAC3             uint8 = 0x81 // ATSC
	StreamSCTE35          uint8 = 0x86
	StreamEAC3            uint8 = 0x87 // ATSC
	StreamDirac           uint8 = 0xD1
)

// StreamTypeName returns a short name of a stream_type for people, or its number.
func StreamTypeName(t uint8) string {
	names := map[uint8]string{
		StreamMPEG1Video: "MPEG-1 video", StreamMPEG2Video: "MPEG-2 video",
		StreamMPEG1Audio: "MPEG-1 audio", StreamMPEG2Audio: "MPEG-2 audio",
		StreamPrivateSections: "private sections", StreamPrivatePES: "private PES",
		StreamDSMCC: "DSM-CC U-N", StreamDSMCCSections: "DSM-CC sections",
		StreamAAC: "AAC ADTS", StreamAACLATM: "AAC LATM", StreamMetadata: "metadata PES",
		StreamH264: "H.264", StreamMVC: "MVC", StreamHEVC: "HEVC", StreamVVC: "VVC",
		StreamAVS: "AVS", StreamAC3: "AC-3 (ATSC)", StreamSCTE35: "SCTE-35",
		StreamEAC3: "E-AC-3 (ATSC)", StreamDirac: "Dirac",
	}
	if n, ok := names[t]; ok {
		return n
	}
	return fmt.Sprintf("stream type %#02x", t)
}
