package headend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sigma/headend/config"
)

// demoGroup is where the demonstration sends: with TTL 0 on the loopback interface.
const demoGroup = "239.255.1.1:5500"

// demoConfig is the configuration that shows what the box does on one machine: the
// test picture, a file in an endless loop, and a channel that receives the first
// one's multicast and fails over to the file.
func demoConfig(ctx context.Context, data string) (config.Config, error) {
	file := filepath.Join(data, "demo", "loop.ts")
	if err := demoFile(ctx, file); err != nil {
		return config.Config{}, err
	}
	ttl := 0
	c := config.Defaults()
	c.Box.Name, c.Box.HTTP, c.Box.SSH = "demo", "127.0.0.1"+config.DefaultHTTP, "127.0.0.1"+config.DefaultSSH
	c.Box.ViewerPage = true
	c.Box.WebRTC = "127.0.0.1" + config.DefaultWebRTC
	c.Channels = []config.Channel{
		{
			Name: "picture", Title: "Test picture", Comment: "Built-in picture with time code, tone, two languages",
			Inputs:          []config.Input{{URL: "test://?name=Sigma&lang=eng,vie"}},
			SegmentDuration: config.Duration(2 * time.Second),
			Outputs: []config.Output{{
				URL: "udp://lo@" + demoGroup, Bitrate: 2_500_000, TTL: &ttl, MulticastLoop: true,
				Service: "Picture", Provider: "Sigma",
			}},
		},
		{
			Name: "loop", Title: "Endless file", Comment: "One file over and over, with clocks that never jump",
			Inputs:          []config.Input{{URL: "file://" + file}},
			SegmentDuration: config.Duration(2 * time.Second),
		},
		{
			Name: "relay", Title: "Received again", Comment: "Receives the multicast of picture; goes over to the file when it stops",
			Inputs:          []config.Input{{URL: "udp://lo@" + demoGroup}, {URL: "file://" + file}},
			SourceTimeout:   config.Duration(time.Second),
			SegmentDuration: config.Duration(2 * time.Second),
		},
	}
	return c, nil
}

// demoFile makes the file of the demonstration unless it is there.
func demoFile(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	half := path + ".part"
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", "smptehdbars=s=720x576:r=25:d=20", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:d=20",
		"-f", "lavfi", "-i", "sine=frequency=660:sample_rate=48000:d=20", "-map", "0", "-map", "1", "-map", "2",
		"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "1200k", "-maxrate", "1200k", "-bufsize", "600k",
		"-c:a", "aac", "-b:a", "96k", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=vie",
		"-metadata", "service_name=Loop", "-metadata", "service_provider=Sigma", "-muxrate", "2000k", "-f", "mpegts", half)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the file of the demonstration with ffmpeg: %w: %s", err, out)
	}
	return os.Rename(half, path)
}
