package inspect

import (
	"bytes"
	"slices"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// maxServices bounds the programmes of a stream that are followed.
const maxServices = 1024

// tables is what the tables of the stream say.
type tables struct {
	stream   uint16 // transport_stream_id
	version  uint8  // of the PAT
	started  bool   // a PAT was seen
	services []service
	listed   map[uint16]bool // PIDs of their streams
	chosen   uint16          // program_number, 0 for none yet
	pcr      uint16          // PID that is the reference of the clock
	names    map[uint16]name
	sdt      uint32   // CRC of the section of the SDT seen last
	pat      []uint32 // CRC of the sections of this version of the PAT
}

type service struct {
	number uint16
	pmt    uint16
	pcr    uint16
	crc    uint32 // of the PMT, to know it again
	tracks []flow.Track
	known  bool // the PMT was seen
}

type name struct{ service, provider psi.Text }

// sections feeds a packet of a PID that carries tables.
func (in *Inspector) sections(s *pid, at int, p []byte) {
	a, id := s.section, s.id
	wrong := a.CRCErrors
	a.Push(p, func(sec psi.Section) {
		if sec.Next() {
			return
		}
		switch sec.TableID() {
		case psi.TablePAT:
			if id == psi.PIDPAT {
				in.takePAT(sec, at)
			}
		case psi.TablePMT:
			in.takePMT(id, sec, at)
		case psi.TableSDTActual:
			if id == psi.PIDSDT {
				in.takeSDT(sec)
			}
		}
	})
	in.total.CRC += a.CRCErrors - wrong
}

// takePAT takes a section of the PAT. The programmes of all sections of a version
// add up.
func (in *Inspector) takePAT(sec psi.Section, at int) {
	t := &in.tabs
	if t.started && sec.Version() == t.version && sec.Extension() == t.stream && slices.Contains(t.pat, sec.CRC()) {
		return
	}
	pat, err := psi.ParsePAT(sec)
	if err != nil {
		return
	}
	old := t.services
	if !t.started || pat.Version != t.version || pat.TransportStreamID != t.stream || len(t.pat) > int(sec.Last()) {
		t.services, t.pat = nil, nil
	}
	t.started, t.version, t.stream = true, pat.Version, pat.TransportStreamID
	t.pat = append(t.pat, sec.CRC())
	for _, p := range pat.Programs {
		if p.Number == 0 || len(t.services) == maxServices {
			continue
		}
		v := service{number: p.Number, pmt: p.PID}
		if i := slices.IndexFunc(old, func(o service) bool { return o.number == p.Number && o.pmt == p.PID }); i >= 0 {
			v = old[i]
		}
		t.services = append(t.services, v)
		m := in.pid(p.PID)
		if m.section == nil {
			m.section = new(psi.Assembler)
		}
		m.watch = true
	}
	in.list()
	if t.chosen != 0 && in.Program == 0 && len(t.pat) > int(sec.Last()) && t.find(t.chosen) == nil {
		t.chosen = 0
		in.choose(at, true)
	}
}

// lastSI is the highest PID that is reserved for PSI and SI (EN 300 468 table 1).
const lastSI = 0x1F

// list takes note of the PIDs of the streams that the tables list now.
func (in *Inspector) list() {
	t := &in.tabs
	t.listed = make(map[uint16]bool)
	for _, v := range t.services {
		for _, tr := range v.tracks {
			t.listed[uint16(tr.ID)] = true
		}
	}
	for i := range in.pids {
		in.pids[i].media = t.mediaOf(&in.pids[i])
	}
}

// mediaOf returns 1 if the packets of a PID are media, else 0.
func (t *tables) mediaOf(s *pid) uint64 {
	if t.listed[s.id] || len(t.listed) == 0 && s.id > lastSI && s.id != ts.NullPID && s.section == nil {
		return 1
	}
	return 0
}

func (t *tables) find(number uint16) *service {
	for i := range t.services {
		if t.services[i].number == number {
			return &t.services[i]
		}
	}
	return nil
}

// takePMT takes the PMT of a programme that the PAT names on this PID.
func (in *Inspector) takePMT(id uint16, sec psi.Section, at int) {
	v := in.tabs.find(sec.Extension())
	if v == nil || v.pmt != id {
		return
	}
	if v.known && v.crc == sec.CRC() {
		if in.tabs.chosen == 0 {
			in.choose(at, true) // the others had their turn
		}
		return
	}
	pmt, err := psi.ParsePMT(sec)
	if err != nil {
		return
	}
	v.known, v.crc, v.pcr = true, sec.CRC(), pmt.PCRPID
	v.tracks = make([]flow.Track, 0, len(pmt.Streams))
	for _, st := range pmt.Streams {
		info, err := st.Descriptors.AppendTo(nil)
		if err != nil {
			continue
		}
		t := es.Track(st.PID, st.Type, info)
		v.tracks = append(v.tracks, t)
		in.watchTrack(t)
	}
	in.list()
	switch in.tabs.chosen {
	case v.number:
		in.follow(v, at)
	case 0:
		in.choose(at, false)
	}
}

// choose looks for the programme to follow: Program, or the first in the PAT that
// has streams. Until all had their turn, the first of all is waited for.
func (in *Inspector) choose(at int, any bool) {
	for i := range in.tabs.services {
		v := &in.tabs.services[i]
		if in.Program != 0 && v.number != in.Program {
			continue
		}
		if v.known && len(v.tracks) > 0 {
			in.tabs.chosen = v.number
			in.follow(v, at)
			return
		}
		if !v.known && !any {
			return
		}
	}
}

// follow makes a programme, or what became of it, the one whose clock and tracks
// count.
func (in *Inspector) follow(v *service, at int) {
	if v.pcr != in.tabs.pcr || in.layout == nil {
		in.pid(in.tabs.pcr).pcr = false
		in.tabs.pcr = v.pcr
		in.clock.reset()
		if v.pcr != psi.PIDNull {
			in.pid(v.pcr).pcr = true
		}
	} else if in.layout != nil && slices.EqualFunc(in.layout.Tracks, v.tracks, sameTrack) {
		return
	}
	in.newEpoch(at, 0, v.tracks)
	in.lead.follow(in, v.tracks)
}

func sameTrack(a, b flow.Track) bool {
	return a.ID == b.ID && a.StreamType == b.StreamType && bytes.Equal(a.Info, b.Info)
}

// takeSDT takes the names of the services of a section.
func (in *Inspector) takeSDT(sec psi.Section) {
	if sec.CRC() == in.tabs.sdt {
		return
	}
	sdt, err := psi.ParseSDT(sec)
	if err != nil {
		return
	}
	in.tabs.sdt = sec.CRC()
	if in.tabs.names == nil || len(in.tabs.names)+len(sdt.Services) > maxServices {
		in.tabs.names = make(map[uint16]name)
	}
	for _, v := range sdt.Services {
		if d, ok := psi.Find[*psi.Service](v.Descriptors); ok {
			in.tabs.names[v.ServiceID] = name{d.Name, d.Provider}
		}
	}
}
