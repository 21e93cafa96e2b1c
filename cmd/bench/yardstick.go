package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// yardstickEvery is how often the thread of the yardstick wakes up.
const yardstickEvery = 500 * time.Microsecond

// punctuality is which part of wake-ups was in time, from 0 to 1.
type punctuality struct{ Half, Five float64 }

// yardstick measures, in a process of its own, how well the machine wakes a thread of
// higher priority than any of the headend that does nothing else. No one thread on
// the same machine can be more punctual.
func yardstick(ctx context.Context, d time.Duration) (p punctuality, err error) {
	out, err := exec.CommandContext(ctx, "/proc/self/exe", "-yardstick", d.String()).Output()
	if err != nil {
		return p, fmt.Errorf("yardstick: %w", err)
	}
	return p, json.Unmarshal(out, &p)
}

// wakeUps is the process of the yardstick.
func wakeUps(d time.Duration, out io.Writer) error {
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 60}
	if err := unix.SchedSetAttr(0, attr, 0); err != nil {
		fmt.Fprintln(os.Stderr, "bench: the yardstick has no real-time priority:", err)
	}
	late := make([]time.Duration, 0, int(d/yardstickEvery)+1)
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // the clock is there on every Linux
	at := time.Duration(now.Nano())
	for end := at + d; at < end; {
		at += yardstickEvery
		until := unix.NsecToTimespec(int64(at))
		for {
			if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &until, nil); err != unix.EINTR {
				break
			}
		}
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		late = append(late, time.Duration(now.Nano())-at)
	}
	slices.Sort(late)
	return json.NewEncoder(out).Encode(punctuality{within(late, 500*time.Microsecond), within(late, 5*time.Millisecond)})
}
