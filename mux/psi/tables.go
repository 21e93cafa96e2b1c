package psi

import "fmt"

// The values of table_id (ISO/IEC 13818-1 table 2-31, EN 300 468 table 2,
// TS 102 809 clause 5.3.4.6, SCTE 35 clause 9.2).
const (
	TablePAT                    uint8 = 0x00
	TableCAT                    uint8 = 0x01
	TablePMT                    uint8 = 0x02
	TableTSDT                   uint8 = 0x03
	TableNITActual              uint8 = 0x40
	TableNITOther               uint8 = 0x41
	TableSDTActual              uint8 = 0x42
	TableSDTOther               uint8 = 0x46
	TableBAT                    uint8 = 0x4A
	TableEITActual              uint8 = 0x4E // present and following, this transport stream
	TableEITOther               uint8 = 0x4F
	TableEITScheduleActual      uint8 = 0x50 // first of sixteen
	TableEITScheduleActualFinal uint8 = 0x5F
	TableEITScheduleOther       uint8 = 0x60 // first of sixteen
	TableEITScheduleOtherFinal  uint8 = 0x6F
	TableTDT                    uint8 = 0x70
	TableRST                    uint8 = 0x71
	TableST                     uint8 = 0x72
	TableTOT                    uint8 = 0x73
	TableAIT                    uint8 = 0x74
	TableDIT                    uint8 = 0x7E
	TableSIT                    uint8 = 0x7F
	TableSpliceInfo             uint8 = 0xFC
)

// The PIDs that tables own (ISO/IEC 13818-1 table 2-3, EN 300 468 table 1).
const (
	PIDPAT  uint16 = 0x0000
	PIDCAT  uint16 = 0x0001
	PIDTSDT uint16 = 0x0002
	PIDNIT  uint16 = 0x0010
	PIDSDT  uint16 = 0x0011 // and BAT
	PIDEIT  uint16 = 0x0012
	PIDRST  uint16 = 0x0013
	PIDTDT  uint16 = 0x0014 // and TOT
	PIDDIT  uint16 = 0x001E
	PIDSIT  uint16 = 0x001F
	PIDNull uint16 = 0x1FFF
)

// Table is one table or sub-table: a pointer to PAT, PMT, SDT and so on.
type Table interface {
	// ID returns table_id.
	ID() uint8
	// Sections builds the sections that carry the table, numbered and with
	// CRC_32. It fails when a value or an entry does not fit its field.
	Sections() ([]Section, error)
}

// tableEntry says what the package knows of a range of table_id values.
type tableEntry struct {
	first, final uint8
	name         string // as the standard writes it
	pid          uint16 // where it belongs, or one of the three below
	parse        func(...Section) (Table, error)
}

const (
	pidAny     uint16 = 0xFFFD // PIDs 0x10 to 0x14
	pidFromPAT uint16 = 0xFFFE // the PAT says where
	pidFromPMT uint16 = 0xFFFF // a PMT says where
)

// tableEntries is the one list of tables.
func tableEntries() []tableEntry {
	return []tableEntry{
		{TablePAT, TablePAT, "PAT", PIDPAT, table(ParsePAT)},
		{TableCAT, TableCAT, "CAT", PIDCAT, table(ParseCAT)},
		{TablePMT, TablePMT, "PMT", pidFromPAT, table(ParsePMT)},
		{TableTSDT, TableTSDT, "TSDT", PIDTSDT, table(ParseTSDT)},
		{TableNITActual, TableNITActual, "NIT actual", PIDNIT, table(ParseNIT)},
		{TableNITOther, TableNITOther, "NIT other", PIDNIT, table(ParseNIT)},
		{TableSDTActual, TableSDTActual, "SDT actual", PIDSDT, table(ParseSDT)},
		{TableSDTOther, TableSDTOther, "SDT other", PIDSDT, table(ParseSDT)},
		{TableBAT, TableBAT, "BAT", PIDSDT, table(ParseBAT)},
		{TableEITActual, TableEITActual, "EIT p/f actual", PIDEIT, table(ParseEIT)},
		{TableEITOther, TableEITOther, "EIT p/f other", PIDEIT, table(ParseEIT)},
		{TableEITScheduleActual, TableEITScheduleActualFinal, "EIT schedule actual", PIDEIT, table(ParseEIT)},
		{TableEITScheduleOther, TableEITScheduleOtherFinal, "EIT schedule other", PIDEIT, table(ParseEIT)},
		{TableTDT, TableTDT, "TDT", PIDTDT, table(ParseTDT)},
		{TableRST, TableRST, "RST", PIDRST, table(ParseRST)},
		{TableST, TableST, "ST", pidAny, table(ParseST)},
		{TableTOT, TableTOT, "TOT", PIDTDT, table(ParseTOT)},
		{TableAIT, TableAIT, "AIT", pidFromPMT, table(ParseAIT)},
		{TableDIT, TableDIT, "DIT", PIDDIT, table(ParseDIT)},
		{TableSIT, TableSIT, "SIT", PIDSIT, table(ParseSIT)},
		{TableSpliceInfo, TableSpliceInfo, "splice_info_section", pidFromPMT, table(ParseSpliceInfo)},
	}
}

// table turns the parser of one table into one of any table.
func table[T Table](parse func(...Section) (T, error)) func(...Section) (Table, error) {
	return func(s ...Section) (Table, error) {
		t, err := parse(s...)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

func lookupTable(id uint8) (tableEntry, bool) {
	for _, e := range tableEntries() {
		if id >= e.first && id <= e.final {
			return e, true
		}
	}
	return tableEntry{}, false
}

// TableName returns the name of a table_id as the standards write it, or its
// number.
func TableName(id uint8) string {
	if e, ok := lookupTable(id); ok {
		return e.name
	}
	return fmt.Sprintf("table %#02x", id)
}

// MaxSectionOf returns the greatest size in bytes of a section of the table:
// MaxPrivateSection or MaxSection.
func MaxSectionOf(id uint8) int {
	switch {
	case id >= TableEITActual && id <= TableEITScheduleOtherFinal,
		id == TableST, id == TableSIT, id >= 0x80:
		return MaxPrivateSection
	}
	return MaxSection
}

// ParseTable parses the sections of one sub-table, all of the same version and in
// order of section_number. The result shares no memory with them.
func ParseTable(sections ...Section) (Table, error) {
	if len(sections) == 0 || len(sections[0]) == 0 {
		return nil, fmt.Errorf("table: %w: no section", ErrShort)
	}
	e, ok := lookupTable(sections[0].TableID())
	if !ok {
		return nil, fmt.Errorf("%s is not known", TableName(sections[0].TableID()))
	}
	return e.parse(sections...)
}
