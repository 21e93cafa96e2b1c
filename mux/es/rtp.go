package es

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sigma/mux/flow"
)

// RTP is how a track is announced in SDP when it is sent over RTP.
type RTP struct {
	Encoding    string   // encoding name of a=rtpmap
	ClockRate   int      // Hz
	Channels    int      // of a=rtpmap; 0: not said
	PayloadType int      // static payload type of RFC 3551, -1: a dynamic one
	FMTP        []string // parameters of a=fmtp, "name=value" each
}

const dynamicType = -1

// videoClock is the clock rate of all video payload formats.
const videoClock = 90000

// RTP returns how f is announced; ok is false if there is no payload format for it.
func (f *Format) RTP() (r RTP, ok bool) {
	row := of(f.Codec)
	if row.rtp == nil {
		return r, false
	}
	return row.rtp(f), true
}

// RTPMap returns the value of a=rtpmap without the payload type: "opus/48000/2".
func (r RTP) RTPMap() string {
	s := r.Encoding + "/" + strconv.Itoa(r.ClockRate)
	if r.Channels > 0 {
		s += "/" + strconv.Itoa(r.Channels)
	}
	return s
}

// ParameterSets returns the parameter sets in the record of H.264 and HEVC, in the
// order of the record, for those who send them in the stream. They are sub-slices of
// Record. It is nil for other codecs.
func (f *Format) ParameterSets() (sets [][]byte) {
	b := f.Record
	take := func(count int) {
		for ; count > 0 && len(b) >= 2 && 2+int(b[0])<<8+int(b[1]) <= len(b); count-- {
			n := 2 + int(b[0])<<8 + int(b[1])
			sets = append(sets, b[2:n:n])
			b = b[n:]
		}
	}
	switch {
	case f.Codec == flow.CodecH264 && len(b) > 6:
		count := int(b[5] & 0x1F)
		b = b[6:]
		take(count)
		if len(b) > 0 {
			count = int(b[0])
			b = b[1:]
			take(count)
		}
	case f.Codec == flow.CodecHEVC && len(b) > 22:
		arrays := int(b[22])
		b = b[23:]
		for ; arrays > 0 && len(b) >= 3; arrays-- {
			count := int(b[1])<<8 | int(b[2])
			b = b[3:]
			take(count)
		}
	}
	return sets
}

// h264RTP follows RFC 6184 clause 8.1.
func h264RTP(f *Format) RTP {
	r := RTP{Encoding: "H264", ClockRate: videoClock, PayloadType: dynamicType, FMTP: []string{"packetization-mode=1"}}
	if len(f.Record) > 3 {
		r.FMTP = append(r.FMTP, "profile-level-id="+hex.EncodeToString(f.Record[1:4]))
	}
	if sets := f.ParameterSets(); len(sets) > 0 {
		r.FMTP = append(r.FMTP, "sprop-parameter-sets="+base64Sets(sets))
	}
	return r
}

// base64Sets returns NAL units as sprop parameters have them.
func base64Sets(sets [][]byte) string {
	list := make([]string, len(sets))
	for i, nal := range sets {
		list[i] = base64.StdEncoding.EncodeToString(nal)
	}
	return strings.Join(list, ",")
}

// hevcRTP follows RFC 7798 clause 7.1.
func hevcRTP(f *Format) RTP {
	r := RTP{Encoding: "H265", ClockRate: videoClock, PayloadType: dynamicType}
	if b := f.Record; len(b) > 12 {
		r.FMTP = append(r.FMTP,
			fmt.Sprintf("profile-space=%d", b[1]>>6), fmt.Sprintf("profile-id=%d", b[1]&0x1F), fmt.Sprintf("tier-flag=%d", b[1]>>5&1),
			fmt.Sprintf("level-id=%d", b[12]), "profile-compatibility-indicator="+hex.EncodeToString(b[2:6]),
			"interop-constraints="+hex.EncodeToString(b[6:12]), "tx-mode=SRST")
	}
	groups := make(map[byte][][]byte)
	for _, nal := range f.ParameterSets() {
		groups[hevcType(nal)] = append(groups[hevcType(nal)], nal)
	}
	for _, g := range []struct {
		kind byte
		name string
	}{{hevcVPS, "sprop-vps="}, {hevcSPS, "sprop-sps="}, {hevcPPS, "sprop-pps="}} {
		if sets := groups[g.kind]; len(sets) > 0 {
			r.FMTP = append(r.FMTP, g.name+base64Sets(sets))
		}
	}
	return r
}

// av1RTP follows RTP Payload Format For AV1, clause 7.1.
func av1RTP(f *Format) RTP {
	r := RTP{Encoding: "AV1", ClockRate: videoClock, PayloadType: dynamicType}
	if b := f.Record; len(b) > 3 {
		r.FMTP = []string{fmt.Sprintf("profile=%d", b[1]>>5), fmt.Sprintf("level-idx=%d", b[1]&0x1F), fmt.Sprintf("tier=%d", b[2]>>7)}
	}
	return r
}

// vp9RTP follows RFC 9628 clause 6.
func vp9RTP(f *Format) RTP {
	r := RTP{Encoding: "VP9", ClockRate: videoClock, PayloadType: dynamicType}
	if len(f.Record) > 4 {
		r.FMTP = []string{fmt.Sprintf("profile-id=%d", f.Record[4])}
	}
	return r
}

// mpegVideoRTP and mpegAudioRTP follow RFC 2250.
func mpegVideoRTP(*Format) RTP { return RTP{Encoding: "MPV", ClockRate: videoClock, PayloadType: 32} }
func mpegAudioRTP(*Format) RTP { return RTP{Encoding: "MPA", ClockRate: videoClock, PayloadType: 14} }

// aacRTP follows RFC 3640 clause 3.3.6, for access units without headers.
func aacRTP(f *Format) RTP {
	return RTP{
		Encoding: "mpeg4-generic", ClockRate: f.SampleRate, Channels: f.Channels, PayloadType: dynamicType,
		FMTP: []string{
			"streamtype=5", "profile-level-id=1", "mode=AAC-hbr", "sizelength=13", "indexlength=3", "indexdeltalength=3",
			"config=" + hex.EncodeToString(f.Record),
		},
	}
}

// ac3RTP follows RFC 4184, eac3RTP RFC 4598.
func ac3RTP(f *Format) RTP {
	return RTP{Encoding: "ac3", ClockRate: f.SampleRate, Channels: f.Channels, PayloadType: dynamicType}
}

func eac3RTP(f *Format) RTP {
	return RTP{Encoding: "eac3", ClockRate: f.SampleRate, Channels: f.Channels, PayloadType: dynamicType}
}

// opusRTP follows RFC 7587 clause 7: the clock rate and the channels are always these.
func opusRTP(f *Format) RTP {
	r := RTP{Encoding: "opus", ClockRate: opusRate, Channels: 2, PayloadType: dynamicType}
	switch {
	case f.Channels == 2:
		r.FMTP = []string{"sprop-stereo=1", "stereo=1"}
	case f.Channels > 2 && len(f.Record) > 12: // as browsers have it
		b := f.Record
		r.Encoding, r.Channels = "multiopus", f.Channels
		mapping := make([]string, len(b)-13)
		for i, c := range b[13:] {
			mapping[i] = strconv.Itoa(int(c))
		}
		r.FMTP = []string{"channel_mapping=" + strings.Join(mapping, ","), fmt.Sprintf("num_streams=%d", b[11]), fmt.Sprintf("coupled_streams=%d", b[12])}
	}
	return r
}

// pcmaRTP and pcmuRTP follow RFC 3551 table 4.
func pcmaRTP(*Format) RTP { return RTP{Encoding: "PCMA", ClockRate: 8000, PayloadType: 8} }
func pcmuRTP(*Format) RTP { return RTP{Encoding: "PCMU", ClockRate: 8000, PayloadType: 0} }
