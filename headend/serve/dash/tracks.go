package dash

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"sigma/headend/serve/ask"
	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/fmp4"
)

// packed reports whether a track can be in an MPD.
func packed(t *timeline.Track) bool {
	return t.Problem == "" && t.Timescale > 0 && (t.Init != nil || t.Kind == flow.KindText)
}

// missing says why there is no MPD of a channel.
func missing(v *timeline.View, selector string) string {
	var l *timeline.Layout
	if n := len(v.Segments); n > 0 {
		l = v.Segments[n-1].Layout
	}
	return ask.Missing("no track of the channel can be packaged", l, selector, ask.Problem)
}

// number returns the number within its kind of a track.
func number(t *timeline.Track) uint64 {
	n, _ := strconv.ParseUint(strings.TrimLeft(t.ID, "vat"), 10, 32)
	return n
}

// setID returns the AdaptationSet@id of a track that is the first of its set: the same
// in all periods (clause 5.3.3.1).
func setID(t *timeline.Track) uint64 {
	switch n := number(t); t.Kind {
	case flow.KindAudio:
		return 100 + n
	case flow.KindText:
		return 200 + n
	default:
		return n
	}
}

// group puts tracks into adaptation sets: video tracks of one codec are rungs of one,
// every other track is one of its own, since nothing says that two are the same sound.
func group(tracks []*timeline.Track) (sets [][]*timeline.Track) {
	for _, t := range tracks {
		i := -1
		if t.Kind == flow.KindVideo {
			i = slices.IndexFunc(sets, func(s []*timeline.Track) bool {
				return s[0].Kind == t.Kind && s[0].Format.Codec == t.Format.Codec
			})
		}
		if i < 0 {
			sets = append(sets, []*timeline.Track{t})
			continue
		}
		sets[i] = append(sets[i], t)
	}
	return sets
}

// header returns the CMAF header of a track and its name.
func header(t *timeline.Track) (init []byte, name string) {
	if t.Kind != flow.KindText {
		return t.Init, t.InitName
	}
	init, err := fmp4.AppendInit(nil, fmp4.Track{
		ID: textTrack, Timescale: t.Timescale, Kind: t.Kind, Format: es.Format{RFC6381: "wvtt"}, Language: t.Language,
	})
	if err != nil {
		return nil, ""
	}
	h := fnv.New64a()
	h.Write(init)
	return init, strconv.FormatUint(h.Sum64(), 36)
}
