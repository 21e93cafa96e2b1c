package fmp4

import (
	"encoding/binary"
	"fmt"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// stsd reads the sample entries (ISO/IEC 14496-12 clause 8.5.2).
func (t *MovieTrack) stsd(b []byte) error {
	r := reader{b: b}
	version, _ := r.full()
	r.skip(4) // entry_count: the boxes are counted
	if r.failed {
		return r.error("stsd")
	}
	for x, err := range boxes(r.b) {
		if err != nil {
			return fmt.Errorf("stsd: %w", err)
		}
		if len(t.Formats) >= maxEntries {
			return fmt.Errorf("stsd: %w: more than %d entries", ErrBox, maxEntries)
		}
		f, err := t.entry(&x, version)
		if err != nil {
			return fmt.Errorf("stsd: %w", err)
		}
		if len(t.Formats) == 0 {
			t.Format, t.Entry = f, string(x.kind)
		}
		t.Formats = append(t.Formats, f)
	}
	return nil
}

// codecOf returns the codec of a sample entry. Of mp4a and mp4v, esds tells.
func codecOf(kind string) flow.Codec {
	switch kind {
	case "avc3":
		return flow.CodecH264
	case "hev1":
		return flow.CodecHEVC
	case "sac3":
		return flow.CodecAC3
	case "mp4a", "mp4v":
		return flow.CodecUnknown
	}
	for i := range entries {
		if entries[i].kind == kind {
			return entries[i].codec
		}
	}
	return flow.CodecUnknown
}

// entry reads one sample entry. One that is not known here is none of its business,
// and no error.
func (t *MovieTrack) entry(x *box, version uint8) (es.Format, error) {
	kind := string(x.kind)
	r := reader{b: x.body}
	r.skip(8)
	f := es.Format{Codec: codecOf(kind)}
	switch t.Kind {
	case flow.KindVideo:
		r.skip(16)
		f.Width, f.Height = int(r.u16()), int(r.u16())
		f.SARNum, f.SARDen = 1, 1
		r.skip(50)
	case flow.KindAudio:
		sound := r.u16()
		r.skip(6)
		f.Channels = int(r.u16())
		r.skip(6)
		f.SampleRate = int(r.u32() >> 16)
		if version == 0 { // of QuickTime files
			switch sound {
			case 1:
				r.skip(16)
			case 2:
				r.skip(36)
			}
		}
	default:
		return t.textEntry(kind, &r)
	}
	if r.failed {
		return f, r.error(kind)
	}
	return f, t.extensions(&f, kind, r.b)
}

// textEntry reads the rest of an entry that is neither video nor audio.
func (t *MovieTrack) textEntry(kind string, r *reader) (es.Format, error) {
	f := es.Format{}
	switch kind {
	case "wvtt":
		f.RFC6381 = "wvtt"
		for x, err := range boxes(r.b) {
			if err != nil {
				return f, fmt.Errorf("wvtt: %w", err)
			}
			if string(x.kind) == "vttC" {
				f.Record = x.body
			}
		}
	case "stpp":
		f.RFC6381 = "stpp"
		f.Record = []byte(r.cstring())
		r.cstring()
		if r.cstring() == "image/png" {
			f.RFC6381 = "stpp.ttml.im1i"
		}
	}
	return f, r.error(kind)
}

// extensions reads the boxes after the fields of a sample entry of video or audio.
func (t *MovieTrack) extensions(f *es.Format, kind string, b []byte) error {
	for x, err := range boxes(b) {
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		r := reader{b: x.body}
		switch k := string(x.kind); k {
		case "avcC", "hvcC", "av1C", "vpcC", "dac3", "dec3", "dOps":
			f.Record = x.body
		case "esds":
			if err := parseESDS(f, x.body); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		case "wave": // of QuickTime files: esds is in it
			for y, err := range boxes(x.body) {
				if err == nil && string(y.kind) == "esds" {
					err = parseESDS(f, y.body)
				}
				if err != nil {
					return fmt.Errorf("%s: wave: %w", kind, err)
				}
			}
		case "pasp":
			if num, den := r.u32(), r.u32(); num > 0 && den > 0 {
				f.SARNum, f.SARDen = int(num), int(den)
			}
		case "colr":
			parseColr(f, &r)
		case "btrt":
			r.skip(4)
			t.Peak, t.Average = r.u32(), r.u32()
		case "sinf":
			t.Protection = x.raw
			f.Codec = original(x.body, f.Codec)
		}
		if r.failed {
			return fmt.Errorf("%s: %w", kind, r.error(string(x.kind)))
		}
	}
	describe(f)
	return nil
}

func parseColr(f *es.Format, r *reader) {
	switch string(r.take(4)) {
	case "nclx":
		f.Colour = es.Colour{Primaries: uint8(r.u16()), Transfer: uint8(r.u16()), Matrix: uint8(r.u16()), FullRange: r.u8()&0x80 != 0}
	case "nclc": // of QuickTime files
		f.Colour = es.Colour{Primaries: uint8(r.u16()), Transfer: uint8(r.u16()), Matrix: uint8(r.u16())}
	}
}

// original returns the codec of an encrypted sample entry, which frma tells; of esds
// it is known already.
func original(sinf []byte, known flow.Codec) flow.Codec {
	for x, err := range boxes(sinf) {
		if err == nil && string(x.kind) == "frma" && len(x.body) >= 4 {
			if c := codecOf(string(x.body[:4])); c != flow.CodecUnknown {
				return c
			}
		}
	}
	return known
}

// parseESDS reads the descriptors of an esds (ISO/IEC 14496-1 clause 7.2.6).
func parseESDS(f *es.Format, b []byte) error {
	r := reader{b: b}
	r.full()
	d, ok := r.descriptor(3)
	if !ok {
		return fmt.Errorf("esds: %w", ErrShort)
	}
	d.skip(2)
	flags := d.u8()
	if flags&0x80 != 0 { // streamDependenceFlag
		d.skip(2)
	}
	if flags&0x40 != 0 { // URL_Flag
		d.skip(int(d.u8()))
	}
	if flags&0x20 != 0 { // OCRstreamFlag
		d.skip(2)
	}
	c, ok := d.descriptor(4)
	if !ok {
		return fmt.Errorf("esds: %w", ErrShort)
	}
	object := c.u8()
	c.skip(12)
	if s, ok := c.descriptor(5); ok {
		f.Record = s.b
	}
	f.Codec = codecOfObject(object)
	f.RFC6381 = fmt.Sprintf("mp4a.%02X", object)
	if f.Width > 0 {
		f.RFC6381 = fmt.Sprintf("mp4v.%02X", object)
	}
	return nil
}

func codecOfObject(object uint8) flow.Codec {
	switch object {
	case objectAAC, 0x66, 0x67, 0x68:
		return flow.CodecAAC
	case 0x60, objectMPEG2Main, 0x62, 0x63, 0x64, 0x65:
		return flow.CodecMPEG2Video
	case objectMPEG1:
		return flow.CodecMPEG1Video
	case objectMPEG2Part, objectMPEG1Part:
		return flow.CodecMPEGAudio
	case 0xa5:
		return flow.CodecAC3
	case 0xa6:
		return flow.CodecEAC3
	default:
		return flow.CodecUnknown
	}
}

// descriptor reads a descriptor with the given tag.
func (r *reader) descriptor(tag uint8) (d reader, ok bool) {
	if len(r.b) == 0 || r.b[0] != tag {
		return d, false
	}
	r.skip(1)
	n := 0
	for range 4 {
		c := r.u8()
		n = n<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			break
		}
	}
	d.b = r.take(n)
	return d, !r.failed
}

// describe sets what the record of a format tells of it.
func describe(f *es.Format) {
	b := f.Record
	switch {
	case f.Codec == flow.CodecH264 && len(b) >= 4:
		f.RFC6381 = fmt.Sprintf("avc1.%02x%02x%02x", b[1], b[2], b[3])
	case f.Codec == flow.CodecHEVC && len(b) >= 13:
		f.RFC6381 = hevcString(b)
	case f.Codec == flow.CodecAV1 && len(b) >= 4:
		tier, depth := "M", 8
		if b[2]&0x80 != 0 {
			tier = "H"
		}
		if b[2]&0x40 != 0 {
			depth = 10 + int(b[2]>>5&1)*2
		}
		f.RFC6381 = fmt.Sprintf("av01.%d.%02d%s.%02d", b[1]>>5, b[1]&31, tier, depth)
	case f.Codec == flow.CodecVP9 && len(b) >= 7:
		f.RFC6381 = fmt.Sprintf("vp09.%02d.%02d.%02d", b[4], b[5], b[6]>>4)
	case f.Codec == flow.CodecAAC:
		describeAAC(f)
	case f.Codec == flow.CodecMPEGAudio:
		f.FrameSamples = 1152
		if f.SampleRate < 32000 {
			f.FrameSamples = 576
		}
	case f.Codec == flow.CodecAC3 && len(b) >= 3:
		f.RFC6381, f.FrameSamples = "ac-3", 1536
		v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
		f.Channels = acChannels(v>>11&7, v>>10&1)
	case f.Codec == flow.CodecEAC3 && len(b) >= 5:
		f.RFC6381, f.FrameSamples = "ec-3", 1536
		f.Channels = eac3Channels(b)
	case f.Codec == flow.CodecOpus && len(b) >= 11:
		f.RFC6381, f.SampleRate, f.Channels = "opus", 48000, int(b[1])
	case f.Codec == flow.CodecPCMA:
		f.RFC6381 = "alaw"
	case f.Codec == flow.CodecPCMU:
		f.RFC6381 = "ulaw"
	}
}

// hevcString returns the codecs parameter of an hvcC (ISO/IEC 14496-15 annex E.3).
func hevcString(b []byte) string {
	compatible, reversed := binary.BigEndian.Uint32(b[2:]), uint32(0)
	for i := range 32 {
		reversed |= compatible >> i & 1 << (31 - i)
	}
	space, tier := "", "L"
	if n := b[1] >> 6; n > 0 {
		space = string('A' + rune(n) - 1)
	}
	if b[1]&0x20 != 0 {
		tier = "H"
	}
	s := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, b[1]&31, reversed, tier, b[12])
	last := 12
	for last > 6 && b[last-1] == 0 {
		last--
	}
	for _, c := range b[6:last] {
		s += fmt.Sprintf(".%X", c)
	}
	return s
}

// rates are the sampling frequencies of ISO/IEC 14496-3 table 1.18.
var rates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// describeAAC reads an AudioSpecificConfig (ISO/IEC 14496-3 clause 1.6.2.1).
func describeAAC(f *es.Format) {
	if len(f.Record) < 2 {
		return
	}
	r := bitReader{b: f.Record}
	object := r.object()
	rate, channels := r.rate(), r.get(4)
	f.FrameSamples = 1024
	core := object
	if object == 5 || object == 29 { // SBR, PS: the sampling rate that comes out
		rate, core = r.rate(), r.object()
		f.FrameSamples = 2048
	}
	if (core == 1 || core == 2) && r.get(1) == 1 { // frameLengthFlag
		f.FrameSamples -= f.FrameSamples / 16
	}
	if rate > 0 {
		f.SampleRate = rate
	}
	if channels == 7 {
		channels = 8
	}
	if channels > 0 {
		f.Channels = int(channels)
	}
	if f.RFC6381 == "" || f.RFC6381 == "mp4a.40" {
		f.RFC6381 = fmt.Sprintf("mp4a.40.%d", object)
	}
}

// bitReader reads bits; beyond the end there are zeros.
type bitReader struct {
	b   []byte
	pos int
}

func (r *bitReader) get(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.pos / 8; i < len(r.b) {
			v |= uint32(r.b[i]>>(7-r.pos%8)) & 1
		}
		r.pos++
	}
	return v
}

func (r *bitReader) object() uint32 {
	if v := r.get(5); v != 31 {
		return v
	}
	return 32 + r.get(6)
}

func (r *bitReader) rate() int {
	i := r.get(4)
	if i == 15 {
		return int(r.get(24))
	}
	if int(i) < len(rates) {
		return rates[i]
	}
	return 0
}

// acChannels returns the channels of an audio coding mode (TS 102 366 clause 4.4.2.3)
// with or without low frequency effects.
func acChannels(mode, lfe uint32) int {
	return [8]int{2, 1, 2, 3, 3, 4, 4, 5}[mode] + int(lfe)
}

// eac3Channels returns the channels of the first programme of a dec3 with those that
// its dependent substreams add (TS 102 366 clause F.6).
func eac3Channels(b []byte) int {
	r := bitReader{b: b, pos: 16 + 2 + 5 + 1 + 1 + 3}
	n := acChannels(r.get(3), r.get(1))
	r.get(3)
	if r.get(4) == 0 {
		return n
	}
	location := r.get(9)
	for bit, channels := range [9]int{2, 2, 1, 1, 2, 2, 2, 1, 1} { // Lc/Rc, Lrs/Rrs, Cs, Ts, ...
		if location>>bit&1 != 0 {
			n += channels
		}
	}
	return n
}
