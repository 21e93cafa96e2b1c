package timelinetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/inspect"
	"sigma/mux/ts"
)

// Options are how Play runs a timeline; zero values have a default.
type Options struct {
	SegmentDuration time.Duration // 2 s
	SegmentCount    int           // 20
	PartTarget      time.Duration // 500 ms; negative: one part per segment
	Memory          timeline.Memory
	Texts           func(*flow.Layout, map[flow.TrackID]*es.Format) []timeline.Text
	Arrived         time.Duration // of the first packet
	// Break ends the stream with a discontinuity, so that what is open is Done.
	Break bool
}

// New returns the timeline of channel "news" that Play runs.
func New(o Options) *timeline.Timeline {
	tl := &timeline.Timeline{
		Name: "news", SegmentDuration: 2 * time.Second, SegmentCount: 20, PartTarget: 500 * time.Millisecond,
		UTC: UTC, Memory: o.Memory, Texts: o.Texts,
	}
	if o.SegmentDuration != 0 {
		tl.SegmentDuration = o.SegmentDuration
	}
	if o.SegmentCount != 0 {
		tl.SegmentCount = o.SegmentCount
	}
	if o.PartTarget != 0 {
		tl.PartTarget = max(o.PartTarget, 0)
	}
	return tl
}

// Play runs a capture through an inspector and a timeline, as a channel does, and
// returns the timeline at its end: its View has whole segments, and those that were
// being filled in Open.
func Play(tb testing.TB, capture []byte, o Options) *timeline.Timeline {
	tb.Helper()
	tl := New(o)
	items := Inspected(capture, o.Arrived)
	if o.Break {
		end := items[len(items)-1]
		end.Epoch++
		items = append(items, end)
	}
	Feed(tb, tl, items)
	return tl
}

// Inspected returns the batches of a capture as the ring of a channel has them. Arrival
// follows the clock from at.
func Inspected(capture []byte, at time.Duration) (items []flow.Item[flow.Batch]) {
	var in inspect.Inspector
	for _, it := range Split(capture, at, 0) {
		it.V.Clock, it.Marks = 0, 0
		in.Feed(it, func(piece flow.Item[flow.Batch]) { items = append(items, piece) })
	}
	return items
}

// Ladder returns a transport stream of three H.264 rungs (640x360, 320x180 and 160x90,
// with B-frames and a random access point every gop frames of 40 ms, aligned), and AAC
// in German and English. It skips the test where there is no ffmpeg.
func Ladder(tb testing.TB, seconds, gop int) []byte {
	tb.Helper()
	filter := "testsrc2=size=640x360:rate=25,split=3[a][b0][c0];[b0]scale=320:180[b];[c0]scale=160:90[c]"
	args := []string{
		"-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-f", "lavfi", "-i", "sine=880:sample_rate=44100",
		"-filter_complex", filter, "-map", "[a]", "-map", "[b]", "-map", "[c]", "-map", "0", "-map", "1",
		"-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=eng",
		"-b:v:0", "900k", "-b:v:1", "300k", "-b:v:2", "100k",
		"-muxrate", "2500k",
	}
	return Make(tb, append(append(args, H264(gop)...), "-t", strconv.Itoa(seconds))...)
}

// H264 returns the arguments of ffmpeg for H.264 with two B-frames between others, and
// AAC.
func H264(gop int) []string {
	g := strconv.Itoa(gop)
	return []string{
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", g, "-keyint_min", g, "-sc_threshold", "0",
		"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
	}
}

// made are the captures made so far, by their arguments: they take seconds to make.
var made sync.Map

// Make returns the transport stream that ffmpeg makes of arguments, which name inputs
// and coding. The caller must not write to it. It skips the test where there is no
// ffmpeg.
func Make(tb testing.TB, args ...string) []byte {
	tb.Helper()
	key := fmt.Sprint(args)
	if b, ok := made.Load(key); ok {
		return b.([]byte)
	}
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		tb.Skip("needs ffmpeg to make a capture")
	}
	out := filepath.Join(tb.TempDir(), "capture.ts")
	all := append([]string{"-v", "error"}, args...)
	if text, err := exec.Command(ffmpeg, append(all, "-f", "mpegts", out)...).CombinedOutput(); err != nil {
		tb.Fatalf("ffmpeg: %v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	data = data[: len(data)/ts.PacketSize*ts.PacketSize : len(data)]
	made.Store(key, data)
	return data
}
