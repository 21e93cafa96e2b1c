package psi

// PAT is the program association table (ISO/IEC 13818-1 clause 2.4.4.3).
type PAT struct {
	TransportStreamID uint16
	Version           uint8 // version_number, 0 to 31
	Next              bool  // current_next_indicator 0
	Programs          []Program
}

// Program is one entry of a PAT.
type Program struct {
	Number uint16 // program_number; 0 names the network PID
	PID    uint16 // program_map_PID or network_PID, 13 bits
}

// ParsePAT parses all sections of one version of the PAT.
func ParsePAT(sections ...Section) (*PAT, error) {
	t := new(PAT)
	h, err := decodeSections(sections, is(TablePAT), longOnly(func(_ Section, c *coder) {
		list(c, &t.Programs, codeProgram)
	}))
	t.TransportStreamID, t.Version, t.Next = h.Extension, h.Version, h.Next
	return orNil(t, err)
}

func codeProgram(c *coder, p *Program) {
	bits(c, 16, &p.Number)
	c.reserved(3)
	bits(c, 13, &p.PID)
}

// ID returns table_id.
func (*PAT) ID() uint8 { return TablePAT }

// Sections builds the sections of the table.
func (t *PAT) Sections() ([]Section, error) {
	entries, err := encodeEntries(t.Programs, codeProgram)
	if err != nil {
		return nil, err
	}
	h := Header{TableID: TablePAT, Extension: t.TransportStreamID, Version: t.Version, Next: t.Next}
	return splitSections(h, nil, entries)
}

// NetworkPID returns the PID of the NIT: that of program 0, or PIDNIT.
func (t *PAT) NetworkPID() uint16 {
	for _, p := range t.Programs {
		if p.Number == 0 {
			return p.PID
		}
	}
	return PIDNIT
}
