package psi

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sigma/mux/ts"
)

// streamer makes packets of tables and keeps the counter of every PID.
type streamer struct {
	t    testing.TB
	pids map[uint16]*Packetizer
	out  []byte
}

func newStreamer(t testing.TB) *streamer {
	return &streamer{t: t, pids: map[uint16]*Packetizer{}}
}

func (s *streamer) send(pid uint16, tables ...Table) {
	p := s.pids[pid]
	if p == nil {
		p = &Packetizer{PID: pid}
		s.pids[pid] = p
	}
	for _, t := range tables {
		s.out = p.AppendTo(s.out, sectionsOf(s.t, t)...)
	}
}

// sendAll sends one of every table, each on its PID.
func (s *streamer) sendAll() {
	for _, t := range sampleTables() {
		e, _ := lookupTable(t.ID())
		switch e.pid {
		case pidAny:
			s.send(PIDEIT, t)
		case pidFromPAT:
			s.send(0x100, t)
		case pidFromPMT:
			pid := uint16(0x104) // of the AIT in the sample PMT
			if t.ID() == TableSpliceInfo {
				pid = 0x103
			}
			s.send(pid, t)
		default:
			s.send(e.pid, t)
		}
	}
}

// collect pushes what has been sent since the last call.
func (s *streamer) collect(c *Collector) []*SubTable {
	var got []*SubTable
	c.Push(s.out, func(t *SubTable) { got = append(got, t) })
	s.out = nil
	return got
}

func names(tables []*SubTable) []string {
	var out []string
	for _, t := range tables {
		out = append(out, TableName(t.Sections[0].TableID()))
	}
	return out
}

func TestCollectorFindsEveryTable(t *testing.T) {
	s, c := newStreamer(t), new(Collector)
	s.sendAll()
	first := s.collect(c)
	want := map[string]bool{}
	for _, e := range tableEntries() {
		want[e.name] = e.first != TableST // stuffing is nobody's table
	}
	for _, n := range names(first) {
		delete(want, n)
	}
	for n, expected := range want {
		if expected {
			t.Errorf("%s was not found", n)
		}
	}
	for _, st := range first {
		if st.Err != nil || !st.Complete || st.Table == nil {
			t.Errorf("%s on PID %#x: complete %v, %v", TableName(st.Sections[0].TableID()), st.PID, st.Complete, st.Err)
		}
	}
	s.sendAll()
	if again := s.collect(c); len(again) != 0 {
		t.Errorf("sent again without a change: %v", names(again))
	}
	n := 0
	for st := range c.All() {
		n++
		if !st.Complete {
			t.Errorf("PID %#x is not complete", st.PID)
		}
	}
	if n != len(first) {
		t.Errorf("All yields %d sub-tables, want %d", n, len(first))
	}
	if a, ok := c.Assembler(PIDPAT); !ok || a.Sections != 2 {
		t.Errorf("counters of the PAT are %+v", a)
	}
	if _, ok := c.Assembler(0x999); ok {
		t.Error("PID 0x999 is collected")
	}
}

func TestCollectorChanges(t *testing.T) {
	s, c := newStreamer(t), new(Collector)
	pat := &PAT{Programs: []Program{{1, 0x100}, {2, 0x200}}}
	one, two := &PMT{ProgramNumber: 1, PCRPID: 0x101}, &PMT{ProgramNumber: 2, PCRPID: 0x201}
	expect := func(step string, want ...string) {
		t.Helper()
		if got := names(s.collect(c)); !slices.Equal(got, want) {
			t.Errorf("%s: changed %v, want %v", step, got, want)
		}
	}
	s.send(0x100, one)
	expect("PMT before any PAT")
	s.send(PIDPAT, pat)
	s.send(0x100, one)
	s.send(0x200, two)
	expect("first", "PAT", "PMT", "PMT")
	one.Version++
	s.send(0x100, one)
	expect("new version", "PMT")
	one.PCRPID++
	s.send(0x100, one)
	expect("new content, old version", "PMT")
	s.send(0x100, &PMT{ProgramNumber: 3})
	expect("programme that the PAT does not list")
	s.send(0x100, &PMT{ProgramNumber: 1, Next: true})
	expect("not yet applicable", "PMT")
	s.send(0x200, &TDT{})
	expect("another table on the PID of a PMT", "TDT")

	// A programme that leaves and comes back with its old version is new again.
	pat.Programs, pat.Version = pat.Programs[:1], 1
	s.send(PIDPAT, pat)
	s.send(0x200, two)
	expect("programme 2 leaves", "PAT")
	pat.Programs, pat.Version = append(pat.Programs, Program{2, 0x200}), 2
	s.send(PIDPAT, pat)
	s.send(0x100, one)
	s.send(0x200, two)
	expect("programme 2 is back", "PAT", "PMT")

	// So is one that leaves while its PID stays.
	pat.Programs, pat.Version = []Program{{1, 0x100}, {7, 0x200}}, 3
	s.send(PIDPAT, pat)
	pat.Programs, pat.Version = []Program{{1, 0x100}, {2, 0x200}}, 4
	s.send(PIDPAT, pat)
	s.send(0x200, two)
	expect("programme 2 is back on a PID that stayed", "PAT", "PAT", "PMT")
}

func TestCollectorManySections(t *testing.T) {
	s, c := newStreamer(t), new(Collector)
	sdt := &SDT{TransportStreamID: 1}
	for i := range 100 {
		sdt.Services = append(sdt.Services, SDTService{ServiceID: uint16(i), Descriptors: Descriptors{&Service{Name: "a service with a long name"}}})
	}
	sections := sectionsOf(t, sdt)
	p := &Packetizer{PID: PIDSDT}
	push := func(sections ...Section) int {
		s.out = p.AppendTo(nil, sections...)
		return len(s.collect(c))
	}
	for i := len(sections) - 1; i >= 0; i-- { // in any order
		if n := push(sections[i]); n != 0 != (i == 0) {
			t.Errorf("%d changes after section %d", n, i)
		}
	}
	sdt.Version++
	newer := sectionsOf(t, sdt)
	if n := push(newer[:2]...); n != 0 {
		t.Error("complete with two sections of a new version")
	}
	for st := range c.All() {
		if st.Complete || len(st.Sections) != 2 {
			t.Errorf("%d sections, complete %v", len(st.Sections), st.Complete)
		}
	}
	if n := push(newer[2:]...); n != 1 {
		t.Errorf("%d changes when the new version is whole", n)
	}
	bad := newer[0].Clone()
	bad[6] = 200 // section_number beyond the last
	bad, err := Header{TableID: bad[0], Extension: 1, Version: 1, Number: 200, Last: bad[7]}.Section(bad.Body())
	if err != nil {
		t.Fatal(err)
	}
	if n := push(bad); n != 0 {
		t.Error("section beyond the last is a change")
	}
}

func TestCollectorLimit(t *testing.T) {
	s, c := newStreamer(t), &Collector{Limit: 2000}
	for i := range 200 {
		s.send(PIDSDT, &SDT{Other: true, TransportStreamID: uint16(i)})
	}
	got := s.collect(c)
	if len(got) == 0 || len(got) > 50 || c.Dropped != uint64(200-len(got)) {
		t.Errorf("%d sub-tables, %d dropped", len(got), c.Dropped)
	}
	if c.held > c.Limit {
		t.Errorf("%d bytes held", c.held)
	}
}

func TestCollectorDoesNotAllocate(t *testing.T) {
	s, c := newStreamer(t), new(Collector)
	s.sendAll()
	packets := s.out
	s.collect(c)
	changed := func(*SubTable) { t.Error("changed") }
	// The counters go on over the border of the repetition.
	allocs := testing.AllocsPerRun(20, func() {
		next := packets
		for ; len(next) > 0; next = next[ts.PacketSize:] {
			a := &c.pids[ts.PID(next)].assembler
			ts.SetCC(next, a.counter+1)
			c.Push(next[:ts.PacketSize], changed)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for %d packets", allocs, len(packets)/ts.PacketSize)
	}
}

func TestSchedule(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 6, 37, 0, time.UTC)
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	event := func(id uint16, start time.Time, size int) Event {
		e := Event{ID: id, Start: EncodeUTC(start), Duration: Duration{1, 0, 0}}
		for ; size > 0; size -= 250 {
			e.Descriptors = append(e.Descriptors, &ShortEvent{Language: "vie", Name: Text(make([]byte, 200))})
		}
		return e
	}
	events := []Event{
		event(1, midnight.Add(-time.Hour), 0),         // yesterday
		event(2, midnight.Add(time.Hour), 0),          // a segment that has passed
		event(4, midnight.Add(8*time.Hour), 0),        // segment 2, after the next one
		event(3, midnight.Add(7*time.Hour), 0),        // segment 2
		event(5, midnight.Add(9*time.Hour), 0),        // segment 3, on its border
		event(6, midnight.Add(4*day-time.Second), 0),  // the last of the first table
		event(7, midnight.Add(4*day), 0),              // the first of the second table
		event(8, midnight.Add(13*day+5*time.Hour), 0), // the fourth table
		event(9, midnight.Add(64*day), 0),             // too far
	}
	for id := range uint16(20) { // more than fits one section
		events = append(events, event(100+id, midnight.Add(10*time.Hour+time.Duration(id)*time.Minute), 700))
	}
	tables, err := NewSchedule(service, false, now, events)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 4 {
		t.Fatalf("%d tables, want 4", len(tables))
	}
	where := map[uint16][2]int{}
	for i, eit := range tables {
		if int(eit.TableID) != 0x50+i || eit.LastTableID != 0x53 {
			t.Errorf("table %d is %#x, last %#x", i, eit.TableID, eit.LastTableID)
		}
		for _, p := range eit.Parts {
			if p.SegmentLast < p.Number || p.SegmentLast/8 != p.Number/8 {
				t.Errorf("section %d ends its segment at %d", p.Number, p.SegmentLast)
			}
			for _, e := range p.Events {
				where[e.ID] = [2]int{i, int(p.Number) / 8}
			}
		}
	}
	for id, want := range map[uint16][2]int{3: {0, 2}, 4: {0, 2}, 5: {0, 3}, 6: {0, 31}, 7: {1, 0}, 8: {3, 9}, 100: {0, 3}, 119: {0, 3}} {
		if where[id] != want {
			t.Errorf("event %d is in table and segment %v, want %v", id, where[id], want)
		}
	}
	for _, id := range []uint16{1, 2, 9} {
		if at, ok := where[id]; ok {
			t.Errorf("event %d is in %v, want nowhere", id, at)
		}
	}
	first := tables[0].Parts
	if len(first[0].Events) != 0 || first[0].SegmentLast != 0 || first[2].Events[0].ID != 3 {
		t.Errorf("the first segments are %+v", first[:3])
	}
	if third := tables[2]; len(third.Parts) != 1 || len(third.Parts[0].Events) != 0 {
		t.Errorf("a table without events is %+v", third)
	}

	collectSchedule(t, tables)
}

// collectSchedule checks that a receiver finds the tables complete, section by
// section.
func collectSchedule(t *testing.T, tables []*EIT) {
	t.Helper()
	s, c := newStreamer(t), new(Collector)
	for _, eit := range tables {
		s.send(PIDEIT, eit)
	}
	got := s.collect(c)
	if len(got) != len(tables) {
		t.Fatalf("%d of %d tables are complete", len(got), len(tables))
	}
	for i, st := range got {
		if len(st.Sections) != len(tables[i].Parts) {
			t.Errorf("table %d: %d of %d sections", i, len(st.Sections), len(tables[i].Parts))
		}
	}

}

func TestScheduleBorders(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 6, 37, 0, time.UTC)
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	late := Event{ID: 6, Start: EncodeUTC(midnight.Add(4*day - time.Second))}
	// After midnight the same event is 8 segments earlier, which is a day.
	tomorrow, err := NewSchedule(service, true, now.Add(16*time.Hour), []Event{late})
	if err != nil || len(tomorrow) != 1 || tomorrow[0].TableID != 0x60 || tomorrow[0].Parts[len(tomorrow[0].Parts)-1].Number != 23*8 {
		t.Errorf("tomorrow's schedule is %+v (%v)", tomorrow, err)
	}
	if empty, err := NewSchedule(service, false, now, nil); err != nil || len(empty) != 1 || len(empty[0].Parts) != 1 {
		t.Errorf("the schedule of no events is %+v (%v)", empty, err)
	}
	var events []Event
	for id := range uint16(20) {
		e := Event{ID: id, Start: EncodeUTC(midnight.Add(10 * time.Hour))}
		for range 15 {
			e.Descriptors = append(e.Descriptors, &ShortEvent{Language: "vie", Name: Text(make([]byte, 200))})
		}
		events = append(events, e)
	}
	if _, err := NewSchedule(service, false, now, events); err == nil {
		t.Error("20 full sections in one segment are accepted")
	}
	if _, err := NewSchedule(service, false, now, []Event{{Start: undefinedUTC}}); err == nil {
		t.Error("event without start is accepted")
	}
}

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and read what changed. Got:\n%s", path, got)
	}
}

func TestDescribe(t *testing.T) {
	s, c := newStreamer(t), new(Collector)
	s.sendAll()
	s.collect(c)
	v := View{Now: testTime}
	var text, data bytes.Buffer
	for st := range c.All() {
		n := v.DescribeSubTable(st)
		if err := n.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		j, err := n.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		data.Write(append(j, '\n'))
	}
	golden(t, "tables.txt", text.Bytes())
	golden(t, "tables.json", data.Bytes())
}

func TestDescribeUnknown(t *testing.T) {
	s, err := Header{TableID: 0xC8, Extension: 1}.Section([]byte{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	_, parseErr := ParseTable(s)
	n := View{}.DescribeSubTable(&SubTable{PID: 0x1FF0, Sections: []Section{s}, Complete: true, Err: parseErr})
	j, err := n.MarshalJSON()
	want := `{"pid":8176,"complete":true,"table":"table 0xc8","table_id":200,"problem":"table 0xc8 is not known","sections":["c8f00b0001c10000010277c88735"]}`
	if err != nil || string(j) != want {
		t.Errorf("%s (%v), want\n%s", j, err, want)
	}
	raw := View{}.DescribeDescriptor(&Raw{DescriptorTag: 0x48, Data: []byte{1}, Problem: "ends too early"})
	if j, _ := raw.MarshalJSON(); string(j) != `{"descriptor":"descriptor 0x48","tag":72,"data":"01","problem":"ends too early"}` {
		t.Errorf("%s", j)
	}
}

func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"TransportStreamID": "transport_stream_id", "PCRPID": "pcr_pid", "PID": "pid", "CRIDs": "crids",
		"SystemIDs": "system_ids", "EITSchedule": "eit_schedule", "HDRWCG": "hdrwcg", "MPEG1Only": "mpeg1_only", "N": "n",
	} {
		if got := snake(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

func FuzzCollector(f *testing.F) {
	s := newStreamer(f)
	s.sendAll()
	f.Add(s.out)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := Collector{Limit: 1 << 20}
		c.Push(b, func(*SubTable) {})
		for st := range c.All() {
			if _, err := (View{}).DescribeSubTable(st).MarshalJSON(); err != nil {
				t.Error(err)
			}
		}
		if c.held > c.Limit || c.held < 0 {
			t.Errorf("%d bytes held", c.held)
		}
	})
}

// TestCollectorOfManyProgrammes feeds the largest PAT there can be and all its PMTs,
// each of which names a PID that the next one names as well, then takes the programmes
// away again. The work for one PMT must not grow with their number: that would not end
// within the time a test has.
func TestCollectorOfManyProgrammes(t *testing.T) {
	const count = 8000
	s, c := newStreamer(t), new(Collector)
	pat := &PAT{}
	for i := range uint16(count) {
		pat.Programs = append(pat.Programs, Program{i + 1, 0x20 + i})
	}
	pmt := func(i int, version uint8, splices ...uint16) {
		p := &PMT{ProgramNumber: uint16(i + 1), Version: version, PCRPID: 0x20}
		for _, pid := range splices {
			p.Streams = append(p.Streams, Stream{Type: StreamSCTE35, PID: pid})
		}
		s.send(0x20+uint16(i), p)
	}
	collected := func() (n int) {
		for _, p := range c.pids {
			if p != nil {
				n++
			}
		}
		return n
	}
	fixed := len(fixedPIDs)
	s.send(PIDPAT, pat)
	s.collect(c)
	if n := collected(); n != fixed+count {
		t.Fatalf("%d PIDs, want %d", n, fixed+count)
	}
	for version, splice := range []uint16{0x1F80, 0x1F90} {
		for i := range count {
			pmt(i, uint8(version), splice+uint16(i%3), splice+uint16((i+1)%3))
		}
		if got := s.collect(c); len(got) != count {
			t.Fatalf("%d tables of %d PMTs", len(got), count)
		}
		if n := collected(); n != fixed+count+3 || c.pids[splice] == nil {
			t.Errorf("version %d: %d PIDs, want %d", version, n, fixed+count+3)
		}
	}
	pat.Programs, pat.Version = pat.Programs[:1], 1
	s.send(PIDPAT, pat)
	s.collect(c)
	if n := collected(); n != fixed+1+2 {
		t.Errorf("%d PIDs of one programme, want %d", n, fixed+1+2)
	}
	size := 0
	for _, p := range c.pids {
		if p == nil {
			continue
		}
		for _, tab := range p.tables {
			size += tab.size()
		}
	}
	if c.held != size {
		t.Errorf("%d bytes counted, %d held", c.held, size)
	}
}
