package es

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/pes"
)

func TestTableIsIndexedByCodec(t *testing.T) {
	names := make(map[string]bool)
	for i, r := range rows {
		if r.codec != flow.Codec(i) || r.name == "" || names[r.name] {
			t.Errorf("row %d: %v %q", i, r.codec, r.name)
		}
		names[r.name] = true
	}
	if len(rows) != int(flow.CodecPrivate)+1 || Name(200) != "unknown" || Kind(flow.CodecAC3) != flow.KindAudio {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTrack(t *testing.T) {
	for _, c := range []struct {
		name  string
		stype uint8
		info  string // descriptors
		codec flow.Codec
		kind  flow.Kind
		lang  string
	}{
		{name: "MPEG-2 video", stype: 0x02, codec: flow.CodecMPEG2Video, kind: flow.KindVideo},
		{name: "H.264", stype: 0x1B, codec: flow.CodecH264, kind: flow.KindVideo},
		{name: "HEVC", stype: 0x24, codec: flow.CodecHEVC, kind: flow.KindVideo},
		{name: "MP2 with language", stype: 0x03, info: "\x0a\x04VIE\x00", codec: flow.CodecMPEGAudio, kind: flow.KindAudio, lang: "vie"},
		{name: "AC-3, DVB", stype: 0x06, info: "\x52\x01\x05\x0a\x04eng\x00\x6a\x01\x00", codec: flow.CodecAC3, kind: flow.KindAudio, lang: "eng"},
		{name: "AC-3, ATSC", stype: 0x81, codec: flow.CodecAC3, kind: flow.KindAudio},
		{name: "E-AC-3", stype: 0x06, info: "\x7a\x02\x80\x00", codec: flow.CodecEAC3, kind: flow.KindAudio},
		{name: "E-AC-3, ATSC", stype: 0x87, codec: flow.CodecEAC3, kind: flow.KindAudio},
		{name: "AC-4", stype: 0x06, info: "\x7f\x02\x15\x00", codec: flow.CodecAC4, kind: flow.KindAudio},
		{name: "DTS", stype: 0x06, info: "\x7b\x05\x00\x00\x00\x00\x00", codec: flow.CodecDTS, kind: flow.KindAudio},
		{name: "Opus", stype: 0x06, info: "\x05\x04Opus\x7f\x02\x80\x02", codec: flow.CodecOpus, kind: flow.KindAudio},
		{name: "AAC", stype: 0x0F, info: "\x7c\x02\x58\x00", codec: flow.CodecAAC, kind: flow.KindAudio},
		{name: "AAC LATM", stype: 0x11, info: "\x7c\x02\x58\x00", codec: flow.CodecAACLATM, kind: flow.KindAudio},
		{name: "SMPTE 302M", stype: 0x06, info: "\x05\x04BSSD", codec: flow.CodecSMPTE302M, kind: flow.KindAudio},
		{name: "AV1", stype: 0x06, info: "\x05\x04AV01", codec: flow.CodecAV1, kind: flow.KindVideo},
		{name: "AV1 of GStreamer", stype: 0x06, info: "\x05\x04AV1G\x80\x04\x81\x08\x0c\x00", codec: flow.CodecAV1, kind: flow.KindVideo},
		{name: "VP9", stype: 0x06, info: "\x05\x04VP09", codec: flow.CodecVP9, kind: flow.KindVideo},
		{name: "teletext", stype: 0x06, info: "\x56\x05fra\x09\x00", codec: flow.CodecTeletext, kind: flow.KindText, lang: "fra"},
		{name: "subtitles", stype: 0x06, info: "\x59\x08deu\x10\x00\x01\x00\x01", codec: flow.CodecDVBSubtitle, kind: flow.KindText, lang: "deu"},
		{name: "SCTE 35", stype: 0x86, info: "\x05\x04CUEI", codec: flow.CodecSCTE35},
		{name: "AIT", stype: 0x05, info: "\x6f\x03\x00\x10\xe1", codec: flow.CodecAIT},
		{name: "ID3", stype: 0x15, info: "\x26\x0d\xff\xffID3 \xffID3 \x00\x0f", codec: flow.CodecID3},
		{name: "private", stype: 0x06, info: "\x05\x04XYZW", codec: flow.CodecPrivate},
		{name: "descriptor cut off", stype: 0x06, info: "\x6a\x01\x00\x0a\x04en", codec: flow.CodecAC3, kind: flow.KindAudio},
		{name: "language of spaces", stype: 0x03, info: "\x0a\x04   \x00", codec: flow.CodecMPEGAudio, kind: flow.KindAudio},
		{name: "unknown", stype: 0xC7, codec: flow.CodecUnknown},
	} {
		tr := Track(0x123, c.stype, []byte(c.info))
		if tr.ID != 0x123 || tr.StreamType != c.stype || string(tr.Info) != c.info || tr.Codec != c.codec || tr.Kind != c.kind || tr.Language != c.lang {
			t.Errorf("%s: %+v (%s)", c.name, tr, Name(tr.Codec))
		}
	}
}

func TestStartCode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, rnd.IntN(40))
		for i := range b {
			b[i] = byte(rnd.IntN(3))
			if rnd.IntN(3) == 0 {
				b[i] = byte(rnd.Uint32())
			}
		}
		if got, want := startCode(b, 0), bytes.Index(b, []byte{0, 0, 1}); got != want {
			t.Fatalf("% x: %d, want %d", b, got, want)
		}
	}
}

// sample is an elementary stream that ffmpeg makes, without access unit delimiters.
type sample struct {
	codec  flow.Codec
	format string
	args   string
	detail string
}

const (
	picture = "-f lavfi -i testsrc2=size=320x180:rate=25 "
	tone    = "-f lavfi -i sine=frequency=440:sample_rate=48000 "
)

var samples = []sample{
	{flow.CodecH264, "h264", picture + "-c:v libx264 -preset veryfast -g 20 -bf 2", "320x180p25"},
	{flow.CodecHEVC, "hevc", picture + "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20", "320x180p25"},
	{flow.CodecMPEG2Video, "mpeg2video", picture + "-c:v mpeg2video -bf 2", "320x180p25"},
	{flow.CodecMPEG1Video, "mpeg1video", picture + "-r 30000/1001 -c:v mpeg1video", "320x180p29.97"},
	{flow.CodecMPEGAudio, "mp2", tone + "-c:a mp2", "48 kHz mono"},
	{flow.CodecMPEGAudio, "mp3", tone + "-ar 22050 -ac 2 -c:a libmp3lame -b:a 64k -write_xing 0 -id3v2_version 0", "22.05 kHz stereo"},
	{flow.CodecAAC, "adts", tone + "-ac 6 -c:a aac", "48 kHz 5.1"},
	{flow.CodecAACLATM, "latm", tone + "-ac 2 -c:a aac", "48 kHz stereo"},
	{flow.CodecAC3, "ac3", tone + "-ar 44100 -ac 6 -c:a ac3", "44.1 kHz 5.1"},
	{flow.CodecAC3, "ac3", tone + "-ar 32000 -c:a ac3", "32 kHz mono"},
	{flow.CodecEAC3, "eac3", tone + "-ac 2 -c:a eac3", "48 kHz stereo"},
}

// make returns the stream and what ffprobe finds as sizes and key flags of its
// packets.
func (s sample) make(t testing.TB) (es []byte, sizes []int, keys []bool) {
	t.Helper()
	for _, tool := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	path := filepath.Join(t.TempDir(), "es")
	args := strings.Fields("-nostdin -v error " + s.args + " -threads 1 -t 3 -f " + s.format + " " + path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Skipf("ffmpeg cannot make %s here: %v: %s", s.format, err, out)
	}
	es, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	demuxer := map[string]string{"adts": "aac", "latm": "loas", "mpeg2video": "mpegvideo", "mpeg1video": "mpegvideo", "mp2": "mp3"}[s.format]
	if demuxer == "" {
		demuxer = s.format
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-f", demuxer, "-show_packets", "-show_entries", "packet=size,flags", "-of", "csv=p=0", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(out)) {
		f := strings.Split(line, ",")
		n, err := strconv.Atoi(f[0])
		if err != nil {
			t.Fatalf("ffprobe says %q", line)
		}
		sizes, keys = append(sizes, n), append(keys, f[1][0] == 'K')
	}
	return es, sizes, keys
}

// split cuts es into PES packets of random length up to most, and those into access
// units. Packet n, from 1, has the time stamp n hours.
func split(c flow.Codec, es []byte, most int, begin bool) (out []AccessUnit, starts []int) {
	s := NewSplitter(c)
	rnd := rand.New(rand.NewPCG(1, uint64(most)))
	emit := func(au *AccessUnit) { out = append(out, *au) }
	for at := 0; at < len(es); {
		n := min(len(es)-at, 1+rnd.IntN(most))
		p := &pes.Packet{Parts: [][]byte{es[at : at+n/2], es[at+n/2 : at+n]}, Bytes: n}
		if begin {
			s.Begin(es[at:at+min(n, 100)], emit)
		}
		starts = append(starts, at)
		pts := flow.Ticks(len(starts)) * hour
		s.Push(p, Times{PTS: pts, DTS: pts, Valid: true}, emit)
		at += n
	}
	s.Flush(emit)
	return out, starts
}

const hour = 3600 * flow.TicksPerSecond

// TestSplitterAgainstFFprobe cuts streams at any place into PES packets.
func TestSplitterAgainstFFprobe(t *testing.T) {
	for _, s := range samples {
		t.Run(s.format, func(t *testing.T) {
			es, sizes, keys := s.make(t)
			if d := Detail(s.codec, es[:min(len(es), 4096)]); d != s.detail {
				t.Errorf("detail %q, want %q", d, s.detail)
			}
			for _, most := range []int{100, 3000, 70_000, 10_000_000} {
				got, starts := split(s.codec, es, most, most%3 == 0)
				if len(got) != len(sizes) {
					t.Fatalf("PES up to %d: %d access units, ffprobe finds %d", most, len(got), len(sizes))
				}
				at, last := 0, -1 // position, PES packet of the access unit before
				for i, au := range got {
					if err := spell(es[at:at+sizes[i]], au.Units); err != nil {
						t.Fatalf("PES up to %d: access unit %d at %d: %v", most, i, at, err)
					}
					begin := at // the zero byte of its start code is ours, ffprobe gives some to the unit before
					for kind := Kind(s.codec); kind == flow.KindVideo && begin > 0 && es[begin-1] == 0; {
						begin--
					}
					n, _ := slices.BinarySearch(starts, begin+1) // the PES packet it begins in
					if au.Access != keys[i] || au.Corrupt || !au.Timed || n != last && au.PTS != flow.Ticks(n)*hour ||
						n == last && (au.DTS <= got[i-1].DTS || au.DTS > flow.Ticks(n)*hour+hour/10) {
						t.Fatalf("PES up to %d: access unit %d at %d in PES packet %d: PTS %d, access %v", most, i, at, n, au.PTS, au.Access)
					}
					if head := RandomAccess(s.codec, es[at:]); Judges(s.codec) && head != map[bool]Access{true: AccessYes, false: AccessNo}[keys[i]] {
						t.Errorf("access unit %d: judged %d by its head, key %v", i, head, keys[i])
					}
					at, last = at+sizes[i], n
				}
			}
		})
	}
}

func spell(b []byte, units [][]byte) error {
	for i, u := range units {
		at := bytes.Index(b, u)
		if at < 0 {
			return fmt.Errorf("unit %d of %d bytes is not in %d", i, len(u), len(b))
		}
		if s := bytes.TrimLeft(b[:at], "\x00"); at > 0 && !bytes.Equal(s, []byte{1}) {
			return fmt.Errorf("before unit %d: % x", i, b[:min(at, 20)])
		}
		b = b[at+len(u):]
	}
	if len(bytes.Trim(b, "\x00")) > 0 {
		return fmt.Errorf("%d bytes after the last unit", len(b))
	}
	return nil
}

// TestFieldPictures has an MPEG-2 frame of two field pictures, then a frame.
func TestFieldPictures(t *testing.T) {
	header := []byte{0, 0, 1, 0xB3, 0x2D, 0x02, 0x40, 0x33, 1, 2, 3, 4, 0, 0, 1, 0xB5, 0x14, 0x82, 0, 1, 0, 0}
	pic := func(kind, structure byte) []byte {
		return []byte{0, 0, 1, 0, 0, kind << 3, 0xFF, 0xF8, 0, 0, 1, 0xB5, 0x8F, 0xFF, 0xF0 | structure, 0x80, 0, 0, 1, 1, 0x12, 0x34}
	}
	es := bytes.Join([][]byte{header, pic(1, 1), pic(2, 2), pic(2, 1), pic(2, 2), pic(3, 3), pic(3, 3)}, nil)
	var got []string
	units, _ := split(flow.CodecMPEG2Video, es, 1000, false)
	for _, au := range units {
		got = append(got, fmt.Sprint(len(au.Units[0]), au.Access))
	}
	if want := "[66 true 44 false 22 false 22 false]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if d := Detail(flow.CodecMPEG2Video, es); d != "720x576i25" {
		t.Errorf("detail %q", d)
	}
}

// TestDamage drops bytes from audio and looks for its way back.
func TestDamage(t *testing.T) {
	frame := append([]byte{0xFF, 0xF1, 0x4C, 0x80, 0x06, 0x1F, 0xFC}, bytes.Repeat([]byte{0x55}, 41)...)
	es := bytes.Repeat(frame, 40)
	es = append(es[:100:100], es[130:]...)
	var damaged, other int
	got, _ := split(flow.CodecAAC, es, 1000, false)
	for _, au := range got {
		if len(au.Units[0]) != len(frame) {
			other++
		}
		if au.Corrupt {
			damaged++
		}
	}
	if damaged == 0 || other > 1 || len(got) < 20 {
		t.Errorf("%d frames, %d marked", len(got), damaged)
	}
}

func TestCorruptPacketMarksItsUnits(t *testing.T) {
	s := NewSplitter(flow.CodecTeletext)
	s.Push(&pes.Packet{Parts: [][]byte{{1}}, Bytes: 1, Corrupt: true}, Times{}, func(au *AccessUnit) {
		if !au.Corrupt || au.Timed || len(au.Units) != 1 {
			t.Errorf("%+v", au)
		}
	})
}

// TestStreamWithoutBorder holds that a stream of nothing costs little.
func TestStreamWithoutBorder(t *testing.T) {
	s := NewSplitter(flow.CodecH264)
	begin := []byte{0, 0, 1, 9, 0xF0}
	s.Push(&pes.Packet{Parts: [][]byte{begin}, Bytes: 5}, Times{}, func(*AccessUnit) { t.Error("an access unit") })
	for range 3 * maxJoins {
		s.Push(&pes.Packet{Parts: [][]byte{{1, 2, 3}}, Bytes: 3}, Times{}, func(*AccessUnit) { t.Error("an access unit") })
		if len(s.buf) > 4*maxJoins {
			t.Fatalf("keeps %d bytes", len(s.buf))
		}
	}
}

// TestOpenGOP holds that a recovery point and an intra picture with an SPS count.
func TestOpenGOP(t *testing.T) {
	sps, slice := []byte{0, 0, 1, 0x67, 0x64, 0, 0x1F, 0xAC}, func(kind byte) []byte { return []byte{0, 0, 1, 0x41, kind, 1, 2, 3} }
	const p, i = 0x9A, 0x88 // first_mb 0, slice_type 5 and 7
	sei := []byte{0, 0, 1, 0x06, 0x06, 0x01, 0xC4, 0x80}
	aud := []byte{0, 0, 0, 1, 0x09, 0xF0}
	for _, c := range []struct {
		name string
		au   [][]byte
		want Access
	}{
		{"P", [][]byte{aud, slice(p)}, AccessNo},
		{"P with SPS", [][]byte{aud, sps, slice(p)}, AccessNo},
		{"I", [][]byte{aud, slice(i)}, AccessNo},
		{"I with SPS", [][]byte{aud, sps, slice(i)}, AccessYes},
		{"recovery point", [][]byte{aud, sei, slice(p)}, AccessYes},
		{"only SPS yet", [][]byte{aud, sps}, AccessLikely},
		{"nothing yet", [][]byte{aud}, AccessUnknown},
		{"second part of an IDR picture", [][]byte{{0, 0, 1, 0x65, 0x40, 1, 2, 3}}, AccessNo},
	} {
		if got := RandomAccess(flow.CodecH264, bytes.Join(c.au, nil)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzTrack(f *testing.F) {
	f.Add(byte(6), []byte("\x52\x01\x05\x0a\x04eng\x00\x6a\x01\x00"))
	f.Add(byte(6), []byte("\x59\x08deu\x10\x00\x01\x00\x01\x7f\x01\x15"))
	f.Fuzz(func(t *testing.T, stype byte, info []byte) {
		if tr := Track(1, stype, info); int(tr.Codec) >= len(rows) || len(tr.Language)%3 != 0 {
			t.Errorf("%+v", tr)
		}
	})
}

func FuzzSplitter(f *testing.F) {
	f.Add(byte(flow.CodecH264), uint16(30), []byte{0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x67, 0x64, 0, 0x1F, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1, 0x41, 0x9A, 4})
	f.Add(byte(flow.CodecHEVC), uint16(7), []byte{0, 0, 0, 1, 0x46, 1, 0x50, 0, 0, 1, 0x42, 1, 1, 0, 0, 1, 0x26, 1, 0xAF, 0, 0, 1, 2, 1, 0xD0})
	f.Add(byte(flow.CodecMPEG2Video), uint16(7), []byte{0, 0, 1, 0xB3, 0x2D, 2, 0x40, 0x33, 1, 2, 3, 4, 0, 0, 1, 0, 0, 8, 0, 0, 1, 1, 2, 0, 0, 1, 0, 0, 16})
	f.Add(byte(flow.CodecAAC), uint16(9), bytes.Repeat([]byte{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x1F, 0xFC, 1}, 4))
	f.Add(byte(flow.CodecAC3), uint16(200), append([]byte{0x0B, 0x77, 1, 2, 0, 0x40, 0x2F}, make([]byte, 130)...))
	f.Add(byte(flow.CodecEAC3), uint16(20), append([]byte{0x0B, 0x77, 0, 7, 0x34, 0x80, 0x2F}, make([]byte, 30)...))
	f.Add(byte(flow.CodecMPEGAudio), uint16(500), append([]byte{0xFF, 0xFD, 0x14, 0x04}, make([]byte, 200)...))
	f.Add(byte(flow.CodecAACLATM), uint16(50), append([]byte{0x56, 0xE0, 10, 0x20, 0, 0x11, 0x90}, make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, codec byte, most uint16, es []byte) {
		total := 0
		got, _ := split(flow.Codec(codec), es, int(most)+1, most&1 == 0)
		for _, au := range got {
			for _, u := range au.Units {
				total += len(u)
			}
		}
		if total > len(es) {
			t.Errorf("%d bytes in access units of %d", total, len(es))
		}
		Detail(flow.Codec(codec), es)
		RandomAccess(flow.Codec(codec), es)
	})
}
