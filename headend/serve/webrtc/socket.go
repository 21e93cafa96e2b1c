package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketBuffer = 4 << 20 // bytes each way: 16 ms at 2 Gbit/s
	maxDatagram  = 1500
)

// udp is the one UDP socket of all viewers. The runtime does not know of it: it would
// wake a thread for every datagram that comes, and that costs more than to send one.
// Whoever uses it must have returned before close.
type udp struct {
	fd        int
	six       bool // an IPv6 socket, which takes IPv4 as mapped
	addr      netip.AddrPort
	segments  atomic.Bool // the kernel cuts datagrams out of one buffer
	failed    atomic.Uint64
	datagrams atomic.Uint64
	calls     atomic.Uint64
}

// openUDP opens the socket and asks once whether it knows UDP_SEGMENT.
func openUDP(addr string) (*udp, error) {
	a, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", addr, err)
	}
	conn, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, fmt.Errorf("UDP of WebRTC: %w", err)
	}
	defer conn.Close()
	u := &udp{fd: -1}
	u.addr, err = netip.ParseAddrPort(conn.LocalAddr().String())
	if err == nil {
		err = u.from(conn)
	}
	if err != nil {
		u.close()
		return nil, fmt.Errorf("UDP of WebRTC: %w", err)
	}
	return u, nil
}

// from makes the socket of a connection its own, under another number.
func (u *udp) from(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { u.fd, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failed); err != nil {
		u.fd = -1
		return err
	}
	for _, o := range []struct{ forced, plain int }{{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}, {unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}} {
		if unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, o.forced, socketBuffer) != nil {
			_ = unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, o.plain, socketBuffer) // the limit of the system is what there is
		}
	}
	domain, err := unix.GetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	u.six = domain == unix.AF_INET6
	_, err = unix.GetsockoptInt(u.fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	u.segments.Store(err == nil)
	return nil
}

func (u *udp) close() {
	if u.fd >= 0 {
		_ = unix.Close(u.fd) // nothing can be done about it
	}
}

// control is the control message that asks for segments.
type control [24]byte

// segmentControl is one with the size left open, in the byte order of the machine.
var segmentControl = func() (c control) {
	binary.NativeEndian.PutUint64(c[:], uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(c[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
	return c
}()

// send sends a batch to an address. A kernel or an interface that cannot cut datagrams
// says so once, and is never asked again.
func (u *udp) send(b *batch, to *sockaddr) {
	u.datagrams.Add(uint64(b.count))
	if b.count > 1 && u.segments.Load() {
		b.control = segmentControl
		binary.NativeEndian.PutUint16(b.control[16:], uint16(b.size))
		switch u.call(b.buf, &b.control, to) {
		case 0:
			return
		case unix.EIO, unix.EINVAL, unix.ENOPROTOOPT, unix.EOPNOTSUPP:
			u.segments.Store(false)
		default:
			u.failed.Add(uint64(b.count))
			return
		}
	}
	for at := 0; at < len(b.buf); at += b.size {
		u.write(b.buf[at:min(at+b.size, len(b.buf))], to)
	}
}

// write sends one datagram that is counted already.
func (u *udp) write(b []byte, to *sockaddr) {
	if u.call(b, nil, to) != 0 {
		u.failed.Add(1)
	}
}

// drainWait is how long a buffer of the kernel that is full is waited for, in ms: an
// interface of 1 Gbit/s has emptied it by then.
const drainWait = 50

// call hands bytes to the kernel.
func (u *udp) call(b []byte, c *control, to *sockaddr) unix.Errno {
	for waited := false; ; {
		u.calls.Add(1)
		err := u.sendmsg(b, c, to)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && !waited:
			waited = true
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(u.fd), Events: unix.POLLOUT}}, drainWait) // what it says, the next try says
		default:
			return err
		}
	}
}

// How long what players say may wait. To be woken for each of their datagrams costs more
// than to send to them: 20 µs and more of an idle machine. While packets are missed, or
// one is about to connect, the socket is looked at more often.
const (
	gather     = 20 * time.Millisecond
	gatherSoon = 4 * time.Millisecond
	soon       = 10 * time.Second // after a packet was missed
)

// readUDP takes datagrams until ctx ends. Nobody but players of a session has anything
// to say: while there is none, the socket is not looked at.
func (s *Server) readUDP(ctx context.Context) {
	in, from := newInbox(), path{server: s}
	pause := time.NewTimer(gather)
	defer pause.Stop()
	for {
		s.take(in, &from)
		var next <-chan time.Time
		if !s.idle() {
			next = pause.C
			if s.pending.Load() > 0 || s.now() < time.Duration(s.hurry.Load()) {
				pause.Reset(gatherSoon)
			} else {
				pause.Reset(gather)
			}
		}
		select {
		case <-next:
		case <-s.arrival:
		case <-ctx.Done():
			return
		}
	}
}

// maxTaken bounds the datagrams that are taken without a look at anything else.
const maxTaken = 4096

// take takes what has come.
func (s *Server) take(in *inbox, from *path) {
	for taken := 0; taken < maxTaken; {
		n := s.udp.recvmmsg(in)
		for i := range n {
			var b []byte
			if b, from.addr = in.datagram(i); from.addr.IsValid() {
				s.datagram(b, from)
			}
		}
		if taken += n; n < inboxSize {
			return
		}
	}
}

// idle reports whether there is no session.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions) == 0
}
