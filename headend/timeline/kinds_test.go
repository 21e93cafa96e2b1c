package timeline_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// TestKindsOfProgramme plays what channels carry beside the usual.
func TestKindsOfProgramme(t *testing.T) {
	picture := []string{"-f", "lavfi", "-i", "testsrc2=rate=25:size=320x180"}
	sound := []string{"-f", "lavfi", "-i", "sine=440:sample_rate=48000"}
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-sc_threshold", "0", "-pix_fmt", "yuv420p"}
	for _, c := range []struct {
		name   string
		args   []string
		tracks string
		breaks uint64
	}{
		{"sound alone", slices.Concat(sound, []string{"-c:a", "aac"}), "a1", 0},
		{"two sounds", slices.Concat(sound, sound, []string{"-map", "0", "-map", "1", "-c:a:0", "aac", "-c:a:1", "ac3"}), "a1a2", 0},
		{"layer II at 44.1 kHz", []string{"-f", "lavfi", "-i", "sine=440:sample_rate=44100", "-c:a", "mp2"}, "a1", 0},
		{"HEVC", slices.Concat(picture, sound, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:min-keyint=25:bframes=2", "-c:a", "eac3"}), "v1a1", 0},
		{"seldom random access", slices.Concat(picture, sound, x264, []string{"-g", "1000", "-c:a", "aac"}), "v1a1", 0},
		{"fields", slices.Concat(picture, sound, x264, []string{"-g", "24", "-flags", "+ildct+ilme", "-x264opts", "tff=1", "-bf", "2", "-c:a", "aac"}), "v1a1", 0},
		{"open groups", slices.Concat(picture, sound, x264, []string{"-g", "25", "-bf", "2", "-x264opts", "open-gop=1", "-c:a", "aac"}), "v1a1", 0},
		{"29.97 Hz", slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=rate=30000/1001:size=320x180"}, sound, x264, []string{"-g", "30", "-c:a", "aac"}), "v1a1", 0},
		{"rungs not aligned", slices.Concat(picture, sound, x264, []string{
			"-filter_complex", "[0]split=2[a][b]", "-map", "[a]", "-map", "[b]", "-map", "1", "-g:v:0", "25", "-g:v:1", "35", "-bf", "2", "-c:a", "aac",
		}), "v1v2a1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := timelinetest.Make(t, append(c.args, "-t", "14")...)
			v := timelinetest.Play(t, src, timelinetest.Options{PartTarget: 200 * time.Millisecond, Break: true}).View()
			checkMedia(t, v)
			ids := ""
			for _, x := range v.Segments[0].Layout.Tracks {
				ids += x.ID
				if x.Problem != "" {
					t.Errorf("%s: %s", x.ID, x.Problem)
				}
			}
			if ids != c.tracks || v.Counters.Breaks != c.breaks || len(v.Segments) < 3 {
				t.Fatalf("%s, %d segments, %+v", ids, len(v.Segments), v.Counters)
			}
			for _, s := range v.Segments {
				for _, m := range s.Media {
					if m.Gap || len(m.Parts) == 0 {
						t.Errorf("%s %s has nothing", s.Name, m.Track.ID)
					}
				}
			}
			for _, x := range v.Segments[0].Layout.Tracks {
				checkTrack(t, v.Segments, x.ID)
				if x.Kind == flow.KindVideo {
					n, _ := strconv.Atoi(x.ID[1:])
					a, b := hashes(t, concat(v.Segments), "v:"+strconv.Itoa(n-1)), hashes(t, file(v.Segments, x.ID), "v")
					// A rung that is not aligned begins later.
					if len(b) < 290 || len(b) > len(a) || !slices.Equal(a[len(a)-len(b):], b) {
						t.Errorf("%s: %d pictures as packets, %d as track, or not the same", x.ID, len(a), len(b))
					}
				}
			}
		})
	}
}

// TestNoDecodeTimes takes the DTS away.
func TestNoDecodeTimes(t *testing.T) {
	src := slices.Clone(capture(t, 14, "320x180", "0"))
	for i := 0; i < len(src); i += ts.PacketSize {
		p := src[i : i+ts.PacketSize]
		b := ts.Payload(p)
		if ts.PID(p) == 0x100 && ts.PUSI(p) && len(b) > 19 && b[7]>>6 == 3 {
			b[7] = b[7]&0x3F | 0x80
			b[9] = b[9]&0x0F | 0x20
			for k := range 5 {
				b[14+k] = 0xFF
			}
		}
	}
	v := timelinetest.Play(t, src, timelinetest.Options{Break: true}).View()
	checkMedia(t, v)
	if len(v.Segments) < 6 || v.Counters.Breaks != 0 {
		t.Fatalf("%d segments, %+v", len(v.Segments), v.Counters)
	}
	checkTrack(t, v.Segments, "v1")
	if n := len(hashes(t, file(v.Segments, "v1"), "v")); n != 350 {
		t.Errorf("%d pictures", n)
	}
}

// TestFarBehindUTC sets the clock of the box forward while the programme goes on.
func TestFarBehindUTC(t *testing.T) {
	items := timelinetest.Inspected(capture(t, 20, "320x180", "0"), 0)
	for i := range items {
		if i > len(items)/2 {
			items[i].Arrived += 40 * time.Second
		}
	}
	tl := timelinetest.New(timelinetest.Options{})
	timelinetest.Feed(t, tl, items)
	v := tl.View()
	periods := checkPlays(t, v)
	if len(periods) != 2 || v.Counters.Breaks != 1 {
		t.Fatalf("%d periods, %+v", len(periods), v.Counters)
	}
	before, after := periods[0][len(periods[0])-1].Media[0], periods[1][0].Media[0]
	if after.Time != before.Time+before.Duration {
		t.Errorf("media time goes from %d to %d", before.Time+before.Duration, after.Time)
	}
	if d := periods[1][0].Start.Sub(periods[0][0].Start); d < 45*time.Second {
		t.Errorf("dates moved by %v", d)
	}
}
