package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Recording is a transport stream of the tests: what it holds and how it is made.
// All are of constant bit rate and repeat without a break of their pictures.
type Recording struct {
	Name string
	Rate int64    // bit/s
	make []string // arguments of the program, whose output file comes last
	tool string   // ffmpeg if empty
	data bool     // gets teletext and DVB subtitles
}

const seconds = "20"

func lavfi(video string) []string {
	return []string{"-f", "lavfi", "-i", video + ":d=" + seconds,
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:d=" + seconds, "-f", "lavfi", "-i", "sine=frequency=660:sample_rate=48000:d=" + seconds}
}

func recording(name string, rate int64, video string, args ...string) Recording {
	all := append([]string{"-v", "error", "-y"}, lavfi(video)...)
	all = append(append(all, args...), "-muxrate", fmt.Sprint(rate), "-f", "mpegts")
	return Recording{Name: name, Rate: rate, make: all}
}

// Recordings returns the transport streams of the tests.
func Recordings() []Recording {
	av := []string{"-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=vie"}
	with := func(more ...string) []string { return append(append([]string{}, av...), more...) }
	return []Recording{
		recording("h264", 4_000_000, "testsrc2=s=720x576:r=25",
			with("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "2800k", "-maxrate", "2800k", "-bufsize", "1400k", "-c:a", "aac", "-b:a", "96k",
				"-metadata", "service_name=News", "-metadata", "service_provider=Sigma")...),
		recording("mpeg2", 6_000_000, "testsrc2=s=720x576:r=25",
			with("-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-b:v", "4500k", "-maxrate", "4500k", "-bufsize", "1800k", "-c:a:0", "mp2", "-b:a:0", "192k", "-c:a:1", "ac3", "-b:a:1", "192k")...),
		recording("hevc", 3_000_000, "testsrc2=s=640x360:r=25",
			with("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:vbv-maxrate=1800:vbv-bufsize=1200", "-b:v", "1800k", "-c:a", "aac", "-b:a", "96k")...),
		withData(recording("data", 5_000_000, "testsrc2=s=720x576:r=25",
			"-map", "0", "-map", "1", "-c:v", "mpeg2video", "-g", "12", "-b:v", "3500k", "-maxrate", "3500k", "-bufsize", "1400k", "-c:a", "mp2", "-b:a", "192k")),
		gstreamer(),
		recording("small", 1_000_000, "testsrc2=s=320x180:r=25",
			"-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "12", "-b:v", "600k", "-maxrate", "600k", "-bufsize", "200k", "-c:a", "mp2", "-b:a", "64k"),
		recording("two", 8_000_000, "testsrc2=s=720x576:r=25",
			"-map", "0", "-map", "1", "-map", "0", "-map", "2", "-c:v", "mpeg2video", "-g", "12", "-b:v", "2800k", "-maxrate", "2800k", "-bufsize", "1200k", "-c:a", "mp2", "-b:a", "192k",
			"-program", "title=One:program_num=101:st=0:st=1", "-program", "title=Two:program_num=102:st=2:st=3"),
	}
}

// withData adds teletext and DVB subtitles.
func withData(r Recording) Recording {
	r.data = true
	return r
}

// gstreamer is a recording of another multiplexer.
func gstreamer() Recording {
	const rate = 4_000_000
	line := "-q mpegtsmux name=m alignment=7 bitrate=" + fmt.Sprint(rate) +
		" videotestsrc num-buffers=500 ! video/x-raw,width=480,height=288,framerate=25/1 ! x264enc bitrate=2500 key-int-max=25 speed-preset=superfast ! m." +
		" audiotestsrc num-buffers=938 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_ac3 bitrate=192000 ! ac3parse ! m. m. ! filesink location="
	args := strings.Fields(line)
	return Recording{Name: "gstreamer", Rate: rate, tool: "gst-launch-1.0", make: args}
}

// command is what makes a recording in a file.
func (r Recording) command(ctx context.Context, path string) *exec.Cmd {
	if r.tool == "" {
		return exec.CommandContext(ctx, "ffmpeg", append(r.make[:len(r.make):len(r.make)], path)...)
	}
	args := slices.Clone(r.make)
	args[len(args)-1] += path
	return exec.CommandContext(ctx, r.tool, args...)
}

// Record makes the recording in the cache folder unless it is there, and returns
// its packets. It needs ffmpeg, and GStreamer for one of them.
func (r Recording) Record(ctx context.Context) ([]byte, error) {
	dir, err := Cache("recordings")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, r.Name+".ts")
	if b, err := os.ReadFile(path); err == nil {
		return b, nil
	}
	part := path + ".part"
	if out, err := r.command(ctx, part).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the recording %s: %w: %s", r.Name, err, out)
	}
	if r.data {
		b, err := os.ReadFile(part)
		if err != nil {
			return nil, err
		}
		addData(b, 0x1000)
		if err := os.WriteFile(part, b, 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(part, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Cache returns a folder below .cache of the repository, where what is slow to make
// is kept from run to run.
func Cache(name string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	dir := filepath.Join(string(out[:len(out)-1]), ".cache", name)
	return dir, os.MkdirAll(dir, 0o755)
}
