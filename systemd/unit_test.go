package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// analyze skips where systemd-analyze is absent.
func analyze(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: apt-get install systemd")
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// unit returns the path of a copy of our unit whose command exists on this machine.
func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("headend.service")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "headend.service")
	text = regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAll(text, []byte("ExecStart="+self))
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// verify exits with 0 for unknown keys and only prints them.
func TestUnitVerifies(t *testing.T) {
	if out := analyze(t, "verify", "--man=no", unit(t)); strings.TrimSpace(out) != "" {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
}

func TestUnitExposureIsUnderThree(t *testing.T) {
	out := analyze(t, "security", "--offline=true", "--no-pager", unit(t))
	m := regexp.MustCompile(`Overall exposure level[^:]*: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level in:\n%s", out)
	}
	if score, err := strconv.ParseFloat(m[1], 64); err != nil || score >= 3.0 {
		t.Errorf("exposure level %s, want under 3.0:\n%s", m[1], out)
	}
}

// What the daemon needs and a later tightening must not take away.
func TestUnitKeepsWhatTheDaemonNeeds(t *testing.T) {
	b, err := os.ReadFile("headend.service")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for key, why := range map[string]string{
		"Type=notify\n":                       "READY is the first datagram on air",
		"WatchdogSec=":                        "a hung daemon is restarted",
		"KillMode=process\n":                  "the sending process outlives a restart",
		"LimitRTPRIO=":                        "SCHED_FIFO without CAP_SYS_NICE",
		"LimitMEMLOCK=infinity\n":             "mlockall without CAP_IPC_LOCK",
		"StateDirectory=headend\n":            "the database is writable under ProtectSystem=strict",
		"StateDirectoryMode=0700\n":           "keys and hashes are its own, and 'headend doctor' says so",
		"UMask=0077\n":                        "so is what it makes",
		"CapabilityBoundingSet=CAP_NET_BIND_": "ports 80 and 443",
	} {
		if !strings.Contains(text, "\n"+key) {
			t.Errorf("%s is missing: %s", strings.TrimSpace(key), why)
		}
	}
	if strings.Contains(text, "\nRestrictRealtime=") {
		t.Error("RestrictRealtime= forbids the real-time thread that sends")
	}
	if strings.Contains(text, "\nProtectClock=yes") {
		t.Error("ProtectClock=yes forbids to ask whether the clock is synchronised")
	}
	taken, given := strings.Index(text, "\nSystemCallFilter=~@privileged"), strings.Index(text, "\nSystemCallFilter=adjtimex ")
	if given < taken || taken < 0 {
		t.Error("adjtimex is not allowed behind what @privileged forbids: whether the clock is synchronised cannot be asked")
	}
}
