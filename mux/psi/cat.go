package psi

// CAT is the conditional access table (ISO/IEC 13818-1 clause 2.4.4.6): a
// CADescriptor for each system that sends EMMs.
type CAT struct {
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	Descriptors Descriptors
}

// ParseCAT parses all sections of one version of the CAT.
func ParseCAT(sections ...Section) (*CAT, error) {
	t := new(CAT)
	h, err := decodeSections(sections, is(TableCAT), longOnly(func(_ Section, c *coder) {
		c.descriptors(&t.Descriptors)
	}))
	t.Version, t.Next = h.Version, h.Next
	return orNil(t, err)
}

// ID returns table_id.
func (*CAT) ID() uint8 { return TableCAT }

// Sections builds the sections of the table, split between descriptors.
func (t *CAT) Sections() ([]Section, error) {
	return descriptorSections(Header{TableID: TableCAT, Extension: 0xFFFF, Version: t.Version, Next: t.Next}, t.Descriptors)
}

// TSDT is the transport stream description table (ISO/IEC 13818-1 clause
// 2.4.4.12).
type TSDT struct {
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	Descriptors Descriptors
}

// ParseTSDT parses all sections of one version of the TSDT.
func ParseTSDT(sections ...Section) (*TSDT, error) {
	t := new(TSDT)
	h, err := decodeSections(sections, is(TableTSDT), longOnly(func(_ Section, c *coder) {
		c.descriptors(&t.Descriptors)
	}))
	t.Version, t.Next = h.Version, h.Next
	return orNil(t, err)
}

// ID returns table_id.
func (*TSDT) ID() uint8 { return TableTSDT }

// Sections builds the sections of the table, split between descriptors.
func (t *TSDT) Sections() ([]Section, error) {
	return descriptorSections(Header{TableID: TableTSDT, Extension: 0xFFFF, Version: t.Version, Next: t.Next}, t.Descriptors)
}

// descriptorSections builds the sections of a table that is one descriptor loop.
func descriptorSections(h Header, ds Descriptors) ([]Section, error) {
	entries, err := encodeEntries(ds, codeDescriptor)
	if err != nil {
		return nil, err
	}
	return splitSections(h, nil, entries)
}

// codeDescriptor encodes one descriptor.
func codeDescriptor(c *coder, d *Descriptor) { c.descriptor(*d) }
