package mux

import (
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// Loop makes an endless programme of a file that is read again and again: PCR, PTS
// and DTS of every pass are shifted by what the passes before lasted, the same for
// all programmes of the stream, and continuity counters go on. All arithmetic is
// modulo the 33 bits of the clocks, so that it may run for ever.
//
// The duration of a pass is found while it is read: from the first PCR to the last,
// the packets outside them at the mean rate, and longer where a video or audio
// stream would otherwise start its next pass before its last frame is over.
//
// Where the clock of a programme ends before the pass does, as that of a video with a
// longer sound, its first PCR of the next pass carries discontinuity_indicator.
//
// PES headers are shifted that lie whole in one packet and are not scrambled, as
// multiplexers write them. The zero value is ready. It is for one goroutine.
type Loop struct {
	shift  flow.Ticks // of this pass, below the wrap; a multiple of 300
	passes int
	place  int64 // packets of this pass

	pcrPID uint16 // of the first PCR of this pass
	first  point  // its first PCR
	last   point  // its last PCR
	clocks int    // its PCRs

	counters counters
	streams  map[uint16]*span
	pcrs     map[uint16]*pcrs
}

// pcrs are the PCRs of one PID.
type pcrs struct {
	last    flow.Ticks // sent, below the wrap
	longest flow.Ticks // step within a pass, 100 ms at least
	pass    int        // of the last one
}

// span is the extent of one stream in one pass: 33-bit time stamps of 90 kHz.
type span struct {
	video       bool
	first, last uint64 // DTS, or PTS where there is none
	longest     int64  // step between two of them; 0 while unknown
	bytes       int64  // of payload before the last stamp
	tail        int64  // of payload since then
}

// maxFrame is the longest PES packet in periods of 90 kHz: one second. Streams with
// longer steps, such as subtitles, do not last from one stamp to the next.
const maxFrame = 90000

// lasts returns how long the stream lasts in periods of 90 kHz. The last PES packet
// of a video lasts as long as the others; that of an audio holds fewer frames, and
// lasts by its size, with a tenth more for frames of various sizes.
func (s *span) lasts() int64 {
	run := int64((s.last - s.first) & (1<<33 - 1))
	end := s.longest
	if !s.video && s.bytes > 0 && run < 1<<32/5 {
		end = min(end, int64(float64(run)*float64(s.tail)/float64(s.bytes)*1.1))
	}
	return run + end
}

// maxExcess is the longest time by which the frames of a stream may outlast the
// packets of the file; beyond it their stamps are not of one time base.
const maxExcess = 10 * flow.TicksPerSecond

// Next rewrites the next packets of the file in place. data must belong to the
// caller, and begin with the first packet on the first call and after Rewind.
func (l *Loop) Next(data []byte) {
	if l.streams == nil {
		l.streams, l.pcrs = map[uint16]*span{}, map[uint16]*pcrs{}
	}
	for p := range packets(data) {
		pid := ts.PID(p)
		if pid != ts.NullPID && p[0] == ts.Sync && !ts.TEI(p) {
			l.packet(p, pid)
		}
		l.place++
	}
}

// Rewind ends a pass: the packets of the next call are those from the beginning of
// the file.
func (l *Loop) Rewind() {
	l.shift = (l.shift + l.Pass()) % flow.WrapTicks
	l.passes++
	l.place, l.clocks = 0, 0
	l.counters.cut()
	clear(l.streams)
}

// Passes returns how often the file was rewound.
func (l *Loop) Passes() int { return l.passes }

// Pass returns the duration of the pass so far, a multiple of 300 ticks; 0 if it
// has no clock.
func (l *Loop) Pass() flow.Ticks {
	packets := l.last.place - l.first.place
	var d flow.Ticks
	if l.clocks > 1 && packets > 0 {
		run := forward(l.last.stc - l.first.stc)
		d = run + scale(run, l.place-packets, packets)
	}
	longest := d
	for _, s := range l.streams {
		if s.longest == 0 || s.longest > maxFrame {
			continue
		}
		lasts := flow.Ticks(s.lasts()) * flow.TicksPer90k
		if l.clocks < 2 || lasts-d < maxExcess {
			longest = max(longest, lasts)
		}
	}
	const unit = flow.TicksPer90k
	return (longest + unit - 1) / unit * unit
}

// scale returns t·n/of without overflow for any t below the wrap.
func scale(t flow.Ticks, n, of int64) flow.Ticks {
	q, r := int64(t)/of, int64(t)%of
	return flow.Ticks(q*n + r*n/of)
}

// forward folds a difference of clocks to 0 up to the wrap.
func forward(d flow.Ticks) flow.Ticks { return flow.Ticks(wrapped(d)) }

func (l *Loop) packet(p []byte, pid uint16) {
	l.counters.pass(p, pid)
	if pcr, ok := ts.PCR(p); ok {
		if l.clocks == 0 {
			l.pcrPID = pid
			l.first = point{l.place, flow.Ticks(pcr)}
		}
		if pid == l.pcrPID {
			l.clocks++
			l.last = point{l.place, flow.Ticks(pcr)}
		}
		ts.SetPCR(p, pcr+uint64(l.shift))
		l.shiftOPCR(p)
		if l.pauses(pid, flow.Ticks(wrapped(flow.Ticks(pcr)+l.shift))) {
			ts.SetDiscontinuityIndicator(p, true)
		}
	}
	b := ts.Payload(p)
	if ts.PUSI(p) && ts.Scrambling(p) == 0 {
		l.stamps(pid, b)
	}
	if s := l.streams[pid]; s != nil {
		s.tail += int64(len(b))
	}
}

// pauses reports whether the PCR sent now is the first of its PID in this pass and
// farther from the one before than any within a pass, and than the 100 ms that ISO/IEC
// 13818-1 clause 2.7.2 allows.
func (l *Loop) pauses(pid uint16, pcr flow.Ticks) bool {
	c := l.pcrs[pid]
	if c == nil {
		l.pcrs[pid] = &pcrs{last: pcr, longest: flow.TicksPerSecond / 10, pass: l.passes}
		return false
	}
	step, again := forward(pcr-c.last), c.pass != l.passes
	c.last, c.pass = pcr, l.passes
	if !again && step <= maxPCRStep {
		c.longest = max(c.longest, step)
	}
	return again && step > c.longest
}

// shiftOPCR shifts original_program_clock_reference, which follows the PCR.
func (l *Loop) shiftOPCR(p []byte) {
	const flagOPCR = 0x08
	af := ts.AdaptationField(p)
	if len(af) < 13 || af[0]&flagOPCR == 0 {
		return
	}
	// The field has the form of a PCR: it is rewritten as one, in the place of it.
	var q [ts.PacketSize]byte
	copy(q[:], p)
	copy(q[6:12], af[7:13])
	if opcr, ok := ts.PCR(q[:]); ok {
		ts.SetPCR(q[:], opcr+uint64(l.shift))
		copy(af[7:13], q[6:12])
	}
}

// stamps shifts PTS and DTS of the PES header (ISO/IEC 13818-1 clause 2.4.3.7) and
// follows the extent of the stream.
func (l *Loop) stamps(pid uint16, b []byte) {
	if len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 || !hasHeader(b[3]) || b[6]&0xC0 != 0x80 {
		return
	}
	flags, size := b[7]>>6, int(b[8])
	if flags < 2 || size < 5 || len(b) < 14 {
		return
	}
	stamp := l.stamp(b[9:14])
	if flags == 3 && size >= 10 && len(b) >= 19 {
		stamp = l.stamp(b[14:19])
	}
	l.extend(pid, stamp, b[3]>>4 == 0xE)
}

// hasHeader reports whether PES packets of a stream_id have the optional header
// (clause 2.4.3.6).
func hasHeader(id byte) bool {
	switch id {
	case 0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF:
		return false
	}
	return id >= 0xBD
}

// stamp shifts a coded PTS or DTS and returns what it was.
func (l *Loop) stamp(b []byte) uint64 {
	was := uint64(b[0]>>1&7)<<30 | uint64(b[1])<<22 | uint64(b[2]>>1)<<15 | uint64(b[3])<<7 | uint64(b[4]>>1)
	t := was + uint64(l.shift/flow.TicksPer90k)
	b[0] = b[0]&0xF1 | byte(t>>30&7)<<1
	b[1] = byte(t >> 22)
	b[2] = b[2]&1 | byte(t>>15)<<1
	b[3] = byte(t >> 7)
	b[4] = b[4]&1 | byte(t)<<1
	return was
}

// extend notes a time stamp. Steps backwards, as of PTS without DTS, do not count.
func (l *Loop) extend(pid uint16, stamp uint64, video bool) {
	s := l.streams[pid]
	if s == nil {
		l.streams[pid] = &span{video: video, first: stamp, last: stamp}
		return
	}
	step := int64(stamp-s.last) << 31 >> 31 // the shorter way round 33 bits
	if step <= 0 {
		return
	}
	s.last, s.longest = stamp, max(s.longest, step)
	s.bytes, s.tail = s.bytes+s.tail, 0
}
