package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"sigma/cmd/headend/e2e"
	"sigma/multicast/rig"
	"sigma/mux/ts"
)

// start measures a cold start with 50 channels, and memory.
func (b *bench) start() error {
	f, err := b.newField(outputs)
	if err != nil {
		return err
	}
	defer f.close()
	var groups []netip.AddrPort
	for i := range outputs {
		groups = append(groups, out(i))
	}
	var first []float64
	for range 3 {
		took, err := b.coldStart(f, groups)
		if err != nil {
			return err
		}
		first = append(first, took.Seconds())
	}
	b.add("cold start to the first datagram, 50 channels", "≤ 1 s", "%.2f s", median(first))
	return b.memory(f)
}

func (b *bench) coldStart(f *field, groups []netip.AddrPort) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	var at time.Time
	done := make(chan error, 1)
	go func() {
		_, err := f.net.Capture(ctx, receiver, groups, func(_ int, d rig.Datagram) {
			if at.IsZero() {
				at = d.At
				cancel()
			}
		})
		done <- err
	}()
	if err := sleep(b.ctx, time.Second); err != nil {
		return 0, err
	}
	data, err := os.MkdirTemp(f.dir, "data")
	if err != nil {
		return 0, err
	}
	d := &e2e.Daemon{Net: f.net, Host: box, Binary: b.binary, Data: data}
	if err := d.Prepare(b.ctx, f.config(outputs, "udp", ", bitrate: 4400000")); err != nil {
		return 0, err
	}
	began := time.Now()
	up, stop := context.WithTimeout(b.ctx, 30*time.Second)
	defer stop()
	if err := d.Start(up); err != nil {
		return 0, err
	}
	defer func() { _ = d.Stop(); _ = sleep(b.ctx, 11*time.Second) }() // the outputs are held for 10 s
	if err := <-done; err != nil {
		return 0, err
	}
	return at.Sub(began), nil
}

// memory compares the daemon with 50 channels to the daemon without.
func (b *bench) memory(f *field) error {
	var rss [2]float64
	for i, yaml := range []string{"channels: []\n", f.config(outputs, "udp", ", bitrate: 4400000")} {
		d, err := b.daemon(f, yaml)
		if err != nil {
			return err
		}
		if err := sleep(b.ctx, 15*time.Second); err != nil {
			return err
		}
		rss[i], err = residentMB(d.PID())
		if err != nil {
			return err
		}
		if err := d.Stop(); err != nil {
			return err
		}
		if err := sleep(b.ctx, 11*time.Second); err != nil {
			return err
		}
	}
	b.add("memory per channel of 4 Mbit/s with its 4 s ring", "≤ 12 MB", "%.1f MB (%.0f MB with 50, %.0f MB with none)",
		(rss[1]-rss[0])/outputs, rss[1], rss[0])
	return nil
}

func residentMB(pid int) (float64, error) {
	s, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(s))[1], 64)
	return pages * float64(os.Getpagesize()) / 1e6, err
}

// kill kills the daemon with SIGKILL and starts it again at once.
func (b *bench) kill() error {
	f, err := b.newField(outputs)
	if err != nil {
		return err
	}
	defer f.close()
	d, err := b.daemon(f, f.config(outputs, "udp", ", bitrate: 4400000"))
	if err != nil {
		return err
	}
	if err := sleep(b.ctx, 5*time.Second); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(b.ctx, 12*time.Second)
	defer cancel()
	var pat, media []time.Time
	done := make(chan error, 1)
	go func() {
		_, err := f.net.Capture(ctx, receiver, []netip.AddrPort{out(0)}, func(_ int, g rig.Datagram) {
			for p := g.Data; len(p) >= 188; p = p[188:] {
				switch pid := ts.PID(p); {
				case pid == 0:
					pat = append(pat, g.At)
				case pid >= 0x100 && pid < 0x1000:
					media = append(media, g.At)
				}
			}
		})
		done <- err
	}()
	if err := sleep(b.ctx, 3*time.Second); err != nil {
		return err
	}
	at := time.Now()
	d.Kill()
	if err := d.Start(b.ctx); err != nil {
		return err
	}
	defer func() { _ = d.Stop() }()
	if err := <-done; err != nil {
		return err
	}
	b.add("largest pause of the PAT while the daemon is killed and started again", "≤ 500 ms", "%.0f ms", float64(widest(pat, at).Microseconds())/1e3)
	b.add("largest pause of the programme, the same", "≤ 2 s", "%.2f s", widest(media, at).Seconds())
	return nil
}

// widest returns the longest time between two arrivals from at on.
func widest(times []time.Time, at time.Time) (longest time.Duration) {
	for i := 1; i < len(times); i++ {
		if times[i].After(at) {
			longest = max(longest, times[i].Sub(times[i-1]))
		}
	}
	return longest
}
