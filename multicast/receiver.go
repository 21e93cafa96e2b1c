package multicast

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// MaxDatagram is the longest datagram that is received whole, in bytes: that of a
	// network with jumbo frames.
	MaxDatagram = 9216

	receiveBatch  = 32
	controlSize   = 64
	defaultBuffer = 4 << 20
	receiveEvery  = 10 * time.Millisecond
	largestOffset = time.Second // between an arrival and its reading: more is a step of the wall clock
)

// Datagram is one received datagram.
type Datagram struct {
	Arrived   time.Duration // CLOCK_MONOTONIC, by the kernel
	Data      []byte        // valid until the next Read
	Truncated bool          // it was longer than MaxDatagram
}

// Receiver receives datagrams sent to one group or unicast address. Exported fields
// are arguments, set before Open. It is for one goroutine.
type Receiver struct {
	Group     netip.AddrPort       // group, or address of the box; the port is 1 to 65535
	Interface string               // name; empty leaves the choice to the routing table
	Source    netip.Addr           // receive from this sender only (RFC 4607); invalid means any
	Buffer    int                  // socket buffer in bytes; 0 means 4 MiB
	Now       func() time.Duration // CLOCK_MONOTONIC

	fd      int
	name    string // of the interface: that of Interface, or the one a group is received on
	index   int    // of it, 0 for none
	open    bool
	warning string
	drops   uint64
	lastOvf uint32

	msgs []mmsghdr
	iovs []unix.Iovec
	data []byte
	oob  []byte
	out  []Datagram
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// Open binds to the address and joins the group. Its errors wrap ErrAddress,
// ErrInterface, ErrInUse or a system error. Close must follow.
func (r *Receiver) Open() error {
	if err := r.check(); err != nil {
		return err
	}
	name, index, err := r.device()
	if err != nil {
		return err
	}
	fd, warning, err := r.socket(index)
	if err != nil {
		return err
	}
	r.fd, r.name, r.index, r.open, r.warning, r.lastOvf = fd, name, index, true, warning, 0
	if r.msgs == nil {
		r.allocate()
	}
	return nil
}

func (r *Receiver) allocate() {
	r.msgs = make([]mmsghdr, receiveBatch)
	r.iovs = make([]unix.Iovec, receiveBatch)
	r.data = make([]byte, receiveBatch*MaxDatagram)
	r.oob = make([]byte, receiveBatch*controlSize)
	r.out = make([]Datagram, receiveBatch)
	for i := range r.msgs {
		r.iovs[i].Base = &r.data[i*MaxDatagram]
		r.iovs[i].SetLen(MaxDatagram)
		h := &r.msgs[i].hdr
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Control = &r.oob[i*controlSize]
	}
}

// Warning says what keeps the receiver from being as it should, and the command
// that mends it; empty when nothing does.
func (r *Receiver) Warning() string { return r.warning }

// Drops returns how many datagrams the kernel dropped because the socket buffer was
// full. The kernel tells with the datagrams that follow.
func (r *Receiver) Drops() uint64 { return r.drops }

// Read waits for datagrams, returns up to 32 of them, and ends with the cause when
// ctx does. The slice and the bytes are valid until the next call. So as to wake
// little, it looks at most every 10 ms while nothing waits: the socket buffer keeps
// what comes in between and the kernel stamps its arrival.
func (r *Receiver) Read(ctx context.Context) ([]Datagram, error) {
	for {
		got, err := r.Poll()
		if len(got) > 0 || err != nil {
			return got, err
		}
		if err := r.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// pause waits for the next multiple of 10 ms of the clock: all receivers wake at
// once, which costs the system one wake-up instead of many. A sleep costs half of
// what a timer with a channel does; the end of ctx is noticed after it.
func (r *Receiver) pause(ctx context.Context) error {
	time.Sleep(receiveEvery - r.Now()%receiveEvery)
	return context.Cause(ctx)
}

// Poll returns the datagrams that wait, up to 32 and possibly none. The slice and
// the bytes are valid until the next call.
func (r *Receiver) Poll() ([]Datagram, error) {
	for i := range r.msgs {
		r.msgs[i].hdr.SetControllen(controlSize)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(r.fd), uintptr(unsafe.Pointer(&r.msgs[0])),
		uintptr(len(r.msgs)), unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return nil, nil
	default:
		return nil, fmt.Errorf("receive from %s: %w", r.Group, errno)
	}
	now, offset := r.Now(), r.wallOffset()
	for i := range int(n) {
		m := &r.msgs[i]
		r.out[i] = Datagram{
			Arrived:   r.control(r.oob[i*controlSize:][:m.hdr.Controllen], now, offset),
			Data:      r.data[i*MaxDatagram:][:min(int(m.n), MaxDatagram)],
			Truncated: m.hdr.Flags&unix.MSG_TRUNC != 0,
		}
	}
	return r.out[:n], nil
}

// wallOffset returns CLOCK_REALTIME, which the kernel stamps arrivals with, minus
// CLOCK_MONOTONIC.
func (r *Receiver) wallOffset() time.Duration {
	return time.Duration(time.Now().UnixNano()) - r.Now()
}

// control reads the arrival time and the count of drops from a control message.
func (r *Receiver) control(b []byte, now, offset time.Duration) time.Duration {
	arrived := now
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		length := int(h.Len)
		if length < unix.SizeofCmsghdr || length > len(b) {
			break
		}
		data := b[unix.CmsgLen(0):length]
		switch {
		case h.Level != unix.SOL_SOCKET:
		case h.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			ts := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			if at := time.Duration(ts.Nano()) - offset; at <= now && at > now-largestOffset {
				arrived = at
			}
		case h.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			count := binary.NativeEndian.Uint32(data)
			r.drops += uint64(count - r.lastOvf)
			r.lastOvf = count
		}
		b = b[min(unix.CmsgSpace(length-unix.CmsgLen(0)), len(b)):]
	}
	return arrived
}

// Close leaves the group and frees the port.
func (r *Receiver) Close() error {
	if !r.open {
		return nil
	}
	r.open = false
	return unix.Close(r.fd)
}

// check looks at the addresses among the arguments.
func (r *Receiver) check() error {
	a := r.Group.Addr()
	switch {
	case !a.IsValid() || a.Is4In6():
		return fmt.Errorf("%w %s: want an IPv4 or IPv6 group, or an address of this box", ErrAddress, r.Group)
	case r.Group.Port() == 0:
		return fmt.Errorf("%w %s: port 0, want 1 to 65535", ErrAddress, r.Group)
	case r.Source.IsValid() && (r.Source.Is4() != a.Is4() || r.Source.IsMulticast() || r.Source.IsUnspecified()):
		return fmt.Errorf("%w: source %s, want a host of the family of %s", ErrAddress, r.Source, a)
	case r.Source.IsValid() && !a.IsMulticast():
		return fmt.Errorf("%w %s: source %s needs a multicast group", ErrAddress, r.Group, r.Source)
	}
	return nil
}

// isErrno reports whether err is one of the system errors.
func isErrno(err error, any ...unix.Errno) bool {
	var e unix.Errno
	if !errors.As(err, &e) {
		return false
	}
	for _, x := range any {
		if e == x {
			return true
		}
	}
	return false
}
