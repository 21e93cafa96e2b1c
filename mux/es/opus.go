package es

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"sigma/mux/flow"
)

// opusHeader is the least length of an access unit of Opus in a transport stream.
const opusHeader = 4

// opusControl is what opus_control_header says (Opus in MPEG-TS, taken over by ETSI TS
// 101 154 annex L).
type opusControl struct {
	at, size int // of the Opus packet
	trim     int // samples of 48 kHz to be dropped at its begin
}

// readOpus reads the control header that b begins with.
func readOpus(b []byte) (c opusControl, ok bool) {
	if len(b) < opusHeader || b[0] != 0x7F || b[1]&0xE0 != 0xE0 {
		return c, false
	}
	for c.at = 2; c.at < len(b); {
		n := int(b[c.at])
		c.at++
		if c.size += n; n != 0xFF {
			break
		}
	}
	if b[1]&0x10 != 0 && c.at+1 < len(b) { // start_trim_flag
		c.trim = int(b[c.at]&0x1F)<<8 | int(b[c.at+1])
		c.at += 2
	}
	if b[1]&0x08 != 0 { // end_trim_flag
		c.at += 2
	}
	if b[1]&0x04 != 0 && c.at < len(b) { // control_extension_flag
		c.at += 1 + int(b[c.at])
	}
	return c, c.size > 0 && c.at < len(b)
}

// packet returns the Opus packet of an access unit, nil if it is cut off.
func (c opusControl) packet(b []byte) []byte {
	if c.at+c.size > len(b) {
		return nil
	}
	return b[c.at : c.at+c.size]
}

// opusFrame reads an Opus access unit.
func opusFrame(b []byte) (f audioFrame, ok bool) {
	c, ok := readOpus(b)
	if !ok {
		return f, false
	}
	f.samples = int(opus.PacketDuration2(b[c.at:min(c.at+c.size, len(b))]))
	f.rate, f.size = opusRate, c.at+c.size
	f.channels = [...]string{"mono", "stereo"}[b[c.at]>>2&1]
	return f, f.samples > 0 && f.samples <= opusRate*120/1000
}

const opusRate = 48000 // of all decoders (RFC 6716)

// opusHead is what an access unit of Opus says.
type opusHead struct{ samples int }

// opusLayout is how the streams of an Opus packet make channels (RFC 7845 clause 5.1.1).
type opusLayout struct {
	channels, family, streams, coupled byte
	mapping                            string
}

// opusLayouts is indexed by channel_config_code of the Opus audio descriptor.
var opusLayouts = [...]opusLayout{
	{2, 255, 2, 0, "\x00\x01"}, // dual mono
	{1, 0, 1, 0, "\x00"},
	{2, 0, 1, 1, "\x00\x01"},
	{3, 1, 2, 1, "\x00\x02\x01"},
	{4, 1, 2, 2, "\x00\x01\x02\x03"},
	{5, 1, 3, 2, "\x00\x04\x01\x02\x03"},
	{6, 1, 4, 2, "\x00\x04\x01\x02\x03\x05"},
	{7, 1, 4, 3, "\x00\x04\x01\x02\x03\x05\x06"},
	{8, 1, 5, 3, "\x00\x06\x01\x02\x03\x04\x05\x07"},
}

// opusStereo is the channel_config_code of what a stream without descriptor is.
const opusStereo = 2

func newOpusTrack() tracker { return opusTrack(opusStereo) }

func opusTrack(config byte) tracker {
	if int(config) >= len(opusLayouts) {
		config = opusStereo
	}
	layout := opusLayouts[config]
	return &headerTrack[opusHead]{
		read: func(units [][]byte) (h opusHead, ok bool) {
			f, ok := opusFrame(units[0])
			return opusHead{f.samples}, ok
		},
		make: func(h opusHead) (Format, bool) {
			return Format{
				Codec: flow.CodecOpus, RFC6381: "opus", Record: layout.record(),
				SampleRate: opusRate, Channels: int(layout.channels), FrameSamples: h.samples,
			}, true
		},
		strip: func(dst, unit []byte) []byte {
			c, _ := readOpus(unit)
			return append(dst, c.packet(unit)...)
		},
	}
}

// record makes the body of dOps (Opus in ISOBMFF clause 4.3.2). What a decoder drops
// at the begin of a stream it has no begin of is none.
func (l *opusLayout) record() []byte {
	b := []byte{0, l.channels, 0, 0, 0, 0, opusRate >> 8, opusRate & 0xFF, 0, 0, l.family}
	if l.family == 0 {
		return b
	}
	return append(append(b, l.streams, l.coupled), l.mapping...)
}

// opusConfig returns the channel_config_code that the descriptors of a track have.
func opusConfig(info []byte) byte {
	const extOpus = 0x80
	for rest := info; len(rest) >= 2 && len(rest) >= 2+int(rest[1]); rest = rest[2+int(rest[1]):] {
		if body := rest[2 : 2+int(rest[1])]; rest[0] == tagExtension && len(body) >= 2 && body[0] == extOpus {
			return body[1]
		}
	}
	return opusStereo
}

func newOpusCutter() cutter { return &frameCutter{parse: opusFrame, least: opusHeader} }

func opusDetail(head []byte) string {
	if f, ok := opusFrame(head); ok {
		return f.String()
	}
	return ""
}
