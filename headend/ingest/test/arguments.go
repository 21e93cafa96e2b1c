package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Fonts that Debian's fonts-dejavu-core brings. Where they are missing, fontconfig
// chooses.
const (
	fontSans = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
	fontMono = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
)

// arguments returns the command line of ffmpeg that makes p as a transport stream of
// constant bit rate on its standard output, for a time code that begins at start.
// PCR is at most 20 ms apart and every second of the time code begins with a key
// frame.
func (p *Picture) arguments(start time.Time) []string {
	start = start.UTC()
	frame := start.Nanosecond() * p.Rate / int(time.Second)
	args := []string{"-nostdin", "-hide_banner", "-loglevel", "warning", "-re", "-f", "lavfi", "-i", p.filter(start, frame)}
	streams := []string{"-map", "0:v"}
	for i, language := range p.Languages {
		args = append(args, "-re", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000", 440*(i+1)))
		streams = append(streams, "-map", fmt.Sprintf("%d:a", i+1), fmt.Sprintf("-metadata:s:a:%d", i), "language="+language)
	}
	args = append(args, streams...)
	video := strconv.Itoa(p.video())
	return append(args,
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1",
		"-b:v", video, "-maxrate", video, "-bufsize", strconv.Itoa(p.video()/2),
		"-g", strconv.Itoa(p.Rate), "-sc_threshold", "0",
		"-force_key_frames", fmt.Sprintf("expr:not(mod(n+%d,%d))", frame, p.Rate),
		"-c:a", "aac", "-b:a", strconv.Itoa(audioBitrate), "-ac", "2",
		"-metadata", "service_name="+p.Name, "-metadata", "service_provider=Sigma Headend",
		"-f", "mpegts", "-muxrate", strconv.Itoa(p.Bitrate), "-pcr_period", "20",
		"-pat_period", "0.1", "-sdt_period", "0.5", "-flush_packets", "1", "pipe:1")
}

// filter returns the filter graph of the picture: a moving pattern, the name, and
// the time code hh:mm:ss:ff from start on.
func (p *Picture) filter(start time.Time, frame int) string {
	return fmt.Sprintf("testsrc2=size=%dx%d:rate=%d,format=yuv420p", p.Width, p.Height, p.Rate) +
		"," + drawtext(fontSans, "sans", fmt.Sprintf("text=%s:expansion=none", escape(p.Name)), "h*0.12", 14) +
		"," + drawtext(fontMono, "mono", fmt.Sprintf("timecode=%s:timecode_rate=%d",
		escape(fmt.Sprintf("%s:%02d", start.Format("15:04:05"), frame)), p.Rate), "h*0.76", 9)
}

// drawtext returns a filter that writes at height y, letters of 1/size of the width
// of the picture at most.
func drawtext(file, family, what, y string, size int) string {
	font := "font=" + family
	if _, err := os.Stat(file); err == nil {
		font = "fontfile=" + file
	}
	return fmt.Sprintf("drawtext=%s:%s:x=(w-tw)/2:y=%s:fontsize=min(h/7\\,w/%d):fontcolor=white:box=1:boxcolor=black:boxborderw=6",
		font, what, y, size)
}

// escape quotes text for a filter option within a filter graph: once for the option
// and once more for the graph (ffmpeg-filters, "Notes on filtergraph escaping").
func escape(text string) string {
	option := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `:`, `\:`).Replace(text)
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `[`, `\[`, `]`, `\]`, `,`, `\,`, `;`, `\;`, ` `, `\ `).Replace(option)
}
