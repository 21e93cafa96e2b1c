package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sigma/cmd/headend/e2e"
	"sigma/multicast/rig"
)

// outputs is how many channels are on the wire.
const outputs = 50

// wire sends 50 channels as RTP of constant bit rate while viewers and changes of
// the configuration keep the daemon busy. The time stamp of a datagram is the time
// it was to leave, to 11 µs; the kernel of the receiver says when it came.
func (b *bench) wire() error {
	f, err := b.newField(outputs)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.net.Link(box, receiver, "direct"); err != nil {
		return err
	}
	yaml := strings.ReplaceAll(f.config(outputs, "rtp", ", bitrate: 4400000, hls"), "rtp://eth@", "rtp://direct@")
	d, err := b.daemon(f, yaml)
	if err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	if err := settle(b.ctx, d.PID()); err != nil { // HLS is there
		return err
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.long)
	defer cancel()
	var busy sync.WaitGroup
	var viewed, changed atomic.Int64
	for i := range 20 {
		busy.Go(func() { watch(ctx, f.net, i, &viewed) })
	}
	busy.Go(func() { edit(ctx, d, &changed) })
	var machine punctuality
	var machineErr error
	busy.Go(func() { machine, machineErr = yardstick(ctx, b.long-time.Second) })
	before, began := jiffies([]int{d.PID()}), time.Now()
	got, err := b.received(b.ctx, f.net.Hosts[receiver])
	busy.Wait()
	if err != nil {
		return err
	}
	if machineErr != nil {
		return machineErr
	}
	b.add(fmt.Sprintf("datagrams within 500 µs of their time, %d channels, daemon busy (%d segments fetched, %d commits, %.0f %% of a core)",
		outputs, viewed.Load(), changed.Load(), (jiffies([]int{d.PID()})-before)/time.Since(began).Seconds()),
		"99 %", "%.3f %%", 100*got.Half)
	b.add("datagrams within 5 ms of their time", "99.9 %", "%.3f %%", 100*got.Five)
	b.add("one thread of higher priority that only wakes up, in the same run, within 500 µs and 5 ms of its time",
		"", "%.3f %%, %.3f %%", 100*machine.Half, 100*machine.Five)
	b.add("lateness of datagrams, median, 99 %, 99.9 %, largest", "", "%v, %v, %v, %v", got.Late[0], got.Late[1], got.Late[2], got.Late[3])
	b.add(fmt.Sprintf("datagrams lost of %d in %v", got.Count, b.long), "0", "%d, and %d dropped by the receiver", got.Lost, got.Drops)
	return nil
}

// settle waits until the memory of a process has stopped growing, for at most two
// minutes: the windows of HLS are full then, and the system has given the memory.
func settle(ctx context.Context, pid int) error {
	const look = 5 * time.Second
	for last, n := 0.0, 0; n < 24; n++ {
		if err := sleep(ctx, look); err != nil {
			return err
		}
		now, err := residentMB(pid)
		if err != nil {
			return err
		}
		if n > 12 && now < last+last/100 {
			return nil
		}
		last = now
	}
	return nil
}

// receipt is what the receiver says of the datagrams of all channels.
type receipt struct {
	punctuality
	Count int
	Late  [4]time.Duration // median, 99 %, 99.9 %, largest
	Lost  uint64
	Drops uint32 // by the kernel of the receiver: the measurement is not complete
}

// received measures in a process of its own, before everything but what it measures:
// it stands for another machine.
func (b *bench) received(ctx context.Context, host string) (r receipt, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	c := exec.CommandContext(ctx, "nice", "-n", strconv.Itoa(unitNice-5), self, "-receive", host, "-wire", b.long.String())
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("receiver: %w", err)
	}
	return r, json.Unmarshal(out, &r)
}

// receive is the process of the receiver.
func receive(host string, d time.Duration, to io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	w := wireTimes{seen: make([]sequence, outputs), late: make([]time.Duration, 0, int(d.Seconds()*500)*outputs)}
	var groups []netip.AddrPort
	for i := range outputs {
		groups = append(groups, out(i))
	}
	drops, err := (&rig.Net{Hosts: []string{host}}).Capture(ctx, 0, groups, w.add)
	if err != nil {
		return err
	}
	slices.Sort(w.late)
	r := receipt{
		punctuality: punctuality{within(w.late, 500*time.Microsecond), within(w.late, 5*time.Millisecond)},
		Count:       len(w.late), Lost: w.lost(), Drops: drops,
	}
	for i, q := range []float64{.5, .99, .999, 1} {
		if len(w.late) > 0 {
			r.Late[i] = w.late[int(q*float64(len(w.late)-1))].Round(time.Microsecond)
		}
	}
	return json.NewEncoder(to).Encode(r)
}

type sequence struct {
	begun bool
	last  uint16
	lost  uint64
}

// wireTimes collects how far datagrams are from their time.
type wireTimes struct {
	seen []sequence
	late []time.Duration // early ones as well, without sign
}

func (w *wireTimes) add(g int, d rig.Datagram) {
	if len(d.Data) < 12 {
		return
	}
	seq, stamp := binary.BigEndian.Uint16(d.Data[2:]), binary.BigEndian.Uint32(d.Data[4:])
	s := &w.seen[g]
	if s.begun {
		s.lost += uint64(seq - s.last - 1)
	}
	s.begun, s.last = true, seq
	arrived := monotonicAt(d.At)
	now := uint32(arrived * 9 / 100_000) // 90 kHz
	late := time.Duration(int32(now-stamp)) * 100_000 / 9
	w.late = append(w.late, late.Abs())
}

func (w *wireTimes) lost() (n uint64) {
	for _, s := range w.seen {
		n += s.lost
	}
	return n
}

func within(sorted []time.Duration, limit time.Duration) float64 {
	n, _ := slices.BinarySearch(sorted, limit+1)
	return float64(n) / float64(max(1, len(sorted)))
}

// monotonicAt returns CLOCK_MONOTONIC at a wall time of the last moments. The clocks are
// read until nothing came between the readings, ten times at most.
func monotonicAt(t time.Time) time.Duration {
	var before, wall, after unix.Timespec
	best, mono := int64(math.MaxInt64), int64(0)
	for range 10 {
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &before) // the clocks are there on every Linux
		_ = unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &after)
		if took := after.Nano() - before.Nano(); took < best {
			best, mono = took, before.Nano()+took/2-(wall.Nano()-t.UnixNano())
		}
		if best < int64(5*time.Microsecond) {
			break
		}
	}
	return time.Duration(mono)
}

// watch plays one channel by HLS over and over.
func watch(ctx context.Context, net *rig.Net, i int, fetched *atomic.Int64) {
	client := net.Client(box)
	base := fmt.Sprintf("http://%s/c%d/", e2e.HTTPAddr, i)
	get := func(path string) string {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			return ""
		}
		resp, err := client.Do(req)
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		var sb strings.Builder
		buf := make([]byte, 64<<10)
		for {
			n, err := resp.Body.Read(buf)
			if resp.Header.Get("Content-Type") != "video/mp2t" {
				sb.Write(buf[:n])
			}
			if err != nil {
				return sb.String()
			}
		}
	}
	for ctx.Err() == nil {
		for line := range strings.Lines(get("mono.m3u8")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				get(line)
				fetched.Add(1)
			}
		}
		_ = sleep(ctx, time.Second)
	}
}

// edit changes the title of a channel over and over.
func edit(ctx context.Context, d *e2e.Daemon, committed *atomic.Int64) {
	for n := 0; ctx.Err() == nil; n++ {
		title := map[string]string{"title": "take " + strconv.Itoa(n)}
		if err := d.API(ctx, http.MethodPut, fmt.Sprintf("/streams/c%d", n%outputs), title, nil); err == nil {
			committed.Add(1)
		} else if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "bench: commit:", err)
		}
		_ = sleep(ctx, 200*time.Millisecond)
	}
}
