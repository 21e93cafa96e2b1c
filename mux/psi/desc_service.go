package psi

// Service is service_descriptor, tag 0x48 (EN 300 468 clause 6.2.33).
type Service struct {
	Type     ServiceType // service_type
	Provider Text
	Name     Text
}

// Tag returns descriptor_tag.
func (*Service) Tag() uint8 { return 0x48 }

func (d *Service) code(c *coder) {
	bits(c, 8, &d.Type)
	c.text(&d.Provider)
	c.text(&d.Name)
}

// ServiceType is service_type (EN 300 468 table 87).
type ServiceType uint8

// The service types of a headend. A receiver may hide a service whose type it
// does not know, so HEVC has its own.
const (
	ServiceTV            ServiceType = 0x01 // MPEG-2 SD
	ServiceRadio         ServiceType = 0x02
	ServiceTeletext      ServiceType = 0x03
	ServiceMosaic        ServiceType = 0x06
	ServiceAdvancedRadio ServiceType = 0x0A // advanced codec
	ServiceData          ServiceType = 0x0C
	ServiceMPEG2HD       ServiceType = 0x11
	ServiceAVCSD         ServiceType = 0x16
	ServiceAVCHD         ServiceType = 0x19
	ServiceHEVC          ServiceType = 0x1F
	ServiceHEVCUHD       ServiceType = 0x20
)

// String returns a short name of the service type.
func (t ServiceType) String() string {
	switch t {
	case ServiceTV:
		return "digital television"
	case ServiceRadio:
		return "digital radio"
	case ServiceTeletext:
		return "teletext"
	case ServiceMosaic:
		return "mosaic"
	case ServiceAdvancedRadio:
		return "advanced codec radio"
	case ServiceData:
		return "data broadcast"
	case ServiceMPEG2HD:
		return "MPEG-2 HD television"
	case ServiceAVCSD:
		return "AVC SD television"
	case ServiceAVCHD:
		return "AVC HD television"
	case ServiceHEVC:
		return "HEVC television"
	case ServiceHEVCUHD:
		return "HEVC UHD television"
	}
	return "other"
}

// NVODReference is NVOD_reference_descriptor, tag 0x4B (EN 300 468 clause
// 6.2.26).
type NVODReference struct {
	Services []ServiceRef
}

// Tag returns descriptor_tag.
func (*NVODReference) Tag() uint8 { return 0x4B }

func (d *NVODReference) code(c *coder) { list(c, &d.Services, codeServiceRef) }

// codeServiceRef codes transport_stream_id, original_network_id, service_id.
func codeServiceRef(c *coder, s *ServiceRef) {
	bits(c, 16, &s.TransportStreamID)
	bits(c, 16, &s.OriginalNetworkID)
	bits(c, 16, &s.ServiceID)
}

// codeServiceRefNetworkFirst codes original_network_id, transport_stream_id,
// service_id.
func codeServiceRefNetworkFirst(c *coder, s *ServiceRef) {
	bits(c, 16, &s.OriginalNetworkID)
	bits(c, 16, &s.TransportStreamID)
	bits(c, 16, &s.ServiceID)
}

// TimeShiftedService is time_shifted_service_descriptor, tag 0x4C (EN 300 468
// clause 6.2.45).
type TimeShiftedService struct {
	ReferenceServiceID uint16
}

// Tag returns descriptor_tag.
func (*TimeShiftedService) Tag() uint8 { return 0x4C }

func (d *TimeShiftedService) code(c *coder) { bits(c, 16, &d.ReferenceServiceID) }

// CAIdentifier is CA_identifier_descriptor, tag 0x53 (EN 300 468 clause 6.2.5).
type CAIdentifier struct {
	SystemIDs []uint16 `text:"%#04x"` // CA_system_ID
}

// Tag returns descriptor_tag.
func (*CAIdentifier) Tag() uint8 { return 0x53 }

func (d *CAIdentifier) code(c *coder) {
	list(c, &d.SystemIDs, func(c *coder, id *uint16) { bits(c, 16, id) })
}

// MultilingualServiceName is multilingual_service_name_descriptor, tag 0x5D
// (EN 300 468 clause 6.2.25).
type MultilingualServiceName struct {
	Names []LanguageServiceName
}

// Tag returns descriptor_tag.
func (*MultilingualServiceName) Tag() uint8 { return 0x5D }

func (d *MultilingualServiceName) code(c *coder) {
	list(c, &d.Names, func(c *coder, n *LanguageServiceName) {
		c.chars(3, &n.Language)
		c.text(&n.Provider)
		c.text(&n.Name)
	})
}

// LanguageServiceName is the name of a service in one language.
type LanguageServiceName struct {
	Language string // ISO 639-2, three letters
	Provider Text
	Name     Text
}

// PrivateDataSpecifier is private_data_specifier_descriptor, tag 0x5F
// (EN 300 468 clause 6.2.31). It says whose the private tags after it in the same
// loop are.
type PrivateDataSpecifier struct {
	Specifier uint32 `text:"%#08x"`
}

// Tag returns descriptor_tag.
func (*PrivateDataSpecifier) Tag() uint8 { return 0x5F }

func (d *PrivateDataSpecifier) code(c *coder) { bits(c, 32, &d.Specifier) }

// ServiceMove is service_move_descriptor, tag 0x60 (EN 300 468 clause 6.2.34).
type ServiceMove struct {
	To ServiceRef
}

// Tag returns descriptor_tag.
func (*ServiceMove) Tag() uint8 { return 0x60 }

func (d *ServiceMove) code(c *coder) { codeServiceRefNetworkFirst(c, &d.To) }

// DataBroadcast is data_broadcast_descriptor, tag 0x64 (EN 300 468 clause
// 6.2.11).
type DataBroadcast struct {
	ID           uint16 `text:"%#04x"` // data_broadcast_id
	ComponentTag uint8
	Selector     []byte
	Language     string // ISO 639-2, three letters
	Text         Text
}

// Tag returns descriptor_tag.
func (*DataBroadcast) Tag() uint8 { return 0x64 }

func (d *DataBroadcast) code(c *coder) {
	bits(c, 16, &d.ID)
	bits(c, 8, &d.ComponentTag)
	c.bytes8(&d.Selector)
	c.chars(3, &d.Language)
	c.text(&d.Text)
}

// AnnouncementSupport is announcement_support_descriptor, tag 0x6E (EN 300 468
// clause 6.2.3).
type AnnouncementSupport struct {
	Indicator     uint16 `text:"%#04x"` // announcement_support_indicator, one bit per type
	Announcements []Announcement
}

// Tag returns descriptor_tag.
func (*AnnouncementSupport) Tag() uint8 { return 0x6E }

func (d *AnnouncementSupport) code(c *coder) {
	bits(c, 16, &d.Indicator)
	list(c, &d.Announcements, func(c *coder, a *Announcement) {
		bits(c, 4, &a.Type)
		c.reserved(1)
		bits(c, 3, &a.Reference)
		if a.Reference >= 1 && a.Reference <= 3 {
			codeServiceRefNetworkFirst(c, &a.Service)
			bits(c, 8, &a.ComponentTag)
		}
	})
}

// Announcement says where announcements of one type are.
type Announcement struct {
	Type         uint8 // announcement_type, 4 bits
	Reference    uint8 // reference_type, 3 bits: only 1 to 3 have Service and ComponentTag
	Service      ServiceRef
	ComponentTag uint8
}

// ServiceIdentifier is service_identifier_descriptor, tag 0x71 (TS 102 809 clause
// 6.2.1).
type ServiceIdentifier struct {
	Identifier string
}

// Tag returns descriptor_tag.
func (*ServiceIdentifier) Tag() uint8 { return 0x71 }

func (d *ServiceIdentifier) code(c *coder) {
	b := []byte(d.Identifier)
	c.rest(&b)
	d.Identifier = string(b)
}

// ServiceAvailability is service_availability_descriptor, tag 0x72 (EN 300 468
// clause 6.2.34a).
type ServiceAvailability struct {
	Available bool // availability_flag: in the cells listed, otherwise in all others
	CellIDs   []uint16
}

// Tag returns descriptor_tag.
func (*ServiceAvailability) Tag() uint8 { return 0x72 }

func (d *ServiceAvailability) code(c *coder) {
	c.flag(&d.Available)
	c.reserved(7)
	list(c, &d.CellIDs, func(c *coder, id *uint16) { bits(c, 16, id) })
}

// DefaultAuthority is default_authority_descriptor, tag 0x73 (TS 102 323 clause
// 6.3.3).
type DefaultAuthority struct {
	Authority string // domain name that CRIDs are relative to
}

// Tag returns descriptor_tag.
func (*DefaultAuthority) Tag() uint8 { return 0x73 }

func (d *DefaultAuthority) code(c *coder) {
	b := []byte(d.Authority)
	c.rest(&b)
	d.Authority = string(b)
}

// FTAContentManagement is FTA_content_management_descriptor, tag 0x7E (EN 300
// 468 clause 6.2.18).
type FTAContentManagement struct {
	UserDefined          bool
	DoNotScramble        bool
	RemoteAccess         uint8 // control_remote_access_over_internet, 2 bits
	DoNotApplyRevocation bool
}

// Tag returns descriptor_tag.
func (*FTAContentManagement) Tag() uint8 { return 0x7E }

func (d *FTAContentManagement) code(c *coder) {
	c.flag(&d.UserDefined)
	c.reserved(3)
	c.flag(&d.DoNotScramble)
	bits(c, 2, &d.RemoteAccess)
	c.flag(&d.DoNotApplyRevocation)
}

// ServiceRelocated is service_relocated_descriptor, extension 0x0B (EN 300 468
// clause 6.4.9).
type ServiceRelocated struct {
	From ServiceRef
}

// Tag returns descriptor_tag.
func (*ServiceRelocated) Tag() uint8 { return tagExtension }

func (*ServiceRelocated) extension() uint8 { return 0x0B }

func (d *ServiceRelocated) code(c *coder) { codeServiceRefNetworkFirst(c, &d.From) }
