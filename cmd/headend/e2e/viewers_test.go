package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// played is what a browser says of its player.
type played struct {
	Fatal, Errors []string
	Stalls        int
	At            float64 // s of the media
	Frames        int
	Width         int
}

// reader is a program that reads a channel and prints lines on how far it is.
type reader struct {
	mu     sync.Mutex
	last   played
	failed string // what it wrote to standard error
	over   bool
}

func (r *reader) now() played {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *reader) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// run starts a command of which parse reads every line; stop ends it.
func (r *reader) run(t *testing.T, c *exec.Cmd, parse func(line string)) (stop func()) {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var bad safeBuffer
	c.Stderr = &bad
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			r.mu.Lock()
			parse(lines.Text())
			r.mu.Unlock()
		}
		_, _ = io.Copy(io.Discard, out) // a line that was too long
		_ = c.Wait()                    // what it wrote says more than its status
		r.mu.Lock()
		r.over, r.failed = true, bad.String()
		r.mu.Unlock()
	}()
	stop = sync.OnceFunc(func() {
		_, _ = io.WriteString(in, "q") // ffmpeg ends at it, and the browser at the end
		_ = in.Close()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

// browser plays HLS on the box in Chromium.
func (d *Daemon) browser(t *testing.T, url string) (*reader, func()) {
	t.Helper()
	for _, name := range []string{"node", "npm", "chromium"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	modules := players(t)
	r := &reader{}
	return r, r.run(t, d.Net.Command(box, "node", "play.mjs", modules, url), func(line string) {
		if err := json.Unmarshal([]byte(line), &r.last); err != nil {
			t.Errorf("the player says %q", line)
		}
	})
}

// ffmpeg decodes an address on the box. Frames counts pictures.
func (d *Daemon) ffmpeg(t *testing.T, url string) (*reader, func()) {
	t.Helper()
	r := &reader{}
	c := d.Net.Command(box, "ffmpeg", "-v", "error", "-nostats", "-progress", "pipe:1", "-i", url, "-map", "0:v", "-map", "0:a", "-f", "null", "-")
	return r, r.run(t, c, func(line string) {
		if n, ok := strings.CutPrefix(line, "frame="); ok {
			if v, err := strconv.Atoi(strings.TrimSpace(n)); err == nil {
				r.last.Frames = v
			}
		}
	})
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// players returns the folder with the packages of package.json, installed once.
func players(t *testing.T) string {
	t.Helper()
	dir, err := Cache("npm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "hls.js")); err == nil {
		return dir
	}
	list, err := os.ReadFile("package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir).CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the players: %v\n%s", err, out)
	}
	return dir
}
