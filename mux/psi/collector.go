package psi

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"sigma/mux/ts"
)

// DefaultCollectorLimit is the memory that a Collector uses for sections at most,
// in bytes, unless told otherwise: a full guide of a satellite transponder is some
// ten megabytes.
const DefaultCollectorLimit = 64 << 20

// SubTable is all sections of one version of one table: of the PMT of one
// programme, of the EIT of one service and so on.
type SubTable struct {
	PID      uint16
	Sections []Section // in order of section_number; a missing one is left out
	Complete bool      // every section has come
	Table    Table     // nil if the table is not known or does not parse
	Err      error     // why Table is nil
}

// Collector reads all tables of a transport stream: it finds the PIDs from PAT to
// PMT to AIT and splice information, puts sub-tables together and tells when one is
// new or has changed. A change is noticed by CRC_32 also where version_number stays.
// It has one user at a time. The zero value is ready.
type Collector struct {
	Limit   int    // bytes to hold; DefaultCollectorLimit if 0
	Dropped uint64 // sections left out because Limit was reached

	pids    []*collectedPID      // by PID; nil where nothing is collected
	named   map[Program][]uint16 // the programmes of the PAT, each with the PIDs that its PMT names
	held    int
	current *collectedPID
	changed func(*SubTable)
	section func(Section)
}

type collectedPID struct {
	pid       uint16
	users     int // tables that name it, the standards among them
	assembler Assembler
	tables    map[subTableKey]*collectedTable
}

// subTableKey names a sub-table on its PID.
type subTableKey struct {
	table     uint8
	next      bool
	extension uint16
	more      uint32 // transport_stream_id and original_network_id, where they belong to the name
}

type collectedTable struct {
	version  uint8
	sections []Section // by section_number; nil where missing
	complete bool
	parsed   *SubTable // of the complete sub-table
}

// fixedPIDs are those that the standards give to tables.
var fixedPIDs = []uint16{PIDPAT, PIDCAT, PIDTSDT, PIDNIT, PIDSDT, PIDEIT, PIDRST, PIDTDT, PIDDIT, PIDSIT}

// Push takes whole packets of 188 bytes, of all PIDs, and calls changed for every
// sub-table that has become complete with new content. The SubTable is the
// caller's to keep and not to write to; it shares no memory with packets. Push does
// not allocate while nothing changes.
func (c *Collector) Push(packets []byte, changed func(*SubTable)) {
	if c.pids == nil {
		c.pids = make([]*collectedPID, ts.NullPID)
		c.section = c.take
		for _, pid := range fixedPIDs {
			c.use(pid)
		}
	}
	c.changed = changed
	for ; len(packets) >= ts.PacketSize; packets = packets[ts.PacketSize:] {
		pid := ts.PID(packets)
		if int(pid) >= len(c.pids) || c.pids[pid] == nil {
			continue
		}
		c.current = c.pids[pid]
		c.current.assembler.Push(packets[:ts.PacketSize], c.section)
	}
	c.changed = nil
}

// Assembler returns the counters of one PID, and false if it is not collected.
func (c *Collector) Assembler(pid uint16) (Assembler, bool) {
	if int(pid) >= len(c.pids) || c.pids[pid] == nil {
		return Assembler{}, false
	}
	a := c.pids[pid].assembler
	a.buf = nil
	return a, true
}

// All yields every sub-table, complete or not, in order of PID, table_id and
// table_id_extension.
func (c *Collector) All() iter.Seq[*SubTable] {
	return func(yield func(*SubTable) bool) {
		for _, p := range c.pids {
			if p == nil {
				continue
			}
			for _, k := range slices.SortedFunc(maps.Keys(p.tables), subTableKey.compare) {
				if !yield(p.tables[k].subTable(p.pid)) {
					return
				}
			}
		}
	}
}

func (k subTableKey) compare(o subTableKey) int {
	order := func(k subTableKey) uint64 {
		n := uint64(k.table)<<49 | uint64(k.extension)<<33 | uint64(k.more)<<1
		if k.next {
			n++
		}
		return n
	}
	switch a, b := order(k), order(o); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// take is what the assemblers call.
func (c *Collector) take(s Section) {
	p := c.current
	if s.TableID() == TableST || c.stray(p.pid, s) {
		return
	}
	key := keyOf(s)
	t := p.tables[key]
	if t != nil && t.has(s) {
		return
	}
	if !c.room(t, s) {
		c.Dropped++
		return
	}
	if t == nil {
		t = new(collectedTable)
		p.tables[key] = t
	}
	c.put(t, s)
	if !t.isComplete() {
		return
	}
	t.complete = true
	t.parsed = nil
	st := t.subTable(p.pid)
	switch table := st.Table.(type) {
	case *PAT:
		if !key.next {
			c.followPAT(table)
		}
	case *PMT:
		if !key.next {
			c.followPMT(Program{Number: table.ProgramNumber, PID: p.pid}, table)
		}
	}
	if c.changed != nil {
		c.changed(st)
	}
}

// stray reports whether s is a PMT that the PAT does not list on this PID, or has a
// section_number that its table does not reach.
func (c *Collector) stray(pid uint16, s Section) bool {
	if s.Number() > s.Last() {
		return true
	}
	_, listed := c.named[Program{Number: s.Extension(), PID: pid}]
	return s.TableID() == TablePMT && !listed
}

// keyOf returns the name of the sub-table that s belongs to.
func keyOf(s Section) subTableKey {
	k := subTableKey{table: s.TableID(), next: s.Next(), extension: s.Extension()}
	if b := s.Body(); len(b) >= 4 {
		switch {
		case isEIT(k.table):
			k.more = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		case k.table == TableSDTActual, k.table == TableSDTOther:
			k.more = uint32(b[0])<<8 | uint32(b[1])
		}
	}
	return k
}

// has reports whether t holds just this section.
func (t *collectedTable) has(s Section) bool {
	n := int(s.Number())
	if len(t.sections) != int(s.Last())+1 || n >= len(t.sections) || t.sections[n] == nil {
		return false
	}
	old := t.sections[n]
	if s.HasCRC() {
		return len(old) == len(s) && old.CRC() == s.CRC()
	}
	return bytes.Equal(old, s)
}

// slotCost is the memory of one place for a section.
const slotCost = 32

func (c *Collector) room(t *collectedTable, s Section) bool {
	limit := c.Limit
	if limit == 0 {
		limit = DefaultCollectorLimit
	}
	need := len(s)
	if t == nil || len(t.sections) != int(s.Last())+1 {
		need += (int(s.Last()) + 1) * slotCost
	}
	return c.held+need <= limit
}

// put stores a copy of s. If it belongs to another version than what is there, or
// contradicts it, the collection starts again.
func (c *Collector) put(t *collectedTable, s Section) {
	n, slots := int(s.Number()), int(s.Last())+1
	if t.version != s.Version() || len(t.sections) != slots || t.sections[n] != nil {
		c.held -= t.size()
		*t = collectedTable{version: s.Version(), sections: make([]Section, slots)}
		c.held += t.size()
	}
	t.sections[n] = s.Clone()
	c.held += len(s)
}

// size returns the memory that t is counted with.
func (t *collectedTable) size() int {
	n := len(t.sections) * slotCost
	for _, s := range t.sections {
		n += len(s)
	}
	return n
}

// isComplete reports whether all sections are there. Those of an EIT schedule are
// numbered by segments of eight that end early (EN 300 468 clause 5.2.4).
func (t *collectedTable) isComplete() bool {
	for i := 0; i < len(t.sections); i++ {
		s := t.sections[i]
		if s == nil {
			return false
		}
		if b := s.Body(); s.TableID() >= TableEITScheduleActual && isEIT(s.TableID()) && len(b) >= 5 && i == int(b[4]) {
			i |= segmentSections - 1
		}
	}
	return len(t.sections) > 0
}

// subTable returns what t holds; parsed once when it is complete.
func (t *collectedTable) subTable(pid uint16) *SubTable {
	if t.parsed != nil {
		return t.parsed
	}
	st := &SubTable{PID: pid, Complete: t.complete}
	for _, s := range t.sections {
		if s != nil {
			st.Sections = append(st.Sections, s)
		}
	}
	st.Table, st.Err = ParseTable(st.Sections...)
	if t.complete {
		t.parsed = st
	}
	return st
}

// followPAT collects the PIDs of the programmes that have come and forgets those that
// have gone, so that a table that comes back is new again.
func (c *Collector) followPAT(pat *PAT) {
	old := c.named
	c.named = make(map[Program][]uint16, len(pat.Programs))
	for _, p := range pat.Programs {
		if _, twice := c.named[p]; twice {
			continue
		}
		pids, known := old[p]
		if c.named[p] = pids; !known {
			c.use(p.PID)
		}
	}
	for p, pids := range old {
		if _, still := c.named[p]; still {
			continue
		}
		for _, next := range []bool{false, true} {
			c.forget(p.PID, subTableKey{table: TablePMT, next: next, extension: p.Number})
		}
		c.leave(p.PID)
		for _, pid := range pids {
			c.leave(pid)
		}
	}
}

// followPMT collects the PIDs that the PMT of a programme names and no longer those
// that the one before did.
func (c *Collector) followPMT(p Program, pmt *PMT) {
	old := c.named[p]
	c.named[p] = sectionPIDs(pmt)
	for _, pid := range c.named[p] {
		c.use(pid)
	}
	for _, pid := range old {
		c.leave(pid)
	}
}

// use collects a PID for one more table that names it.
func (c *Collector) use(pid uint16) {
	if int(pid) >= len(c.pids) {
		return
	}
	if c.pids[pid] == nil {
		c.pids[pid] = &collectedPID{pid: pid, tables: make(map[subTableKey]*collectedTable)}
	}
	c.pids[pid].users++
}

// leave undoes use.
func (c *Collector) leave(pid uint16) {
	if int(pid) >= len(c.pids) {
		return
	}
	p := c.pids[pid]
	if p.users--; p.users > 0 {
		return
	}
	for k := range p.tables {
		c.forget(pid, k)
	}
	c.pids[pid] = nil
}

// forget drops a table, if it is there.
func (c *Collector) forget(pid uint16, k subTableKey) {
	if int(pid) >= len(c.pids) {
		return
	}
	if t := c.pids[pid].tables[k]; t != nil {
		c.held -= t.size()
		delete(c.pids[pid].tables, k)
	}
}

// sectionPIDs returns the PIDs of a programme that carry AIT or splice information.
func sectionPIDs(pmt *PMT) []uint16 {
	var pids []uint16
	for _, s := range pmt.Streams {
		_, signalled := Find[*ApplicationSignalling](s.Descriptors)
		if s.Type == StreamSCTE35 || s.Type == StreamPrivateSections && signalled {
			pids = append(pids, s.PID)
		}
	}
	return pids
}
