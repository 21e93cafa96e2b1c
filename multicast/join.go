package multicast

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// interfaceIndex returns the index of a named interface, which must be up and, if
// asked, carry multicast.
func interfaceIndex(name string, multicast bool) (int, error) {
	ifi, err := net.InterfaceByName(name)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w %s: there is none of that name; ip link shows those there are", ErrInterface, name)
	case ifi.Flags&net.FlagUp == 0:
		return 0, fmt.Errorf("%w %s: is down; ip link set %s up", ErrInterface, name, name)
	case multicast && ifi.Flags&(net.FlagMulticast|net.FlagLoopback) == 0:
		return 0, fmt.Errorf("%w %s: carries no multicast; ip link set %s multicast on", ErrInterface, name, name)
	}
	return ifi.Index, nil
}

// device returns the interface to receive on, with index 0 for any. For a group
// without one it asks the routing table, as the kernel would, so as to know which it
// is: when it goes, so does the membership.
func (r *Receiver) device() (name string, index int, err error) {
	group := r.Group.Addr()
	if r.Interface != "" {
		index, err = interfaceIndex(r.Interface, group.IsMulticast())
		return r.Interface, index, err
	}
	if !group.IsMulticast() {
		return "", 0, nil
	}
	routes, err := netlink.RouteGet(group.AsSlice())
	if err != nil || len(routes) == 0 {
		return "", 0, fmt.Errorf("%w: none has a route to %s; name one, or ip route add %s dev …", ErrInterface, group, group)
	}
	ifi, err := net.InterfaceByIndex(routes[0].LinkIndex)
	if err != nil {
		return "", 0, fmt.Errorf("%w: that of the route to %s has gone", ErrInterface, group)
	}
	return ifi.Name, ifi.Index, nil
}

// socket opens, binds and joins.
func (r *Receiver) socket(index int) (fd int, warning string, err error) {
	family := unix.AF_INET
	if r.Group.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, "", fmt.Errorf("opening a socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	warning = r.grow(fd)
	if err = r.options(fd, index); err != nil {
		return -1, "", err
	}
	if err = r.bind(fd, index); err != nil {
		return -1, "", err
	}
	if r.Group.Addr().IsMulticast() {
		err = r.join(fd, index)
	}
	return fd, warning, err
}

// grow asks for a large buffer and says what to do when the system gives less.
func (r *Receiver) grow(fd int) string {
	want := r.Buffer
	if want <= 0 {
		want = defaultBuffer
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, want) == nil {
		return ""
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, want) // what it gives is read back
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err == nil && got/2 >= want { // the kernel reports double, to cover its own bookkeeping
		return ""
	}
	return fmt.Sprintf("socket buffer of %d bytes, want %d: sysctl -w net.core.rmem_max=%d", got/2, want, want)
}

func (r *Receiver) options(fd, index int) error {
	set := []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1},
	}
	multicast, v6 := r.Group.Addr().IsMulticast(), r.Group.Addr().Is6()
	if multicast {
		set = append(set, struct{ level, name, value int }{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1})
	}
	if v6 {
		set = append(set, struct{ level, name, value int }{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1})
	}
	switch {
	case multicast && v6:
		set = append(set, struct{ level, name, value int }{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0})
	case multicast:
		set = append(set, struct{ level, name, value int }{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0})
	}
	for _, o := range set {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("socket option %d of level %d: %w", o.name, o.level, err)
		}
	}
	if index != 0 && (v6 || !multicast) {
		// An IPv4 group is told apart by the interface of its membership. IPv6 has no such
		// check, and unicast no membership.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index); err != nil {
			return fmt.Errorf("%w %s: %w", ErrInterface, r.Interface, err)
		}
	}
	return nil
}

// bind binds to the group itself, so that other groups on the same port stay out.
func (r *Receiver) bind(fd, index int) error {
	a, port := r.Group.Addr(), int(r.Group.Port())
	var sa unix.Sockaddr = &unix.SockaddrInet6{Addr: a.As16(), Port: port, ZoneId: uint32(index)}
	if a.Is4() {
		sa = &unix.SockaddrInet4{Addr: a.As4(), Port: port}
	}
	err := unix.Bind(fd, sa)
	switch {
	case isErrno(err, unix.EADDRINUSE):
		return fmt.Errorf("%w: %s; ss -ulpn 'sport = %d' shows by whom", ErrInUse, r.Group, port)
	case isErrno(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w %s: not an address of this box; ip addr shows those it has", ErrAddress, r.Group)
	case err != nil:
		return fmt.Errorf("bind to %s: %w", r.Group, err)
	}
	return nil
}

// storageSize is the size of struct sockaddr_storage, which is aligned like a word.
const storageSize = 128

type sockaddrStorage [storageSize / unsafe.Sizeof(uintptr(0))]uintptr

// groupSourceReq is struct group_source_req (RFC 3678 clause 5.1.4). Without its
// last field it is struct group_req.
type groupSourceReq struct {
	index  uint32
	group  sockaddrStorage
	source sockaddrStorage
}

// join joins the group, for all senders or one: IGMPv3 or MLDv2 on the wire.
func (r *Receiver) join(fd, index int) error {
	level := unix.IPPROTO_IP
	if r.Group.Addr().Is6() {
		level = unix.IPPROTO_IPV6
	}
	req := groupSourceReq{index: uint32(index)}
	storage(&req.group, r.Group.Addr())
	name, size := unix.MCAST_JOIN_GROUP, unsafe.Offsetof(req.source)
	if r.Source.IsValid() {
		storage(&req.source, r.Source)
		name, size = unix.MCAST_JOIN_SOURCE_GROUP, unsafe.Sizeof(req)
	}
	err := unix.SetsockoptString(fd, level, name, string(unsafe.Slice((*byte)(unsafe.Pointer(&req)), size)))
	switch {
	case err == nil:
		return nil
	case isErrno(err, unix.ENOBUFS, unix.ENOMEM):
		return fmt.Errorf("join %s: too many groups or sources; raise net.ipv4.igmp_max_memberships, net.ipv4.igmp_max_msf or net.core.optmem_max with sysctl: %w", r.Group, err)
	}
	return fmt.Errorf("join %s on %q: %w", r.Group, r.Interface, err)
}

// storage writes an address as struct sockaddr_in or sockaddr_in6.
func storage(to *sockaddrStorage, a netip.Addr) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(to)), storageSize)
	if a.Is4() {
		binary.NativeEndian.PutUint16(b, unix.AF_INET)
		copy(b[4:], a.AsSlice())
		return
	}
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	copy(b[8:], a.AsSlice())
}
