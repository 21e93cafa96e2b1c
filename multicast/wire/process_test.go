package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"sigma/multicast/rig"
)

// ipCommand runs ip(8) on a host.
func ipCommand(t testing.TB, n *rig.Net, host int, args string) {
	t.Helper()
	if out, err := n.Command(host, "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// until asks again and again for a limited time.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(limit); !ok(); {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// watch runs c on host 0 until the test ends, and returns what Run returns.
func watch(t testing.TB, n *rig.Net, c *Client) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	done := make(chan error, 1)
	wg.Go(func() { done <- n.Do(0, func() error { return c.Run(ctx) }) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return done
}

func TestProcessIsReplacedWhenKilled(t *testing.T) {
	n := network(t)
	grams := listenTo(t, n, "239.1.1.1:5000")
	c := client(t, n, filepath.Join(t.TempDir(), "wire.sock"))
	defer func() {
		if err := c.Close(0); err != nil {
			t.Error(err)
		}
	}()
	o, err := c.Open(spec("a", "239.1.1.1:5000", true))
	if err != nil {
		t.Fatal(err)
	}
	watch(t, n, c)
	s, at := stream{pid: 100, rtp: true}, newClock().now()+20*time.Millisecond
	clock := newClock()
	feed := func() { // keep 200 ms in the ring
		for ; at < clock.now()+200*time.Millisecond; at += 2632 * time.Microsecond {
			o.Send(at, s.datagram())
		}
	}
	feed()
	first := next(t, grams, func(gram) bool { feed(); return true })
	pid := c.Status().PID
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "another process", func() bool { feed(); st := c.Status(); return st.Running && st.PID != pid })
	cc, seq := continuity{}, uint16(0)
	cc.check(t, first.data[rtpHeader:])
	seq = uint16(first.data[2])<<8 | uint16(first.data[3])
	began := seq
	last := next(t, grams, func(g gram) bool {
		feed()
		if got := uint16(g.data[2])<<8 | uint16(g.data[3]); got != seq+1 {
			t.Fatalf("sequence %d after %d", got, seq)
		}
		seq++
		cc.check(t, g.data[rtpHeader:])
		return o.Counters().Sent > 400
	})
	t.Logf("%d datagrams without a break, %d of them late, last at %v; %+v", seq-began, o.Counters().Late, last.at, c.Status())
}

func TestNewerDaemonDisplaces(t *testing.T) {
	n := network(t)
	path := filepath.Join(t.TempDir(), "wire.sock")
	c := client(t, n, path)
	if _, err := c.Open(spec("a", "239.1.1.1:5000", false)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(spec("b", "239.1.1.2:5000", false)); err != nil {
		t.Fatal(err)
	}
	done := watch(t, n, c)
	c2 := client(t, n, path)
	select {
	case err := <-done:
		if !errors.Is(err, ErrDisplaced) {
			t.Errorf("first daemon: %v", err)
		}
	case <-time.After(limit):
		t.Fatal("the first daemon does not notice")
	}
	if h := c2.Held(); len(h) != 2 || h[0].ID != "a" || h[1].ID != "b" {
		t.Errorf("held %+v", h)
	}
	if _, err := c2.Open(spec("b", "239.1.1.2:5000", false)); err != nil {
		t.Fatal(err)
	}
	if err := c2.Release(func(Spec) bool { return false }); err != nil {
		t.Fatal(err)
	}
	c3 := client(t, n, path)
	if h := c3.Held(); len(h) != 1 || h[0].ID != "b" {
		t.Errorf("held after release %+v", h)
	}
	if err := c3.Close(0); err != nil {
		t.Error(err)
	}
	if err := c.Close(0); err != nil {
		t.Errorf("close of a client that is not connected: %v", err)
	}
}

// TestDisplacedDaemonStaysAway lets the old daemon learn from another request than
// those of Run that it was displaced: it must not take the process back.
func TestDisplacedDaemonStaysAway(t *testing.T) {
	n := network(t)
	path := filepath.Join(t.TempDir(), "wire.sock")
	c := client(t, n, path)
	o, err := c.Open(spec("a", "239.1.1.1:5000", false))
	if err != nil {
		t.Fatal(err)
	}
	c2 := client(t, n, path)
	if err := o.Close(); !errors.Is(err, ErrDisplaced) {
		t.Errorf("close: %v, want %v", err, ErrDisplaced)
	}
	if _, err := c.Open(spec("b", "239.1.1.2:5000", false)); !errors.Is(err, ErrDisplaced) {
		t.Errorf("open: %v, want %v", err, ErrDisplaced)
	}
	if err := n.Do(0, func() error { return c.Run(t.Context()) }); !errors.Is(err, ErrDisplaced) {
		t.Errorf("run: %v, want %v", err, ErrDisplaced)
	}
	if err := c2.Close(0); err != nil {
		t.Errorf("the new daemon has lost the process: %v", err)
	}
}

// TestOutputsClosedWhileDown closes outputs while the connection is broken and the
// process lives on: they end when it is reached again, the others go on.
func TestOutputsClosedWhileDown(t *testing.T) {
	n := network(t)
	path := filepath.Join(t.TempDir(), "wire.sock")
	first := client(t, n, path)
	for _, id := range []string{"wanted", "unwanted"} {
		if _, err := first.Open(spec(id, "239.1.1.9:5000", false)); err != nil {
			t.Fatal(err)
		}
	}
	c := client(t, n, path)
	var outputs []*Output
	for _, id := range []string{"gone", "back", "stays"} {
		o, err := c.Open(spec(id, "239.1.1.1:5000", false))
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, o)
	}
	c.mu.Lock()
	c.disconnect(errors.New("broken by the test"))
	c.mu.Unlock()
	for _, o := range outputs[:2] {
		if err := o.Close(); err == nil {
			t.Error("closed without a connection")
		}
	}
	if err := c.Release(func(s Spec) bool { return s.ID == "wanted" }); err == nil {
		t.Error("released without a connection")
	}
	check := func() {
		t.Helper()
		if err := n.Do(0, func() error { return c.check(t.Context()) }); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if _, err := c.Open(outputs[1].Spec()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.disconnect(errors.New("broken by the test"))
	c.mu.Unlock()
	check()
	if h := c.Held(); len(h) != 1 || h[0].ID != "wanted" {
		t.Errorf("still held %v, want the one that was to be kept", h)
	}
	c2 := client(t, n, path)
	var ids []string
	for _, s := range c2.Held() {
		ids = append(ids, s.ID)
	}
	if got := strings.Join(ids, " "); got != "back stays wanted" {
		t.Errorf("open in the process: %s, want back stays wanted", got)
	}
	if err := c2.Close(0); err != nil {
		t.Error(err)
	}
}

// TestStuckStart has the process die and its successor never become ready: whatever is
// asked of the client is answered at once, Run ends when told, and the successor does
// not stay behind.
func TestStuckStart(t *testing.T) {
	n := network(t)
	dir := t.TempDir()
	c := client(t, n, filepath.Join(dir, "wire.sock"))
	o, err := c.Open(spec("a", "239.1.1.1:5000", false))
	if err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(dir, "started")
	c.Command = []string{"/bin/sh", "-c", "echo $$ >" + started + ".new; mv " + started + ".new " + started + "; exec sleep 1000"}
	if err := unix.Kill(c.Status().PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- n.Do(0, func() error { return c.Run(ctx) }) }()
	var pid int
	until(t, "a successor", func() bool {
		b, err := os.ReadFile(started)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	})
	// The start is under way as long as the successor is there and reach is locked:
	// asked now, a client that waited for it could not answer before it is over.
	if st := c.Status(); st.Running || st.Restarts != 0 {
		t.Errorf("%+v", st)
	}
	c.Lateness()
	if _, err := c.Open(spec("b", "239.1.1.2:5000", false)); err == nil {
		t.Error("opened without a process")
	}
	if err := o.Close(); err == nil {
		t.Error("closed without a process")
	}
	if c.reach.TryLock() {
		t.Error("the start was over before everything was asked")
		c.reach.Unlock()
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if st := c.Status(); st.Restarts != 1 || !strings.Contains(st.LastError, context.Canceled.Error()) {
		t.Errorf("the start was not given up when told: %+v", st)
	}
	until(t, "the end of the successor", func() bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) })
}

// TestAttemptsBecomeRare counts how often a process that cannot run is started.
func TestAttemptsBecomeRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Socket: filepath.Join(t.TempDir(), "wire.sock"), Command: []string{"/nonexistent"}}
		if err := c.Start(t.Context()); err == nil {
			t.Fatal("started")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		// After 0.25, 0.75, 1.75, 3.75, 7.75, 15.75 s, then every 10 s.
		if n := c.Status().Restarts; n != 10 {
			t.Errorf("%d attempts in a minute, want 10", n)
		}
	})
}

func TestOtherVersionIsDismissed(t *testing.T) {
	n := network(t)
	path := filepath.Join(t.TempDir(), "wire.sock")
	c := client(t, n, path)
	// A daemon of another version is told ours, and may dismiss us.
	conn, err := dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.send(map[string]any{"op": "hello", "version": version + 1, "news": true}, -1); err != nil {
		t.Fatal(err)
	}
	r, _, err := conn.reply()
	if err == nil || r.Version != version {
		t.Errorf("%+v %v", r, err)
	}
	if err := c.dismiss(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the path is not free: %v", err)
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	n := network(t)
	path := filepath.Join(t.TempDir(), "wire.sock")
	c := client(t, n, path)
	for name, msg := range map[string]any{
		"no hello":  request{Op: opPing},
		"operation": map[string]string{"op": "explode"},
		"field":     map[string]any{"op": "hello", "version": version, "more": 1},
	} {
		conn, err := dial(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.send(msg, -1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.reply(); err == nil {
			t.Errorf("%s: accepted", name)
		}
		conn.Close()
	}
	if _, err := c.Open(Spec{}); !errors.Is(err, ErrSpec) {
		t.Errorf("empty spec: %v", err)
	}
	c.mu.Lock()
	bad := spec("a", "239.1.1.1:5000", false)
	if err := c.call(request{Op: opOpen, Spec: &bad}, -1); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("open without memory: %v", err)
	}
	if err := c.call(request{Op: opPSI, ID: "nobody"}, -1); err == nil || !strings.Contains(err.Error(), "not open") {
		t.Errorf("PSI of nobody: %v", err)
	}
	c.mu.Unlock()
	if err := c.Close(0); err != nil {
		t.Errorf("the connection did not survive: %v", err)
	}
}

func TestMissingInterfaceIsTriedAgain(t *testing.T) {
	n := network(t)
	c := client(t, n, filepath.Join(t.TempDir(), "wire.sock"))
	s := spec("a", "239.1.1.1:5000", false)
	s.Interface = "late0"
	o, err := c.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	clock := newClock()
	ring := func() { o.Send(clock.now(), make([]byte, 1316)) }
	until(t, "an error that names the interface", func() bool {
		ring()
		err := o.Counters().Err
		return errors.Is(err, unix.ENODEV) && strings.Contains(err.Error(), "late0")
	})
	for range 2 { // it comes, goes, and comes back under another number
		ipCommand(t, n, 0, "link add late0 type veth peer name late1")
		ipCommand(t, n, 0, "link set late1 up")
		ipCommand(t, n, 0, "link set late0 up")
		ipCommand(t, n, 0, "addr add 10.98.0.1/24 dev late0")
		sent := o.Counters().Sent
		until(t, "datagrams on the new interface", func() bool { ring(); return o.Counters().Sent > sent+5 })
		if err := o.Counters().Err; err != nil {
			t.Error(err)
		}
		ipCommand(t, n, 0, "link del late0")
		until(t, "an error", func() bool { ring(); return o.Counters().Err != nil })
	}
	if err := c.Close(0); err != nil {
		t.Error(err)
	}
}

// TestHeader checks what belongs to the socket: lifetime, class of service, and
// source address, for both families.
func TestHeader(t *testing.T) {
	n := network(t)
	for host, a := range []string{"fd00::1", "fd00::2"} {
		ipCommand(t, n, host, "-6 addr add "+a+"/64 dev eth nodad")
	}
	ipCommand(t, n, 0, "addr add 10.99.0.55/24 dev eth")
	l := NewLocal()
	defer l.Close()
	for _, c := range []struct {
		to, from string
		family   int
		options  [][2]int
		ttl, tos int32
		control  [2]int32
	}{
		{"10.99.0.2:5000", "10.99.0.55", unix.AF_INET, [][2]int{{unix.IPPROTO_IP, unix.IP_RECVTTL}, {unix.IPPROTO_IP, unix.IP_RECVTOS}}, 7, 34 << 2, [2]int32{unix.IP_TTL, unix.IP_TOS}},
		{"[fd00::2]:5000", "fd00::1", unix.AF_INET6, [][2]int{{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT}, {unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS}}, 7, 34 << 2, [2]int32{unix.IPV6_HOPLIMIT, unix.IPV6_TCLASS}},
	} {
		s := spec("a"+c.to, c.to, false)
		s.TTL, s.Source = 7, addr(t, c.from)
		var conn *net.UDPConn
		if err := n.Do(1, func() (err error) {
			conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.To))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			for _, o := range c.options {
				if err := unix.SetsockoptInt(int(fd), o[0], o[1], 1); err != nil {
					t.Error(err)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		var o *Output
		if err := n.Do(0, func() (err error) { o, err = l.Open(s); return err }); err != nil {
			t.Fatal(err)
		}
		o.Send(newClock().now(), make([]byte, 1316))
		if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
		b, oob := make([]byte, 2000), make([]byte, 200)
		size, control, _, from, err := conn.ReadMsgUDPAddrPort(b, oob)
		if err != nil {
			t.Fatalf("%s: %v, %+v", c.to, err, o.Counters())
		}
		if size != 1316 || from.Addr().Unmap() != s.Source {
			t.Errorf("%d bytes from %v", size, from)
		}
		msgs, err := unix.ParseSocketControlMessage(oob[:control])
		if err != nil || len(msgs) != 2 {
			t.Fatalf("%d control messages, %v", len(msgs), err)
		}
		for _, m := range msgs {
			want := c.ttl
			if m.Header.Type == c.control[1] {
				want = c.tos
			}
			if int32(m.Data[0]) != want {
				t.Errorf("%s: control %d is %d, want %d", c.to, m.Header.Type, m.Data[0], want)
			}
		}
	}
}

func addr(t testing.TB, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
