package psi

// LogicalChannel is logical_channel_descriptor, tag 0x83 of EACEM and of Free TV
// Australia (IEC 62216 clause 8.3). Without private_data_specifier it is read in a
// NIT or BAT, where many networks omit it, but send one.
type LogicalChannel struct {
	Channels []ChannelNumber
}

// Tag returns descriptor_tag.
func (*LogicalChannel) Tag() uint8 { return 0x83 }

func (d *LogicalChannel) code(c *coder) { list(c, &d.Channels, codeChannelNumber) }

// ChannelNumber is the logical channel number of one service.
type ChannelNumber struct {
	ServiceID uint16
	Visible   bool   // visible_service_flag
	Number    uint16 // logical_channel_number: 10 bits, 14 in NorDig version 1; 0 and above 999 mean none
}

func codeChannelNumber(c *coder, n *ChannelNumber) {
	bits(c, 16, &n.ServiceID)
	c.flag(&n.Visible)
	c.reserved(5)
	bits(c, 10, &n.Number)
}

// HDSimulcastChannel is HD_simulcast_logical_channel_descriptor, tag 0x88 of
// EACEM and of the D-Book. A receiver for HD uses it in place of tag 0x83.
type HDSimulcastChannel struct {
	Channels []ChannelNumber
}

// Tag returns descriptor_tag.
func (*HDSimulcastChannel) Tag() uint8 { return 0x88 }

func (d *HDSimulcastChannel) code(c *coder) { list(c, &d.Channels, codeChannelNumber) }

// NorDigChannel is logical_channel_descriptor version 1, tag 0x83 of NorDig
// (NorDig Unified clause 12.2.9.2).
type NorDigChannel struct {
	Channels []ChannelNumber
}

// Tag returns descriptor_tag.
func (*NorDigChannel) Tag() uint8 { return 0x83 }

func (d *NorDigChannel) code(c *coder) {
	list(c, &d.Channels, func(c *coder, n *ChannelNumber) {
		bits(c, 16, &n.ServiceID)
		c.flag(&n.Visible)
		c.reserved(1)
		bits(c, 14, &n.Number)
	})
}

// NorDigChannelList is logical_channel_descriptor version 2, tag 0x87 of NorDig
// (NorDig Unified clause 12.2.9.3).
type NorDigChannelList struct {
	Lists []ChannelList
}

// Tag returns descriptor_tag.
func (*NorDigChannelList) Tag() uint8 { return 0x87 }

func (d *NorDigChannelList) code(c *coder) {
	list(c, &d.Lists, func(c *coder, l *ChannelList) {
		bits(c, 8, &l.ID)
		c.text(&l.Name)
		c.chars(3, &l.Country)
		c.sized(8, func(c *coder) { list(c, &l.Channels, codeChannelNumber) })
	})
}

// ChannelList is one list of a NorDigChannelList.
type ChannelList struct {
	ID       uint8 // channel_list_id
	Name     Text
	Country  string // ISO 3166, three letters
	Channels []ChannelNumber
}

// DBookChannel is logical_channel_descriptor, tag 0x83 of the D-Book. Its six bits
// before the number are reserved.
type DBookChannel struct {
	Channels []DBookChannelNumber
}

// Tag returns descriptor_tag.
func (*DBookChannel) Tag() uint8 { return 0x83 }

func (d *DBookChannel) code(c *coder) {
	list(c, &d.Channels, func(c *coder, n *DBookChannelNumber) {
		bits(c, 16, &n.ServiceID)
		c.reserved(6)
		bits(c, 10, &n.Number)
	})
}

// DBookChannelNumber is the logical channel number of one service.
type DBookChannelNumber struct {
	ServiceID uint16
	Number    uint16 // 10 bits
}

// DBookServiceAttribute is service_attribute_descriptor, tag 0x86 of the D-Book.
type DBookServiceAttribute struct {
	Services []DBookService
}

// Tag returns descriptor_tag.
func (*DBookServiceAttribute) Tag() uint8 { return 0x86 }

func (d *DBookServiceAttribute) code(c *coder) {
	list(c, &d.Services, func(c *coder, s *DBookService) {
		bits(c, 16, &s.ServiceID)
		c.reserved(6)
		c.flag(&s.Selectable)
		c.flag(&s.Visible)
	})
}

// DBookService is one service of a DBookServiceAttribute.
type DBookService struct {
	ServiceID  uint16
	Selectable bool // numeric_selection_flag
	Visible    bool // visible_service_flag
}

// The values of private_data_specifier that scope logical channel numbers
// (TS 101 162).
const (
	SpecifierEACEM     uint32 = 0x00000028
	SpecifierNorDig    uint32 = 0x00000029
	SpecifierDBook     uint32 = 0x0000233A
	SpecifierAustralia uint32 = 0x00003200
)
