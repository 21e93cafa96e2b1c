package psi

// ApplicationInfo is application_descriptor, tag 0x00 of an AIT (TS 102 809
// clause 5.3.5.3).
type ApplicationInfo struct {
	Profiles     []ApplicationProfile
	ServiceBound bool   // service_bound_flag
	Visibility   uint8  // 2 bits: 3 visible to all
	Priority     uint8  // application_priority
	Labels       []byte // transport_protocol_label
}

// Tag returns descriptor_tag.
func (*ApplicationInfo) Tag() uint8 { return 0x00 }

func (d *ApplicationInfo) code(c *coder) {
	c.sized(8, func(c *coder) {
		list(c, &d.Profiles, func(c *coder, p *ApplicationProfile) {
			bits(c, 16, &p.Profile)
			bits(c, 8, &p.Major)
			bits(c, 8, &p.Minor)
			bits(c, 8, &p.Micro)
		})
	})
	c.flag(&d.ServiceBound)
	bits(c, 2, &d.Visibility)
	c.reserved(5)
	bits(c, 8, &d.Priority)
	c.rest(&d.Labels)
}

// ApplicationProfile is a platform profile that an application runs on.
type ApplicationProfile struct {
	Profile             uint16 // application_profile
	Major, Minor, Micro uint8
}

// ApplicationName is application_name_descriptor, tag 0x01 of an AIT (TS 102 809
// clause 5.3.5.6.1).
type ApplicationName struct {
	Names []LanguageText
}

// Tag returns descriptor_tag.
func (*ApplicationName) Tag() uint8 { return 0x01 }

func (d *ApplicationName) code(c *coder) {
	list(c, &d.Names, func(c *coder, n *LanguageText) {
		c.chars(3, &n.Language)
		c.text(&n.Text)
	})
}

// TransportProtocol is transport_protocol_descriptor, tag 0x02 of an AIT (TS 102
// 809 clause 5.3.6).
type TransportProtocol struct {
	Protocol uint16 // protocol_id: 1 object carousel, 3 HTTP
	Label    uint8  // transport_protocol_label
	Selector []byte
}

// Tag returns descriptor_tag.
func (*TransportProtocol) Tag() uint8 { return 0x02 }

func (d *TransportProtocol) code(c *coder) {
	bits(c, 16, &d.Protocol)
	bits(c, 8, &d.Label)
	c.rest(&d.Selector)
}

// SimpleApplicationLocation is simple_application_location_descriptor, tag 0x15
// of an AIT (TS 102 809 clause 5.3.7).
type SimpleApplicationLocation struct {
	InitialPath string
}

// Tag returns descriptor_tag.
func (*SimpleApplicationLocation) Tag() uint8 { return 0x15 }

func (d *SimpleApplicationLocation) code(c *coder) {
	b := []byte(d.InitialPath)
	c.rest(&b)
	d.InitialPath = string(b)
}
