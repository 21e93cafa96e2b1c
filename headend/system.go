package headend

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/control"
)

// monotonic returns CLOCK_MONOTONIC, which means the same in every process of the
// box. The clock of the runtime is the same clock and costs no system call: only
// where it stood at the start is asked for.
var monotonic = func() func() time.Duration {
	var ts unix.Timespec
	began := time.Now()
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // the clock is there on every Linux; the call has no other error
	at := time.Duration(ts.Nano())
	return func() time.Duration { return at + time.Since(began) }
}()

// systemProbe reads the state of the machine from /proc and /sys.
type systemProbe struct {
	Proc, Sys string // roots, for tests on fixture trees
	Data      string // data folder, whose file system is watched
	Started   time.Time
	Version   string

	mu       sync.Mutex
	read     time.Time
	busy     uint64 // jiffies
	total    uint64
	own      time.Duration
	snapshot control.System
}

// System returns the state of the machine, read at most once a second.
func (p *systemProbe) System() control.System {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.read) >= time.Second {
		p.look(now)
	}
	return p.snapshot
}

func (p *systemProbe) look(now time.Time) {
	s := control.System{Version: p.Version, CPUs: runtime.NumCPU(), Started: p.Started, Goroutines: runtime.NumGoroutine()}
	p.cpu(&s, now)
	p.memory(&s)
	var fs unix.Statfs_t
	if unix.Statfs(p.Data, &fs) == nil {
		s.DiskTotal = fs.Blocks * uint64(fs.Bsize)
		s.DiskFree = fs.Bavail * uint64(fs.Bsize)
	}
	if b, err := os.ReadFile(filepath.Join(p.Proc, "sys/kernel/osrelease")); err == nil {
		s.Kernel = strings.TrimSpace(string(b))
	}
	s.Uptime = time.Duration(firstFloat(p.file("uptime")) * float64(time.Second)).Truncate(time.Second)
	s.Load1 = firstFloat(p.file("loadavg"))
	s.Temperature = p.temperature()
	p.read, p.snapshot = now, s
}

// cpu fills in the share of all cores in use and the cores the daemon uses, since
// the look before.
func (p *systemProbe) cpu(s *control.System, now time.Time) {
	line, _, _ := bytes.Cut(p.file("stat"), []byte("\n"))
	var total, idle uint64
	for i, f := range strings.Fields(string(line)) {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil || i > 8 { // guest time is part of user time
			continue
		}
		total += n
		if i == 4 || i == 5 { // idle and iowait
			idle += n
		}
	}
	busy := total - idle
	// The kernel's counters may go back (proc(5) on iowait), or not be there once.
	if d := int64(total - p.total); p.total != 0 && d > 0 {
		s.CPU = min(max(float64(int64(busy-p.busy))/float64(d), 0), 1)
	}
	p.busy, p.total = busy, total
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		own := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		if !p.read.IsZero() {
			s.ProcessCPU = (own - p.own).Seconds() / now.Sub(p.read).Seconds()
		}
		p.own = own
	}
}

func (p *systemProbe) memory(s *control.System) {
	lines := bufio.NewScanner(bytes.NewReader(p.file("meminfo")))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		n := uint64(firstFloat([]byte(value))) * 1024
		switch key {
		case "MemTotal":
			s.MemoryTotal = n
		case "MemAvailable":
			s.MemoryFree = n
		}
	}
	if f := strings.Fields(string(p.file("self/statm"))); len(f) > 1 {
		s.ProcessRSS = uint64(firstFloat([]byte(f[1]))) * uint64(os.Getpagesize())
	}
}

// temperature returns that of the hottest sensor in degrees Celsius, 0 without one.
func (p *systemProbe) temperature() float64 {
	zones, _ := filepath.Glob(filepath.Join(p.Sys, "class/thermal/thermal_zone*/temp")) // the pattern is well formed
	hottest := 0.0
	for _, z := range zones {
		if b, err := os.ReadFile(z); err == nil {
			hottest = max(hottest, firstFloat(b)/1000)
		}
	}
	return hottest
}

// file reads a file below Proc; one that cannot be read is empty.
func (p *systemProbe) file(name string) []byte {
	b, err := os.ReadFile(filepath.Join(p.Proc, name))
	if err != nil {
		return nil
	}
	return b
}

func firstFloat(b []byte) float64 {
	f := strings.Fields(string(b))
	if len(f) == 0 {
		return 0
	}
	v, err := strconv.ParseFloat(f[0], 64)
	if err != nil {
		return 0
	}
	return v
}
