package headend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/control"
)

func logLine(i int) control.LogLine { return control.LogLine{Text: fmt.Sprint(i)} }

// plant writes a file of a fixture tree.
func plant(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSystemProbe(t *testing.T) {
	proc, sys := t.TempDir(), t.TempDir()
	plant(t, proc, "stat", "cpu 100 0 100 700 100 0 0 0 50 0\ncpu0 1 1 1 1\n")
	plant(t, proc, "meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n")
	plant(t, proc, "uptime", "61.75 100.0\n")
	plant(t, proc, "loadavg", "0.50 1 2 3/4 5\n")
	plant(t, proc, "sys/kernel/osrelease", "6.1.0\n")
	plant(t, sys, "class/thermal/thermal_zone0/temp", "41000\n")
	plant(t, sys, "class/thermal/thermal_zone1/temp", "63500\n")
	plant(t, sys, "class/thermal/thermal_zone2/temp", "broken\n")
	p := &systemProbe{Proc: proc, Sys: sys, Data: t.TempDir(), Version: "1"}
	synctest.Test(t, func(t *testing.T) {
		look := func(stat string) control.System {
			if stat != "" {
				plant(t, proc, "stat", stat)
			}
			time.Sleep(time.Second) // of the clock of the bubble
			return p.System()
		}
		s := look("")
		if s.CPU != 0 || s.MemoryTotal != 1000<<10 || s.MemoryFree != 400<<10 || s.Temperature != 63.5 ||
			s.Uptime != 61*time.Second || s.Load1 != 0.5 || s.Kernel != "6.1.0" || s.DiskTotal == 0 {
			t.Errorf("first look: %+v", s)
		}
		if s := look("cpu 150 0 125 825 200 0 0 0 99 0\n"); s.CPU != 0.25 {
			t.Errorf("CPU share %v, want 75 of 300 jiffies", s.CPU)
		}
		if s := look("cpu 140 0 125 925 200 0 0 0 99 0\n"); s.CPU != 0 {
			t.Errorf("CPU share %v after the counter went back, want 0", s.CPU)
		}
		if s := look("nonsense"); s.CPU != 0 {
			t.Errorf("CPU share %v without a counter, want 0", s.CPU)
		}
	})
	empty := &systemProbe{Proc: t.TempDir(), Sys: t.TempDir(), Data: "/nowhere"}
	if s := empty.System(); s.MemoryTotal != 0 || s.Temperature != 0 || s.DiskTotal != 0 || s.Uptime != 0 {
		t.Errorf("empty tree: %+v", s)
	}
}

func TestDoctor(t *testing.T) {
	sys, data := t.TempDir(), t.TempDir()
	source := "devices/system/clocksource/clocksource0/current_clocksource"
	d := doctor{Proc: t.TempDir(), Sys: sys, Data: data}
	for name, well := range map[string]bool{"tsc\n": true, "kvm-clock\n": true, "hpet\n": false, "acpi_pm\n": false} {
		plant(t, sys, source, name)
		if f := d.clockSource(); f.Well != well || f.Found != strings.TrimSpace(name) {
			t.Errorf("%q: %+v", name, f)
		}
	}
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if f := d.folder(); f.Well || !strings.Contains(f.Found, "0755") || !strings.Contains(f.Mend, "chmod 700 "+data) {
		t.Errorf("open folder: %+v", f)
	}
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if f := d.folder(); !f.Well {
		t.Errorf("closed folder: %+v", f)
	}
	d.Data = filepath.Join(data, "none", "yet")
	if f := d.folder(); !f.Well {
		t.Errorf("no folder: %+v", f)
	}
	if f := d.disk(); !strings.Contains(f.Found, "MiB free") {
		t.Errorf("disk of a folder to be made: %+v", f)
	}
	if f := d.tool("no-such-program", "why", "how"); f.Well || f.Mend != "how" || !strings.Contains(f.Found, "why") {
		t.Errorf("tool: %+v", f)
	}
}

func TestClockTrouble(t *testing.T) {
	for _, c := range []struct {
		state  int
		status int32
		err    error
		want   string
	}{
		{unix.TIME_OK, unix.STA_PLL, nil, ""},
		{unix.TIME_ERROR, 0, nil, "nothing disciplines"},
		{unix.TIME_OK, unix.STA_UNSYNC, nil, "nothing disciplines"},
		{-1, 0, unix.EPERM, "cannot be told"}, // as where the system call is filtered
	} {
		if got := clockTrouble(c.state, c.status, c.err); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
