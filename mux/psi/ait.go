package psi

import "fmt"

// AIT is the application information table (TS 102 809 clause 5.3.4.6).
type AIT struct {
	Type         uint16 // application_type, 15 bits; 0x0010 HbbTV
	Test         bool   // test_application_flag
	Version      uint8  // version_number, 0 to 31
	Next         bool   // current_next_indicator 0
	Descriptors  Descriptors
	Applications []Application
}

// Application is one application of an AIT.
type Application struct {
	OrganisationID uint32
	ApplicationID  uint16
	ControlCode    uint8 // application_control_code; 1 AUTOSTART, 2 PRESENT
	Descriptors    Descriptors
}

// ParseAIT parses all sections of one version of an AIT.
func ParseAIT(sections ...Section) (*AIT, error) {
	t := new(AIT)
	h, err := decodeSections(sections, is(TableAIT), longOnly(func(_ Section, c *coder) {
		c.loop(&t.Descriptors)
		c.reserved(4)
		c.sized(12, func(c *coder) { list(c, &t.Applications, codeApplication) })
	}))
	t.Type, t.Test, t.Version, t.Next = h.Extension&0x7FFF, h.Extension>>15 == 1, h.Version, h.Next
	return orNil(t, err)
}

func codeApplication(c *coder, a *Application) {
	bits(c, 32, &a.OrganisationID)
	bits(c, 16, &a.ApplicationID)
	bits(c, 8, &a.ControlCode)
	c.loop(&a.Descriptors)
}

// ID returns table_id.
func (*AIT) ID() uint8 { return TableAIT }

// Sections builds the one section of the table.
func (t *AIT) Sections() ([]Section, error) {
	if t.Type > 0x7FFF {
		return nil, fmt.Errorf("AIT: application_type %#x does not fit 15 bits", t.Type)
	}
	h := Header{TableID: TableAIT, Extension: t.Type, Version: t.Version, Next: t.Next}
	if t.Test {
		h.Extension |= 0x8000
	}
	return oneSection(h, func(c *coder) {
		c.loop(&t.Descriptors)
		c.reserved(4)
		c.sized(12, func(c *coder) { list(c, &t.Applications, codeApplication) })
	})
}

// SIT is the selection information table of a partial transport stream
// (EN 300 468 clause 7.1.2).
type SIT struct {
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	Descriptors Descriptors
	Services    []SITService
}

// SITService is one service of a SIT.
type SITService struct {
	ServiceID   uint16
	Running     RunningStatus
	Descriptors Descriptors
}

// ParseSIT parses the section of a SIT.
func ParseSIT(sections ...Section) (*SIT, error) {
	t := new(SIT)
	h, err := decodeSections(sections, is(TableSIT), longOnly(func(_ Section, c *coder) { t.code(c) }))
	t.Version, t.Next = h.Version, h.Next
	return orNil(t, err)
}

func (t *SIT) code(c *coder) {
	c.loop(&t.Descriptors)
	list(c, &t.Services, func(c *coder, s *SITService) {
		bits(c, 16, &s.ServiceID)
		c.reserved(1)
		bits(c, 3, &s.Running)
		c.sized(12, func(c *coder) { c.descriptors(&s.Descriptors) })
	})
}

// ID returns table_id.
func (*SIT) ID() uint8 { return TableSIT }

// Sections builds the one section of the table.
func (t *SIT) Sections() ([]Section, error) {
	return oneSection(Header{TableID: TableSIT, Extension: 0xFFFF, Version: t.Version, Next: t.Next}, t.code)
}
