package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketBuffer = 4 << 20 // bytes each way: 16 ms at 2 Gbit/s
	maxDatagram  = 1500
)

// udp is the one UDP socket of all viewers.
type udp struct {
	conn      *net.UDPConn
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
	u := &udp{conn: conn}
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("UDP of WebRTC: %w", err)
	}
	err = raw.Control(func(fd uintptr) {
		for _, o := range []struct{ forced, plain int }{{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}, {unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}} {
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o.forced, socketBuffer) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o.plain, socketBuffer) // the limit of the system is what there is
			}
		}
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		u.segments.Store(err == nil)
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("UDP of WebRTC: %w", err)
	}
	return u, nil
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
func (u *udp) send(b *batch, to netip.AddrPort) {
	u.datagrams.Add(uint64(b.count))
	if b.count > 1 && u.segments.Load() {
		c := segmentControl
		binary.NativeEndian.PutUint16(c[16:], uint16(b.size))
		u.calls.Add(1)
		_, _, err := u.conn.WriteMsgUDPAddrPort(b.buf, c[:], to)
		switch {
		case err == nil:
			return
		case errors.Is(err, unix.EIO), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.EOPNOTSUPP):
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

func (u *udp) write(b []byte, to netip.AddrPort) {
	u.calls.Add(1)
	if _, err := u.conn.WriteToUDPAddrPort(b, to); err != nil {
		u.failed.Add(1)
	}
}

// path is where a viewer is reached: an address behind the UDP socket, or a TCP
// connection. It is immutable.
type path struct {
	server *Server
	addr   netip.AddrPort
	tcp    *tcpConn // nil for UDP
}

// send sends a batch, empties it, and returns how many bytes it had.
func (p *path) send(b *batch) int {
	n := len(b.buf)
	if p.tcp == nil {
		p.server.udp.send(b, p.addr)
	} else {
		for at := 0; at < n; at += b.size {
			p.tcp.write(b.buf[at:min(at+b.size, n)])
		}
	}
	b.reset()
	return n
}

// write sends one datagram.
func (p *path) write(b []byte) {
	if p.tcp == nil {
		p.server.udp.datagrams.Add(1)
		p.server.udp.write(b, p.addr)
		return
	}
	p.tcp.write(b)
}

// tcpConn is one connection of ICE over TCP, with the framing of RFC 4571. What the
// viewer does not take in time is dropped, datagram by datagram, as UDP would.
type tcpConn struct {
	conn net.Conn
	addr netip.AddrPort

	mu      sync.Mutex
	cond    sync.Cond
	pending []byte
	closed  bool
	dropped uint64
}

const (
	maxPending   = 512 << 10
	tcpTimeout   = 10 * time.Second
	maxTCP       = 1000            // connections at once
	tcpHandshake = 5 * time.Second // until the first message
)

func newTCPConn(c net.Conn) *tcpConn {
	t := &tcpConn{conn: c}
	t.cond.L = &t.mu
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		t.addr = a.AddrPort()
	}
	return t
}

// write queues a datagram. It does not block.
func (t *tcpConn) write(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.pending)+2+len(b) > maxPending {
		t.dropped++
		return
	}
	t.pending = binary.BigEndian.AppendUint16(t.pending, uint16(len(b)))
	t.pending = append(t.pending, b...)
	t.cond.Signal()
}

// drain writes what is queued until the connection ends.
func (t *tcpConn) drain() {
	var out []byte
	for {
		t.mu.Lock()
		for len(t.pending) == 0 && !t.closed {
			t.cond.Wait()
		}
		if t.closed {
			t.mu.Unlock()
			return
		}
		out, t.pending = t.pending, out[:0]
		t.mu.Unlock()
		if t.conn.SetWriteDeadline(time.Now().Add(tcpTimeout)) != nil {
			return
		}
		if _, err := t.conn.Write(out); err != nil {
			t.close()
			return
		}
	}
}

func (t *tcpConn) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.conn.Close()
		t.cond.Signal()
	}
}

// serveTCP takes the datagrams of one connection until it ends.
func (s *Server) serveTCP(ctx context.Context, c net.Conn) {
	t := newTCPConn(c)
	var wg sync.WaitGroup
	wg.Go(t.drain)
	stop := context.AfterFunc(ctx, t.close)
	defer func() {
		stop()
		t.close()
		wg.Wait()
	}()
	var head [2]byte
	b := make([]byte, 1<<16)
	wait := tcpHandshake
	for {
		if c.SetReadDeadline(time.Now().Add(wait)) != nil {
			return
		}
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b[:n]); err != nil {
			return
		}
		if s.datagram(b[:n], &path{server: s, addr: t.addr, tcp: t}) {
			wait = 2 * s.consent()
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

// readUDP takes datagrams until the socket is closed.
func (s *Server) readUDP() {
	raw, err := s.udp.conn.SyscallConn()
	if err != nil {
		return // it was asked for before, and given
	}
	b := make([]byte, 1<<16)
	from := path{server: s}
	pause := time.NewTimer(gather)
	defer pause.Stop()
	for {
		idle := s.idle()
		err := raw.Read(func(fd uintptr) bool {
			for n := 0; ; n++ {
				size, addr, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
				switch {
				case err == nil:
				case errors.Is(err, unix.EAGAIN):
					return n > 0 || !idle
				default:
					continue // an ICMP error of one viewer
				}
				if from.addr = addrPort(addr); from.addr.IsValid() {
					s.datagram(b[:size], &from)
				}
			}
		})
		if err != nil {
			return
		}
		if s.pending.Load() > 0 || s.now() < time.Duration(s.hurry.Load()) {
			pause.Reset(gatherSoon)
		} else {
			pause.Reset(gather)
		}
		<-pause.C
	}
}

// idle reports whether there is no session.
func (s *Server) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions) == 0
}

// addrPort returns an address of the system.
func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.Itoa(int(a.ZoneId)))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port))
	}
	return netip.AddrPort{}
}

// acceptTCP takes connections until the listener is closed.
func (s *Server) acceptTCP(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, maxTCP)
	for {
		c, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond): // out of file descriptors
			}
			continue
		}
		select {
		case room <- struct{}{}:
			wg.Go(func() {
				defer func() { <-room }()
				s.serveTCP(ctx, c)
			})
		default:
			c.Close()
		}
	}
}
