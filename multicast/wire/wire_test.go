package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"sigma/multicast/rig"
)

// TestMain lets the test binary be the wire process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "wire" {
		if err := Main(context.Background(), os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const limit = 30 * time.Second

// network returns two hosts that share a link.
func network(t testing.TB) *rig.Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	n, err := rig.NewNet(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// gram is a captured datagram with its arrival on CLOCK_MONOTONIC.
type gram struct {
	group int
	at    time.Duration
	data  []byte
}

// listenTo captures groups on host 1 until the test ends.
func listenTo(t testing.TB, n *rig.Net, groups ...string) <-chan gram {
	t.Helper()
	var to []netip.AddrPort
	for _, g := range groups {
		to = append(to, netip.MustParseAddrPort(g))
	}
	offset := time.Duration(time.Now().UnixNano()) - newClock().now()
	ctx, cancel := context.WithCancel(context.Background())
	grams := make(chan gram, 1<<16)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := n.Capture(ctx, 1, to, func(g int, d rig.Datagram) {
			select {
			case grams <- gram{g, time.Duration(d.At.UnixNano()) - offset, bytes.Clone(d.Data)}:
			default:
			}
		}); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return grams
}

// next returns the next datagram for which want is true, giving the others to skip.
func next(t testing.TB, grams <-chan gram, want func(gram) bool) gram {
	t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case g := <-grams:
			if want(g) {
				return g
			}
		case <-timeout:
			t.Fatal("the datagram that was waited for did not come")
		}
	}
}

// client starts a wire process on host 0 and returns its client.
func client(t testing.TB, n *rig.Net, path string) *Client {
	t.Helper()
	c := &Client{Socket: path, Command: []string{os.Args[0], "wire"}}
	if err := n.Do(0, func() error { return c.Start(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func spec(id, to string, rtp bool) Spec {
	return Spec{ID: id, To: netip.MustParseAddrPort(to), Interface: "eth", TTL: 5, DSCP: 34, RTP: rtp, Rate: 4_000_000}
}

// packet returns a transport stream packet with payload.
func packet(pid uint16, cc, fill byte) []byte {
	p := bytes.Repeat([]byte{fill}, packetSize)
	p[0], p[3] = 0x47, 0x10|cc&0x0f
	binary.BigEndian.PutUint16(p[1:], pid)
	return p
}

// stream makes datagrams of one PID with running counters.
type stream struct {
	pid uint16
	cc  byte
	rtp bool
	n   uint32
}

func (s *stream) datagram() []byte {
	var b []byte
	if s.rtp {
		b = binary.BigEndian.AppendUint32([]byte{0x80, 33, 0, 0}, s.n*237)
		b = append(b, 0, 0, 0, 0)
	}
	for range packetsPerGram {
		b = append(b, packet(s.pid, s.cc, byte(s.n))...)
		s.cc++
	}
	s.n++
	return b
}

// continuity checks the counters of every PID of what a receiver got.
type continuity map[uint16]byte

func (c continuity) check(t testing.TB, ts []byte) {
	t.Helper()
	for p := range slices.Chunk(ts, packetSize) {
		pid := pidOf(p)
		if last, ok := c[pid]; ok && pid != 0x1fff && p[3]&0x0f != (last+1)&0x0f {
			t.Errorf("PID %d: counter %d after %d", pid, p[3]&0x0f, last)
		}
		c[pid] = p[3] & 0x0f
	}
}

func TestLocalSendsOnTimeAndInOrder(t *testing.T) {
	n := network(t)
	grams := listenTo(t, n, "239.1.1.1:5000")
	var l *Local
	var o *Output
	// The socket is opened by Open, on this thread and so on host 0.
	if err := n.Do(0, func() (err error) {
		l = NewLocal()
		o, err = l.Open(spec("a", "239.1.1.1:5000", false))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := stream{pid: 100}
	start := newClock().now() + 50*time.Millisecond
	var sent [][]byte
	for i := range 200 {
		d := s.datagram()
		sent = append(sent, d)
		if !o.Send(start+time.Duration(i)*2632*time.Microsecond, d) {
			t.Fatal("ring full")
		}
	}
	report(t, grams, sent, start, 2632*time.Microsecond)
	for o.Counters().Waiting > 0 { // a datagram is counted when the call that sent it has returned
		runtime.Gosched()
	}
	if c := o.Counters(); c.Sent != 200 || c.Dropped != 0 || c.Bad != 0 || c.Full != 0 || c.Err != nil {
		t.Errorf("%+v", c)
	}
}

// report receives what was sent and logs how far from its time it arrived.
func report(t testing.TB, grams <-chan gram, sent [][]byte, start, period time.Duration) {
	t.Helper()
	var off []time.Duration
	for i, want := range sent {
		g := next(t, grams, func(gram) bool { return true })
		if !bytes.Equal(g.data, want) {
			t.Fatalf("datagram %d differs", i)
		}
		due := start + time.Duration(i)*period
		if g.at < due-quantum-time.Millisecond {
			t.Errorf("datagram %d came %v early", i, due-g.at)
		}
		off = append(off, g.at-due)
	}
	slices.Sort(off)
	t.Logf("arrival after the scheduled time: p50 %v p99 %v max %v", off[len(off)/2], off[len(off)*99/100], off[len(off)-1])
}

func TestProcessLife(t *testing.T) {
	n := network(t)
	grams := listenTo(t, n, "239.1.1.1:5000")
	path := filepath.Join(t.TempDir(), "wire.sock")
	c := client(t, n, path)
	t.Logf("status %+v", c.Status())
	o, err := c.Open(spec("a", "239.1.1.1:5000", true))
	if err != nil {
		t.Fatal(err)
	}
	pat, sdt := packet(0, 7, 1), append(packet(17, 0, 2), packet(17, 0, 3)...)
	if err := o.SetPSI([]PSISet{{50 * time.Millisecond, pat}, {200 * time.Millisecond, sdt}}); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	err = c.tell()
	c.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	s, tables := stream{pid: 100, rtp: true}, stream{pid: 0, cc: 3, rtp: true}
	at := newClock().now() + 20*time.Millisecond
	feed := func(o *Output, s *stream, count int) {
		for range count {
			at += 2632 * time.Microsecond
			if !o.Send(at, s.datagram()) {
				t.Fatal("ring full")
			}
		}
	}
	feed(o, &tables, 3)
	feed(o, &s, 60)

	// The daemon dies: what is in the ring still goes out, then PSI and null packets.
	c.mu.Lock()
	c.conn.Close()
	c.mu.Unlock()
	cc := continuity{}
	seq, first := uint16(0), true
	var stamp uint32
	check := func(g gram) {
		if len(g.data) != rtpHeader+7*packetSize || g.data[0] != 0x80 || g.data[1] != 33 {
			t.Fatalf("datagram of %d bytes, header %x", len(g.data), g.data[:2])
		}
		got := binary.BigEndian.Uint16(g.data[2:])
		if !first && got != seq+1 {
			t.Errorf("sequence %d after %d", got, seq)
		}
		seq, first = got, false
		stamp = binary.BigEndian.Uint32(g.data[4:])
		cc.check(t, g.data[rtpHeader:])
	}
	for range 63 {
		check(next(t, grams, func(gram) bool { return true }))
	}
	last := stamp
	var pats []time.Duration
	held := 0
	for len(pats) < 10 {
		g := next(t, grams, func(gram) bool { return true })
		check(g)
		held++
		for p := range slices.Chunk(g.data[rtpHeader:], packetSize) {
			switch pidOf(p) {
			case 0:
				if p[4] != 1 {
					t.Fatal("PAT is not the one set")
				}
				pats = append(pats, g.at)
			case 17, 0x1fff:
			default:
				t.Fatalf("PID %d while held", pidOf(p))
			}
		}
	}
	if d := stamp - last; d < uint32(held)*236 || d > uint32(held)*238 {
		t.Errorf("RTP timestamp moved by %d in %d datagrams, want 237 each", d, held)
	}
	t.Logf("10 PATs within %v of hold, %d datagrams", pats[9]-pats[0], held)

	// The next daemon takes over where the first one stopped.
	c2 := client(t, n, path)
	if c2.Status().PID != c.Status().PID {
		t.Errorf("process %d, want %d to live on", c2.Status().PID, c.Status().PID)
	}
	if h := c2.Held(); len(h) != 1 || h[0] != o.Spec() {
		t.Fatalf("held %+v", h)
	}
	o2, err := c2.Open(o.Spec())
	if err != nil {
		t.Fatal(err)
	}
	if err := c2.Release(func(Spec) bool { return false }); err != nil {
		t.Fatal(err)
	}
	at = max(o2.Last(), newClock().now()) + 50*time.Millisecond
	// It knows nothing of the counters of the first one.
	s, tables = stream{pid: 100, cc: 3, rtp: true}, stream{pid: 0, cc: 9, rtp: true}
	feed(o2, &tables, 1)
	feed(o2, &s, 20)
	for range 20 {
		check(next(t, grams, func(g gram) bool {
			if pidOf(g.data[rtpHeader:]) == 100 {
				return true
			}
			check(g)
			return false
		}))
	}
	if counters := o2.Counters(); counters.Held < uint64(held) || counters.Bad != 0 || counters.Dropped != 0 {
		t.Errorf("%+v", counters)
	}
	t.Logf("lateness seen by the sender %+v", c2.Lateness())
	// Goodbye ends the output, and 5 s later the process.
	if err := c2.Close(0); err != nil {
		t.Fatal(err)
	}
	ended(t, path)
}

// TestEarlyTakeoverIsBridged lets a daemon claim an output while the ring still holds
// what the one before scheduled, and send nothing for a while: the tables must go on.
func TestEarlyTakeoverIsBridged(t *testing.T) {
	n := network(t)
	grams := listenTo(t, n, "239.1.1.1:5000")
	path := filepath.Join(t.TempDir(), "wire")
	c := client(t, n, path)
	o, err := c.Open(spec("a", "239.1.1.1:5000", false))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.SetPSI([]PSISet{{50 * time.Millisecond, packet(0, 7, 1)}}); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	err = c.tell()
	c.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	s := stream{pid: 100}
	at := newClock().now() + 20*time.Millisecond
	for i := range 100 {
		if !o.Send(at+time.Duration(i)*2632*time.Microsecond, s.datagram()) {
			t.Fatal("ring full")
		}
	}
	next(t, grams, func(g gram) bool { return pidOf(g.data) == 100 })
	c.mu.Lock()
	c.conn.Close()
	c.mu.Unlock()
	c2 := client(t, n, path)
	if _, err := c2.Open(o.Spec()); err != nil {
		t.Fatal(err)
	}
	next(t, grams, func(g gram) bool { return pidOf(g.data) == 100 })
	for range 10 { // far behind the end of the ring
		next(t, grams, func(g gram) bool { return hasPID(g.data, 0) })
	}
	if err := c2.Close(0); err != nil {
		t.Fatal(err)
	}
	ended(t, path)
}

func hasPID(data []byte, pid int) bool {
	for p := range slices.Chunk(data, packetSize) {
		if int(pidOf(p)) == pid {
			return true
		}
	}
	return false
}

// ended waits for the process on path to end, which closes its connections.
func ended(t testing.TB, path string) {
	t.Helper()
	conn, err := dial(path)
	if err != nil {
		return
	}
	defer conn.Close()
	// The process ignores a connection that says nothing, and closes it after a while.
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		_, _, err := conn.receive(deadline)
		if _, statErr := os.Stat(path); errors.Is(statErr, os.ErrNotExist) {
			return
		}
		if err != nil {
			conn.Close()
			if conn, err = dial(path); err != nil {
				return
			}
		}
	}
	t.Error("the process does not end")
}
