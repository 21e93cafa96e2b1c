package mux

import (
	"bytes"
	"slices"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

// ServiceState says how far a programme has been found in its input.
type ServiceState uint8

// The states of a programme. Only in Found do its packets pass, and in NoPMT
// those of its last PMT.
const (
	NoPAT     ServiceState = iota // no PAT yet
	NoService                     // the PAT does not list the programme, or no longer
	NoPMT                         // the PAT lists it, its PMT has not been seen
	Found
)

// String returns the state in words for an alarm or a log.
func (s ServiceState) String() string {
	switch s {
	case NoPAT:
		return "no PAT"
	case NoService:
		return "programme not in the PAT"
	case NoPMT:
		return "no PMT"
	case Found:
		return "found"
	}
	return "unknown"
}

// class says what happens to the packets of one PID of the input.
type class uint8

const (
	dropped class = iota
	media         // passes whole
	clock         // of another programme or none: its PCR passes, its payload does not
	table         // PAT, PMT, SDT: read, and made anew
	info          // EIT, NIT, TDT: read, and passed section by section
)

type route struct {
	class class
	pid   uint16 // on the way out, for media and clock
}

// tables are the PSI and the SDT of the programme as they leave. They are not
// changed once made.
type tables struct {
	pat, pmt, sdt  []psi.Section
	pmtPID, pcrPID uint16 // on the way out
}

// sink takes what a programme finds in the packets it is given.
type sink interface {
	// change says that t describes the packets from here on.
	change(t *tables)
	// ended says that a whole table of the input that is made anew ended here.
	ended(table uint8)
	// info takes a section that passes. It is valid until info returns.
	info(pid uint16, s psi.Section)
}

// programme follows one programme through the tables of a transport stream.
type programme struct {
	Selection
	to       sink
	keepNIT  bool // the NIT passes
	verbatim bool // tables leave as they came

	state  ServiceState
	route  [8192]route
	number uint16 // in the input
	pmtPID uint16 // in the input
	pcrPID uint16 // in the input; ts.NullPID for none

	patIn, pmtIn, sdtIn, nitIn, eitIn, tdtIn psi.Assembler

	pat, sdt collector
	pmtSeen  psi.Section
	pmt      *psi.PMT
	made     *tables
	versions Versions // of the tables made last
	nit      bool     // the input has a NIT
	begun    bool
}

// begin makes the fixed routes. It is called before the first packet.
func (g *programme) begin() {
	g.begun = true
	g.pcrPID = ts.NullPID
	if g.Versions != nil {
		g.versions = *g.Versions
	}
	g.reroute(&pidMap{})
}

// reroute forgets all routes but those of the tables.
func (g *programme) reroute(m *pidMap) {
	g.route = [8192]route{}
	for in, out := range m.to {
		g.route[in] = route{media, out}
	}
	if g.state >= NoPMT {
		g.route[g.pmtPID] = route{class: table}
	}
	g.route[psi.PIDPAT] = route{class: table}
	g.route[psi.PIDSDT] = route{class: table}
	g.route[psi.PIDEIT] = route{class: info}
	g.route[psi.PIDTDT] = route{class: info}
	if g.keepNIT && g.ServiceID == 0 {
		g.route[psi.PIDNIT] = route{class: info}
	}
}

// packet reads the packet if it is one of a table and says what to do with it.
func (g *programme) packet(p []byte) route {
	if !g.begun {
		g.begin()
	}
	pid := ts.PID(p)
	r := g.route[pid]
	if r.class < table || ts.TEI(p) {
		return r
	}
	switch pid {
	case psi.PIDPAT:
		g.patIn.Push(p, g.onPAT)
	case psi.PIDSDT:
		g.sdtIn.Push(p, g.onSDT)
	case psi.PIDEIT:
		g.eitIn.Push(p, g.onEIT)
	case psi.PIDNIT:
		g.nitIn.Push(p, g.onNIT)
	case psi.PIDTDT:
		g.tdtIn.Push(p, func(s psi.Section) { g.to.info(psi.PIDTDT, s) })
	default:
		g.pmtIn.Push(p, g.onPMT)
	}
	return r
}

// restart forgets half-read sections, as after a cut of the input.
func (g *programme) restart() {
	for _, a := range []*psi.Assembler{&g.patIn, &g.pmtIn, &g.sdtIn, &g.nitIn, &g.eitIn, &g.tdtIn} {
		a.Reset()
	}
}

func (g *programme) onPAT(s psi.Section) {
	if s.TableID() != psi.TablePAT || !s.Long() || s.Next() {
		return
	}
	if g.pat.add(s) {
		g.choose()
	}
	if s.Number() == s.Last() {
		g.to.ended(psi.TablePAT)
	}
}

// choose finds the programme in a new PAT.
func (g *programme) choose() {
	pat, err := psi.ParsePAT(g.pat.sections...)
	if err != nil {
		return
	}
	g.nit = slices.ContainsFunc(pat.Programs, func(p psi.Program) bool { return p.Number == 0 && p.PID == psi.PIDNIT })
	p := g.find(pat)
	if p == nil {
		g.state, g.pmtSeen, g.pmt = NoService, nil, nil
		g.reroute(&pidMap{})
		return
	}
	if g.state < NoPMT || p.Number != g.number { // nothing of another programme passes
		g.pmt = nil
		g.follow(p)
		g.reroute(&pidMap{})
	} else if p.PID != g.pmtPID { // the streams go on until the new PMT says otherwise
		if g.pmtPID >= firstFree {
			g.route[g.pmtPID] = route{}
		}
		g.follow(p)
		if g.route[p.PID].class < table {
			g.route[p.PID] = route{class: table}
		}
	}
	g.rebuild()
}

// follow waits for the PMT of p.
func (g *programme) follow(p *psi.Program) {
	g.state, g.number, g.pmtPID = NoPMT, p.Number, p.PID
	g.pmtSeen = nil
	g.pmtIn.Reset()
}

// find returns the entry of the programme that is wanted: where the first will do,
// the one already taken stays while it is listed.
func (g *programme) find(pat *psi.PAT) *psi.Program {
	var first *psi.Program
	for i := range pat.Programs {
		p := &pat.Programs[i]
		switch {
		case p.Number == 0:
		case p.Number == g.Program, g.Program == 0 && g.state >= NoPMT && p.Number == g.number:
			return p
		case g.Program == 0 && first == nil:
			first = p
		}
	}
	return first
}

func (g *programme) onPMT(s psi.Section) {
	if s.TableID() != psi.TablePMT || s.Extension() != g.number || !s.Long() || s.Next() {
		return
	}
	// A change under the same version_number is a fault that is met in the field,
	// so that content is compared, not the version.
	if !bytes.Equal(s, g.pmtSeen) {
		pmt, err := psi.ParsePMT(s)
		if err != nil {
			return
		}
		g.pmtSeen, g.pmt, g.state = s.Clone(), pmt, Found
		g.rebuild()
	}
	g.to.ended(psi.TablePMT)
}

// onNIT passes the NIT, which DVB has on its PID whether the PAT says so or not.
func (g *programme) onNIT(s psi.Section) {
	if id := s.TableID(); !g.nit && (id == psi.TableNITActual || id == psi.TableNITOther) {
		g.nit = true
		g.rebuild()
	}
	g.to.info(psi.PIDNIT, s)
}

func (g *programme) onSDT(s psi.Section) {
	if s.TableID() != psi.TableSDTActual || !s.Long() || s.Next() {
		return
	}
	if g.sdt.add(s) {
		g.rebuild()
	}
	if s.Number() == s.Last() {
		g.to.ended(psi.TableSDTActual)
	}
}

// onEIT passes the events of the programme, present/following and schedule.
func (g *programme) onEIT(s psi.Section) {
	id := s.TableID()
	own := id == psi.TableEITActual || id >= psi.TableEITScheduleActual && id <= psi.TableEITScheduleActualFinal
	if !own || s.Extension() != g.number || g.state < NoPMT {
		return
	}
	if to := g.serviceID(); to != g.number {
		h := s.Header()
		h.Extension = to
		renamed, err := h.Section(s.Body())
		if err != nil {
			return
		}
		s = renamed
	}
	g.to.info(psi.PIDEIT, s)
}

// serviceID returns the number of the programme on the way out.
func (g *programme) serviceID() uint16 {
	if g.ServiceID != 0 {
		return g.ServiceID
	}
	return g.number
}

// collector keeps the sections of one sub-table.
type collector struct {
	sections []psi.Section // of the newest whole table, by section_number
	coming   []psi.Section // of the next one; nil where not yet seen
}

// whole reports whether there was a whole table.
func (c *collector) whole() bool { return len(c.sections) > 0 }

// add takes a section and reports whether the table is whole and new content.
func (c *collector) add(s psi.Section) bool {
	n, last := int(s.Number()), int(s.Last())
	if n > last {
		return false
	}
	if len(c.coming) != last+1 || c.differs(s) {
		c.coming = make([]psi.Section, last+1)
	}
	if bytes.Equal(c.coming[n], s) {
		return false
	}
	c.coming[n] = s.Clone()
	if slices.ContainsFunc(c.coming, func(have psi.Section) bool { return have == nil }) {
		return false
	}
	c.sections = slices.Clone(c.coming)
	return true
}

// differs reports whether s belongs to another sub-table or version than the
// sections that are coming.
func (c *collector) differs(s psi.Section) bool {
	for _, have := range c.coming {
		if have != nil {
			return have.Version() != s.Version() || have.Extension() != s.Extension()
		}
	}
	return false
}
