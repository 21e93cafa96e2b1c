package tui

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
	"sigma/tui/text"
	"sigma/tui/theme"
)

var update = flag.Bool("update", false, "write golden files")

// driver plays a user in front of a session, without a program around it: commands
// run at once, the second passes when the test says so.
type driver struct {
	t   testing.TB
	m   *Model
	box *fake.Box
	now time.Time
	out bool // the session has ended
}

func actor(role control.Role) control.Actor {
	names := []string{"", "view", "op", "admin"}
	return control.Actor{Name: names[role], Role: role, Via: "ssh", Remote: "192.0.2.99", Language: "en"}
}

func drive(t testing.TB, box *fake.Box, a control.Actor, w, h int) *driver {
	return driveWith(t, box, a, w, h, nil)
}

func driveWith(t testing.TB, box *fake.Box, a control.Actor, w, h int, change func(*Model)) *driver {
	t.Helper()
	d := &driver{t: t, box: box, now: fake.Start()}
	d.m = New(Options{Context: context.Background(), Service: box, Actor: a, Theme: theme.New(true, true), Idle: 30 * time.Minute,
		Now: func() time.Time { return d.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	d.m.tick = func() tea.Cmd { return nil }
	if change != nil {
		change(d.m)
	}
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	d.run(d.m.Init())
	return d
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.run(cmd)
}

func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c)
		}
	case tea.QuitMsg:
		d.out = true
	default:
		d.send(msg)
	}
}

// keys presses keys by their names; anything else is typed letter by letter.
func (d *driver) keys(names ...string) *driver {
	d.t.Helper()
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "tab": tea.KeyTab, "pgdown": tea.KeyPgDown, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "f1": tea.KeyF1}
	for _, n := range names {
		if code, ok := special[n]; ok {
			d.send(tea.KeyPressMsg{Code: code})
			continue
		}
		if c, ok := strings.CutPrefix(n, "ctrl+"); ok {
			d.send(tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModCtrl})
			continue
		}
		for _, r := range n {
			d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return d
}

func (d *driver) second() {
	d.now = d.now.Add(time.Second)
	d.box.Move(1)
	d.send(tickMsg{})
}

func (d *driver) screen() string {
	lines := strings.Split(ansi.Strip(d.m.Text()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (d *driver) see(want ...string) *driver {
	d.t.Helper()
	for _, w := range want {
		if !strings.Contains(d.screen(), w) {
			d.t.Fatalf("%q is not on the screen:\n%s", w, d.screen())
		}
	}
	return d
}

func (d *driver) notSee(not ...string) *driver {
	d.t.Helper()
	for _, w := range not {
		if strings.Contains(d.screen(), w) {
			d.t.Fatalf("%q is on the screen:\n%s", w, d.screen())
		}
	}
	return d
}

// golden compares the screen with a file and checks that it fits the terminal.
func (d *driver) golden(name string) {
	d.t.Helper()
	got := d.screen()
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != d.m.h {
		d.t.Errorf("%s: %d lines in a terminal of %d", name, len(lines), d.m.h)
	}
	for i, l := range lines {
		if text.Width(l) > d.m.w {
			d.t.Errorf("%s: line %d is %d cells wide in a terminal of %d: %q", name, i+1, text.Width(l), d.m.w, l)
		}
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if got != string(want) {
		d.t.Errorf("%s differs (write it anew with -update):\n%s\nwant:\n%s", name, got, want)
	}
}
