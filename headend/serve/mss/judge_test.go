package mss_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"sigma/headend/serve/mss"
	"sigma/headend/timeline"
	"sigma/headend/timeline/timelinetest"
)

// media is a client manifest (MS-SSTR clause 2.2.2).
type media struct {
	MajorVersion, MinorVersion, LookAheadFragmentCount int    `xml:",attr"`
	TimeScale, DVRWindowLength                         uint64 `xml:",attr"`
	IsLive                                             string `xml:",attr"`
	StreamIndex                                        []index
}

type index struct {
	Type, Name, Url, Language, Subtype string    `xml:",attr"`
	QualityLevels, Chunks              int       `xml:",attr"`
	MaxWidth, MaxHeight, DisplayWidth  int       `xml:",attr"`
	Level                              []quality `xml:"QualityLevel"`
	C                                  []struct {
		T uint64 `xml:"t,attr"`
		D uint64 `xml:"d,attr"`
	} `xml:"c"`
}

type quality struct {
	Index, Bitrate, MaxWidth, MaxHeight, SamplingRate, Channels int    `xml:",attr"`
	FourCC, CodecPrivateData                                    string `xml:",attr"`
}

// url returns the address of a fragment.
func (x *index) url(l *quality, at uint64) string {
	u := strings.Replace(x.Url, "{bitrate}", strconv.Itoa(l.Bitrate), 1)
	return "/tv/news.isml/" + strings.Replace(u, "{start time}", strconv.FormatUint(at, 10), 1)
}

func manifestOf(t testing.TB, h *mss.Handler, query string) *media {
	t.Helper()
	r := get(t, h, "GET", "/tv/news.isml/manifest"+query)
	b := body(t, r)
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, b)
	}
	return parse(t, b)
}

// parse reads a manifest and holds what every one must: counts that are right, times that
// rise and do not overlap, numbers that JavaScript knows, bit rates that name one level.
func parse(t testing.TB, b []byte) *media {
	t.Helper()
	m := &media{}
	if err := xml.Unmarshal(b, m); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if m.MajorVersion != 2 || m.IsLive != "TRUE" || m.TimeScale != 10_000_000 || m.LookAheadFragmentCount != 1 || m.DVRWindowLength == 0 {
		t.Errorf("%+v", m)
	}
	names := map[string]bool{}
	for _, x := range m.StreamIndex {
		if names[x.Name] || x.QualityLevels != len(x.Level) || x.Chunks != len(x.C) || len(x.C) == 0 || len(x.Level) == 0 {
			t.Errorf("%+v", x)
		}
		names[x.Name] = true
		rates := map[int]bool{}
		for i, l := range x.Level {
			if rates[l.Bitrate] || l.Index != i {
				t.Errorf("%+v", x)
			}
			rates[l.Bitrate] = true
		}
		for i, c := range x.C {
			if c.T >= 1<<53 || c.D == 0 || i > 0 && c.T < x.C[i-1].T+x.C[i-1].D {
				t.Errorf("%s: fragment %d %+v after %+v", x.Name, i, c, x.C[max(i-1, 0)])
			}
		}
	}
	return m
}

// header makes the header of a level as clients do, of the manifest alone.
func header(t *testing.T, x *index, l *quality) *mp4.InitSegment {
	t.Helper()
	private, err := hex.DecodeString(l.CodecPrivateData)
	if err != nil {
		t.Fatal(err)
	}
	init := mp4.CreateEmptyInit()
	init.AddEmptyTrack(10_000_000, x.Type, "und")
	trak := init.Moov.Trak
	if x.Type == "audio" {
		if l.FourCC != "AACL" || l.SamplingRate == 0 {
			t.Fatalf("%+v", l)
		}
		err = trak.SetAACDescriptor(private[0]>>3, l.SamplingRate)
	} else {
		var sps, pps [][]byte
		for _, nal := range bytes.Split(private, []byte{0, 0, 0, 1})[1:] {
			if nal[0]&0x1F == 7 {
				sps = append(sps, nal)
			} else {
				pps = append(pps, nal)
			}
		}
		err = trak.SetAVCDescriptor("avc1", sps, pps, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return init
}

// fragmentOf reads a fragment, checks its boxes against the manifest, and gives it the
// tfdt that clients do.
func fragmentOf(t *testing.T, b []byte, at, long, next uint64) *mp4.Fragment {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	g := f.Segments[0].Fragments[0]
	traf := g.Moof.Traf
	var kinds []string
	for _, c := range traf.Children {
		kinds = append(kinds, c.Type())
	}
	if !slices.Equal(kinds, []string{"tfhd", "trun", "uuid", "uuid"}) || len(f.Segments[0].Fragments) != 1 {
		t.Fatalf("boxes %v", kinds)
	}
	x, r := traf.Children[2].(*mp4.UUIDBox).Tfxd, traf.Children[3].(*mp4.UUIDBox).Tfrf
	if x.FragmentAbsoluteTime != at || x.FragmentAbsoluteDuration != long {
		t.Errorf("tfxd %+v, the manifest says %d of %d", x, at, long)
	}
	if r.FragmentCount != 1 || next != 0 && r.FragmentAbsoluteTimes[0] != next {
		t.Errorf("tfrf %+v, next is %d", r, next)
	}
	sum := uint64(0)
	for _, s := range traf.Trun.Samples {
		d := s.Dur
		if traf.Tfhd.HasDefaultSampleDuration() {
			d = traf.Tfhd.DefaultSampleDuration
		}
		sum += uint64(d)
	}
	if sum != long {
		t.Errorf("samples last %d, the fragment %d", sum, long)
	}
	tfdt := &mp4.TfdtBox{}
	tfdt.SetBaseMediaDecodeTime(at)
	traf.Tfdt = tfdt
	traf.Children = []mp4.Box{traf.Tfhd, tfdt, traf.Trun}
	return g
}

type packet struct {
	PTS      string `json:"pts_time"`
	Flags    string `json:"flags"`
	Duration string `json:"duration_time"`
}

// TestFragmentsDecode makes files of every level, of the manifest and its fragments alone,
// with mp4ff, and lets ffmpeg decode them: every picture and every sound is there, at the
// time that the timeline has it.
func TestFragmentsDecode(t *testing.T) {
	if _, err := exec.LookPath("ffprobe"); err != nil {
		t.Skip("needs ffprobe")
	}
	tl := timelinetest.Play(t, timelinetest.Ladder(t, 14, 25), timelinetest.Options{Texts: ticking})
	h := offer(tl)
	m := manifestOf(t, h, "")
	if len(m.StreamIndex) != 4 || len(m.StreamIndex[0].Level) != 3 || m.StreamIndex[1].Language != "deu" || m.StreamIndex[2].Language != "eng" || m.StreamIndex[3].Type != "text" {
		t.Fatalf("%+v", m)
	}
	for _, x := range m.StreamIndex[:3] {
		for _, l := range x.Level {
			init := header(t, &x, &l)
			var out bytes.Buffer
			if err := init.Encode(&out); err != nil {
				t.Fatal(err)
			}
			for i, c := range x.C {
				r := get(t, h, "GET", x.url(&l, c.T))
				b := body(t, r)
				if r.StatusCode != 200 {
					t.Fatalf("%d %s", r.StatusCode, b)
				}
				next := uint64(0)
				if i+1 < len(x.C) {
					next = x.C[i+1].T
				}
				if err := fragmentOf(t, b, c.T, c.D, next).Encode(&out); err != nil {
					t.Fatal(err)
				}
			}
			decodes(t, tl.View(), &x, &l, out.Bytes())
		}
	}
}

// decodes compares what ffmpeg sees in a file of a level with the timeline.
func decodes(t *testing.T, v *timeline.View, x *index, l *quality, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "level.mp4")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s %d: %v\n%s", x.Name, l.Bitrate, err, out)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_packets", "-of", "json", path).Output()
	var got struct{ Packets []packet }
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want []float64
	id := fmt.Sprintf("%c%d", x.Type[0], l.Bitrate%100)
	for _, s := range v.Segments[:len(v.Segments)-1] {
		m := s.Track(id)
		p := s.Period
		for _, part := range m.Parts {
			at := part.Time
			for _, sample := range part.Samples {
				shown := float64(int64(at)+int64(sample.Composition))/float64(m.Track.Timescale) - p.Media.Duration().Seconds()
				want = append(want, shown+float64(p.Start.UnixMilli()-1_577_836_800_000)/1000)
				at += uint64(sample.Duration)
			}
		}
	}
	if len(got.Packets) != len(want) || len(want) < 100 {
		t.Fatalf("%s %d: %d packets, want %d", x.Name, l.Bitrate, len(got.Packets), len(want))
	}
	for i, p := range got.Packets {
		at, err := strconv.ParseFloat(p.PTS, 64)
		if err != nil || at-want[i] > 0.002 || at-want[i] < -0.002 {
			t.Errorf("%s %d: packet %d is shown at %s, want %.6f", x.Name, l.Bitrate, i, p.PTS, want[i])
			return
		}
	}
}
