package psi

// PMT is the program map table of one programme (ISO/IEC 13818-1 clause 2.4.4.8).
type PMT struct {
	ProgramNumber uint16
	Version       uint8  // version_number, 0 to 31
	Next          bool   // current_next_indicator 0
	PCRPID        uint16 // 13 bits; PIDNull if the programme has no PCR
	Descriptors   Descriptors
	Streams       []Stream
}

// Stream is one elementary stream of a PMT.
type Stream struct {
	Type        uint8  `text:"stream_type"` // stream_type
	PID         uint16 // elementary_PID, 13 bits
	Descriptors Descriptors
}

// ParsePMT parses the section of a PMT.
func ParsePMT(sections ...Section) (*PMT, error) {
	t := new(PMT)
	h, err := decodeSections(sections, is(TablePMT), longOnly(func(s Section, c *coder) {
		if s.Number() != 0 || s.Last() != 0 || len(sections) > 1 {
			c.fail("section %d of %d, want 0 of 0", s.Number(), s.Last())
		}
		t.code(c)
	}))
	t.ProgramNumber, t.Version, t.Next = h.Extension, h.Version, h.Next
	return orNil(t, err)
}

func (t *PMT) code(c *coder) {
	c.reserved(3)
	bits(c, 13, &t.PCRPID)
	c.loop(&t.Descriptors)
	list(c, &t.Streams, func(c *coder, s *Stream) {
		bits(c, 8, &s.Type)
		c.reserved(3)
		bits(c, 13, &s.PID)
		c.loop(&s.Descriptors)
	})
}

// ID returns table_id.
func (*PMT) ID() uint8 { return TablePMT }

// Sections builds the one section of the table.
func (t *PMT) Sections() ([]Section, error) {
	h := Header{TableID: TablePMT, Extension: t.ProgramNumber, Version: t.Version, Next: t.Next}
	return oneSection(h, t.code)
}
