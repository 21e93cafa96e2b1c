package es

import "sigma/mux/flow"

// eac3Stream is what the bsi of one substream of E-AC-3 says (ETSI TS 102 366 clause
// E.1.2).
type eac3Stream struct {
	kind, rate, bsid, bsmod, acmod, lfe uint32
	fscod2, blocks                      uint32
	chanmap                             uint32 // of a dependent substream; 0: none
	joc                                 uint32 // complexity_index_type_a plus 1; 0: no joint object coding
}

// eac3Program is an independent substream with those that depend on it.
type eac3Program struct {
	eac3Stream
	dependent uint32
	locations uint32 // chanmap of the dependent ones, joined
}

// maxEAC3Programs is how many independent substreams there can be.
const maxEAC3Programs = 8

// eac3Head is what an access unit of E-AC-3 says.
type eac3Head struct {
	programs [maxEAC3Programs]eac3Program
	count    int
}

// eac3Track follows E-AC-3. The data rate is that of the access unit that had the
// format first: it may vary.
type eac3Track struct {
	head eac3Head
	kbit int
}

func newEAC3Track() tracker { return new(eac3Track) }

func (t *eac3Track) look(units [][]byte) bool {
	var h eac3Head
	size := 0
	for _, u := range units {
		s, ok := readEAC3(u)
		if !ok {
			return false
		}
		size += len(u)
		if s.kind != 1 {
			if h.count == len(h.programs) {
				return false
			}
			h.programs[h.count].eac3Stream = s
			h.count++
		} else if h.count > 0 {
			p := &h.programs[h.count-1]
			p.dependent++
			p.locations |= s.chanmap
			p.joc = max(p.joc, s.joc)
		}
	}
	if h.count == 0 || h == t.head {
		return false
	}
	rate, samples := h.programs[0].sampleRate(), h.programs[0].samples()
	t.head, t.kbit = h, size*8*rate/samples/1000
	return true
}

func (s *eac3Stream) sampleRate() int {
	if s.rate == 3 {
		return [...]int{24000, 22050, 16000, 16000}[s.fscod2&3]
	}
	return [...]int{48000, 44100, 32000}[s.rate]
}

func (s *eac3Stream) samples() int { return 256 * int(s.blocks) }

// readEAC3 reads a frame. AC-3 may be the independent substream (clause E.1.3.1).
func readEAC3(b []byte) (s eac3Stream, ok bool) {
	if len(b) < audioHeader {
		return s, false
	}
	if _, ok = ac3Frame(b); !ok {
		return s, false
	}
	if b[5]>>3 <= 10 {
		h, ok := readAC3([][]byte{b})
		return eac3Stream{rate: h.rate, bsid: h.bsid, bsmod: h.bsmod, acmod: h.acmod, lfe: h.lfe, blocks: 6}, ok
	}
	r := bitReader{b: b[2:]}
	s.kind = r.bits(2)
	r.skip(3 + 11)
	code := uint32(3)
	if s.rate = r.bits(2); s.rate == 3 {
		s.fscod2 = r.bits(2)
	} else {
		code = r.bits(2)
	}
	s.blocks = [...]uint32{1, 2, 3, 6}[code]
	s.acmod, s.lfe, s.bsid = r.bits(3), r.bits(1), r.bits(5)
	for range s.programmes() {
		r.skip(5) // dialnorm
		optional(&r, 8)
	}
	if s.kind == 1 && r.bits(1) == 1 {
		s.chanmap = r.bits(16)
	}
	if r.bits(1) == 1 {
		s.mixing(&r)
	}
	if r.bits(1) == 1 {
		s.information(&r)
	}
	if s.kind == 0 && s.blocks != 6 {
		r.skip(1) // convsync
	}
	if s.kind == 2 && (s.blocks == 6 || r.bits(1) == 1) {
		r.skip(6) // frmsizecod
	}
	s.addition(&r)
	return s, true
}

// programmes is 2 for dual mono, which says many things twice.
func (s *eac3Stream) programmes() int {
	if s.acmod == 0 {
		return 2
	}
	return 1
}

// optional skips n bits if the bit before them is set.
func optional(r *bitReader, n int) {
	if r.bits(1) == 1 {
		r.skip(n)
	}
}

// mixing skips the mixing metadata.
func (s *eac3Stream) mixing(r *bitReader) {
	if s.acmod > 2 {
		r.skip(2)
		if s.acmod&1 != 0 {
			r.skip(6)
		}
	}
	if s.acmod&4 != 0 {
		r.skip(6)
	}
	if s.lfe == 1 {
		optional(r, 5)
	}
	if s.kind != 0 {
		return
	}
	for range s.programmes() {
		optional(r, 6)
	}
	optional(r, 6) // extpgmscl
	switch r.bits(2) {
	case 1:
		r.skip(5)
	case 2:
		r.skip(12)
	case 3:
		r.skip(8 * (int(r.bits(5)) + 2))
	}
	if s.acmod < 2 {
		for range s.programmes() {
			optional(r, 14)
		}
	}
	if r.bits(1) == 1 { // frmmixcfginfoe
		if s.blocks == 1 {
			r.skip(5)
			return
		}
		for range s.blocks {
			optional(r, 5)
		}
	}
}

// information reads the informational metadata.
func (s *eac3Stream) information(r *bitReader) {
	s.bsmod = r.bits(3)
	r.skip(2)
	if s.acmod == 2 {
		r.skip(4)
	}
	if s.acmod >= 6 {
		r.skip(2)
	}
	for range s.programmes() {
		optional(r, 8)
	}
	if s.rate < 3 {
		r.skip(1)
	}
}

// addition reads what follows bsi: joint object coding announces itself there (ETSI TS
// 103 420 clause 8.3).
func (s *eac3Stream) addition(r *bitReader) {
	if r.bits(1) == 0 {
		return
	}
	size := r.bits(6) + 1
	if flag := r.bits(8); size >= 2 && flag&1 == 1 {
		if index := r.bits(8); !r.short {
			s.joc = index + 1
		}
	}
}

// format makes the body of dec3 (ETSI TS 102 366 clause F.6).
func (t *eac3Track) format() (f Format, ok bool) {
	if t.head.count == 0 {
		return f, false
	}
	var w bitWriter
	w.bits(uint32(min(t.kbit, 1<<13-1)), 13)
	w.bits(uint32(t.head.count-1), 3)
	for i := range t.head.count {
		p := &t.head.programs[i]
		w.bits(p.rate, 2)
		w.bits(p.bsid, 5)
		w.bits(0, 2) // reserved, asvc
		w.bits(p.bsmod, 3)
		w.bits(p.acmod, 3)
		w.bits(p.lfe, 1)
		w.bits(0, 3)
		w.bits(min(p.dependent, 15), 4)
		if p.dependent > 0 {
			w.bits(eac3Locations(p.locations), 9)
		} else {
			w.bits(0, 1)
		}
	}
	first := &t.head.programs[0]
	if first.joc > 0 {
		w.bits(1, 8)
		w.bits(first.joc-1, 8)
	}
	return Format{
		Codec: flow.CodecEAC3, RFC6381: "ec-3", Record: w.b,
		SampleRate: first.sampleRate(), FrameSamples: first.samples(), Channels: first.channels(),
	}, true
}

// eac3Locations returns chan_loc (ETSI TS 102 366 table F.6.1) of a chanmap, whose
// bit 0 is the most significant one (table E.1.4).
func eac3Locations(chanmap uint32) (loc uint32) {
	for bit := range 8 {
		loc |= chanmap >> (10 - bit) & 1 << bit // Lc/Rc to Cvh
	}
	return loc | chanmap>>1&1<<8 // LFE2
}

// channels counts those of a programme: what dependent substreams have too counts
// once.
func (p *eac3Program) channels() int {
	own := [...]uint32{0xA000, 0x4000, 0xA000, 0xE000, 0xA100, 0xE100, 0xB800, 0xF800}[p.acmod&7] | p.lfe
	const pairs = 0x0400 | 0x0200 | 0x0040 | 0x0020 | 0x0010 | 0x0004
	n := 0
	for bit := range 16 {
		if mask := uint32(1) << bit; (own|p.locations)&mask != 0 {
			n++
			if mask&pairs != 0 {
				n++
			}
		}
	}
	return n
}

func (t *eac3Track) sample(dst []byte, units [][]byte) []byte { return appendUnits(dst, units) }
