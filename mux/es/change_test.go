package es

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigma/mux/flow"
)

// TestChangesAreFound joins streams that differ, and one that does not.
func TestChangesAreFound(t *testing.T) {
	size := func(format, size, encoder string) []byte {
		demuxer := format
		if format == "mpeg2video" {
			demuxer = "mpegvideo"
		}
		return ffmpeg(t, format, demuxer, "-f lavfi -i testsrc2=size="+size+":rate=25 -frames:v 25 "+encoder+" -threads 1").bytes
	}
	sound := func(format, demuxer, args string) []byte {
		return ffmpeg(t, format, demuxer, "-f lavfi -i sine=sample_rate=48000 -t 0.5 "+args).bytes
	}
	const x264, x265 = "-c:v libx264 -preset ultrafast -g 5", "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=5:repeat-headers=1"
	for _, c := range []struct {
		name  string
		codec flow.Codec
		parts [][]byte
		want  int // changes, the first format included
	}{
		{"H.264 size", flow.CodecH264, [][]byte{size("h264", "320x180", x264), size("h264", "640x360", x264), size("h264", "320x180", x264)}, 3},
		{"H.264 same", flow.CodecH264, [][]byte{size("h264", "320x180", x264), size("h264", "320x180", x264)}, 1},
		{"H.264 PPS", flow.CodecH264, [][]byte{size("h264", "320x180", x264+" -x264-params weightp=0"), size("h264", "320x180", x264+" -x264-params weightp=2:cabac=1")}, 2},
		{"HEVC size", flow.CodecHEVC, [][]byte{size("hevc", "320x180", x265), size("hevc", "640x360", x265)}, 2},
		{"HEVC same", flow.CodecHEVC, [][]byte{size("hevc", "320x180", x265), size("hevc", "320x180", x265)}, 1},
		{"MPEG-2 size", flow.CodecMPEG2Video, [][]byte{size("mpeg2video", "320x180", "-c:v mpeg2video"), size("mpeg2video", "640x360", "-c:v mpeg2video")}, 2},
		{"MPEG-2 rate", flow.CodecMPEG2Video, [][]byte{size("mpeg2video", "320x180", "-c:v mpeg2video"), size("mpeg2video", "320x180", "-c:v mpeg2video -b:v 300k")}, 1},
		{"AAC channels", flow.CodecAAC, [][]byte{sound("adts", "aac", "-ac 2 -c:a aac"), sound("adts", "aac", "-ac 6 -c:a aac"), sound("adts", "aac", "-ac 2 -c:a aac")}, 3},
		{"AC-3 rate", flow.CodecAC3, [][]byte{sound("ac3", "ac3", "-ac 2 -c:a ac3 -b:a 192k"), sound("ac3", "ac3", "-ac 2 -c:a ac3 -b:a 192k"), sound("ac3", "ac3", "-ac 2 -c:a ac3 -b:a 256k")}, 2},
		{"MP2 mono", flow.CodecMPEGAudio, [][]byte{sound("mp2", "mp3", "-ac 2 -c:a mp2"), sound("mp2", "mp3", "-ac 1 -c:a mp2")}, 2},
	} {
		if _, _, got := follow(c.codec, bytes.Join(c.parts, nil)); got != c.want {
			t.Errorf("%s: %d changes, want %d", c.name, got, c.want)
		}
	}
}

// TestParameterSetsByID holds that sets of several ids lie in the record, that a
// repetition is no change, and that a new picture parameter set is one.
func TestParameterSetsByID(t *testing.T) {
	sps := fieldSPS()
	pps := func(id uint32, quant int32) []byte {
		var w bitWriter
		w.bits(0x68, 8)
		w.ue(id)
		w.ue(0)
		w.bits(0, 2)
		for range 3 {
			w.ue(0)
		}
		w.bits(0, 3)
		w.ue(uint32(2 * quant))
		w.ue(0)
		w.ue(0)
		w.bits(0, 3)
		return w.trailing()
	}
	slice := fieldSlice(true, true, false, 0, 0)
	f := NewFollower(flow.CodecH264)
	push := func(want bool, count int, units ...[]byte) {
		t.Helper()
		if got := f.Push(append(units, slice)); got != want {
			t.Errorf("changed %v, want %v", got, want)
		}
		if n := len(f.Format().ParameterSets()); n != count {
			t.Errorf("%d parameter sets, want %d", n, count)
		}
	}
	if f.Push([][]byte{slice}) || f.Push([][]byte{sps, slice}) || f.Format() != nil {
		t.Error("a format without parameter sets")
	}
	push(true, 2, pps(0, 1))
	push(false, 2, sps, pps(0, 1))
	push(true, 3, pps(1, 2))
	push(false, 3, sps, pps(0, 1), pps(1, 2))
	push(true, 4, pps(200, 2))
	old := f.Format()
	push(true, 4, pps(0, 3))
	if old.Same(f.Format()) || bytes.Equal(old.Record, f.Format().Record) {
		t.Error("the format was written to")
	}
	// An SPS with another content takes the PPS before it along.
	other := bytes.Clone(sps)
	other[3]++ // level
	push(true, 2, other, pps(0, 3))
	push(true, 2, sps, pps(0, 3))
	// An SPS alone keeps them.
	push(true, 2, other)

	// An encoder that changes its PPS at every key frame: they stay in the samples.
	changes := 0
	for i := range 100 {
		if f.Push([][]byte{sps, pps(0, int32(4+i%2)), slice}) {
			changes++
		}
	}
	if changes > 1+maxFlips {
		t.Errorf("%d changes", changes)
	}
	sample := f.AppendSample(nil, [][]byte{{9, 0xF0}, sps, pps(0, 5), slice})
	if want := appendNAL(appendNAL(nil, pps(0, 5)), slice); !bytes.Equal(sample, want) {
		t.Errorf("sample %x", sample[:min(len(sample), 40)])
	}
}

// TestSamplesDecodeAlike decodes what a container would hold, record and samples, and
// compares the pictures with those of the stream.
func TestSamplesDecodeAlike(t *testing.T) {
	for _, c := range []struct {
		codec        flow.Codec
		format, args string
	}{
		{flow.CodecH264, "h264", "-c:v libx264 -preset veryfast -g 10 -bf 2 -x264-params aud=1:filler=1:nal-hrd=cbr:bitrate=500:vbv-maxrate=500:vbv-bufsize=500"},
		{flow.CodecHEVC, "hevc", "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=10:repeat-headers=1:aud=1"},
		{flow.CodecAV1, "obu", "-pix_fmt yuv420p -c:v libsvtav1 -preset 12 -g 10"},
	} {
		t.Run(c.format, func(t *testing.T) {
			stream := ffmpeg(t, c.format, c.format, "-f lavfi -i testsrc2=size=320x180:rate=25 -frames:v 30 "+c.args+" -threads 1")
			f, units, _ := follow(c.codec, stream.bytes)
			var out []byte
			start := func(nal []byte) { out = append(append(out, 0, 0, 0, 1), nal...) }
			for _, nal := range f.Format().ParameterSets() {
				start(nal)
			}
			for _, au := range units {
				s := f.AppendSample(nil, au.Units)
				if c.codec == flow.CodecAV1 {
					out = append(append(out, delimiter...), s...)
					continue
				}
				for len(s) > 0 {
					n := int(s[0])<<24 | int(s[1])<<16 | int(s[2])<<8 | int(s[3])
					switch k := s[4] & 0x1F; {
					case c.codec == flow.CodecH264 && (k == h264SPS || k == h264PPS || k == h264AUD || k == h264Filler):
						t.Fatalf("NAL unit type %d in a sample", k)
					}
					start(s[4 : 4+n])
					s = s[4+n:]
				}
			}
			path := filepath.Join(t.TempDir(), "es")
			if err := os.WriteFile(path, out, 0o600); err != nil {
				t.Fatal(err)
			}
			sum := func(path string) string {
				return string(run(t, "ffmpeg", "-nostdin", "-v", "error", "-f", c.format, "-i", path, "-f", "framemd5", "-"))
			}
			if want, got := sum(stream.path), sum(path); got != want || strings.Count(got, "\n") < 30 {
				t.Errorf("pictures\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestAV1InTransportStreams has the two forms in which AV1 is carried: with start codes
// and escapes, one frame in each PES packet, and as it is.
func TestAV1InTransportStreams(t *testing.T) {
	stream := ffmpeg(t, "obu", "obu", "-f lavfi -i testsrc2=size=320x180:rate=25 -pix_fmt yuv420p -frames:v 40 -c:v libsvtav1 -preset 12 -g 20")
	f, units, _ := follow(flow.CodecAV1, stream.bytes)
	if fmt.Sprint(len(units)) != stream.probe.Frames {
		t.Fatalf("%d temporal units, ffprobe finds %s frames", len(units), stream.probe.Frames)
	}
	for _, sized := range []bool{true, false} {
		var es []byte
		obus(stream.bytes, func(_ int, o obu) bool {
			b := append(bytes.Clone(o.header), o.body...)
			if b[0] &^= 2; sized {
				b = appendOBU(nil, o.header, o.body)
			}
			es = append(append(es, 0, 0, 1), escape(b)...)
			return true
		})
		g, got, changes := follow(flow.CodecAV1, es)
		if changes != 1 || !f.Format().Same(g.Format()) {
			t.Fatalf("%+v, want %+v", g.Format(), f.Format())
		}
		if len(got) != len(units) {
			t.Fatalf("%d temporal units, want %d", len(got), len(units))
		}
		for i := range got {
			if got[i].Access != units[i].Access || g.Sync(got[i].Units) != got[i].Access {
				t.Errorf("unit %d: access %v", i, got[i].Access)
			}
			if a, b := f.AppendSample(nil, units[i].Units), g.AppendSample(nil, got[i].Units); !bytes.Equal(a, b) {
				t.Errorf("unit %d: %d bytes, want %d", i, len(b), len(a))
			}
		}
	}
}

// TestVP9 reads IVF, whose frames are what a PES packet holds.
func TestVP9(t *testing.T) {
	stream := ffmpeg(t, "ivf", "ivf", "-f lavfi -i testsrc2=size=320x180:rate=30 -pix_fmt yuv420p -frames:v 40 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 20 -colorspace bt709")
	f := NewFollower(flow.CodecVP9)
	keys := 0
	for b := stream.bytes[32:]; len(b) > 12; {
		n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		frame := [][]byte{b[12 : 12+n]}
		if f.Push(frame) != (keys == 0) {
			t.Error("changed")
		}
		if f.Sync(frame) {
			keys++
		}
		if !bytes.Equal(f.AppendSample(nil, frame), frame[0]) {
			t.Error("sample")
		}
		b = b[12+n:]
	}
	got := f.Format()
	if keys != 2 || got.Width != 320 || got.Height != 180 || got.RFC6381 != "vp09.00.11.08" {
		t.Errorf("%d key frames, %+v", keys, got)
	}
	if want := stream.box(t, "vpcC"); !bytes.Equal(got.Record, want) {
		t.Errorf("record %x, ffmpeg writes %x", got.Record, want)
	}
}

// TestRFC6381 has the strings that players are told of in examples everywhere.
func TestRFC6381(t *testing.T) {
	for _, c := range []struct{ general, want string }{
		{"01 60000000 B00000000000 5D", "hvc1.1.6.L93.B0"},
		{"02 20000000 B00000000000 7B", "hvc1.2.4.L123.B0"},
		{"61 60000000 000000000000 3F", "hvc1.A1.6.H63"},
		{"04 08000000 9D0800000000 78", "hvc1.4.10.L120.9D.8"},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.general, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := hevcString([12]byte(b)); got != c.want {
			t.Errorf("%s: %s, want %s", c.general, got, c.want)
		}
	}
}

// TestRTP has what is announced of each codec.
func TestRTP(t *testing.T) {
	avc := Format{Codec: flow.CodecH264, Record: []byte{1, 0x42, 0xE0, 0x1F, 0xFF, 0xE1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68}}
	hvc := Format{Codec: flow.CodecHEVC, Record: append(append([]byte{1, 0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93}, make([]byte, 9)...), 1, 0xA0, 0, 1, 0, 2, 0x40, 1)}
	for _, c := range []struct {
		f    Format
		want string
	}{
		{avc, "H264/90000 -1 packetization-mode=1;profile-level-id=42e01f;sprop-parameter-sets=Z0I=,aA=="},
		{hvc, "H265/90000 -1 profile-space=0;profile-id=1;tier-flag=0;level-id=93;profile-compatibility-indicator=60000000;interop-constraints=b00000000000;tx-mode=SRST;sprop-vps=QAE="},
		{Format{Codec: flow.CodecAV1, Record: []byte{0x81, 0x05, 0x0C, 0}}, "AV1/90000 -1 profile=0;level-idx=5;tier=0"},
		{Format{Codec: flow.CodecVP9, Record: []byte{1, 0, 0, 0, 2, 31}}, "VP9/90000 -1 profile-id=2"},
		{Format{Codec: flow.CodecMPEG2Video}, "MPV/90000 32 "},
		{Format{Codec: flow.CodecMPEGAudio}, "MPA/90000 14 "},
		{Format{Codec: flow.CodecAAC, SampleRate: 48000, Channels: 2, Record: []byte{0x11, 0x90}},
			"mpeg4-generic/48000/2 -1 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1190"},
		{Format{Codec: flow.CodecAC3, SampleRate: 48000, Channels: 6}, "ac3/48000/6 -1 "},
		{Format{Codec: flow.CodecEAC3, SampleRate: 48000, Channels: 2}, "eac3/48000/2 -1 "},
		{Format{Codec: flow.CodecOpus, Channels: 2}, "opus/48000/2 -1 sprop-stereo=1;stereo=1"},
		{Format{Codec: flow.CodecOpus, Channels: 1}, "opus/48000/2 -1 "},
		{Format{Codec: flow.CodecOpus, Channels: 6, Record: opusLayouts[6].record()}, "multiopus/48000/6 -1 channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2"},
		{Format{Codec: flow.CodecPCMA}, "PCMA/8000 8 "},
		{Format{Codec: flow.CodecPCMU}, "PCMU/8000 0 "},
	} {
		r, ok := c.f.RTP()
		if got := fmt.Sprintf("%s %d %s", r.RTPMap(), r.PayloadType, strings.Join(r.FMTP, ";")); !ok || got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	if _, ok := (&Format{Codec: flow.CodecTeletext}).RTP(); ok {
		t.Error("teletext has no payload format")
	}
}

// TestUnknownCodecs holds that a follower of anything says nothing and passes the bytes.
func TestUnknownCodecs(t *testing.T) {
	for _, c := range []flow.Codec{flow.CodecVVC, flow.CodecTeletext, flow.CodecPrivate, 200} {
		f := NewFollower(c)
		u := [][]byte{{1, 2}, {3}}
		if f.Push(u) || f.Format() != nil || !slices.Equal(f.AppendSample([]byte{0}, u), []byte{0, 1, 2, 3}) || f.Sync(u) != (Kind(c) != flow.KindVideo) || f.DTS(7, 5) != 5 {
			t.Errorf("%s", Name(c))
		}
	}
}
