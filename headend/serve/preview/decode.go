package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// scale makes pixels square and pictures at most 640 wide.
const scale = `scale=w=trunc(min(640\,iw*sar)/2)*2:h=round(min(640\,iw*sar)/dar/2)*2,setsar=1,format=yuvj420p`

const (
	maxJPEG   = 1 << 20
	maxMemory = 3 << 29 // address space of a decoder in bytes; ffmpeg itself takes 0.7 GB of it
	maxCPU    = 5       // seconds of a decoder
)

var (
	errNoDecoder = errors.New("there is no ffmpeg")
	errEmpty     = errors.New("ffmpeg gives no picture")
	errLarge     = errors.New("the picture is larger than 1 MiB")
)

// ffmpeg makes a JPEG of the key frame in a child process, which is bounded in memory
// and time, yields to everything else on the machine, reads nothing but what is piped
// into it, and ends with ctx.
func (h *Handler) ffmpeg(ctx context.Context, in Input) ([]byte, error) {
	if h.FFmpeg == "" {
		return nil, errNoDecoder
	}
	cmd := exec.CommandContext(ctx, h.FFmpeg, "-v", "error", "-nostdin", "-protocol_whitelist", "pipe", "-threads", "1",
		"-probesize", "1M", "-analyzeduration", "0", "-f", in.Format, "-i", "pipe:0", "-map", "0:v:0", "-frames:v", "1",
		"-filter_threads", "1", "-vf", scale, "-threads", "1", "-c:v", "mjpeg", "-q:v", "5", "-f", "image2pipe", "pipe:1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	out, said := capped{limit: maxJPEG}, capped{limit: 512, tolerant: true}
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	if err = bound(cmd.Process.Pid); err == nil {
		for _, b := range in.Data {
			if _, err := stdin.Write(b); err != nil {
				break // it has read enough, or has ended and says why
			}
		}
	} else {
		_ = cmd.Process.Kill() // it has been given nothing yet
	}
	_ = stdin.Close()
	end := cmd.Wait()
	switch {
	case err != nil:
		return nil, fmt.Errorf("ffmpeg: %w", err)
	case out.over:
		return nil, errLarge
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ffmpeg: %w", ctx.Err())
	case out.Len() == 0:
		return nil, fmt.Errorf("%w: %w: %s", errEmpty, orEnd(end), strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil // what it says of the end of the input is no matter
}

// orEnd returns err, or what stands for an end without one.
func orEnd(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// bound limits a child that has read nothing yet, and puts it behind everything else.
func bound(pid int) error {
	for what, limit := range map[int]uint64{unix.RLIMIT_AS: maxMemory, unix.RLIMIT_CPU: maxCPU, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0} {
		if err := unix.Prlimit(pid, what, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return fmt.Errorf("limit %d: %w", what, err)
		}
	}
	return unix.Setpriority(unix.PRIO_PROCESS, pid, 10)
}

// capped is a buffer that refuses to grow beyond a limit, or, tolerant, forgets what
// comes after it.
type capped struct {
	bytes.Buffer
	limit    int
	tolerant bool
	over     bool
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if room := c.limit - c.Len(); len(p) > room {
		c.over = true
		if !c.tolerant {
			return 0, errLarge
		}
		_, _ = c.Buffer.Write(p[:room]) // never fails
		return len(p), nil
	}
	return c.Buffer.Write(p)
}
