package es

import "sigma/mux/flow"

// latmTrack follows AAC in LOAS and LATM (ISO/IEC 14496-3 clause 1.7), of one
// programme with one layer and one frame in every element, as broadcasts have it.
type latmTrack struct {
	mux latmMux
	ok  bool
}

// latmMux is what of a StreamMuxConfig counts.
type latmMux struct {
	config aacConfig
	record string // the AudioSpecificConfig
	other  int    // bits of other data in every element
}

func newLATMTrack() tracker { return new(latmTrack) }

// loasElement returns the AudioMuxElement of an AudioSyncStream.
func loasElement(b []byte) []byte {
	if len(b) <= 3 {
		return nil
	}
	return b[3:]
}

func (t *latmTrack) look(units [][]byte) bool {
	if len(units) == 0 {
		return false
	}
	r := bitReader{b: loasElement(units[0])}
	if r.bits(1) == 1 || r.short { // useSameStreamMux
		return false
	}
	m, ok := readLATMMux(&r)
	if ok == t.ok && m == t.mux {
		return false
	}
	t.mux, t.ok = m, ok
	return ok
}

// readLATMMux reads a StreamMuxConfig (table 1.42).
func readLATMMux(r *bitReader) (m latmMux, ok bool) {
	version := r.bits(1)
	if version == 1 {
		if r.bits(1) == 1 { // audioMuxVersionA is reserved
			return m, false
		}
		latmValue(r) // taraBufferFullness
	}
	if r.bits(1) == 0 || r.bits(6) != 0 || r.bits(4) != 0 || r.bits(3) != 0 {
		return m, false // times, frames, programmes, layers: one of each
	}
	end := -1
	if version == 1 {
		size := int(latmValue(r))
		end = r.at + size
	}
	begin := *r
	if m.config, ok = readAACConfig(r); !ok {
		return m, false
	}
	last := r.at
	if end >= last && end <= 8*len(r.b) {
		m.config.sync(r, end)
		last, r.at = end, end
	}
	m.record = string(copyBits(begin, last-begin.at))
	if r.bits(3) != 0 { // frameLengthType: payloads say their length
		return m, false
	}
	r.skip(8)           // latmBufferFullness
	if r.bits(1) == 1 { // otherDataPresent
		if version == 1 {
			m.other = int(latmValue(r))
		} else {
			for more := true; more && !r.short; {
				more = r.bits(1) == 1
				m.other = m.other<<8 + int(r.bits(8))
			}
		}
	}
	optional(r, 8) // crcCheckSum
	return m, !r.short && len(m.record) <= 64
}

// latmValue reads LatmGetValue.
func latmValue(r *bitReader) uint32 {
	return r.bits(8 * (int(r.bits(2)) + 1))
}

// copyBits returns n bits from where r is, filled up with zeros to whole bytes.
func copyBits(r bitReader, n int) []byte {
	var w bitWriter
	for ; n > 0; n-- {
		w.bits(r.bits(1), 1)
	}
	return w.b
}

func (t *latmTrack) format() (f Format, ok bool) {
	if !t.ok {
		return f, false
	}
	return t.mux.config.format(Format{Codec: flow.CodecAACLATM}, []byte(t.mux.record)), true
}

// sample appends the payload of each element, which may begin at any bit.
func (t *latmTrack) sample(dst []byte, units [][]byte) []byte {
	for _, u := range units {
		r := bitReader{b: loasElement(u)}
		if r.bits(1) == 0 {
			if _, ok := readLATMMux(&r); !ok {
				continue
			}
		}
		size := 0
		for !r.short { // PayloadLengthInfo
			n := int(r.bits(8))
			if size += n; n != 255 {
				break
			}
		}
		if r.at+8*size <= 8*len(r.b) {
			dst = r.appendBytes(dst, size)
		}
	}
	return dst
}
