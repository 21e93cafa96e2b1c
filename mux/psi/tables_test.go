package psi

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2026, 11, 22, 8, 6, 37, 0, time.UTC)

// sampleTables returns one of every table, with all kinds of entries.
func sampleTables() []Table {
	three, _ := EncodeDuration(90 * time.Minute)
	event := Event{ID: 7, Start: EncodeUTC(testTime), Duration: three, Running: Running, FreeCA: true,
		Descriptors: Descriptors{&ShortEvent{Language: "rus", Name: EncodeText("Новости", 200, Charset8859_5), Text: "x"}}}
	delivery := &TerrestrialDelivery{Frequency: 474_000_000, NoTimeSlicing: true, NoMPEFEC: true, Constellation: 2}
	stream := TransportStream{TransportStreamID: 1, OriginalNetworkID: 0x2233, Descriptors: Descriptors{
		&ServiceList{Services: []ListedService{{1, ServiceAVCHD}}}, delivery,
		&PrivateDataSpecifier{SpecifierEACEM}, &LogicalChannel{Channels: []ChannelNumber{{1, true, 5}}}}}
	vietnam, _, _ := EncodeOffset(7 * time.Hour)
	return []Table{
		&PAT{TransportStreamID: 0x0102, Version: 31, Programs: []Program{{0, 0x10}, {1, 0x100}, {2, 0x1FFE}}},
		&CAT{Version: 1, Descriptors: Descriptors{&CADescriptor{SystemID: 0x0B00, PID: 0x300}}},
		&TSDT{Version: 1, Next: true, Descriptors: Descriptors{&Registration{Format: "DSNG"}}},
		&PMT{ProgramNumber: 1, Version: 3, PCRPID: 0x101,
			Descriptors: Descriptors{&Registration{Format: "CUEI"}},
			Streams: []Stream{
				{StreamH264, 0x101, Descriptors{&StreamIdentifier{ComponentTag: 1}}},
				{StreamPrivatePES, 0x102, Descriptors{&AC3{}, &ISO639Language{Languages: []AudioLanguage{{"vie", 0}}}}},
				{StreamSCTE35, 0x103, nil},
				{StreamPrivateSections, 0x104, Descriptors{&ApplicationSignalling{Applications: []SignalledApplication{{0x10, 1}}}}},
			}},
		&NIT{NetworkID: 0x3001, Version: 2, Descriptors: Descriptors{&NetworkName{Name: "Net"}}, Streams: []TransportStream{stream}},
		&NIT{Other: true, NetworkID: 0x3002, Version: 2, Streams: []TransportStream{stream}},
		&BAT{BouquetID: 0x4001, Version: 2, Descriptors: Descriptors{&BouquetName{Name: "Bouquet"}}, Streams: []TransportStream{{1, 0x2233, nil}}},
		&SDT{TransportStreamID: 1, OriginalNetworkID: 0x2233, Version: 4, Services: []SDTService{
			{ServiceID: 1, EITPresentFollowing: true, Running: Running, Descriptors: Descriptors{
				&Service{Type: ServiceAVCHD, Provider: "VTV", Name: EncodeText("Truyền hình", 200, CharsetUTF8)}}},
			{ServiceID: 2, EITSchedule: true, FreeCA: true}}},
		&SDT{Other: true, TransportStreamID: 2, OriginalNetworkID: 0x2233, Services: []SDTService{{ServiceID: 3}}},
		NewPresentFollowing(service, false, &event, nil),
		NewPresentFollowing(service, true, &event, &event),
		&EIT{TableID: TableEITScheduleActual, Service: service, LastTableID: TableEITScheduleActual + 1, Parts: []EITPart{
			{Number: 0, SegmentLast: 1, Events: []Event{event}}, {Number: 1, SegmentLast: 1}, {Number: 8, SegmentLast: 8, Events: []Event{event}}}},
		&EIT{TableID: TableEITScheduleOtherFinal, Service: service, LastTableID: TableEITScheduleOtherFinal, Parts: []EITPart{{}}},
		&TDT{Time: EncodeUTC(testTime)},
		&TOT{Time: EncodeUTC(testTime), Descriptors: Descriptors{&LocalTimeOffset{Offsets: []CountryOffset{
			{Country: "VNM", Offset: vietnam, Change: EncodeUTC(testTime.AddDate(10, 0, 0)), Next: vietnam}}}}},
		&RST{Entries: []RSTEntry{{Service: service, EventID: 7, Running: Running}}},
		&ST{Data: []byte{1, 2, 3}},
		&DIT{Transition: true},
		&SIT{Version: 1, Descriptors: Descriptors{&PartialTransportStream{PeakRate: 1000}}, Services: []SITService{{1, Running, Descriptors{&Service{Type: 1}}}}},
		&AIT{Type: 0x10, Test: true, Version: 2, Applications: []Application{{OrganisationID: 1, ApplicationID: 2, ControlCode: 1,
			Descriptors: Descriptors{&TransportProtocol{Protocol: 3}, &SimpleApplicationLocation{InitialPath: "index.html"}}}}},
		&SpliceInfo{Data: []byte{0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xF0, 0, 0, 0, 0, 0}},
	}
}

func sectionsOf(t testing.TB, table Table) []Section {
	t.Helper()
	s, err := table.Sections()
	if err != nil {
		t.Fatalf("%s: %v", TableName(table.ID()), err)
	}
	return s
}

func TestTablesRoundTrip(t *testing.T) {
	seen := map[string]bool{}
	for _, want := range sampleTables() {
		name := TableName(want.ID())
		seen[name] = true
		s := sectionsOf(t, want)
		got, err := ParseTable(s...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded\n%+v, want\n%+v", name, got, want)
		}
		for i, again := range sectionsOf(t, got) {
			if !bytes.Equal(again, s[i]) {
				t.Errorf("%s: section %d encoded again is\n%x, was\n%x", name, i, again, s[i])
			}
			if err := again.Check(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, e := range tableEntries() {
		if !seen[e.name] {
			t.Errorf("no sample of %s", e.name)
		}
	}
}

// A section cut anywhere, and a body cut anywhere in a section that is right
// otherwise, is an error and no panic.
func TestTablesTruncated(t *testing.T) {
	for _, table := range sampleTables() {
		s := sectionsOf(t, table)[0]
		for n := range len(s) {
			if _, err := ParseTable(s[:n]); err == nil {
				t.Errorf("%s cut to %d of %d bytes is accepted", TableName(table.ID()), n, len(s))
			}
		}
		if _, err := ParseTable(append(s.Clone(), 0)); err == nil {
			t.Errorf("%s with a byte behind it is accepted", TableName(table.ID()))
		}
		body := s.Body()
		for n := range len(body) {
			var cut Section
			var err error
			if s.Long() {
				cut, err = s.Header().Section(body[:n])
			} else {
				cut, err = shortSection(s.TableID(), body[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseTable(cut)
			if err == nil && s.Last() == 0 { // one section of several has another last_section_number alone
				// Lists may end between entries.
				again, err := got.Sections()
				if err != nil || !bytes.Equal(again[0], cut) {
					t.Errorf("%s with a body of %d bytes: %x became %x (%v)", TableName(table.ID()), n, cut, again, err)
				}
			}
		}
	}
}

// Sections that ffmpeg and broadcasters send.
func TestGoldenSections(t *testing.T) {
	for _, tc := range []struct {
		name, hex string
		want      Table
	}{
		{"PAT of ffmpeg", "00b00d0001c100000001f0002ab104b2",
			&PAT{TransportStreamID: 1, Programs: []Program{{1, 0x1000}}}},
		{"PMT of ffmpeg", "02b0170001c10000e100f0001be100f0000fe101f0002f44b99b",
			&PMT{ProgramNumber: 1, PCRPID: 0x100, Streams: []Stream{{0x1B, 0x100, nil}, {0x0F, 0x101, nil}}}},
		{"SDT of ffmpeg", "42f0250001c10000ff01ff0001fc80144812010646466d70656709536572766963653031777c43ca",
			&SDT{TransportStreamID: 1, OriginalNetworkID: 0xFF01, Services: []SDTService{{ServiceID: 1, Running: Running,
				Descriptors: Descriptors{&Service{Type: 1, Provider: "FFmpeg", Name: "Service01"}}}}}},
		// The example of EN 300 468 annex C: 93/10/13 12:45:00.
		{"TDT", "707005c079124500", &TDT{Time: UTC{0xC0, 0x79, 0x12, 0x45, 0}}},
		{"DIT", "7e7001ff", &DIT{Transition: true}},
		// SCTE 35 2023 clause 14.1: a time_signal.
		{"splice_info_section", "fc3034000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0a18a3402009ac9d17e",
			&SpliceInfo{Data: unhex(t, "000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0a18a340200")}},
	} {
		in := Section(unhex(t, tc.hex))
		got, err := ParseTable(in)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: decoded %+v, want %+v", tc.name, got, tc.want)
		}
		if again := sectionsOf(t, got); len(again) != 1 || !bytes.Equal(again[0], in) {
			t.Errorf("%s: encoded %x, want %x", tc.name, again, in)
		}
	}
}

func TestSplitAtEntryBorder(t *testing.T) {
	var sdt SDT
	var pat PAT
	var nit NIT
	for i := range 300 {
		name := Text(fmt.Sprintf("Service number %d", i))
		sdt.Services = append(sdt.Services, SDTService{ServiceID: uint16(i), Descriptors: Descriptors{&Service{Type: 1, Name: name}}})
		pat.Programs = append(pat.Programs, Program{uint16(i + 1), uint16(0x100 + i)})
		nit.Descriptors = append(nit.Descriptors, &NetworkName{Name: name})
		nit.Streams = append(nit.Streams, TransportStream{uint16(i), 1, Descriptors{&CableDelivery{Frequency: uint64(i) * 8_000_000}}})
	}
	sdt.Version, pat.Version = 33, 32 // modulo 32
	for _, table := range []Table{&sdt, &pat, &nit} {
		s := sectionsOf(t, table)
		if len(s) < 2 {
			t.Errorf("%s: %d sections", TableName(table.ID()), len(s))
		}
		for i, x := range s {
			if len(x) > MaxSection || int(x.Number()) != i || int(x.Last()) != len(s)-1 {
				t.Errorf("%s: section %d has %d bytes and says %d of %d", TableName(table.ID()), i, len(x), x.Number(), x.Last())
			}
			if _, err := ParseTable(x); err != nil {
				t.Errorf("section by itself: %v", err)
			}
			if i < len(s)-1 && len(x) < MaxSection-60 && table.ID() != TableNITActual {
				t.Errorf("%s: section %d has only %d bytes", TableName(table.ID()), i, len(x))
			}
		}
		got, err := ParseTable(s...)
		if err != nil {
			t.Fatal(err)
		}
		switch got := got.(type) {
		case *SDT:
			if !reflect.DeepEqual(got.Services, sdt.Services) || got.Version != 1 {
				t.Errorf("SDT came back with %d services, version %d", len(got.Services), got.Version)
			}
		case *PAT:
			if !reflect.DeepEqual(got.Programs, pat.Programs) || got.Version != 0 {
				t.Errorf("PAT came back with %d programmes, version %d", len(got.Programs), got.Version)
			}
		case *NIT:
			if !reflect.DeepEqual(got.Descriptors, nit.Descriptors) || !reflect.DeepEqual(got.Streams, nit.Streams) {
				t.Errorf("NIT came back with %d descriptors, %d streams", len(got.Descriptors), len(got.Streams))
			}
		}
	}
}

func TestTablesRefuse(t *testing.T) {
	long := Descriptors{}
	for range 5 {
		long = append(long, &NetworkName{Name: Text(strings.Repeat("x", 250))})
	}
	for name, table := range map[string]Table{
		"PMT over 1024 bytes":      &PMT{Descriptors: long},
		"PID of 14 bits":           &PAT{Programs: []Program{{1, 0x2000}}},
		"service over 1024 bytes":  &SDT{Services: []SDTService{{Descriptors: long}}},
		"stream over 1024 bytes":   &NIT{Streams: []TransportStream{{Descriptors: long}}},
		"running status of 4 bits": &RST{Entries: []RSTEntry{{Running: 8}}},
		"EIT without section":      &EIT{TableID: TableEITActual},
		"AIT type of 16 bits":      &AIT{Type: 0x8000},
		"RST over 1024 bytes":      &RST{Entries: make([]RSTEntry, 200)},
		"256 sections are not enough": func() Table {
			var nit NIT
			for range 1100 {
				nit.Descriptors = append(nit.Descriptors, long[0])
			}
			return &nit
		}(),
	} {
		if s, err := table.Sections(); err == nil {
			t.Errorf("%s: built %d sections", name, len(s))
		}
	}
	pat := sectionsOf(t, &PAT{Programs: []Program{{1, 0x100}}})[0]
	other := sectionsOf(t, &PAT{Version: 1})[0]
	tdt := sectionsOf(t, &TDT{})[0]
	unknown, err := Header{TableID: 0xC8}.Section(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string][]Section{
		"none": nil, "empty": {{}}, "two versions": {pat, other}, "two tables": {pat, tdt}, "two TDTs": {tdt, tdt}, "unknown table": {unknown},
	} {
		if got, err := ParseTable(s...); err == nil {
			t.Errorf("sections %s: parsed as %+v", name, got)
		}
	}
	if _, err := ParsePMT(pat); err == nil {
		t.Error("PAT parsed as PMT")
	}
}

// What a table keeps must not change when the packet buffer is used again.
func TestParsedTablesOwnTheirMemory(t *testing.T) {
	for _, want := range sampleTables() {
		s := sectionsOf(t, want)
		got, err := ParseTable(s...)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s {
			clear(x)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s changed with its section", TableName(want.ID()))
		}
	}
}

func FuzzSection(f *testing.F) {
	for _, table := range sampleTables() {
		for _, s := range sectionsOf(f, table) {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < shortHeader {
			return
		}
		// Right lengths and CRC let the fuzzer reach the tables.
		s := Section(b).Clone()
		if len(s) > MaxPrivateSection {
			return
		}
		s[1] = s[1]&0xF0 | byte((len(s)-shortHeader)>>8)
		s[2] = byte(len(s) - shortHeader)
		if s.HasCRC() && len(s) >= shortHeader+crcSize {
			crc := CRC32(s[:len(s)-crcSize])
			copy(s[len(s)-crcSize:], []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
		}
		for _, s := range []Section{s, b} {
			table, err := ParseTable(s)
			if err != nil {
				continue
			}
			if _, err := (View{Now: testTime}).Describe(table).MarshalJSON(); err != nil {
				t.Errorf("%s: %v", TableName(table.ID()), err)
			}
			again, err := table.Sections()
			if err != nil { // larger than its own limit, though not than that of all sections
				if len(s) <= MaxSectionOf(s.TableID()) {
					t.Fatalf("%x: %v", s, err)
				}
				continue
			}
			back, err := ParseTable(again...)
			if err != nil {
				t.Fatalf("%x became %x: %v", s, again, err)
			}
			if !reflect.DeepEqual(table, back) {
				t.Fatalf("%+v became %+v", table, back)
			}
		}
	})
}
