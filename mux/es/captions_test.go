package es

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigma/mux/flow"
)

// ccData makes user data of ATSC with the given packets.
func ccData(packets []CaptionPacket) []byte {
	b := append([]byte("\xB5\x00\x31GA94\x03"), 0x40|byte(len(packets)), 0xFF)
	for _, p := range packets {
		b = append(b, 0xFC|byte(p.Kind), p.Data[0], p.Data[1])
	}
	return append(b, 0xFF)
}

// captionSEI is an SEI NAL unit of H.264 with caption packets.
func captionSEI(packets []CaptionPacket) []byte {
	d := ccData(packets)
	return append([]byte{6}, append(escape(append([]byte{4, byte(len(d))}, d...)), 0x80)...)
}

func parity(b byte) byte {
	ones := 0
	for i := range 7 {
		ones += int(b >> i & 1)
	}
	if ones%2 == 0 {
		b |= 0x80
	}
	return b
}

// captionScript is the packets of each frame in presentation order: "HELLO" on CC1 over
// and over, roll-up on CC3, and service 1 and 2 of CEA-708.
func captionScript(frames int) (script [][]CaptionPacket) {
	codes := [][2]byte{{0x14, 0x20}, {0x14, 0x20}, {0x14, 0x70}, {0x14, 0x70}, {'H', 'E'}, {'L', 'L'}, {'O', 0}, {0x14, 0x2F}, {0x14, 0x2F}}
	for i := range frames {
		cc := [2]byte{0, 0}
		if k := i % 25; k < len(codes) {
			cc = codes[k]
		}
		list := []CaptionPacket{{CaptionField1, [2]byte{parity(cc[0]), parity(cc[1])}}}
		field2 := [2]byte{0, 0}
		if i%25 == 3 {
			field2 = [2]byte{0x15, 0x25}
		}
		list = append(list, CaptionPacket{CaptionField2, [2]byte{parity(field2[0]), parity(field2[1])}})
		// A packet of six bytes: two of service 1, one of service 2; the frame says its number.
		list = append(list,
			CaptionPacket{CaptionDTVCCStart, [2]byte{byte(i&3)<<6 | 3, 1<<5 | 2}},
			CaptionPacket{CaptionDTVCC, [2]byte{'a' + byte(i%26), 'A' + byte(i/26)}},
			CaptionPacket{CaptionDTVCC, [2]byte{2<<5 | 1, 'x'}})
		script = append(script, list)
	}
	return script
}

// withCaptions puts the captions into a stream without B-pictures.
func withCaptions(t *testing.T, c flow.Codec, format, args string, script [][]CaptionPacket) string {
	t.Helper()
	plain := ffmpeg(t, format, format, fmt.Sprintf("-f lavfi -i testsrc2=size=320x240:rate=30000/1001 -frames:v %d %s -threads 1", len(script), args))
	units, _ := split(c, plain.bytes, 3000, false)
	if len(units) != len(script) {
		t.Fatalf("%d access units", len(units))
	}
	var out []byte
	for i, au := range units {
		done := false
		for _, nal := range au.Units {
			if k := map[flow.Codec]func([]byte) nalClass{flow.CodecH264: h264Class, flow.CodecHEVC: hevcClass}[c](nal); !done && k == nalFirst {
				sei := captionSEI(script[i])
				if c == flow.CodecHEVC {
					sei = append([]byte{hevcPrefixSEI << 1, 1}, sei[1:]...)
				}
				out = append(append(out, 0, 0, 0, 1), sei...)
				done = true
			}
			out = append(append(out, 0, 0, 0, 1), nal...)
		}
	}
	raw, timed := filepath.Join(t.TempDir(), "es"), filepath.Join(t.TempDir(), "ts")
	if err := os.WriteFile(raw, out, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "ffmpeg", "-nostdin", "-v", "error", "-f", format, "-i", raw, "-c", "copy", "-f", "mpegts", timed)
	text := run(t, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "movie="+timed+"[out+subcc]", "-map", "0:s", "-f", "srt", "-")
	if !strings.Contains(string(text), "HELLO") {
		t.Fatalf("ffmpeg reads %q", text)
	}
	return timed
}

// TestCaptionsAgainstFFmpeg has ffmpeg decode the captions that were put into H.264 and
// HEVC, and move them into streams with B-pictures: what is found there, brought into
// presentation order, are the same.
func TestCaptionsAgainstFFmpeg(t *testing.T) {
	script := captionScript(120)
	avc := withCaptions(t, flow.CodecH264, "h264", "-c:v libx264 -preset ultrafast -bf 0", script)
	hevc := withCaptions(t, flow.CodecHEVC, "hevc", "-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=0", script)
	for _, c := range []struct {
		codec                flow.Codec
		source, format, args string
	}{
		{flow.CodecH264, avc, "h264", "-c:v copy"},
		{flow.CodecHEVC, hevc, "hevc", "-c:v copy"},
		{flow.CodecH264, avc, "h264", "-c:v libx264 -preset veryfast -bf 3 -g 20 -a53cc 1"},
		{flow.CodecMPEG2Video, avc, "mpeg2video", "-c:v mpeg2video -bf 2 -a53cc 1"},
		{flow.CodecMPEG2Video, hevc, "mpeg2video", "-c:v mpeg2video -bf 2 -a53cc 1"},
	} {
		t.Run(c.format+c.args, func(t *testing.T) {
			timed, raw := filepath.Join(t.TempDir(), "ts"), filepath.Join(t.TempDir(), "es")
			run(t, "ffmpeg", strings.Fields("-nostdin -v error -i "+c.source+" "+c.args+" -threads 1 -f mpegts "+timed)...)
			run(t, "ffmpeg", "-nostdin", "-v", "error", "-i", timed, "-c", "copy", "-f", c.format, raw)
			b, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			f, units, changes := follow(c.codec, b)
			if got := f.Format(); changes != 1 || !slices.Equal(got.Captions, []string{"CC1", "CC3", "SERVICE1", "SERVICE2"}) {
				t.Errorf("captions %v, %d changes", got.Captions, changes)
			}
			pts := presentation(t, timed)
			if len(pts) != len(units) {
				t.Fatalf("%d access units, ffprobe finds %d", len(units), len(pts))
			}
			var q CaptionQueue
			var got, want []string
			emit := func(_ flow.Ticks, p []CaptionPacket) { got = append(got, fmt.Sprint(essential(p))) }
			for i := range units {
				var list []CaptionPacket
				f.Captions(units[i].Units, func(cc CaptionPacket) { list = append(list, cc) })
				q.Push(pts[i], list)
				q.Pop(pts[i]-maxReorder*3003, emit)
			}
			q.Pop(1<<60, emit)
			for _, p := range script {
				want = append(want, fmt.Sprint(essential(p)))
			}
			if !slices.Equal(got, want) {
				t.Errorf("found\n%v\nwant\n%v", got, want)
			}
		})
	}
}

// essential leaves out padding that encoders add.
func essential(p []CaptionPacket) (out []CaptionPacket) {
	for _, cc := range p {
		if cc.Data != [2]byte{0x80, 0x80} && cc.Data != [2]byte{0, 0} {
			out = append(out, cc)
		}
	}
	return out
}

// presentation returns the PTS of the packets that ffprobe finds.
func presentation(t *testing.T, path string) (pts []flow.Ticks) {
	t.Helper()
	out := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", path)
	for _, l := range strings.Fields(string(out)) {
		v, err := strconv.ParseInt(strings.TrimRight(l, ","), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		pts = append(pts, flow.Ticks(v))
	}
	return pts
}

func TestCaptionQueue(t *testing.T) {
	var q CaptionQueue
	var got []flow.Ticks
	emit := func(pts flow.Ticks, _ []CaptionPacket) { got = append(got, pts) }
	for dts, pts := range []flow.Ticks{2, 5, 3, 4, 8, 6, 7} {
		q.Push(pts, make([]CaptionPacket, 1))
		q.Pop(flow.Ticks(dts), emit)
	}
	if fmt.Sprint(got) != "[2 3 4 5 6]" {
		t.Errorf("%v", got)
	}
	for i := range 1000 {
		q.Push(flow.Ticks(1000+i), make([]CaptionPacket, 1))
		q.Pop(0, emit)
	}
	if len(q.units) > maxCaptionQueue {
		t.Errorf("%d wait", len(q.units))
	}
}

func FuzzCaptions(f *testing.F) {
	script := captionScript(4)
	f.Add(byte(flow.CodecH264), captionSEI(script[3]))
	f.Add(byte(flow.CodecHEVC), append([]byte{39 << 1}, captionSEI(script[0])...))
	f.Add(byte(flow.CodecMPEG2Video), append([]byte{0, 0, 1, 0xB2}, ccData(script[1])[3:]...))
	f.Fuzz(func(t *testing.T, codec byte, unit []byte) {
		fl := NewFollower(flow.Codec(codec))
		n := 0
		fl.Captions([][]byte{unit}, func(CaptionPacket) { n++ })
		if n > len(unit)/3 {
			t.Errorf("%d packets in %d bytes", n, len(unit))
		}
		for range 3 {
			fl.captions.look(flow.Codec(codec), [][]byte{unit})
		}
		if len(fl.captions.packet) > 130 {
			t.Errorf("keeps %d bytes", len(fl.captions.packet))
		}
		if bytes.Contains([]byte(strings.Join(fl.captions.names(), " ")), []byte("SERVICE0 ")) {
			t.Error("service 0")
		}
	})
}
