package fmp4

import (
	"fmt"
	"strconv"
	"strings"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// entry is how the tracks of one codec are described.
type entry struct {
	codec   flow.Codec
	kind    string // of the sample entry
	config  string // box with the Record of the format; "esds" is made around it
	least   int    // bytes of the record
	handler string
	header  string // media information header
	title   string // of the handler, for people
	append  func(*appender, *Track)
}

// entries is the table of sample entries, one row for each codec.
var entries = [...]entry{
	{flow.CodecH264, "avc1", "avcC", 7, "vide", "vmhd", "Video", video("avcC")},
	{flow.CodecHEVC, "hvc1", "hvcC", 23, "vide", "vmhd", "Video", video("hvcC")},
	{flow.CodecAV1, "av01", "av1C", 4, "vide", "vmhd", "Video", video("av1C")},
	{flow.CodecVP9, "vp09", "vpcC", 8, "vide", "vmhd", "Video", video("vpcC")},
	{flow.CodecMPEG2Video, "mp4v", "esds", 0, "vide", "vmhd", "Video", video("esds")},
	{flow.CodecMPEG1Video, "mp4v", "esds", 0, "vide", "vmhd", "Video", video("esds")},
	{flow.CodecAAC, "mp4a", "esds", 2, "soun", "smhd", "Audio", audio("esds")},
	{flow.CodecAACLATM, "mp4a", "esds", 2, "soun", "smhd", "Audio", audio("esds")},
	{flow.CodecMPEGAudio, "mp4a", "esds", 0, "soun", "smhd", "Audio", audio("esds")},
	{flow.CodecAC3, "ac-3", "dac3", 3, "soun", "smhd", "Audio", audio("dac3")},
	{flow.CodecEAC3, "ec-3", "dec3", 5, "soun", "smhd", "Audio", audio("dec3")},
	{flow.CodecOpus, "Opus", "dOps", 11, "soun", "smhd", "Audio", audio("dOps")},
	{flow.CodecPCMA, "alaw", "", 0, "soun", "smhd", "Audio", audio("")},
	{flow.CodecPCMU, "ulaw", "", 0, "soun", "smhd", "Audio", audio("")},
}

// wvtt and stpp are the sample entries of text (ISO/IEC 14496-30 clauses 7 and 8).
var (
	wvtt = entry{kind: "wvtt", handler: "text", header: "nmhd", title: "Text", append: appendWVTT}
	stpp = entry{kind: "stpp", handler: "subt", header: "sthd", title: "Subtitles", append: appendSTPP}
)

// entryOf returns the row of a track whose format has what the row needs.
func entryOf(t *Track) (*entry, error) {
	f := &t.Format
	switch base, _, _ := strings.Cut(f.RFC6381, "."); base {
	case "wvtt":
		return &wvtt, nil
	case "stpp":
		return &stpp, nil
	}
	for i := range entries {
		e := &entries[i]
		if e.codec != f.Codec || e.codec == flow.CodecUnknown {
			continue
		}
		if len(f.Record) < e.least {
			return nil, fmt.Errorf("%w: %s of %d bytes, expected at least %d", ErrFormat, e.config, len(f.Record), e.least)
		}
		if f.Width < 0 || f.Width > 0xffff || f.Height < 0 || f.Height > 0xffff {
			return nil, fmt.Errorf("%w: %dx%d", ErrFormat, f.Width, f.Height)
		}
		if e.handler == "vide" && (f.Width == 0 || f.Height == 0) || e.handler == "soun" && f.SampleRate <= 0 {
			return nil, fmt.Errorf("%w: %s of %dx%d, %d Hz", ErrFormat, es.Name(f.Codec), f.Width, f.Height, f.SampleRate)
		}
		return e, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrCodec, es.Name(f.Codec))
}

// video returns what appends a VisualSampleEntry (ISO/IEC 14496-12 clause 12.1.3)
// after its data_reference_index.
func video(config string) func(*appender, *Track) {
	return func(a *appender, t *Track) {
		f := &t.Format
		a.zeros(16)
		a.u16(uint16(f.Width))
		a.u16(uint16(f.Height))
		a.u32(0x480000) // 72 dpi
		a.u32(0x480000)
		a.u32(0)
		a.u16(1) // frame_count
		a.zeros(32)
		a.u16(0x18)
		a.u16(0xffff)
		a.config(config, t)
		if c := f.Colour; c.FullRange || max(c.Primaries, c.Transfer, c.Matrix) > 0 && c != (es.Colour{Primaries: 2, Transfer: 2, Matrix: 2}) {
			a.colr(c)
		}
		if f.SARNum > 0 && f.SARDen > 0 {
			at := a.box("pasp")
			a.u32(uint32(f.SARNum))
			a.u32(uint32(f.SARDen))
			a.end(at)
		}
		a.btrt(t)
	}
}

// colr appends a colour description with an unspecified code point for each that is
// not known (ISO/IEC 14496-12 clause 12.1.5).
func (a *appender) colr(c es.Colour) {
	at := a.box("colr")
	a.text("nclx")
	for _, v := range [...]uint8{c.Primaries, c.Transfer, c.Matrix} {
		if v == 0 {
			v = 2
		}
		a.u16(uint16(v))
	}
	if c.FullRange {
		a.u8(0x80)
	} else {
		a.u8(0)
	}
	a.end(at)
}

// audio returns what appends an AudioSampleEntry (ISO/IEC 14496-12 clause 12.2.3)
// after its data_reference_index.
func audio(config string) func(*appender, *Track) {
	return func(a *appender, t *Track) {
		a.zeros(8)
		channels := t.Format.Channels
		if channels <= 0 || channels > 0xffff {
			channels = 2
		}
		a.u16(uint16(channels))
		a.u16(16)
		a.u32(0)
		rate := uint32(t.Format.SampleRate)
		if rate > 0xffff {
			rate = 0 // does not fit; the record has it
		}
		a.u32(rate << 16)
		a.config(config, t)
		a.btrt(t)
	}
}

// config appends the configuration box.
func (a *appender) config(kind string, t *Track) {
	switch kind {
	case "":
		return
	case "esds":
		a.esds(t)
		return
	}
	at := a.box(kind)
	if kind == "vpcC" && len(t.Format.Record) == 8 {
		a.u32(1 << 24) // a record without version and flags
	}
	a.bytes(t.Format.Record)
	a.end(at)
}

// btrt appends the bit rates, when known (ISO/IEC 14496-12 clause 8.5.2).
func (a *appender) btrt(t *Track) {
	if t.Peak == 0 && t.Average == 0 {
		return
	}
	at := a.box("btrt")
	a.u32(0)
	a.u32(max(t.Peak, t.Average))
	a.u32(t.Average)
	a.end(at)
}

// Object types of ISO/IEC 14496-1 table 5.
const (
	objectAAC       = 0x40
	objectMPEG2Main = 0x61
	objectMPEG2Part = 0x69 // audio of ISO/IEC 13818-3: half the sampling rates
	objectMPEG1     = 0x6a
	objectMPEG1Part = 0x6b // audio of ISO/IEC 11172-3
)

// objectType returns the objectTypeIndication of a format: what its codecs parameter
// says ("mp4a.6B"), or what follows from codec and sampling rate.
func objectType(f *es.Format) uint8 {
	if parts := strings.Split(f.RFC6381, "."); len(parts) > 1 && (parts[0] == "mp4a" || parts[0] == "mp4v") {
		if v, err := strconv.ParseUint(parts[1], 16, 8); err == nil {
			return uint8(v)
		}
	}
	switch f.Codec {
	case flow.CodecMPEG2Video:
		return objectMPEG2Main
	case flow.CodecMPEG1Video:
		return objectMPEG1
	case flow.CodecMPEGAudio:
		if f.SampleRate < 32000 {
			return objectMPEG2Part
		}
		return objectMPEG1Part
	default:
		return objectAAC
	}
}

// esds appends an ES descriptor around the record (ISO/IEC 14496-14 clause 5.6,
// ISO/IEC 14496-1 clause 7.2.6).
func (a *appender) esds(t *Track) {
	specific := 0
	if n := len(t.Format.Record); n > 0 {
		specific = tagged(n)
	}
	config := 13 + specific
	at := a.full("esds", 0, 0)
	a.tag(3, 3+tagged(config)+tagged(1))
	a.u16(0) // ES_ID: 0 in files
	a.u8(0)
	a.tag(4, config)
	a.u8(objectType(&t.Format))
	stream := uint8(5)
	if t.Format.Width > 0 {
		stream = 4
	}
	a.u8(stream<<2 | 1)
	a.zeros(3) // bufferSizeDB
	a.u32(max(t.Peak, t.Average))
	a.u32(t.Average)
	if specific > 0 {
		a.tag(5, len(t.Format.Record))
		a.bytes(t.Format.Record)
	}
	a.tag(6, 1)
	a.u8(2) // the predefined SL configuration of MP4 files
	a.end(at)
}

// tagged returns the length of a descriptor with a body of n bytes.
func tagged(n int) int { return 5 + n }

// tag appends tag and length of a descriptor with a body of n bytes. The length
// takes four bytes, as most writers have it.
func (a *appender) tag(tag uint8, n int) {
	a.u8(tag)
	a.u32(uint32(n>>21&0x7f|0x80)<<24 | uint32(n>>14&0x7f|0x80)<<16 | uint32(n>>7&0x7f|0x80)<<8 | uint32(n&0x7f))
}

func appendWVTT(a *appender, t *Track) {
	at := a.box("vttC")
	if len(t.Format.Record) == 0 {
		a.text("WEBVTT")
	}
	a.bytes(t.Format.Record)
	a.end(at)
	a.btrt(t)
}

func appendSTPP(a *appender, t *Track) {
	if len(t.Format.Record) == 0 {
		a.text("http://www.w3.org/ns/ttml")
	}
	a.bytes(t.Format.Record)
	a.u8(0)
	a.u8(0) // schema_location
	if strings.HasSuffix(t.Format.RFC6381, "im1i") {
		a.text("image/png")
	}
	a.u8(0) // auxiliary_mime_types
	a.btrt(t)
}
