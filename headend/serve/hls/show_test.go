package hls_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

const (
	showParts  = 4 // of a segment
	showPart   = 500 * time.Millisecond
	showWindow = 6
)

// show is a channel whose media is made up: segments of 2 s in parts of 0.5 s.
type show struct {
	timeline.Shelf
	layouts []*timeline.Layout // by segment; the last goes on
	breaks  map[int]bool       // segments that begin with a discontinuity
	events  []*timeline.Event
	cues    []timeline.Cue
	window  int
	made    uint64
	period  *timeline.Period
	done    map[int]*timeline.Segment
}

var showStart = time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)

// showMedia is media time near showStart, as a timeline would make it.
const showMedia = flow.Ticks(1_795_334_790) * flow.TicksPerSecond

func video(id string, codec flow.Codec, rfc string, width, height int) *timeline.Track {
	return &timeline.Track{
		ID: id, PID: flow.TrackID(0x100 + int(id[1])), Kind: flow.KindVideo, Timescale: 90000, Init: []byte("init of " + id), InitName: "f" + id,
		Format: es.Format{Codec: codec, RFC6381: rfc, Width: width, Height: height, RateNum: 30000, RateDen: 1001, SARNum: 1, SARDen: 1},
	}
}

func audio(id, language string, role timeline.Role) *timeline.Track {
	return &timeline.Track{
		ID: id, PID: flow.TrackID(0x200 + int(id[1])), Kind: flow.KindAudio, Timescale: 48000, Init: []byte("init of " + id), InitName: "f" + id,
		Language: language, Role: role, Format: es.Format{Codec: flow.CodecAAC, RFC6381: "mp4a.40.2", SampleRate: 48000, Channels: 2, FrameSamples: 1024},
	}
}

func words(id, language string) *timeline.Track {
	return &timeline.Track{ID: id, PID: flow.TrackID(0x300 + int(id[1])), Kind: flow.KindText, Timescale: 90000, Language: language}
}

// full is three rungs, three audio tracks and two subtitles.
func full() *timeline.Layout {
	v := video("v1", flow.CodecH264, "avc1.640028", 1440, 1080)
	v.Format.SARNum, v.Format.SARDen = 4, 3
	return &timeline.Layout{Tracks: []*timeline.Track{
		v, video("v2", flow.CodecH264, "avc1.64001f", 1280, 720), video("v3", flow.CodecH264, "avc1.64001e", 640, 360),
		audio("a1", "eng", timeline.RoleMain), audio("a2", "ger", timeline.RoleMain), audio("a3", "eng", timeline.RoleDescription),
		words("t1", "eng"), words("t2", "vie"),
	}}
}

// simple is one video and one audio track.
func simple() *timeline.Layout {
	return &timeline.Layout{Tracks: []*timeline.Track{video("v1", flow.CodecH264, "avc1.64001f", 1280, 720), audio("a1", "", timeline.RoleMain)}}
}

func newShow(l *timeline.Layout) *show {
	return &show{layouts: []*timeline.Layout{l}, window: showWindow, made: 1000, done: map[int]*timeline.Segment{},
		period: &timeline.Period{ID: "p", Start: showStart, Media: showMedia}}
}

func (s *show) layout(i int) *timeline.Layout { return s.layouts[min(i, len(s.layouts)-1)] }

// at shows the view when so many parts of video and of audio and text were made.
func (s *show) at(video, audio int) {
	v := timeline.View{TargetDuration: 3, PartTarget: showPart, Events: s.events, Peak: 6_000_000, Average: 5_000_000, Rates: map[string]timeline.Rates{}}
	v.Counters.Segments = s.made
	for i, t := range s.layout(1 << 20).Tracks {
		v.Rates[t.ID] = timeline.Rates{Peak: int64(3_000_000 / (i + 1)), Average: int64(2_500_000 / (i + 1))}
	}
	for i := 0; i*showParts < max(video, audio); i++ {
		seg := s.segment(i, video, audio)
		if seg.Done {
			v.Segments = append(v.Segments, seg)
		} else {
			v.Open = append(v.Open, seg)
		}
	}
	if n := len(v.Segments) - s.window; n > 0 {
		v.Late, v.Segments = v.Segments[max(0, n-2):n], v.Segments[n:]
	}
	s.Show(v)
}

func (s *show) segment(i, video, audio int) *timeline.Segment {
	if d := s.done[i]; d != nil {
		return d
	}
	l := s.layout(i)
	start := showStart.Add(time.Duration(i) * 2 * time.Second)
	seg := &timeline.Segment{Sequence: uint64(100 + i), Start: start, Discontinuity: s.breaks[i], Independent: true, Layout: l, Period: s.period, Done: true}
	for j := range i + 1 {
		if s.breaks[j] {
			seg.Breaks++
		}
	}
	if video >= (i+1)*showParts {
		seg.Duration, seg.Name = 2*time.Second, timeline.FormatName(start, 2*time.Second)
	}
	for _, t := range l.Tracks {
		n := audio
		if t.Kind == flow.KindVideo {
			n = video
		}
		n = min(max(0, n-i*showParts), showParts)
		base := uint64(showMedia/flow.TicksPerSecond)*uint64(t.Timescale) + uint64(i)*2*uint64(t.Timescale)
		m := &timeline.Media{Track: t, Time: base, Done: n == showParts, Duration: uint64(n) * uint64(t.Timescale) / 2}
		if t.Kind == flow.KindText {
			m.Cues = s.shown(i)
		} else {
			for j := range n {
				m.Parts = append(m.Parts, part(t, seg.Sequence, j, base))
			}
		}
		seg.Done = seg.Done && m.Done
		seg.Media = append(seg.Media, m)
	}
	if seg.Done {
		seg.TS = timeline.Packets{[]byte(strings.Repeat("G", flow.PacketSize*10))}
		s.done[i] = seg
	}
	return seg
}

// shown returns the cues of a segment.
func (s *show) shown(i int) (cues []timeline.Cue) {
	from := showMedia + flow.Ticks(i)*2*flow.TicksPerSecond
	for _, c := range s.cues {
		if c.Start < from+2*flow.TicksPerSecond && c.End > from {
			cues = append(cues, c)
		}
	}
	return cues
}

func part(t *timeline.Track, sequence uint64, i int, base uint64) *timeline.Part {
	head := fmt.Sprintf("[%s %d-%d]", t.ID, sequence, i)
	data := []byte(head + strings.Repeat(string('a'+rune(i)), 1000))
	return &timeline.Part{
		Time: base + uint64(i)*uint64(t.Timescale)/2, Duration: uint64(t.Timescale) / 2, Independent: i == 0 || t.Kind == flow.KindAudio, Data: data,
		Samples: []timeline.Sample{{Offset: len(head), Size: 400, Duration: t.Timescale / 4, Sync: i == 0}, {Offset: len(head) + 400, Size: 600, Duration: t.Timescale / 4}},
	}
}

// offerShow returns a handler with the show as channel tv/news.
func offerShow(s *show, cues hls.CueForm) *hls.Handler {
	c := &hls.Channel{Source: s, Cues: cues}
	return &hls.Handler{Wait: 3 * time.Second, Lookup: func(name string) *hls.Channel {
		if name == "tv/news" {
			return c
		}
		return nil
	}}
}

// list returns the playlist at a path below the channel.
func list(t testing.TB, h http.Handler, path string) string {
	t.Helper()
	r := get(t, h, "GET", "/tv/news/"+path)
	body := text(t, r)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" {
		t.Fatalf("%s: %d %s", path, r.StatusCode, body)
	}
	return body
}
