package udev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// kernelGroup is the multicast group of the kernel's own messages; udevd sends
	// to group 2.
	kernelGroup = 1
	// receiveBuffer holds the burst of a card with many nodes or of "udevadm
	// trigger", in bytes.
	receiveBuffer = 1 << 20
)

// Run delivers the kernel's uevents to each until ctx ends, and then returns nil.
// Calls of each are in order and in the goroutine of Run; while each blocks, the
// kernel queues. When its queue overflows, events are lost and Run returns an
// error: the caller looks at the devices anew and calls Run again. Messages that
// are malformed or do not come from the kernel are skipped. In a network namespace
// owned by another user namespace than the first, only events of that namespace's
// network interfaces arrive.
func Run(ctx context.Context, each func(Event)) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("uevent socket: %w", err)
	}
	buf := make([]byte, maxMessage)
	for {
		n, from, err := receive(conn, buf)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("uevents were lost, the queue of %d bytes was full: %w", receiveBuffer, err)
		}
		if err != nil {
			return fmt.Errorf("uevent socket: %w", err)
		}
		if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Pid != 0 {
			continue // only the kernel has the port 0
		}
		if e, err := Parse(buf[:n]); err == nil {
			each(e)
		}
	}
}

// open returns the socket as a file of the runtime's poller.
func open() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("open uevent socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // a smaller queue is noticed when it overflows
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		_ = unix.Close(fd) // nothing was read yet
		return nil, fmt.Errorf("join the uevent group: %w", err)
	}
	return os.NewFile(uintptr(fd), "uevents"), nil
}

func receive(conn interface {
	Read(func(uintptr) bool) error
}, buf []byte) (n int, from unix.Sockaddr, err error) {
	waited := conn.Read(func(fd uintptr) bool {
		n, from, err = unix.Recvfrom(int(fd), buf, 0)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if waited != nil {
		return 0, nil, waited
	}
	return n, from, err
}
