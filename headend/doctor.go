package headend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/config"
	"sigma/multicast"
)

// Finding is the result of one check of the doctor.
type Finding struct {
	Check string `json:"check"`
	Well  bool   `json:"well"`
	Found string `json:"found"`
	Want  string `json:"want,omitempty"` // what was expected, when it is not well
	Mend  string `json:"mend,omitempty"` // the command or step that mends it
}

// doctor looks at the machine the way the headend meets it. The roots are fields so
// that tests can use fixture trees.
type doctor struct {
	Proc, Sys, Data string
}

// Doctor checks this machine and prints what is wrong and what mends it. It reports
// whether all is well.
func Doctor(ctx context.Context, w io.Writer, data string, asJSON bool) (well bool, err error) {
	found := doctor{Proc: "/proc", Sys: "/sys", Data: data}.examine(ctx)
	well = true
	for _, f := range found {
		well = well && f.Well
	}
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return well, e.Encode(found)
	}
	for _, f := range found {
		if f.Well {
			fmt.Fprintf(w, "ok    %-22s %s\n", f.Check, f.Found)
			continue
		}
		fmt.Fprintf(w, "WRONG %-22s %s; expected %s\n      mend: %s\n", f.Check, f.Found, f.Want, f.Mend)
	}
	return well, nil
}

func (d doctor) examine(ctx context.Context) []Finding {
	out := []Finding{d.clock(), d.clockSource(), d.realTime(), d.lockedMemory(), d.files(), d.folder(), d.disk()}
	for _, p := range (multicast.Lister{Proc: d.Proc, Sys: d.Sys}).Probe() {
		out = append(out, Finding{Check: p.Name, Well: p.OK, Found: p.Value, Want: p.Wanted, Mend: p.Fix})
	}
	out = append(out, d.tool("ffmpeg", "test:// inputs need it", "apt-get install ffmpeg"))
	return append(out, d.ports(ctx)...)
}

// clock asks the kernel whether the system clock is disciplined: names of segments
// and the times of alarms come from it.
func (d doctor) clock() Finding {
	f := Finding{Check: "clock synchronised", Want: "a clock kept by NTP or PTP", Mend: "apt-get install chrony"}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		f.Found = err.Error()
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		f.Found = "not synchronised"
	default:
		f.Well, f.Found = true, fmt.Sprintf("yes, estimated error %v", time.Duration(t.Esterror)*time.Microsecond)
	}
	return f
}

func (d doctor) clockSource() Finding {
	b, err := os.ReadFile(filepath.Join(d.Sys, "devices/system/clocksource/clocksource0/current_clocksource"))
	name := strings.TrimSpace(string(b))
	f := Finding{Check: "clock source", Well: err == nil && name != "hpet" && name != "acpi_pm" && name != "refined-jiffies" && name != "jiffies", Found: name,
		Want: "tsc, kvm-clock or another fast one", Mend: "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"}
	if err != nil {
		f.Found = err.Error()
	}
	return f
}

// realTime looks whether SCHED_FIFO would be granted, which keeps datagrams on time.
func (d doctor) realTime() Finding {
	f := Finding{Check: "real-time priority", Want: "SCHED_FIFO allowed", Mend: "run by systemd with the unit of `make install`, or as root, or setcap cap_sys_nice,cap_ipc_lock+ep on the binary"}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTPRIO, &r); err == nil && r.Cur >= 50 || os.Geteuid() == 0 {
		f.Well, f.Found = true, "allowed"
	} else {
		f.Found = "refused"
	}
	return f
}

func (d doctor) lockedMemory() Finding {
	f := Finding{Check: "locked memory", Want: "256 MiB or more", Mend: "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit"}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &r); err != nil {
		f.Found = err.Error()
		return f
	}
	f.Well, f.Found = r.Cur >= 256<<20 || os.Geteuid() == 0, fmt.Sprintf("%d KiB", r.Cur>>10)
	if r.Cur == unix.RLIM_INFINITY {
		f.Found = "unlimited"
	}
	return f
}

func (d doctor) files() Finding {
	f := Finding{Check: "open files", Want: "65536 or more", Mend: "ulimit -n 65536, or LimitNOFILE=65536 in the unit"}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		f.Found = err.Error()
		return f
	}
	f.Well, f.Found = r.Max >= 65536, fmt.Sprint(r.Max)
	return f
}

func (d doctor) folder() Finding {
	f := Finding{Check: "data folder", Want: "a folder that only the headend may read", Mend: fmt.Sprintf("chmod 700 %s && chown -R headend: %s", d.Data, d.Data)}
	st, err := os.Stat(d.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.Well, f.Found = true, d.Data+" is not there yet: it is made at the first start"
	case err != nil:
		f.Found = err.Error()
	case !st.IsDir():
		f.Found = d.Data + " is not a folder"
	case st.Mode().Perm()&0o077 != 0:
		f.Found = fmt.Sprintf("%s has mode %#o", d.Data, st.Mode().Perm())
	default:
		f.Well, f.Found = true, d.Data
	}
	return f
}

func (d doctor) disk() Finding {
	f := Finding{Check: "disk space", Want: "1 GiB free for the database and the log", Mend: "remove what is not needed from " + d.Data}
	at := d.Data
	for {
		var fs unix.Statfs_t
		if err := unix.Statfs(at, &fs); err == nil {
			free := fs.Bavail * uint64(fs.Bsize)
			f.Well, f.Found = free >= 1<<30, fmt.Sprintf("%d MiB free", free>>20)
			return f
		} else if at == "/" || at == "." {
			f.Found = err.Error()
			return f
		}
		at = filepath.Dir(at)
	}
}

func (d doctor) tool(name, why, mend string) Finding {
	at, err := exec.LookPath(name)
	if err != nil {
		return Finding{Check: name, Found: "not installed: " + why, Want: "the program", Mend: mend}
	}
	return Finding{Check: name, Well: true, Found: at}
}

// ports looks whether the addresses of the configuration can be listened on, or
// answer as a headend that runs.
func (d doctor) ports(ctx context.Context) []Finding {
	box := config.Defaults().Box
	if c, err := readConfig(ctx, d.Data); err == nil {
		box = c.Effective().Box
	}
	var out []Finding
	for _, p := range []struct{ name, addr, field string }{{"HTTP port", box.HTTP, "http"}, {"SSH port", box.SSH, "ssh"}} {
		f := Finding{Check: p.name, Want: p.addr + " free or held by the headend",
			Mend: fmt.Sprintf("ss -ltnp 'sport = :%s' shows who holds it; stop it, or set box.%s to another address", portOf(p.addr), p.field)}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.addr)
		switch {
		case err == nil:
			_ = l.Close() // it was only tried
			f.Well, f.Found = true, p.addr+" is free"
		case errors.Is(err, unix.EADDRINUSE) && daemonAnswers(d.Data):
			f.Well, f.Found = true, p.addr+" is held while the headend runs"
		default:
			f.Found = err.Error()
		}
		out = append(out, f)
	}
	return out
}

func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return port
}
