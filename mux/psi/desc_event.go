package psi

// ShortEvent is short_event_descriptor, tag 0x4D (EN 300 468 clause 6.2.37).
type ShortEvent struct {
	Language string // ISO 639-2, three letters
	Name     Text
	Text     Text
}

// Tag returns descriptor_tag.
func (*ShortEvent) Tag() uint8 { return 0x4D }

func (d *ShortEvent) code(c *coder) {
	c.chars(3, &d.Language)
	c.text(&d.Name)
	c.text(&d.Text)
}

// ExtendedEvent is extended_event_descriptor, tag 0x4E (EN 300 468 clause
// 6.2.15). A longer text goes on in up to sixteen of them; NewExtendedEvents splits
// it.
type ExtendedEvent struct {
	Number   uint8  // descriptor_number, 4 bits
	Last     uint8  // last_descriptor_number, 4 bits
	Language string // ISO 639-2, three letters
	Items    []EventItem
	Text     Text
}

// Tag returns descriptor_tag.
func (*ExtendedEvent) Tag() uint8 { return 0x4E }

func (d *ExtendedEvent) code(c *coder) {
	bits(c, 4, &d.Number)
	bits(c, 4, &d.Last)
	c.chars(3, &d.Language)
	c.sized(8, func(c *coder) {
		list(c, &d.Items, func(c *coder, i *EventItem) {
			c.text(&i.Description)
			c.text(&i.Item)
		})
	})
	c.text(&d.Text)
}

// EventItem is one item of an ExtendedEvent, such as "Director" and a name.
type EventItem struct {
	Description Text
	Item        Text
}

// TimeShiftedEvent is time_shifted_event_descriptor, tag 0x4F (EN 300 468 clause
// 6.2.44).
type TimeShiftedEvent struct {
	ReferenceServiceID uint16
	ReferenceEventID   uint16
}

// Tag returns descriptor_tag.
func (*TimeShiftedEvent) Tag() uint8 { return 0x4F }

func (d *TimeShiftedEvent) code(c *coder) {
	bits(c, 16, &d.ReferenceServiceID)
	bits(c, 16, &d.ReferenceEventID)
}

// Component is component_descriptor, tag 0x50 (EN 300 468 clause 6.2.8).
type Component struct {
	ContentExt   uint8 // stream_content_ext, 4 bits; 15 for stream_content 1 to 8
	Content      uint8 // stream_content, 4 bits
	Type         uint8 `text:"%#02x"` // component_type
	ComponentTag uint8
	Language     string // ISO 639-2, three letters
	Text         Text
}

// Tag returns descriptor_tag.
func (*Component) Tag() uint8 { return 0x50 }

func (d *Component) code(c *coder) {
	bits(c, 4, &d.ContentExt)
	bits(c, 4, &d.Content)
	bits(c, 8, &d.Type)
	bits(c, 8, &d.ComponentTag)
	c.chars(3, &d.Language)
	c.restText(&d.Text)
}

// Content is content_descriptor, tag 0x54 (EN 300 468 clause 6.2.9).
type Content struct {
	Genres []Genre
}

// Tag returns descriptor_tag.
func (*Content) Tag() uint8 { return 0x54 }

func (d *Content) code(c *coder) {
	list(c, &d.Genres, func(c *coder, g *Genre) {
		bits(c, 4, &g.Level1)
		bits(c, 4, &g.Level2)
		bits(c, 8, &g.User)
	})
}

// Genre is one genre of an event (EN 300 468 table 28).
type Genre struct {
	Level1 uint8 // content_nibble_level_1
	Level2 uint8 // content_nibble_level_2
	User   uint8 `text:"%#02x"` // user_byte
}

// ParentalRating is parental_rating_descriptor, tag 0x55 (EN 300 468 clause
// 6.2.28).
type ParentalRating struct {
	Ratings []CountryRating
}

// Tag returns descriptor_tag.
func (*ParentalRating) Tag() uint8 { return 0x55 }

func (d *ParentalRating) code(c *coder) {
	list(c, &d.Ratings, func(c *coder, r *CountryRating) {
		c.chars(3, &r.Country)
		bits(c, 8, &r.Rating)
	})
}

// CountryRating is the rating of an event in one country.
type CountryRating struct {
	Country string // ISO 3166, three letters
	Rating  uint8  // 0 undefined; 1 to 15: minimum age minus 3
}

// LocalTimeOffset is local_time_offset_descriptor, tag 0x58 (EN 300 468 clause
// 6.2.20).
type LocalTimeOffset struct {
	Offsets []CountryOffset
}

// Tag returns descriptor_tag.
func (*LocalTimeOffset) Tag() uint8 { return 0x58 }

func (d *LocalTimeOffset) code(c *coder) {
	list(c, &d.Offsets, func(c *coder, o *CountryOffset) {
		c.chars(3, &o.Country)
		bits(c, 6, &o.Region)
		c.reserved(1)
		c.flag(&o.Behind)
		c.fixed(o.Offset[:])
		c.fixed(o.Change[:])
		c.fixed(o.Next[:])
	})
}

// CountryOffset is the local time of one country or region.
type CountryOffset struct {
	Country string // ISO 3166, three letters
	Region  uint8  // country_region_id, 6 bits; 0 if the country has one zone
	Behind  bool   // local_time_offset_polarity: behind UTC, west of Greenwich
	Offset  Offset
	Change  UTC    // time_of_change; a far date where there is no summer time
	Next    Offset // next_time_offset, from Change on
}

// MultilingualComponent is multilingual_component_descriptor, tag 0x5E (EN 300
// 468 clause 6.2.23).
type MultilingualComponent struct {
	ComponentTag uint8
	Texts        []LanguageText
}

// Tag returns descriptor_tag.
func (*MultilingualComponent) Tag() uint8 { return 0x5E }

func (d *MultilingualComponent) code(c *coder) {
	bits(c, 8, &d.ComponentTag)
	list(c, &d.Texts, func(c *coder, n *LanguageText) {
		c.chars(3, &n.Language)
		c.text(&n.Text)
	})
}

// ShortSmoothingBuffer is short_smoothing_buffer_descriptor, tag 0x61 (EN 300 468
// clause 6.2.38).
type ShortSmoothingBuffer struct {
	Size     uint8 // sb_size, 2 bits: 1 is 1536 bytes
	LeakRate uint8 // sb_leak_rate, 6 bits
	Reserved []byte
}

// Tag returns descriptor_tag.
func (*ShortSmoothingBuffer) Tag() uint8 { return 0x61 }

func (d *ShortSmoothingBuffer) code(c *coder) {
	bits(c, 2, &d.Size)
	bits(c, 6, &d.LeakRate)
	c.rest(&d.Reserved)
}

// PartialTransportStream is partial_transport_stream_descriptor, tag 0x63 of a SIT
// (EN 300 468 clause 7.2.1).
type PartialTransportStream struct {
	PeakRate        uint32 // 22 bits, in units of 400 bit/s
	SmoothingRate   uint32 // minimum_overall_smoothing_rate, 22 bits, in units of 400 bit/s
	SmoothingBuffer uint16 // maximum_overall_smoothing_buffer, 14 bits, in bytes
}

// Tag returns descriptor_tag.
func (*PartialTransportStream) Tag() uint8 { return 0x63 }

func (d *PartialTransportStream) code(c *coder) {
	c.reserved(2)
	bits(c, 22, &d.PeakRate)
	c.reserved(2)
	bits(c, 22, &d.SmoothingRate)
	c.reserved(2)
	bits(c, 14, &d.SmoothingBuffer)
}

// PDC is PDC_descriptor, tag 0x69 (EN 300 468 clause 6.2.30).
type PDC struct {
	Day    uint8 // 5 bits of the programme_identification_label: announced start
	Month  uint8 // 4 bits
	Hour   uint8 // 5 bits
	Minute uint8 // 6 bits
}

// Tag returns descriptor_tag.
func (*PDC) Tag() uint8 { return 0x69 }

func (d *PDC) code(c *coder) {
	c.reserved(4)
	bits(c, 5, &d.Day)
	bits(c, 4, &d.Month)
	bits(c, 5, &d.Hour)
	bits(c, 6, &d.Minute)
}

// ContentIdentifier is content_identifier_descriptor, tag 0x76 (TS 102 323
// clause 12.1).
type ContentIdentifier struct {
	CRIDs []CRID
}

// Tag returns descriptor_tag.
func (*ContentIdentifier) Tag() uint8 { return 0x76 }

func (d *ContentIdentifier) code(c *coder) {
	list(c, &d.CRIDs, func(c *coder, r *CRID) {
		bits(c, 6, &r.Type)
		bits(c, 2, &r.Location)
		switch r.Location {
		case 0:
			c.sized(8, func(c *coder) {
				b := []byte(r.Identifier)
				c.rest(&b)
				r.Identifier = string(b)
			})
		case 1:
			bits(c, 16, &r.Reference)
		default:
			c.fail("crid_location %d, want 0 or 1", r.Location)
		}
	})
}

// CRID is one content reference identifier.
type CRID struct {
	Type       uint8  // crid_type, 6 bits: 1 programme, 2 series, 3 recommendation
	Location   uint8  // crid_location, 2 bits: 0 here, 1 in the CIT
	Identifier string // Location 0
	Reference  uint16 // crid_ref, Location 1
}
