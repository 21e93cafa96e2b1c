package webrtc

import (
	"bytes"
	"slices"
	"strings"

	"sigma/mux/es"
)

const reasonReordered = "the video has pictures that leave in another order than they come (B-frames), which browsers cannot show over WebRTC: transcode it without B-frames"

// pictures is what has to be known of a video track beside its packets.
type pictures struct {
	follow *es.Follower
	format *es.Format // of sets and profile
	sets   [][]byte   // the parameter sets of H.264 and HEVC
	// profile is profile_idc and the constraint flags of H.264 in hexadecimal, empty of
	// other codecs.
	profile string
}

// take takes notice of an access unit. It returns it with the parameter sets that it
// lacks if it is a key frame, and reports whether it is one.
func (p *pictures) take(units [][]byte) (whole [][]byte, key bool) {
	p.follow.Push(units)
	if f := p.follow.Format(); f != p.format {
		p.format, p.sets, p.profile = f, f.ParameterSets(), ""
		if digits, ok := strings.CutPrefix(f.RFC6381, "avc1."); ok && len(digits) == 6 {
			p.profile = digits[:4]
		}
	}
	if !p.follow.Sync(units) {
		return units, false
	}
	var lacking [][]byte
	for _, s := range p.sets {
		if !slices.ContainsFunc(units, func(u []byte) bool { return bytes.Equal(u, s) }) {
			lacking = append(lacking, s)
		}
	}
	return append(lacking, units...), true
}
