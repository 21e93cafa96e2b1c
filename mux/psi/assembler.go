package psi

import "sigma/mux/ts"

// Assembler makes sections of the packets of one PID (ISO/IEC 13818-1 clause
// 2.4.4). The zero value is ready. It has one user at a time.
//
// The counters are for reports and may be read between calls.
type Assembler struct {
	Sections        uint64 // whole sections handed out
	CRCErrors       uint64 // sections dropped for a wrong CRC_32
	Discontinuities uint64 // jumps of continuity_counter that were not announced
	Malformed       uint64 // packets or sections whose structure is broken
	Scrambled       uint64 // packets skipped because they are scrambled

	buf     []byte // the section that has begun; capacity stays
	partial bool   // buf holds the beginning of a section
	counter uint8  // continuity_counter of the last packet with payload
	started bool   // counter is known
	twin    bool   // the last packet was a repetition
}

// Reset forgets the section that has begun and the continuity counter, as after a
// change of source. The counters stay.
func (a *Assembler) Reset() {
	a.partial, a.started, a.twin = false, false, false
}

// Push takes the next packet of the PID, 188 bytes, and calls emit for every
// section that it completes, in order. Sections with a wrong CRC_32 are counted
// and dropped. The section is valid until emit returns: it lies in pkt or in the
// Assembler's own memory; Clone it to keep it. Push does not allocate once it has
// seen the longest section.
func (a *Assembler) Push(pkt []byte, emit func(Section)) {
	if len(pkt) != ts.PacketSize || pkt[0] != ts.Sync || ts.TEI(pkt) {
		a.Malformed++
		a.partial = false
		return
	}
	if !ts.HasPayload(pkt) {
		return
	}
	if ts.Scrambling(pkt) != 0 {
		a.Scrambled++
		a.partial = false
		return
	}
	payload := ts.Payload(pkt)
	if !a.inOrder(pkt) {
		return
	}
	if len(payload) == 0 {
		a.Malformed++
		a.partial = false
		return
	}
	if !ts.PUSI(pkt) {
		if a.partial {
			a.extend(payload, emit)
		}
		return
	}
	pointer := int(payload[0])
	payload = payload[1:]
	if pointer > len(payload) {
		a.Malformed++
		a.partial = false
		return
	}
	if a.partial {
		a.extend(payload[:pointer], emit)
		if a.partial { // it should have ended before the next begins
			a.Malformed++
			a.partial = false
		}
	}
	a.begin(payload[pointer:], emit)
}

// inOrder follows continuity_counter and reports whether the packet is to be
// used: the first repetition of a packet is not (clause 2.4.3.3).
func (a *Assembler) inOrder(pkt []byte) bool {
	counter := ts.CC(pkt)
	announced := ts.DiscontinuityIndicator(pkt)
	last, started, twin := a.counter, a.started, a.twin
	a.counter, a.started, a.twin = counter, true, false
	switch {
	case !started || announced:
		a.partial = a.partial && !announced
	case counter == (last+1)&0x0F:
	case counter == last && !twin:
		a.twin = true
		return false
	default:
		a.Discontinuities++
		a.partial = false
	}
	return true
}

// begin takes the sections that start in p, up to stuffing or to the end.
func (a *Assembler) begin(p []byte, emit func(Section)) {
	for len(p) > 0 && p[0] != 0xFF {
		if len(p) < shortHeader {
			a.keep(p)
			return
		}
		size := Section(p).size()
		if size > MaxPrivateSection {
			a.Malformed++
			return
		}
		if len(p) < size {
			a.keep(p)
			return
		}
		a.finish(Section(p[:size:size]), emit)
		p = p[size:]
	}
}

func (a *Assembler) keep(p []byte) {
	a.buf = append(a.buf[:0], p...)
	a.partial = true
}

// extend adds bytes to the section that has begun and finishes it when it is
// whole. What follows its end is stuffing.
func (a *Assembler) extend(p []byte, emit func(Section)) {
	if n := shortHeader - len(a.buf); n > 0 {
		n = min(n, len(p))
		a.buf = append(a.buf, p[:n]...)
		p = p[n:]
		if len(a.buf) < shortHeader {
			return
		}
	}
	size := Section(a.buf).size()
	if size > MaxPrivateSection {
		a.Malformed++
		a.partial = false
		return
	}
	n := min(size-len(a.buf), len(p))
	a.buf = append(a.buf, p[:n]...)
	if len(a.buf) == size {
		a.partial = false
		a.finish(Section(a.buf), emit)
	}
}

func (a *Assembler) finish(s Section, emit func(Section)) {
	switch {
	case s.Check() == nil:
		a.Sections++
		emit(s)
	case s.HasCRC() && len(s) >= shortHeader+crcSize && CRC32(s) != 0:
		a.CRCErrors++
	default:
		a.Malformed++
	}
}
