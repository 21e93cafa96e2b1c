package mux

import (
	"bytes"
	"slices"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

// privateNetwork is the original_network_id of a service whose input has no SDT:
// the first of the range for private temporary use (ETSI TS 101 162).
const privateNetwork = 0xFF01

// rebuild makes the tables and the routes from what is known of the input, and tells
// the sink if they differ from those before.
func (g *programme) rebuild() {
	if g.pmt == nil || !g.pat.whole() {
		return
	}
	m := mapPIDs(g.PIDs, g.pmtPID, g.pmt)
	t := &tables{pmtPID: m.get(g.pmtPID), pcrPID: m.get(g.pmt.PCRPID)}
	if g.verbatim {
		t.pat, t.pmt = g.pat.sections, []psi.Section{g.pmtSeen}
		if g.sdt.whole() {
			t.sdt = g.sdt.sections
		}
	} else {
		last := g.made
		if last == nil {
			last = &tables{}
		}
		t.pat = g.renew(last.pat, &g.versions.PAT, func(v uint8) ([]psi.Section, error) { return g.makePAT(v, t.pmtPID) })
		t.pmt = g.renew(last.pmt, &g.versions.PMT, func(v uint8) ([]psi.Section, error) { return g.makePMT(v, m) })
		t.sdt = g.renew(last.sdt, &g.versions.SDT, g.makeSDT)
	}
	g.reroute(m)
	g.pcrPID = g.pmt.PCRPID
	g.routePCR()
	if g.made != nil && t.pmtPID == g.made.pmtPID && t.pcrPID == g.made.pcrPID &&
		equal(t.pat, g.made.pat) && equal(t.pmt, g.made.pmt) && equal(t.sdt, g.made.sdt) {
		return
	}
	g.made = t
	g.to.change(t)
}

// routePCR keeps the payload of a PCR PID that is no stream of the programme, such
// as that of another programme, from passing.
func (g *programme) routePCR() {
	isStream := slices.ContainsFunc(g.pmt.Streams, func(s psi.Stream) bool { return s.PID == g.pcrPID })
	if isECM := slices.Contains(caPIDs(g.pmt), g.pcrPID); !isStream && !isECM && carried(g.pcrPID) {
		g.route[g.pcrPID].class = clock
	}
}

// renew makes a table with the version it has, or with the next one if its content
// is not that of last any more. A table that cannot be made stays as it was.
func (g *programme) renew(last []psi.Section, version *uint8, build func(version uint8) ([]psi.Section, error)) []psi.Section {
	t, err := build(*version & 31)
	if err != nil {
		return last
	}
	next := (*version + 1) & 31
	switch {
	case equal(last, t):
		return t
	case len(last) > 0:
	case g.Versions != nil:
		return t
	default:
		next = firstVersion(t)
	}
	if t, err = build(next); err != nil {
		return last
	}
	*version = next
	return t
}

// firstVersion returns the version_number that a table made with version 0 begins with.
func firstVersion(t []psi.Section) uint8 {
	var sum uint32
	for _, s := range t {
		sum ^= s.CRC()
	}
	return uint8(sum & 31)
}

func equal(a, b []psi.Section) bool {
	return slices.EqualFunc(a, b, func(x, y psi.Section) bool { return bytes.Equal(x, y) })
}

func (g *programme) transportStreamID() uint16 { return g.pat.sections[0].Extension() }

func (g *programme) makePAT(version uint8, pmtPID uint16) ([]psi.Section, error) {
	pat := psi.PAT{TransportStreamID: g.transportStreamID(), Version: version}
	if g.nit && g.route[psi.PIDNIT].class == info {
		pat.Programs = append(pat.Programs, psi.Program{PID: psi.PIDNIT})
	}
	pat.Programs = append(pat.Programs, psi.Program{Number: g.serviceID(), PID: pmtPID})
	return pat.Sections()
}

func (g *programme) makePMT(version uint8, m *pidMap) ([]psi.Section, error) {
	pmt := *g.pmt
	pmt.ProgramNumber, pmt.Version = g.serviceID(), version
	pmt.PCRPID = m.get(pmt.PCRPID)
	pmt.Descriptors = moveCA(pmt.Descriptors, m)
	pmt.Streams = slices.Clone(pmt.Streams)
	for i := range pmt.Streams {
		s := &pmt.Streams[i]
		s.PID = m.get(s.PID)
		s.Descriptors = moveCA(s.Descriptors, m)
	}
	return pmt.Sections()
}

// tagCA is CA_descriptor (ISO/IEC 13818-1 clause 2.6.16): CA_system_ID, three
// reserved bits, CA_PID, private data.
const tagCA = 0x09

// caPIDs returns the PIDs of the entitlement messages (ECM) of a programme.
func caPIDs(pmt *psi.PMT) []uint16 {
	var pids []uint16
	collect := func(ds psi.Descriptors) {
		for _, d := range ds {
			if d.Tag() != tagCA {
				continue
			}
			if b := descriptorData(d); len(b) >= 4 {
				pids = append(pids, uint16(b[2]&0x1F)<<8|uint16(b[3]))
			}
		}
	}
	collect(pmt.Descriptors)
	for i := range pmt.Streams {
		collect(pmt.Streams[i].Descriptors)
	}
	return pids
}

// moveCA returns the descriptors with their CA_PIDs mapped; all else is shared.
func moveCA(ds psi.Descriptors, m *pidMap) psi.Descriptors {
	out := ds
	for i, d := range ds {
		if d.Tag() != tagCA {
			continue
		}
		b := bytes.Clone(descriptorData(d))
		if len(b) < 4 {
			continue
		}
		from := uint16(b[2]&0x1F)<<8 | uint16(b[3])
		to := m.get(from)
		if to == from {
			continue
		}
		b[2], b[3] = b[2]&0xE0|byte(to>>8), byte(to)
		if &out[0] == &ds[0] {
			out = slices.Clone(ds)
		}
		out[i] = &psi.Raw{DescriptorTag: tagCA, Data: b}
	}
	return out
}

// makeSDT builds an SDT of the one service. It is empty if the input has none for
// the programme and no name is given.
func (g *programme) makeSDT(version uint8) ([]psi.Section, error) {
	sdt := psi.SDT{TransportStreamID: g.transportStreamID(), OriginalNetworkID: privateNetwork, Version: version}
	service, network := g.described()
	switch {
	case service != nil:
		sdt.OriginalNetworkID = network
	case g.Name == "" && g.Provider == "":
		return nil, nil
	default:
		service = &psi.SDTService{Running: psi.Running}
	}
	service.ServiceID = g.serviceID()
	if g.Name != "" || g.Provider != "" {
		g.rename(service)
	}
	sdt.Services = []psi.SDTService{*service}
	return sdt.Sections()
}

// described returns the entry of the programme in the SDT of the input, or nil.
func (g *programme) described() (*psi.SDTService, uint16) {
	if !g.sdt.whole() {
		return nil, 0
	}
	sdt, err := psi.ParseSDT(g.sdt.sections...)
	if err != nil {
		return nil, 0
	}
	for i := range sdt.Services {
		if sdt.Services[i].ServiceID == g.number {
			return &sdt.Services[i], sdt.OriginalNetworkID
		}
	}
	return nil, 0
}

// rename gives the service the name and the provider of the Selection.
func (g *programme) rename(service *psi.SDTService) {
	d := psi.Service{Type: g.serviceType()}
	if old, ok := psi.Find[*psi.Service](service.Descriptors); ok {
		d = *old
	}
	if g.Name != "" {
		d.Name = psi.EncodeText(g.Name, maxName)
	}
	if g.Provider != "" {
		d.Provider = psi.EncodeText(g.Provider, maxName)
	}
	at := slices.IndexFunc(service.Descriptors, func(x psi.Descriptor) bool { return x.Tag() == d.Tag() })
	if at < 0 {
		service.Descriptors = slices.Insert(service.Descriptors, 0, psi.Descriptor(&d))
		return
	}
	service.Descriptors[at] = &d
}

// maxName bounds a name in bytes so that service_descriptor, 255 bytes, holds two.
const maxName = 120

// serviceType infers service_type (EN 300 468 table 87) from the streams where
// the input does not say.
func (g *programme) serviceType() psi.ServiceType {
	kind := psi.ServiceRadio
	for i := range g.pmt.Streams {
		switch s := &g.pmt.Streams[i]; {
		case s.Type == 0x24:
			return psi.ServiceHEVC
		case s.Type == 0x1B:
			return psi.ServiceAVCHD
		case kindOf(s) == 'v':
			kind = psi.ServiceTV
		}
	}
	return kind
}

// isPCR reports whether p carries the PCR of the programme, and returns it.
func (g *programme) isPCR(p []byte) (uint64, bool) {
	if ts.PID(p) != g.pcrPID || ts.TEI(p) {
		return 0, false
	}
	return ts.PCR(p)
}
