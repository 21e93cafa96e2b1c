package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize  = 64
	sendBuffer = 2 << 20
)

// route is everything that belongs to a socket and not to a datagram: outputs that
// agree on it share one socket, so that one system call sends for many.
type route struct {
	v6, loop  bool
	iface     string
	source    netip.Addr
	ttl, dscp int
}

func (s Spec) route() route {
	return route{s.To.Addr().Is6(), s.Loop, s.Interface, s.Source, s.TTL, s.DSCP}
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// entry is one datagram in a batch.
type entry struct {
	out  *output
	at   time.Duration
	tail uint64 // of the ring once it is sent
	made bool   // by hold, not from the ring
}

// socket sends for all outputs of one route. fd is -1 while it cannot be opened;
// datagrams are then dropped and counted. The batch belongs to the sending loop.
type socket struct {
	route
	fd      int
	ifindex int
	err     error      // why fd is -1
	errno   unix.Errno // the same for the counters
	n       int
	msgs    [batchSize]mmsghdr
	iovs    [batchSize]unix.Iovec
	entries [batchSize]entry
}

// openSocket opens a socket for a route. It always returns one: when the system
// refuses, with fd -1 and err set.
func openSocket(r route) *socket {
	s := &socket{route: r, fd: -1, errno: unix.EINVAL}
	for i := range s.msgs {
		s.msgs[i].hdr.Iov = &s.iovs[i]
		s.msgs[i].hdr.SetIovlen(1)
	}
	if s.err = s.open(); s.err != nil {
		errors.As(s.err, &s.errno)
	}
	return s
}

func (s *socket) open() error {
	if s.iface != "" {
		ifi, err := net.InterfaceByName(s.iface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", s.iface, unix.ENODEV)
		}
		s.ifindex = ifi.Index
	}
	family := unix.AF_INET
	if s.v6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	if err := s.configure(fd); err != nil {
		unix.Close(fd)
		return err
	}
	s.fd = fd
	return nil
}

type option struct {
	level, name, value int
	what               string
}

func (s *socket) configure(fd int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer) // the limit is reported by multicast.Probe
	}
	options := s.options4()
	if s.v6 {
		options = s.options6()
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("%s %d: %w", o.what, o.value, err)
		}
	}
	if s.ifindex != 0 && !s.v6 {
		mreq := &unix.IPMreqn{Ifindex: int32(s.ifindex)}
		if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, mreq); err != nil {
			return fmt.Errorf("multicast interface %s: %w", s.iface, err)
		}
	}
	if s.source.IsValid() {
		var sa unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte(s.source.AsSlice()[:4])}
		if s.v6 {
			sa = &unix.SockaddrInet6{Addr: s.source.As16(), ZoneId: uint32(s.ifindex)}
		}
		if err := unix.Bind(fd, sa); err != nil {
			return fmt.Errorf("source address %s: %w", s.source, err)
		}
	}
	return nil
}

func (s *socket) options4() []option {
	o := []option{
		{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, s.ttl, "multicast ttl"},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, oneIf(s.loop), "multicast loop"},
		{unix.IPPROTO_IP, unix.IP_TOS, s.dscp << 2, "type of service"},
	}
	if s.ttl > 0 { // unicast datagrams cannot have 0
		o = append(o, option{unix.IPPROTO_IP, unix.IP_TTL, s.ttl, "ttl"})
	}
	if s.ifindex != 0 {
		o = append(o, option{unix.IPPROTO_IP, unix.IP_UNICAST_IF, networkOrder(s.ifindex), "unicast interface"})
	}
	return o
}

func (s *socket) options6() []option {
	o := []option{
		{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1, "IPv6 only"},
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, s.ttl, "multicast hop limit"},
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, oneIf(s.loop), "multicast loop"},
		{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, s.dscp << 2, "traffic class"},
	}
	if s.ttl > 0 {
		o = append(o, option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, s.ttl, "hop limit"})
	}
	if s.ifindex != 0 {
		o = append(o, option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, s.ifindex, "multicast interface"},
			option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_IF, networkOrder(s.ifindex), "unicast interface"})
	}
	return o
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// networkOrder returns the value whose bytes in memory are i in network order,
// which is how the kernel wants an interface index in IP_UNICAST_IF.
func networkOrder(i int) int {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i))
	return int(binary.NativeEndian.Uint32(b[:]))
}

func (s *socket) close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
}

// add puts a datagram into the batch, which must have room. The payload must stay
// untouched until flush.
func (s *socket) add(e entry, payload []byte) {
	m := &s.msgs[s.n]
	m.hdr.Name, m.hdr.Namelen = &e.out.name[0], uint32(e.out.nameLen)
	s.iovs[s.n].Base = unsafe.SliceData(payload)
	s.iovs[s.n].SetLen(len(payload))
	s.entries[s.n] = e
	s.n++
}

// flush hands the batch to the network and settles each datagram: sent or dropped.
func (s *socket) flush(clock clock) {
	for from := 0; from < s.n; {
		sent, errno := 0, s.errno
		if s.fd >= 0 {
			sent, errno = sendmmsg(s.fd, s.msgs[from:s.n])
		}
		if errno == unix.EINTR {
			continue
		}
		now := clock.now()
		for _, e := range s.entries[from : from+sent] {
			e.out.settleSent(e, now)
		}
		from += sent
		if errno != 0 {
			s.entries[from].out.settleDropped(s.entries[from], now, errno)
			from++
		}
	}
	s.n = 0
}

// sendmmsg returns how many datagrams were taken; the error, if any, is that of
// the first when none was. It never blocks and so keeps its processor.
func sendmmsg(fd int, msgs []mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])),
		uintptr(len(msgs)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sockaddr writes the address in the form of struct sockaddr_in or sockaddr_in6.
func sockaddr(to netip.AddrPort, ifindex int) (b [unix.SizeofSockaddrInet6]byte, n int) {
	binary.BigEndian.PutUint16(b[2:], to.Port())
	if to.Addr().Is4() {
		binary.NativeEndian.PutUint16(b[:], unix.AF_INET)
		a := to.Addr().As4()
		copy(b[4:], a[:])
		return b, unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(b[:], unix.AF_INET6)
	a := to.Addr().As16()
	copy(b[8:], a[:])
	if to.Addr().IsLinkLocalUnicast() || to.Addr().IsLinkLocalMulticast() || to.Addr().IsInterfaceLocalMulticast() {
		binary.NativeEndian.PutUint32(b[24:], uint32(ifindex))
	}
	return b, unix.SizeofSockaddrInet6
}

// clock is CLOCK_MONOTONIC read without a system call.
type clock struct {
	base time.Time
	at   time.Duration
}

func newClock() clock {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail: the clock always exists
	return clock{time.Now(), time.Duration(ts.Nano())}
}

func (c clock) now() time.Duration { return c.at + time.Since(c.base) }
