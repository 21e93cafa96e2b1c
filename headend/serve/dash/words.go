package dash

import (
	"slices"
	"strconv"

	"sigma/headend/timeline"
	"sigma/mux/fmp4"
)

// textTrack is the track_ID of text.
const textTrack = 1

// shown is a cue in units of its track, cut to its segment.
type shown struct {
	from, to uint64
	cue      fmp4.VTTCue
}

// appendWords appends the CMAF segment of a text track (ISO/IEC 14496-30 clause 7): a
// sample for each time in which the same cues are shown, also for none. They cover the
// segment without holes.
func appendWords(b []byte, sequence uint32, m *timeline.Media) []byte {
	list, cuts := cuesOf(m)
	var samples []fmp4.Sample
	var body []byte
	for i := range cuts[:len(cuts)-1] {
		var now []fmp4.VTTCue
		for _, c := range list {
			if c.from <= cuts[i] && c.to > cuts[i] {
				now = append(now, c.cue)
			}
		}
		at := len(body)
		body = fmp4.AppendVTTSample(body, now)
		samples = append(samples, fmp4.Sample{Size: len(body) - at, Duration: uint32(cuts[i+1] - cuts[i]), Sync: true})
	}
	c := fmp4.Chunk{Sequence: sequence, TrackID: textTrack, Time: m.Time, Samples: samples, Styp: true}
	return append(c.AppendHeader(b), body...)
}

// cuesOf returns the cues of a segment, and where what is shown changes, with its begin
// and its end.
func cuesOf(m *timeline.Media) (list []shown, cuts []uint64) {
	first, last := m.Time, m.Time+max(m.Duration, 1)
	cuts = []uint64{first, last}
	for _, c := range m.Cues {
		from, to := max(units(max(c.Start, 0), m.Track.Timescale), first), min(units(max(c.End, 0), m.Track.Timescale), last)
		if from >= to || c.Text == "" {
			continue
		}
		list = append(list, shown{from, to, fmp4.VTTCue{Text: c.Text, Settings: settings(c)}})
		cuts = append(cuts, from, to)
	}
	slices.Sort(cuts)
	return list, slices.Compact(cuts)
}

// settings returns the cue settings of WebVTT.
func settings(c timeline.Cue) (s string) {
	if c.Line > 0 && c.Line <= 100 {
		s = "line:" + strconv.Itoa(c.Line) + "%"
	}
	if c.Align != "" {
		if s != "" {
			s += " "
		}
		s += "align:" + c.Align
	}
	return s
}
