package hls

import (
	"slices"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/route"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// kind is a kind of playlist.
type kind uint8

const (
	kindAuto  kind = iota // multivariant: the server chooses
	kindTS                // whole transport stream segments, or some tracks of them
	kindCMAF              // CMAF segments of one track
	kindLL                // the same with parts
	kindVTT               // WebVTT segments of one text track
	kindIntra             // I-frames in transport stream segments
	kindIntraCMAF
)

// kinds are the kinds by route.Route.Form.
var kinds = map[string]kind{"": kindAuto, "ts": kindTS, "fmp4": kindCMAF, "ll": kindLL, "vtt": kindVTT, "iframes.ts": kindIntra, "iframes.fmp4": kindIntraCMAF}

// key names one playlist of a channel.
type key struct {
	multivariant bool
	kind         kind
	tracks       string // selector of the path, or of a filter; empty for all
	id           string // of the track of kinds that have one
	filtered     bool   // tracks are of a filter: the URIs must say so
	separate     bool
	skip         bool // delta update
}

// key returns the playlist that a request is for; problem says why there is none.
func (q *request) key() (k key, problem string) {
	k = key{kind: kinds[q.Route.Form], tracks: q.Route.Tracks, multivariant: q.Route.Kind == route.Multivariant}
	if k.tracks == "" && q.query.Tracks != "" {
		k.tracks, k.filtered = q.query.Tracks, true
	}
	if k.multivariant {
		k.separate = q.query.separate
		return k, ""
	}
	k.skip = q.query.skip && k.kind == kindLL
	v := q.c.Source.View()
	if k.kind != kindTS {
		if _, rest := route.NextTrack(k.tracks); k.tracks == "" || rest != "" {
			return k, "such a playlist is of one track"
		}
		k.id = k.tracks
	}
	for rest := k.tracks; rest != ""; {
		var id string
		id, rest = route.NextTrack(rest)
		if t := find(v, id); t == nil || !suits(k.kind, t) {
			return k, missing(v, k)
		}
	}
	return k, ""
}

// missing says why a playlist is not there.
func missing(v *timeline.View, k key) string {
	return ask.Missing("no track of the channel fits", layoutOf(v), k.tracks, ask.Problem)
}

// layoutOf returns the tracks of now, nil when they are not known.
func layoutOf(v *timeline.View) *timeline.Layout {
	for _, s := range slices.Backward(v.Segments) {
		if s.Layout != nil && len(s.Layout.Tracks) > 0 {
			return s.Layout
		}
	}
	return nil
}

// find returns a track that the window or what comes after it has, the newest form of
// it, or nil.
func find(v *timeline.View, id string) *timeline.Track {
	for _, part := range [][]*timeline.Segment{v.Open, v.Segments} {
		for _, s := range slices.Backward(part) {
			if s.Layout == nil {
				continue
			}
			if t := s.Layout.Track(id); t != nil {
				return t
			}
		}
	}
	return nil
}

// suits reports whether a track can be in a playlist of a kind.
func suits(k kind, t *timeline.Track) bool {
	switch k {
	case kindTS:
		return t.PID != 0 && (t.Kind == flow.KindText || fitsTS(t))
	case kindIntra:
		return t.Kind == flow.KindVideo && t.PID != 0 && fitsTS(t)
	case kindIntraCMAF:
		return t.Kind == flow.KindVideo && t.Init != nil
	case kindVTT:
		return t.Kind == flow.KindText && t.Problem == ""
	case kindCMAF, kindLL:
		return t.Kind != flow.KindText && t.Init != nil
	case kindAuto:
	}
	return false
}

// fitsTS reports whether players take the codec of a track in transport stream
// segments: HEVC and newer only in CMAF (Apple's authoring specification, 1.5).
func fitsTS(t *timeline.Track) bool {
	switch t.Format.Codec {
	case flow.CodecH264, flow.CodecMPEG1Video, flow.CodecMPEG2Video,
		flow.CodecMPEGAudio, flow.CodecAAC, flow.CodecAACLATM, flow.CodecAC3, flow.CodecEAC3:
		return true
	default:
		return false
	}
}

// automatic chooses between transport stream and CMAF segments: the first, unless a
// track needs the second.
func automatic(l *timeline.Layout) kind {
	for _, t := range l.Tracks {
		if t.Kind != flow.KindText && !fitsTS(t) && t.Init != nil {
			return kindCMAF
		}
	}
	return kindTS
}

// selected are the tracks of a multivariant playlist, by kind, in order.
type selected struct{ video, audio, text []*timeline.Track }

// selectTracks returns the tracks of a layout that suit a kind, all or those of a
// selector in its order.
func selectTracks(l *timeline.Layout, k kind, selector string) (s selected) {
	take := func(t *timeline.Track) {
		switch {
		case t == nil:
		case t.Kind == flow.KindVideo && suits(k, t) && !slices.Contains(s.video, t):
			s.video = append(s.video, t)
		case t.Kind == flow.KindAudio && suits(k, t) && !slices.Contains(s.audio, t):
			s.audio = append(s.audio, t)
		case suits(kindVTT, t) && !slices.Contains(s.text, t):
			s.text = append(s.text, t)
		}
	}
	if selector == "" {
		for _, t := range l.Tracks {
			take(t)
		}
	}
	for selector != "" {
		var id string
		id, selector = route.NextTrack(selector)
		take(l.Track(id))
	}
	return s
}

// covers reports whether a selector names every audio and video track of a layout, so
// that transport stream segments need not be cut for it.
func covers(l *timeline.Layout, selector string) bool {
	if selector == "" || l == nil {
		return true
	}
	for _, t := range l.Tracks {
		if t.Kind != flow.KindText && t.PID != 0 && !ask.Names(selector, t.ID) {
			return false
		}
	}
	return true
}
