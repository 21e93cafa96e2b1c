package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// whep is what a browser says of a session of WHEP.
type whep struct {
	played
	States  []string // of the connection, in order
	First   float64  // ms from the begin to the first picture
	Frozen  float64  // s, of Stalls together
	Samples int      // of sound, concealed ones excepted
}

// plainRecording is H.264 without B-frames and AAC, which begins anew after many minutes
// only. Its rate is in bit/s.
func plainRecording(t *testing.T) (data []byte, rate int64) {
	t.Helper()
	rate = 1_500_000
	path := filepath.Join(t.TempDir(), "plain.ts")
	args := append([]string{"-v", "error"}, lavfi("testsrc2=s=640x360:r=25")[:8]...)
	args = append(args, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "25", "-b:v", "1000k", "-maxrate", "1000k", "-bufsize", "300k",
		"-c:a", "aac", "-b:a", "96k", "-muxrate", fmt.Sprint(rate), "-f", "mpegts", path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return extend(data, 15), rate
}

// TestChromiumWHEP plays a channel for three minutes, through the loss of its primary,
// its return, and a source that begins anew. Pictures stand still while there are none,
// and at no other time.
func TestChromiumWHEP(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	const timeout = time.Second
	d := network(t, fmt.Sprintf(`
channels:
  - name: news
    source_timeout: 1s
    return_delay: 3s
    inputs: [{url: "udp://eth@%s"}, {url: "udp://eth@%s"}]
`, group(1), group(2)))
	data, rate := plainRecording(t)
	stop := d.send(t, data, rate, group(1))
	d.send(t, data, rate, group(2))
	d.mustStart(t)
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.reaches(t, "news", "on_air")
	r, now := &reader{}, whep{}
	closeWeb := r.run(t, d.Net.Command(box, "node", "whep.mjs", players(t), "http://"+HTTPAddr+"/news/whep"), func(line string) {
		if err := json.Unmarshal([]byte(line), &now); err != nil {
			t.Errorf("the player says %q", line)
		}
	})
	state := func() whep {
		r.mu.Lock()
		defer r.mu.Unlock()
		return now
	}
	// part plays for a while and says what stood still meanwhile.
	part := func(what string, span, most time.Duration) {
		t.Helper()
		from := state()
		end := time.After(span)
		for wait := true; wait; {
			select {
			case <-end:
				wait = false
			case <-time.After(time.Second):
				if s := state(); r.ended() || len(s.Fatal) > 0 {
					t.Fatalf("%s: %v %s", what, s.Fatal, r.failed)
				}
			}
		}
		to := state()
		frames, frozen := to.Frames-from.Frames, time.Duration((to.Frozen-from.Frozen)*float64(time.Second))
		t.Logf("%s: %d pictures in %v, %d freezes of %v together, %d samples of sound", what, frames, span, to.Stalls-from.Stalls, frozen, to.Samples-from.Samples)
		if frozen > most || frames < int((span-most-time.Second).Seconds()*25) {
			t.Errorf("%s: %d pictures in %v, %d freezes of %v together, want at most %v", what, frames, span, to.Stalls-from.Stalls, frozen, most)
		}
		if to.Samples-from.Samples < int((span-most-2*time.Second).Seconds()*48000) {
			t.Errorf("%s: %d samples of sound in %v", what, to.Samples-from.Samples, span)
		}
	}
	d.until(t, "the first picture", func() bool { return state().Frames > 10 || len(state().Fatal) > 0 })
	<-time.After(5 * time.Second) // a browser that starts freezes by itself
	begun := state()
	part("the primary", 40*time.Second, 0)
	stop()
	part("the primary is lost", 20*time.Second, timeout+2*time.Second) // its timeout, and up to a second until the next key frame
	part("the standby", 30*time.Second, 0)
	stop = d.send(t, data, rate, group(1))
	part("the return", 20*time.Second, 2*time.Second)
	part("the primary again", 20*time.Second, 0)
	stop()
	d.send(t, data, rate, group(1))
	part("the source begins anew", 15*time.Second, 2*time.Second)
	part("the end", 30*time.Second, 0)
	closeWeb()
	s := state()
	t.Logf("first picture after %.0f ms, %v, %d freezes of %.1f s since it has begun", s.First, s.States, s.Stalls-begun.Stalls, s.Frozen-begun.Frozen)
	if n := len(s.States); n == 0 || s.States[n-1] != "connected" || n > 2 {
		t.Errorf("the connection was %v", s.States)
	}
}
