package fmp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"sigma/mux/flow"
)

// made of boxes: a box of a kind with the given content.
func of(kind string, content ...any) []byte {
	a := appender{}
	at := a.box(kind)
	for _, c := range content {
		switch c := c.(type) {
		case []byte:
			a.bytes(c)
		case string:
			a.text(c)
		case uint8:
			a.u8(c)
		case uint16:
			a.u16(c)
		case uint32:
			a.u32(c)
		case uint64:
			a.u64(c)
		case int: // most numbers have 32 bits
			a.u32(uint32(c))
		}
	}
	a.end(at)
	return a.b
}

// movie is a moov with one track that has the given sample tables.
func movie(handler string, tables ...[]byte) []byte {
	return of("moov",
		of("mvhd", 0, 0, 0, 1000, 0),
		of("trak",
			of("tkhd", 0, 0, 0, 1),
			of("edts", of("elst", 0, 2, 500, -1, 1<<16, 1000, 2048, 1<<16)),
			of("mdia",
				of("mdhd", 0, 0, 0, 48000, 0, uint16(0x55c4)),
				of("hdlr", 0, 0, handler),
				of("minf", of("stbl", slices.Concat(tables...))))))
}

// All forms of sample tables, with rows of nothing between.
func TestTables(t *testing.T) {
	b := movie("soun",
		of("stts", 0, 4, 2, 10, 0, 99, 3, 20, 2, 0),
		of("ctts", 0, 3, 1, -5, 0, 7, 4, 5),
		of("stss", 0, 2, 1, 5),
		of("stsz", 0, 0, 7, 1, 2, 3, 4, 5, 6, 7),
		of("stsc", 0, 2, 1, 2, 1, 3, 3, 2),
		of("co64", 0, 3, uint64(100), uint64(1)<<40, uint64(300)))
	m, err := ParseMovie(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []TableSample{
		{100, 1, 0, 10, -5, true, 1}, {101, 2, 10, 10, 5, false, 1},
		{1 << 40, 3, 20, 20, 5, false, 1}, {1<<40 + 3, 4, 40, 20, 5, false, 1},
		{300, 5, 60, 20, 5, true, 2}, {305, 6, 80, 0, 0, false, 2}, {311, 7, 80, 0, 0, false, 2},
	}
	k := m.Tracks[0]
	for from := range 8 {
		c := k.Samples.Cursor(from)
		for i := from; i < 7; i++ {
			if s, ok := c.Next(); !ok || s != want[i] {
				t.Errorf("from %d: sample %d is %+v, want %+v", from, i, s, want[i])
			}
		}
		if _, ok := c.Next(); ok {
			t.Errorf("from %d: one too many", from)
		}
	}
	for time, want := range map[uint64]int{0: 0, 9: 0, 10: 1, 20: 2, 79: 4, 80: 6, 1 << 63: 6} {
		if got := k.Samples.Find(time); got != want {
			t.Errorf("sample at %d is %d, want %d", time, got, want)
		}
	}
	for n, want := range []int{0, 0, 0, 0, 4, 4, 4} {
		if got := k.Samples.SyncBefore(n); got != want {
			t.Errorf("random access point before %d is %d, want %d", n, got, want)
		}
	}
	if k.Start != 2048-24000 || k.Language != "" || k.Kind != flow.KindAudio {
		t.Errorf("%+v", k)
	}
	if n := new(Table).Find(5); n != -1 {
		t.Errorf("found sample %d of none", n)
	}
}

func TestCompactSizes(t *testing.T) {
	for bits, sizes := range map[int][]byte{4: {0x12, 0x30}, 8: {1, 2, 3}, 16: {0, 1, 0, 2, 0, 3}} {
		m, err := ParseMovie(movie("soun", of("stts", 0, 1, 3, 1), of("stsc", 0, 1, 1, 3, 1), of("stco", 0, 1, 10), of("stz2", 0, bits, 3, sizes)))
		if err != nil {
			t.Fatal(err)
		}
		c := m.Tracks[0].Samples.Cursor(0)
		for i := range 3 {
			if s, _ := c.Next(); s.Size != i+1 || s.Offset != 10+int64(i*(i+1)/2) || !s.Sync {
				t.Errorf("%d bits: %+v", bits, s)
			}
		}
	}
}

func TestRefusedMovies(t *testing.T) {
	good := [][]byte{of("stts", 0, 1, 3, 1), of("stsc", 0, 1, 1, 3, 1), of("stco", 0, 1, 10), of("stsz", 0, 5, 3)}
	with := func(i int, b []byte) []byte {
		x := slices.Clone(good)
		x[i] = b
		return movie("soun", x...)
	}
	if _, err := ParseMovie(movie("soun", good...)); err != nil {
		t.Fatal(err)
	}
	entry := of("stsd", 0, 1, of("mp4a", bytes.Repeat([]byte{0}, 28)))
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":             {nil, ErrNoMovie},
		"no moov":             {of("ftyp", "isom", 0), ErrNoMovie},
		"half a box":          {movie("soun")[:40], ErrShort},
		"box of 4 bytes":      {[]byte("\x00\x00\x00\x04moov"), ErrBox},
		"box of 64 bits":      {[]byte("\x00\x00\x00\x01moov\x00\x00\x00\x00\x00\x00\x00\x05"), ErrBox},
		"too few times":       {with(0, of("stts", 0, 1, 2, 1)), ErrBox},
		"too few places":      {with(1, of("stsc", 0, 1, 1, 2, 1)), ErrBox},
		"chunk 0":             {with(1, of("stsc", 0, 1, 0, 3, 1)), ErrBox},
		"chunks beyond":       {with(1, of("stsc", 0, 2, 1, 3, 1, 9, 3, 1)), ErrBox},
		"chunks of none":      {with(1, of("stsc", 0, 1, 1, 0, 1)), ErrBox},
		"stts of 2^32-1":      {with(0, of("stts", 0, -1, 3, 1)), ErrShort},
		"stco of 2^32-1":      {with(2, of("stco", 0, -1, 3)), ErrShort},
		"stsz of 2^32-1":      {with(3, of("stsz", 0, 0, -1, 3)), ErrShort},
		"stz2 of 2^32-1":      {with(3, of("stz2", 0, 4, -1, 3)), ErrShort},
		"stz2 of 5 bits":      {with(3, of("stz2", 0, 5, 1, 3)), ErrBox},
		"2^32-1 of one size":  {with(3, of("stsz", 0, 5, -1)), ErrBox},
		"no timescale":        {of("moov", of("mvhd", 0, 0, 0, 0, 0)), ErrBox},
		"no mvhd":             {of("moov"), ErrBox},
		"no tkhd":             {of("moov", of("mvhd", 0, 0, 0, 1, 0), of("trak")), ErrBox},
		"short entry":         {movie("soun", of("stsd", 0, 1, of("mp4a", 0, 0))), ErrShort},
		"entries without end": {movie("soun", of("stsd", 0, 1, slices.Concat(slices.Repeat([][]byte{entry[16:]}, 20)...))), ErrBox},
	} {
		if _, err := ParseMovie(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Every header cut short anywhere is refused or read, and nothing else.
func TestTruncated(t *testing.T) {
	whole := slices.Concat(of("ftyp", "isom", 0), movie("soun", of("stsd", 0, 1), of("stts", 0, 1, 1, 1)))
	for n := range whole {
		if m, err := ParseMovie(whole[:n]); err == nil {
			t.Errorf("%d bytes are read as %+v", n, m)
		}
	}
	c := Chunk{TrackID: 1, Samples: pictures(), Producer: &Producer{}, Events: []Emsg{{Scheme: "x"}}}
	b := append(c.AppendHeader(nil), make([]byte, total(c.Samples))...)
	for n := range b {
		all, err := ParseSegment(b[:n], nil)
		if n > 0 && err == nil && n != 32 && n != 32+int(word(b[32:], 0)) || len(all) > 0 {
			t.Errorf("%d bytes are read as %d fragments", n, len(all))
		}
	}
}

// What a file claims costs nothing before the bytes are there.
func TestClaimsCostNothing(t *testing.T) {
	run := func(trun []byte) []byte {
		return slices.Concat(of("moof", of("traf", of("tfhd", 0x020000, 1), trun)), of("mdat", make([]byte, 100)))
	}
	for name, b := range map[string][]byte{
		"trun":         run(of("trun", 0x301, -1, 0)),
		"empty trun":   run(of("trun", 0x1, -1, 0)),
		"sidx":         slices.Concat(of("sidx", 0, 1, 1, 0, 0, 0xffff), run(nil)),
		"tfrf":         slices.Concat(of("moof", of("traf", of("tfhd", 0, 1), of("uuid", uuidTfrf[:], 1<<24, uint8(255)))), of("mdat")),
		"moov":         movie("soun", of("stsz", 0, 0, -1)),
		"huge moov":    []byte("\x00\x00\x00\x01moov\x00\x00\x00\x7f\xff\xff\xff\xff"),
		"huge mdat":    slices.Concat(of("moof"), []byte("\x00\x00\x00\x01mdat\x00\x00\x00\x7f\xff\xff\xff\xff")),
		"endless mdat": slices.Concat(of("moof"), []byte("\x00\x00\x00\x00mdat")),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var d Decoder
		_, _ = d.Write(b)
		f, err := d.Next()
		_, fileErr := ReadMovie(bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if f != nil || err == nil || fileErr == nil {
			t.Errorf("%s: %+v, %v, %v", name, f, err, fileErr)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes are allocated for %d", name, n, len(b))
		}
		if _, again := d.Write([]byte{1}); !errors.Is(again, err) {
			t.Errorf("%s: after %v, %v", name, err, again)
		}
	}
}

func TestManyTracksAreRefused(t *testing.T) {
	var traks []byte
	for i := range maxTracks + 1 {
		traks = append(traks, of("trak", of("tkhd", 0, 0, 0, i+1), of("mdia", of("mdhd", 0, 0, 0, 1, 0, uint16(0))))...)
	}
	if _, err := ParseMovie(of("moov", of("mvhd", 0, 0, 0, 1, 0), traks)); !errors.Is(err, ErrBox) {
		t.Error(err)
	}
}

// mp4ff writes two tracks in one fragment, with a run of each; what is not read here
// is kept.
func TestReadsFragmentsOfMP4FF(t *testing.T) {
	f, err := mp4.CreateMultiTrackFragment(9, []uint32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		s := mp4.FullSample{Sample: mp4.Sample{Flags: mp4.SyncSampleFlags, Dur: 10, Size: uint32(i + 1), CompositionTimeOffset: int32(-i)}, DecodeTime: 1 << 35, Data: bytes.Repeat([]byte{byte(i)}, i+1)}
		if err := f.AddFullSampleToTrack(s, uint32(i%2+1)); err != nil {
			t.Fatal(err)
		}
	}
	senc := of("senc", 0, 3, bytes.Repeat([]byte{7}, 24))
	x, err := mp4.DecodeBox(0, bytes.NewReader(senc))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Moof.Trafs[1].AddChild(x); err != nil {
		t.Fatal(err)
	}
	f.SetTrunDataOffsets()
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		t.Fatal(err)
	}
	all, err := ParseSegment(slices.Concat(of("free", 1), b.Bytes(), of("mfra")), nil)
	if err != nil || len(all) != 1 || all[0].Sequence != 9 || len(all[0].Runs) != 2 || all[0].Position != 12 {
		t.Fatalf("%+v, %v", all, err)
	}
	for track, r := range all[0].Runs {
		if int(r.TrackID) != track+1 || r.Time != 1<<35 || len(r.Samples) != 3 {
			t.Fatalf("%+v", r)
		}
		for i, s := range r.Samples {
			n := 2*i + track
			if s.Size != n+1 || s.Time != 1<<35+uint64(10*i) || int(s.Composition) != -n || !s.Sync() || !bytes.Equal(all[0].Data[s.Offset:s.Offset+s.Size], bytes.Repeat([]byte{byte(n)}, n+1)) {
				t.Errorf("track %d: sample %d is %+v", track, i, s)
			}
		}
	}
	if other := all[0].Runs[1].Other; len(other) != 1 || !bytes.Equal(other[0], senc) {
		t.Errorf("senc is kept as %x", other)
	}
}

// A stream without times goes on where it was, and begins anew with a new header.
func TestDecoderFollowsTime(t *testing.T) {
	head, err := AppendInit(nil, stereo())
	if err != nil {
		t.Fatal(err)
	}
	part := slices.Concat(of("moof", of("traf", of("tfhd", 0x020038, 2, 1024, 1, 0), of("trun", 1, 2, 0))), of("mdat", uint16(7)))
	binary.BigEndian.PutUint32(part[len(part)-14:], uint32(len(part)-2))
	var d Decoder
	for range 2 {
		if _, err := d.Write(slices.Concat(head, of("mdat", make([]byte, 5000)), part, part)); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			f, err := d.Next()
			if err != nil || f == nil {
				t.Fatal(f, err)
			}
			r := f.Runs[0]
			if r.Time != uint64(2048*i) || r.Samples[1].Time != uint64(2048*i+1024) || r.Timed != (i > 0) || f.Movie != d.Movie() || f.Movie.Tracks[0].Language != "vie" {
				t.Errorf("fragment %d: %+v", i, r)
			}
		}
	}
	if f, err := d.Next(); f != nil || err != nil || d.Close() != nil {
		t.Error(f, err, d.Close())
	}
}

func TestDecoderLimits(t *testing.T) {
	d := Decoder{MaxBox: 100}
	if _, err := d.Write(of("free", make([]byte, 200))[:20]); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Next(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	d = Decoder{MaxBox: 100} // what may belong to a fragment is not gathered without end
	for range 20 {
		if _, err := d.Write(of("prft", make([]byte, 20))); err != nil {
			break
		}
		if _, err := d.Next(); err != nil {
			break
		}
	}
	if _, err := d.Next(); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	d = Decoder{}
	_, _ = d.Write(slices.Concat(of("moof"), of("moof")))
	if _, err := d.Next(); !errors.Is(err, ErrBox) {
		t.Error(err)
	}
	for _, b := range [][]byte{of("mdat", make([]byte, 20))[:12], {0, 0, 0}, of("moof")} {
		d = Decoder{}
		_, _ = d.Write(b)
		if _, err := d.Next(); err != nil || d.Close() == nil {
			t.Errorf("%x: %v, %v", b, err, d.Close())
		}
	}
}

// far is a file that is mostly not there.
type far struct {
	head, tail []byte
	at         int64 // of tail
}

func (f *far) ReadAt(p []byte, off int64) (int, error) {
	b := f.head
	if off >= f.at {
		b, off = f.tail, off-f.at
	}
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestMoovAfterLargeMdat(t *testing.T) {
	const size = 40 << 30
	head := slices.Concat(of("ftyp", "isom", 0, "mp42"), []byte("\x00\x00\x00\x01mdat"), binary.BigEndian.AppendUint64(nil, size))
	f := &far{head: head, tail: movie("soun"), at: 20 + size}
	m, err := ReadMovie(f, f.at+int64(len(f.tail)))
	if err != nil || len(m.Tracks) != 1 || !slices.Equal(m.Brands, []string{"isom", "mp42"}) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, n := range []int64{0, 5, 20, size, f.at, f.at + 50} {
		if m, err := ReadMovie(f, n); err == nil {
			t.Errorf("%d bytes are read as %+v", n, m)
		}
	}
}

// Encrypted entries tell what is inside; entries of QuickTime have more fields.
func TestOtherEntries(t *testing.T) {
	sound := slices.Concat(make([]byte, 7), []byte{1}, make([]byte, 8), []byte{0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0})
	a := appender{}
	track := stereo()
	a.esds(&track)
	sinf := of("sinf", of("frma", "mp4a"), of("schm", 0, "cenc", 0x10000))
	quick := bytes.Clone(sound)
	quick[9] = 1
	for name, c := range map[string]struct {
		b    []byte
		kind string
	}{
		"encrypted": {of("enca", sound, a.b, sinf), "enca"},
		"quicktime": {of("mp4a", quick, make([]byte, 16), of("wave", of("frma", "mp4a"), a.b, 8, 0), 0), "mp4a"},
	} {
		m, err := ParseMovie(movie("soun", of("stsd", 0, 1, c.b)))
		if err != nil {
			t.Fatal(name, err)
		}
		k := m.Tracks[0]
		if k.Entry != c.kind || !k.Format.Same(&track.Format) || (k.Protection != nil) != (c.kind == "enca") {
			t.Errorf("%s: %+v", name, k)
		}
	}
	m, err := ParseMovie(movie("vide", of("stsd", 0, 1, of("encv", make([]byte, 78), of("avcC", avcC), of("sinf", of("frma", "avc1"))))))
	if err != nil || m.Tracks[0].Format.Codec != flow.CodecH264 || m.Tracks[0].Format.RFC6381 != "avc1.64001f" {
		t.Errorf("%+v, %v", m, err)
	}
	m, err = ParseMovie(movie("meta", of("stsd", 0, 1, of("mett", 0, 0, "x"))))
	if err != nil || m.Tracks[0].Entry != "mett" || m.Tracks[0].Kind != flow.KindData {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestAudioConfigurations(t *testing.T) {
	for _, c := range []struct {
		record            []byte
		codec             string
		rate, channels, n int
	}{
		{[]byte{0x11, 0x90}, "mp4a.40.2", 48000, 2, 1024},
		{[]byte{0x11, 0xb8}, "mp4a.40.2", 48000, 8, 1024},                   // configuration 7
		{[]byte{0x11, 0x94}, "mp4a.40.2", 48000, 2, 960},                    // frameLengthFlag
		{[]byte{0x2b, 0x11, 0x88, 0x00}, "mp4a.40.5", 48000, 2, 2048},       // SBR of 24 kHz
		{[]byte{0x17, 0x80, 0x56, 0x22, 0x10}, "mp4a.40.2", 44100, 2, 1024}, // the rate in full
	} {
		track := stereo()
		track.Format.Record, track.Format.RFC6381 = c.record, c.codec
		b, err := AppendInit(nil, track)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseMovie(b)
		if err != nil {
			t.Fatal(err)
		}
		if f := m.Tracks[0].Format; f.RFC6381 != c.codec || f.SampleRate != c.rate || f.Channels != c.channels || f.FrameSamples != c.n {
			t.Errorf("%x: %+v", c.record, f)
		}
	}
}

// Errors say where.
func TestErrorsNameBoxes(t *testing.T) {
	_, err := ParseMovie(movie("soun", of("stts", 0, 9)))
	if err == nil || !strings.HasPrefix(err.Error(), "moov: trak 1: mdia: stbl: stts: ") {
		t.Error(err)
	}
}
