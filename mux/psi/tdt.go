package psi

import "errors"

// TDT is the time and date table (EN 300 468 clause 5.2.5).
type TDT struct {
	Time UTC
}

// ParseTDT parses the section of a TDT.
func ParseTDT(sections ...Section) (*TDT, error) {
	t := new(TDT)
	err := decodeShort(sections, TableTDT, func(c *coder) { c.fixed(t.Time[:]) })
	return orNil(t, err)
}

// ID returns table_id.
func (*TDT) ID() uint8 { return TableTDT }

// Sections builds the one section of the table.
func (t *TDT) Sections() ([]Section, error) {
	return encodeShort(TableTDT, func(c *coder) { c.fixed(t.Time[:]) })
}

// TOT is the time offset table (EN 300 468 clause 5.2.6): the time, and
// LocalTimeOffset for what to add to it.
type TOT struct {
	Time        UTC
	Descriptors Descriptors
}

// ParseTOT parses the section of a TOT.
func ParseTOT(sections ...Section) (*TOT, error) {
	t := new(TOT)
	return orNil(t, decodeShort(sections, TableTOT, t.code))
}

func (t *TOT) code(c *coder) {
	c.fixed(t.Time[:])
	c.loop(&t.Descriptors)
}

// ID returns table_id.
func (*TOT) ID() uint8 { return TableTOT }

// Sections builds the one section of the table.
func (t *TOT) Sections() ([]Section, error) { return encodeShort(TableTOT, t.code) }

// RST is the running status table (EN 300 468 clause 5.2.7).
type RST struct {
	Entries []RSTEntry
}

// RSTEntry is the new running status of one event.
type RSTEntry struct {
	Service ServiceRef
	EventID uint16
	Running RunningStatus
}

// ParseRST parses the section of an RST.
func ParseRST(sections ...Section) (*RST, error) {
	t := new(RST)
	return orNil(t, decodeShort(sections, TableRST, t.code))
}

func (t *RST) code(c *coder) {
	list(c, &t.Entries, func(c *coder, e *RSTEntry) {
		bits(c, 16, &e.Service.TransportStreamID)
		bits(c, 16, &e.Service.OriginalNetworkID)
		bits(c, 16, &e.Service.ServiceID)
		bits(c, 16, &e.EventID)
		c.reserved(5)
		bits(c, 3, &e.Running)
	})
}

// ID returns table_id.
func (*RST) ID() uint8 { return TableRST }

// Sections builds the one section of the table.
func (t *RST) Sections() ([]Section, error) { return encodeShort(TableRST, t.code) }

// ST is the stuffing table that overwrites a section (EN 300 468 clause 5.2.8).
type ST struct {
	Data []byte
}

// ParseST parses the section of an ST in short syntax.
func ParseST(sections ...Section) (*ST, error) {
	t := new(ST)
	return orNil(t, decodeShort(sections, TableST, func(c *coder) { c.rest(&t.Data) }))
}

// ID returns table_id.
func (*ST) ID() uint8 { return TableST }

// Sections builds the one section of the table.
func (t *ST) Sections() ([]Section, error) {
	return encodeShort(TableST, func(c *coder) { c.rest(&t.Data) })
}

// DIT is the discontinuity information table of a partial transport stream
// (EN 300 468 clause 7.1.1).
type DIT struct {
	Transition bool // transition_flag: the source of the stream changes
}

// ParseDIT parses the section of a DIT.
func ParseDIT(sections ...Section) (*DIT, error) {
	t := new(DIT)
	return orNil(t, decodeShort(sections, TableDIT, t.code))
}

func (t *DIT) code(c *coder) {
	c.flag(&t.Transition)
	c.reserved(7)
}

// ID returns table_id.
func (*DIT) ID() uint8 { return TableDIT }

// Sections builds the one section of the table.
func (t *DIT) Sections() ([]Section, error) { return encodeShort(TableDIT, t.code) }

// SpliceInfo is a splice_info_section (SCTE 35 clause 9.2), kept as it is.
type SpliceInfo struct {
	Data []byte // between section_length and CRC_32
}

// ParseSpliceInfo parses a splice_info_section as far as its frame.
func ParseSpliceInfo(sections ...Section) (*SpliceInfo, error) {
	t := new(SpliceInfo)
	return orNil(t, decodeShort(sections, TableSpliceInfo, func(c *coder) { c.rest(&t.Data) }))
}

// ID returns table_id.
func (*SpliceInfo) ID() uint8 { return TableSpliceInfo }

// Sections builds the one section of the table.
func (t *SpliceInfo) Sections() ([]Section, error) {
	return encodeShort(TableSpliceInfo, func(c *coder) { c.rest(&t.Data) })
}

var errShortSyntax = errors.New("section_syntax_indicator is 1, want 0")

func decodeShort(sections []Section, id uint8, body func(*coder)) error {
	if len(sections) > 1 {
		return errors.New("more than one section")
	}
	_, err := decodeSections(sections, is(id), func(s Section, c *coder) {
		if s.Long() {
			c.err = errShortSyntax
			return
		}
		body(c)
	})
	return err
}

func encodeShort(id uint8, body func(*coder)) ([]Section, error) {
	c := newEncoder(nil)
	body(c)
	if c.err != nil {
		return nil, c.err
	}
	s, err := shortSection(id, c.b)
	if err != nil {
		return nil, err
	}
	return []Section{s}, nil
}
