package mux

import (
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// Extractor takes one programme out of a transport stream of one or many: its
// PMT, PCR, streams and entitlement messages, an SDT of this service alone, its
// EIT, and TDT and TOT. PIDs and service are renamed as the Selection asks; PAT,
// PMT and SDT are made anew in the places of those of the input, with all
// descriptors verbatim. Changes of the PAT and the PMT are followed.
//
// The packets of streams keep every byte but the PID, the continuity counter
// included, so that losses of the input stay visible. The CAT and the NIT, which
// describe another network, do not pass.
//
// The exported fields are set before the first Feed. It is for one goroutine.
type Extractor struct {
	Selection

	programme programme
	out       []byte
	counters  map[uint16]uint8 // continuity_counter of the next packet of PIDs made here
	pats      int              // PATs since the last SDT
	begun     bool
}

// ServiceStatus says what was found of a programme in its input.
type ServiceStatus struct {
	State    ServiceState
	Program  uint16   // program_number in the input; valid from NoPMT on
	Versions Versions // of the tables sent last, for Selection.Versions of a successor
}

// Status returns what was found so far.
func (e *Extractor) Status() ServiceStatus { return e.programme.status() }

func (g *programme) status() ServiceStatus {
	return ServiceStatus{State: g.state, Program: g.number, Versions: g.versions}
}

// Feed passes what belongs to the programme to emit, at most one item, with the
// stamp of it and with bytes of its own: it writes to none of the input's, and
// keeps none. The Clock of a batch that lost packets at its beginning stays that
// of the first packet of the input. An item with nothing of the programme is not
// emitted, unless it carries a mark.
func (e *Extractor) Feed(it flow.Item[flow.Batch], emit func(flow.Item[flow.Batch])) {
	if !e.begun {
		e.begun = true
		e.programme = programme{Selection: e.Selection, to: e}
		e.counters = map[uint16]uint8{}
	}
	if it.Marks.Has(flow.Discontinuity) || it.Marks.Has(flow.Gap) {
		e.programme.restart()
	}
	e.out = make([]byte, 0, len(it.V.Data))
	for p := range packets(it.V.Data) {
		r := e.programme.packet(p)
		at := len(e.out)
		switch r.class {
		case media:
			e.out = append(e.out, p...)
			ts.SetPID(e.out[at:], r.pid)
		case clock:
			if pcr, ok := ts.PCR(p); ok {
				e.out = ts.AppendPCRPacket(e.out, r.pid, 0, pcr)
				ts.SetDiscontinuityIndicator(e.out[at:], ts.DiscontinuityIndicator(p))
			}
		case dropped, table, info:
		}
	}
	if len(e.out) == 0 && it.Marks == 0 {
		return
	}
	it.V.Data, e.out = e.out, nil
	emit(it)
}

func (e *Extractor) change(*tables) {}

// ended puts a table made here in the place of that of the input.
func (e *Extractor) ended(id uint8) {
	t := e.programme.made
	if t == nil || e.programme.state != Found {
		return
	}
	switch id {
	case psi.TablePAT:
		e.send(psi.PIDPAT, t.pat...)
		// An input without SDT has no place for ours: about every second, where
		// the PAT comes every 100 ms.
		if e.pats++; e.pats >= 10 {
			e.sendSDT(t)
		}
	case psi.TablePMT:
		e.send(t.pmtPID, t.pmt...)
	case psi.TableSDTActual:
		e.sendSDT(t)
	}
}

func (e *Extractor) sendSDT(t *tables) {
	e.pats = 0
	e.send(psi.PIDSDT, t.sdt...)
}

func (e *Extractor) info(pid uint16, s psi.Section) { e.send(pid, s) }

func (e *Extractor) send(pid uint16, sections ...psi.Section) {
	pk := psi.Packetizer{PID: pid, Counter: e.counters[pid]}
	e.out = pk.AppendTo(e.out, sections...)
	e.counters[pid] = pk.Counter
}
