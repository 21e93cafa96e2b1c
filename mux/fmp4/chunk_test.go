package fmp4

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// pictures are 12 frames of a usual group of pictures.
func pictures() []Sample {
	all := make([]Sample, 12)
	for i := range all {
		all[i] = Sample{Size: 4000 + 100*i, Duration: 3600, Composition: int32(i%3) * 3600, Sync: i == 0}
	}
	return all
}

func total(samples []Sample) (n int) {
	for _, s := range samples {
		n += s.Size
	}
	return n
}

// A chunk of AAC: nothing is said of a sample but its size. Written by hand from
// ISO/IEC 14496-12.
func TestChunkInHex(t *testing.T) {
	c := Chunk{Sequence: 5, TrackID: 2, Time: 0x0102030405060708, Samples: []Sample{{10, 1024, 0, true}, {11, 1024, 0, true}}}
	want := strings.Join(strings.Fields(`
		0000006c 6d6f6f66
		00000010 6d666864 00000000 00000005
		00000054 74726166
		00000018 74666864 00020028 00000002 00000400 02000000
		00000014 74666474 01000000 0102030405060708
		00000020 7472756e 01000201 00000002 00000074
		0000000a 0000000b
		0000001d 6d646174`), "")
	want = strings.Replace(want, "00000020"+"7472756e", "0000001c"+"7472756e", 1)
	want = strings.Replace(want, "00000054"+"74726166", "00000050"+"74726166", 1)
	want = strings.Replace(want, "0000006c"+"6d6f6f66", "00000068"+"6d6f6f66", 1)
	want = strings.Replace(want, "00000074"+"0000000a", "00000070"+"0000000a", 1)
	if got := hex.EncodeToString(c.AppendHeader(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What all samples share is said once.
func TestChunkSaysThingsOnce(t *testing.T) {
	same := Sample{100, 1024, 0, true}
	for name, c := range map[string]struct {
		samples   []Sample
		head, run uint32
	}{
		"none":        {nil, 0, trunOffset},
		"one":         {[]Sample{same}, tfhdDuration | tfhdSize | tfhdFlags, trunOffset},
		"equal":       {[]Sample{same, same}, tfhdDuration | tfhdSize | tfhdFlags, trunOffset},
		"sizes":       {[]Sample{same, {99, 1024, 0, true}}, tfhdDuration | tfhdFlags, trunOffset | trunSize},
		"durations":   {[]Sample{same, {100, 1023, 0, true}}, tfhdSize | tfhdFlags, trunOffset | trunDuration},
		"first sync":  {[]Sample{same, {100, 1024, 0, false}, {100, 1024, 0, false}}, tfhdDuration | tfhdSize | tfhdFlags, trunOffset | trunFirstFlags},
		"other sync":  {[]Sample{same, {100, 1024, 0, false}, same}, tfhdDuration | tfhdSize, trunOffset | trunFlags},
		"second sync": {[]Sample{{100, 1024, 0, false}, same}, tfhdDuration | tfhdSize | tfhdFlags, trunOffset | trunFirstFlags},
		"shifted":     {[]Sample{same, {100, 1024, -1024, true}}, tfhdDuration | tfhdSize | tfhdFlags, trunOffset | trunComposition},
	} {
		chunk := Chunk{Sequence: 1, TrackID: 1, Samples: c.samples}
		g := fragmentOf(t, append(chunk.AppendHeader(nil), make([]byte, total(c.samples))...))
		if got := g.Moof.Traf.Tfhd.Flags &^ tfhdMoof; got != c.head {
			t.Errorf("%s: tfhd has flags %#x, want %#x", name, got, c.head)
		}
		if got := g.Moof.Traf.Trun; got.Flags != c.run || got.Version != 1 {
			t.Errorf("%s: trun has flags %#x, want %#x", name, got.Flags, c.run)
		}
		checkFragment(t, &chunk, g, nil)
	}
}

// fragmentOf decodes one fragment with mp4ff, which must write it again as it is.
func fragmentOf(t *testing.T, b []byte) *mp4.Fragment {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	f.FragEncMode = mp4.EncModeBoxTree
	var again bytes.Buffer
	if err := f.Encode(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), b) {
		t.Errorf("mp4ff writes other bytes: %s", firstDifference(again.Bytes(), b))
	}
	return f.Segments[0].Fragments[0]
}

// Random chunks are read by mp4ff and by us as they were made.
func TestRandomChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		c := Chunk{Sequence: r.Uint32(), TrackID: 1 + r.Uint32()>>1, Time: r.Uint64() >> r.IntN(30), Styp: r.IntN(2) == 0, Last: r.IntN(2) == 0}
		for range r.IntN(20) {
			s := Sample{r.IntN(50), 1000, 0, true}
			if n%2 == 0 {
				s.Duration = r.Uint32N(3)
			}
			if n%3 == 0 {
				s.Composition = r.Int32N(5) - 2
			}
			s.Sync = r.IntN(3) != 0
			c.Samples = append(c.Samples, s)
		}
		if n%5 == 0 {
			c.Producer = &Producer{NTP: r.Uint64(), Time: r.Uint64(), Flags: 24}
		}
		for range r.IntN(3) {
			c.Events = append(c.Events, Emsg{uint8(r.IntN(2)), "urn:x", "v", 90000, uint64(r.Uint32()), r.Uint32(), r.Uint32(), []byte{1, 2, 3}})
		}
		b := c.AppendHeader(nil)
		data := len(b)
		for i, s := range c.Samples {
			b = append(b, bytes.Repeat([]byte{byte(i + 1)}, s.Size)...)
		}
		checkFragment(t, &c, fragmentOf(t, b), nil)
		all, err := ParseSegment(b, nil)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d fragments, %v", len(all), err)
		}
		checkOwn(t, &c, all[0], data)
	}
}

// checkOwn compares what our reader reads of a chunk whose samples begin at data.
func checkOwn(t *testing.T, c *Chunk, f *Fragment, data int) {
	t.Helper()
	if f.Sequence != c.Sequence || len(f.Runs) != 1 || len(f.Events) != len(c.Events) || (f.Styp != nil) != c.Styp || (f.Producer != nil) != (c.Producer != nil) {
		t.Fatalf("%+v is read as %+v", c, f)
	}
	if f.Producer != nil && *f.Producer != *c.Producer {
		t.Errorf("%+v is read as %+v", c.Producer, f.Producer)
	}
	for i, e := range c.Events {
		g := f.Events[i]
		if g.Version != e.Version || g.Scheme != e.Scheme || g.Value != e.Value || g.Timescale != e.Timescale || g.Time != e.Time || g.Duration != e.Duration || g.ID != e.ID || !bytes.Equal(g.Data, e.Data) {
			t.Errorf("%+v is read as %+v", e, g)
		}
	}
	r := f.Runs[0]
	if r.TrackID != c.TrackID || !r.Timed || r.Time != c.Time || r.Description != 1 || len(r.Samples) != len(c.Samples) {
		t.Fatalf("%+v is read as %+v", c, r)
	}
	time := c.Time
	for i, s := range c.Samples {
		want := FragmentSample{data, s.Size, time, s.Duration, s.Composition, flagsOf(s.Sync)}
		if r.Samples[i] != want || r.Samples[i].Sync() != s.Sync {
			t.Errorf("sample %d is %+v, want %+v", i, r.Samples[i], want)
		}
		data += s.Size
		time += uint64(s.Duration)
	}
}

func TestLargeMdat(t *testing.T) {
	for size, header := range map[int]int{math.MaxUint32 - 8: 8, math.MaxUint32 - 7: 16} {
		half := size / 2
		c := Chunk{TrackID: 1, Samples: []Sample{{half, 1, 0, true}, {size - half, 1, 0, true}}}
		b := c.AppendHeader(nil)
		var moof int
		for x, err := range boxes(b) {
			if err == nil {
				moof = len(x.raw)
				continue
			}
		}
		n, length, err := headerOf(b[moof:])
		if err != nil || n != header || length != uint64(size+header) || len(b) != moof+header {
			t.Errorf("%d bytes: header of %d bytes says %d, %v", size, n, length, err)
		}
		at := bytes.Index(b, []byte("trun")) + 12
		if got := word(b[at:], 0); int(got) != moof+header {
			t.Errorf("%d bytes: data offset %d, want %d", size, got, moof+header)
		}
	}
}

func headerOf(b []byte) (int, uint64, error) { return header(b) }

func TestHeadersAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	c := Chunk{Sequence: 1, TrackID: 1, Time: 1 << 40, Samples: pictures(), Styp: true, Producer: &Producer{NTP: 1},
		Events: []Emsg{{Version: 1, Scheme: "urn:scte:scte35:2013:bin", Timescale: 90000, Data: make([]byte, 40)}}}
	s := SmoothChunk{Sequence: 1, TrackID: 1, Samples: pictures(), Next: []Span{{1, 2}, {3, 4}}}
	x := Index{TrackID: 1, Timescale: 90000, References: make([]Reference, 10)}
	cues := []VTTCue{{"1", "line:85%", "text"}}
	for name, f := range map[string]func(){
		"chunk":  func() { c.AppendHeader(dst) },
		"smooth": func() { s.AppendHeader(dst) },
		"sidx":   func() { _, _ = AppendSidx(dst, &x) },
		"wvtt":   func() { AppendVTTSample(dst, cues) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	// Room is made once; slices.Grow needs another one under the race detector.
	if n := testing.AllocsPerRun(100, func() { c.AppendHeader(nil) }); n > 2 {
		t.Errorf("%v allocations to make room", n)
	}
}

func BenchmarkChunk(b *testing.B) {
	dst := make([]byte, 0, 4096)
	c := Chunk{Sequence: 1, TrackID: 1, Time: 1 << 40, Samples: pictures()}
	b.ReportAllocs()
	for b.Loop() {
		c.AppendHeader(dst)
	}
}

func BenchmarkParseChunk(b *testing.B) {
	c := Chunk{Sequence: 1, TrackID: 1, Time: 1 << 40, Samples: pictures()}
	data := append(c.AppendHeader(nil), make([]byte, total(c.Samples))...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSegment(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}
