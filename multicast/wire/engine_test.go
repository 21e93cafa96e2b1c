package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestBuckets(t *testing.T) {
	last := -1
	for us := range 3_000_000 {
		late := time.Duration(us) * time.Microsecond
		b := bucket(late)
		if b < last || b > last+1 {
			t.Fatalf("%v in bucket %d after %d", late, b, last)
		}
		last = b
		if end := bucketEnd(b); late >= end || end > late*5/4+2*time.Microsecond {
			t.Fatalf("%v in bucket %d, which ends at %v", late, b, end)
		}
	}
	if bucket(-time.Second) != 0 || bucket(math.MaxInt64) != buckets-1 {
		t.Error("bucket out of range")
	}
}

func TestLatenessForgets(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(5*time.Second, time.Duration(i)*time.Microsecond)
	}
	h.add(6*time.Second, time.Second)
	sum := func(now time.Duration) Lateness {
		var s [buckets]uint64
		h.addTo(&s, now)
		return latenessOf(&s)
	}
	got := sum(7 * time.Second)
	if got.P50 < 500*time.Microsecond || got.P50 > 640*time.Microsecond || got.P99 < 990*time.Microsecond || got.P99 > 1280*time.Microsecond || got.Max < time.Second {
		t.Errorf("%+v", got)
	}
	if got := sum(16 * time.Second); got.P50 < time.Second {
		t.Errorf("10 s later %+v", got)
	}
	if got := sum(17 * time.Second); got != (Lateness{}) {
		t.Errorf("11 s later %+v", got)
	}
}

func TestSpecCheck(t *testing.T) {
	good := spec("a", "239.1.1.1:5000", true)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Spec){
		"no id":     func(s *Spec) { s.ID = "" },
		"long id":   func(s *Spec) { s.ID = strings.Repeat("x", 129) },
		"no port":   func(s *Spec) { s.To = netip.AddrPortFrom(s.To.Addr(), 0) },
		"no group":  func(s *Spec) { s.To = netip.AddrPort{} },
		"interface": func(s *Spec) { s.Interface = strings.Repeat("x", 16) },
		"source":    func(s *Spec) { s.Source = netip.MustParseAddr("::1") },
		"ttl":       func(s *Spec) { s.TTL = 256 },
		"dscp":      func(s *Spec) { s.DSCP = 64 },
		"rate":      func(s *Spec) { s.Rate = -1 },
	} {
		s := good
		change(&s)
		if err := s.Check(); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// alone returns an output whose datagrams go to a socket that exists but loses
// them, with a ring that tests may spoil.
func alone(t testing.TB, s Spec) (*output, *ring) {
	t.Helper()
	r, fd, err := newRing(s.slots())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd); r.unmap() })
	o := &output{spec: s, ring: r, sock: &socket{fd: -1, errno: unix.ENODEV}}
	for i := range o.sock.msgs {
		o.sock.msgs[i].hdr.Iov = &o.sock.iovs[i]
	}
	o.holder.set = -1
	return o, r
}

// TestSpoiltRingIsSurvived writes noise over what the daemon may write to and
// checks that the sender neither panics nor hangs, and then goes on.
func TestSpoiltRingIsSurvived(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	o, r := alone(t, Spec{ID: "a", RTP: true, Rate: 1000})
	clock := newClock()
	serve := func() {
		for range 3 {
			for o.collect(clock.now(), clock) {
				o.sock.flush(clock)
			}
			o.sock.flush(clock)
		}
	}
	for range 100 {
		for range len(r.mem) / 50 {
			r.mem[rnd.IntN(len(r.mem))] = byte(rnd.Uint32())
		}
		r.head.Store(o.tail + rnd.Uint64N(2*r.slots))
		if rnd.IntN(10) == 0 {
			r.head.Store(rnd.Uint64())
		}
		o.until.Store(rnd.Int64N(2) * math.MaxInt64)
		o.claimed.Store(rnd.IntN(2) == 0)
		serve()
	}
	if r.bad.Load() == 0 {
		t.Error("nothing was found bad")
	}
	o.until.Store(0)
	o.ready = false
	r.head.Store(o.tail)
	r.tail.Store(o.tail)
	dropped := r.dropped.Load()
	o.muted = 0
	s := stream{pid: 5, rtp: true}
	r.put(clock.now(), s.datagram())
	serve()
	if r.dropped.Load() != dropped+1 || r.head.Load() != r.tail.Load() {
		t.Error("a good datagram after the noise was not taken")
	}
}

// TestHoldIsNotLost lets the daemon go between the moments in which the loop looks at
// hold and ends it.
func TestHoldIsNotLost(t *testing.T) {
	o, r := alone(t, spec("a", "239.1.1.1:5000", false))
	r.put(1, []byte("x"))
	o.until.Store(100)
	o.claimed.Store(true)
	seen := o.until.Load()
	o.until.Store(200) // claimed was still true when the loop asked
	if o.endHold(seen); o.until.Load() != 200 {
		t.Errorf("hold until %d, want 200", o.until.Load())
	}
	if o.endHold(o.until.Load()); o.until.Load() != 0 {
		t.Error("a datagram of the daemon of now does not end hold")
	}
	o.until.Store(300)
	r.epoch.Add(1)
	if o.endHold(o.until.Load()); o.until.Load() != 300 {
		t.Error("a datagram of the daemon before has ended hold")
	}
}

// TestNewestIsNeverOlder asks for the newest datagram while the sender takes it out:
// it is the one that was just put in, sent or not.
func TestNewestIsNeverOlder(t *testing.T) {
	_, r := alone(t, spec("a", "239.1.1.1:5000", false))
	const count = 200_000
	var sender sync.WaitGroup
	var stop atomic.Bool
	sender.Go(func() { // as in settle
		for n := uint64(0); !stop.Load(); {
			if at, _, ok := r.get(n, count); ok {
				n++
				r.last.Store(int64(at))
				r.tail.Store(n)
			}
		}
	})
	defer sender.Wait()
	defer stop.Store(true)
	for i := range count {
		at := time.Duration(i + 1)
		for !r.put(at, []byte("x")) {
			runtime.Gosched()
		}
		for range i % 7 { // ask at various distances from the sender
			_ = r.tail.Load()
		}
		if got := r.newest(); got < at {
			t.Fatalf("newest %d, put in was %d", got, at)
		}
	}
}

func TestMapRingRefuses(t *testing.T) {
	sealed := func(size int64, seals int) int {
		fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Ftruncate(fd, size); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for name, fd := range map[string]int{
		"not sealed": sealed(int64(ringSize(10)), unix.F_SEAL_GROW),
		"empty":      sealed(0, unix.F_SEAL_SHRINK),
		"odd":        sealed(int64(ringSize(10))+1, unix.F_SEAL_SHRINK),
		"huge":       sealed(int64(ringSize(maxSlots+1)), unix.F_SEAL_SHRINK),
		"no mark":    sealed(int64(ringSize(10)), unix.F_SEAL_SHRINK),
	} {
		if _, err := mapRing(fd); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRingRefusesWhenFull(t *testing.T) {
	_, r := alone(t, Spec{Rate: 1000})
	for range r.slots {
		if !r.put(1, []byte("x")) {
			t.Fatal("full too early")
		}
	}
	if r.put(1, []byte("x")) || r.full.Load() != 1 {
		t.Error("took more than it has slots")
	}
	r.tail.Add(1)
	if !r.put(1, make([]byte, MaxDatagram)) || r.put(1, make([]byte, MaxDatagram+1)) {
		t.Error("longest datagram refused, or a longer one taken")
	}
}

// TestHold checks order, intervals and counters of what is repeated, and that RTP
// timestamps go at the rate.
func TestHold(t *testing.T) {
	o, r := alone(t, Spec{ID: "a", RTP: true, Rate: 1_000_000})
	r.counters[0].Store(0x10 | 15)
	sets := []PSISet{
		{40 * time.Millisecond, packet(0, 0, 1)},
		{100 * time.Millisecond, slices.Concat(packet(17, 0, 2), packet(17, 0, 3))},
	}
	o.psi.Store(&sets)
	cc, count := continuity{0: 15}, map[uint16]int{}
	period := o.spec.holdPeriod()
	start, end := 10*time.Second, 12*time.Second
	grams := 0
	for at := start; at < end; at += period {
		d := o.holder.fill(o, at)
		o.last, o.stamp = at, binary.BigEndian.Uint32(d[4:])
		grams++
		cc.check(t, d[rtpHeader:])
		for p := range slices.Chunk(d[rtpHeader:], packetSize) {
			if count[pidOf(p)]++; pidOf(p) == 17 && p[4] != byte(2+(count[17]-1)%2) {
				t.Fatal("packets of a table are out of order")
			}
		}
	}
	if count[0] < 45 || count[0] > 51 || count[17] < 36 || count[17] > 42 || count[0]+count[17]+count[0x1fff] != 7*grams {
		t.Errorf("in 2 s: %v of %d", count, 7*grams)
	}
}

func TestHoldWithoutTables(t *testing.T) {
	o, _ := alone(t, Spec{ID: "a", Rate: 1_000_000})
	d := o.holder.fill(o, time.Second)
	null := append([]byte{0x47, 0x1f, 0xff, 0x10}, bytes.Repeat([]byte{0xff}, 184)...)
	if !bytes.Equal(d, bytes.Repeat(null, 7)) {
		t.Errorf("%x", d[:16])
	}
}

func TestServeDoesNotAllocate(t *testing.T) {
	o, r := alone(t, spec("a", "239.1.1.1:5000", false))
	e := newEngine(politeSleep)
	tab := &table{outputs: []*output{o}, sockets: []*socket{o.sock}}
	s := stream{pid: 5}
	d := s.datagram()
	if n := testing.AllocsPerRun(1000, func() {
		r.put(e.clock.now(), d)
		e.serve(tab)
	}); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}

func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"op":"hello","version":1,"hold":1000}`,
		`{"op":"open","spec":{"id":"a","to":"239.1.1.1:5000","via":"eth","from":"","ttl":5,"dscp":0,"loop":true,"rtp":true,"rate":4000000}}`,
		`{"op":"psi","id":"a","sets":[{"interval":100000000,"packets":"` + strings.Repeat("RUFB", 62) + `AAA="}]}`,
		`{"op":"leave","hold":-1}`, `{"op":"open"}`, `{}`, ``, `[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			if !errors.Is(err, errProtocol) && !errors.Is(err, ErrSpec) {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if r.Spec != nil {
			_, n := sockaddr(r.Spec.To, 1)
			if n == 0 || r.Spec.slots() < 1 || r.Spec.slots() > maxSlots || r.Spec.holdPeriod() <= 0 {
				t.Errorf("%+v", r.Spec)
			}
		}
	})
}

func FuzzRing(f *testing.F) {
	f.Add(uint64(3), []byte{0, 0, 0, 0, 0, 0, 0, 1, 36, 5, 0, 0, 0, 0, 0, 0, 0x80, 33})
	f.Fuzz(func(t *testing.T, head uint64, slots []byte) {
		o, r := alone(t, spec("a", "239.1.1.1:5000", len(slots)%2 == 0))
		copy(r.mem[dataOffset:], slots)
		r.head.Store(head)
		clock := newClock()
		for range 3 {
			o.collect(clock.now(), clock)
			o.sock.flush(clock)
		}
	})
}

func TestSecondThreadIsCalled(t *testing.T) {
	for _, c := range []struct {
		late  int // of 500 wake-ups in a second
		calls bool
	}{{0, false}, {5, false}, {6, true}, {500, true}} {
		e := newEngine(politeSleep)
		e.judge(10*time.Second, 10*time.Second) // begins the first second
		for i := range 500 {
			at := 10*time.Second + time.Duration(i+1)*2*time.Millisecond
			now := at + overslept
			if i < c.late {
				now++
			}
			e.judge(at, now)
		}
		if until := time.Duration(e.help.Load()); (until > 20*time.Second) != c.calls {
			t.Errorf("%d late: called until %v", c.late, until)
		}
	}
}

// TestStuckThread lets the second thread take over from one that never wakes up.
func TestStuckThread(t *testing.T) {
	o, r := alone(t, spec("a", "239.1.1.1:5000", false))
	var first atomic.Int64
	woken := make(chan struct{})
	e := newEngine(func(until time.Duration) {
		if int64(unix.Gettid()) == first.Load() {
			<-woken
			return
		}
		politeSleep(until)
	})
	adopted := make(chan struct{})
	e.next.Store(&table{outputs: []*output{o}, sockets: []*socket{o.sock}, adopted: adopted})
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		first.Store(int64(unix.Gettid()))
		e.run(false)
	})
	<-adopted
	wg.Go(func() {
		runtime.LockOSThread()
		e.run(true)
	})
	s := stream{pid: 5}
	r.put(e.clock.now(), s.datagram())
	until(t, "the datagram to be taken", func() bool { return r.tail.Load() == 1 })
	e.next.Store(nil)
	close(woken)
	wg.Wait()
}

// TestTwoThreads lets both threads serve one output, and stops them.
func TestTwoThreads(t *testing.T) {
	o, r := alone(t, spec("a", "239.1.1.1:5000", false))
	e := newEngine(politeSleep)
	e.help.Store(math.MaxInt64)
	adopted := make(chan struct{})
	e.next.Store(&table{outputs: []*output{o}, sockets: []*socket{o.sock}, adopted: adopted})
	var wg sync.WaitGroup
	wg.Go(func() { e.run(false) })
	wg.Go(func() { e.run(true) })
	<-adopted
	s := stream{pid: 5}
	d := s.datagram()
	const n = 2000
	for begin, i := e.clock.now(), 0; i < n; {
		if r.put(begin+time.Duration(i)*100*time.Microsecond, d) {
			i++
		}
	}
	until(t, "all datagrams to be taken", func() bool { return r.tail.Load() == n })
	e.next.Store(nil)
	wg.Wait()
	if got := r.dropped.Load(); got != n || r.tail.Load() != n { // there is no socket
		t.Errorf("%d of %d settled, tail %d", got, n, r.tail.Load())
	}
}
