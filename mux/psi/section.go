package psi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The limits of section sizes in bytes, header and CRC_32 included
// (ISO/IEC 13818-1 clause 2.4.4, EN 300 468 clause 5.1.1).
const (
	MaxSection        = 1024 // PAT, CAT, PMT, NIT, SDT, BAT, TOT, AIT …
	MaxPrivateSection = 4096 // EIT, ST, SIT, splice_info_section, private sections

	shortHeader = 3
	longHeader  = 8
	crcSize     = 4
)

// ErrCRC is wrapped by errors about a CRC_32 that does not match.
var ErrCRC = errors.New("wrong CRC_32")

// Section is the bytes of one section, from table_id to the end of CRC_32
// (ISO/IEC 13818-1 clause 2.4.4.11). The accessors may be called on a section
// that Check accepts; those from an Assembler or from a Sections method do.
type Section []byte

// Check returns an error unless s is one whole section: at least a header,
// exactly as long as section_length says, within MaxPrivateSection, and with a
// right CRC_32 where its table has one. It wraps ErrShort or ErrCRC.
func (s Section) Check() error {
	if len(s) < shortHeader {
		return fmt.Errorf("section: %w: %d bytes, want at least %d", ErrShort, len(s), shortHeader)
	}
	size := s.size()
	switch {
	case size > MaxPrivateSection:
		return fmt.Errorf("section of table %#02x: %d bytes, want at most %d", s[0], size, MaxPrivateSection)
	case len(s) < size:
		return fmt.Errorf("section of table %#02x: %w: %d bytes of %d", s[0], ErrShort, len(s), size)
	case len(s) > size:
		return fmt.Errorf("section of table %#02x: %d bytes after its end", s[0], len(s)-size)
	case s.Long() && size < longHeader+crcSize, s.HasCRC() && size < shortHeader+crcSize:
		return fmt.Errorf("section of table %#02x: %w: section_length %d leaves no room for header and CRC_32", s[0], ErrShort, size-shortHeader)
	}
	if s.HasCRC() && CRC32(s) != 0 {
		return fmt.Errorf("section of table %#02x: %w", s[0], ErrCRC)
	}
	return nil
}

// size returns what section_length says of the whole section.
func (s Section) size() int { return shortHeader + int(s[1]&0x0F)<<8 + int(s[2]) }

// TableID returns table_id.
func (s Section) TableID() uint8 { return s[0] }

// Long reports whether s has the long header with version and numbers
// (section_syntax_indicator).
func (s Section) Long() bool { return s[1]&0x80 != 0 }

// HasCRC reports whether s ends with CRC_32: long sections do, and of the short
// ones TOT (EN 300 468 clause 5.2.6) and splice_info_section (SCTE 35 clause 9.2).
func (s Section) HasCRC() bool {
	return s.Long() || s[0] == TableTOT || s[0] == TableSpliceInfo
}

// Extension returns table_id_extension: transport_stream_id, program_number,
// service_id … by table; 0 for a short section.
func (s Section) Extension() uint16 {
	if !s.Long() {
		return 0
	}
	return binary.BigEndian.Uint16(s[3:])
}

// Version returns version_number, 0 to 31; 0 for a short section.
func (s Section) Version() uint8 {
	if !s.Long() {
		return 0
	}
	return s[5] >> 1 & 0x1F
}

// Next reports whether the section is not yet applicable
// (current_next_indicator 0).
func (s Section) Next() bool { return s.Long() && s[5]&1 == 0 }

// Number returns section_number; 0 for a short section.
func (s Section) Number() uint8 {
	if !s.Long() {
		return 0
	}
	return s[6]
}

// Last returns last_section_number; 0 for a short section.
func (s Section) Last() uint8 {
	if !s.Long() {
		return 0
	}
	return s[7]
}

// CRC returns CRC_32 as it stands in the section, 0 if the table has none.
func (s Section) CRC() uint32 {
	if !s.HasCRC() {
		return 0
	}
	return binary.BigEndian.Uint32(s[len(s)-crcSize:])
}

// Body returns what lies between the header and CRC_32 as a sub-slice of s.
func (s Section) Body() []byte {
	from, to := shortHeader, len(s)
	if s.Long() {
		from = longHeader
	}
	if s.HasCRC() {
		to -= crcSize
	}
	return s[from:to:to]
}

// Clone returns a copy that shares no memory with s.
func (s Section) Clone() Section { return slices.Clone(s) }

// Header is the header of a long section.
type Header struct {
	TableID   uint8
	Extension uint16 // table_id_extension
	Version   uint8  // version_number; taken modulo 32
	Next      bool   // current_next_indicator 0
	Number    uint8  // section_number
	Last      uint8  // last_section_number
}

// Header returns the header of a long section.
func (s Section) Header() Header {
	return Header{
		TableID: s.TableID(), Extension: s.Extension(), Version: s.Version(),
		Next: s.Next(), Number: s.Number(), Last: s.Last(),
	}
}

// Section returns a new long section with this header and body, and its CRC_32.
// It fails if the section would be longer than its table allows.
func (h Header) Section(body []byte) (Section, error) {
	size := longHeader + len(body) + crcSize
	if most := MaxSectionOf(h.TableID); size > most {
		return nil, fmt.Errorf("section of %s: %d bytes, want at most %d", TableName(h.TableID), size, most)
	}
	s := make(Section, 0, size)
	s = append(s, h.TableID, 0x80|lengthFlags(h.TableID)|byte((size-shortHeader)>>8), byte(size-shortHeader))
	s = binary.BigEndian.AppendUint16(s, h.Extension)
	version := 0xC0 | h.Version&0x1F<<1
	if !h.Next {
		version |= 1
	}
	s = append(s, version, h.Number, h.Last)
	s = append(s, body...)
	return binary.BigEndian.AppendUint32(s, CRC32(s)), nil
}

// shortSection returns a new short section, with CRC_32 where its table has one.
func shortSection(table uint8, body []byte) (Section, error) {
	s := Section{table, lengthFlags(table), 0}
	size := shortHeader + len(body)
	if s.HasCRC() {
		size += crcSize
	}
	if most := MaxSectionOf(table); size > most {
		return nil, fmt.Errorf("section of %s: %d bytes, want at most %d", TableName(table), size, most)
	}
	s[1] |= byte((size - shortHeader) >> 8)
	s[2] = byte(size - shortHeader)
	s = append(s, body...)
	if s.HasCRC() {
		s = binary.BigEndian.AppendUint32(s, CRC32(s))
	}
	return s, nil
}

// lengthFlags returns the bits between section_syntax_indicator and
// section_length: the first is 0 in the tables of ISO/IEC 13818-1 and SCTE 35,
// and 1 in those of EN 300 468.
func lengthFlags(table uint8) byte {
	if table < 0x40 || table == TableSpliceInfo {
		return 0x30
	}
	return 0x70
}

// group distributes encoded entries over as few sections as fit in order, each
// with room bytes for them, and returns where each section's entries end. There
// is at least one section, and an entry never crosses from one to the next.
func group(entries [][]byte, room int) ([]int, error) {
	var ends []int
	used := 0
	for i, e := range entries {
		if len(e) > room {
			return nil, fmt.Errorf("entry %d has %d bytes, want at most %d in one section", i, len(e), room)
		}
		if used+len(e) > room {
			ends = append(ends, i)
			used = 0
		}
		used += len(e)
	}
	ends = append(ends, len(entries))
	if len(ends) > 256 {
		return nil, fmt.Errorf("%d sections needed, want at most 256", len(ends))
	}
	return ends, nil
}

// splitSections builds the sections of a sub-table whose body is a fixed part,
// repeated in each section, and entries.
func splitSections(h Header, fixed []byte, entries [][]byte) ([]Section, error) {
	room := MaxSectionOf(h.TableID) - longHeader - crcSize - len(fixed)
	ends, err := group(entries, room)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", TableName(h.TableID), err)
	}
	out := make([]Section, 0, len(ends))
	from := 0
	for i, to := range ends {
		h.Number, h.Last = uint8(i), uint8(len(ends)-1)
		body := slices.Clone(fixed)
		for _, e := range entries[from:to] {
			body = append(body, e...)
		}
		s, err := h.Section(body)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		from = to
	}
	return out, nil
}

// encodeEntries encodes each element of s by itself.
func encodeEntries[T any](s []T, entry func(*coder, *T)) ([][]byte, error) {
	out := make([][]byte, 0, len(s))
	for i := range s {
		c := newEncoder(nil)
		entry(c, &s[i])
		if c.err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, c.err)
		}
		out = append(out, c.b)
	}
	return out, nil
}

// decodeSections checks that the sections belong to one sub-table of an accepted
// table_id and runs body over a private copy of each body, so that what it keeps
// shares no memory with the sections.
func decodeSections(sections []Section, want func(id uint8) bool, body func(Section, *coder)) (Header, error) {
	if len(sections) == 0 {
		return Header{}, errors.New("no section")
	}
	var first Header
	for i, s := range sections {
		if err := s.Check(); err != nil {
			return first, err
		}
		if !want(s.TableID()) {
			return first, fmt.Errorf("table %#02x (%s) is not the wanted one", s.TableID(), TableName(s.TableID()))
		}
		h := s.Header()
		if i == 0 {
			first = h
		}
		if h.TableID != first.TableID || h.Extension != first.Extension || h.Version != first.Version || h.Next != first.Next {
			return first, fmt.Errorf("%s: section %d belongs to another sub-table or version", TableName(h.TableID), i)
		}
		c := newDecoder(slices.Clone(s.Body()), scope{table: s.TableID()})
		body(s, c)
		if c.err == nil && c.left() > 0 {
			c.fail("%d bytes left over", c.left())
		}
		if c.err != nil {
			return first, fmt.Errorf("%s section %d: %w", TableName(h.TableID), s.Number(), c.err)
		}
	}
	return first, nil
}

// is returns a test for one of the given table_id values.
func is(ids ...uint8) func(uint8) bool {
	return func(id uint8) bool { return slices.Contains(ids, id) }
}

// long makes decodeSections refuse the short syntax.
func longOnly(body func(Section, *coder)) func(Section, *coder) {
	return func(s Section, c *coder) {
		if !s.Long() {
			c.fail("section_syntax_indicator is 0, want 1")
			return
		}
		body(s, c)
	}
}

// oneSection builds the only section of a table.
func oneSection(h Header, code func(*coder)) ([]Section, error) {
	c := newEncoder(nil)
	code(c)
	if c.err != nil {
		return nil, fmt.Errorf("%s: %w", TableName(h.TableID), c.err)
	}
	s, err := h.Section(c.b)
	if err != nil {
		return nil, err
	}
	return []Section{s}, nil
}

// orNil returns t only without an error.
func orNil[T any](t *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}
