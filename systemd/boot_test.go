package systemd

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a Debian with systemd as PID 1 in private namespaces.
type machine struct {
	*testing.T
	pid string // of its systemd, seen from here
}

// until asks cond again and again until it is true.
func (m machine) until(what string, limit time.Duration, cond func() bool) {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			m.Fatalf("not within %v: %s\n%s", limit, what, m.journal())
		}
	}
}

func (m machine) command(args ...string) *exec.Cmd {
	args = append([]string{"-t", m.pid, "-p", "-m", "-n", "-u", "-i", "-C", "--", "env", "-i",
		"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, args...)
	return exec.CommandContext(m.Context(), "nsenter", args...)
}

// run runs a command in the machine and returns what it printed.
func (m machine) run(args ...string) string {
	m.Helper()
	out, err := m.command(args...).CombinedOutput()
	if err != nil {
		m.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, m.journal())
	}
	return strings.TrimSpace(string(out))
}

func (m machine) journal() string {
	out, _ := m.command("journalctl", "--no-pager", "-n", "40", "-o", "short-precise", "-u", "headend").CombinedOutput()
	return "journal:\n" + string(out)
}

// property returns a property of our unit.
func (m machine) property(name string) string {
	m.Helper()
	return m.run("systemctl", "show", "-P", name, "headend")
}

// boot starts the machine from what make test-systemd prepared: SYSTEMD_ROOT is the
// Debian, SYSTEMD_STAGE what make install put below its DESTDIR.
func boot(t *testing.T) machine {
	root, stage := os.Getenv("SYSTEMD_ROOT"), os.Getenv("SYSTEMD_STAGE")
	if root == "" || stage == "" {
		t.Skip("needs a Debian root and an installed headend: make test-systemd")
	}
	own := t.TempDir()
	dropIn := filepath.Join(own, "etc/systemd/system/headend.service.d/test.conf")
	if err := os.MkdirAll(filepath.Dir(dropIn), 0o755); err != nil {
		t.Fatal(err)
	}
	// In the sandbox of the unit, which nothing that is run beside it has.
	askClock := fmt.Sprintf(`/usr/bin/perl -e 'my $$b = "\\0" x 512; syscall(%d, $$b) >= 0 or die "adjtimex: $$!"'`, unix.SYS_ADJTIMEX)
	if err := os.WriteFile(dropIn, []byte(`[Service]
ExecStartPre=`+askClock+`
ExecStart=
ExecStart=/usr/local/bin/headend serve --demo --data /var/lib/headend
WatchdogSec=3s
`), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "testdata/nsboot.sh", t.TempDir(), strings.Join([]string{own, stage, root}, ":"))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // its systemd goes with it
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	m := machine{T: t}
	m.until("systemd of the machine starts", 20*time.Second, func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		m.pid = strings.TrimSpace(string(b))
		name, _ := os.ReadFile("/proc/" + m.pid + "/comm")
		return err == nil && string(name) == "systemd\n"
	})
	m.until("the machine runs", time.Minute, func() bool {
		state, _ := m.command("systemctl", "is-system-running").Output()
		return string(state) == "running\n"
	})
	return m
}

// ear hears every IP packet on the loopback interface of the machine.
type ear struct {
	machine
	fd int
}

func (m machine) listen() ear {
	m.Helper()
	e := ear{machine: m}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread has changed its namespace and ends
		failed <- func() error {
			ns, err := os.Open("/proc/" + m.pid + "/ns/net")
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			e.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(networkOrder(unix.ETH_P_IP)))
			if err != nil {
				return err
			}
			if err := unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
				return err
			}
			return unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		}()
	}()
	if err := <-failed; err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { _ = unix.Close(e.fd) })
	return e
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// multicasts returns how many UDP datagrams to a group were heard since the last call,
// and when the kernel received the first of them.
func (e ear) multicasts() (n int, first time.Time) {
	buf, control := make([]byte, 2048), make([]byte, 128)
	for {
		size, controls, _, _, err := unix.Recvmsg(e.fd, buf, control, 0)
		if err == unix.EAGAIN {
			return n, first
		}
		if err != nil {
			e.Fatal(err)
		}
		if size < 28 || buf[9] != unix.IPPROTO_UDP || buf[16] < 224 || buf[16] >= 240 {
			continue
		}
		if n++; n > 1 {
			continue
		}
		stamps, err := unix.ParseSocketControlMessage(control[:controls])
		if err != nil || len(stamps) != 1 || len(stamps[0].Data) != 16 {
			e.Fatalf("expected one time stamp with a packet, got %v, %v", stamps, err)
		}
		first = time.Unix(int64(binary.NativeEndian.Uint64(stamps[0].Data)), int64(binary.NativeEndian.Uint64(stamps[0].Data[8:])))
	}
}

func TestBoot(t *testing.T) {
	m := boot(t)
	m.run("systemd-sysusers", "/usr/local/lib/sysusers.d/headend.conf")
	m.run("ip", "link", "set", "lo", "multicast", "on")
	air := m.listen()
	m.run("systemctl", "start", "headend") // returns when the daemon has said READY
	air.checkReady()
	if got := m.property("ActiveState"); got != "active" {
		t.Fatalf("state %s after start\n%s", got, m.journal())
	}
	t.Run("sandbox", func(t *testing.T) { machine{t, m.pid}.checkSandbox() })
	t.Run("limits", func(t *testing.T) { machine{t, m.pid}.checkLimits() })
	t.Run("watchdog", func(t *testing.T) { machine{t, m.pid}.checkWatchdog(air) })
	t.Run("stop", func(t *testing.T) { machine{t, m.pid}.checkStop() })
}

// checkReady compares two stamps of the same clock: the kernel's of the first datagram
// and systemd's of READY. Either may be delivered to us late.
func (e ear) checkReady() {
	var first time.Time
	e.until("a datagram is on air", 20*time.Second, func() bool {
		n, at := e.multicasts()
		first = at
		return n > 0
	})
	text := e.run("systemctl", "show", "--timestamp=us+utc", "-P", "ActiveEnterTimestamp", "headend")
	ready, err := time.Parse("Mon 2006-01-02 15:04:05.000000 MST", text)
	if err != nil {
		e.Fatal(err)
	}
	if heard, err := unix.GetsockoptTpacketStats(e.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || heard.Drops > 0 {
		e.Fatalf("expected to hear every packet, missed %d: %v", heard.Drops, err)
	}
	if ready.Before(first) {
		e.Errorf("READY came at %v, the first datagram was on air at %v\n%s", ready.UTC(), first.UTC(), e.journal())
	}
}

// status returns a field of /proc/PID/status.
func (m machine) status(pid, field string) string {
	m.Helper()
	found := regexp.MustCompile(`(?m)^` + field + `:\s*(.*)$`).FindStringSubmatch(m.run("cat", "/proc/"+pid+"/status"))
	if found == nil {
		m.Fatalf("no %s of process %s", field, pid)
	}
	return found[1]
}

// members returns the processes of the unit by their arguments.
func (m machine) members() map[string]string {
	m.Helper()
	pids := map[string]string{}
	for pid := range strings.FieldsSeq(m.run("cat", "/sys/fs/cgroup"+m.property("ControlGroup")+"/cgroup.procs")) {
		line, err := m.command("cat", "/proc/"+pid+"/cmdline").Output()
		if err == nil { // else it has ended
			pids[strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")] = pid
		}
	}
	return pids
}

// wire returns the process that sends.
func (m machine) wire() string {
	m.Helper()
	for line, pid := range m.members() {
		if strings.Contains(line, " wire ") {
			return pid
		}
	}
	m.Fatalf("no sending process among %q\n%s", m.members(), m.journal())
	return ""
}

func (m machine) checkSandbox() {
	if mode := m.run("stat", "-c", "%a", "/var/lib/headend"); mode != "700" {
		m.Errorf("the data folder has mode %s: 'headend doctor' says it must be 700", mode)
	}
	pids := map[string]string{"daemon": m.property("MainPID"), "sending process": m.wire()}
	for name, pid := range pids {
		for field, want := range map[string]string{
			"Seccomp":    "2",
			"NoNewPrivs": "1",
			"CapEff":     "0000000000000400", // CAP_NET_BIND_SERVICE
			"CapBnd":     "0000000000000400",
		} {
			if got := m.status(pid, field); got != want {
				m.Errorf("%s: %s is %s, want %s", name, field, got, want)
			}
		}
		if uid := strings.Fields(m.status(pid, "Uid"))[0]; uid == "0" || uid != m.run("id", "-u", "headend") {
			m.Errorf("%s runs as %s", name, uid)
		}
	}
	for path, writable := range map[string]bool{"/usr": false, "/etc": false, "/root": false, "/var/lib": false, "/var/lib/headend": true, "/tmp": true} {
		probe := m.command("nsenter", "-t", pids["daemon"], "-m", "--", "sh", "-c", "touch "+path+"/probe && rm "+path+"/probe")
		if err := probe.Run(); (err == nil) != writable {
			m.Errorf("in the daemon's mounts %s is writable: %t, want %t", path, err == nil, writable)
		}
	}
}

// checkLimits checks what stands in for capabilities. A machine whose root may not
// raise limits (without CAP_SYS_RESOURCE, as in some containers) cannot show it.
func (m machine) checkLimits() {
	if err := m.command("prlimit", "--rtprio=50:50", "--nofile=65536:65536", "true").Run(); err != nil {
		m.Skip("root of this machine may not raise limits: no CAP_SYS_RESOURCE")
	}
	for name, pid := range map[string]string{"daemon": m.property("MainPID"), "sending process": m.wire()} {
		limits := strings.Join(strings.Fields(m.run("cat", "/proc/"+pid+"/limits")), " ")
		for _, want := range []string{"Max realtime priority 50 50", "Max locked memory unlimited unlimited", "Max open files 65536 65536"} {
			if !strings.Contains(limits, want) {
				m.Errorf("%s: no %q in its limits: %s", name, want, limits)
			}
		}
	}
	if out := m.run("chrt", "-a", "-p", m.wire()); !strings.Contains(out, "SCHED_FIFO") {
		m.Errorf("the sending process has no real-time thread:\n%s", out)
	}
}

// checkWatchdog stops the daemon in its tracks: systemd must notice, kill and
// restart it, and the wire must not fall silent.
func (m machine) checkWatchdog(air ear) {
	before, wire, children := m.property("MainPID"), m.wire(), m.members()
	for line, pid := range children {
		if pid == before || pid == wire {
			delete(children, line)
		}
	}
	if len(children) == 0 {
		m.Error("expected the ffmpeg of the test picture, found no child")
	}
	m.run("kill", "-STOP", before)
	_, _ = air.multicasts() // those from before
	m.until("systemd notices that the daemon hangs", 30*time.Second, func() bool { return m.property("MainPID") != before })
	if n, _ := air.multicasts(); n == 0 {
		m.Error("nothing was sent while the daemon hung")
	}
	m.until("the daemon is restarted", time.Minute, func() bool {
		return m.property("ActiveState") == "active" && m.property("NRestarts") == "1"
	})
	if log := m.run("journalctl", "--no-pager", "-o", "cat", "-u", "headend"); !strings.Contains(log, "Watchdog timeout") {
		m.Error("the restart was not the watchdog's: " + log)
	}
	if now := m.property("MainPID"); now == before || now == "0" {
		m.Errorf("main process %s after %s", now, before)
	}
	m.until("the children of the old daemon are gone", 10*time.Second, func() bool {
		now := m.members()
		for line := range children {
			if now[line] != "" {
				return false
			}
		}
		return true
	})
	if now := m.wire(); now != wire {
		m.Errorf("sending process %s after %s: it did not outlive the restart", now, wire)
	}
}

// checkStop commits a change and stops and kills the daemon right after it.
func (m machine) checkStop() {
	for i, end := range [][]string{{"systemctl", "stop", "headend"}, {"systemctl", "kill", "-s", "KILL", "--kill-whom=main", "headend"}} {
		name := "box-" + strconv.Itoa(i)
		document := m.run("headend", "config", "export")
		changed := regexp.MustCompile(`(?m)^(\s+)name: \S+$`)
		at := changed.FindStringSubmatchIndex(document)
		if at == nil {
			m.Fatalf("no name of the box in:\n%s", document)
		}
		document = document[:at[0]] + document[at[2]:at[3]] + "name: " + name + document[at[1]:]
		apply := m.command("headend", "config", "apply", "-", "--comment", name)
		apply.Stdin = strings.NewReader(document)
		if out, err := apply.CombinedOutput(); err != nil {
			m.Fatalf("config apply: %v\n%s%s", err, out, m.journal())
		}
		before := m.property("MainPID")
		m.run(end...)
		if i == 0 {
			if result, status := m.property("Result"), m.property("ExecMainStatus"); result != "success" || status != "0" {
				m.Errorf("stopped with %s, status %s\n%s", result, status, m.journal())
			}
			m.run("systemctl", "start", "headend")
		}
		m.until("the daemon runs again", time.Minute, func() bool {
			return m.property("MainPID") != before && m.property("ActiveState") == "active"
		})
		if log := m.run("headend", "config", "log"); !strings.Contains(log, name) {
			m.Errorf("the revision %s is lost:\n%s", name, log)
		}
		if document := m.run("headend", "config", "export"); !strings.Contains(document, "name: "+name+"\n") {
			m.Errorf("the change %s is lost:\n%s", name, document)
		}
	}
}
