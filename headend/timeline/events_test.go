package timeline_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

const cuePID = 0x500

// withTrack adds a track to every PMT of a capture of one programme, and after the
// packets where the clock passes a second of the stream what insert returns for it.
func withTrack(t *testing.T, src []byte, kind uint8, descriptors []byte, insert func(second int) []byte) []byte {
	t.Helper()
	var (
		out   []byte
		asm   psi.Assembler
		pmt   psi.Packetizer
		first uint64
		next  int
	)
	pmt.PID = 0x1000
	for ; len(src) >= ts.PacketSize; src = src[ts.PacketSize:] {
		p := src[:ts.PacketSize]
		if ts.PID(p) == pmt.PID {
			asm.Push(p, func(s psi.Section) {
				b := slices.Clone(s.Body())
				b = append(b, kind, 0xE0|cuePID>>8, cuePID&0xFF, 0xF0, byte(len(descriptors)))
				n, err := s.Header().Section(append(b, descriptors...))
				if err != nil {
					t.Fatal(err)
				}
				out = pmt.AppendTo(out, n)
			})
			continue
		}
		out = append(out, p...)
		if pcr, ok := ts.PCR(p); ok {
			if first == 0 {
				first = pcr
			}
			if int((pcr-first)/27_000_000) >= next {
				out = append(out, insert(next)...)
				next++
			}
		}
	}
	return out
}

// splice returns a splice_info_section around a command (SCTE 35 clause 9).
func splice(command uint8, body, descriptors []byte) psi.Section {
	s := psi.Section{0xFC, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0 | byte(len(body)>>8), byte(len(body)), command}
	s = append(s, body...)
	s = binary.BigEndian.AppendUint16(s, uint16(len(descriptors)))
	s = append(s, descriptors...)
	s[2] = byte(len(s) + 4 - 3)
	return binary.BigEndian.AppendUint32(s, psi.CRC32(s))
}

// spliceInsert returns a splice_insert; pts 0 is immediate, seconds 0 gives no
// duration.
func spliceInsert(id uint32, out bool, pts uint64, seconds int, returns bool) psi.Section {
	b := binary.BigEndian.AppendUint32(nil, id)
	flags := byte(0x4F)
	if out {
		flags |= 0x80
	}
	if pts == 0 {
		flags |= 0x10
	}
	if seconds > 0 {
		flags |= 0x20
	}
	b = append(b, 0x7F, flags)
	if pts != 0 {
		b = append(b, 0xFE|byte(pts>>32))
		b = binary.BigEndian.AppendUint32(b, uint32(pts))
	}
	if seconds > 0 {
		first := byte(0x7E)
		if returns {
			first |= 0x80
		}
		b = append(b, first)
		b = binary.BigEndian.AppendUint32(b, uint32(seconds*90_000))
	}
	return splice(5, append(b, 0, 1, 0, 0), nil)
}

func TestSpliceCues(t *testing.T) {
	src := capture(t, 24, "320x180", "0")
	// The first picture has PTS 1.48 s with this muxer: pictures of random access points
	// are a second apart.
	v := timelinetest.Play(t, src, timelinetest.Options{}).View()
	raw := v.Segments[0].Media[0]
	pts := func(second int) uint64 {
		return (raw.Time + uint64(raw.Parts[0].Samples[0].Composition) + uint64(second)*90_000) & (1<<33 - 1)
	}
	cues := psi.Packetizer{PID: cuePID}
	data := withTrack(t, src, psi.StreamSCTE35, nil, func(second int) (out []byte) {
		switch second {
		case 2, 3, 4: // announced three times, out at 7 s for 6 s, comes back by itself
			out = cues.AppendTo(out, spliceInsert(11, true, pts(7), 6, true))
		case 15:
			out = cues.AppendTo(out, spliceInsert(12, true, 0, 0, false))
		case 18:
			out = cues.AppendTo(out, spliceInsert(12, false, 0, 0, false))
		}
		return out
	})
	v = timelinetest.Play(t, data, timelinetest.Options{}).View()
	checkMedia(t, v)
	var said []string
	for _, e := range v.Events {
		at := uint64(e.Time/flow.TicksPer90k) - raw.Time - uint64(raw.Parts[0].Samples[0].Composition)
		said = append(said, fmt.Sprintf("%s %d %.2f %v", e.ID, e.Kind, float64(at)/90_000, e.Duration))
		if !slices.ContainsFunc(v.Segments, func(s *timeline.Segment) bool {
			return s.Period.UTC(flow.Ticks(s.Media[0].Time+uint64(s.Media[0].Parts[0].Samples[0].Composition))*flow.TicksPer90k).Equal(e.UTC) &&
				slices.Contains(s.Events, e)
		}) {
			t.Errorf("no segment begins at %+v", e)
		}
	}
	if len(said) != 4 || said[0] != "11 1 7.00 6s" || said[1] != "11 2 13.00 0s" || said[2][:5] != "12 1 " || said[3][:5] != "12 2 " {
		t.Errorf("%q", said)
	}
	announced := 0
	for _, s := range v.Segments {
		for _, e := range s.Events {
			if e.ID == "11" && e.Kind == timeline.EventOut && len(e.Section) > 0 {
				announced++
			}
		}
	}
	if announced != 2 {
		t.Errorf("event 11 is in %d segments, expected that where it came and that where it is", announced)
	}
	if v.Counters.Breaks != 0 {
		t.Errorf("%+v", v.Counters)
	}
}

func TestTimeSignalsAndCancel(t *testing.T) {
	src := capture(t, 24, "320x180", "0")
	cues := psi.Packetizer{PID: cuePID}
	segmentation := func(id uint32, kind byte) []byte {
		d := append([]byte("CUEI"), binary.BigEndian.AppendUint32(nil, id)...)
		d = append(d, 0x7F, 0xBF|0x40)
		d = append(d, 0, 0, 0x29, 0x32, 0xE0) // 30 s
		d = append(d, 0x09, 3, 'a', 'b', 'c', kind, 1, 1)
		return append([]byte{2, byte(len(d))}, d...)
	}
	data := withTrack(t, src, psi.StreamSCTE35, nil, func(second int) (out []byte) {
		switch second {
		case 3:
			out = cues.AppendTo(out, splice(6, []byte{0x7F}, append(segmentation(7, 0x34), segmentation(8, 0x10)...)))
		case 4: // never takes effect
			out = cues.AppendTo(out, spliceInsert(20, true, 100*90_000, 0, false))
		case 5:
			out = cues.AppendTo(out, splice(5, append(binary.BigEndian.AppendUint32(nil, 20), 0xFF), nil))
		case 6:
			out = cues.AppendTo(out, splice(0, nil, nil))
		}
		return out
	})
	v := timelinetest.Play(t, data, timelinetest.Options{}).View()
	var said []string
	for _, e := range v.Events {
		said = append(said, fmt.Sprint(e.ID, " ", e.Kind, " ", e.Duration))
	}
	slices.Sort(said)
	if fmt.Sprint(said) != "[7 1 30s 8 0 30s]" {
		t.Errorf("%q", said)
	}
}

// speaker is a decoder that says something every second, for a second and a half.
type speaker struct{ said map[flow.Ticks]bool }

func (d *speaker) Push(f flow.Item[flow.Frame], emit func(timeline.Cue)) {
	at := f.V.PTS / flow.TicksPerSecond
	if d.said[at] {
		return
	}
	d.said[at] = true
	emit(timeline.Cue{Start: f.V.PTS, Text: fmt.Sprint(at)})
	emit(timeline.Cue{Start: f.V.PTS, End: f.V.PTS + 3*flow.TicksPerSecond/2, Text: fmt.Sprint(at)})
}

func TestTexts(t *testing.T) {
	src := capture(t, 14, "320x180", "0")
	teletext := []byte{0x56, 5, 'd', 'e', 'u', 2<<3 | 1, 0x50}
	data := withTrack(t, src, psi.StreamPrivatePES, teletext, func(int) []byte { return nil })
	v := timelinetest.Play(t, data, timelinetest.Options{}).View()
	if x := v.Segments[0].Layout.Track("t1"); x == nil || x.Language != "deu" || x.Problem == "" || !v.Segments[0].Track("t1").Gap {
		t.Errorf("%+v", x)
	}
	var layouts int
	texts := func(l *flow.Layout, formats map[flow.TrackID]*es.Format) []timeline.Text {
		layouts++
		if formats[l.Tracks[0].ID].Width != 320 {
			t.Errorf("%+v", formats)
		}
		return []timeline.Text{{From: l.Tracks[0].ID, Language: "eng", Decoder: &speaker{map[flow.Ticks]bool{}}}}
	}
	v = timelinetest.Play(t, data, timelinetest.Options{Texts: texts}).View()
	checkMedia(t, v)
	if layouts != 1 || len(v.Segments) < 5 {
		t.Fatalf("%d layouts, %d segments", layouts, len(v.Segments))
	}
	var last string
	for i, s := range v.Segments {
		m := s.Track("t1")
		if m.Track.Language != "eng" || m.Track.Problem != "" || !m.Done || m.Time < s.Media[0].Time {
			t.Errorf("%s: %+v", s.Name, m)
		}
		if i > 0 && m.Time != v.Segments[i-1].Track("t1").Time+v.Segments[i-1].Track("t1").Duration {
			t.Errorf("%s: text begins at %d", s.Name, m.Time)
		}
		begin, end := flow.Ticks(m.Time)*300, flow.Ticks(m.Time+m.Duration)*300
		for _, c := range m.Cues {
			if c.End <= begin || c.Start >= end || c.End-c.Start > 3*flow.TicksPerSecond/2 {
				t.Errorf("%s: cue %+v in %d to %d", s.Name, c, begin, end)
			}
		}
		if i > 0 && (len(m.Cues) < 3 || len(m.Cues) > 4 || !slices.ContainsFunc(m.Cues, func(c timeline.Cue) bool { return c.Text == last })) {
			t.Errorf("%s: %+v", s.Name, m.Cues)
		}
		last = m.Cues[len(m.Cues)-1].Text
	}
	if x := v.Segments[0].Layout.Track("t2"); x == nil || x.Problem == "" {
		t.Errorf("%+v", x)
	}
}

func TestProblems(t *testing.T) {
	subtitles := []byte{0x59, 8, 'f', 'r', 'a', 0x20, 0, 1, 0, 1}
	src := timelinetest.Make(t, "-f", "lavfi", "-i", "testsrc2=rate=25:size=320x180", "-f", "lavfi", "-i", "sine=440",
		"-t", "8", "-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-c:a", "mp2", "-muxrate", "3000k")
	data := withTrack(t, src, psi.StreamPrivatePES, subtitles, func(int) []byte { return nil })
	v := timelinetest.Play(t, data, timelinetest.Options{}).View()
	checkMedia(t, v)
	if len(v.Segments) < 3 {
		t.Fatalf("%d segments", len(v.Segments))
	}
	for _, s := range v.Segments {
		video, sound, text := s.Track("v1"), s.Track("a1"), s.Track("t1")
		if !strings.Contains(video.Track.Problem, "MPEG-2") || video.Track.Init != nil || !video.Gap || video.Track.Format.Width != 320 {
			t.Errorf("%+v", video.Track)
		}
		if sound.Track.Problem != "" || len(sound.Parts) == 0 {
			t.Errorf("%+v", sound.Track)
		}
		if !strings.Contains(text.Track.Problem, "pictures") || text.Track.Role != timeline.RoleHardOfHearing || text.Track.Language != "fra" {
			t.Errorf("%+v", text.Track)
		}
	}
	checkTrack(t, v.Segments, "a1")
	// Scrambled after the fact: the packets stay what they are.
	for i := 0; i < len(src); i += ts.PacketSize {
		if p := src[i:]; ts.PID(p) == 0x101 {
			p[3] |= 0x80
		}
	}
	v = timelinetest.Play(t, src, timelinetest.Options{}).View()
	if x := v.Segments[0].Layout.Track("a1"); x.Problem != "scrambled" || len(v.Segments) < 3 {
		t.Errorf("%+v", x)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	tl := timelinetest.New(timelinetest.Options{SegmentCount: 100})
	tl.MaxBytes = 1_500_000
	timelinetest.Feed(t, tl, timelinetest.Inspected(capture(t, 24, "320x180", "0"), 0))
	v := tl.View()
	bytes := 0
	for _, s := range slices.Concat(v.Late, v.Segments) {
		n := s.TS.Size()
		for _, m := range s.Media {
			for _, p := range m.Parts {
				n += cap(p.Data)
			}
		}
		bytes += n
	}
	if bytes > tl.MaxBytes*11/10 || bytes < tl.MaxBytes/2 || len(v.Segments) > 8 {
		t.Errorf("%d bytes kept in %d segments, %d allowed", bytes, len(v.Segments), tl.MaxBytes)
	}
}

func TestPacketsOnly(t *testing.T) {
	tl := timelinetest.New(timelinetest.Options{})
	tl.PacketsOnly = true
	timelinetest.Feed(t, tl, timelinetest.Inspected(capture(t, 14, "320x180", "0"), 0))
	v := tl.View()
	if len(v.Segments) < 5 || len(v.Segments[0].Media) != 0 || v.Segments[0].Layout == nil || !v.Segments[0].Done {
		t.Errorf("%d segments, %+v", len(v.Segments), v.Counters)
	}
}
