package psi

// VBIData is VBI_data_descriptor, tag 0x45 (EN 300 468 clause 6.2.47).
type VBIData struct {
	Services []VBIService
}

// Tag returns descriptor_tag.
func (*VBIData) Tag() uint8 { return 0x45 }

func (d *VBIData) code(c *coder) {
	list(c, &d.Services, func(c *coder, s *VBIService) {
		bits(c, 8, &s.ID)
		c.bytes8(&s.Lines)
	})
}

// VBIService is one service of a VBIData.
type VBIService struct {
	ID    uint8  // data_service_id: 1 EBU teletext, 4 VPS, 5 WSS, 6 closed captions
	Lines []byte // per line: 2 reserved bits, field_parity, 5 bits line_offset
}

// VBITeletext is VBI_teletext_descriptor, tag 0x46 (EN 300 468 clause 6.2.48).
type VBITeletext struct {
	Pages []TeletextPage
}

// Tag returns descriptor_tag.
func (*VBITeletext) Tag() uint8 { return 0x46 }

func (d *VBITeletext) code(c *coder) { list(c, &d.Pages, codeTeletextPage) }

// StreamIdentifier is stream_identifier_descriptor, tag 0x52 (EN 300 468 clause
// 6.2.39).
type StreamIdentifier struct {
	ComponentTag uint8
}

// Tag returns descriptor_tag.
func (*StreamIdentifier) Tag() uint8 { return 0x52 }

func (d *StreamIdentifier) code(c *coder) { bits(c, 8, &d.ComponentTag) }

// Teletext is teletext_descriptor, tag 0x56 (EN 300 468 clause 6.2.43).
type Teletext struct {
	Pages []TeletextPage
}

// Tag returns descriptor_tag.
func (*Teletext) Tag() uint8 { return 0x56 }

func (d *Teletext) code(c *coder) { list(c, &d.Pages, codeTeletextPage) }

// TeletextPage is one page of a Teletext or VBITeletext.
type TeletextPage struct {
	Language string // ISO 639-2, three letters
	Type     uint8  // 5 bits: 1 initial page, 2 subtitles, 3 additional information, 4 schedule, 5 subtitles for hard of hearing
	Magazine uint8  // teletext_magazine_number, 3 bits: 0 is magazine 8
	Page     uint8  `text:"%02x"` // teletext_page_number, two hexadecimal digits
}

func codeTeletextPage(c *coder, p *TeletextPage) {
	c.chars(3, &p.Language)
	bits(c, 5, &p.Type)
	bits(c, 3, &p.Magazine)
	bits(c, 8, &p.Page)
}

// Subtitling is subtitling_descriptor, tag 0x59 (EN 300 468 clause 6.2.41).
type Subtitling struct {
	Pages []SubtitlePage
}

// Tag returns descriptor_tag.
func (*Subtitling) Tag() uint8 { return 0x59 }

func (d *Subtitling) code(c *coder) {
	list(c, &d.Pages, func(c *coder, p *SubtitlePage) {
		c.chars(3, &p.Language)
		bits(c, 8, &p.Type)
		bits(c, 16, &p.Composition)
		bits(c, 16, &p.Ancillary)
	})
}

// SubtitlePage is one subtitle service of a Subtitling.
type SubtitlePage struct {
	Language    string // ISO 639-2, three letters
	Type        uint8  `text:"%#02x"` // subtitling_type: 0x10 to 0x14 normal, 0x20 to 0x24 for hard of hearing
	Composition uint16 // composition_page_id
	Ancillary   uint16 // ancillary_page_id
}

// Scrambling is scrambling_descriptor, tag 0x65 (EN 300 468 clause 6.2.32).
type Scrambling struct {
	Mode uint8 `text:"%#02x"` // 0x01 DVB-CSA1, 0x02 CSA2, 0x03 CSA3
}

// Tag returns descriptor_tag.
func (*Scrambling) Tag() uint8 { return 0x65 }

func (d *Scrambling) code(c *coder) { bits(c, 8, &d.Mode) }

// DataBroadcastID is data_broadcast_id_descriptor, tag 0x66 (EN 300 468 clause
// 6.2.12).
type DataBroadcastID struct {
	ID       uint16 `text:"%#04x"` // data_broadcast_id
	Selector []byte
}

// Tag returns descriptor_tag.
func (*DataBroadcastID) Tag() uint8 { return 0x66 }

func (d *DataBroadcastID) code(c *coder) {
	bits(c, 16, &d.ID)
	c.rest(&d.Selector)
}

// AncillaryData is ancillary_data_descriptor, tag 0x6B (EN 300 468 clause 6.2.2).
type AncillaryData struct {
	Identifier uint8 `text:"%#02x"` // one bit per kind of data
}

// Tag returns descriptor_tag.
func (*AncillaryData) Tag() uint8 { return 0x6B }

func (d *AncillaryData) code(c *coder) { bits(c, 8, &d.Identifier) }

// ApplicationSignalling is application_signalling_descriptor, tag 0x6F (TS 102 809
// clause 5.3.5.1).
type ApplicationSignalling struct {
	Applications []SignalledApplication
}

// Tag returns descriptor_tag.
func (*ApplicationSignalling) Tag() uint8 { return 0x6F }

func (d *ApplicationSignalling) code(c *coder) {
	list(c, &d.Applications, func(c *coder, a *SignalledApplication) {
		c.reserved(1)
		bits(c, 15, &a.Type)
		c.reserved(3)
		bits(c, 5, &a.Version)
	})
}

// SignalledApplication is one AIT that the elementary stream carries.
type SignalledApplication struct {
	Type    uint16 `text:"%#04x"` // application_type, 15 bits; 0x0010 HbbTV
	Version uint8  // AIT_version_number, 5 bits
}

// AdaptationFieldData is adaptation_field_data_descriptor, tag 0x70 (EN 300 468
// clause 6.2.1).
type AdaptationFieldData struct {
	Identifier uint8 `text:"%#02x"` // one bit per kind of data
}

// Tag returns descriptor_tag.
func (*AdaptationFieldData) Tag() uint8 { return 0x70 }

func (d *AdaptationFieldData) code(c *coder) { bits(c, 8, &d.Identifier) }

// T2MI is T2MI_descriptor, extension 0x11 (EN 300 468 clause 6.4.14).
type T2MI struct {
	StreamID    uint8 // t2mi_stream_id, 3 bits
	Streams     uint8 // num_t2mi_streams_minus_one, 3 bits
	CommonClock bool  // pcr_iscr_common_clock_flag
	Reserved    []byte
}

// Tag returns descriptor_tag.
func (*T2MI) Tag() uint8 { return tagExtension }

func (*T2MI) extension() uint8 { return 0x11 }

func (d *T2MI) code(c *coder) {
	c.zeros(5)
	bits(c, 3, &d.StreamID)
	c.zeros(5)
	bits(c, 3, &d.Streams)
	c.zeros(7)
	c.flag(&d.CommonClock)
	c.rest(&d.Reserved)
}
