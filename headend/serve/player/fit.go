package player

import (
	"slices"
	"strconv"

	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

func itoa(n int) string { return strconv.Itoa(n) }

// fitter says which protocols carry a track of a layout.
type fitter struct {
	channel *Channel
	view    *timeline.View
	layout  *timeline.Layout
	cmaf    bool // HLS is in CMAF segments
}

// reordered reports whether the pictures of a track are shown in another order than they
// come: what the newest segment has, or what the format says may be.
func (f *fitter) reordered(t *timeline.Track) bool {
	if n := len(f.view.Segments); n > 0 {
		if m := f.view.Segments[n-1].Track(t.ID); m != nil && len(m.Parts) > 0 && len(m.Parts[0].Samples) > 0 {
			first := m.Parts[0].Samples[0].Composition
			return slices.ContainsFunc(m.Parts[0].Samples, func(s timeline.Sample) bool { return s.Composition != first })
		}
	}
	return t.Format.Reordered
}

// needsCMAF reports whether a track of a layout cannot be in transport stream segments
// of HLS, but can be in CMAF ones.
func needsCMAF(l *timeline.Layout) bool {
	for _, t := range l.Tracks {
		if t.Kind != flow.KindText && !inPackets(t) && t.Init != nil {
			return true
		}
	}
	return false
}

// inPackets reports whether players of HLS take the codec of a track in transport
// stream segments.
func inPackets(t *timeline.Track) bool {
	switch t.Format.Codec {
	case flow.CodecH264, flow.CodecMPEG1Video, flow.CodecMPEG2Video,
		flow.CodecMPEGAudio, flow.CodecAAC, flow.CodecAACLATM, flow.CodecAC3, flow.CodecEAC3:
		return true
	default:
		return false
	}
}

// leftOut says why a protocol does not carry a track; empty when it does.
func (f *fitter) leftOut(protocol string, t *timeline.Track) string {
	switch protocol {
	case "hls":
		if !f.cmaf && t.Kind != flow.KindText {
			if inPackets(t) {
				return ""
			}
			return or(t.Problem, es.Name(t.Format.Codec)+" has no place in HLS")
		}
		return inCMAF(t)
	case "ll-hls", "dash", "ll-dash":
		return inCMAF(t)
	case "mss":
		return f.inSmooth(t)
	case "webrtc":
		return f.inRTP(t)
	default: // the stream as it comes
		if t.PID == 0 {
			return "it is made of captions, which the stream has in its pictures"
		}
		return ""
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func inCMAF(t *timeline.Track) string {
	if t.Problem != "" || t.Kind == flow.KindText || t.Init != nil {
		return t.Problem
	}
	return es.Name(t.Format.Codec) + " has no place in CMAF"
}

// inSmooth is for Smooth Streaming, whose clients know H.264 and AAC.
func (f *fitter) inSmooth(t *timeline.Track) string {
	if why := inCMAF(t); why != "" {
		return why
	}
	switch t.Format.Codec {
	case flow.CodecH264, flow.CodecAAC, flow.CodecAACLATM:
		return ""
	default:
		if t.Kind == flow.KindText {
			return "Smooth Streaming has no WebVTT"
		}
		return "Smooth Streaming has no " + es.Name(t.Format.Codec)
	}
}

// inRTP is for WebRTC in browsers.
func (f *fitter) inRTP(t *timeline.Track) string {
	switch t.Format.Codec {
	case flow.CodecOpus, flow.CodecPCMA, flow.CodecPCMU:
		return ""
	case flow.CodecH264, flow.CodecHEVC, flow.CodecAV1, flow.CodecVP9:
		if f.reordered(t) {
			return "it has B-frames, which browsers cannot show over WebRTC: transcode it without"
		}
		return ""
	case flow.CodecAAC, flow.CodecAACLATM, flow.CodecMPEGAudio, flow.CodecAC3, flow.CodecEAC3:
		if f.channel.Sound {
			return ""
		}
		return "it would have to be made into Opus, and there is no ffmpeg"
	default:
		if t.Kind == flow.KindText {
			return "WebRTC has no subtitles"
		}
		return es.Name(t.Format.Codec) + " is not known to browsers over WebRTC"
	}
}
