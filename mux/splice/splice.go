// Package splice joins transport streams end to end: behind a cut the continuity
// counters go on, the break of the clock is announced once, and the tables get new
// version numbers. It chooses no cut and knows no input.
package splice

import (
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

const (
	pids = 8192
	// maxTables bounds the PIDs of tables that are followed: PAT, SDT and PMTs.
	maxTables = 1024
)

// Joiner makes one stream of several. Between cuts packets pass as they are; until
// the first cut they are not even copied. The zero value is ready. It is for one
// goroutine.
type Joiner struct {
	pending bool // the next packets begin a new stream
	cut     bool // there was a cut: packets may have to be rewritten

	last    [pids]uint8 // continuity counter sent last, +1; 0 before the first
	shift   [pids]uint8 // added to the counters since the last cut
	resync  [pids]bool  // the shift must be found anew
	mark    [pids]bool  // the next PCR must carry discontinuity_indicator
	tables  map[uint16]*versions
	version [pids]uint8 // version_number of the table sent last, +1; 0 before the first
	pat     psi.Assembler
	touched bool // the batch in hand was changed
}

// Cut says that the packets of the next Join begin a new stream.
func (j *Joiner) Cut() { j.pending = true }

// Pending reports whether a cut waits for the next Join.
func (j *Joiner) Pending() bool { return j.pending }

// Join returns the packets as they go on after what was joined before. data holds
// whole packets and is not written to; the result is data itself where nothing had
// to change, and a copy the caller owns otherwise.
func (j *Joiner) Join(data []byte) []byte {
	if j.tables == nil {
		j.tables = map[uint16]*versions{
			psi.PIDPAT: {table: psi.TablePAT, last: &j.version[psi.PIDPAT]},
			psi.PIDSDT: {table: psi.TableSDTActual, last: &j.version[psi.PIDSDT]},
		}
	}
	if j.pending {
		j.begin()
	}
	out := data
	if j.cut {
		out = make([]byte, len(data))
		copy(out, data)
	}
	j.touched = false
	for p := out; len(p) >= flow.PacketSize; p = p[flow.PacketSize:] {
		j.packet(p[:flow.PacketSize])
	}
	if !j.touched {
		return data
	}
	return out
}

// begin makes every PID find its place in the stream anew. The first stream of all
// has nothing to go on from.
func (j *Joiner) begin() {
	j.pending = false
	for pid, last := range j.last {
		if last == 0 {
			continue
		}
		j.cut = true
		j.resync[pid], j.mark[pid] = true, true
	}
	for pid, v := range j.tables {
		if v.table == psi.TablePMT {
			delete(j.tables, pid) // the PID may carry anything, until a PAT says otherwise
			continue
		}
		v.begin()
	}
	j.pat.Reset()
}

func (j *Joiner) packet(p []byte) {
	pid := ts.PID(p)
	if pid == ts.NullPID || ts.TEI(p) {
		return
	}
	j.continuity(p, pid)
	if j.mark[pid] && ts.HasPCR(p) {
		j.mark[pid], j.touched = false, true
		ts.SetDiscontinuityIndicator(p, true)
	}
	if v := j.tables[pid]; v != nil {
		if v.packet(p, j.cut) {
			j.touched = true
		}
	}
	if pid == psi.PIDPAT {
		j.pat.Push(p, j.follow)
	}
}

// follow takes a section of the PAT, whose CRC is right: from here on the PIDs that
// it lists carry PMTs, and those it no longer lists do not.
func (j *Joiner) follow(s psi.Section) {
	if s.TableID() != psi.TablePAT || !s.Long() || s.Next() {
		return
	}
	pat, err := psi.ParsePAT(s)
	if err != nil {
		return
	}
	listed := map[uint16]bool{}
	for _, p := range pat.Programs {
		if p.Number == 0 {
			continue
		}
		listed[p.PID] = true
		if j.tables[p.PID] == nil && len(j.tables) < maxTables {
			v := &versions{table: psi.TablePMT, last: &j.version[p.PID], listedBy: s.Number()}
			if j.cut {
				v.begin()
			}
			j.tables[p.PID] = v
		}
	}
	for pid, v := range j.tables {
		switch {
		case v.table != psi.TablePMT:
		case listed[pid]:
			v.listedBy = s.Number()
		case v.listedBy == s.Number() || v.listedBy > s.Last():
			delete(j.tables, pid)
		}
	}
}

// continuity goes on counting where the stream before stopped (ISO/IEC 13818-1
// clause 2.4.3.3): a packet without payload repeats the counter.
func (j *Joiner) continuity(p []byte, pid uint16) {
	cc := ts.CC(p)
	if j.resync[pid] {
		j.resync[pid] = false
		want := j.last[pid] - 1
		if ts.HasPayload(p) {
			want++
		}
		j.shift[pid] = (want - cc) & 15
	}
	if s := j.shift[pid]; s != 0 {
		cc = (cc + s) & 15
		ts.SetCC(p, cc)
		j.touched = true
	}
	j.last[pid] = cc + 1
}
