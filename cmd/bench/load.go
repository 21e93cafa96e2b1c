package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigma/cmd/headend/e2e"
	"sigma/multicast/rig"
)

// channels is how many pass through in the measurement of load.
const channels = 20

const (
	source = iota
	box
	receiver
)

// field is a network with a recording on its groups.
type field struct {
	net    *rig.Net
	rec    e2e.Recording
	data   []byte
	dir    string
	cancel context.CancelFunc
}

// newField sends the H.264 recording to n groups.
func (b *bench) newField(n int) (*field, error) {
	f := &field{rec: e2e.Recordings()[0]}
	var err error
	if f.data, err = f.rec.Record(b.ctx); err != nil {
		return nil, err
	}
	if f.net, err = rig.NewNet(3); err != nil {
		return nil, err
	}
	if f.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	f.cancel = cancel
	var groups []netip.AddrPort
	for i := range n {
		groups = append(groups, in(i))
	}
	go func() {
		s := rig.Sender{Host: source, Groups: groups, Data: f.data, Rate: f.rec.Rate, Step: 5 * time.Millisecond}
		if err := s.Run(ctx, f.net); err != nil {
			fmt.Fprintln(os.Stderr, "bench: sender:", err)
		}
	}()
	return f, nil
}

func (f *field) close() {
	f.cancel()
	f.net.Close()
	_ = os.RemoveAll(f.dir)
}

func in(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 1, 1, byte(i + 1)}), 5000)
}

func out(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 2, 2, byte(i + 1)}), 5000)
}

// config is a configuration that passes n groups through.
func (f *field) config(n int, scheme, more string) string {
	var y strings.Builder
	y.WriteString("channels:\n")
	for i := range n {
		fmt.Fprintf(&y, "  - name: c%d\n    inputs: [{url: \"udp://eth@%s\"}]\n    outputs: [{url: \"%s://eth@%s\", ttl: 4%s}]\n", i, in(i), scheme, out(i), more)
		if !strings.Contains(more, "hls") {
			y.WriteString("    protocols: [mpegts]\n")
		}
	}
	return strings.ReplaceAll(y.String(), ", hls", "")
}

// unitNice is Nice= in the unit of systemd.
const unitNice = -10

func (b *bench) daemon(f *field, yaml string) (*e2e.Daemon, error) {
	data, err := os.MkdirTemp(f.dir, "data")
	if err != nil {
		return nil, err
	}
	d := &e2e.Daemon{Net: f.net, Host: box, Binary: b.binary, Data: data, Nice: unitNice}
	if err := d.Prepare(b.ctx, yaml); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	return d, d.Start(ctx)
}

// load compares the CPU of passing channels through with that of others.
func (b *bench) load() error {
	f, err := b.newField(channels)
	if err != nil {
		return err
	}
	defer f.close()
	names := []string{"headend as is", "headend constant rate", "dvblast", "ffmpeg -c copy"}
	runs := []func(*field) (float64, error){
		func(f *field) (float64, error) { return b.headend(f, "") },
		func(f *field) (float64, error) { return b.headend(f, ", bitrate: 4400000") },
		b.dvblast, b.ffmpeg,
	}
	used := make([][]float64, len(runs))
	for range 3 { // in turn, so that what else the machine does is shared
		for i, run := range runs {
			v, err := run(f)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			used[i] = append(used[i], v)
			fmt.Fprintf(os.Stderr, "%s: %.2f %% of a core per channel\n", names[i], v)
		}
	}
	dvblast, ffmpeg := median(used[2]), median(used[3])
	for i, n := range names {
		v := median(used[i])
		b.add("CPU per pass-through channel of 4 Mbit/s, "+n, map[bool]string{true: "≤ dvblast, ≤ half of ffmpeg"}[i < 2],
			"%.2f %% of a core (%.2f × dvblast, %.2f × ffmpeg)", v, v/dvblast, v/ffmpeg)
	}
	return nil
}

// headend returns the CPU of the daemon and its wire process, in percent of a core
// per channel.
func (b *bench) headend(f *field, more string) (float64, error) {
	d, err := b.daemon(f, f.config(channels, "udp", more))
	if err != nil {
		return 0, err
	}
	defer func() { _ = d.Stop() }()
	pids := []int{d.PID()}
	var state struct {
		Wire struct {
			PID int `json:"pid"`
		} `json:"wire"`
	}
	if err := d.API(b.ctx, "GET", "/config/stats", nil, &state); err != nil {
		return 0, err
	}
	if state.Wire.PID == 0 {
		return 0, errors.New("the wire process does not run")
	}
	return b.measure(append(pids, state.Wire.PID))
}

// measure returns the CPU that processes use, in percent of a core per channel.
func (b *bench) measure(pids []int) (float64, error) {
	if err := sleep(b.ctx, 8*time.Second); err != nil { // rings are full, memory grows no more
		return 0, err
	}
	before, began := jiffies(pids), time.Now()
	if err := sleep(b.ctx, b.span); err != nil {
		return 0, err
	}
	return (jiffies(pids) - before) / time.Since(began).Seconds() / channels, nil // 100 jiffies a second: percent
}

func (b *bench) dvblast(f *field) (float64, error) {
	return b.others(f, func(i int) (*exec.Cmd, error) {
		conf := filepath.Join(f.dir, fmt.Sprintf("dvblast%d.conf", i))
		if err := os.WriteFile(conf, fmt.Appendf(nil, "%s@10.99.0.2/udp/ttl=4 1 1\n", out(i)), 0o600); err != nil {
			return nil, err
		}
		return f.net.Command(box, "dvblast", "-D", fmt.Sprintf("@%s/udp/ifaddr=10.99.0.2", in(i)), "-c", conf, "-q"), nil
	})
}

func (b *bench) ffmpeg(f *field) (float64, error) {
	return b.others(f, func(i int) (*exec.Cmd, error) {
		return f.net.Command(box, "ffmpeg", "-v", "error", "-i", fmt.Sprintf("udp://%s?localaddr=10.99.0.2&fifo_size=50000", in(i)), "-map", "0", "-c", "copy",
			"-f", "mpegts", fmt.Sprintf("udp://%s?localaddr=10.99.0.2&pkt_size=1316&ttl=4", out(i))), nil
	})
}

// others runs one process per channel and measures them, once their packets come
// out at the other side.
func (b *bench) others(f *field, command func(i int) (*exec.Cmd, error)) (float64, error) {
	var pids []int
	var cmds []*exec.Cmd
	defer func() {
		for _, c := range cmds {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}()
	for i := range channels {
		c, err := command(i)
		if err != nil {
			return 0, err
		}
		if err := c.Start(); err != nil {
			return 0, err
		}
		cmds, pids = append(cmds, c), append(pids, c.Process.Pid)
	}
	// ffmpeg looks at its input for 5 s, and many that start at once take longer.
	var err error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if err = b.flows(f); err == nil {
			return b.measure(pids)
		}
		if b.ctx.Err() != nil {
			break
		}
	}
	return 0, err
}

// flows checks that every channel comes out at its rate.
func (b *bench) flows(f *field) error {
	var groups []netip.AddrPort
	for i := range channels {
		groups = append(groups, out(i))
	}
	got := make([]int, channels)
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	if _, err := f.net.Capture(ctx, receiver, groups, func(g int, d rig.Datagram) { got[g] += len(d.Data) }); err != nil {
		return err
	}
	for i, n := range got {
		if rate := float64(n) * 4; rate < 0.6*float64(f.rec.Rate) {
			return fmt.Errorf("channel %d comes out at %.1f Mbit/s", i, rate/1e6)
		}
	}
	return nil
}

// jiffies returns the CPU time of processes, user and system, in hundredths of a
// second.
func jiffies(pids []int) (sum float64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		for _, at := range []int{11, 12} {
			v, err := strconv.ParseFloat(f[at], 64)
			if err == nil {
				sum += v
			}
		}
	}
	return sum
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
