package es

import "sigma/mux/flow"

// adtsTrack follows AAC in ADTS, whose headers never tell of spectral band
// replication. At low rates, where it is common, the first frames are looked at for
// it; the configuration stays that of the core (implicit signalling, ISO/IEC 14496-3
// clause 1.6.5.2). That there is parametric stereo too only a descriptor tells.
type adtsTrack struct {
	head     adtsHead
	seen     bool
	hint     int // aacSBR or aacPS from the descriptors, 0: none
	looked   int // frames
	extended int // frames of them with band replication
}

// adtsHead is what of the header makes the format.
type adtsHead struct {
	object, index, channels byte
	pce                     string // program_config_element of a frame without channel configuration
}

// adtsLooked is in how many frames band replication is looked for, and adtsExtended how
// many must have it: bits that look like it are in one frame of ten by chance.
const (
	adtsLooked   = 8
	adtsExtended = 6
)

// adtsLowRate is the highest rate of a core that is doubled, as an index: 24 kHz.
const adtsLowRate = 6

func newADTSTrack() tracker { return new(adtsTrack) }

func (t *adtsTrack) look(units [][]byte) (news bool) {
	if len(units) == 0 || len(units[0]) < audioHeader {
		return false
	}
	b := units[0]
	f, ok := adtsFrame(b)
	if !ok || f.samples != 1024 || f.size > len(b) {
		return false
	}
	h := adtsHead{object: b[2]>>6 + 1, index: b[2] >> 2 & 15, channels: b[2]&1<<2 | b[3]>>6}
	body := b[adtsHeader(b):f.size]
	if h.channels == 0 {
		h.pce = adtsPCE(body)
	}
	if !t.seen || h != t.head && (h.channels != 0 || h.pce != "") {
		t.looked, t.extended = 0, 0
		t.head, t.seen, news = h, true, true
	}
	if !t.decided() {
		t.looked++
		if hasSBR(body) {
			t.extended++
		}
		news = news || t.decided()
	}
	return news
}

// adtsHeader returns the length of the header of a frame.
func adtsHeader(b []byte) int {
	n := 7
	if b[1]&1 == 0 { // with a checksum
		n = 9
	}
	return min(n, len(b))
}

// decided says that nothing is left to find out about band replication.
func (t *adtsTrack) decided() bool {
	return t.head.index < adtsLowRate || t.looked >= adtsLooked
}

// adtsPCE returns the program_config_element that a raw_data_block begins with, up to
// its padding, as one byte for each bit; empty if there is none.
func adtsPCE(body []byte) string {
	const idPCE = 5
	r := bitReader{b: body}
	if r.bits(3) != idPCE {
		return ""
	}
	end := r
	if channels := pceChannels(&end); end.short || channels == 0 {
		return ""
	}
	bits := make([]byte, 0, end.at-r.at)
	for r.at < end.at {
		bits = append(bits, byte(r.bits(1)))
	}
	return string(bits)
}

// hasSBR reports whether a raw_data_block ends with a fill element of spectral band
// replication (ISO/IEC 14496-3 clauses 4.4.1.1 and 4.4.2.7). The elements before it are
// not decoded: the one that fits exactly between its head and the end is looked for.
func hasSBR(body []byte) bool {
	if len(body) == 0 {
		return false
	}
	// The last bits are ID_END, 111, and fewer than eight of padding.
	for pad := range 8 {
		end := 8*len(body) - pad - 3
		r := bitReader{b: body, at: max(end, 0)}
		if end < 16 || r.bits(3) != 7 {
			continue
		}
		for count := 2; count < 15+254; count++ {
			head := 3 + 4
			if count >= 15 {
				head += 8
			}
			at := end - 8*count - head
			if at < 8 {
				break
			}
			if isSBRFill(bitReader{b: body, at: at}, count) {
				return true
			}
		}
	}
	return false
}

func isSBRFill(r bitReader, count int) bool {
	const idFill, extSBR, extSBRWithCRC = 6, 13, 14
	if r.bits(3) != idFill {
		return false
	}
	n := int(r.bits(4))
	if n == 15 {
		n += int(r.bits(8)) - 1
	}
	kind := r.bits(4)
	return n == count && (kind == extSBR || kind == extSBRWithCRC)
}

func (t *adtsTrack) format() (f Format, ok bool) {
	if !t.seen || !t.decided() {
		return f, false
	}
	h := t.head
	c := aacConfig{object: int(h.object), rate: aacRate(int(h.index)), channels: aacChannelCount(int(h.channels))}
	var w bitWriter
	w.bits(uint32(h.object), 5)
	w.bits(uint32(h.index), 4)
	w.bits(uint32(h.channels), 4)
	w.bits(0, 3) // GASpecificConfig: frames of 1024 samples, no core coder, no extension
	if h.channels == 0 {
		if h.pce == "" {
			return f, false // nothing says what channels there are
		}
		pce := bitReader{b: w.b, at: 8*len(w.b) - w.free}
		for _, bit := range []byte(h.pce) {
			w.bits(uint32(bit), 1)
		}
		w.bits(0, w.free+8) // padding, no comment
		pce.b = w.b
		c.channels = pceChannels(&pce)
	}
	if t.extended >= adtsExtended {
		c.extension, c.extRate = aacSBR, 2*c.rate
		if t.hint == aacPS && c.channels == 1 {
			c.extension = aacPS
		}
	}
	return c.format(Format{Codec: flow.CodecAAC}, w.b), true
}

// sample takes the headers away.
func (t *adtsTrack) sample(dst []byte, units [][]byte) []byte {
	for _, b := range units {
		if len(b) >= audioHeader {
			dst = append(dst, b[adtsHeader(b):]...)
		}
	}
	return dst
}

// aacHint returns the extension that the descriptors of a track announce: the
// MPEG-4_audio_profile_and_level of ISO/IEC 13818-1 table 2-71, in the MPEG-4 audio
// descriptor or the AAC descriptor of EN 300 468 annex H.
func aacHint(info []byte) int {
	const tagMPEG4Audio = 0x1C
	for rest := info; len(rest) >= 2 && len(rest) >= 2+int(rest[1]); rest = rest[2+int(rest[1]):] {
		if body := rest[2 : 2+int(rest[1])]; (rest[0] == tagAAC || rest[0] == tagMPEG4Audio) && len(body) > 0 {
			switch {
			case body[0] >= 0x58 && body[0] <= 0x5F:
				return aacSBR
			case body[0] >= 0x60 && body[0] <= 0x67:
				return aacPS
			}
		}
	}
	return 0
}
