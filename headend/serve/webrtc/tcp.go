package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// path is where a viewer is reached: an address behind the UDP socket, or a TCP
// connection. It is immutable.
type path struct {
	server *Server
	addr   netip.AddrPort
	to     *sockaddr // addr, for batches
	tcp    *tcpConn  // nil for UDP
}

// send sends a batch.
func (p *path) send(b *batch) {
	if p.tcp == nil {
		p.server.udp.send(b, p.to)
		return
	}
	for at := 0; at < len(b.buf); at += b.size {
		p.tcp.write(b.buf[at:min(at+b.size, len(b.buf))])
	}
}

// write sends one datagram.
func (p *path) write(b []byte) {
	if p.tcp == nil {
		p.server.udp.datagrams.Add(1)
		p.server.udp.write(b, p.server.udp.sockaddr(p.addr))
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
