package psi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/asticode/go-astits"
)

// The tests here put what this package builds before parsers of others, and what
// those build before ours.

// tool runs a program over packets in a file and returns what it prints. The word
// FILE in args stands for the file.
func tool(t *testing.T, packets []byte, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	path := filepath.Join(t.TempDir(), "tables.ts")
	if err := os.WriteFile(path, packets, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "FILE", path)
	}
	out, err := exec.Command(name, args...).Output()
	if len(out) == 0 {
		t.Fatalf("%s printed nothing: %v", name, err)
	}
	return string(out)
}

func wantLines(t *testing.T, out string, want ...string) {
	t.Helper()
	squeezed := strings.Join(strings.Fields(out), " ")
	for _, w := range want {
		if !strings.Contains(squeezed, w) {
			t.Errorf("%q is missing", w)
		}
	}
}

func tshark(t *testing.T, packets []byte) string {
	t.Helper()
	out := tool(t, packets, "tshark", "-r", "FILE", "-X", "read_format:MPEG2 transport stream", "-o", "mpeg_sect.verify_crc:TRUE", "-V")
	for _, bad := range []string{"Malformed", "incorrect", "Skip"} {
		for line := range strings.Lines(out) {
			if strings.Contains(line, bad) {
				t.Errorf("tshark says: %s", line)
			}
		}
	}
	return out
}

func TestTablesInTshark(t *testing.T) {
	s := newStreamer(t)
	s.sendAll()
	out := tshark(t, s.out)
	wantLines(t, out,
		"Transport Stream ID: 0x0102", "Program 0x0002 -> PID 0x1ffe",
		"System ID: 0x0b00", "CA PID: 0x0300",
		"= PCR PID: 0x0101", "Format identifier: CUEI", "= Elementary PID: 0x0104", "ISO 639 Language Code: vie",
		"Network Name: Net", "Centre Frequency: 474.000000 MHz",
		"Bouquet Name: Bouquet",
		"Service Name: Truyền hình", "Service Provider Name: VTV",
		"Event ID: 0x0007", "Start Time: Nov 22, 2026 08:06:37", "(01:30:00)", "Event Name: Новости",
		"UTC Time: Nov 22, 2026 08:06:37", "Country Code: VNM", "Local Time Offset: 07:00",
		"Service Description (SDT), other", "Selection Information Table", "Application Information Table",
	)
	if n, crcs := strings.Count(out, "CRC 32 Status: Good"), strings.Count(out, "CRC 32:"); n == 0 || n != crcs {
		t.Errorf("%d of %d CRCs are good", n, crcs)
	}
}

func TestDescriptorsInTshark(t *testing.T) {
	s := newStreamer(t)
	pmt, nit := &PMT{ProgramNumber: 1, PCRPID: 0x101}, &NIT{NetworkID: 1}
	sdt, eit := &SDT{}, NewPresentFollowing(service, false, &Event{}, nil)
	tot := &TOT{Time: EncodeUTC(testTime)}
	for i, tc := range descriptorCases() {
		d := Descriptors{tc.value}
		if tc.specifier != 0 {
			d = Descriptors{&PrivateDataSpecifier{tc.specifier}, tc.value}
		}
		if _, ok := tc.value.(*ContentIdentifier); ok {
			// tshark 4.0 runs beyond the section behind a CRID in the CIT.
			d = Descriptors{&ContentIdentifier{CRIDs: []CRID{{Type: 1, Identifier: "/a"}}}}
		}
		switch tc.table {
		case 0x02:
			pmt.Streams = append(pmt.Streams, Stream{0x06, uint16(0x200 + i), d})
		case 0x40, 0x4A:
			nit.Streams = append(nit.Streams, TransportStream{uint16(i), 1, d})
		case 0x42:
			sdt.Services = append(sdt.Services, SDTService{ServiceID: uint16(i), Descriptors: d})
		case 0x4E:
			eit.Parts[0].Events[0].Descriptors = append(eit.Parts[0].Events[0].Descriptors, d...)
		case 0x73:
			tot.Descriptors = append(tot.Descriptors, d...)
		}
	}
	eit.Parts[0].Events[0].Start = EncodeUTC(testTime)
	s.send(0x100, pmt)
	s.send(PIDNIT, nit)
	s.send(PIDSDT, sdt)
	s.send(PIDEIT, eit)
	s.send(PIDTDT, tot)
	out := tshark(t, s.out)
	wantLines(t, out,
		"Frequency: 11.75725", "Orbital Position: 13", "West East Flag: East", "Polarization: Linear - Vertical",
		"alpha = 0,25", "DVB-S2", "8PSK", "Symbol Rate: 27.5000 MSym/s", "3/4 convolutional", // satellite
		"Frequency: 312.0000 MHz", "256-QAM", "Symbol Rate: 6.9000 MSymbol/s", "RS(204/188)", "No convolutional", // cable
		"Centre Frequency: 474.000000 MHz", "Minimum 12 year old", "Day: 13", "Minute: 45",
	)
}

func TestTablesInDvbinfo(t *testing.T) {
	s := newStreamer(t)
	for range 3 {
		s.sendAll()
	}
	out := tool(t, s.out, "dvbinfo", "-f", "FILE", "-s", "table")
	wantLines(t, out,
		"Transport stream id : 258 Version number : 31 Current next : yes",
		"1 @ pid: 0x100 (256)", "2 @ pid: 0x1ffe (8190)",
		`0x09 :`, "PCR_PID : 0x101 (257)", `] 0x05 : "CUEI"`, "| 0x1b @ pid 0x101", "0x0a : \"vie",
		"Bouquet id : 16385", `0x47 : "Bouquet"`,
		"Version number : 4 Transport stream id : 1 Network id : 8755", "Truyền hình",
		"TDT: Time and Date Table", `0x58 : "VNM`, "running status id: 4 (running)",
		"Service id : 17493", "Event id: 7", "Last Table id : 81",
	)
}

// Names in the tables of four markets, as ffprobe shows them.
func TestServiceNamesInFfprobe(t *testing.T) {
	s := newStreamer(t)
	pat, sdt := &PAT{TransportStreamID: 1}, &SDT{TransportStreamID: 1, OriginalNetworkID: 1}
	want := map[string]string{}
	for i, tc := range []struct{ language, name string }{
		{"rus", "Первый канал"}, {"vie", "Truyền hình Việt Nam"}, {"pol", "Zażółć gęślą jaźń"},
		{"fre", "Télé crème"}, {"tur", "Işık TV"}, {"eng", "News"}, {"gre", "ΕΡΤ Ειδήσεις"},
	} {
		id := uint16(i + 1)
		pat.Programs = append(pat.Programs, Program{id, 0x100 + id})
		sdt.Services = append(sdt.Services, SDTService{ServiceID: id, Running: Running, Descriptors: Descriptors{
			&Service{Type: ServiceAVCHD, Provider: "Sigma", Name: EncodeText(tc.name, MaxText, CharsetsFor(tc.language)...)}}})
		want[tc.name] = tc.language
	}
	for range 5 {
		s.send(PIDPAT, pat)
		for _, p := range pat.Programs {
			s.send(p.PID, &PMT{ProgramNumber: p.Number, PCRPID: 0x200 + p.Number,
				Streams: []Stream{{StreamH264, 0x200 + p.Number, nil}}})
		}
		s.send(PIDSDT, sdt)
	}
	out := tool(t, s.out, "ffprobe", "-v", "quiet", "-show_programs", "-of", "json", "FILE")
	var found struct {
		Programs []struct {
			Tags map[string]string `json:"tags"`
		} `json:"programs"`
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Programs {
		if p.Tags["service_provider"] != "Sigma" {
			t.Errorf("provider is %q", p.Tags["service_provider"])
		}
		delete(want, p.Tags["service_name"])
	}
	for name, language := range want {
		t.Errorf("ffprobe does not show %q (%s): %s", name, language, out)
	}
}

// astitsData demuxes with go-astits.
func astitsData(t *testing.T, packets []byte) []*astits.DemuxerData {
	t.Helper()
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(packets), astits.DemuxerOptPacketSize(188))
	var all []*astits.DemuxerData
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
}

func TestTablesInAstits(t *testing.T) {
	s := newStreamer(t)
	s.sendAll()
	s.sendAll()
	seen := map[string]bool{}
	for _, d := range astitsData(t, s.out) {
		switch {
		case d.PAT != nil:
			seen["PAT"] = d.PAT.TransportStreamID == 0x102 && len(d.PAT.Programs) == 3 && d.PAT.Programs[2].ProgramMapID == 0x1FFE
		case d.PMT != nil:
			seen["PMT"] = d.PMT.ProgramNumber == 1 && d.PMT.PCRPID == 0x101 && len(d.PMT.ElementaryStreams) == 4 &&
				d.PMT.ElementaryStreams[1].ElementaryStreamDescriptors[0].AC3 != nil &&
				string(d.PMT.ElementaryStreams[1].ElementaryStreamDescriptors[1].ISO639LanguageAndAudioType.Language) == "vie"
		case d.SDT != nil && d.SDT.TransportStreamID == 1:
			service := d.SDT.Services[0].Descriptors[0].Service
			seen["SDT"] = d.SDT.OriginalNetworkID == 0x2233 && len(d.SDT.Services) == 2 && d.SDT.Services[1].HasEITSchedule &&
				service.Type == 0x19 && string(service.Name) == "\x15Truyền hình" && string(service.Provider) == "VTV"
		case d.NIT != nil && d.NIT.NetworkID == 0x3001:
			seen["NIT"] = string(d.NIT.NetworkDescriptors[0].NetworkName.Name) == "Net" && len(d.NIT.TransportStreams) == 1 &&
				len(d.NIT.TransportStreams[0].TransportDescriptors) == 4
		case d.EIT != nil && d.EIT.LastTableID == TableEITActual && len(d.EIT.Events) > 0:
			e := d.EIT.Events[0]
			seen["EIT"] = d.EIT.ServiceID == 0x4455 && e.EventID == 7 && e.StartTime.Equal(testTime) && e.Duration.Minutes() == 90 &&
				e.RunningStatus == 4 && e.HasFreeCSAMode && string(e.Descriptors[0].ShortEvent.Language) == "rus"
		case d.TOT != nil:
			o := d.TOT.Descriptors[0].LocalTimeOffset.Items[0]
			seen["TOT"] = d.TOT.UTCTime.Equal(testTime) && string(o.CountryCode) == "VNM" && o.LocalTimeOffset.Hours() == 7 && !o.LocalTimeOffsetPolarity
		}
	}
	for _, name := range []string{"PAT", "PMT", "SDT", "NIT", "EIT", "TOT"} {
		if !seen[name] {
			t.Errorf("%s is missing or differs", name)
		}
	}
}

// What go-astits multiplexes comes out here.
func TestAstitsMuxer(t *testing.T) {
	var b bytes.Buffer
	m := astits.NewMuxer(context.Background(), &b)
	if err := m.AddElementaryStream(astits.PMTElementaryStream{
		ElementaryPID: 0x101, StreamType: astits.StreamTypeH264Video,
		ElementaryStreamDescriptors: []*astits.Descriptor{
			{Tag: astits.DescriptorTagStreamIdentifier, Length: 1, StreamIdentifier: &astits.DescriptorStreamIdentifier{ComponentTag: 7}},
			{Tag: astits.DescriptorTagISO639LanguageAndAudioType, Length: 4, ISO639LanguageAndAudioType: &astits.DescriptorISO639LanguageAndAudioType{Language: []byte("vie"), Type: 3}},
			{Tag: astits.DescriptorTagMaximumBitrate, Length: 3, MaximumBitrate: &astits.DescriptorMaximumBitrate{Bitrate: 50 * 1000}},
			{Tag: astits.DescriptorTagRegistration, Length: 4, Registration: &astits.DescriptorRegistration{FormatIdentifier: 0x48455643}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	m.SetPCRPID(0x101)
	if _, err := m.WriteTables(); err != nil {
		t.Fatal(err)
	}
	var got *PMT
	c := new(Collector)
	c.Push(b.Bytes(), func(st *SubTable) {
		if pmt, ok := st.Table.(*PMT); ok {
			got = pmt
		}
	})
	if got == nil {
		t.Fatal("no PMT found")
	}
	want := Descriptors{
		&StreamIdentifier{ComponentTag: 7}, &ISO639Language{Languages: []AudioLanguage{{"vie", 3}}},
		&MaximumBitrate{Rate: 1000}, &Registration{Format: "HEVC"},
	}
	if got.PCRPID != 0x101 || len(got.Streams) != 1 || !reflect.DeepEqual(got.Streams[0].Descriptors, want) {
		t.Errorf("PMT is %+v", got)
	}
}

// What ffmpeg multiplexes comes out here.
func TestFfmpegMuxer(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	path := filepath.Join(t.TempDir(), "ffmpeg.ts")
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-f", "lavfi", "-i", "sine=f=300:duration=1",
		"-map", "0", "-map", "1", "-c:a:0", "mp2", "-c:a:1", "ac3", "-metadata:s:a:0", "language=rus", "-metadata:s:a:1", "language=vie",
		"-metadata", "service_name=Канал", "-metadata", "service_provider=Đài",
		"-mpegts_service_id", "7", "-mpegts_original_network_id", "0x2233", "-mpegts_flags", "system_b+nit", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]Table{}
	c := new(Collector)
	c.Push(b, func(st *SubTable) {
		if st.Err != nil {
			t.Errorf("PID %#x: %v", st.PID, st.Err)
			return
		}
		tables[TableName(st.Table.ID())] = st.Table
	})
	pmt, ok := tables["PMT"].(*PMT)
	if !ok || pmt.ProgramNumber != 7 || len(pmt.Streams) != 2 {
		t.Fatalf("PMT is %+v", pmt)
	}
	if l, ok := Find[*ISO639Language](pmt.Streams[1].Descriptors); !ok || l.Languages[0].Language != "vie" {
		t.Errorf("language is %+v", l)
	}
	if _, ok := Find[*AC3](pmt.Streams[1].Descriptors); !ok {
		t.Error("no AC-3_descriptor")
	}
	sdt, ok := tables["SDT actual"].(*SDT)
	if !ok || sdt.OriginalNetworkID != 0x2233 {
		t.Fatalf("SDT is %+v", sdt)
	}
	if d, ok := Find[*Service](sdt.Services[0].Descriptors); !ok || d.Name.String() != "Канал" || d.Provider.String() != "Đài" {
		t.Errorf("service is %+v", d)
	}
	if _, ok := tables["NIT actual"].(*NIT); !ok {
		t.Error("no NIT")
	}
	for pid := range uint16(0x1FFF) {
		if a, ok := c.Assembler(pid); ok && a.CRCErrors+a.Discontinuities+a.Malformed != 0 {
			t.Errorf("PID %#x: %+v", pid, a)
		}
	}
}
