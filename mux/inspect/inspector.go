// Package inspect looks into transport streams: Inspector finds programmes, clock,
// errors and random access points in batches of packets, Demuxer makes frames of
// them.
//
// It refuses to change a packet, and to judge a stream by TR 101 290 beyond the few
// counters a channel needs (mux/measure does).
package inspect

import (
	"encoding/binary"
	"slices"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// Bits of the first four bytes of a packet, read as one number.
const (
	bitTEI     = 0x800000
	bitPUSI    = 0x400000
	bitsScr    = 0xC0
	bitAF      = 0x20
	bitPayload = 0x10
	bitsPlain  = bitTEI | bitsScr | bitAF | bitPayload // all but bitPayload clear: nothing special
)

// Inspector inspects one input. It fills Clock, Marks and Epoch of the batches that
// pass it, follows PAT, PMT and SDT, and counts errors. Set Program before the first
// Feed. It is for one goroutine; Snapshot and Layout return values that may be
// handed to others.
type Inspector struct {
	// Program is program_number of the programme whose clock, random access points
	// and tracks count; 0 chooses the first of the PAT that has streams.
	Program uint16

	index [1 << 13]uint16 // position in pids by PID, 0 for none
	pids  []pid
	total Counters
	media uint64
	tabs  tables
	clock clock
	rates rates

	layout *flow.Layout
	epoch  uint32
	source uint32 // Epoch the source gave to the item before
	lead   lead

	cuts  []cut     // of the batch at hand, by position
	marks flow.Mark // of items that held no whole packet
	begun bool
}

// pid is what is known of one PID.
type pid struct {
	count PIDCounters

	id      uint16
	cc      uint8
	started bool   // cc is known
	twin    bool   // the packet before was a repetition
	watch   bool   // every packet is of interest
	starts  bool   // packets with payload_unit_start are of interest
	pcr     bool   // carries the PCR of the programme
	media   uint64 // 1 if its packets are media: see Media
	section *psi.Assembler
	head    *head
	rate    int64  // bit/s
	since   uint64 // packets at the begin of the window of rate
}

// cut is a place in a batch where an item has to begin.
type cut struct {
	at    int // packet
	marks flow.Mark
	step  bool // a new epoch begins
}

// Feed inspects the packets of an item and calls emit for the pieces it is cut into,
// in order: sub-slices of its data, none of it copied. A piece with RandomAccess
// begins with a packet where a random access point of the leading track begins; a
// piece with Discontinuity begins where the time base breaks. The marks of the item
// go to its first piece, and Discontinuity or Gap among them mean that neither
// clock nor continuity counters need to fit what came before.
func (in *Inspector) Feed(it flow.Item[flow.Batch], emit func(flow.Item[flow.Batch])) {
	n := it.V.Packets()
	in.marks |= it.Marks &^ flow.RandomAccess
	if in.begun && it.Epoch != in.source {
		in.marks |= flow.Discontinuity
	}
	in.source = it.Epoch
	if n == 0 {
		return
	}
	in.begun = true
	first := in.epoch
	in.cuts = append(in.cuts[:0], cut{marks: in.marks})
	if in.marks&(flow.Discontinuity|flow.Gap) != 0 {
		in.forget()
	}
	in.marks = 0
	in.clock.begin(it.Arrived)
	in.walk(it.V.Data[:n*ts.PacketSize])
	in.lead.finish(in)
	in.pieces(it, n, first, emit)
	in.clock.end(n)
	in.total.Packets += uint64(n)
	in.measure(it.Arrived)
}

// forget lets clock and continuity counters start again.
func (in *Inspector) forget() {
	for i := range in.pids {
		p := &in.pids[i]
		p.started = false
		if p.section != nil {
			p.section.Reset()
		}
	}
	in.clock.announced = true
	in.lead.pending = false
}

// walk passes over the packets. What is special about few of them is done in
// special.
func (in *Inspector) walk(data []byte) {
	for i := 0; len(data) >= ts.PacketSize; i++ {
		p := data[:ts.PacketSize:ts.PacketSize]
		data = data[ts.PacketSize:]
		h := binary.BigEndian.Uint32(p)
		if h>>24 != ts.Sync {
			in.total.Sync++
			continue
		}
		s := in.pid(uint16(h>>8) & ts.NullPID)
		s.count.Packets++
		cc := uint8(h) & 0x0F
		if h&bitsPlain == bitPayload && cc == (s.cc+1)&0x0F && s.started && !s.watch && (h&bitPUSI == 0 || !s.starts) {
			s.cc, s.twin = cc, false
			in.media += s.media
			continue
		}
		in.special(s, i, p, h)
	}
}

// pid returns the state of a PID. It is valid until another PID is met.
func (in *Inspector) pid(id uint16) *pid {
	if i := in.index[id]; i != 0 {
		return &in.pids[i]
	}
	if len(in.pids) == 0 {
		in.pids = append(in.pids, pid{}) // position 0 is none
	}
	in.index[id] = uint16(len(in.pids))
	in.pids = append(in.pids, pid{id: id})
	s := &in.pids[len(in.pids)-1]
	s.media = in.tabs.mediaOf(s)
	if id == psi.PIDPAT || id == psi.PIDSDT {
		s.section, s.watch = new(psi.Assembler), true
	}
	return s
}

// special takes a packet that may be more than the next one of its PID.
func (in *Inspector) special(s *pid, i int, p []byte, h uint32) {
	if s.id == ts.NullPID {
		return
	}
	if h&bitTEI != 0 { // nothing else of it can be trusted
		s.count.Transport++
		in.total.Transport++
		return
	}
	if h&bitsScr != 0 {
		s.count.Scrambled++
		in.total.Scrambled++
	}
	if h&bitPayload != 0 {
		in.media += s.media
	}
	if !in.inOrder(s, p, h) {
		return
	}
	if s.pcr && h&bitAF != 0 {
		if raw, ok := ts.PCR(p); ok {
			in.reference(i, raw, ts.DiscontinuityIndicator(p))
		}
	}
	if h&bitPayload == 0 {
		return
	}
	if s.section != nil {
		in.sections(s, i, p)
		s = in.pid(s.id) // tables may have brought new PIDs
	}
	if s.head != nil {
		in.look(s, i, p, h)
	}
}

// inOrder follows the continuity counter and reports whether the packet is to be
// used: the one repetition that ISO/IEC 13818-1 clause 2.4.3.3 allows is not.
func (in *Inspector) inOrder(s *pid, p []byte, h uint32) bool {
	if h&(bitPayload|bitAF) == 0 {
		return false // reserved: to be discarded
	}
	announced := h&bitAF != 0 && ts.DiscontinuityIndicator(p)
	if h&bitPayload == 0 {
		if announced {
			s.started = false
		}
		return true
	}
	cc := uint8(h) & 0x0F
	last, started, twin := s.cc, s.started, s.twin
	s.cc, s.started, s.twin = cc, true, false
	switch {
	case !started, announced, cc == (last+1)&0x0F:
	case cc == last && !twin:
		s.twin = true
		return false
	default:
		s.count.Continuity++
		in.total.Continuity++
		in.clock.lossy = in.clock.lossy || s.pcr
		if s.head != nil {
			in.drop(s)
		}
	}
	return true
}

// cut asks for an item to begin at a packet. It reports whether that begins an epoch
// that was not asked for before.
func (in *Inspector) cut(at int, marks flow.Mark, step bool) bool {
	i, found := slices.BinarySearchFunc(in.cuts, at, func(c cut, at int) int { return c.at - at })
	if !found {
		in.cuts = slices.Insert(in.cuts, i, cut{at: at})
	}
	fresh := step && !in.cuts[i].step
	in.cuts[i].marks |= marks
	in.cuts[i].step = in.cuts[i].step || step
	return fresh
}

// newEpoch begins an epoch at a packet. The layout is renewed with it.
func (in *Inspector) newEpoch(at int, marks flow.Mark, tracks []flow.Track) {
	if in.cut(at, marks, true) {
		in.epoch++
	}
	in.layout = &flow.Layout{Epoch: in.epoch, Tracks: tracks}
}

// pieces emits the item in pieces, the first of which has epoch as long as no cut
// says otherwise.
func (in *Inspector) pieces(it flow.Item[flow.Batch], n int, epoch uint32, emit func(flow.Item[flow.Batch])) {
	data := it.V.Data
	for i, c := range in.cuts {
		end := n
		if i+1 < len(in.cuts) {
			end = in.cuts[i+1].at
		}
		if c.step {
			epoch++
		}
		piece := it
		piece.Epoch = epoch
		piece.Marks = c.marks
		from, to := c.at*ts.PacketSize, end*ts.PacketSize
		piece.V = flow.Batch{Data: data[from:to:to], Clock: in.clock.at(c.at)}
		emit(piece)
	}
}

// Media returns how many packets came that carry what somebody watches: those with
// payload of the streams that the tables list, whichever programme they are of. Null
// packets, tables, and a PCR without payload go on when the encoder has died. While
// the tables list no stream, all but null packets and those of PSI and SI count.
func (in *Inspector) Media() uint64 { return in.media }

// Layout returns the tracks of the programme, nil before its PMT was seen. Its Epoch
// is that of the items fed last.
func (in *Inspector) Layout() *flow.Layout { return in.layout }
