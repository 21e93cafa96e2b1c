package webrtc

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"sigma/mux/flow"
)

// Batches arrive as the datagrams they are made of, whether the kernel cuts them or not,
// and what is answered comes with the address it was sent from.
func TestSocket(t *testing.T) {
	for _, c := range []struct{ listen, network, peer string }{
		{"127.0.0.1:0", "udp4", "127.0.0.1:0"}, {":0", "udp4", "127.0.0.1:0"}, {"[::1]:0", "udp6", "[::1]:0"},
	} {
		peer, err := net.ListenPacket(c.network, c.peer)
		if err != nil {
			t.Logf("%s is not to be had here: %v", c.network, err)
			continue
		}
		defer peer.Close()
		u, err := openUDP(c.listen)
		if err != nil {
			t.Fatal(err)
		}
		defer u.close()
		at := netip.MustParseAddrPort(peer.LocalAddr().String())
		for _, segments := range []bool{u.segments.Load(), false} {
			u.segments.Store(segments)
			b := batch{buf: make([]byte, 240), size: 100, count: 3}
			for i := range b.buf {
				b.buf[i] = byte(i / 100)
			}
			u.send(&b, u.sockaddr(at))
			in := make([]byte, 2048)
			for i, want := range []int{100, 100, 40} {
				_ = peer.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, from, err := peer.ReadFrom(in)
				if err != nil || n != want || int(in[0]) != i {
					t.Fatalf("%s, segments %v: datagram %d of %d bytes, want %d; %v", c.listen, segments, in[0], n, want, err)
				}
				if i < 2 {
					continue
				}
				to := &net.UDPAddr{IP: at.Addr().AsSlice(), Port: int(u.addr.Port())}
				for k := range 3 {
					if _, err := peer.WriteTo(in[:10+k], to); err != nil {
						t.Fatalf("to %v, who sent as %v: %v", to, from, err)
					}
				}
			}
			box, got := newInbox(), 0
			until(t, "three answers", 5*time.Second, func() bool {
				n := u.recvmmsg(box)
				for k := range n {
					d, from := box.datagram(k)
					if netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != at || len(d) != 10+got {
						t.Errorf("%s: %d bytes from %v, want %d from %v", c.listen, len(d), from, 10+got, at)
					}
					got++
				}
				return got >= 3
			})
		}
		if n := u.failed.Load(); n != 0 {
			t.Errorf("%s: %d datagrams failed", c.listen, n)
		}
	}
}

// A packet to a viewer costs no allocation.
func TestNoAllocation(t *testing.T) {
	u, err := openUDP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	s := &Server{udp: u, began: time.Now()}
	f := &feed{server: s}
	tr := newTrack("a1", 1, flow.CodecOpus, 256)
	guard, err := newProtector(dtls.SRTP_AEAD_AES_128_GCM, fixed(make([]byte, 56)), false)
	if err != nil {
		t.Fatal(err)
	}
	st := &stream{codec: tr.codec, clock: tr.clock, pt: 111, ssrc: 1, seq: 1, transport: true, ext: extensions{transport: 3}, wish: tr, records: make([]record, 128), nextReport: time.Hour}
	v := &viewer{feed: f, audio: st, guard: guard, counted: time.Hour, path: &path{server: s, addr: u.addr, to: u.sockaddr(u.addr)}}
	g, unit := newGroup(f), [][]byte{make([]byte, 160)}
	v.pump(g, time.Second)
	for i := range 64 {
		tr.push(unit, flow.Ticks(i)*540_000, false)
	}
	at := st.next
	if n := testing.AllocsPerRun(50, func() { st.next = at; v.pump(g, time.Second) }); n != 0 {
		t.Errorf("%v allocations for %d packets", n, 64)
	}
	if u.datagrams.Load() < 50*60 {
		t.Errorf("%d datagrams", u.datagrams.Load())
	}
}
