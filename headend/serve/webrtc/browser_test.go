package webrtc

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seen is what Chromium says of what it played.
type seen struct {
	Status    int     `json:"status"`
	Location  string  `json:"location"`
	ETag      string  `json:"etag"`
	Error     string  `json:"error"`
	State     string  `json:"state"`
	Answered  float64 `json:"answered"`  // ms
	Connected float64 `json:"connected"` // ms
	First     float64 `json:"first"`     // ms, first picture
	Settling  int     `json:"settling"`  // freezes while the browser started
	Transport struct {
		Cipher string `json:"srtpCipher"`
		Role   string `json:"dtlsRole"`
	} `json:"transport"`
	Video media `json:"video"`
	Audio media `json:"audio"`
}

type media struct {
	Received     int     `json:"packetsReceived"`
	Lost         int     `json:"packetsLost"`
	Retransmited int     `json:"retransmittedPacketsReceived"`
	NACKs        int     `json:"nackCount"`
	PLIs         int     `json:"pliCount"`
	Decoded      int     `json:"framesDecoded"`
	Dropped      int     `json:"framesDropped"`
	Freezes      int     `json:"freezeCount"`
	Frozen       float64 `json:"totalFreezesDuration"`
	Width        int     `json:"frameWidth"`
	BufferDelay  float64 `json:"jitterBufferDelay"` // s, summed
	BufferCount  float64 `json:"jitterBufferEmittedCount"`
	Samples      int     `json:"totalSamplesReceived"`
	Concealed    int     `json:"concealedSamples"`
}

// modules returns the folder with the packages of package.json, installed once.
func modules(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"node", "npm", "chromium"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "headend-test", "webrtc")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core")); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir).CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the browser's driver: %v\n%s", err, out)
	}
	return dir
}

// watch plays a URL in Chromium: for calm seconds behind the start, and then for some
// more. In between it calls then with how often the picture stood still so far.
func watch(t *testing.T, url string, calm, seconds int, then func(freezes int)) seen {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "play.mjs", modules(t), url, strconv.Itoa(calm), strconv.Itoa(seconds))
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 1<<20)
	var start struct{ Calm int }
	if lines.Scan() && json.Unmarshal(lines.Bytes(), &start) == nil {
		then(start.Calm)
	}
	lines.Scan()
	out := []byte(lines.Text())
	if err := cmd.Wait(); err != nil {
		t.Fatalf("Chromium: %v", err)
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("Chromium says %q", out)
	}
	t.Logf("answer %.0f ms, connected %.0f ms, first picture %.0f ms; %s %s; buffer %.0f ms; %d freezes at the start; video %+v; audio %+v",
		s.Answered, s.Connected, s.First, s.Transport.Cipher, s.Transport.Role, 1000*s.Video.BufferDelay/max(s.Video.BufferCount, 1), s.Settling, s.Video, s.Audio)
	if s.Error != "" || s.State != "connected" {
		t.Fatalf("%s, %s", s.State, s.Error)
	}
	s.Video.Freezes -= s.Settling
	return s
}

// Chromium plays pictures and sound, protected by AES-GCM, without a freeze.
func TestChromium(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	modules(t)
	ch := playWhenRead(t, plainClip(t, 25, "-c:a", "aac"), 2500*time.Millisecond)
	b := start(t, map[string]*channel{"one": ch}, func(s *Server) { s.FFmpeg = "ffmpeg" })
	s := watch(t, b.url+"/one/whep", 0, 5, func(int) {})
	switch {
	case s.Status != 201 || !strings.HasPrefix(s.Location, "/one/whep/") || s.ETag == "":
		t.Errorf("the script reads status %d, Location %q, ETag %q", s.Status, s.Location, s.ETag)
	case !strings.Contains(s.Transport.Cipher, "GCM"):
		t.Errorf("SRTP cipher %s", s.Transport.Cipher)
	case s.Video.Decoded < 150 || s.Video.Freezes > 0:
		t.Errorf("%d pictures, %d freezes", s.Video.Decoded, s.Video.Freezes)
	case s.Audio.Samples < 5*48000:
		t.Errorf("%d samples of sound", s.Audio.Samples)
	}
	until(t, "the session ends with the browser", 40*time.Second, func() bool { return b.Counters().Sessions == 0 })
}

// Over a path of 50 ms there is no freeze with 2 % of loss, and with 5 % fewer than half
// of those there are without retransmission. A browser freezes as well where it is
// short of time itself: a run counts only if it did not before anything was lost, and
// one good run of three is asked for.
func TestChromiumWithLoss(t *testing.T) {
	if os.Getenv("HEADEND_PLAYERS") == "" {
		t.Skip("takes minutes of a machine with little else to do: make players asks for it")
	}
	modules(t)
	run := func(loss float64, deadline time.Duration) (freezes int, counts bool) {
		ch := playWhenRead(t, plainClip(t, 45, "-an"), 2500*time.Millisecond)
		b, r := behind(t, map[string]*channel{"one": ch}, func(s *Server) { s.Retransmit = deadline })
		s := watch(t, b.url+"/one/whep", 8, 20, func(freezes int) {
			counts = freezes == 0
			r.lose(loss)
		})
		b.stop()
		return s.Video.Freezes, counts
	}
	// fewest returns the fewest freezes of up to three runs that count: no more once
	// there are few.
	fewest := func(loss float64, few int) int {
		least := -1
		for range 3 {
			if n, counts := run(loss, 0); counts && (least < 0 || n < least) {
				least = n
			}
			if least >= 0 && least <= few {
				break
			}
		}
		return least
	}
	little := fewest(0.02, 0)
	if little > 0 {
		t.Errorf("%d freezes at 2 %% of loss", little)
	}
	without, _ := run(0.05, time.Nanosecond)
	with := fewest(0.05, (without-1)/2)
	t.Logf("%d freezes at 5 %% of loss, %d without retransmission", with, without)
	if without == 0 || with >= 0 && 2*with >= without {
		t.Errorf("%d freezes at 5 %% of loss, %d without retransmission", with, without)
	}
	if little < 0 || with < 0 {
		t.Skip("the browser freezes here without any loss: the machine has other things to do")
	}
}
