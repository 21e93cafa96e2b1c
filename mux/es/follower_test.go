package es

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sigma/mux/flow"
)

// capture is an elementary stream that ffmpeg made, with what ffprobe says of it and
// what ffmpeg writes for it into MP4.
type capture struct {
	path, demuxer string
	bytes         []byte
	probe         probed
}

// probed is what ffprobe says of the first stream of a file.
type probed struct {
	Codec      string `json:"codec_name"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	SAR        string `json:"sample_aspect_ratio"`
	Rate       string `json:"r_frame_rate"`
	Field      string `json:"field_order"`
	BFrames    int    `json:"has_b_frames"`
	Primaries  string `json:"color_primaries"`
	Transfer   string `json:"color_transfer"`
	Matrix     string `json:"color_space"`
	Range      string `json:"color_range"`
	SampleRate string `json:"sample_rate"`
	Channels   int    `json:"channels"`
	Frames     string `json:"nb_read_frames"`
	Profile    string `json:"profile"`
}

// run runs a tool and returns its output; the test is skipped where it is missing.
func run(t testing.TB, tool string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
	cmd := exec.Command(tool, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", tool, strings.Join(args, " "), err, errs.String())
	}
	return out
}

// ffmpeg makes an elementary stream in the given format.
func ffmpeg(t testing.TB, format, demuxer, args string) *capture {
	t.Helper()
	c := &capture{path: filepath.Join(t.TempDir(), "es"), demuxer: demuxer}
	line := "-nostdin -v error " + args + " -f " + format + " " + c.path
	run(t, "ffmpeg", strings.Fields(line)...)
	c.read(t)
	return c
}

func (c *capture) read(t testing.TB) {
	t.Helper()
	var err error
	if c.bytes, err = os.ReadFile(c.path); err != nil {
		t.Fatal(err)
	}
	out := run(t, "ffprobe", "-v", "error", "-f", c.demuxer, "-count_frames", "-show_streams", "-of", "json", c.path)
	var list struct{ Streams []probed }
	if err := json.Unmarshal(out, &list); err != nil || len(list.Streams) == 0 {
		t.Fatalf("ffprobe says %q: %v", out, err)
	}
	c.probe = list.Streams[0]
}

// box returns the body of the configuration box of the sample entry that ffmpeg
// writes when it copies the stream into MP4.
func (c *capture) box(t testing.TB, kind string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mp4")
	line := append([]string{"-nostdin", "-v", "error", "-f", c.demuxer, "-i", c.path, "-c", "copy"}, args...)
	run(t, "ffmpeg", append(line, "-f", "mp4", path)...)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("stsd"))
	if at < 0 {
		t.Fatal("no sample description")
	}
	i := bytes.Index(b[at:], []byte(kind))
	if i < 4 {
		t.Fatalf("no %s in what ffmpeg wrote", kind)
	}
	i += at
	size := int(binary.BigEndian.Uint32(b[i-4:]))
	return b[i+4 : i-4+size]
}

// follow runs a stream through a Splitter and a Follower, and returns the access units
// and how often the format changed.
func follow(c flow.Codec, es []byte) (f *Follower, units []AccessUnit, changes int) {
	f = NewFollower(c)
	units, _ = split(c, es, 3000, true)
	for _, au := range units {
		if f.Push(au.Units) {
			changes++
		}
	}
	return f, units, changes
}

func ratio(num, den int, sep string) string { return strconv.Itoa(num) + sep + strconv.Itoa(den) }

// checkVideo compares a format with what ffprobe says.
func checkVideo(t *testing.T, f *Format, p probed) {
	t.Helper()
	if f.Width != p.Width || f.Height != p.Height {
		t.Errorf("%dx%d, ffprobe says %dx%d", f.Width, f.Height, p.Width, p.Height)
	}
	if sar := ratio(f.SARNum, f.SARDen, ":"); sar != p.SAR && p.SAR != "" && p.SAR != "N/A" {
		t.Errorf("sample aspect ratio %s, ffprobe says %s", sar, p.SAR)
	}
	if rate := ratio(f.RateNum, f.RateDen, "/"); rate != p.Rate && (f.Codec != flow.CodecAV1 || f.RateNum > 0) { // AV1 seldom tells; ffprobe guesses 25
		t.Errorf("frame rate %s, ffprobe says %s", rate, p.Rate)
	}
	if interlaced := p.Field != "progressive" && p.Field != "unknown" && p.Field != ""; f.Interlaced != interlaced {
		t.Errorf("interlaced %v, ffprobe says %s", f.Interlaced, p.Field)
	}
	// Of MPEG-2 ffprobe only says whether B-pictures are allowed.
	if f.Reordered != (p.BFrames > 0) && (f.Reordered || !strings.HasPrefix(f.RFC6381, "mp4v")) {
		t.Errorf("reordered %v, ffprobe says %d", f.Reordered, p.BFrames)
	}
	name := func(table map[uint8]string, v uint8) string {
		if v == 0 || v == 2 {
			return ""
		}
		return table[v]
	}
	primaries := map[uint8]string{1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020"}
	transfer := map[uint8]string{1: "bt709", 5: "bt470bg", 6: "smpte170m", 14: "bt2020-10", 16: "smpte2084", 18: "arib-std-b67"}
	matrix := map[uint8]string{1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020nc"}
	if name(primaries, f.Colour.Primaries) != p.Primaries || name(transfer, f.Colour.Transfer) != p.Transfer || name(matrix, f.Colour.Matrix) != p.Matrix {
		t.Errorf("colour %+v, ffprobe says %q %q %q", f.Colour, p.Primaries, p.Transfer, p.Matrix)
	}
	if f.Colour.FullRange != (p.Range == "pc") {
		t.Errorf("colour %+v, ffprobe says range %q", f.Colour, p.Range)
	}
}

var videoCases = []struct {
	name    string
	codec   flow.Codec
	format  string
	args    string
	rfc6381 string
	box     string
	boxArgs []string
}{
	{"H.264", flow.CodecH264, "h264", "testsrc2=size=320x180:rate=25 -c:v libx264 -preset veryfast -g 20 -bf 2 -profile:v high -level 3.1", "avc1.64001f", "avcC", nil},
	{"H.264 baseline", flow.CodecH264, "h264", "testsrc2=size=320x240:rate=30000/1001 -pix_fmt yuv420p -c:v libx264 -preset veryfast -profile:v baseline -level 3", "avc1.42c01e", "avcC", nil},
	{"H.264 main no B", flow.CodecH264, "h264", "testsrc2=size=320x240:rate=24 -c:v libx264 -preset veryfast -bf 0 -profile:v main -level 4", "avc1.4d4028", "avcC", nil},
	{"H.264 pyramid", flow.CodecH264, "h264", "testsrc2=size=320x240:rate=50 -c:v libx264 -preset veryfast -bf 4 -b-pyramid normal -refs 4 -x264-params b-adapt=0 -level 4", "avc1.640028", "avcC", nil},
	{"H.264 MBAFF", flow.CodecH264, "h264", "testsrc2=size=720x576:rate=25 -vf setsar=16/11,setfield=tff -flags +ildct+ilme -c:v libx264 -preset veryfast -level 3", "avc1.64001e", "avcC", nil},
	{"H.264 1080", flow.CodecH264, "h264", "testsrc2=size=1920x1080:rate=25 -c:v libx264 -preset ultrafast -t 0.2 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv -level 4", "avc1.42c028", "avcC", nil},
	{"H.264 High10", flow.CodecH264, "h264", "testsrc2=size=320x180:rate=25 -pix_fmt yuv420p10 -c:v libx264 -preset veryfast -level 3.1 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc", "avc1.6e001f", "avcC", nil},
	{"H.264 4:2:2", flow.CodecH264, "h264", "testsrc2=size=322x182:rate=25 -pix_fmt yuv422p -c:v libx264 -preset veryfast -level 3.1 -color_range pc", "avc1.7a001f", "avcC", nil},
	{"H.264 4:4:4", flow.CodecH264, "h264", "testsrc2=size=321x183:rate=25 -pix_fmt yuv444p -c:v libx264 -preset veryfast -level 3.1", "avc1.f4001f", "avcC", nil},
	{"H.264 grey", flow.CodecH264, "h264", "testsrc2=size=323x181:rate=25 -pix_fmt gray -c:v libx264 -preset veryfast -level 3.1", "avc1.64001f", "avcC", nil},
	{"MPEG-2", flow.CodecMPEG2Video, "mpeg2video", "testsrc2=size=720x576:rate=25 -vf setdar=16/9 -c:v mpeg2video -bf 2 -color_primaries bt470bg -color_trc gamma28 -colorspace bt470bg", "mp4v.61", "", nil},
	{"MPEG-2 interlaced", flow.CodecMPEG2Video, "mpeg2video", "testsrc2=size=720x480:rate=30000/1001 -vf setdar=4/3 -c:v mpeg2video -flags +ildct+ilme", "mp4v.61", "", nil},
	{"MPEG-2 4:2:2", flow.CodecMPEG2Video, "mpeg2video", "testsrc2=size=720x576:rate=50 -pix_fmt yuv422p -c:v mpeg2video", "mp4v.65", "", nil},
	{"MPEG-1", flow.CodecMPEG1Video, "mpeg1video", "testsrc2=size=352x288:rate=24 -c:v mpeg1video -bf 2", "mp4v.6A", "", nil},
	{"AV1", flow.CodecAV1, "obu", "testsrc2=size=320x180:rate=25 -pix_fmt yuv420p -c:v libsvtav1 -preset 12 -g 20", "av01.0.00M.08", "av1C", nil},
	{"AV1 10 bit HDR", flow.CodecAV1, "obu", "testsrc2=size=322x182:rate=25 -pix_fmt yuv420p10 -c:v libsvtav1 -preset 12 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc", "av01.0.00M.10.0.110.09.16.09.0", "av1C", nil},
	{"HEVC main", flow.CodecHEVC, "hevc", "testsrc2=size=320x180:rate=25 -pix_fmt yuv420p -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20:bframes=3:level-idc=3.1", "hvc1.1.6.L93.90", "hvcC", []string{"-tag:v", "hvc1"}},
	{"HEVC main10", flow.CodecHEVC, "hevc", "testsrc2=size=642x362:rate=60000/1001 -vf setsar=4/3 -pix_fmt yuv420p10 -c:v libx265 -preset ultrafast -t 0.5 -x265-params log-level=none:level-idc=4:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hrd=1:vbv-maxrate=4000:vbv-bufsize=4000:scaling-list=default", "hvc1.2.4.L120.90", "hvcC", []string{"-tag:v", "hvc1"}},
	{"HEVC 4:2:2 no B", flow.CodecHEVC, "hevc", "testsrc2=size=322x182:rate=25 -pix_fmt yuv422p10 -c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=0:wpp=1:level-idc=3.1", "hvc1.4.10.L93.9D.8", "hvcC", []string{"-tag:v", "hvc1"}},
}

func TestVideoAgainstFFmpeg(t *testing.T) {
	for _, c := range videoCases {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if !strings.Contains(args, " -t ") {
				args += " -t 2"
			}
			demuxer := c.format
			if strings.HasPrefix(demuxer, "mpeg") {
				demuxer = "mpegvideo"
			}
			stream := ffmpeg(t, c.format, demuxer, "-f lavfi -i "+args+" -threads 1")
			f, units, changes := follow(c.codec, stream.bytes)
			got := f.Format()
			if got == nil || changes != 1 {
				t.Fatalf("format %+v, %d changes", got, changes)
			}
			checkVideo(t, got, stream.probe)
			if strconv.Itoa(len(units)) != stream.probe.Frames {
				t.Errorf("%d access units, ffprobe finds %s frames", len(units), stream.probe.Frames)
			}
			if got.RFC6381 != c.rfc6381 {
				t.Errorf("%s, want %s", got.RFC6381, c.rfc6381)
			}
			if c.box != "" {
				if want := stream.box(t, c.box, c.boxArgs...); !bytes.Equal(got.Record, want) {
					t.Errorf("record\n%x, ffmpeg writes\n%x", got.Record, want)
				}
			}
		})
	}
}

// descriptor returns the body of the descriptor with the given tag in the body of an
// esds box (ISO/IEC 14496-1 clause 7.2.2), nil if there is none.
func descriptor(esds []byte, tag byte) []byte {
	b := esds[4:]
	for len(b) > 2 {
		t, size, i := b[0], 0, 1
		for more := true; more && i < len(b); i++ {
			size, more = size<<7|int(b[i]&0x7F), b[i]&0x80 != 0
		}
		if b = b[i:]; t == tag {
			return b[:size]
		}
		switch t {
		case 3:
			b = b[3:]
		case 4:
			b = b[13:]
		default:
			b = b[size:]
		}
	}
	return nil
}

var audioCases = []struct {
	name            string
	codec           flow.Codec
	format, demuxer string
	args            string
	rfc6381         string
	box             string // whose body is the record; esds: whose specific info
	samples         int
}{
	{"AAC", flow.CodecAAC, "adts", "aac", "-ac 2 -c:a aac", "mp4a.40.2", "esds", 1024},
	{"AAC 5.1", flow.CodecAAC, "adts", "aac", "-ac 6 -ar 44100 -c:a aac", "mp4a.40.2", "esds", 1024},
	{"AAC low rate", flow.CodecAAC, "adts", "aac", "-ac 1 -ar 22050 -c:a aac", "mp4a.40.2", "esds", 1024},
	{"AAC main", flow.CodecAAC, "adts", "aac", "-ac 2 -c:a aac -profile:a aac_main", "mp4a.40.1", "esds", 1024},
	{"LATM", flow.CodecAACLATM, "latm", "loas", "-ac 2 -c:a aac", "mp4a.40.2", "", 1024},
	{"LATM mono", flow.CodecAACLATM, "latm", "loas", "-ac 1 -ar 32000 -c:a aac", "mp4a.40.2", "", 1024},
	{"MP2", flow.CodecMPEGAudio, "mp2", "mp3", "-ac 2 -c:a mp2", "mp4a.40.33", "", 1152},
	{"MP3", flow.CodecMPEGAudio, "mp3", "mp3", "-ac 2 -c:a libmp3lame -write_xing 0 -id3v2_version 0", "mp4a.6B", "", 1152},
	{"MP3 low rate", flow.CodecMPEGAudio, "mp3", "mp3", "-ar 22050 -ac 1 -c:a libmp3lame -write_xing 0 -id3v2_version 0", "mp4a.69", "", 576},
	{"AC-3", flow.CodecAC3, "ac3", "ac3", "-ac 6 -c:a ac3 -b:a 448k", "ac-3", "dac3", 1536},
	{"AC-3 stereo", flow.CodecAC3, "ac3", "ac3", "-ac 2 -ar 44100 -c:a ac3", "ac-3", "dac3", 1536},
	{"AC-3 mono", flow.CodecAC3, "ac3", "ac3", "-ac 1 -ar 32000 -c:a ac3", "ac-3", "dac3", 1536},
	{"E-AC-3", flow.CodecEAC3, "eac3", "eac3", "-ac 6 -c:a eac3 -b:a 384k", "ec-3", "dec3", 1536},
	{"E-AC-3 stereo", flow.CodecEAC3, "eac3", "eac3", "-ac 2 -c:a eac3 -b:a 128k", "ec-3", "dec3", 1536},
}

func TestAudioAgainstFFmpeg(t *testing.T) {
	for _, c := range audioCases {
		t.Run(c.name, func(t *testing.T) {
			stream := ffmpeg(t, c.format, c.demuxer, "-f lavfi -i sine=frequency=440:sample_rate=48000 "+c.args+" -t 2")
			f, units, changes := follow(c.codec, stream.bytes)
			got := f.Format()
			if got == nil || changes != 1 {
				t.Fatalf("format %+v, %d changes", got, changes)
			}
			if p := stream.probe; strconv.Itoa(got.SampleRate) != p.SampleRate || got.Channels != p.Channels {
				t.Errorf("%d Hz, %d channels, ffprobe says %s and %d", got.SampleRate, got.Channels, p.SampleRate, p.Channels)
			}
			if got.RFC6381 != c.rfc6381 || got.FrameSamples != c.samples {
				t.Errorf("%s, %d samples, want %s, %d", got.RFC6381, got.FrameSamples, c.rfc6381, c.samples)
			}
			var payload []byte
			for _, au := range units {
				payload = f.AppendSample(payload, au.Units)
				if !f.Sync(au.Units) {
					t.Error("not a random access point")
				}
			}
			if want := stream.samples(t); c.box != "" && !bytes.Equal(payload, want) {
				t.Errorf("samples of %d bytes, ffmpeg writes %d", len(payload), len(want))
			}
			switch c.box {
			case "":
			case "esds":
				if want := descriptor(stream.box(t, "esds"), 5); !bytes.Equal(got.Record, bytes.TrimSuffix(want, []byte{0x56, 0xE5, 0})) {
					t.Errorf("configuration %x, ffmpeg writes %x", got.Record, want)
				}
			default:
				if want := stream.box(t, c.box); !bytes.Equal(got.Record, want) {
					t.Errorf("record %x, ffmpeg writes %x", got.Record, want)
				}
			}
		})
	}
}

// samples returns what ffmpeg puts as samples into a container, one after the other.
func (c *capture) samples(t testing.TB) []byte {
	t.Helper()
	line := []string{"-nostdin", "-v", "error", "-f", c.demuxer, "-i", c.path, "-c", "copy"}
	if c.probe.Codec == "aac" && c.demuxer == "aac" {
		line = append(line, "-bsf:a", "aac_adtstoasc")
	}
	return run(t, "ffmpeg", append(line, "-f", "data", "-map", "0:a", "-")...)
}
