// Package test owns the source of test:// addresses: a moving picture with burnt-in
// UTC time code and name, and one tone per audio language, made by a child ffmpeg
// in real time as H.264 and AAC.
//
// It refuses to let its child outlive it: the child's process group is killed when
// the source ends, and by the kernel when the daemon dies.
package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/ingest"
	"sigma/mux/flow"
)

const (
	// tailSize is how much of the child's newest messages an error carries, bytes.
	tailSize = 1 << 10
	// killWait is how long the child may take to exit after it closed its output,
	// and its pipes may stay open after it was killed.
	killWait = 2 * time.Second
	// niceness lets everything that is on air go first.
	niceness = 5
)

// Source makes one test picture. The exported fields are arguments; a Source can run
// again after Run has returned.
type Source struct {
	URL    string               // test://, see Parse
	Now    func() time.Duration // CLOCK_MONOTONIC
	FFmpeg string               // program; empty is "ffmpeg" from PATH

	counters ingest.Counters
}

var _ flow.Source = (*Source)(nil)

// Count returns what was made since the Source was made. It is safe for concurrent
// use.
func (s *Source) Count() ingest.Count { return s.counters.Snapshot() }

// Run starts the child and appends batches until ctx ends, and then returns nil, or
// until the child fails: the error carries its last messages. When Run returns, the
// child is gone. Errors match ingest.ErrPermanent for a wrong address and where
// ffmpeg is not installed.
func (s *Source) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	p, err := Parse(s.URL)
	if err != nil {
		return ingest.Permanent(err)
	}
	program := s.FFmpeg
	if program == "" {
		program = "ffmpeg"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return ingest.Permanent(fmt.Errorf("test picture needs ffmpeg: apt-get install ffmpeg fonts-dejavu-core: %w", err))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe for ffmpeg: %w", err)
	}
	child, stop := context.WithCancel(ctx)
	defer stop()
	var messages tail
	cmd := exec.CommandContext(child, path, p.arguments(time.Now())...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w, &messages, killWait
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	cmd.Cancel = func() error {
		if err := unix.Kill(-cmd.Process.Pid, unix.SIGKILL); !errors.Is(err, unix.ESRCH) {
			return err
		}
		return os.ErrProcessDone
	}

	exited := make(chan error, 1)
	go func() { exited <- runLocked(cmd, w) }()
	err = ingest.Cutter{Now: s.Now, Counters: &s.counters}.Run(ctx, r, to)
	late := time.AfterFunc(killWait, stop) // its own exit status says more than our signal
	defer late.Stop()
	exit := <-exited
	if ctx.Err() != nil {
		return nil
	}
	return failure(err, exit, messages.String())
}

// runLocked runs the child to its end. The kernel sends Pdeathsig when the thread
// that started the child ends, so the thread stays locked to it. It closes the
// daemon's end of w, so that the reader sees the end of the child.
func runLocked(cmd *exec.Cmd, w io.Closer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	_ = w.Close() // the child has its own
	if err != nil {
		return err
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, niceness) // a courtesy
	return cmd.Wait()
}

// failure says why the picture ended: what the child wrote last says most.
func failure(read, exit error, messages string) error {
	cause := exit
	if cause == nil || errors.Is(cause, context.Canceled) {
		cause = read
	}
	if messages = strings.TrimSpace(messages); messages != "" {
		return fmt.Errorf("test picture: ffmpeg: %w: %s", cause, messages)
	}
	return fmt.Errorf("test picture: ffmpeg: %w", cause)
}

// tail keeps the newest bytes written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer and never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-tailSize):]...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(b), nil
}

// String returns what was kept, in one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.FieldsFunc(string(t.buf), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
