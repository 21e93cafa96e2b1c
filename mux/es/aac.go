package es

import (
	"fmt"

	"sigma/mux/flow"
)

// adtsTrack follows AAC in ADTS.
type adtsTrack struct {
	head [2]byte // what of the header makes the AudioSpecificConfig
	seen bool
}

func newADTSTrack() tracker { return new(adtsTrack) }

func (t *adtsTrack) look(units [][]byte) bool {
	if len(units) == 0 || len(units[0]) < audioHeader {
		return false
	}
	b := units[0]
	if _, ok := adtsFrame(b); !ok {
		return false
	}
	object, rate, channels := b[2]>>6+1, b[2]>>2&15, b[2]&1<<2|b[3]>>6
	head := [2]byte{object<<3 | rate>>1, rate<<7 | channels<<3}
	if t.seen && head == t.head {
		return false
	}
	t.head, t.seen = head, true
	return true
}

func (t *adtsTrack) format() (f Format, ok bool) {
	rate := int(t.head[0]&7<<1 | t.head[1]>>7)
	channels := int(t.head[1] >> 3 & 15)
	if !t.seen {
		return f, false
	}
	if channels == 7 {
		channels = 8
	}
	return Format{
		Codec: flow.CodecAAC, RFC6381: fmt.Sprintf("mp4a.40.%d", t.head[0]>>3), Record: []byte{t.head[0], t.head[1]},
		SampleRate: aacRate(rate), Channels: channels, FrameSamples: 1024,
	}, true
}

// sample takes the headers away.
func (t *adtsTrack) sample(dst []byte, units [][]byte) []byte {
	for _, b := range units {
		n := 7
		if len(b) > 1 && b[1]&1 == 0 { // with a checksum
			n = 9
		}
		if len(b) > n {
			dst = append(dst, b[n:]...)
		}
	}
	return dst
}
