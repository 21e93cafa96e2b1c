package systemd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// manager stands in for the service manager: a datagram socket that is read in
// the order of the messages.
type manager struct{ *net.UnixConn }

func newManager(t *testing.T) manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "")
	t.Setenv("WATCHDOG_PID", "")
	return manager{c}
}

func (m manager) next(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := m.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestMessages(t *testing.T) {
	m := newManager(t)
	for _, c := range []struct {
		send func() error
		want string
	}{
		{Ready, "READY=1"},
		{Stopping, "STOPPING=1"},
		{func() error { return Status("3 of 3 channels on air") }, "STATUS=3 of 3 channels on air"},
		{func() error { return Status("Kênh một\nWATCHDOG=trigger\x00\x7f") }, "STATUS=Kênh một WATCHDOG=trigger  "},
	} {
		if err := c.send(); err != nil {
			t.Fatal(err)
		}
		if got := m.next(t); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestStatusIsCutAtACharacter(t *testing.T) {
	m := newManager(t)
	if err := Status("x" + strings.Repeat("ệ", 500)); err != nil {
		t.Fatal(err)
	}
	got := strings.TrimPrefix(m.next(t), "STATUS=")
	if len(got) > maxStatus || len(got) < maxStatus-3 || !utf8.ValidString(got) {
		t.Errorf("status of %d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}

func TestReloadingCarriesTheMonotonicClock(t *testing.T) {
	m := newManager(t)
	if err := Reloading(); err != nil {
		t.Fatal(err)
	}
	state, clock, _ := strings.Cut(m.next(t), "\n")
	usec, err := strconv.ParseInt(strings.TrimPrefix(clock, "MONOTONIC_USEC="), 10, 64)
	if state != "RELOADING=1" || err != nil || usec <= 0 {
		t.Errorf("got %q %q", state, clock)
	}
}

func TestWatchdogFollowsAlive(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	calls := 0
	go func() {
		ended <- Watchdog(ctx, func() bool {
			calls++
			if calls == 5 {
				if err := Status("fifth"); err != nil {
					t.Error(err)
				}
				cancel()
			}
			return calls == 1 || calls == 4
		})
	}()
	for _, want := range []string{"WATCHDOG=1", "WATCHDOG=1", "STATUS=fifth"} {
		if got := m.next(t); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchdogOfAnotherProcessIsNotOurs(t *testing.T) {
	newManager(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()+1))
	if err := Watchdog(t.Context(), func() bool { t.Error("asked"); return true }); err != nil {
		t.Error(err)
	}
	t.Setenv("WATCHDOG_PID", "")
	t.Setenv("WATCHDOG_USEC", "soon")
	if err := Watchdog(t.Context(), func() bool { return true }); err == nil {
		t.Error("no error for WATCHDOG_USEC=soon")
	}
}

func TestOutsideSystemdMessagesAreDropped(t *testing.T) {
	newManager(t)
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Ready(); err != nil {
		t.Error(err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if err := Ready(); err == nil {
		t.Error("no error for a socket that is not there")
	}
}
