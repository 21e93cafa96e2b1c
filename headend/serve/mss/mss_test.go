package mss_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
)

// avc is an AVCDecoderConfigurationRecord with an SPS and a PPS.
var avc = []byte{1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x64, 0, 0x1F, 1, 0, 2, 0x68, 0xEE}

// hevc is an HEVCDecoderConfigurationRecord with a VPS, an SPS and a PPS.
var hevc = slices.Concat([]byte{1}, make([]byte, 21), []byte{3, 0xA0, 0, 1, 0, 3, 0x40, 1, 0xC, 0xA1, 0, 1, 0, 2, 0x42, 1, 0xA2, 0, 1, 0, 2, 0x44, 1})

func track(id string, codec flow.Codec, rfc string, record []byte) *timeline.Track {
	t := &timeline.Track{ID: id, Kind: flow.KindVideo, Timescale: 90000, Init: []byte("init"), InitName: id, Format: es.Format{
		Codec: codec, RFC6381: rfc, Record: record, Width: 1440, Height: 1080, SARNum: 4, SARDen: 3,
	}}
	if id[0] == 'a' {
		t.Kind, t.Timescale, t.Language = flow.KindAudio, 48000, "eng"
		t.Format = es.Format{Codec: codec, RFC6381: rfc, Record: record, SampleRate: 48000, Channels: 2}
	}
	return t
}

// full is two rungs, another codec, sounds, a text, and what Smooth Streaming does not
// have.
func full() []*timeline.Track {
	return []*timeline.Track{
		track("v1", flow.CodecH264, "avc1.64001f", avc), track("v2", flow.CodecH264, "avc1.64001f", avc),
		track("v3", flow.CodecHEVC, "hvc1.1.6.L93.B0", hevc), track("v4", flow.CodecAV1, "av01.0.04M.08", []byte{1}),
		track("a1", flow.CodecAAC, "mp4a.40.2", []byte{0x11, 0x90}), track("a2", flow.CodecAAC, "mp4a.40.5", []byte{0x2B, 0x09, 0x88, 0}),
		track("a3", flow.CodecAC3, "ac-3", []byte{1, 2, 3}),
		{ID: "t1", Kind: flow.KindText, Timescale: 90000, Language: "vie"},
	}
}

var start = time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)

const startMedia = flow.Ticks(1_795_334_790) * flow.TicksPerSecond

// show is a channel whose media is made up: segments of 2 s.
type show struct {
	timeline.Shelf
	v      timeline.View
	period *timeline.Period
	tracks []*timeline.Track
	made   int
	media  flow.Ticks
}

func newShow(tracks []*timeline.Track) *show {
	s := &show{period: &timeline.Period{ID: "p", Start: start, Media: startMedia}, tracks: tracks, media: startMedia}
	s.v = timeline.View{TargetDuration: 2, Rates: map[string]timeline.Rates{"v1": {Peak: 3_210_000}, "v2": {Peak: 999_950}, "a1": {Peak: 128_000}}}
	return s
}

// grow adds n segments to a window of four.
func (s *show) grow(n int) {
	for range n {
		seg := &timeline.Segment{
			Sequence: uint64(100 + s.made), Start: s.period.UTC(s.media), Duration: 2 * time.Second, Period: s.period, Done: true,
			Layout: &timeline.Layout{Tracks: s.tracks},
		}
		for i, t := range s.tracks {
			scale := flow.Ticks(t.Timescale)
			m := &timeline.Media{Track: t, Time: uint64(s.media / (flow.TicksPerSecond / scale)), Duration: uint64(2 * scale), Done: true}
			if t.Timescale == 48000 {
				m.Time = uint64(s.media / flow.TicksPerSecond * 48000)
			}
			if t.Kind == flow.KindText {
				m.Cues = []timeline.Cue{{Start: s.media - flow.TicksPerSecond, End: s.media + flow.TicksPerSecond/2, Text: "<b>a &amp; b</b>\nc"}}
				seg.Media = append(seg.Media, m)
				continue
			}
			m.Time += uint64(i) // the rungs differ in what their decoders wait for
			data := []byte("headFIRSTsecond")
			m.Parts = []*timeline.Part{{Time: m.Time, Duration: m.Duration, Independent: true, Data: data, Samples: []timeline.Sample{
				{Offset: 4, Size: 5, Duration: uint32(scale), Composition: 3600, Sync: true}, {Offset: 9, Size: 6, Duration: uint32(scale), Composition: 7200},
			}}}
			seg.Media = append(seg.Media, m)
		}
		s.made++
		s.media += 2 * flow.TicksPerSecond
		s.v.Segments = append(s.v.Segments[:len(s.v.Segments):len(s.v.Segments)], seg)
	}
	if over := len(s.v.Segments) - 4; over > 0 {
		s.v.Late, s.v.Segments = s.v.Segments[max(over-2, 0):over], s.v.Segments[over:]
		if len(s.v.Late) < 2 && over == 1 && s.made > 5 {
			s.v.Late = s.v.Late[:1]
		}
	}
	s.Show(s.v)
}

// TestManifest reads a manifest of everything.
func TestManifest(t *testing.T) {
	s := newShow(full())
	s.grow(6)
	h := offer(s)
	m := manifestOf(t, h, "")
	var names []string
	for _, x := range m.StreamIndex {
		names = append(names, x.Type+" "+x.Name+" "+x.Language+" "+x.Level[0].FourCC+" "+x.Level[0].CodecPrivateData)
		if x.Chunks != 4 {
			t.Errorf("%s has %d fragments", x.Name, x.Chunks)
		}
	}
	if want := []string{
		"video video  H264 000000016764001F0000000168EE", "video video_hevc  HEV1 0000000140010C0000000142010000000" + "14401",
		"audio audio1 eng AACL 1190", "audio audio2 eng AACH 2B098800", "text text1 vie TTML ",
	}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	v := m.StreamIndex[0]
	if v.Level[0].Bitrate != 3300001 || v.Level[1].Bitrate != 1000002 || m.StreamIndex[2].Level[0].Bitrate != 130001 || v.DisplayWidth != 1920 || v.MaxWidth != 1440 {
		t.Errorf("%+v", v)
	}
	if at := uint64(start.Sub(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) / 100); v.C[0].T != at+2*10_000_000 || v.C[0].D != 20_000_000 || m.DVRWindowLength != 80_000_000 {
		t.Errorf("%+v, the first segment begins at %d", v.C[0], at)
	}
	if got := manifestOf(t, h, "?filter=tracks:v2a2").StreamIndex; len(got) != 2 || len(got[0].Level) != 1 || got[0].Level[0].Bitrate != 1000002 {
		t.Errorf("%+v", got)
	}
	if got := manifestOf(t, h, "?token=a%22"); !strings.HasSuffix(got.StreamIndex[0].Url, "/Fragments(video={start time})?token=a%22") {
		t.Errorf("%+v", got.StreamIndex[0])
	}
	r := get(t, h, "GET", "/tv/news.isml/Manifest", "Accept-Encoding", "gzip")
	if hd := r.Header; hd.Get("Cache-Control") != "public, max-age=1" || hd.Get("Access-Control-Allow-Origin") != "*" || hd.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v", hd)
	}
	if r := get(t, h, "GET", "/tv/news.isml/manifest", "If-None-Match", r.Header.Get("Etag")); r.StatusCode != 304 {
		t.Errorf("%d", r.StatusCode)
	}
}

// TestMissingOnce holds that a sound that misses the newest segment stays in the manifest:
// who begins without it never looks for it again.
func TestMissingOnce(t *testing.T) {
	s := newShow(full())
	s.grow(6)
	layout := s.v.Segments[0].Layout
	for _, g := range s.v.Segments {
		g.Layout = layout
	}
	last := *s.v.Segments[3]
	last.Media = slices.Clone(last.Media)
	none := *last.Media[4]
	none.Gap, none.Parts = true, nil
	last.Media[4] = &none
	s.v.Segments = append(slices.Clone(s.v.Segments[:3]), &last)
	s.Show(s.v)
	var names []string
	for _, x := range manifestOf(t, offer(s), "").StreamIndex {
		names = append(names, x.Name)
	}
	if want := []string{"video", "video_hevc", "audio1", "audio2", "text1"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// TestLeftOut says why tracks are not there.
func TestLeftOut(t *testing.T) {
	s := newShow(full()[3:4])
	s.tracks = append(s.tracks, full()[6], &timeline.Track{ID: "v5", Kind: flow.KindVideo, Timescale: 90000, Problem: "it is too old"}, track("v6", flow.CodecH264, "avc1.64001f", nil))
	s.grow(3)
	r := get(t, offer(s), "GET", "/tv/news.isml/manifest")
	if b := string(body(t, r)); r.StatusCode != 404 || b != "no track of the channel can be packaged; v4: Smooth Streaming has no name for av01.0.04M.08; "+
		"a3: Smooth Streaming has no name for ac-3; v5: it is too old; v6: its codec has no configuration\n" {
		t.Errorf("%d %s", r.StatusCode, b)
	}
}

// TestFragment reads fragments: parameter sets stand before the first sample, rungs begin
// together and their pictures are shown when they were, the headers allow caches to keep
// them for ever.
func TestFragment(t *testing.T) {
	s := newShow(full())
	s.grow(6)
	h := offer(s)
	v := manifestOf(t, h, "").StreamIndex[0]
	for i, l := range v.Level {
		r := get(t, h, "GET", v.url(&l, v.C[1].T))
		b := body(t, r)
		hd := r.Header
		if r.StatusCode != 200 || hd.Get("Cache-Control") != "public, max-age=31536000, immutable" || hd.Get("Content-Type") != "video/mp4" || hd.Get("Etag") == "" {
			t.Fatalf("%d %v %s", r.StatusCode, hd, b)
		}
		trun := fragmentOf(t, b, v.C[1].T, v.C[1].D, v.C[2].T).Moof.Traf.Trun
		// What a rung is decoded later, 1/90000 s for each, is added to when it is shown.
		if c := trun.Samples[0].CompositionTimeOffset; c < int32(400_000+111*i) || c > int32(400_001+112*i) || trun.Samples[0].Size != 5+4+4+2+4 {
			t.Errorf("%+v", trun.Samples)
		}
		if !bytes.HasSuffix(b, []byte("\x00\x00\x00\x04\x67\x64\x00\x1F\x00\x00\x00\x02\x68\xEEFIRSTsecond")) {
			t.Errorf("%q", b)
		}
		if r := get(t, h, "GET", v.url(&l, v.C[1].T), "Range", "bytes=-6"); r.StatusCode != 206 || string(body(t, r)) != "second" {
			t.Errorf("range: %d", r.StatusCode)
		}
	}
	info := body(t, get(t, h, "GET", strings.Replace(v.url(&v.Level[0], v.C[1].T), "Fragments", "FragmentInfo", 1)))
	f, err := mp4.DecodeFile(bytes.NewReader(info))
	if err != nil || len(info) > 250 || f.Segments[0].Fragments[0].Moof.Traf.Children[3].(*mp4.UUIDBox).Tfrf.FragmentAbsoluteTimes[0] != v.C[2].T {
		t.Errorf("%v %q", err, info)
	}
	for path, status := range map[string]int{
		"QualityLevels(3)/Fragments(video=1)": 410, "QualityLevels(3)/Fragments(video=99999999999999999)": 404, "QualityLevels(7)/Fragments(audio7=1)": 404,
		"QualityLevels(3)/Fragments(sound=1)": 404, "QualityLevels(1)/Fragments(audio256=1)": 404, "x": 404,
	} {
		if r := get(t, h, "GET", "/tv/news.isml/"+path); r.StatusCode != status || status == 404 && r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
	l := v.Level[0]
	l.Bitrate = 1009
	if r := get(t, h, "GET", v.url(&l, v.C[1].T)); r.StatusCode != 404 {
		t.Errorf("a level that is not there: %d", r.StatusCode)
	}
}

// TestText reads a fragment of text: its times count from its begin.
func TestText(t *testing.T) {
	s := newShow(full())
	s.grow(4)
	h := offer(s)
	x := manifestOf(t, h, "").StreamIndex[4]
	b := string(body(t, get(t, h, "GET", x.url(&x.Level[0], x.C[0].T))))
	if !strings.Contains(b, `xml:lang="vie"`) || !strings.Contains(b, `<p begin="00:00:00.000" end="00:00:00.500">a &amp; b<br/>c</p>`) || x.Subtype != "SUBT" {
		t.Errorf("%s", b)
	}
}

// TestWaits asks for what is not whole yet.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShow(full()[:2])
		h := offer(s)
		began := time.Now()
		go func() {
			for range 3 {
				time.Sleep(time.Second)
				s.grow(1)
			}
		}()
		m := manifestOf(t, h, "") // of two segments
		if time.Since(began) != 2*time.Second {
			t.Errorf("after %v", time.Since(began))
		}
		x := m.StreamIndex[0]
		next := x.C[0].T + x.C[0].D
		if r := get(t, h, "GET", x.url(&x.Level[0], next)); r.StatusCode != 200 || time.Since(began) != 3*time.Second {
			t.Errorf("%d after %v", r.StatusCode, time.Since(began))
		}
		r := get(t, h, "GET", x.url(&x.Level[0], next+20_000_000)) // nothing follows it
		if d := time.Since(began) - 3*time.Second; r.StatusCode != 404 || d < 5*time.Second || d > 6*time.Second {
			t.Errorf("%d after %v", r.StatusCode, d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", x.url(&x.Level[0], next+20_000_000), nil))
		if w.Body.Len() > 0 {
			t.Errorf("%s for nobody", w.Body)
		}
		if r := get(t, offer(newShow(nil)), "GET", "/tv/news.isml/manifest"); r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
			t.Errorf("%d without media", r.StatusCode)
		}
	})
}

// TestBreak goes over a break of the source: times go on in UTC with a hole, pictures of
// another size too; a sound of another form ends its stream, and the manifest begins anew.
func TestBreak(t *testing.T) {
	s := newShow(full())
	s.grow(3)
	before := manifestOf(t, offer(s), "")
	s.period = &timeline.Period{ID: "q", Start: start.Add(26 * time.Second), Media: startMedia}
	s.media = startMedia
	s.tracks = full()
	s.tracks[0].Format.Width, s.tracks[0].InitName = 640, "other"
	s.tracks[4].Format.Record = []byte{0x12, 0x10}
	s.grow(2)
	h := offer(s)
	after := manifestOf(t, h, "")
	v, a, other := after.StreamIndex[0], after.StreamIndex[2], after.StreamIndex[3]
	if n := len(v.C); n != 4 || v.C[3].T != before.StreamIndex[0].C[0].T+26*10_000_000 || v.C[2].D != 20_000_000 {
		t.Errorf("%+v", v.C)
	}
	if len(a.C) != 1 || a.Level[0].CodecPrivateData != "1210" || len(other.C) != 4 {
		t.Errorf("%+v %+v", a, other)
	}
	fragmentOf(t, body(t, get(t, h, "GET", v.url(&v.Level[0], v.C[2].T))), v.C[2].T, v.C[2].D, v.C[3].T)
	last := before.StreamIndex[2]
	r := get(t, h, "GET", last.url(&last.Level[0], last.C[1].T+last.C[1].D))
	f, err := mp4.DecodeFile(r.Body)
	if err != nil || len(f.Segments[0].Fragments[0].Moof.Traf.Children) != 3 {
		t.Errorf("the last fragment before a change: %v", err)
	}
}

// FuzzRequest asks for anything: the answer is one that parses, or a refusal.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{"manifest", "QualityLevels(1001)/Fragments(video=2178318210000000)", "QualityLevels(1)/FragmentInfo(audio1=1)", "QualityLevels(x)/Fragments(text9=1)"} {
		for _, q := range []string{"", "filter=tracks:v1a1", "token=a$b%22", "token=<>"} {
			f.Add(s, q)
		}
	}
	s := newShow(full())
	s.grow(6)
	h := offer(s)
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: "/tv/news.isml/" + path, RawQuery: query}
		ctx, cancel := context.WithCancel(r.Context())
		cancel() // what is waited for is not
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(ctx))
		switch {
		case w.Code == 200 && strings.EqualFold(path, "manifest"):
			parse(t, w.Body.Bytes())
		case w.Code == 200, w.Code >= 400 && w.Code < 500 && w.Body.Len() < 1000:
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
