package webrtc

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never block, and so are made without telling the scheduler: it would
// look every 20 µs whether one does, and that alone costs a sixth of what is sent.

// sockaddr is an address in the form of the system. It is immutable.
type sockaddr struct {
	b [unix.SizeofSockaddrInet6]byte
	n uint32 // bytes of b
}

// sockaddr returns an address as the system wants it on this socket.
func (u *udp) sockaddr(a netip.AddrPort) *sockaddr {
	s := &sockaddr{}
	binary.BigEndian.PutUint16(s.b[2:], a.Port())
	if !u.six {
		ip := a.Addr().Unmap()
		if ip.Is4() {
			binary.NativeEndian.PutUint16(s.b[:], unix.AF_INET)
			four := ip.As4()
			copy(s.b[4:], four[:])
		}
		s.n = unix.SizeofSockaddrInet4
		return s
	}
	binary.NativeEndian.PutUint16(s.b[:], unix.AF_INET6)
	sixteen := a.Addr().As16()
	copy(s.b[8:], sixteen[:])
	if zone, err := strconv.ParseUint(a.Addr().Zone(), 10, 32); err == nil {
		binary.NativeEndian.PutUint32(s.b[24:], uint32(zone))
	}
	s.n = unix.SizeofSockaddrInet6
	return s
}

// addrPort returns an address of the system; one that is not valid if it is of another
// family.
func addrPort(b *[unix.SizeofSockaddrInet6]byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(b[2:])
	switch binary.NativeEndian.Uint16(b[:]) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	case unix.AF_INET6:
		ip := netip.AddrFrom16([16]byte(b[8:24]))
		if ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.FormatUint(uint64(binary.NativeEndian.Uint32(b[24:])), 10))
		}
		return netip.AddrPortFrom(ip, port)
	}
	return netip.AddrPort{}
}

// sendmsg hands bytes, at least one, to the kernel, with a control message if control is
// not nil. It returns 0 or what is wrong.
func (u *udp) sendmsg(b []byte, c *control, to *sockaddr) unix.Errno {
	iov := unix.Iovec{Base: &b[0]}
	iov.SetLen(len(b))
	msg := unix.Msghdr{Name: &to.b[0], Namelen: to.n, Iov: &iov}
	msg.SetIovlen(1)
	if c != nil {
		msg.Control = &c[0]
		msg.SetControllen(len(c))
	}
	_, _, err := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(u.fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return err
}

// inboxSize is how many datagrams are taken from the kernel at once.
const inboxSize = 32

// inbox is room for datagrams that come. It must not be copied.
type inbox struct {
	heads [inboxSize]struct {
		unix.Msghdr
		n uint32 // bytes that came
	}
	vectors [inboxSize]unix.Iovec
	names   [inboxSize][unix.SizeofSockaddrInet6]byte
	data    [inboxSize][maxDatagram + 1]byte
}

func newInbox() *inbox {
	in := &inbox{}
	for i := range in.heads {
		in.vectors[i].Base = &in.data[i][0]
		in.vectors[i].SetLen(len(in.data[i]))
		in.heads[i].Iov = &in.vectors[i]
		in.heads[i].SetIovlen(1)
		in.heads[i].Name = &in.names[i][0]
	}
	return in
}

// recvmmsg takes what has come, and returns how many datagrams. It returns 0 when there
// is none.
func (u *udp) recvmmsg(in *inbox) int {
	for i := range in.heads {
		in.heads[i].Namelen = unix.SizeofSockaddrInet6
	}
	n, _, err := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(u.fd), uintptr(unsafe.Pointer(&in.heads[0])), inboxSize, unix.MSG_DONTWAIT, 0, 0)
	if err != 0 {
		return 0 // nothing came, or the error of one viewer's path: there is a next time
	}
	return int(n)
}

// datagram returns one that came, lent until the next call of recvmmsg.
func (in *inbox) datagram(i int) (b []byte, from netip.AddrPort) {
	return in.data[i][:min(int(in.heads[i].n), len(in.data[i]))], addrPort(&in.names[i])
}
