package fmp4

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// head decodes a CMAF header with mp4ff, which must write it again as it is.
func head(t *testing.T, track Track) *mp4.InitSegment {
	t.Helper()
	prefix := []byte("what is there stays")
	b, err := AppendInit(bytes.Clone(prefix), track)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, prefix) {
		t.Fatal("dst was written to")
	}
	b = b[len(prefix):]
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := f.Init.Encode(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), b) {
		t.Errorf("mp4ff writes other bytes: %s", firstDifference(again.Bytes(), b))
	}
	return f.Init
}

// avcC has no parameter sets: they are not looked at.
var avcC = []byte{1, 0x64, 0, 0x1f, 0xff, 0xe0, 0}

func video576() Track {
	return Track{ID: 7, Timescale: 90000, Kind: flow.KindVideo, Format: es.Format{
		Codec: flow.CodecH264, RFC6381: "avc1.64001f", Record: avcC, Width: 720, Height: 576, SARNum: 64, SARDen: 45,
		Colour: es.Colour{Primaries: 5, Transfer: 1, Matrix: 6}, Reordered: true,
	}}
}

func stereo() Track {
	return Track{ID: 2, Timescale: 48000, Kind: flow.KindAudio, Language: "vie", Format: es.Format{
		Codec: flow.CodecAAC, RFC6381: "mp4a.40.2", Record: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2, FrameSamples: 1024,
	}}
}

func TestHeaderOfVideo(t *testing.T) {
	track := video576()
	track.Peak, track.Average = 5_000_000, 4_000_000
	m := head(t, track)
	if got := m.Ftyp.CompatibleBrands(); m.Ftyp.MajorBrand() != "cmfc" || !slices.Equal(got, []string{"iso6", "cmfc", "mp42"}) {
		t.Errorf("brands %v", got)
	}
	trak := m.Moov.Trak
	if m.Moov.Mvhd.Timescale != 90000 || trak.Mdia.Mdhd.Timescale != 90000 || trak.Tkhd.TrackID != 7 || m.Moov.Mvhd.NextTrackID != 8 {
		t.Errorf("%+v %+v %+v", m.Moov.Mvhd, trak.Tkhd, trak.Mdia.Mdhd)
	}
	if trak.Tkhd.Width>>16 != 1024 || trak.Tkhd.Height>>16 != 576 || trak.Tkhd.Volume != 0 || trak.Tkhd.Flags != 7 {
		t.Errorf("%+v", trak.Tkhd)
	}
	e := trak.Mdia.Minf.Stbl.Stsd.AvcX
	if e.Width != 720 || e.Height != 576 || e.Pasp.HSpacing != 64 || e.Pasp.VSpacing != 45 || e.Btrt.MaxBitrate != 5_000_000 || e.Btrt.AvgBitrate != 4_000_000 {
		t.Errorf("%+v", e)
	}
	colr := e.Children[1].(*mp4.ColrBox)
	if colr.ColorType != "nclx" || colr.ColorPrimaries != 5 || colr.TransferCharacteristics != 1 || colr.MatrixCoefficients != 6 || colr.FullRangeFlag {
		t.Errorf("%+v", colr)
	}
	if x := m.Moov.Mvex.Trex; x.TrackID != 7 || x.DefaultSampleDescriptionIndex != 1 {
		t.Errorf("%+v", x)
	}
}

func TestColourIsSaidWhenKnown(t *testing.T) {
	for colour, want := range map[es.Colour]int{
		{}:                                     2,
		{Primaries: 2, Transfer: 2, Matrix: 2}: 2,
		{Matrix: 6}:                            3,
		{FullRange: true}:                      3,
	} {
		track := video576()
		track.Format.Colour = colour
		e := head(t, track).Moov.Trak.Mdia.Minf.Stbl.Stsd.AvcX
		if len(e.Children) != want {
			t.Errorf("%+v: %d boxes, want %d", colour, len(e.Children), want)
		}
		if want == 3 && e.Children[1].(*mp4.ColrBox).ColorPrimaries != 2 {
			t.Errorf("%+v: primaries are not unspecified", colour)
		}
	}
}

func TestHeaderOfAudio(t *testing.T) {
	mpeg := es.Format{Codec: flow.CodecMPEGAudio, SampleRate: 48000, Channels: 2}
	low := mpeg
	low.SampleRate = 24000
	layer2 := mpeg
	layer2.RFC6381 = "mp4a.69"
	for _, c := range []struct {
		f      es.Format
		object uint8
	}{{stereo().Format, 0x40}, {mpeg, 0x6b}, {low, 0x69}, {layer2, 0x69}} {
		m := head(t, Track{ID: 1, Timescale: 48000, Kind: flow.KindAudio, Format: c.f, Peak: 200_000, Average: 128_000})
		if !slices.Contains(m.Ftyp.CompatibleBrands(), "cmf2") || m.Moov.Trak.Tkhd.Volume != 0x100 {
			t.Errorf("%v %+v", m.Ftyp.CompatibleBrands(), m.Moov.Trak.Tkhd)
		}
		e := m.Moov.Trak.Mdia.Minf.Stbl.Stsd.Mp4a
		d := e.Esds.DecConfigDescriptor
		if int(e.ChannelCount) != c.f.Channels || int(e.SampleRate) != c.f.SampleRate || e.SampleSize != 16 {
			t.Errorf("%+v", e)
		}
		if d.ObjectType != c.object || d.StreamType != 0x15 || d.MaxBitrate != 200_000 || d.AvgBitrate != 128_000 {
			t.Errorf("%+v, want object type %#x", d, c.object)
		}
		if c.f.Record == nil && d.DecSpecificInfo != nil || c.f.Record != nil && !bytes.Equal(d.DecSpecificInfo.DecConfig, c.f.Record) {
			t.Errorf("specific info %+v", d.DecSpecificInfo)
		}
	}
}

func TestHeaderOfMPEG2Video(t *testing.T) {
	track := video576()
	track.Format.Codec, track.Format.RFC6381, track.Format.Record = flow.CodecMPEG2Video, "", nil
	d := head(t, track).Moov.Trak.Mdia.Minf.Stbl.Stsd.Mp4v.Esds.DecConfigDescriptor
	if d.ObjectType != 0x61 || d.StreamType != 0x11 {
		t.Errorf("%+v", d)
	}
	track.Format.RFC6381 = "mp4v.65"
	if d := head(t, track).Moov.Trak.Mdia.Minf.Stbl.Stsd.Mp4v.Esds.DecConfigDescriptor; d.ObjectType != 0x65 {
		t.Errorf("%+v", d)
	}
}

func TestHeaderOfText(t *testing.T) {
	track := Track{ID: 3, Timescale: 90000, Kind: flow.KindText, Language: "vie", Format: es.Format{RFC6381: "wvtt"}}
	m := head(t, track)
	if e := m.Moov.Trak.Mdia.Minf.Stbl.Stsd.Wvtt; e.VttC.Config != "WEBVTT" || m.Moov.Trak.Mdia.Hdlr.HandlerType != "text" {
		t.Errorf("%+v %+v", e.VttC, m.Moov.Trak.Mdia.Hdlr)
	}
	track.Format = es.Format{RFC6381: "stpp.ttml.im1t"}
	m = head(t, track)
	e := m.Moov.Trak.Mdia.Minf.Stbl.Stsd.Stpp
	if e.Namespace != "http://www.w3.org/ns/ttml" || e.AuxiliaryMimeTypes != "" || m.Moov.Trak.Mdia.Hdlr.HandlerType != "subt" || m.Moov.Trak.Mdia.Minf.Sthd == nil {
		t.Errorf("%+v %+v", e, m.Moov.Trak.Mdia.Hdlr)
	}
	track.Format = es.Format{RFC6381: "stpp.ttml.im1i", Record: []byte("urn:other")}
	if e := head(t, track).Moov.Trak.Mdia.Minf.Stbl.Stsd.Stpp; e.Namespace != "urn:other" || e.AuxiliaryMimeTypes != "image/png" {
		t.Errorf("%+v", e)
	}
}

func TestLanguages(t *testing.T) {
	for tag, want := range map[string][2]string{
		"":             {"und", ""},
		"vie":          {"vie", ""},
		"en":           {"und", "en"},
		"en-GB":        {"und", "en-GB"},
		"cmn-Hant":     {"cmn", "cmn-Hant"},
		"VIE":          {"und", "VIE"},
		"\x00\x00\x00": {"und", "\x00\x00\x00"},
	} {
		if tag == "\x00\x00\x00" { // of a PMT: nothing a box could hold
			track := stereo()
			track.Language = tag
			if _, err := AppendInit(nil, track); err != nil {
				t.Error(err)
			}
			continue
		}
		track := stereo()
		track.Language = tag
		mdia := head(t, track).Moov.Trak.Mdia
		extended := ""
		if mdia.Elng != nil {
			extended = mdia.Elng.Language
		}
		if got := [2]string{mdia.Mdhd.GetLanguage(), extended}; got != want {
			t.Errorf("%q is written as %q, want %q", tag, got, want)
		}
		b, _ := AppendInit(nil, track)
		if m, err := ParseMovie(b); err != nil || m.Tracks[0].Language != tag {
			t.Errorf("%q is read as %+v, %v", tag, m, err)
		}
	}
}

func TestRefusedFormats(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Track)
		want   error
	}{
		"track 0":         {func(t *Track) { t.ID = 0 }, ErrFormat},
		"timescale 0":     {func(t *Track) { t.Timescale = 0 }, ErrFormat},
		"no record":       {func(t *Track) { t.Format.Record = nil }, ErrFormat},
		"no size":         {func(t *Track) { t.Format.Width = 0 }, ErrFormat},
		"negative height": {func(t *Track) { t.Format.Height = -1 }, ErrFormat},
		"too wide":        {func(t *Track) { t.Format.Width = 70000 }, ErrFormat},
		"unknown":         {func(t *Track) { t.Format.Codec = flow.CodecUnknown }, ErrCodec},
		"subtitles":       {func(t *Track) { t.Format.Codec = flow.CodecDVBSubtitle }, ErrCodec},
		"beyond":          {func(t *Track) { t.Format.Codec = 255 }, ErrCodec},
	} {
		track := video576()
		c.change(&track)
		dst := make([]byte, 3, 1000)
		b, err := AppendInit(dst, track)
		if !errors.Is(err, c.want) || len(b) != 3 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// What is written is read as it was, for every codec there is.
func TestHeaderRoundTrip(t *testing.T) {
	record := func(n int) []byte { return bytes.Repeat([]byte{1}, n) }
	for _, e := range entries {
		track := video576()
		track.Format.Reordered = false
		if e.handler == "soun" {
			track = stereo()
		}
		track.Format.Codec, track.Format.Record = e.codec, record(max(e.least, 13))
		if e.config == "" {
			track.Format.Record = nil
		}
		if e.codec == flow.CodecAAC || e.codec == flow.CodecAACLATM {
			track.Format.Record = stereo().Format.Record
		} else {
			track.Format.RFC6381 = ""
		}
		b, err := AppendInit(nil, track)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ParseMovie(b)
		if err != nil {
			t.Fatal(err)
		}
		k := m.Tracks[0]
		again, err := AppendInit(nil, k.Track)
		if err != nil || k.Entry != e.kind || !m.Fragmented {
			t.Errorf("%s is read as %s, %v", e.kind, k.Entry, err)
		}
		if len(k.Formats) != 1 || !bytes.Equal(k.Format.Record, track.Format.Record) || k.Format.Colour != track.Format.Colour {
			t.Errorf("%s: %+v, want %+v", e.kind, k.Format, track.Format)
		}
		if want := track.Format.Codec; k.Format.Codec != want && want != flow.CodecAACLATM {
			t.Errorf("%s: codec %d, want %d", e.kind, k.Format.Codec, want)
		}
		if e.kind == "ac-3" || e.kind == "ec-3" || e.kind == "Opus" { // channels are those of the record
			continue
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%s: again is other bytes: %s", e.kind, firstDifference(again, b))
		}
	}
}
