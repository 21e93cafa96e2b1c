package psi

// SDT is the service description table of one transport stream (EN 300 468
// clause 5.2.3).
type SDT struct {
	Other             bool // describes another transport stream: table_id 0x46
	TransportStreamID uint16
	OriginalNetworkID uint16
	Version           uint8 // version_number, 0 to 31
	Next              bool  // current_next_indicator 0
	Services          []SDTService
}

// SDTService is one service of an SDT.
type SDTService struct {
	ServiceID           uint16 // the program_number of the PMT
	EITSchedule         bool   // EIT_schedule_flag
	EITPresentFollowing bool   // EIT_present_following_flag
	Running             RunningStatus
	FreeCA              bool // free_CA_mode: some stream is scrambled
	Descriptors         Descriptors
}

// RunningStatus is running_status, 3 bits (EN 300 468 table 6).
type RunningStatus uint8

// The running states of a service or event.
const (
	RunningUndefined RunningStatus = iota
	RunningNot
	RunningSoon // starts in a few seconds
	RunningPausing
	Running
	RunningOffAir
)

// String returns the state as EN 300 468 names it.
func (r RunningStatus) String() string {
	names := [...]string{"undefined", "not running", "starts in a few seconds", "pausing", "running", "service off-air"}
	if int(r) < len(names) {
		return names[r]
	}
	return "reserved"
}

// ParseSDT parses all sections of one version of an SDT, actual or other.
func ParseSDT(sections ...Section) (*SDT, error) {
	t := new(SDT)
	h, err := decodeSections(sections, is(TableSDTActual, TableSDTOther), longOnly(func(_ Section, c *coder) {
		t.codeFixed(c)
		list(c, &t.Services, codeSDTService)
	}))
	t.Other, t.TransportStreamID, t.Version, t.Next = h.TableID == TableSDTOther, h.Extension, h.Version, h.Next
	return orNil(t, err)
}

func (t *SDT) codeFixed(c *coder) {
	bits(c, 16, &t.OriginalNetworkID)
	c.reserved(8)
}

func codeSDTService(c *coder, s *SDTService) {
	bits(c, 16, &s.ServiceID)
	c.reserved(6)
	c.flag(&s.EITSchedule)
	c.flag(&s.EITPresentFollowing)
	bits(c, 3, &s.Running)
	c.flag(&s.FreeCA)
	c.sized(12, func(c *coder) { c.descriptors(&s.Descriptors) })
}

// ID returns table_id.
func (t *SDT) ID() uint8 {
	if t.Other {
		return TableSDTOther
	}
	return TableSDTActual
}

// Sections builds the sections of the table, split between services.
func (t *SDT) Sections() ([]Section, error) {
	entries, err := encodeEntries(t.Services, codeSDTService)
	if err != nil {
		return nil, err
	}
	fixed := newEncoder(nil)
	t.codeFixed(fixed)
	h := Header{TableID: t.ID(), Extension: t.TransportStreamID, Version: t.Version, Next: t.Next}
	return splitSections(h, fixed.b, entries)
}
