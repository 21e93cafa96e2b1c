package dash_test

import (
	"fmt"
	"strings"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// show is a channel whose media is made up: segments of 2 s in parts of 0.5 s.
type show struct {
	timeline.Shelf
	layout  *timeline.Layout
	events  []*timeline.Event
	cues    []timeline.Cue
	window  int
	periods map[int]time.Duration // segments that begin a period, whose dates are so much later
	gaps    map[int]string        // segments without a track
	long    map[int]int           // segments of so many parts more than 4
	made    map[int]*timeline.Segment
}

var showStart = time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)

// showMedia is media time near showStart, as a timeline would make it.
const showMedia = flow.Ticks(1_795_334_790) * flow.TicksPerSecond

func video(id string, rfc string, width, height int) *timeline.Track {
	return &timeline.Track{
		ID: id, PID: 0x100, Kind: flow.KindVideo, Timescale: 90000, Init: []byte("init of " + id), InitName: "f" + id,
		Format: es.Format{Codec: flow.CodecH264, RFC6381: rfc, Width: width, Height: height, RateNum: 30000, RateDen: 1001, SARNum: 4, SARDen: 3},
	}
}

func audio(id, language string, role timeline.Role) *timeline.Track {
	return &timeline.Track{
		ID: id, PID: 0x200, Kind: flow.KindAudio, Timescale: 48000, Init: []byte("init of " + id), InitName: "f" + id,
		Language: language, Role: role, Format: es.Format{Codec: flow.CodecAAC, RFC6381: "mp4a.40.2", SampleRate: 48000, Channels: 6, FrameSamples: 1024},
	}
}

// full is two rungs with captions, another codec, three audio tracks, subtitles, and
// what cannot be packaged.
func full() *timeline.Layout {
	v := video("v1", "avc1.640028", 1440, 1080)
	v.Format.Captions, v.Format.Interlaced = []string{"CC1", "CC3", "SERVICE1"}, true
	hevc := video("v3", "hvc1.1.6.L93.B0", 1920, 1080)
	hevc.Format.Codec = flow.CodecHEVC
	return &timeline.Layout{Tracks: []*timeline.Track{
		v, video("v2", "avc1.64001f", 1280, 720), hevc,
		{ID: "v4", Kind: flow.KindVideo, Timescale: 90000, Problem: "MPEG-2 video: players of CMAF do not decode it"},
		audio("a1", "eng", timeline.RoleMain), audio("a2", "ger", timeline.RoleMain), audio("a3", "eng", timeline.RoleDescription),
		{ID: "t1", Kind: flow.KindText, Timescale: 90000, Language: "eng", Role: timeline.RoleHardOfHearing, Format: es.Format{RFC6381: "wvtt"}},
	}}
}

func newShow(l *timeline.Layout) *show {
	return &show{layout: l, window: 6, made: map[int]*timeline.Segment{}, periods: map[int]time.Duration{}, gaps: map[int]string{}, long: map[int]int{}}
}

// at shows the view when so many parts of video, and of audio and text, were made.
func (s *show) at(video, audio int) {
	v := timeline.View{TargetDuration: 2, PartTarget: 500 * time.Millisecond, Events: s.events, Rates: map[string]timeline.Rates{}}
	for i, t := range s.layout.Tracks {
		v.Rates[t.ID] = timeline.Rates{Peak: int64(3_000_000 / (i + 1))}
	}
	period := &timeline.Period{ID: "p0", Start: showStart, Media: showMedia}
	for i, from := 0, 0; from < max(video, audio); i++ {
		if d, ok := s.periods[i]; ok {
			media := showMedia + flow.Ticks(from)*flow.TicksPerSecond/2
			period = &timeline.Period{ID: fmt.Sprintf("p%d", i), Start: showStart.Add(time.Duration(from)*500*time.Millisecond + d), Media: media}
		}
		n := 4 + s.long[i]
		seg := s.segment(i, from, n, video, audio, period)
		period = seg.Period
		if seg.Done {
			v.Segments = append(v.Segments, seg)
		} else {
			v.Open = append(v.Open, seg)
		}
		from += n
	}
	if n := len(v.Segments) - s.window; n > 0 {
		v.Late, v.Segments = v.Segments[max(0, n-2):n], v.Segments[n:]
	}
	s.Show(v)
}

func (s *show) segment(i, from, parts, video, audio int, p *timeline.Period) *timeline.Segment {
	if d := s.made[i]; d != nil {
		return d
	}
	start := p.UTC(showMedia + flow.Ticks(from)*flow.TicksPerSecond/2)
	long := time.Duration(parts) * 500 * time.Millisecond
	_, broken := s.periods[i]
	seg := &timeline.Segment{Sequence: uint64(100 + i), Start: start, Independent: true, Discontinuity: broken, Layout: s.layout, Period: p, Done: true}
	if video >= from+parts {
		seg.Duration, seg.Name = long, timeline.FormatName(start, long)
	}
	for _, t := range s.layout.Tracks {
		seg.Media = append(seg.Media, s.media(t, i, from, parts, video, audio))
		seg.Done = seg.Done && seg.Media[len(seg.Media)-1].Done
	}
	if seg.Done {
		s.made[i] = seg
	}
	return seg
}

func (s *show) media(t *timeline.Track, i, from, parts, video, audio int) *timeline.Media {
	have := audio
	if t.Kind == flow.KindVideo {
		have = video
	}
	n := min(max(0, have-from), parts)
	scale := uint64(t.Timescale)
	base := uint64(showMedia/flow.TicksPerSecond)*scale + uint64(from)*scale/2
	m := &timeline.Media{Track: t, Time: base, Done: n == parts, Duration: uint64(n) * scale / 2}
	switch {
	case t.Problem != "" || s.gaps[i] == t.ID && m.Done:
		m.Done, m.Gap = true, true
		return m
	case s.gaps[i] == t.ID:
		m.Duration = 0
		return m
	case t.Kind == flow.KindText:
		for _, c := range s.cues {
			if c.Start < showMedia+flow.Ticks(from+parts)*flow.TicksPerSecond/2 && c.End > showMedia+flow.Ticks(from)*flow.TicksPerSecond/2 {
				m.Cues = append(m.Cues, c)
			}
		}
		m.Duration = uint64(parts) * scale / 2
		return m
	}
	for j := range n {
		comp := int32(0)
		if t.Kind == flow.KindVideo {
			comp = 6006
		}
		half := t.Timescale / 4
		data := fmt.Sprintf("[%s %d-%d]%s", t.ID, 100+i, j, strings.Repeat("x", 1000))
		m.Parts = append(m.Parts, &timeline.Part{
			Time: base + uint64(j)*scale/2, Duration: scale / 2, Independent: j == 0, Data: []byte(data),
			Samples: []timeline.Sample{{Duration: half, Composition: comp, Sync: j == 0}, {Duration: half, Composition: comp}},
		})
	}
	return m
}
