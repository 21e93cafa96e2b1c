package timeline_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"sigma/headend/timeline/timelinetest"
)

// BenchmarkChannel is the cost of a second of a channel of 4 Mbit/s: H.264 and two AAC
// tracks.
func BenchmarkChannel(b *testing.B) {
	const seconds = 20
	args := []string{
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25,noise=alls=20:allf=t", "-f", "lavfi", "-i", "sine=440", "-f", "lavfi", "-i", "sine=880",
		"-t", fmt.Sprint(seconds), "-map", "0", "-map", "1", "-map", "2", "-b:v", "3600k", "-maxrate", "3600k", "-bufsize", "3600k", "-muxrate", "4000k",
	}
	items := timelinetest.Inspected(timelinetest.Make(b, append(args, timelinetest.H264(25)...)...), 0)
	bytes := 0
	for _, it := range items {
		bytes += len(it.V.Data)
	}
	for _, only := range []bool{true, false} {
		name := "tracks"
		if only {
			name = "packets only"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				tl := timelinetest.New(timelinetest.Options{})
				tl.PacketsOnly = only
				timelinetest.Feed(b, tl, items)
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N)/seconds, "cpu-µs/s")
		})
	}
}

// cpu returns the CPU time of the process, all of its threads: the collector of
// garbage works for the channel as well.
func cpu(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
