package rig

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Sender sends a transport stream to groups at a constant rate, over and over.
type Sender struct {
	Host   int              // of the Net
	Groups []netip.AddrPort // IPv4; each gets the same packets
	Data   []byte           // whole packets
	Rate   int64            // bit/s of each group
	Step   time.Duration    // how often datagrams leave, 2 ms if 0
	// Patch, when set, may change a copy of the datagram in place before it is sent
	// to each group; pass counts the passes over Data from 0.
	Patch func(datagram []byte, pass int)
}

// Run sends until ctx ends.
func (s Sender) Run(ctx context.Context, w *Net) error {
	var fd int
	err := w.Do(s.Host, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errorsOf(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 4),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20),
		)
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := make([]unix.Sockaddr, len(s.Groups))
	for i, g := range s.Groups {
		to[i] = &unix.SockaddrInet4{Port: int(g.Port()), Addr: g.Addr().As4()}
	}
	step := s.Step
	if step == 0 {
		step = 2 * time.Millisecond
	}
	const size = 7 * 188
	began, sent, at, pass := time.Now(), int64(0), 0, 0
	tick := time.NewTicker(step)
	defer tick.Stop()
	buf := make([]byte, size)
	for {
		for due := int64(time.Since(began).Seconds() * float64(s.Rate) / 8 / size); sent < due; sent++ {
			for i := 0; i < size; i += 188 {
				if at >= len(s.Data) {
					at, pass = 0, pass+1
				}
				copy(buf[i:i+188], s.Data[at:])
				at += 188
			}
			if s.Patch != nil {
				s.Patch(buf, pass)
			}
			for _, addr := range to {
				if err := unix.Sendto(fd, buf, 0, addr); err != nil && err != unix.ENOBUFS && err != unix.EAGAIN {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
