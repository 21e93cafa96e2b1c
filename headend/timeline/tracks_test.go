package timeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
)

// file returns the CMAF of a track in segments, header first.
func file(segments []*timeline.Segment, id string) []byte {
	var b []byte
	for _, s := range segments {
		m := s.Track(id)
		if m == nil {
			continue
		}
		if b == nil {
			b = append(b, m.Track.Init...)
		}
		for _, p := range m.Parts {
			b = append(b, p.Data...)
		}
	}
	return b
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(f, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// packet is what ffprobe says of a sample.
type packet struct {
	PTS      int64  `json:"pts"`
	DTS      int64  `json:"dts"`
	Duration int64  `json:"duration"`
	Size     string `json:"size"`
	Flags    string `json:"flags"`
}

// probe returns the samples that ffprobe finds, which must do without a word.
func probe(t *testing.T, data []byte) []packet {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "warning", "-show_packets", "-of", "json", write(t, "x.mp4", data))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("ffprobe: %v\n%s", err, errs.String())
	}
	var x struct{ Packets []packet }
	if err := json.Unmarshal(out, &x); err != nil {
		t.Fatal(err)
	}
	return x.Packets
}

// checkTrack compares the samples of a track with those that ffprobe finds in its CMAF.
func checkTrack(t *testing.T, segments []*timeline.Segment, id string) {
	t.Helper()
	packets := probe(t, file(segments, id))
	n := 0
	for _, s := range segments {
		for _, p := range s.Track(id).Parts {
			at := p.Time
			for _, x := range p.Samples {
				if n >= len(packets) {
					t.Fatalf("%s: %d samples found, more expected", id, len(packets))
				}
				g := packets[n]
				if g.DTS != int64(at) || g.PTS != int64(at)+int64(x.Composition) || g.Size != strconv.Itoa(x.Size) || strings.HasPrefix(g.Flags, "K") != x.Sync {
					t.Fatalf("%s: sample %d is %+v, expected %+v at %d", id, n, g, x, at)
				}
				at += uint64(x.Duration)
				n++
			}
		}
	}
	if n != len(packets) {
		t.Errorf("%s: %d samples found, expected %d", id, len(packets), n)
	}
}

// checkMedia checks what must hold of the tracks of any run of segments: times without
// gaps in a period, parts of the right length, cut where the segments are.
func checkMedia(t *testing.T, v *timeline.View) {
	t.Helper()
	segments := slices.Concat(v.Segments, v.Open)
	for i, s := range segments {
		if s.Layout == nil || s.Period == nil || len(s.Media) != len(s.Layout.Tracks) {
			t.Fatalf("segment %d: %+v", i, s)
		}
		for k, m := range s.Media {
			if m.Track != s.Layout.Tracks[k] {
				t.Errorf("%s: media %d is of another track", s.Name, k)
			}
			at := m.Time
			for j, p := range m.Parts {
				if p.Time != at || len(p.Samples) == 0 {
					t.Errorf("%s %s: part %d at %d, expected %d", s.Name, m.Track.ID, j, p.Time, at)
				}
				at += p.Duration
				length := time.Duration(float64(p.Duration) / float64(m.Track.Timescale) * float64(time.Second))
				last := j == len(m.Parts)-1 && m.Done || lossy(m, j)
				if v.PartTarget > 0 && (length > v.PartTarget && len(p.Samples) > 1 || !last && length < v.PartTarget*85/100) {
					t.Errorf("%s %s: part %d of %d lasts %v", s.Name, m.Track.ID, j, len(m.Parts), length)
				}
				if last := p.Samples[len(p.Samples)-1]; last.Offset+last.Size != len(p.Data) {
					t.Errorf("%s %s: part %d has %d bytes, last sample %+v", s.Name, m.Track.ID, j, len(p.Data), last)
				}
			}
			if m.Track.Kind != flow.KindText && len(m.Parts) > 0 && at != m.Time+m.Duration {
				t.Errorf("%s %s: lasts %d, parts %d", s.Name, m.Track.ID, m.Duration, at-m.Time)
			}
			if i == 0 {
				continue
			}
			before := segments[i-1]
			if (before.Period != s.Period) != s.Discontinuity {
				t.Errorf("%s: discontinuity %v, period %v after %v", s.Name, s.Discontinuity, s.Period, before.Period)
			}
			if before.Layout != s.Layout && !s.Discontinuity {
				t.Errorf("%s: other tracks without discontinuity", s.Name)
			}
			if p := before.Track(m.Track.ID); before.Period == s.Period && p != nil && len(m.Parts) > 0 && m.Time != p.Time+p.Duration {
				t.Errorf("%s %s: begins at %d, %d after the end of the one before", s.Name, m.Track.ID, m.Time, int64(m.Time-p.Time-p.Duration))
			}
			if s.Independent && m.Track.Kind == flow.KindVideo && len(m.Parts) > 0 && !m.Parts[0].Independent {
				t.Errorf("%s %s does not begin with a random access point", s.Name, m.Track.ID)
			}
		}
	}
}

// lossy reports whether frames are missing after a part.
func lossy(m *timeline.Media, i int) bool {
	if i+1 == len(m.Parts) {
		return false
	}
	next := m.Parts[i+1].Samples
	return next[0].Duration > 3*m.Parts[0].Samples[0].Duration
}

func TestTracks(t *testing.T) {
	src := timelinetest.Ladder(t, 12, 25)
	for _, part := range []time.Duration{-1, 200 * time.Millisecond, 500 * time.Millisecond, time.Second} {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			v := timelinetest.Play(t, src, timelinetest.Options{PartTarget: part, Break: true}).View()
			checkMedia(t, v)
			if len(v.Segments) < 6 || len(v.Open) != 0 || v.Counters.Breaks != 0 {
				t.Fatalf("%d segments, %d open, %+v", len(v.Segments), len(v.Open), v.Counters)
			}
			var ids []string
			for _, x := range v.Segments[0].Layout.Tracks {
				ids = append(ids, x.ID+x.Language)
				if x.Init == nil || x.InitName == "" || x.Problem != "" || v.Rates[x.ID].Peak == 0 || v.Rates[x.ID].Average > v.Rates[x.ID].Peak {
					t.Errorf("%+v, %+v", x, v.Rates[x.ID])
				}
				checkTrack(t, v.Segments, x.ID)
			}
			if fmt.Sprint(ids) != "[v1 v2 v3 a1deu a2eng]" {
				t.Errorf("tracks %v", ids)
			}
			if parts := len(v.Segments[1].Media[0].Parts); part < 0 && parts != 1 || part == 500*time.Millisecond && parts < 4 {
				t.Errorf("%d parts", parts)
			}
			for _, s := range v.Segments[1:] {
				for _, m := range s.Media[1:3] {
					if m.Time != s.Media[0].Time {
						t.Errorf("%s: %s begins at %d, %s at %d", s.Name, m.Track.ID, m.Time, s.Media[0].Track.ID, s.Media[0].Time)
					}
				}
			}
		})
	}
}

// hashes returns the digests of the frames of a stream, decoded unless args say
// otherwise.
func hashes(t *testing.T, data []byte, stream string, args ...string) (sums []string) {
	t.Helper()
	all := append([]string{"-v", "error", "-i", write(t, "x", data), "-map", "0:" + stream, "-fps_mode", "passthrough"}, args...)
	out, err := exec.Command("ffmpeg", append(all, "-f", "framemd5", "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ","); len(f) >= 6 && line[0] != '#' {
			sums = append(sums, strings.TrimSpace(f[5]))
		}
	}
	return sums
}

// TestSameFrames compares what is in the segments as packets and as tracks: pictures
// decoded, sound as it is coded, because decoders of sound make noise at random.
func TestSameFrames(t *testing.T) {
	v := timelinetest.Play(t, timelinetest.Ladder(t, 12, 25), timelinetest.Options{Break: true}).View()
	for n, id := range []string{"v1", "v2", "v3"} {
		for _, run := range [][]*timeline.Segment{v.Segments, v.Segments[n+1 : n+2]} {
			a, b := hashes(t, concat(run), "v:"+strconv.Itoa(n)), hashes(t, file(run, id), "v")
			if len(a) < 50*len(run)-25 || !slices.Equal(a, b) {
				t.Errorf("%s %s: %d pictures as packets, %d as track, or not the same", run[0].Name, id, len(a), len(b))
			}
		}
	}
	a := hashes(t, concat(v.Segments), "a:0", "-c", "copy", "-bsf:a", "aac_adtstoasc")
	b := hashes(t, file(v.Segments, "a1"), "a", "-c", "copy")
	at := slices.Index(a, b[0])
	if at < 0 || len(b) < 500 || len(a) < at+len(b) || !slices.Equal(a[at:at+len(b)], b) {
		t.Errorf("%d frames of sound as packets, %d as track from %d on, or not the same: %v %v", len(a), len(b), at, a[:3], b[:3])
	}
}

// TestTwoBoxesMakeTheSame feeds two boxes with one stream, one later and with other
// delays.
func TestTwoBoxesMakeTheSame(t *testing.T) {
	items := timelinetest.Inspected(timelinetest.Ladder(t, 20, 25), 0)
	a, b := timelinetest.New(timelinetest.Options{}), timelinetest.New(timelinetest.Options{})
	timelinetest.Feed(t, a, items)
	late := slices.Clone(items[len(items)/3:])
	for i := range late {
		late[i].Arrived += time.Duration(i*7919%61) * time.Millisecond
	}
	timelinetest.Feed(t, b, late)
	va, vb := a.View(), b.View()
	checkMedia(t, va)
	checkMedia(t, vb)
	if len(vb.Segments) < 4 {
		t.Fatalf("%d segments", len(vb.Segments))
	}
	for _, s := range vb.Segments[1:] {
		o, _ := va.Find(s.Name)
		if o == nil || o.Sequence != s.Sequence {
			t.Errorf("%s %d is not in the other box", s.Name, s.Sequence)
			continue
		}
		for i, m := range s.Media {
			x := o.Media[i]
			if x.Time != m.Time || x.Duration != m.Duration || x.Track.InitName != m.Track.InitName {
				t.Errorf("%s %s: %d %d, %d %d", s.Name, m.Track.ID, x.Time, x.Duration, m.Time, m.Duration)
			}
			if !bytes.Equal(file([]*timeline.Segment{o}, x.Track.ID), file([]*timeline.Segment{s}, x.Track.ID)) {
				t.Errorf("%s %s: other bytes", s.Name, m.Track.ID)
			}
		}
	}
}

// TestPartsAppear looks at every view there is while the stream comes in.
func TestPartsAppear(t *testing.T) {
	items := timelinetest.Inspected(timelinetest.Ladder(t, 8, 25), 0)
	mem := &timelinetest.Memory{}
	tl := timelinetest.New(timelinetest.Options{Memory: mem})
	push, stop := timelinetest.Start(t, tl, len(items)+1)
	defer stop()
	seen := map[uint64]int{}
	var old *timeline.View
	views := 0
	for i := range items {
		push(items[i : i+1])
		v := tl.View()
		if v == old {
			continue
		}
		views++
		if old != nil {
			<-old.Changed()
		}
		old = v
		checkMedia(t, v)
		for _, s := range v.Open {
			n := 0
			for _, m := range s.Media {
				n += len(m.Parts)
			}
			if n < seen[s.Sequence] {
				t.Errorf("%d had %d parts, now %d", s.Sequence, seen[s.Sequence], n)
			}
			seen[s.Sequence] = n
			var saved struct{ Sequence uint64 }
			if b, _ := mem.Load("timeline/news"); json.Unmarshal(b, &saved) != nil || saved.Sequence < s.Sequence {
				t.Errorf("%d is shown, saved is %s", s.Sequence, b)
			}
		}
	}
	if views < 40 || len(seen) < 4 {
		t.Errorf("%d views, %d segments in the making", views, len(seen))
	}
}
