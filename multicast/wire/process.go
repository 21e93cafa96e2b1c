package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Main is the wire process. args are those of the sub-command: --socket PATH. It
// prints "ready" on out once it can be reached, or fails. It returns nil when it
// has had neither outputs nor a daemon for 5 s, and an error when ctx ends or it
// cannot start; ending ctx ends the outputs at once.
func Main(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 || args[0] != "--socket" || args[1] == "" {
		return fmt.Errorf("headend wire %q: want --socket PATH; this command is started by the daemon", args)
	}
	// The control side allocates a little per command; at this limit, after weeks, a
	// collection is due. The threads that send keep one processor of the runtime each.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(128 << 20)
	runtime.GOMAXPROCS(max(3, runtime.GOMAXPROCS(0)))

	s, err := listen(args[1])
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	started := make(chan error)
	first, second, both := halves()
	wg.Go(func() {
		runtime.LockOSThread()
		if both {
			_ = unix.SchedSetaffinity(0, &first) // else two threads may wait for one processor
		}
		started <- errors.Join(realTime(), lockMemory())
		s.host.engine.run(false)
	})
	s.refused = <-started
	if both {
		wg.Go(func() {
			runtime.LockOSThread()
			_ = unix.SchedSetaffinity(0, &second)
			_ = realTime() // what is refused was said of the first
			s.host.engine.run(true)
		})
	}
	fmt.Fprintln(out, "ready")
	err = s.serve(ctx)
	s.host.end()
	wg.Wait()
	return err
}

// halves deals the processors that the process may use to two threads. It reports
// whether there are enough.
func halves() (first, second unix.CPUSet, ok bool) {
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil {
		return first, second, false
	}
	to, next := &first, &second
	for left, cpu := all.Count(), 0; left > 0; cpu++ {
		if all.IsSet(cpu) {
			to.Set(cpu)
			to, next = next, to
			left--
		}
	}
	return first, second, second.Count() > 0
}

// realTime asks for the scheduling that keeps sleeps exact, for the thread it is
// called on, and returns what was refused.
func realTime() error {
	var err error
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // always granted; real-time threads have none anyway
	attr := &unix.SchedAttr{Size: uint32(unsafe.Sizeof(unix.SchedAttr{})), Policy: unix.SCHED_FIFO, Priority: 50}
	if e := unix.SchedSetAttr(0, attr, 0); e != nil {
		err = fmt.Errorf("real-time scheduling refused, allow it with CAP_SYS_NICE or LimitRTPRIO=50: %w", e)
	}
	return err
}

// lockMemory keeps every page that is touched in memory. Pages that are not touched
// do not count: the program is much larger than the part that runs here.
func lockMemory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("locked memory refused, allow it with CAP_IPC_LOCK or LimitMEMLOCK=infinity: %w", err)
	}
	return nil
}

// TxTime reports whether the kernel takes send times with datagrams (SO_TXTIME).
// Taking them does not mean that a queueing discipline honours them.
func TxTime() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	opt := [8]byte{unix.CLOCK_MONOTONIC}
	return unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_TXTIME, string(opt[:])) == nil
}

// self returns the running program, which stays the same file after an update.
func self() []string { return []string{"/proc/self/exe", "wire"} }

// environment returns the variables of the process: ours, and one that keeps the
// Go runtime from interrupting the sleep of the sending thread.
func environment() []string {
	env := os.Environ()
	if os.Getenv("GODEBUG") == "" {
		env = append(env, "GODEBUG=asyncpreemptoff=1")
	}
	return env
}
