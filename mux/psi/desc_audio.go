package psi

// AC3 is AC-3_descriptor, tag 0x6A (EN 300 468 annex D.3).
type AC3 struct {
	ComponentType *uint8 // nil if absent, as the fields below
	BSID          *uint8
	MainID        *uint8
	ASVC          *uint8
	Info          []byte // additional_info_byte
}

// Tag returns descriptor_tag.
func (*AC3) Tag() uint8 { return 0x6A }

func (d *AC3) code(c *coder) {
	present(c, &d.ComponentType)
	present(c, &d.BSID)
	present(c, &d.MainID)
	present(c, &d.ASVC)
	c.zeros(4)
	octet(c, d.ComponentType)
	octet(c, d.BSID)
	octet(c, d.MainID)
	octet(c, d.ASVC)
	c.rest(&d.Info)
}

// EAC3 is enhanced_ac-3_descriptor, tag 0x7A (EN 300 468 annex D.5).
type EAC3 struct {
	MixInfo       bool   // mixinfoexists
	ComponentType *uint8 // nil if absent, as the fields below
	BSID          *uint8
	MainID        *uint8
	ASVC          *uint8
	Substream1    *uint8
	Substream2    *uint8
	Substream3    *uint8
	Info          []byte // additional_info_byte
}

// Tag returns descriptor_tag.
func (*EAC3) Tag() uint8 { return 0x7A }

func (d *EAC3) code(c *coder) {
	present(c, &d.ComponentType)
	present(c, &d.BSID)
	present(c, &d.MainID)
	present(c, &d.ASVC)
	c.flag(&d.MixInfo)
	present(c, &d.Substream1)
	present(c, &d.Substream2)
	present(c, &d.Substream3)
	for _, v := range []*uint8{d.ComponentType, d.BSID, d.MainID, d.ASVC, d.Substream1, d.Substream2, d.Substream3} {
		octet(c, v)
	}
	c.rest(&d.Info)
}

// DTS is DTS_audio_stream_descriptor, tag 0x7B (EN 300 468 annex G.2).
type DTS struct {
	SampleRate       uint8  // sample_rate_code, 4 bits: 13 is 48 kHz
	BitRate          uint8  // bit_rate_code, 6 bits
	Blocks           uint8  // nblks, 7 bits
	FrameSize        uint16 // fsize, 14 bits, in bytes
	SurroundMode     uint8  // 6 bits
	LFE              bool   // lfe_flag
	ExtendedSurround uint8  // extended_surround_flag, 2 bits
	Info             []byte // additional_info_byte
}

// Tag returns descriptor_tag.
func (*DTS) Tag() uint8 { return 0x7B }

func (d *DTS) code(c *coder) {
	bits(c, 4, &d.SampleRate)
	bits(c, 6, &d.BitRate)
	bits(c, 7, &d.Blocks)
	bits(c, 14, &d.FrameSize)
	bits(c, 6, &d.SurroundMode)
	c.flag(&d.LFE)
	bits(c, 2, &d.ExtendedSurround)
	c.rest(&d.Info)
}

// AAC is AAC_descriptor, tag 0x7C (EN 300 468 annex H.2.1).
type AAC struct {
	ProfileAndLevel uint8     `text:"%#02x"`
	Extra           *AACExtra // nil if the descriptor ends before it
}

// Tag returns descriptor_tag.
func (*AAC) Tag() uint8 { return 0x7C }

func (d *AAC) code(c *coder) {
	bits(c, 8, &d.ProfileAndLevel)
	if !c.more(d.Extra != nil) {
		return
	}
	if d.Extra == nil {
		d.Extra = new(AACExtra)
	}
	d.Extra.code(c)
}

// AACExtra is the optional part of an AAC.
type AACExtra struct {
	Type   *uint8 // AAC_type, a component_type; nil if absent
	SAOCDE bool   // SAOC_DE_flag
	Info   []byte // additional_info_byte
}

func (e *AACExtra) code(c *coder) {
	present(c, &e.Type)
	c.flag(&e.SAOCDE)
	c.zeros(6)
	octet(c, e.Type)
	c.rest(&e.Info)
}

// SupplementaryAudio is supplementary_audio_descriptor, extension 0x06 (EN 300
// 468 clause 6.4.10).
type SupplementaryAudio struct {
	Independent    bool    // mix_type: a complete stream, not one to be mixed
	Classification uint8   // editorial_classification, 5 bits: 1 audio description, 2 clean audio for hearing impaired
	Language       *string // ISO 639-2, three letters; nil if absent
	Private        []byte
}

// Tag returns descriptor_tag.
func (*SupplementaryAudio) Tag() uint8 { return tagExtension }

func (*SupplementaryAudio) extension() uint8 { return 0x06 }

func (d *SupplementaryAudio) code(c *coder) {
	c.flag(&d.Independent)
	bits(c, 5, &d.Classification)
	c.reserved(1)
	present(c, &d.Language)
	if d.Language != nil {
		c.chars(3, d.Language)
	}
	c.rest(&d.Private)
}

// DTSHD is DTS-HD_audio_stream_descriptor, extension 0x0E (EN 300 468 annex
// G.3). The substreams stay as coded in substream_info.
type DTSHD struct {
	Core       *[]byte // substream_core; nil if absent, as the fields below
	Substream0 *[]byte
	Substream1 *[]byte
	Substream2 *[]byte
	Substream3 *[]byte
	Info       []byte // additional_info_byte
}

// Tag returns descriptor_tag.
func (*DTSHD) Tag() uint8 { return tagExtension }

func (*DTSHD) extension() uint8 { return 0x0E }

func (d *DTSHD) code(c *coder) {
	substreams := []**[]byte{&d.Core, &d.Substream0, &d.Substream1, &d.Substream2, &d.Substream3}
	for _, s := range substreams {
		present(c, s)
	}
	c.reserved(3)
	for _, s := range substreams {
		if *s != nil {
			c.bytes8(*s)
		}
	}
	c.rest(&d.Info)
}

// AC4 is AC-4_descriptor, extension 0x15 (EN 300 468 annex D.7).
type AC4 struct {
	Config *AC4Config // nil if absent
	TOC    *[]byte    // ac4_dsi_byte; nil if absent
	Info   []byte     // additional_info_byte
}

// Tag returns descriptor_tag.
func (*AC4) Tag() uint8 { return tagExtension }

func (*AC4) extension() uint8 { return 0x15 }

func (d *AC4) code(c *coder) {
	present(c, &d.Config)
	present(c, &d.TOC)
	c.zeros(6)
	if d.Config != nil {
		c.flag(&d.Config.DialogEnhancement)
		bits(c, 2, &d.Config.ChannelMode)
		c.zeros(5)
	}
	if d.TOC != nil {
		c.bytes8(d.TOC)
	}
	c.rest(&d.Info)
}

// AC4Config is the optional first part of an AC4.
type AC4Config struct {
	DialogEnhancement bool  // ac4_dialog_enhancement_enabled
	ChannelMode       uint8 // 2 bits: 0 mono, 1 stereo, 2 multichannel
}
