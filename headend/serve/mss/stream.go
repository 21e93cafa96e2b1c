package mss

import (
	"strconv"
	"strings"

	"sigma/headend/serve/ask"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// ref names a stream, which is a StreamIndex: all video tracks of one codec are its
// levels; every other track is a stream of its own, since nothing says that two are the
// same sound.
type ref struct {
	kind   flow.Kind
	codec  flow.Codec // of video
	number uint64     // within its kind, of what is not video
}

// Names of streams of pictures; others are called by their kind and number.
const (
	avcName  = "video"
	hevcName = "video_hevc"
)

// refOf returns the stream of a track.
func refOf(t *timeline.Track) ref {
	if t.Kind == flow.KindVideo {
		return ref{kind: t.Kind, codec: t.Format.Codec}
	}
	return ref{kind: t.Kind, number: number(t)}
}

// parseName returns the stream of a name that name has made.
func parseName(name string) (r ref, ok bool) {
	switch name {
	case avcName:
		return ref{kind: flow.KindVideo, codec: flow.CodecH264}, true
	case hevcName:
		return ref{kind: flow.KindVideo, codec: flow.CodecHEVC}, true
	}
	digits, ok := strings.CutPrefix(name, "audio")
	r.kind = flow.KindAudio
	if !ok {
		digits, ok = strings.CutPrefix(name, "text")
		r.kind = flow.KindText
	}
	n, err := strconv.ParseUint(digits, 10, 8)
	r.number = n
	return r, ok && err == nil
}

// name returns the name of the stream of packed tracks.
func (r ref) name() string {
	switch {
	case r.kind == flow.KindVideo && r.codec == flow.CodecHEVC:
		return hevcName
	case r.kind == flow.KindVideo:
		return avcName
	}
	return r.typ() + strconv.FormatUint(r.number, 10)
}

// typ returns the Type of a StreamIndex.
func (r ref) typ() string {
	switch r.kind {
	case flow.KindVideo:
		return "video"
	case flow.KindAudio:
		return "audio"
	default:
		return "text"
	}
}

// number returns the number within its kind of a track.
func number(t *timeline.Track) uint64 {
	n, _ := strconv.ParseUint(strings.TrimLeft(t.ID, "vat"), 10, 8)
	return n
}

// problem returns why a track cannot be in a manifest, empty when it can.
func problem(t *timeline.Track) string {
	switch {
	case t.Problem != "":
		return t.Problem
	case t.Kind == flow.KindText:
		return ""
	case t.Init == nil || t.Timescale == 0:
		return "it cannot be packaged"
	case fourCC(t) == "":
		return "Smooth Streaming has no name for " + t.Format.RFC6381
	case !configured(t):
		return "its codec has no configuration"
	}
	return ""
}

// fourCC returns the name of a codec in manifests (MS-SSTR clause 2.2.2.5), empty where
// it has none that clients know.
func fourCC(t *timeline.Track) string {
	switch t.Format.Codec {
	case flow.CodecH264:
		return "H264"
	case flow.CodecHEVC:
		return "HEV1" // parameter sets may be in the samples
	case flow.CodecAAC, flow.CodecAACLATM:
		switch t.Format.RFC6381 {
		case "mp4a.40.2":
			return "AACL"
		case "mp4a.40.5", "mp4a.40.29":
			return "AACH"
		}
	default:
	}
	return ""
}

// packed reports whether a track can be in a manifest.
func packed(t *timeline.Track) bool { return problem(t) == "" }

// missing says why there is no manifest of a channel.
func missing(v *timeline.View, selector string) string {
	var l *timeline.Layout
	if n := len(v.Segments); n > 0 {
		l = v.Segments[n-1].Layout
	}
	return ask.Missing("no track of the channel can be packaged", l, selector, problem)
}
