package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// screen is a terminal (tmux) with a program of the box in it.
type screen struct {
	t      *testing.T
	socket string
}

// ending says in the terminal how the program of it ended, and keeps the terminal for
// who reads it. tmux has words of its own for that (remain-on-exit), which it leaves
// out when it does not hear of the end.
const ending = `"$@"; printf 'ended with status %d\n' $?; exec cat`

// open runs a command on the box in a terminal of 100 by 30.
func (d *Daemon) open(t *testing.T, args ...string) *screen {
	t.Helper()
	for _, name := range append([]string{"tmux"}, args[0]) {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed")
		}
	}
	s := &screen{t: t, socket: filepath.Join(t.TempDir(), "tmux")}
	all := append([]string{"-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "ip", "netns", "exec", d.Net.Hosts[box], "sh", "-c", ending, "sh"}, args...)
	s.tmux(all...)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", s.socket, "kill-server").Run() }) // it may have ended
	return s
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	c := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "LANG=C.UTF-8")
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// see waits until all texts are on the screen together.
func (s *screen) see(want ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q", want), func(text string) bool {
		for _, w := range want {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
}

func (s *screen) until(what string, ok func(text string) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		text := s.tmux("capture-pane", "-p")
		if ok(text) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("%s did not come:\n%s", what, text)
		}
	}
}

// keys presses keys by their names in tmux: Enter, Escape, C-s, Down.
func (s *screen) keys(names ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys"}, names...)...)
}

// write types text as it is.
func (s *screen) write(text string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", text)
}

// back leaves a part of the form. What comes behind an escape too soon would count as
// pressed with Alt.
func (s *screen) back() {
	s.t.Helper()
	s.keys("Escape")
	s.until("the form", func(text string) bool { return !strings.Contains(text, "Back to the channel") })
}

// TestConsole is the first hour of an operator: a fresh box, the one-time code, an
// account, a channel, its trouble, and the way back.
func TestConsole(t *testing.T) {
	d := network(t, "")
	d.Data = filepath.Join(t.TempDir(), "fresh")
	film := filepath.Join(t.TempDir(), "film.ts")
	_, data := recorded(t, "small")
	if err := os.WriteFile(film, data, 0o600); err != nil {
		t.Fatal(err)
	}
	d.mustStart(t)
	d.until(t, "word of the one-time code", func() bool { return strings.Contains(d.Log(), "the one-time code that headend user code") })
	code, err := d.Tool(t.Context(), "", "user", "code")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.Log(), strings.TrimSpace(code)) {
		t.Error("the one-time code is in the log")
	}
	ssh := func(user, password string) *screen {
		s := d.open(t, "ssh", "-p", "2222", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
			"-o", "PubkeyAuthentication=no", user+"@127.0.0.1")
		s.see("assword:")
		s.write(password)
		s.keys("Enter")
		return s
	}
	s := ssh("setup", strings.TrimSpace(code))
	s.see("create the first administrator")
	s.keys("C-u")
	s.write("linh")
	s.keys("Enter")
	s.write(Password)
	s.keys("Enter")
	s.write(Password)
	s.keys("Enter")
	s.keys("Enter")
	s.see("There is no channel yet", "linh (admin)")

	s.newChannel("file://"+film, "udp://eth@"+outGroup(1).String())
	air := d.record(t, outGroup(1))
	s.keys("C-s")
	s.see("added channel news")
	s.write("first one")
	s.keys("Enter", "Enter")
	s.see("ON AIR", "news")
	air.runs(t, d, 0)
	good := d.newest(t)

	// A slip of the finger: the file of an input that does not exist.
	s.keys("e")
	s.see("Edit news")
	s.keys("Down", "Down", "Enter")
	s.see("Back to the channel")
	s.write(".gone")
	s.back()
	s.keys("C-s")
	s.see("changed news, input 1")
	s.write("a slip")
	s.keys("Enter", "Enter")
	s.see("Done: revision")
	s.until("the channel to be off air", func(text string) bool { return strings.Contains(text, "news") && !strings.Contains(text, "ON AIR") })
	s.keys("2")
	s.see("input_lost", "film.ts.gone")
	s.keys("a")
	s.see("acknowledged")

	s.keys("3")
	s.see("a slip", "first one")
	s.keys("Down", "r")
	s.see("Restore")
	s.keys("C-s")
	s.see("Done: revision")
	s.keys("1")
	s.see("ON AIR", "news")
	air.runs(t, d, 0)
	if now := d.newest(t); now != good+2 {
		t.Errorf("revision %d runs, want %d", now, good+2)
	}
	s.keys("q")
	s.see("ended with status 0")

	local := d.open(t, d.Binary, "console", "--data", d.Data)
	local.see("[1 Channels]", "ON AIR", "news")
	local.keys("3")
	local.see("first one")
	local.keys("q")
	local.see("ended with status 0")
}

// newChannel fills in the form of a channel, from the list of channels.
func (s *screen) newChannel(input, output string) {
	s.t.Helper()
	s.keys("a")
	s.see("New channel")
	s.write("news")
	s.keys("Enter")
	s.write("News")
	s.keys("Enter")
	s.keys("Enter")
	s.see("Back to the channel")
	s.write(input)
	s.back()
	s.keys("Down", "Down", "Enter") // to: add an output
	s.see("Constant bit rate")
	s.write(output)
	s.keys("Down")
	s.write("1200kbit")
	s.back()
}

// newest returns the revision that runs, as the command line says it.
func (d *Daemon) newest(t *testing.T) (id int) {
	t.Helper()
	out, err := d.Tool(t.Context(), "", "config", "log")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(strings.TrimLeft(out, " *>"), &id); err != nil {
		t.Fatalf("config log: %v in\n%s", err, out)
	}
	return id
}
