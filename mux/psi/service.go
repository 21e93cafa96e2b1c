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

// The service types of a headend.
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

// PrivateDataSpecifier is private_data_specifier_descriptor, tag 0x5F
// (EN 300 468 clause 6.2.31). It says whose the private tags after it in the same
// loop are.
type PrivateDataSpecifier struct {
	Specifier uint32
}

// Tag returns descriptor_tag.
func (*PrivateDataSpecifier) Tag() uint8 { return 0x5F }

func (d *PrivateDataSpecifier) code(c *coder) { bits(c, 32, &d.Specifier) }
