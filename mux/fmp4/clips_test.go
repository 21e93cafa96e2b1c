package fmp4

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// clip is a short stream that ffmpeg makes, and what is known of it.
type clip struct {
	name  string
	args  []string // after the input
	entry string
	want  es.Format // what the sample entry tells; Record is not compared
	ext   string    // of a file that can hold it
}

const (
	picture = "testsrc2=size=320x180:rate=25:duration=2"
	sound   = "sine=frequency=500:sample_rate=48000:duration=2"
)

// clips are made of picture or of sound, as the format says.
var clips = []clip{
	{"h264", []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p", "-aspect", "16:9"}, "avc1",
		es.Format{Codec: flow.CodecH264, RFC6381: "avc1.64000c", Width: 320, Height: 180, SARNum: 1, SARDen: 1}, "mp4"},
	{"hevc", []string{"-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error",
		"-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"}, "hvc1",
		es.Format{Codec: flow.CodecHEVC, RFC6381: "hvc1.2.4.L60.90", Width: 320, Height: 180, SARNum: 1, SARDen: 1, Colour: es.Colour{Primaries: 1, Transfer: 1, Matrix: 1}}, "mp4"},
	{"av1", []string{"-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-pix_fmt", "yuv420p"}, "av01",
		es.Format{Codec: flow.CodecAV1, RFC6381: "av01.0.00M.08", Width: 320, Height: 180, SARNum: 1, SARDen: 1}, "mp4"},
	{"vp9", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"}, "vp09",
		es.Format{Codec: flow.CodecVP9, RFC6381: "vp09.00.11.08", Width: 320, Height: 180, SARNum: 1, SARDen: 1}, "mp4"},
	{"mpeg2", []string{"-c:v", "mpeg2video", "-bf", "2", "-g", "12", "-b:v", "1M", "-aspect", "4:3"}, "mp4v",
		es.Format{Codec: flow.CodecMPEG2Video, RFC6381: "mp4v.61", Width: 320, Height: 180, SARNum: 3, SARDen: 4}, "mp4"},
	{"aac", []string{"-c:a", "aac", "-ac", "2"}, "mp4a",
		es.Format{Codec: flow.CodecAAC, RFC6381: "mp4a.40.2", SampleRate: 48000, Channels: 2, FrameSamples: 1024}, "mp4"},
	{"mp2", []string{"-c:a", "mp2", "-ac", "2"}, "mp4a",
		es.Format{Codec: flow.CodecMPEGAudio, RFC6381: "mp4a.6B", SampleRate: 48000, Channels: 2, FrameSamples: 1152}, "mp4"},
	{"ac3", []string{"-c:a", "ac3", "-ac", "6"}, "ac-3",
		es.Format{Codec: flow.CodecAC3, RFC6381: "ac-3", SampleRate: 48000, Channels: 6, FrameSamples: 1536}, "mp4"},
	{"eac3", []string{"-c:a", "eac3", "-ac", "6"}, "ec-3",
		es.Format{Codec: flow.CodecEAC3, RFC6381: "ec-3", SampleRate: 48000, Channels: 6, FrameSamples: 1536}, "mp4"},
	{"opus", []string{"-c:a", "libopus", "-ac", "2"}, "Opus",
		es.Format{Codec: flow.CodecOpus, RFC6381: "opus", SampleRate: 48000, Channels: 2}, "mp4"},
	{"alaw", []string{"-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"}, "alaw",
		es.Format{Codec: flow.CodecPCMA, RFC6381: "alaw", SampleRate: 8000, Channels: 1}, "mov"},
}

// variants are the ways in which ffmpeg writes a file: the flags of its muxer.
var variants = map[string][]string{
	"plain":    nil,
	"shifted":  {"-use_editlist", "0"},
	"cmaf":     {"-movflags", "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+delay_moov"},
	"dash":     {"-movflags", "+dash+frag_keyframe+empty_moov+default_base_moof+global_sidx", "-frag_duration", "200000"},
	"relative": {"-movflags", "+frag_keyframe+empty_moov+omit_tfhd_offset"},
	"absolute": {"-movflags", "+frag_keyframe", "-frag_duration", "300000"},
	"ismv":     {"-f", "ismv"},
}

// all reports whether a clip is written in every variant; of others there are the
// first ones.
func (c *clip) all() bool { return c.name == "h264" || c.name == "aac" }

func (c *clip) has(variant string) bool {
	return c.all() || variant == "plain" || variant == "shifted" || variant == "cmaf"
}

var made struct {
	sync.Once
	dir string
	err string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if made.dir != "" {
		os.RemoveAll(made.dir)
	}
	os.Exit(code)
}

// file returns the path of a clip as ffmpeg writes it. All are made at once, in two
// runs: most of what that takes is the start of ffmpeg.
func (c *clip) file(t testing.TB, variant string) string {
	t.Helper()
	made.Do(func() { made.err = makeClips() })
	if made.err != "" {
		t.Fatal(made.err)
	}
	return filepath.Join(made.dir, c.name+"-"+variant+"."+c.ext)
}

func makeClips() string {
	dir, err := os.MkdirTemp("", "fmp4")
	if err != nil {
		return err.Error()
	}
	made.dir = dir
	encode := []string{"-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound}
	var sources, copies []string
	for i, c := range clips {
		source := filepath.Join(dir, c.name+".mkv")
		input := "1"
		if c.want.Width > 0 {
			input = "0"
		}
		encode = append(encode, "-map", input)
		encode = append(encode, c.args...)
		encode = append(encode, "-metadata:s:0", "language=vie", source)
		sources = append(sources, "-i", source)
		for name, flags := range variants {
			if !c.has(name) {
				continue
			}
			copies = append(copies, "-map", strconv.Itoa(i), "-c", "copy", "-tag:v", "0")
			if c.name == "hevc" {
				copies = append(copies, "-tag:v", "hvc1")
			}
			copies = append(copies, flags...)
			copies = append(copies, "-video_track_timescale", "90000", filepath.Join(dir, c.name+"-"+name+"."+c.ext))
		}
	}
	if out := try("ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, encode...)...); out.failed != "" {
		return out.failed
	}
	return try("ffmpeg", slices.Concat([]string{"-v", "error", "-nostdin", "-y"}, sources, copies)...).failed
}

type output struct {
	stdout []byte
	failed string
}

// try runs a command; a word on its error output is a failure.
func try(name string, args ...string) output {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SVT_LOG=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		return output{out, fmt.Sprintf("%s ... %s: %v\n%s", name, args[len(args)-1], err, stderr.Bytes())}
	}
	return output{stdout: out}
}

// ffmpeg runs ffmpeg and returns what it writes.
func ffmpeg(t testing.TB, args ...string) []byte {
	t.Helper()
	out := try("ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	if out.failed != "" {
		t.Fatal(out.failed)
	}
	return out.stdout
}

// packet is what ffprobe says of a sample.
type packet struct {
	PTS, DTS, Duration, Size int64
	Pos                      int64
	Sync                     bool
	Hash                     string
}

// packets returns the packets of a file as ffprobe reads them, edit lists left out.
// What it says of durations is partly that of the decoder: those here are from one
// DTS to the next, and of the last packet none.
func packets(t testing.TB, path string) []packet {
	t.Helper()
	out := try("ffprobe", "-v", "error", "-ignore_editlist", "1", "-show_packets", "-show_data_hash", "md5", "-of", "json", path)
	if out.failed != "" {
		t.Fatal(out.failed)
	}
	var v struct {
		Packets []struct {
			PTS       int64 `json:"pts"`
			DTS       int64 `json:"dts"`
			Duration  int64 `json:"duration"`
			Size, Pos string
			Flags     string
			Hash      string `json:"data_hash"`
		}
	}
	if err := json.Unmarshal(out.stdout, &v); err != nil {
		t.Fatal(err)
	}
	all := make([]packet, len(v.Packets))
	for i, p := range v.Packets {
		size, _ := strconv.ParseInt(p.Size, 10, 64)
		pos, _ := strconv.ParseInt(p.Pos, 10, 64)
		all[i] = packet{p.PTS, p.DTS, 0, size, pos, strings.HasPrefix(p.Flags, "K"), p.Hash}
	}
	for i := range len(all) - 1 {
		all[i].Duration = all[i+1].DTS - all[i].DTS
	}
	if len(all) == 0 {
		t.Fatalf("ffprobe finds no packets in %s", path)
	}
	return all
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
