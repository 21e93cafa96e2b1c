// Package preamble keeps the newest PAT and PMT of a programme at hand, so that
// who begins in the middle of its stream can be given them first (ISO/IEC 13818-1
// clause 2.4.4: a decoder can do nothing before it has both).
//
// It follows the first programme of the PAT alone and refuses every other table.
package preamble

import (
	"encoding/binary"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

const (
	patPID   = 0
	patTable = 0x00
	pmtTable = 0x02
)

// Tables follows PAT and PMT. The zero value is ready. It is for one goroutine.
type Tables struct {
	patParser, pmtParser psi.Assembler
	pat, pmt             psi.Section
	pid                  uint16 // of the PMT, 0 while unknown

	first          Counters // of the first packets seen
	sawPAT, sawPMT bool
}

// Reset forgets everything, as before the first packet of another stream.
func (t *Tables) Reset() { *t = Tables{} }

// Ready reports whether both tables are known.
func (t *Tables) Ready() bool { return t.pat != nil && t.pmt != nil }

// Has reports whether pid carries PAT or PMT.
func (t *Tables) Has(pid uint16) bool { return pid == patPID || (t.pid != 0 && pid == t.pid) }

// PMT returns the PID of the PMT, 0 while it is unknown.
func (t *Tables) PMT() uint16 { return t.pid }

// Map returns the section of the newest PMT, nil while it is unknown. It is not to be
// written to; a newer PMT is another section.
func (t *Tables) Map() psi.Section { return t.pmt }

// Push takes the next packet of the stream, 188 bytes, of any PID. It keeps no
// reference to p.
func (t *Tables) Push(p []byte) {
	switch pid := ts.PID(p); {
	case pid == patPID:
		if !t.sawPAT {
			t.first.PAT, t.sawPAT = ts.CC(p), true
		}
		t.patParser.Push(p, t.takePAT)
	case t.pid != 0 && pid == t.pid:
		if !t.sawPMT {
			t.first.PMT, t.sawPMT = ts.CC(p), true
		}
		t.pmtParser.Push(p, t.takePMT)
	}
}

func (t *Tables) takePAT(s psi.Section) {
	if s.TableID() != patTable || s.Next() {
		return
	}
	for b := s.Body(); len(b) >= 4; b = b[4:] {
		if binary.BigEndian.Uint16(b) == 0 {
			continue // network_PID
		}
		t.pat = s.Clone()
		if pid := binary.BigEndian.Uint16(b[2:]) & 0x1FFF; pid != t.pid {
			t.pid, t.pmt, t.sawPMT = pid, nil, false
			t.pmtParser.Reset()
		}
		return
	}
}

func (t *Tables) takePMT(s psi.Section) {
	if s.TableID() == pmtTable && !s.Next() {
		t.pmt = s.Clone()
	}
}

// Counters are the continuity counters of the next packet of PAT and PMT.
type Counters struct{ PAT, PMT uint8 }

// AppendTo appends the packets of PAT and PMT to dst, counts c on, and returns the
// extended slice. It appends nothing unless the tables are Ready.
func (t *Tables) AppendTo(dst []byte, c *Counters) []byte {
	if !t.Ready() {
		return dst
	}
	pat := psi.Packetizer{PID: patPID, Counter: c.PAT}
	pmt := psi.Packetizer{PID: t.pid, Counter: c.PMT}
	dst = pat.AppendTo(dst, t.pat)
	dst = pmt.AppendTo(dst, t.pmt)
	c.PAT, c.PMT = pat.Counter&15, pmt.Counter&15
	return dst
}

// AppendBefore is AppendTo with counters that lead up to the first packets of the
// tables that were pushed, for a reader who is given the stream from there on.
func (t *Tables) AppendBefore(dst []byte) []byte {
	var length Counters
	t.AppendTo(nil, &length)
	return t.AppendTo(dst, &Counters{PAT: (t.first.PAT - length.PAT) & 15, PMT: (t.first.PMT - length.PMT) & 15})
}
