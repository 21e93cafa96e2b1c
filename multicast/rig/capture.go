package rig

import (
	"context"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Datagram is one that arrived.
type Datagram struct {
	At   time.Time // by the kernel
	Data []byte    // valid until the receiving function returns
}

// Capture receives a group on host i until ctx ends and hands each datagram on,
// with the index of its group. All groups must have the same port. It reports the
// datagrams the kernel dropped.
func (w *Net) Capture(ctx context.Context, host int, groups []netip.AddrPort, got func(group int, d Datagram)) (drops uint32, err error) {
	fds := make([]unix.PollFd, len(groups))
	err = w.Do(host, func() error {
		for i, g := range groups {
			fd, err := join(g)
			if err != nil {
				return err
			}
			fds[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		}
		return nil
	})
	defer func() {
		for _, f := range fds {
			if f.Fd > 0 {
				unix.Close(int(f.Fd))
			}
		}
	}()
	if err != nil {
		return 0, err
	}
	buf, oob := make([]byte, 2048), make([]byte, 256)
	lost := make([]uint32, len(fds))
	for ctx.Err() == nil {
		if _, err := unix.Poll(fds, 20); err != nil && err != unix.EINTR {
			return 0, err
		}
		for i := range fds {
			if fds[i].Revents == 0 {
				continue
			}
			for {
				n, on, _, _, err := unix.Recvmsg(int(fds[i].Fd), buf, oob, unix.MSG_DONTWAIT)
				if err != nil {
					break
				}
				at, d := control(oob[:on])
				lost[i] = max(lost[i], d)
				got(i, Datagram{At: at, Data: buf[:n]})
			}
		}
	}
	for _, d := range lost {
		drops += d
	}
	return drops, nil
}

func join(g netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	mreq := &unix.IPMreqn{Multiaddr: g.Addr().As4()}
	err = errorsOf(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Port: int(g.Port()), Addr: g.Addr().As4()}),
		unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, mreq),
	)
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// control reads the kernel's time stamp and its count of drops.
func control(oob []byte) (at time.Time, drops uint32) {
	for len(oob) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return at, drops
		}
		oob = rest
		switch {
		case h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			ts := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			at = time.Unix(ts.Unix())
		case h.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			drops = *(*uint32)(unsafe.Pointer(&data[0]))
		}
	}
	return at, drops
}
