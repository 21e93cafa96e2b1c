package fmp4

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

func TestSmooth(t *testing.T) {
	c := SmoothChunk{Sequence: 8, TrackID: 2, Span: Span{1 << 50, 20_000_000}, Samples: pictures(), Next: []Span{{1<<50 + 20_000_000, 20_000_000}, {1<<50 + 40_000_000, 19_000_000}}}
	b := c.AppendHeader(nil)
	data := len(b)
	b = append(b, make([]byte, total(c.Samples))...)
	g := fragmentOf(t, b)
	traf := g.Moof.Traf
	if traf.Tfdt != nil || traf.Tfhd.DefaultBaseIfMoof() || traf.Tfhd.TrackID != 2 || traf.Trun.Version != 0 || int(traf.Trun.DataOffset) != data {
		t.Errorf("%+v %+v %+v", traf.Tfhd, traf.Trun, traf.Tfdt)
	}
	var kinds []string
	for _, x := range traf.Children {
		kinds = append(kinds, x.Type())
	}
	if !slices.Equal(kinds, []string{"tfhd", "trun", "uuid", "uuid"}) {
		t.Errorf("boxes %v", kinds)
	}
	x, r := traf.Children[2].(*mp4.UUIDBox).Tfxd, traf.Children[3].(*mp4.UUIDBox).Tfrf
	if x.Version != 1 || x.FragmentAbsoluteTime != 1<<50 || x.FragmentAbsoluteDuration != 20_000_000 {
		t.Errorf("%+v", x)
	}
	if r.Version != 1 || r.FragmentCount != 2 || r.FragmentAbsoluteTimes[1] != 1<<50+40_000_000 || r.FragmentAbsoluteDurations[1] != 19_000_000 {
		t.Errorf("%+v", r)
	}
	all, err := ParseSegment(b, nil)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d fragments, %v", len(all), err)
	}
	run := all[0].Runs[0]
	if run.Span == nil || *run.Span != c.Span || !slices.Equal(run.Next, c.Next) || len(run.Other) != 0 {
		t.Errorf("%+v", run)
	}
	checkOwn(t, &Chunk{Sequence: 8, TrackID: 2, Time: 1 << 50, Samples: c.Samples}, all[0], data)
}

func TestSmoothWithoutLookAhead(t *testing.T) {
	samples := pictures()
	samples[3].Composition = -1
	c := SmoothChunk{TrackID: 1, Samples: samples}
	traf := fragmentOf(t, append(c.AppendHeader(nil), make([]byte, total(samples))...)).Moof.Traf
	if traf.Trun.Version != 1 || len(traf.Children) != 3 {
		t.Errorf("trun of version %d, %d boxes", traf.Trun.Version, len(traf.Children))
	}
	c.Next = make([]Span, 300)
	all, err := ParseSegment(append(c.AppendHeader(nil), make([]byte, total(samples))...), nil)
	if err != nil || len(all[0].Runs[0].Next) != 255 {
		t.Errorf("%v, %+v", err, all)
	}
}

// ffmpeg finds the samples of fragments of Smooth Streaming after a header that says
// what the manifest does.
func TestFFmpegReadsSmooth(t *testing.T) {
	c := &clips[0]
	path := c.file(t, "shifted")
	head, chunks, made := rewrite(t, path, 0, 12)
	all := [][]byte{head}
	for i, m := range made {
		n := total(m.Samples)
		s := SmoothChunk{Sequence: m.Sequence, TrackID: m.TrackID, Span: Span{Time: m.Time, Duration: 1}, Samples: m.Samples, Next: []Span{{1, 1}}}
		all = append(all, append(s.AppendHeader(nil), chunks[i][len(chunks[i])-n:]...))
	}
	ours := filepath.Join(t.TempDir(), "smooth.mp4")
	if err := os.WriteFile(ours, slices.Concat(all...), 0o600); err != nil {
		t.Fatal(err)
	}
	want, got := packets(t, path), packets(t, ours)
	for i := range want {
		want[i].Pos = got[min(i, len(got)-1)].Pos
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
