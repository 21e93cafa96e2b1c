package es

import (
	"fmt"

	"sigma/mux/flow"
)

// headerTrack follows audio whose format stands in the header of every frame. T is
// what of it makes the format.
type headerTrack[T comparable] struct {
	read   func(units [][]byte) (head T, ok bool)
	make   func(head T) (f Format, ok bool)
	strip  func(dst, frame []byte) []byte // nil: the frame is the sample
	newest T
	seen   bool
}

func (t *headerTrack[T]) look(units [][]byte) bool {
	if len(units) == 0 {
		return false
	}
	head, ok := t.read(units)
	if !ok || t.seen && head == t.newest {
		return false
	}
	t.newest, t.seen = head, true
	return true
}

func (t *headerTrack[T]) format() (f Format, ok bool) {
	if !t.seen {
		return f, false
	}
	return t.make(t.newest)
}

func (t *headerTrack[T]) sample(dst []byte, units [][]byte) []byte {
	if t.strip == nil {
		return appendUnits(dst, units)
	}
	for _, u := range units {
		dst = t.strip(dst, u)
	}
	return dst
}

// mpegAudioHead is what an MPEG audio frame header says.
type mpegAudioHead struct {
	mpeg1, mono   bool
	layer         int
	rate, samples int
}

func newMPEGAudioTrack() tracker {
	return &headerTrack[mpegAudioHead]{read: readMPEGAudio, make: makeMPEGAudio}
}

func readMPEGAudio(units [][]byte) (h mpegAudioHead, ok bool) {
	b := units[0]
	if len(b) < audioHeader {
		return h, false
	}
	f, ok := mpegAudioFrame(b)
	return mpegAudioHead{b[1]>>3&3 == 3, b[3]>>6 == 3, 4 - int(b[1]>>1&3), f.rate, f.samples}, ok
}

// makeMPEGAudio names layer III by its object type of ISO/IEC 14496-1 table 5. Layers I
// and II are named by their audio object type of ISO/IEC 14496-3, as no player that
// knows "mp4a.6B" plays them; they have an AudioSpecificConfig for it.
func makeMPEGAudio(h mpegAudioHead) (f Format, ok bool) {
	f = Format{Codec: flow.CodecMPEGAudio, SampleRate: h.rate, Channels: 2, FrameSamples: h.samples, RFC6381: "mp4a.6B"}
	if h.mono {
		f.Channels = 1
	}
	if !h.mpeg1 {
		f.RFC6381 = "mp4a.69"
	}
	if h.layer < 3 {
		object := 31 + h.layer
		f.RFC6381 = fmt.Sprintf("mp4a.40.%d", object)
		var w bitWriter
		w.bits(31, 5)
		w.bits(uint32(object-32), 6)
		w.bits(aacRateIndex(h.rate), 4)
		w.bits(uint32(f.Channels), 4)
		w.bits(0, 1) // extension of MPEG_1_2_SpecificConfig
		f.Record = w.b
	}
	return f, true
}

// ac3Head is what syncinfo and bsi of AC-3 say.
type ac3Head struct {
	rate, kbit, bsid, bsmod, acmod uint32
	lfe                            uint32
}

func newAC3Track() tracker { return &headerTrack[ac3Head]{read: readAC3, make: makeAC3} }

func readAC3(units [][]byte) (h ac3Head, ok bool) {
	b := units[0]
	if len(b) < audioHeader || b[5]>>3 > 10 {
		return h, false
	}
	if _, ok = ac3Frame(b); !ok {
		return h, false
	}
	r := bitReader{b: b[4:]}
	h.rate, h.kbit = r.bits(2), r.bits(6)>>1
	h.bsid, h.bsmod, h.acmod = r.bits(5), r.bits(3), r.bits(3)
	if h.acmod&1 != 0 && h.acmod != 1 {
		r.bits(2)
	}
	if h.acmod&4 != 0 {
		r.bits(2)
	}
	if h.acmod == 2 {
		r.bits(2)
	}
	h.lfe = r.bits(1)
	return h, !r.short
}

// makeAC3 makes the body of dac3 (ETSI TS 102 366 clause F.4).
func makeAC3(h ac3Head) (f Format, ok bool) {
	var w bitWriter
	w.bits(h.rate, 2)
	w.bits(h.bsid, 5)
	w.bits(h.bsmod, 3)
	w.bits(h.acmod, 3)
	w.bits(h.lfe, 1)
	w.bits(h.kbit, 5)
	w.bits(0, 5)
	rate := [...]int{48000, 44100, 32000, 0}[h.rate]
	if h.bsid > 8 {
		rate >>= h.bsid - 8
	}
	return Format{
		Codec: flow.CodecAC3, RFC6381: "ac-3", Record: w.b,
		SampleRate: rate, Channels: ac3ChannelCount(h.acmod, h.lfe), FrameSamples: 1536,
	}, rate > 0
}

// ac3ChannelCount counts the channels of acmod (ETSI TS 102 366 table 4.3).
func ac3ChannelCount(acmod, lfe uint32) int {
	return [...]int{2, 1, 2, 3, 3, 4, 4, 5}[acmod&7] + int(lfe)
}

// newPCMTrack follows G.711, which has no header: 8 kHz, one channel, one byte a
// sample (ITU-T G.711).
func newPCMTrack(c flow.Codec, name string) func() tracker {
	return func() tracker {
		return &headerTrack[struct{}]{
			read: func(units [][]byte) (h struct{}, ok bool) { return h, len(units[0]) > 0 },
			make: func(struct{}) (Format, bool) {
				return Format{Codec: c, RFC6381: name, SampleRate: 8000, Channels: 1}, true
			},
		}
	}
}

// bitWriter writes bits, most significant first.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

// bits appends the lower n bits of v.
func (w *bitWriter) bits(v uint32, n int) {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>n&1) << w.free
	}
}
