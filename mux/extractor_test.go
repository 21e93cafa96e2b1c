package mux

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/psi"
)

// twoProgrammes is an MPTS of two programmes of one video and one audio each.
func twoProgrammes(t testing.TB) []byte {
	return capture(t, 6, picture25, sound, picture50, "-f lavfi -i sine=f=880:r=48000",
		"-map 0:v -map 1:a -map 2:v -map 3:a -c:v libx264 -preset ultrafast -g 25 -b:v 500k -c:a mp2",
		"-program title=Eins:st=0:st=1 -program title=Zwei:st=2:st=3 -muxrate 3M")
}

// extract feeds datagrams of the input and returns what comes out.
func extract(e *Extractor, in []byte) []byte {
	var out []byte
	for b := range slices.Chunk(in, 7*188) {
		e.Feed(item(b, 0, 0), func(it flow.Item[flow.Batch]) { out = append(out, it.V.Data...) })
	}
	return out
}

// payloads returns the packets of a PID with that PID cleared.
func payloads(b []byte, pid uint16) []byte {
	var out []byte
	for i := 0; i+188 <= len(b); i += 188 {
		if p := b[i : i+188]; pidOf(p) == pid {
			at := len(out)
			out = append(out, p...)
			out[at+1] &= 0xE0
			out[at+2] = 0
		}
	}
	return out
}

func TestExtractorRenames(t *testing.T) {
	in := twoProgrammes(t)
	before := bytes.Clone(in)
	e := &Extractor{Selection: Selection{
		Program: 2, ServiceID: 77, Name: "Hai", Provider: "Nhà",
		PIDs:     []PID{{Kind: 'm', Value: 100}, {Kind: 'v', Index: 1, Value: 211}, {Kind: 'a', Index: 1, Value: 221}},
		Versions: &Versions{PAT: 31, PMT: 5},
	}}
	out := extract(e, in)
	if !bytes.Equal(before, in) {
		t.Fatal("input was written to")
	}
	if got := breaks(out); got != nil {
		t.Errorf("%d continuity errors: %v", len(got), got[0])
	}
	// All but what came before the first PMT passes with every byte but the PID.
	for in2, out2 := range map[uint16]uint16{0x102: 211, 0x103: 221} {
		if want, got := payloads(in, in2), payloads(out, out2); !bytes.HasSuffix(want, got) || len(want)-len(got) > 3*188 {
			t.Errorf("PID %#x: %d bytes of %d, or others", in2, len(got), len(want))
		}
	}
	tool(t, "ffprobe")
	probe, _ := run(t, "ffprobe", "-v", "error", "-show_programs", save(t, out))
	for _, want := range []string{"program_id=77", "pmt_pid=100", "pcr_pid=211", "id=0xd3", "id=0xdd", "service_name=Hai", "service_provider=Nhà"} {
		if !strings.Contains(probe, want) {
			t.Errorf("ffprobe does not see %s", want)
		}
	}
	if n := strings.Count(probe, "[PROGRAM]"); n != 1 {
		t.Errorf("%d programmes, want 1", n)
	}
	if st := e.Status(); st.State != Found || st.Program != 2 || st.Versions.PAT != 31 || st.Versions.PMT != 5 {
		t.Errorf("status %+v", st)
	}
}

func TestExtractorFirstProgramme(t *testing.T) {
	out := extract(&Extractor{Selection: Selection{Program: 1}}, twoProgrammes(t))
	if got := hashes(t, out); len(got) != 2 {
		t.Errorf("streams %v, want 2", got)
	}
}

// section packetizes sections for a test input.
func sectionPackets(t *testing.T, pid uint16, table interface{ Sections() ([]psi.Section, error) }, cc *uint8) []byte {
	t.Helper()
	s, err := table.Sections()
	if err != nil {
		t.Fatal(err)
	}
	pk := psi.Packetizer{PID: pid, Counter: *cc}
	b := pk.AppendTo(nil, s...)
	*cc = pk.Counter
	return b
}

// es makes a packet of a stream.
func es(pid uint16, cc byte) []byte {
	p := make([]byte, 188)
	p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x10|cc&15
	return p
}

func TestExtractorFollowsTables(t *testing.T) {
	var patCC, pmtCC uint8
	pat := func(version uint8, programs ...psi.Program) []byte {
		return sectionPackets(t, 0, &psi.PAT{TransportStreamID: 1, Version: version, Programs: programs}, &patCC)
	}
	pmt := func(pid uint16, version uint8, streams ...uint16) []byte {
		p := &psi.PMT{ProgramNumber: 1, Version: version, PCRPID: streams[0]}
		for _, s := range streams {
			p.Streams = append(p.Streams, psi.Stream{Type: 0x1B, PID: s, Descriptors: psi.Descriptors{
				&psi.Raw{DescriptorTag: 0x52, Data: []byte{7}},
				&psi.Raw{DescriptorTag: 0x09, Data: []byte{0x0B, 0, 0xE0 | byte(s>>8), byte(s) + 9, 1, 2}},
			}})
		}
		return sectionPackets(t, pid, p, &pmtCC)
	}
	e := &Extractor{Selection: Selection{Versions: &Versions{}}}
	steps := []struct {
		name  string
		feed  []byte
		state ServiceState
		want  []uint16 // PIDs of stream packets that pass
		ver   uint8    // of the PMT
	}{
		{"nothing yet", es(300, 0), NoPAT, nil, 0},
		{"another programme", pat(0, psi.Program{Number: 0, PID: 16}), NoService, nil, 0},
		{"listed", pat(1, psi.Program{Number: 1, PID: 400}), NoPMT, nil, 0},
		{"found", slices.Concat(pmt(400, 0, 300), es(300, 1), es(309, 0), es(301, 0)), Found, []uint16{300, 309}, 0},
		{"other content, same version", slices.Concat(pmt(400, 0, 301), es(300, 2), es(301, 1)), Found, []uint16{301}, 1},
		{"same content, other version", slices.Concat(pmt(400, 9, 301), es(301, 2)), Found, []uint16{301}, 1},
		{"PMT moves, its PID becomes a stream", slices.Concat(pat(2, psi.Program{Number: 1, PID: 401}),
			pmt(401, 9, 301, 400), es(400, 0), es(301, 3)), Found, []uint16{400, 301}, 2},
		{"gone", slices.Concat(pat(3, psi.Program{Number: 0, PID: 16}), es(301, 4)), NoService, nil, 2},
		{"back with the same version", slices.Concat(pat(4, psi.Program{Number: 1, PID: 401}),
			pmt(401, 9, 301, 400), es(301, 5)), Found, []uint16{301}, 2},
		{"another first programme", slices.Concat(pat(5, psi.Program{Number: 9, PID: 402}, psi.Program{Number: 1, PID: 401}), es(301, 6)),
			Found, []uint16{301}, 2},
	}
	for _, step := range steps {
		var got []uint16
		e.Feed(item(step.feed, 0, 0), func(it flow.Item[flow.Batch]) {
			for p := range packets(it.V.Data) {
				if pid := pidOf(p); pid != 0 && pid != 0x11 && p[1]&0x40 == 0 {
					got = append(got, pid)
				}
			}
		})
		st := e.Status()
		if st.State != step.state || !slices.Equal(got, step.want) || st.Versions.PMT != step.ver {
			t.Errorf("%s: %v, PIDs %v, PMT version %d; want %v, %v, %d", step.name, st.State, got, st.Versions.PMT, step.state, step.want, step.ver)
		}
	}
}

// TestVersionsOfASuccessor restarts an extractor on the same input: a table whose
// content is the same keeps its version, one that was changed has another, be it told
// nothing, as after an edit, or what its predecessor sent last.
func TestVersionsOfASuccessor(t *testing.T) {
	in := slices.Concat(
		sectionPackets(t, 0, &psi.PAT{TransportStreamID: 1, Programs: []psi.Program{{Number: 1, PID: 100}}}, new(uint8)),
		sectionPackets(t, 17, &psi.SDT{TransportStreamID: 1, Services: []psi.SDTService{{ServiceID: 1}}}, new(uint8)),
		sectionPackets(t, 100, &psi.PMT{ProgramNumber: 1, PCRPID: 101, Streams: []psi.Stream{{Type: 2, PID: 101}}}, new(uint8)),
	)
	versions := func(s Selection) Versions {
		e := &Extractor{Selection: s}
		extract(e, in)
		return e.Status().Versions
	}
	one := Selection{Name: "Eins", PIDs: []PID{{'v', 1, 500}}}
	first := versions(one)
	if again := versions(one); again != first {
		t.Errorf("versions %+v after a restart, were %+v", again, first)
	}
	changed := map[uint8]bool{}
	for pid := range uint16(100) {
		two := versions(Selection{Name: "Eins", PIDs: []PID{{'v', 1, 600 + pid}}})
		changed[two.PMT] = true
		if two.PAT != first.PAT || two.SDT != first.SDT {
			t.Errorf("versions %+v, were %+v: only the PMT has changed", two, first)
		}
	}
	if len(changed) < 20 {
		t.Errorf("100 PMTs have %d versions: %v", len(changed), changed)
	}
	if named := versions(Selection{Name: "Zwei", PIDs: one.PIDs}); named.SDT == first.SDT || named.PMT != first.PMT {
		t.Errorf("versions %+v with another name, were %+v", named, first)
	}
	one.Versions = &Versions{SDT: 3}
	if given := versions(one); given != *one.Versions {
		t.Errorf("versions %+v, want those given, 0 included", given)
	}
}

func TestMapPIDs(t *testing.T) {
	ca := &psi.Raw{DescriptorTag: 0x09, Data: []byte{0x0B, 0, 0xE0, 0xDD}} // ECM on 221
	pmt := &psi.PMT{PCRPID: 50, Descriptors: psi.Descriptors{ca}, Streams: []psi.Stream{
		{Type: 0x02, PID: 300}, {Type: 0x04, PID: 211}, {Type: 0x06, PID: 222, Descriptors: psi.Descriptors{&psi.Raw{DescriptorTag: 0x6A, Data: []byte{0}}}},
		{Type: 0x06, PID: 223, Descriptors: psi.Descriptors{&psi.Raw{DescriptorTag: 0x59}}}, {Type: 0x05, PID: 224},
	}}
	m := mapPIDs([]PID{{'m', 0, 100}, {'v', 1, 211}, {'a', 2, 221}, {'t', 1, 231}, {'p', 0, 8000}, {'l', 2, 9}}, 60, pmt)
	want := map[uint16]uint16{60: 100, 300: 211, 211: 212, 222: 221, 221: 222, 223: 231, 224: 224, 50: 8000}
	for in, out := range want {
		if got := m.get(in); got != out {
			t.Errorf("PID %d goes to %d, want %d", in, got, out)
		}
	}
	moved := moveCA(pmt.Descriptors, m)
	if got := descriptorData(moved[0]); !bytes.Equal(got, []byte{0x0B, 0, 0xE0, 222}) {
		t.Errorf("CA_descriptor % x", got)
	}
	if ca.Data[3] != 0xDD {
		t.Error("the descriptor of the input was written to")
	}
}

func TestExtractorRewritesEvents(t *testing.T) {
	var cc uint8
	in := sectionPackets(t, 0, &psi.PAT{Programs: []psi.Program{{Number: 5, PID: 400}}}, new(uint8))
	in = append(in, sectionPackets(t, 400, &psi.PMT{ProgramNumber: 5, PCRPID: 300, Streams: []psi.Stream{{Type: 2, PID: 300}}}, new(uint8))...)
	for _, service := range []uint16{5, 6} {
		h := psi.Header{TableID: psi.TableEITActual, Extension: service, Version: 3}
		s, err := h.Section(bytes.Repeat([]byte{0, 1, 0, 1, 0, 0x4E}, 100))
		if err != nil {
			t.Fatal(err)
		}
		pk := psi.Packetizer{PID: psi.PIDEIT, Counter: cc}
		in = pk.AppendTo(in, s)
		cc = pk.Counter
	}
	out := extract(&Extractor{Selection: Selection{ServiceID: 50}}, in)
	var a psi.Assembler
	var got []psi.Header
	for p := range packets(out) {
		if pidOf(p) == psi.PIDEIT {
			a.Push(p, func(s psi.Section) { got = append(got, s.Header()) })
		}
	}
	if len(got) != 1 || got[0].Extension != 50 || got[0].Version != 3 || a.CRCErrors != 0 {
		t.Errorf("EIT %+v", got)
	}
}

func TestForeignPCRPassesWithoutPayload(t *testing.T) {
	in := sectionPackets(t, 0, &psi.PAT{Programs: []psi.Program{{Number: 5, PID: 400}}}, new(uint8))
	in = append(in, sectionPackets(t, 400, &psi.PMT{ProgramNumber: 5, PCRPID: 301, Streams: []psi.Stream{{Type: 2, PID: 300}}}, new(uint8))...)
	p := es(301, 3)
	p[3], p[4], p[5] = 0x33, 7, 0x10
	in = slices.Concat(in, es(301, 2), p, es(301, 4), es(300, 0))
	out := extract(&Extractor{}, in)
	got := clocksOf(out)
	if len(got) != 1 || got[0].pid != 301 || len(payloads(out, 301)) != 188 || payloads(out, 301)[3] != 0x20 {
		t.Errorf("PCRs %v, packets of the PCR PID % x", got, payloads(out, 301))
	}
	if len(payloads(out, 300)) != 188 {
		t.Error("stream did not pass")
	}
}

// TestPATListsTheNITOfTheInput holds that the PAT names a NIT only if there is one:
// in the PAT of the input, or seen on its PID.
func TestPATListsTheNITOfTheInput(t *testing.T) {
	one := psi.Program{Number: 1, PID: 100}
	pmt := sectionPackets(t, 100, &psi.PMT{ProgramNumber: 1, PCRPID: 101, Streams: []psi.Stream{{Type: 2, PID: 101}}}, new(uint8))
	nit := sectionPackets(t, psi.PIDNIT, &psi.NIT{NetworkID: 1}, new(uint8))
	for _, c := range []struct {
		name  string
		pat   []psi.Program
		after []byte // the PMT
		want  []psi.Program
	}{
		{"none", []psi.Program{one}, nil, []psi.Program{one}},
		{"listed", []psi.Program{{PID: psi.PIDNIT}, one}, nil, []psi.Program{{PID: psi.PIDNIT}, one}},
		{"seen", []psi.Program{one}, nit, []psi.Program{{PID: psi.PIDNIT}, one}},
		{"listed on a PID that does not pass", []psi.Program{{PID: 0x50}, one}, nil, []psi.Program{one}},
	} {
		s := &Shaper{Rate: 1_000_000}
		pat := sectionPackets(t, 0, &psi.PAT{TransportStreamID: 1, Programs: c.pat}, new(uint8))
		s.Push(item(slices.Concat(pat, pmt, c.after), 0, 0))
		made, err := psi.ParsePAT(s.programme.made.pat...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(made.Programs, c.want) {
			t.Errorf("%s: PAT of %v, want %v", c.name, made.Programs, c.want)
		}
	}
}
