package psi

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

func ptr[T any](v T) *T { return &v }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// descriptorCase is one descriptor with its bytes, tag and length included, that
// were worked out by hand from the syntax tables of the standards.
type descriptorCase struct {
	table     uint8
	specifier uint32
	value     Descriptor
	hex       string
}

var service = ServiceRef{OriginalNetworkID: 0x2233, TransportStreamID: 0x0011, ServiceID: 0x4455}

func mpegDescriptors() []descriptorCase {
	return []descriptorCase{
		{0x02, 0, &VideoStream{FrameRateCode: 3, ProfileAndLevel: 0x48, ChromaFormat: 1}, "0203" + "18485f"},
		{0x02, 0, &VideoStream{MultipleFrameRate: true, FrameRateCode: 4, MPEG1Only: true, StillPicture: true}, "0201" + "a5"},
		{0x02, 0, &AudioStream{ID: true, Layer: 2}, "0301" + "67"},
		{0x02, 0, &Registration{Format: "CUEI"}, "0504" + "43554549"},
		{0x02, 0, &Registration{Format: "HDMV", Info: []byte{0xFF, 0x1B}}, "0506" + "48444d56ff1b"},
		{0x02, 0, &DataStreamAlignment{Type: 2}, "0601" + "02"},
		{0x01, 0, &CADescriptor{SystemID: 0x2600, PID: 0x1ABC, Private: []byte{1, 2}}, "0906" + "2600fabc0102"},
		{0x02, 0, &ISO639Language{Languages: []AudioLanguage{{"rus", 0}, {"vie", 3}}}, "0a08" + "72757300" + "76696503"},
		{0x02, 0, &MultiplexBufferUtilization{BoundValid: true, Lower: 1, Upper: 0x1234}, "0c04" + "80019234"},
		{0x02, 0, &MaximumBitrate{Rate: 0x123456}, "0e03" + "d23456"},
		{0x02, 0, &PrivateDataIndicator{Indicator: 0x01020304}, "0f04" + "01020304"},
		{0x02, 0, &SmoothingBuffer{LeakRate: 1000, Size: 512}, "1006" + "c003e8c00200"},
		{0x02, 0, &CarouselIdentifier{CarouselID: 7, Private: []byte{0}}, "1305" + "0000000700"},
		{0x02, 0, &AssociationTag{AssociationTag: 11, Use: 0, Selector: []byte{1, 2, 3, 4}, Private: []byte{9}}, "140a" + "000b0000" + "0401020304" + "09"},
		{0x02, 0, &AVCVideo{Profile: 100, Constraints: 0x0C, Level: 40, FramePackingSEINone: true}, "2804" + "640c283f"},
		{0x02, 0, &AVCTimingHRD{HRDManagementValid: true, FixedFrameRate: true}, "2a02" + "fe9f"},
		{0x02, 0, &AVCTimingHRD{Timing: &AVCTiming{Is90kHz: true, NumUnitsInTick: 1800}, TemporalPOC: true}, "2a07" + "7fff000007085f"},
		{0x02, 0, &AVCTimingHRD{Timing: &AVCTiming{N: 1, K: 540, NumUnitsInTick: 1000}}, "2a0f" + "7f7f000000010000021c000003e81f"},
		{0x02, 0, &HEVCVideo{Profile: 2, Compatibility: 0x20000000, Progressive: true, FrameOnly: true, Level: 153, SubPicHRDParamsNone: true, HDRWCG: 2},
			"380d" + "0220000000" + "900000000000" + "99" + "1e"},
		{0x02, 0, &HEVCVideo{ProfileSpace: 1, HighTier: true, Profile: 1, Copied44: 0xABCDEF01234, Level: 93, Temporal: &TemporalLayers{Min: 1, Max: 6}},
			"380f" + "6100000000" + "0abcdef01234" + "5d" + "8c" + "3fdf"},
		{0x02, 0, &CueIdentifier{Type: 1}, "8a01" + "01"},
	}
}

func networkDescriptors() []descriptorCase {
	return []descriptorCase{
		{0x40, 0, &NetworkName{Name: "VTV"}, "4003" + "565456"},
		{0x40, 0, &ServiceList{Services: []ListedService{{1, ServiceAVCHD}, {2, ServiceHEVC}}}, "4106" + "000119" + "00021f"},
		{0x4A, 0, &BouquetName{Name: "B"}, "4701" + "42"},
		{0x4A, 0, &CountryAvailability{Available: true, Countries: []string{"VNM", "RUS"}}, "4907" + "ff" + "564e4d" + "525553"},
		{0x40, 0, &Linkage{Target: service, Type: 4, Data: []byte{0xEE}}, "4a08" + "001122334455" + "04" + "ee"},
		{0x40, 0, &MultilingualNetworkName{Names: []LanguageText{{"eng", "A"}, {"deu", ""}}}, "5b09" + "656e670141" + "64657500"},
		{0x4A, 0, &MultilingualBouquetName{Names: []LanguageText{{"eng", "A"}}}, "5c05" + "656e670141"},
		{0x40, 0, &FrequencyList{CodingType: 1, Frequencies: []uint64{11_757_250_000}}, "6205" + "fd" + "01175725"},
		{0x40, 0, &FrequencyList{CodingType: 2, Frequencies: []uint64{312_000_000}}, "6205" + "fe" + "03120000"},
		{0x40, 0, &FrequencyList{CodingType: 3, Frequencies: []uint64{474_000_000, 482_000_000}}, "6209" + "ff" + "02d34440" + "02df7940"},
		{0x40, 0, &FrequencyList{Frequencies: []uint64{5}}, "6205" + "fc" + "00000005"},
		{0x40, 0, &CellList{Cells: []Cell{{ID: 1, Area: CellArea{0x1000, 0x2000, 0xABC, 0xDEF},
			Subcells: []Subcell{{2, CellArea{3, 4, 5, 6}}}}}}, "6c12" + "000110002000abcdef" + "08" + "0200030004005006"},
		{0x40, 0, &CellFrequencyLink{Cells: []CellFrequency{{1, 474_000_000, []Transposer{{9, 482_000_000}}}}}, "6d0c" + "000102d34440" + "05" + "0902df7940"},
		{0x42, 0, &PrivateDataSpecifier{Specifier: SpecifierNorDig}, "5f04" + "00000029"},
		// 11.75725 GHz, 13.0° east, vertical, DVB-S2 8PSK, 27.5 Msym/s, 3/4 (the EN 300 468 examples)
		{0x40, 0, &SatelliteDelivery{Frequency: 11_757_250_000, Position: 130, East: true, Polarization: 1, RollOff: 1, S2: true, Modulation: 2, SymbolRate: 27_500_000, FEC: 3},
			"430b" + "01175725" + "0130" + "ae" + "0275000" + "3"},
		{0x40, 0, &CableDelivery{Frequency: 312_000_000, FECOuter: 2, Modulation: 5, SymbolRate: 6_900_000, FECInner: 15},
			"440b" + "03120000" + "fff2" + "05" + "0069000" + "f"},
		{0x40, 0, &TerrestrialDelivery{Frequency: 474_000_000, HighPriority: true, NoTimeSlicing: true, NoMPEFEC: true, Constellation: 2, CodeRateHP: 1, GuardInterval: 1, Mode: 1},
			"5a0b" + "02d34440" + "1f" + "81" + "0a" + "ffffffff"},
		{0x40, 0, &S2Delivery{}, "7901" + "1f"},
		{0x40, 0, &S2Delivery{ScramblingIndex: ptr(uint32(0x3FFFF)), InputStream: ptr(uint8(5)), DVBSCompatible: true}, "7905" + "ff" + "ffffff" + "05"},
		{0x40, 0, &T2Delivery{PLP: 1, SystemID: 0x8001}, "7f04" + "04" + "01" + "8001"},
		{0x40, 0, &T2Delivery{PLP: 1, SystemID: 0x8001, Parameters: &T2Parameters{MISO: 0, Bandwidth: 0, GuardInterval: 4, Mode: 5,
			Cells: []T2Cell{{7, []uint64{474_000_000}, []Transposer{{1, 482_000_000}}}}}},
			"7f12" + "04" + "018001" + "03" + "94" + "0007" + "02d34440" + "05" + "0102df7940"},
		{0x40, 0, &T2Delivery{Parameters: &T2Parameters{TFS: true, Cells: []T2Cell{{7, []uint64{474_000_000, 482_000_000}, nil}}}},
			"7f12" + "04" + "000000" + "03" + "01" + "0007" + "08" + "02d34440" + "02df7940" + "00"},
		{0x40, 0, &C2Delivery{PLP: 1, DataSlice: 2, Frequency: 346_000_000, FrequencyType: 1, Symbol: 1, GuardInterval: 1}, "7f08" + "0d" + "0102" + "149f8a80" + "49"},
		{0x40, 0, &NetworkChangeNotify{Cells: []CellChanges{{5, []NetworkChange{{ID: 1, Version: 2, Start: UTC{0xC0, 0x79, 0x12, 0x45, 0}, Duration: Duration{1, 0x30, 0},
			Receivers: 1, Type: 2, MessageID: 3, InvariantTS: &InvariantTS{0x11, 0x22}}}}}},
			"7f14" + "07" + "0005" + "10" + "0102" + "c079124500" + "013000" + "32" + "03" + "00110022"},
		{0x40, 0, &Message{ID: 1, Language: "eng", Text: "hi"}, "7f07" + "08" + "01656e67" + "6869"},
	}
}

func channelNumberDescriptors() []descriptorCase {
	return []descriptorCase{
		// The entries are the vectors of a published capture of real networks.
		{0x40, SpecifierEACEM, &LogicalChannel{Channels: []ChannelNumber{{0x1234, true, 11}, {0x5678, false, 22}}}, "8308" + "1234fc0b" + "56787c16"},
		{0x40, 0, &LogicalChannel{Channels: []ChannelNumber{{0x1234, true, 11}}}, "8304" + "1234fc0b"},
		{0x4A, SpecifierAustralia, &LogicalChannel{Channels: []ChannelNumber{{0x1234, true, 11}}}, "8304" + "1234fc0b"},
		{0x40, SpecifierEACEM, &HDSimulcastChannel{Channels: []ChannelNumber{{0x1234, true, 1}}}, "8804" + "1234fc01"},
		{0x40, SpecifierNorDig, &NorDigChannel{Channels: []ChannelNumber{{0x1234, true, 1}, {0x1235, false, 200}, {0x1236, false, 0x3FFF}}},
			"830c" + "1234c001" + "123540c8" + "12367fff"},
		{0x40, SpecifierNorDig, &NorDigChannelList{Lists: []ChannelList{{1, "foo", "SWE", []ChannelNumber{{0x1234, true, 1}}}}},
			"870d" + "01" + "03666f6f" + "535745" + "04" + "1234fc01"},
		{0x40, SpecifierDBook, &DBookChannel{Channels: []DBookChannelNumber{{0x1234, 800}}}, "8304" + "1234ff20"},
		{0x40, SpecifierDBook, &DBookServiceAttribute{Services: []DBookService{{0x1234, true, false}}}, "8603" + "1234fe"},
		{0x40, SpecifierDBook, &HDSimulcastChannel{Channels: []ChannelNumber{{0x1234, true, 101}}}, "8804" + "1234fc65"},
	}
}

func serviceDescriptors() []descriptorCase {
	return []descriptorCase{
		{0x42, 0, &Service{Type: ServiceAVCHD, Provider: "VTV", Name: "VTV1 HD"}, "480d" + "19" + "03565456" + "0756545631204844"},
		{0x42, 0, &NVODReference{Services: []ServiceRef{service}}, "4b06" + "001122334455"},
		{0x42, 0, &TimeShiftedService{ReferenceServiceID: 7}, "4c02" + "0007"},
		{0x42, 0, &CAIdentifier{SystemIDs: []uint16{0x0B00, 0x2600}}, "5304" + "0b002600"},
		{0x42, 0, &MultilingualServiceName{Names: []LanguageServiceName{{"eng", "P", "N"}}}, "5d07" + "656e67" + "0150" + "014e"},
		{0x02, 0, &ServiceMove{To: service}, "6006" + "223300114455"},
		{0x42, 0, &DataBroadcast{ID: 7, ComponentTag: 0x0B, Selector: []byte{1}, Language: "eng", Text: "x"}, "640a" + "00070b" + "0101" + "656e67" + "0178"},
		{0x42, 0, &AnnouncementSupport{Indicator: 3, Announcements: []Announcement{{Type: 1, Reference: 2, Service: service, ComponentTag: 9}, {Type: 2, Reference: 4}}},
			"6e0b" + "0003" + "1a" + "223300114455" + "09" + "2c"},
		{0x42, 0, &ServiceIdentifier{Identifier: "a.b"}, "7103" + "612e62"},
		{0x42, 0, &ServiceAvailability{Available: true, CellIDs: []uint16{1, 2}}, "7205" + "ff" + "00010002"},
		{0x42, 0, &DefaultAuthority{Authority: "vtv.vn"}, "7306" + "7674762e766e"},
		{0x42, 0, &FTAContentManagement{DoNotScramble: true, RemoteAccess: 2}, "7e01" + "7c"},
		{0x42, 0, &ServiceRelocated{From: service}, "7f07" + "0b" + "223300114455"},
	}
}

func eventDescriptors() []descriptorCase {
	return []descriptorCase{
		{0x4E, 0, &ShortEvent{Language: "eng", Name: "News", Text: "x"}, "4d0a" + "656e67" + "044e657773" + "0178"},
		{0x4E, 0, &ExtendedEvent{Number: 1, Last: 2, Language: "eng", Items: []EventItem{{"Dir", "Me"}}, Text: "x"},
			"4e0e" + "12" + "656e67" + "07" + "03446972" + "024d65" + "0178"},
		{0x4E, 0, &TimeShiftedEvent{ReferenceServiceID: 1, ReferenceEventID: 2}, "4f04" + "00010002"},
		{0x4E, 0, &Component{ContentExt: 15, Content: 5, Type: 0x0B, ComponentTag: 1, Language: "und", Text: "HD"}, "5008" + "f50b01" + "756e64" + "4844"},
		{0x4E, 0, &Content{Genres: []Genre{{4, 3, 0xFF}}}, "5402" + "43ff"},
		{0x4E, 0, &ParentalRating{Ratings: []CountryRating{{"RUS", 9}}}, "5504" + "525553" + "09"},
		{0x73, 0, &LocalTimeOffset{Offsets: []CountryOffset{{"USA", 2, true, Offset{5, 0}, UTC{0xC0, 0x79, 0x12, 0x45, 0}, Offset{4, 0}}}},
			"580d" + "555341" + "0b" + "0500" + "c079124500" + "0400"},
		{0x4E, 0, &MultilingualComponent{ComponentTag: 1, Texts: []LanguageText{{"eng", "A"}}}, "5e06" + "01" + "656e67" + "0141"},
		{0x4E, 0, &ShortSmoothingBuffer{Size: 1, LeakRate: 20}, "6101" + "54"},
		{0x7F, 0, &PartialTransportStream{PeakRate: 0x10000, SmoothingRate: 0x3FFFFF, SmoothingBuffer: 0x3FFF}, "6308" + "c10000ffffffffff"},
		{0x4E, 0, &PDC{Day: 13, Month: 10, Hour: 12, Minute: 45}, "6903" + "f6d32d"},
		{0x4E, 0, &ContentIdentifier{CRIDs: []CRID{{Type: 1, Identifier: "/a"}, {Type: 2, Location: 1, Reference: 7}}}, "7607" + "04022f61" + "090007"},
	}
}

func streamDescriptors() []descriptorCase {
	return []descriptorCase{
		{0x02, 0, &VBIData{Services: []VBIService{{4, []byte{0xF0}}}}, "4503" + "0401f0"},
		{0x02, 0, &VBITeletext{Pages: []TeletextPage{{"eng", 1, 1, 0}}}, "4605" + "656e67" + "0900"},
		{0x02, 0, &StreamIdentifier{ComponentTag: 5}, "5201" + "05"},
		{0x02, 0, &Teletext{Pages: []TeletextPage{{"rus", 2, 0, 0x88}}}, "5605" + "727573" + "1088"},
		{0x02, 0, &Subtitling{Pages: []SubtitlePage{{"vie", 0x14, 1, 2}}}, "5908" + "766965" + "14" + "00010002"},
		{0x02, 0, &Scrambling{Mode: 2}, "6501" + "02"},
		{0x02, 0, &DataBroadcastID{ID: 0x0123, Selector: []byte{1}}, "6603" + "012301"},
		{0x02, 0, &AncillaryData{Identifier: 4}, "6b01" + "04"},
		{0x02, 0, &ApplicationSignalling{Applications: []SignalledApplication{{0x10, 5}}}, "6f03" + "8010e5"},
		{0x02, 0, &AdaptationFieldData{Identifier: 4}, "7001" + "04"},
		{0x02, 0, &T2MI{StreamID: 3, Streams: 1, CommonClock: true}, "7f04" + "11" + "030101"},
		{0x02, 0, &AC3{}, "6a01" + "00"},
		{0x02, 0, &AC3{ComponentType: ptr(uint8(0x42)), BSID: ptr(uint8(8)), MainID: ptr(uint8(0)), ASVC: ptr(uint8(1)), Info: []byte{7}}, "6a06" + "f0" + "42080001" + "07"},
		{0x02, 0, &EAC3{ComponentType: ptr(uint8(0xC4)), MixInfo: true, Substream2: ptr(uint8(9)), Info: []byte{7}}, "7a04" + "8a" + "c4" + "09" + "07"},
		{0x02, 0, &DTS{SampleRate: 13, BitRate: 24, Blocks: 15, FrameSize: 2013, SurroundMode: 9, LFE: true, ExtendedSurround: 1}, "7b05" + "d6" + "078f" + "ba4d"},
		{0x02, 0, &AAC{ProfileAndLevel: 0x58}, "7c01" + "58"},
		{0x02, 0, &AAC{ProfileAndLevel: 0x58, Extra: &AACExtra{Type: ptr(uint8(3)), Info: []byte{1}}}, "7c04" + "58" + "80" + "03" + "01"},
		{0x02, 0, &SupplementaryAudio{Independent: true, Classification: 1, Language: ptr("rus")}, "7f05" + "06" + "87" + "727573"},
		{0x02, 0, &SupplementaryAudio{Private: []byte{1}}, "7f03" + "06" + "02" + "01"},
		{0x02, 0, &DTSHD{Core: &[]byte{1, 2}, Substream3: &[]byte{3}, Info: []byte{4}}, "7f08" + "0e" + "8f" + "020102" + "0103" + "04"},
		{0x02, 0, &AC4{Config: &AC4Config{DialogEnhancement: true, ChannelMode: 2}, TOC: &[]byte{1, 2}}, "7f06" + "15" + "c0" + "c0" + "020102"},
		{0x74, 0, &ApplicationInfo{Profiles: []ApplicationProfile{{0, 1, 1, 1}}, ServiceBound: true, Visibility: 3, Priority: 1, Labels: []byte{0}},
			"0009" + "05" + "0000010101" + "ff" + "01" + "00"},
		{0x74, 0, &ApplicationName{Names: []LanguageText{{"eng", "A"}}}, "0105" + "656e670141"},
		{0x74, 0, &TransportProtocol{Protocol: 3, Label: 0, Selector: []byte{1}}, "0204" + "00030001"},
		{0x74, 0, &SimpleApplicationLocation{InitialPath: "i"}, "1501" + "69"},
	}
}

func descriptorCases() []descriptorCase {
	var all []descriptorCase
	for _, f := range []func() []descriptorCase{
		mpegDescriptors, networkDescriptors, channelNumberDescriptors, serviceDescriptors, eventDescriptors, streamDescriptors,
	} {
		all = append(all, f()...)
	}
	return all
}

func TestDescriptors(t *testing.T) {
	covered := map[string]bool{}
	for _, tc := range descriptorCases() {
		name := DescriptorName(tc.value)
		covered[name] = true
		want := unhex(t, tc.hex)
		got, err := Descriptors{tc.value}.AppendTo(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: encoded\n%x, want\n%x", name, got, want)
			continue
		}
		c := newDecoder(want, scope{table: tc.table, specifier: tc.specifier})
		var ds Descriptors
		c.descriptors(&ds)
		if c.err != nil || len(ds) != 1 || !reflect.DeepEqual(ds[0], tc.value) {
			t.Errorf("%s: decoded %+v (%v), want %+v", name, ds, c.err, tc.value)
		}
	}
	for _, entries := range [][]descriptorEntry{
		commonDescriptors, extensionDescriptors, applicationDescriptors,
		eacemDescriptors, nordigDescriptors, dbookDescriptors, scteDescriptors,
	} {
		for _, e := range entries {
			d := e.make()
			if !covered[DescriptorName(d)] {
				t.Errorf("no case for %s", e.name)
			}
			if x, ok := d.(extended); ok && x.extension() != e.tag || !ok && d.Tag() != e.tag {
				t.Errorf("%s is registered as %#x but has tag %#x", e.name, e.tag, d.Tag())
			}
		}
	}
}

// A descriptor that is cut anywhere is an error or is kept as it is, never a panic,
// and is written again bit for bit.
func TestDescriptorsTruncated(t *testing.T) {
	for _, tc := range descriptorCases() {
		whole := unhex(t, tc.hex)
		for n := range len(whole) {
			if _, err := ParseDescriptors(tc.table, whole[:n]); n > 0 && err == nil {
				t.Errorf("%s cut to %d bytes is accepted", DescriptorName(tc.value), n)
			}
		}
		for n := 2; n < len(whole); n++ { // the length says so too
			cut := append([]byte{whole[0], byte(n - 2)}, whole[2:n]...)
			ds, err := ParseDescriptors(tc.table, cut)
			if err != nil {
				t.Fatalf("%x: %v", cut, err)
			}
			if again, err := ds.AppendTo(nil); err != nil || !bytes.Equal(again, cut) {
				t.Errorf("%s: %x became %x (%v)", DescriptorName(tc.value), cut, again, err)
			}
		}
	}
}

func TestRawDescriptors(t *testing.T) {
	for _, tc := range []struct {
		name string
		hex  string
		view bool
	}{
		{"tag nobody knows", "c203010203", false},
		{"extension nobody knows", "7f03ee0102", false},
		{"no extension at all", "7f00", false},
		{"reserved bits are zero", "6f03001005", true},
		{"bytes after the last field", "5202050a", true},
		{"frequency not decimal", "440b" + "0312000a" + "fff2" + "05" + "0069000f", false},
		{"length inside goes beyond", "4805190a565456", false},
	} {
		in := unhex(t, tc.hex)
		ds, err := ParseDescriptors(TablePMT, in)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		raw, ok := ds[0].(*Raw)
		if !ok {
			t.Errorf("%s: is %T, want *Raw", tc.name, ds[0])
			continue
		}
		if (raw.View != nil) != tc.view {
			t.Errorf("%s: view is %v", tc.name, raw.View)
		}
		if out, err := ds.AppendTo(nil); err != nil || !bytes.Equal(out, in) {
			t.Errorf("%s: %x became %x (%v)", tc.name, in, out, err)
		}
	}
}

func TestFindLooksThroughRaw(t *testing.T) {
	ds, err := ParseDescriptors(TablePMT, unhex(t, "520105"+"6f03001005"))
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := Find[*ApplicationSignalling](ds); !ok || a.Applications[0].Type != 0x10 {
		t.Errorf("application_signalling_descriptor with zero reserved bits not found: %v", a)
	}
	if s, ok := Find[*StreamIdentifier](ds); !ok || s.ComponentTag != 5 {
		t.Errorf("stream_identifier_descriptor not found: %v", s)
	}
	if _, ok := Find[*Service](ds); ok {
		t.Error("found a service_descriptor that is not there")
	}
}

// private_data_specifier_descriptor rules what comes after it in the same loop only.
func TestPrivateDataSpecifierScope(t *testing.T) {
	in := unhex(t, "83041234fc0b"+"5f0400000029"+"83041234c001"+"5f040000233a"+"83041234ff20"+"5f0401020304"+"83041234ff20")
	ds, err := ParseDescriptors(TableNITActual, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Descriptor{new(LogicalChannel), nil, new(NorDigChannel), nil, new(DBookChannel), nil, new(Raw)} {
		if want != nil && reflect.TypeOf(ds[i]) != reflect.TypeOf(want) {
			t.Errorf("descriptor %d is %T, want %T", i, ds[i], want)
		}
	}
	// In a PMT tag 0x83 without specifier is somebody else's.
	ds, err = ParseDescriptors(TablePMT, in[:6])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := ds[0].(*Raw); !ok {
		t.Errorf("tag 0x83 in a PMT is %T", ds[0])
	}
	// Two loops of a NIT do not see each other's.
	nit := &NIT{Streams: []TransportStream{
		{1, 2, Descriptors{&PrivateDataSpecifier{SpecifierNorDig}, &NorDigChannel{Channels: []ChannelNumber{{1, true, 5}}}}},
		{2, 2, Descriptors{&LogicalChannel{Channels: []ChannelNumber{{1, true, 5}}}}},
	}}
	s, err := nit.Sections()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseNIT(s...)
	if err != nil || !reflect.DeepEqual(nit, again) {
		t.Errorf("became %+v (%v)", again, err)
	}
}

func TestDescriptorsRefuse(t *testing.T) {
	for _, d := range []Descriptor{
		&LogicalChannel{Channels: []ChannelNumber{{Number: 1024}}},
		&ISO639Language{Languages: []AudioLanguage{{Language: "en"}}},
		&SatelliteDelivery{Frequency: 11_757_250_001},
		&SatelliteDelivery{Frequency: 1_000_000_000_000},
		&TerrestrialDelivery{Frequency: 474_000_001},
		&NetworkName{Name: Text(make([]byte, 256))},
		&ShortEvent{Language: "eng", Name: Text(make([]byte, 300))},
		&CADescriptor{PID: 0x2000},
		&Raw{DescriptorTag: 0x80, Data: make([]byte, 256)},
		&T2Delivery{Parameters: &T2Parameters{Cells: []T2Cell{{ID: 1}}}},
		&ContentIdentifier{CRIDs: []CRID{{Location: 2}}},
	} {
		if b, err := (Descriptors{d}).AppendTo(nil); err == nil {
			t.Errorf("%s: %+v is written as %x", DescriptorName(d), d, b)
		}
	}
}

func FuzzDescriptors(f *testing.F) {
	for _, tc := range descriptorCases() {
		b, err := Descriptors{&PrivateDataSpecifier{tc.specifier}, tc.value}.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(tc.table, b)
		f.Add(tc.table, b[6:])
	}
	f.Fuzz(func(t *testing.T, table uint8, b []byte) {
		ds, err := ParseDescriptors(table, b)
		if err != nil {
			return
		}
		again, err := ds.AppendTo(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x (%v)", b, again, err)
		}
		for _, d := range ds {
			if _, err := (View{}).DescribeDescriptor(d).MarshalJSON(); err != nil {
				t.Errorf("%s: %v", DescriptorName(d), err)
			}
		}
	})
}
