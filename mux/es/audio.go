package es

import (
	"fmt"
	"strconv"

	"sigma/mux/flow"
)

// audioFrame is what the header of an audio frame says.
type audioFrame struct {
	size     int // bytes, header included
	samples  int
	rate     int    // Hz
	channels string // "stereo", "5.1"; empty if the header does not tell
	joined   bool   // belongs to the access unit of the frame before it
}

func (f audioFrame) duration() flow.Ticks {
	if f.rate <= 0 {
		return 0
	}
	return flow.Ticks(f.samples) * flow.TicksPerSecond / flow.Ticks(f.rate)
}

func (f audioFrame) String() string {
	if f.rate <= 0 {
		return ""
	}
	s := strconv.FormatFloat(float64(f.rate)/1000, 'f', -1, 64) + " kHz"
	if f.channels != "" {
		s += " " + f.channels
	}
	return s
}

// audioHeader is as many bytes as an audioParser needs at least to tell.
const audioHeader = 8

// audioParser reads the frame header that b, of at least audioHeader bytes, begins
// with. ok is false if there is none.
type audioParser func(b []byte) (f audioFrame, ok bool)

func audioDetail(parse audioParser) func([]byte) string {
	return func(head []byte) string {
		for len(head) >= audioHeader {
			if f, ok := parse(head); ok && (f.size+audioHeader > len(head) || follows(parse, head[f.size:])) {
				return f.String()
			}
			head = head[1:]
		}
		return ""
	}
}

func follows(parse audioParser, b []byte) bool {
	_, ok := parse(b)
	return ok
}

// frameCutter cuts audio into frames that lie back to back.
type frameCutter struct {
	parse audioParser
	least int // bytes that parse needs
	spans []span
	units [][]byte
	rate  int // Hz, of frames that do not say it
}

func audioCutter(parse audioParser) func() cutter {
	return func() cutter { return &frameCutter{parse: parse, least: audioHeader} }
}

// begins is always false: an audio frame says itself where it ends.
func (c *frameCutter) begins([]byte) bool { return false }

func (c *frameCutter) period(sp span) flow.Ticks { return sp.period }

func (c *frameCutter) cut(b []byte) []span {
	c.spans = c.spans[:0]
	at, damaged := 0, false
	for at+c.least <= len(b) {
		f, ok := c.parse(b[at:])
		// Out of step, a frame counts only if another one follows it.
		if ok && damaged && at+f.size+c.least <= len(b) {
			ok = follows(c.parse, b[at+f.size:])
		}
		if !ok {
			at++
			damaged = true
			continue
		}
		end := at + f.size
		if end > len(b) {
			break
		}
		if f.rate == 0 {
			f.rate = c.rate
		}
		c.rate = f.rate
		if n := len(c.spans); f.joined && n > 0 {
			c.spans[n-1].end = end
			c.spans[n-1].units = append(c.spans[n-1].units, b[at:end:end])
		} else {
			c.spans = append(c.spans, span{
				begin: at, end: end, units: c.unit(b[at:end:end]),
				period: f.duration(), access: true, damaged: damaged,
			})
		}
		at, damaged = end, false
	}
	if at < len(b) {
		c.spans = append(c.spans, span{begin: at, open: true})
	}
	return c.spans
}

// unit returns a slice of one unit, cut out of a larger one to save allocations.
func (c *frameCutter) unit(b []byte) [][]byte {
	if len(c.units) == cap(c.units) {
		c.units = make([][]byte, 0, 16)
	}
	n := len(c.units)
	c.units = append(c.units, b)
	return c.units[n : n+1 : n+1]
}

// adtsFrame reads an ADTS header (ISO/IEC 14496-3 clause 1.A.3.2).
func adtsFrame(b []byte) (f audioFrame, ok bool) {
	if b[0] != 0xFF || b[1]&0xF6 != 0xF0 {
		return f, false
	}
	f.size = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	f.rate = aacRate(int(b[2] >> 2 & 15))
	f.samples = 1024 * (int(b[6]&3) + 1)
	f.channels = aacChannels(int(b[2]&1)<<2 | int(b[3])>>6)
	return f, f.size >= 7 && f.rate > 0
}

// aacRate returns samplingFrequency of ISO/IEC 14496-3 table 1.18, 0 if reserved.
func aacRate(index int) int {
	switch index {
	case 0:
		return 96000
	case 1:
		return 88200
	case 2:
		return 64000
	case 3:
		return 48000
	case 4:
		return 44100
	case 5:
		return 32000
	case 6:
		return 24000
	case 7:
		return 22050
	case 8:
		return 16000
	case 9:
		return 12000
	case 10:
		return 11025
	case 11:
		return 8000
	case 12:
		return 7350
	}
	return 0
}

// aacChannels names channel_configuration of ISO/IEC 14496-3 table 1.19.
func aacChannels(config int) string {
	switch config {
	case 1:
		return "mono"
	case 2:
		return "stereo"
	case 3, 4, 5:
		return fmt.Sprintf("%d.0", config)
	case 6:
		return "5.1"
	case 7:
		return "7.1"
	}
	return ""
}

// loasFrame reads an AudioSyncStream header (ISO/IEC 14496-3 clause 1.7.2), and of
// the first layer of the multiplex in it the rate and the channels, if they are
// repeated in the frame. A frame has 1024 samples of the core rate.
func loasFrame(b []byte) (f audioFrame, ok bool) {
	if b[0] != 0x56 || b[1]&0xE0 != 0xE0 {
		return f, false
	}
	f.size = 3 + int(b[1]&0x1F)<<8 + int(b[2])
	f.samples = 1024
	r := bitReader{b: b[3:]}
	// useSameStreamMux 0, audioMuxVersion 0; allStreamsSameTimeFraming 1,
	// numSubFrames 0, numProgram 0, numLayer 0.
	if r.bits(2) == 0 && r.bits(14) == 0x2000 {
		object := r.bits(5)
		index := r.bits(4)
		config := r.bits(4)
		if !r.short && object != 31 {
			f.rate = aacRate(int(index))
			f.channels = aacChannels(int(config))
		}
	}
	return f, f.size > audioHeader
}

// mpegAudioFrame reads the header of MPEG-1 and MPEG-2 audio (ISO/IEC 11172-3
// clause 2.4.1.3, ISO/IEC 13818-3 clause 2.4.2.3). Free format is refused.
func mpegAudioFrame(b []byte) (f audioFrame, ok bool) {
	version, layer := b[1]>>3&3, 4-int(b[1]>>1&3) // version: 0 MPEG-2.5, 2 MPEG-2, 3 MPEG-1
	index, rate := int(b[2]>>4), b[2]>>2&3
	if b[0] != 0xFF || b[1]&0xE0 != 0xE0 || version == 1 || layer == 4 || index == 0 || index == 15 || rate == 3 {
		return f, false
	}
	f.rate = [...]int{44100, 48000, 32000}[rate]
	kbit := [...][14]int{
		{32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}[layer-1][index-1]
	f.samples = [...]int{384, 1152, 1152}[layer-1]
	if version != 3 {
		f.rate /= 2
		if version == 0 {
			f.rate /= 2
		}
		kbit = [...][14]int{
			{32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
			{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
			{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		}[layer-1][index-1]
		if layer == 3 {
			f.samples = 576
		}
	}
	pad := int(b[2] >> 1 & 1)
	if layer == 1 {
		f.size = 4 * (12*kbit*1000/f.rate + pad)
	} else {
		f.size = f.samples/8*kbit*1000/f.rate + pad
	}
	f.channels = "stereo"
	if b[3]>>6 == 3 {
		f.channels = "mono"
	}
	return f, true
}

// ac3Frame reads the synchronisation and bit stream information of AC-3 (ETSI TS
// 102 366 clause 4.3) and of E-AC-3 (annex E clause E.1.2).
func ac3Frame(b []byte) (f audioFrame, ok bool) {
	if b[0] != 0x0B || b[1] != 0x77 {
		return f, false
	}
	bsid := b[5] >> 3
	if bsid > 10 {
		return eac3Frame(b)
	}
	rate, code := b[4]>>6, int(b[4]&0x3F)
	if rate == 3 || code > 37 {
		return f, false
	}
	kbit := [...]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}[code/2]
	f.rate = [...]int{48000, 44100, 32000}[rate]
	f.samples = 1536
	f.size = kbit * 192000 / f.rate
	if rate == 1 { // whole words of 16 bits, every other code one more
		f.size = 2 * (kbit*96000/f.rate + code&1)
	}
	r := bitReader{b: b[6:]}
	acmod := r.bits(3)
	if acmod&1 != 0 && acmod != 1 {
		r.bits(2) // cmixlev
	}
	if acmod&4 != 0 {
		r.bits(2) // surmixlev
	}
	if acmod == 2 {
		r.bits(2) // dsurmod
	}
	f.channels = ac3Channels(acmod, r.bits(1) == 1)
	if bsid > 8 { // half and quarter rate
		f.rate >>= bsid - 8
	}
	return f, true
}

func eac3Frame(b []byte) (f audioFrame, ok bool) {
	if b[5]>>3 > 16 {
		return f, false
	}
	r := bitReader{b: b[2:]}
	kind, substream := r.bits(2), r.bits(3)
	f.size = 2 * (int(r.bits(11)) + 1)
	rate, blocks := r.bits(2), r.bits(2)
	if rate == 3 {
		if blocks == 3 {
			return f, false
		}
		f.rate = [...]int{24000, 22050, 16000}[blocks]
		blocks = 3
	} else {
		f.rate = [...]int{48000, 44100, 32000}[rate]
	}
	f.samples = 256 * [...]int{1, 2, 3, 6}[blocks]
	acmod := r.bits(3)
	f.channels = ac3Channels(acmod, r.bits(1) == 1)
	f.joined = kind == 1 || substream > 0
	return f, kind != 3 && f.size >= audioHeader
}

// ac3Channels names acmod of ETSI TS 102 366 table 4.3.
func ac3Channels(acmod uint32, lfe bool) string {
	n := [...]int{2, 1, 2, 3, 3, 4, 4, 5}[acmod&7]
	switch {
	case lfe:
		return fmt.Sprintf("%d.1", n)
	case acmod == 0:
		return "dual mono"
	case n == 1:
		return "mono"
	case n == 2:
		return "stereo"
	}
	return fmt.Sprintf("%d.0", n)
}
