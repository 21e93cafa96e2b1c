package timeline

import (
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/fmp4"
	"sigma/mux/psi"
)

// trackID is the track_ID of every track: each is in a file of its own.
const trackID = 1

// stream is one entry of the PMT.
type stream struct {
	flow.Track
	role Role
}

// readPMT returns the tracks that a PMT lists.
func readPMT(s psi.Section) (*flow.Layout, []stream, bool) {
	pmt, err := psi.ParsePMT(s)
	if err != nil {
		return nil, nil, false
	}
	l := &flow.Layout{}
	streams := make([]stream, 0, len(pmt.Streams))
	for _, st := range pmt.Streams {
		info, err := st.Descriptors.AppendTo(nil)
		if err != nil {
			continue
		}
		t := es.Track(st.PID, st.Type, info)
		x := stream{Track: t, role: role(t.Kind, st.Descriptors)}
		if d, ok := psi.Find[*psi.SupplementaryAudio](st.Descriptors); ok && d.Language != nil && x.Language == "" {
			x.Language = *d.Language
		}
		l.Tracks = append(l.Tracks, x.Track)
		streams = append(streams, x)
	}
	return l, streams, true
}

// role reads what the descriptors say of the purpose of a track: audio_type of ISO/IEC
// 13818-1 table 2-60, editorial_classification of EN 300 468 table 110, and the types
// of its teletext pages and subtitles.
func role(k flow.Kind, d psi.Descriptors) Role {
	if k == flow.KindAudio {
		if s, ok := psi.Find[*psi.SupplementaryAudio](d); ok {
			switch s.Classification {
			case 1:
				return RoleDescription
			case 2:
				return RoleHardOfHearing
			}
		}
		if l, ok := psi.Find[*psi.ISO639Language](d); ok && len(l.Languages) > 0 {
			switch l.Languages[0].Type {
			case 2:
				return RoleHardOfHearing
			case 3:
				return RoleDescription
			}
		}
	}
	if t, ok := psi.Find[*psi.Teletext](d); ok && len(t.Pages) > 0 && t.Pages[0].Type == 5 {
		return RoleHardOfHearing
	}
	if s, ok := psi.Find[*psi.Subtitling](d); ok && len(s.Pages) > 0 && s.Pages[0].Type>>4 == 2 {
		return RoleHardOfHearing
	}
	return RoleMain
}

// packable reports whether there is a sample entry for the codec at all.
func (l *lane) packable() bool {
	_, err := fmp4.AppendInit(nil, fmp4.Track{ID: trackID, Timescale: 1, Format: es.Format{Codec: l.stream.Codec}})
	return !errors.Is(err, fmp4.ErrCodec)
}

// compose makes the layout of the formats known now. A track that is as it was stays
// the same.
func (r *reel) compose() *Layout {
	l := &Layout{}
	var counts [flow.KindText + 1]int
	add := func(t *Track, letter string) {
		counts[t.Kind]++
		t.ID = letter + strconv.Itoa(counts[t.Kind])
		if r.tracks != nil {
			if o := r.tracks.Track(t.ID); o != nil && o.same(t) {
				t = o
			}
		}
		l.Tracks = append(l.Tracks, t)
	}
	for _, x := range r.lanes {
		t := x.track()
		for _, o := range l.Tracks {
			if t.Kind == flow.KindAudio && o.Kind == t.Kind && o.Language == t.Language && t.Role == RoleMain && o.Role == RoleMain {
				t.Role = RoleAlternate
			}
		}
		letter := "v"
		if t.Kind == flow.KindAudio {
			letter = "a"
		}
		add(t, letter)
		x.changed = false
	}
	for _, t := range r.texts.renew(r) {
		add(t, "t")
	}
	return l
}

// same reports whether two tracks differ in nothing that anybody is told.
func (t *Track) same(o *Track) bool {
	return t.PID == o.PID && t.Language == o.Language && t.Role == o.Role && t.InitName == o.InitName &&
		t.Problem == o.Problem && t.Format.Same(&o.Format) && len(t.Format.Captions) == len(o.Format.Captions)
}

// track returns the track of the lane as it is known now.
func (l *lane) track() *Track {
	s := l.stream
	t := &Track{
		PID: s.ID, Kind: s.Kind, Language: s.Language, Role: s.role,
		Format: es.Format{Codec: s.Codec}, Timescale: 90_000,
	}
	f := l.follow.Format()
	if f != nil {
		t.Format = *f
	}
	if t.Kind == flow.KindAudio && t.Format.SampleRate > 0 {
		t.Timescale = uint32(t.Format.SampleRate)
	}
	switch {
	case s.Codec == flow.CodecMPEG1Video || s.Codec == flow.CodecMPEG2Video:
		t.Problem = es.Name(s.Codec) + " video: players of CMAF do not decode it"
	case !l.packable():
		t.Problem = es.Name(s.Codec) + ": there is no form of it for CMAF"
	case f == nil && l.scrambled:
		t.Problem = "scrambled"
	case f == nil:
		t.Problem = "format unknown: none of its frames could be read so far"
	}
	if t.Problem != "" {
		return t
	}
	t.Format.Reordered = t.Format.Reordered || l.reordered
	// What is learnt of the order only after some frames must not make other bytes.
	of := t.Format
	of.Reordered = t.Kind == flow.KindVideo
	init, err := fmp4.AppendInit(nil, fmp4.Track{ID: trackID, Timescale: t.Timescale, Kind: t.Kind, Format: of, Language: t.Language})
	if err != nil {
		t.Problem = err.Error()
		return t
	}
	h := fnv.New64a()
	h.Write(init)
	t.Init, t.InitName = init, strconv.FormatUint(h.Sum64(), 36)
	return t
}

// periodID names a period by the time that the name of its first segment tells.
func periodID(name time.Duration) string {
	return "p" + strconv.FormatInt(name.Milliseconds(), 10)
}
