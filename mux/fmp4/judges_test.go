package fmp4

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"sigma/mux/flow"
)

// eachClip runs a test for each clip.
func eachClip(t *testing.T, run func(*testing.T, *clip)) {
	for i := range clips {
		t.Run(clips[i].name, func(t *testing.T) { run(t, &clips[i]) })
	}
}

// A file that ffmpeg writes with a moov is read as ffprobe reads it.
func TestReadsFilesOfFFmpeg(t *testing.T) {
	eachClip(t, func(t *testing.T, c *clip) {
		path := c.file(t, "plain")
		b := read(t, path)
		m, err := ReadMovie(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		checkMovie(t, c, m)
		if m.Fragmented {
			t.Error("is said to be in fragments")
		}
		table := &m.Tracks[0].Samples
		if c.name == "alaw" { // ffprobe joins samples of one byte as it likes
			checkPCM(t, table, b)
			return
		}
		want := packets(t, path)
		if table.Len() != len(want) {
			t.Fatalf("%d samples, ffprobe has %d packets", table.Len(), len(want))
		}
		for _, from := range []int{0, 1, len(want) / 2, len(want) - 1} {
			cursor := table.Cursor(from)
			for i := from; i < len(want); i++ {
				s, ok := cursor.Next()
				if i == len(want)-1 {
					s.Duration = 0
				}
				got := packet{int64(s.Time) + int64(s.Composition), int64(s.Time), int64(s.Duration), int64(s.Size), s.Offset, s.Sync, want[i].Hash}
				if !ok || got != want[i] || s.Description != 1 {
					t.Fatalf("from %d: sample %d is %+v, want %+v", from, i, got, want[i])
				}
			}
			if s, ok := cursor.Next(); ok {
				t.Errorf("a sample after the last: %+v", s)
			}
		}
		checkFind(t, table, want)
	})
}

func checkPCM(t *testing.T, table *Table, b []byte) {
	t.Helper()
	n, c := 0, table.Cursor(0)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		if s.Offset < 0 || s.Offset+int64(s.Size) > int64(len(b)) || s.Time != uint64(n) {
			t.Fatalf("sample %d is %+v", n, s)
		}
		n += s.Size
	}
	if n != 16000 {
		t.Errorf("%d bytes, want 2 s of 8 kHz", n)
	}
}

// checkFind compares the ways to find a sample with a search through all of them.
func checkFind(t *testing.T, table *Table, want []packet) {
	t.Helper()
	sync := 0
	for i, p := range want {
		if p.Sync {
			sync = i
		}
		if got := table.SyncBefore(i); got != sync {
			t.Errorf("random access point before sample %d is %d, want %d", i, got, sync)
		}
		for _, d := range []int64{0, max(p.Duration-1, 0)} {
			if got := table.Find(uint64(p.DTS + d)); got != i {
				t.Errorf("sample at %d is %d, want %d", p.DTS+d, got, i)
			}
		}
	}
	if got := table.Find(1 << 60); got != len(want)-1 {
		t.Errorf("sample at the end is %d", got)
	}
}

func checkMovie(t *testing.T, c *clip, m *Movie) {
	t.Helper()
	if len(m.Tracks) != 1 {
		t.Fatalf("%d tracks", len(m.Tracks))
	}
	k := m.Tracks[0]
	got := k.Format
	got.Record = nil
	if k.Entry != c.entry || !got.Same(&c.want) || got.Colour != c.want.Colour || got.FrameSamples != c.want.FrameSamples {
		t.Errorf("%q is %+v, want %+v", k.Entry, got, c.want)
	}
	if k.Language != "vie" && c.ext == "mp4" {
		t.Errorf("language %q", k.Language)
	}
	if (k.Kind == flow.KindVideo) != (c.want.Width > 0) {
		t.Errorf("kind %d", k.Kind)
	}
}

// rewrite makes a CMAF track of a file: what it is made of is returned as well.
func rewrite(t *testing.T, path string, base uint64, perChunk int) (head []byte, chunks [][]byte, made []Chunk) {
	t.Helper()
	b := read(t, path)
	m, err := ReadMovie(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	k := m.Tracks[0]
	if head, err = AppendInit(nil, k.Track); err != nil {
		t.Fatal(err)
	}
	cursor := k.Samples.Cursor(0)
	for n := uint32(1); ; n++ {
		c := Chunk{Sequence: n, TrackID: k.ID, Styp: n%3 == 1}
		var data []byte
		for len(c.Samples) < perChunk {
			s, ok := cursor.Next()
			if !ok {
				break
			}
			if len(c.Samples) == 0 {
				c.Time = base + s.Time
			}
			c.Samples = append(c.Samples, Sample{s.Size, s.Duration, s.Composition, s.Sync})
			data = append(data, b[s.Offset:s.Offset+int64(s.Size)]...)
		}
		if len(c.Samples) == 0 {
			return head, chunks, made
		}
		if n%2 == 0 {
			c.Producer = &Producer{NTP: 1 << 60, Time: c.Time, Flags: 24}
			c.Events = []Emsg{{Version: 1, Scheme: "urn:scte:scte35:2013:bin", Timescale: k.Timescale, Time: c.Time, ID: n, Data: []byte{0xfc}}}
		}
		chunks = append(chunks, append(c.AppendHeader(nil), data...))
		made = append(made, c)
	}
}

// What we write of the samples of a file is read by ffprobe as the file is, sample by
// sample, at a time beyond 33 bits; and it decodes to the same pictures and sounds.
func TestFFmpegReadsWhatWeWrite(t *testing.T) {
	const base = 1<<33 + 12345
	var inputs, outputs []string
	dir := t.TempDir()
	eachClip(t, func(t *testing.T, c *clip) {
		path := c.file(t, "shifted")
		per := 12
		if c.name == "alaw" {
			per = 1600
		}
		head, chunks, _ := rewrite(t, path, base, per)
		ours := filepath.Join(dir, c.name+".mp4")
		if err := os.WriteFile(ours, slices.Concat(head, slices.Concat(chunks...)), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, path := range []string{path, ours} {
			outputs = append(outputs, "-map", strconv.Itoa(len(inputs)/4), "-f", "md5", filepath.Join(dir, c.name+strconv.Itoa(i)))
			inputs = append(inputs, "-ignore_editlist", "1", "-i", path)
		}
		if c.name == "alaw" { // ffprobe joins samples of one byte as it likes
			return
		}
		want, got := packets(t, path), packets(t, ours)
		if len(got) != len(want) {
			t.Fatalf("%d packets, want %d", len(got), len(want))
		}
		for i := range want {
			want[i].PTS += base
			want[i].DTS += base
			want[i].Pos = got[i].Pos
			if got[i] != want[i] {
				t.Fatalf("packet %d is %+v, want %+v", i, got[i], want[i])
			}
		}
	})
	ffmpeg(t, slices.Concat([]string{"-xerror"}, inputs, outputs)...)
	eachClip(t, func(t *testing.T, c *clip) {
		a, b := read(t, filepath.Join(dir, c.name+"0")), read(t, filepath.Join(dir, c.name+"1"))
		if len(a) < 32 || !bytes.Equal(a, b) {
			t.Errorf("decodes to %s, the file to %s", b, a)
		}
	})
}

// mp4ff reads the same fields, and writes the same bytes of them.
func TestMP4FFReadsWhatWeWrite(t *testing.T) {
	const base = 1 << 40
	eachClip(t, func(t *testing.T, c *clip) {
		head, chunks, made := rewrite(t, c.file(t, "plain"), base, 12)
		whole := head
		for _, b := range chunks {
			whole = append(whole, b...)
		}
		f, err := mp4.DecodeFile(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		f.FragEncMode = mp4.EncModeBoxTree
		var again bytes.Buffer
		if err := f.Encode(&again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), whole) {
			t.Errorf("mp4ff writes other bytes: %s", firstDifference(again.Bytes(), whole))
		}
		n := 0
		for _, s := range f.Segments {
			for _, g := range s.Fragments {
				checkFragment(t, &made[n], g, f.Init.Moov.Mvex.Trex)
				n++
			}
		}
		if n != len(made) {
			t.Errorf("%d fragments, want %d", n, len(made))
		}
	})
}

func firstDifference(a, b []byte) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			from := max(i-16, 0)
			return hex.Dump(a[from:min(i+32, len(a))]) + "\n" + hex.Dump(b[from:min(i+32, len(b))])
		}
	}
	return "one is longer"
}

func checkFragment(t *testing.T, c *Chunk, g *mp4.Fragment, trex *mp4.TrexBox) {
	t.Helper()
	traf := g.Moof.Traf
	if g.Moof.Mfhd.SequenceNumber != c.Sequence || traf.Tfhd.TrackID != c.TrackID || traf.Tfdt.BaseMediaDecodeTime() != c.Time || !traf.Tfhd.DefaultBaseIfMoof() {
		t.Errorf("chunk %d: %+v %+v", c.Sequence, traf.Tfhd, traf.Tfdt)
	}
	if int(traf.Trun.DataOffset) != int(g.Moof.Size())+8 {
		t.Errorf("chunk %d: data offset %d, moof has %d bytes", c.Sequence, traf.Trun.DataOffset, g.Moof.Size())
	}
	full, err := g.GetFullSamples(trex)
	if err != nil || len(full) != len(c.Samples) {
		t.Fatalf("chunk %d: %d samples, %v", c.Sequence, len(full), err)
	}
	time := c.Time
	for i, s := range full {
		w := c.Samples[i]
		if int(s.Size) != w.Size || s.Dur != w.Duration || s.CompositionTimeOffset != w.Composition || s.IsSync() != w.Sync || s.DecodeTime != time {
			t.Errorf("chunk %d: sample %d is %+v, want %+v at %d", c.Sequence, i, s.Sample, w, time)
		}
		time += uint64(w.Duration)
	}
}

// Fragments of ffmpeg are read as ffprobe reads them, whatever the sizes in which
// they come.
func TestReadsFragmentsOfFFmpeg(t *testing.T) {
	eachClip(t, func(t *testing.T, c *clip) {
		if c.name == "alaw" {
			t.Skip("ffprobe joins samples of one byte as it likes")
		}
		for name := range variants {
			if name == "plain" || name == "shifted" || !c.has(name) {
				continue
			}
			path := c.file(t, name)
			b := read(t, path)
			want := packets(t, path)
			var fragments []*Fragment
			for _, size := range []int{1, 1000, len(b)} {
				fragments = decode(t, b, size, fragments)
			}
			if m := fragments[0].Movie; m == nil {
				t.Fatal("no header")
			} else {
				checkMovie(t, c, m)
			}
			got := samplesOf(t, name, b, fragments)
			if table := &fragments[0].Movie.Tracks[0].Samples; table.Len() > 0 { // the first fragment is in the moov
				got = append(tableOf(table, b), got...)
			}
			if len(got) != len(want) {
				t.Fatalf("%s: %d samples, ffprobe has %d", name, len(got), len(want))
			}
			shift := int64(0) // ffmpeg moves all, so that no offset is below zero
			for _, p := range got {
				shift = max(shift, p.DTS-p.PTS)
			}
			for i := range want {
				want[i].PTS -= shift
				if i == len(want)-1 {
					want[i].Duration = got[i].Duration
				}
				if got[i] != want[i] {
					t.Fatalf("%s: sample %d is %+v, want %+v", name, i, got[i], want[i])
				}
			}
		}
	})
}

// decode reads a stream that comes in pieces of the given size. It must be what was
// read before.
func decode(t *testing.T, b []byte, size int, before []*Fragment) []*Fragment {
	t.Helper()
	var d Decoder
	var all []*Fragment
	for len(b) > 0 {
		n := min(size, len(b))
		if _, err := d.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		for {
			f, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if f == nil {
				break
			}
			all = append(all, f)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if before != nil {
		if len(before) != len(all) {
			t.Fatalf("%d fragments in pieces of %d, %d before", len(all), size, len(before))
		}
		for i := range all {
			if !bytes.Equal(all[i].Data, before[i].Data) || all[i].Position != before[i].Position {
				t.Fatalf("fragment %d differs in pieces of %d", i, size)
			}
		}
	}
	return all
}

func samplesOf(t *testing.T, name string, b []byte, fragments []*Fragment) (all []packet) {
	t.Helper()
	for i, f := range fragments {
		if !bytes.Equal(b[f.Position:f.Position+int64(len(f.Data))], f.Data) {
			t.Fatalf("%s: fragment %d is not at %d", name, i, f.Position)
		}
		for _, r := range f.Runs {
			if !r.Timed {
				t.Errorf("%s: fragment %d has no time", name, i)
			}
			if name == "ismv" && (r.Span == nil || r.Span.Time != r.Time) {
				t.Errorf("%s: fragment %d: tfxd %+v, tfdt %d", name, i, r.Span, r.Time)
			}
			for _, s := range r.Samples {
				all = append(all, packet{
					int64(s.Time) + int64(s.Composition), int64(s.Time), int64(s.Duration), int64(s.Size),
					f.Position + int64(s.Offset), s.Sync(), hash(f.Data[s.Offset : s.Offset+s.Size]),
				})
			}
		}
	}
	return all
}

func tableOf(table *Table, b []byte) (all []packet) {
	c := table.Cursor(0)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		all = append(all, packet{int64(s.Time) + int64(s.Composition), int64(s.Time), int64(s.Duration), int64(s.Size), s.Offset, s.Sync,
			hash(b[s.Offset : s.Offset+int64(s.Size)])})
	}
	return all
}

func hash(b []byte) string {
	sum := md5.Sum(b)
	return "MD5:" + hex.EncodeToString(sum[:])
}
