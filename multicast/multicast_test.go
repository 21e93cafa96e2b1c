package multicast

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sigma/multicast/rig"
	"sigma/mux/flow"
	"sigma/mux/rtp"
)

const limit = 30 * time.Second

func monotonic() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano())
}

// network returns hosts that share a switch, with IPv4 10.99.0.N.
func network(t testing.TB, hosts int) *rig.Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	n, err := rig.NewNet(hosts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// sender returns a connected socket on a host, whose groups leave by eth.
func sender(t testing.TB, n *rig.Net, host int, to string) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	if err := n.Do(host, func() (err error) {
		conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ip runs ip(8) on a host.
func ip(t testing.TB, n *rig.Net, host int, args string) {
	t.Helper()
	if out, err := n.Command(host, "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// receiver opens a receiver on host 1 or more.
func receiver(t testing.TB, n *rig.Net, host int, r *Receiver) *Receiver {
	t.Helper()
	r.Now = monotonic
	if err := n.Do(host, r.Open); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func send(t testing.TB, c *net.UDPConn, b string) {
	t.Helper()
	if _, err := c.Write([]byte(b)); err != nil {
		t.Fatal(err)
	}
}

// read returns the next datagrams of r.
func read(t testing.TB, r *Receiver) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	got, err := r.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, d := range got {
		if now := monotonic(); d.Arrived > now || now-d.Arrived > limit {
			t.Errorf("arrived at %v, it is %v", d.Arrived, now)
		}
		texts = append(texts, string(d.Data))
	}
	return texts
}

// expect reads until the last datagram is "end" and checks that only want came
// before it.
func expect(t testing.TB, r *Receiver, want ...string) {
	t.Helper()
	var got []string
	for len(got) == 0 || got[len(got)-1] != "end" {
		got = append(got, read(t, r)...)
	}
	if fmt.Sprint(got) != fmt.Sprint(append(want, "end")) {
		t.Errorf("received %q, want %q and the end", got, want)
	}
}

// joined waits until a datagram sent to the group comes through the switch: it
// learns of a membership a moment after the join.
func joined(t testing.TB, c *net.UDPConn, r *Receiver) {
	t.Helper()
	for deadline := monotonic() + limit; monotonic() < deadline; {
		send(t, c, "probe")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		got, err := r.Read(ctx)
		cancel()
		if err == nil && len(got) > 0 {
			for err == nil { // drain
				if got, err = r.Poll(); len(got) == 0 {
					break
				}
			}
			return
		}
	}
	t.Fatal("nothing comes through")
}

func group(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestGroupsOnOnePortAreIsolated(t *testing.T) {
	n := network(t, 2)
	ip(t, n, 0, "-6 addr add fd00::1/64 dev eth nodad")
	ip(t, n, 0, "-6 route add multicast ff15::/16 dev eth table local")
	for _, c := range []struct{ mine, other string }{
		{"239.1.1.1:5000", "239.1.1.2:5000"},
		{"[ff15::1]:5000", "[ff15::2]:5000"},
	} {
		a := receiver(t, n, 1, &Receiver{Group: group(c.mine), Interface: "eth"})
		b := receiver(t, n, 1, &Receiver{Group: group(c.other), Interface: "eth"})
		mine, other := sender(t, n, 0, c.mine), sender(t, n, 0, c.other)
		joined(t, mine, a)
		joined(t, other, b)
		send(t, other, "foreign")
		send(t, mine, "good")
		send(t, mine, "end")
		send(t, other, "end")
		expect(t, a, "good")
		expect(t, b, "foreign")
		a.Close()
		b.Close()
	}
}

func TestSourceFilter(t *testing.T) {
	n := network(t, 3)
	r := receiver(t, n, 2, &Receiver{Group: group("232.1.1.1:5000"), Interface: "eth", Source: netip.MustParseAddr("10.99.0.1")})
	right, wrong := sender(t, n, 0, "232.1.1.1:5000"), sender(t, n, 1, "232.1.1.1:5000")
	joined(t, right, r)
	send(t, wrong, "foreign")
	send(t, right, "good")
	send(t, wrong, "foreign")
	send(t, right, "end")
	expect(t, r, "good")

	// The wrong one is heard once anyone is welcome: the filter was what kept it out.
	r.Close()
	r.Source = netip.Addr{}
	receiver(t, n, 2, r)
	joined(t, wrong, r)
}

func TestUnicast(t *testing.T) {
	n := network(t, 2)
	r := receiver(t, n, 1, &Receiver{Group: group("10.99.0.2:5000"), Interface: "eth"})
	c := sender(t, n, 0, "10.99.0.2:5000")
	send(t, c, "good")
	send(t, c, "end")
	expect(t, r, "good")
}

func TestOpenErrors(t *testing.T) {
	n := network(t, 1)
	taken := receiver(t, n, 0, &Receiver{Group: group("10.99.0.1:5000")})
	ip(t, n, 0, "link add down0 type veth peer name down1")
	for _, c := range []struct {
		r    Receiver
		want error
		text string
	}{
		{Receiver{Group: taken.Group}, ErrInUse, "ss -ulpn"},
		{Receiver{Group: group("10.99.0.77:5000")}, ErrAddress, "ip addr"},
		{Receiver{Group: group("239.1.1.1:5000"), Interface: "eth77"}, ErrInterface, "eth77"},
		{Receiver{Group: group("239.1.1.1:5000"), Interface: "down0"}, ErrInterface, "ip link set down0 up"},
		{Receiver{Group: group("239.1.1.1:0"), Interface: "eth"}, ErrAddress, "port 0"},
		{Receiver{Group: group("239.1.1.1:5"), Source: netip.MustParseAddr("ff02::1")}, ErrAddress, "source"},
		{Receiver{Group: group("10.99.0.1:5"), Source: netip.MustParseAddr("10.99.0.2")}, ErrAddress, "group"},
		{Receiver{}, ErrAddress, "want"},
	} {
		c.r.Now = monotonic
		err := n.Do(0, c.r.Open)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s on %q: %v, want %v with %q", c.r.Group, c.r.Interface, err, c.want, c.text)
		}
		if err := c.r.Close(); err != nil {
			t.Errorf("close of what never opened: %v", err)
		}
	}
}

func TestManyGroupsOnOneBox(t *testing.T) {
	n := network(t, 1)
	for i := range 60 { // the limit of 20 memberships counts per socket
		receiver(t, n, 0, &Receiver{Group: group(fmt.Sprintf("239.1.2.%d:5000", i+1)), Interface: "eth", Buffer: 1 << 16})
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	n := network(t, 2)
	r := receiver(t, n, 1, &Receiver{Group: group("239.1.1.1:5000"), Interface: "eth", Buffer: 8 << 10})
	c := sender(t, n, 0, "239.1.1.1:5000")
	joined(t, c, r)
	before := r.Drops()
	const count = 500
	for range count {
		send(t, c, strings.Repeat("x", 1316))
	}
	got := 0
	for got < count && r.Drops() == before {
		got += len(read(t, r))
		send(t, c, "more") // the count comes with the next datagram
	}
	if d := r.Drops() - before; d < count/2 || d > 2*count {
		t.Errorf("%d dropped of %d into a buffer of 8 KiB", d, count)
	}
	if r.Warning() != "" {
		t.Errorf("warning %q as root", r.Warning())
	}
}

// sink is a ring that tests read.
type sink struct {
	mu    sync.Mutex
	bytes []byte
	items []flow.Item[flow.Batch]
	grew  chan struct{}
}

func newSink() *sink { return &sink{grew: make(chan struct{}, 1)} }

func (s *sink) Append(it flow.Item[flow.Batch]) {
	s.mu.Lock()
	s.bytes = append(s.bytes, it.V.Data...)
	s.items = append(s.items, it)
	s.mu.Unlock()
	select {
	case s.grew <- struct{}{}:
	default:
	}
}

// wait returns what came once there are at least n bytes.
func (s *sink) wait(t testing.TB, n int) []byte {
	t.Helper()
	timeout := time.After(limit)
	for {
		s.mu.Lock()
		b := s.bytes
		s.mu.Unlock()
		if len(b) >= n {
			return b
		}
		select {
		case <-s.grew:
		case <-timeout:
			t.Fatalf("%d bytes, want %d", len(b), n)
		}
	}
}

// packets returns n packets with increasing numbers, from first.
func packets(first, n int) []byte {
	b := bytes.Repeat([]byte{0xff}, n*flow.PacketSize)
	for i := range n {
		p := b[i*flow.PacketSize:]
		p[0], p[1], p[2], p[3] = 0x47, 0x01, 0x00, 0x10|byte(first+i)&0x0f
		binary.BigEndian.PutUint32(p[4:], uint32(first+i))
	}
	return b
}

func datagramRTP(seq int) string {
	h := rtp.Header{PayloadType: rtp.PayloadMP2T, Sequence: uint16(seq), Timestamp: uint32(seq) * 237, SSRC: 77}
	return string(append(h.AppendTo(nil), packets(seq*7, 7)...))
}

// run runs a source on host 1 until the test ends.
func run(t testing.TB, n *rig.Net, s *Source, to flow.Appender[flow.Batch]) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := n.Do(1, func() error { return s.Run(ctx, to) }); !errors.Is(err, context.Canceled) {
			t.Errorf("source: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// reach sends one datagram after another until the source has counted one: the
// switch learns of the membership a moment after the join.
func reach(t testing.TB, c *net.UDPConn, s *Source, b string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(limit); s.Counters().Datagrams == 0; {
		send(t, c, b)
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("nothing comes through")
		}
	}
}

func TestSourceReordersRTP(t *testing.T) {
	n := network(t, 2)
	s := &Source{Receiver: Receiver{Group: group("239.1.1.1:5000"), Interface: "eth", Now: monotonic}}
	out := newSink()
	run(t, n, s, out)
	c := sender(t, n, 0, "239.1.1.1:5000")
	reach(t, c, s, datagramRTP(0)) // a repetition counts as a duplicate
	start := s.Counters()
	for _, seq := range []int{1, 3, 2, 4, 4, 6, 7, 8} { // 5 is lost
		send(t, c, datagramRTP(seq))
	}
	got := out.wait(t, 8*7*flow.PacketSize)
	want := append(packets(0, 35), packets(42, 21)...)
	if !bytes.Equal(got, want) {
		t.Error("packets are not those sent, in order")
	}
	counters := s.Counters()
	if counters.Lost != 1 || counters.Reordered != 1 || counters.Duplicates-start.Duplicates < 1 || counters.Malformed != 0 || counters.Drops != 0 {
		t.Errorf("%+v", counters)
	}
	for i, it := range out.items {
		if len(it.V.Data)%flow.PacketSize != 0 || it.Arrived <= 0 || it.Arrived > monotonic() {
			t.Errorf("item %d: %d bytes arrived at %v", i, len(it.V.Data), it.Arrived)
		}
	}
}

// TestInterfaceOfTheRouteGoes takes away the interface that a group without one was
// joined on, by the routing table: the membership has gone with it, so that Run must
// end, and Run again joins on what comes in its place.
func TestInterfaceOfTheRouteGoes(t *testing.T) {
	for _, to := range []string{"239.1.1.1:5000", "[ff15::1]:5000"} {
		t.Run(to, func(t *testing.T) {
			n := network(t, 2)
			s := &Source{Receiver: Receiver{Group: group(to), Now: monotonic}}
			done := make(chan error)
			joins := func() bool {
				var list []Interface
				if err := n.Do(1, func() (err error) { list, err = Lister{}.Interfaces(); return err }); err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(list, func(i Interface) bool {
					return i.Name == "eth" && slices.Contains(i.Groups, s.Receiver.Group.Addr())
				})
			}
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				go func() { done <- n.Do(1, func() error { return s.Run(ctx, newSink()) }) }()
				for !joins() {
					if ctx.Err() != nil {
						t.Fatal("the group is not joined")
					}
				}
				ip(t, n, 1, "link del eth")
				if err := <-done; !errors.Is(err, ErrInterface) || !strings.Contains(err.Error(), "eth") {
					t.Fatalf("run: %v, want %v eth", err, ErrInterface)
				}
				if err := n.Do(1, func() error { return s.Run(ctx, newSink()) }); !errors.Is(err, ErrInterface) {
					t.Fatalf("run without an interface: %v, want %v", err, ErrInterface)
				}
				ip(t, n, 1, "link add eth type veth peer name other")
				ip(t, n, 1, "link set other up")
				ip(t, n, 1, "link set eth up")
				ip(t, n, 1, "addr add 10.99.0.2/24 dev eth")
				ip(t, n, 1, "route add 224.0.0.0/4 dev eth")
				ip(t, n, 1, "-6 route replace multicast ff15::/16 dev eth table local")
			}
		})
	}
}

func TestSourceResynchronises(t *testing.T) {
	n := network(t, 2)
	s := &Source{Receiver: Receiver{Group: group("10.99.0.2:5000"), Now: monotonic}}
	out := newSink()
	run(t, n, s, out)
	c := sender(t, n, 0, "10.99.0.2:5000")
	for s.Counters().Datagrams == 0 {
		_, _ = c.Write([]byte("not a stream")) // refused until the source is there
	}
	send(t, c, string(packets(0, 7)))
	send(t, c, "junk"+string(packets(7, 3)))                         // shifted
	send(t, c, string(packets(10, 2))+"tail")                        // cut
	send(t, c, string(packets(12, 1))+strings.Repeat("x", 188))      // one of two
	send(t, c, string(packets(13, 1)))                               // single
	send(t, c, "\x80"+strings.Repeat("\x00", 3))                     // RTP cut short
	send(t, c, string(packets(14, 7)))                               // fine
	send(t, c, string(packets(21, 40))+string(packets(61, 40)[:10])) // jumbo, cut
	send(t, c, string(packets(61, 7)))
	if got := out.wait(t, 68*flow.PacketSize); !bytes.Equal(got, packets(0, 68)) {
		t.Error("packets are not those sent")
	}
	if m := s.Counters().Malformed; m < 6 {
		t.Errorf("%d malformed", m)
	}
}

func FuzzResync(f *testing.F) {
	f.Add(packets(0, 2))
	f.Add(append([]byte("x"), packets(0, 2)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := resync(b)
		if len(got) > len(b) || len(got) > 0 && !aligned(got) {
			t.Errorf("%d of %d bytes", len(got), len(b))
		}
		if aligned(b) && len(got) != len(b) {
			t.Error("whole packets lost")
		}
	})
}

func FuzzSourceDatagram(f *testing.F) {
	f.Add(packets(0, 7))
	f.Add([]byte(datagramRTP(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &Source{to: newSink()}
		s.reorder.Emit = s.packets
		for range 3 {
			s.datagram(Datagram{Data: b[:min(len(b), MaxDatagram)]})
		}
		s.flush()
		if s.Counters().Bytes%flow.PacketSize != 0 {
			t.Errorf("%d bytes", s.Counters().Bytes)
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add(make([]byte, controlSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &Receiver{}
		aligned := make([]byte, len(b)) // the kernel's is
		copy(aligned, b)
		if at := r.control(aligned, time.Hour, 0); at < 0 || at > time.Hour {
			t.Errorf("arrived at %v", at)
		}
	})
}
