package hls

import (
	"runtime"
	"slices"
	"sync"
	"weak"

	"sigma/headend/serve/route"
	"sigma/headend/timeline"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// What becomes of the packets of a PID.
const (
	drop      = iota
	pass      // as they are
	replace   // the PMT
	clockOnly // dropped but for the PCR
)

// plan is what trim does by PID. It is large and lives on the stack.
type plan struct {
	of  [8192]uint8
	pmt []byte // packets of the PMT of what is left
}

// trim returns the packets of a transport stream that begins with PAT and PMT which
// the elementary streams of the PIDs need: those, the PAT, a PMT without the others,
// and the clock. Continuity counters stay as they are, so that the segments of a
// stream that are trimmed alike follow each other. It returns nil when there is no
// PMT to be read.
func trim(stream timeline.Packets, pids []uint16) timeline.Packets {
	var p plan
	if !p.read(stream, pids) {
		return nil
	}
	n := 0
	for b := range stream.All() {
		if do := p.of[ts.PID(b)]; do == pass || do == replace || do == clockOnly && ts.HasPCR(b) {
			n += ts.PacketSize
		}
	}
	out := make([]byte, 0, n)
	next := len(p.pmt)
	for packet := range stream.All() {
		switch p.of[ts.PID(packet)] {
		case pass:
			out = append(out, packet...)
		case replace:
			if ts.PUSI(packet) {
				next = 0
			}
			out = p.table(out, packet, next)
			next = min(next+ts.PacketSize, len(p.pmt))
		case clockOnly:
			if pcr, ok := ts.PCR(packet); ok {
				out = ts.AppendPCRPacket(out, ts.PID(packet), 0, pcr)
				if ts.DiscontinuityIndicator(packet) {
					ts.SetDiscontinuityIndicator(out[len(out)-ts.PacketSize:], true)
				}
			}
		}
	}
	return timeline.Packets{out}
}

// table appends a packet of the new PMT in the place of one of the old, which is never
// shorter. What is left over is filled with stuffing (ISO/IEC 13818-1 clause 2.4.4).
func (p *plan) table(out, packet []byte, next int) []byte {
	at := len(out)
	if next < len(p.pmt) {
		out = append(out, p.pmt[next:next+ts.PacketSize]...)
	} else {
		null := ts.Null()
		out = append(out, null[:]...)
		ts.SetPID(out[at:], ts.PID(packet))
	}
	ts.SetCC(out[at:], ts.CC(packet))
	return out
}

// read finds PAT and PMT and decides.
func (p *plan) read(stream timeline.Packets, pids []uint16) bool {
	var pat, pmt psi.Assembler
	var table *psi.PMT
	pid, found := uint16(0), false
	for packet := range stream.All() {
		if table != nil {
			break
		}
		switch at := ts.PID(packet); {
		case at == 0:
			pat.Push(packet, func(s psi.Section) { pid, found = programme(s, pid, found) })
		case found && at == pid:
			pmt.Push(packet, func(s psi.Section) {
				if t, err := psi.ParsePMT(s); err == nil && !t.Next {
					table = t
				}
			})
		}
	}
	if table == nil {
		return false
	}
	table.Streams = slices.DeleteFunc(table.Streams, func(s psi.Stream) bool { return !slices.Contains(pids, s.PID) })
	sections, err := table.Sections()
	if err != nil {
		return false
	}
	p.pmt = (&psi.Packetizer{PID: pid}).AppendTo(nil, sections...)
	p.of[table.PCRPID] = clockOnly
	for _, s := range table.Streams {
		p.of[s.PID] = pass
	}
	p.of[ts.NullPID] = drop
	p.of[0], p.of[pid] = pass, replace
	return true
}

// programme returns the PID of the PMT of the first programme of a PAT.
func programme(s psi.Section, pid uint16, found bool) (uint16, bool) {
	t, err := psi.ParsePAT(s)
	if err != nil || t.Next {
		return pid, found
	}
	for _, one := range t.Programs {
		if one.Number != 0 {
			return one.PID, true
		}
	}
	return pid, found
}

// maxTrimmed bounds the trimmed segments that are kept, in bytes for each channel: the
// newest few of each rendition, which is what live viewers ask for.
const maxTrimmed = 32 << 20

// trims keeps trimmed segments of a channel, oldest out first.
type trims struct {
	mu    sync.Mutex
	m     map[trimKey]*trimmed
	order []trimKey
	bytes int
}

type trimKey struct {
	sequence uint64
	tracks   string
}

type trimmed struct {
	once sync.Once
	size int // of the whole segment: what data may take
	data timeline.Packets
}

// of returns the packets of a segment that are left for a selector; nil when it has
// none of the tracks.
func (t *trims) of(s *timeline.Segment, selector string) timeline.Packets {
	if covers(s.Layout, selector) {
		return s.TS
	}
	var pids []uint16
	for rest := selector; rest != ""; {
		var id string
		id, rest = route.NextTrack(rest)
		if track := s.Layout.Track(id); track != nil && track.PID != 0 {
			pids = append(pids, uint16(track.PID))
		}
	}
	if len(pids) == 0 {
		return nil
	}
	k := trimKey{s.Sequence, selector}
	t.mu.Lock()
	p := t.m[k]
	if p == nil {
		p = &trimmed{size: s.TS.Size()}
		t.keep(s, k, p)
	}
	t.mu.Unlock()
	p.once.Do(func() { p.data = trim(s.TS, pids) })
	return p.data
}

// keep puts in what is left of a segment, for as long as that is in the view of anybody,
// and takes the oldest out for it. The caller holds mu.
func (t *trims) keep(s *timeline.Segment, k trimKey, p *trimmed) {
	if t.m == nil {
		t.m = map[trimKey]*trimmed{}
	}
	t.m[k] = p
	t.order = append(t.order, k)
	t.bytes += p.size
	runtime.AddCleanup(s, func(l leftover) { l.forget() }, leftover{weak.Make(t), k})
	for t.bytes > maxTrimmed && len(t.order) > 1 {
		t.drop(0)
	}
}

// leftover is what a segment leaves behind. It must not keep the channel, which has the
// segment: then neither would ever go.
type leftover struct {
	trims weak.Pointer[trims]
	key   trimKey
}

func (l leftover) forget() {
	if t := l.trims.Value(); t != nil {
		t.forget(l.key)
	}
}

// forget drops what is left of a segment that nobody has any more.
func (t *trims) forget(k trimKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.order, k); i >= 0 {
		t.drop(i)
	}
}

func (t *trims) drop(i int) {
	t.bytes -= t.m[t.order[i]].size
	delete(t.m, t.order[i])
	t.order = slices.Delete(t.order, i, i+1)
}
