package wire

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// quantum is how much ahead of its time a datagram may leave so that one wake-up
	// and one system call serve several outputs. For 50 outputs of 4 Mbit/s 50 µs
	// took 44 % of a core, 200 µs 32 %, 500 µs 28 %, nearly all of it the network's.
	quantum = 400 * time.Microsecond
	// early is how much before the next datagram is due the loop wakes. Waking and the
	// system call take 50 to 150 µs, more on a busy machine; without it all that leaves
	// would be late by as much.
	early = 150 * time.Microsecond
	// poll is the longest sleep: how soon a ring that was empty is looked at again.
	poll = 5 * time.Millisecond
	// behind is how much later than the first the second thread comes, and again how soon
	// either looks whether the other has let go.
	behind = 100 * time.Microsecond
	// The second thread costs as much as a third of all that is sent, so it comes only
	// where it is needed: for helpFor after a second in which more than one in helpOnce
	// wake-ups of the first were late by overslept. It looks for that every nap, and
	// whether the first is stuck.
	overslept = 500 * time.Microsecond
	helpOnce  = 100
	helpFor   = 10 * time.Second
	nap       = 100 * time.Millisecond
	stuck     = 10 * time.Millisecond
)

// table is the set of outputs the loop serves. It is immutable: a change makes a
// new one, and the old outputs may be freed once the loop has adopted it.
type table struct {
	outputs []*output
	sockets []*socket
	adopted chan struct{} // closed by the loop
}

// engine is the sending loop. All of its memory is there before it runs; it
// allocates nothing.
//
// Two threads may run it on different processors, so that one that is kept from waking
// up, by the network's work for others or by the host of a virtual machine, does not
// make datagrams late. One at a time serves, and the second naps while the first is
// punctual.
type engine struct {
	clock clock
	next  atomic.Pointer[table] // nil when the loop is to end
	wake  chan struct{}         // signalled after next changes; capacity 1
	sleep func(until time.Duration)

	turn atomic.Bool  // taken by the thread that serves
	due  atomic.Int64 // when to serve again
	cur  *table       // adopted; for who has the turn
	help atomic.Int64 // the second thread is wanted until then

	since       time.Duration // when the first thread began to count
	wakes, late int           // its wake-ups since
}

func newEngine(sleep func(time.Duration)) *engine {
	e := &engine{clock: newClock(), wake: make(chan struct{}, 1), sleep: sleep}
	e.next.Store(&table{adopted: make(chan struct{})})
	return e
}

// run sends until the table is nil. The caller has locked the thread. A second thread
// says so; it needs the first.
func (e *engine) run(second bool) {
	lag := time.Duration(0)
	if second {
		lag = behind
	}
	for {
		at, now := time.Duration(e.due.Load())+lag, e.clock.now()
		switch {
		case second && now > time.Duration(e.help.Load()) && now < at+stuck:
			if e.next.Load() == nil {
				return
			}
			e.sleep(now + nap)
			continue
		case now < at:
			e.sleep(at)
			if !second {
				e.judge(at, e.clock.now())
			}
			continue
		}
		if !e.turn.CompareAndSwap(false, true) {
			e.sleep(e.clock.now() + behind)
			continue
		}
		t := e.next.Load()
		if t != nil && t != e.cur {
			e.cur = t
			close(t.adopted)
		}
		empty := t == nil || len(t.outputs) == 0
		if !empty {
			e.due.Store(int64(e.serve(t)))
		}
		e.turn.Store(false)
		switch {
		case t == nil:
			return
		case !empty:
		case second:
			e.sleep(e.clock.now() + nap)
		default:
			<-e.wake
		}
	}
}

// judge notes when the first thread woke up that wanted to at a time, and calls the
// second where it must.
func (e *engine) judge(at, now time.Duration) {
	e.wakes++
	if now-at > overslept {
		e.late++
	}
	if now-e.since < time.Second {
		return
	}
	if e.late*helpOnce > e.wakes {
		e.help.Store(int64(now + helpFor))
	}
	e.since, e.wakes, e.late = now, 0, 0
}

// serve sends everything that is due and returns when to come back.
func (e *engine) serve(t *table) time.Duration {
	now := e.clock.now()
	for more := true; more; {
		more = false
		for _, o := range t.outputs {
			if o.collect(now+quantum, e.clock) {
				more = true
			}
		}
		for _, s := range t.sockets {
			if s.n > 0 {
				s.flush(e.clock)
			}
		}
		now = e.clock.now()
	}
	wake := now + poll
	for _, o := range t.outputs {
		wake = min(wake, o.wake)
	}
	return wake - early
}

// output is one output as the loop sees it. psi, hold and claimed are set by the
// control side; the rest belongs to the loop once the table is adopted.
type output struct {
	spec    Spec
	ring    *ring
	sock    *socket
	name    [unix.SizeofSockaddrInet6]byte
	nameLen int
	psi     atomic.Pointer[[]PSISet]
	until   atomic.Int64 // hold until this time when the ring is empty; 0 not at all
	claimed atomic.Bool  // the next datagram of the daemon of now ends hold

	ready   bool // at and payload are those of the next datagram
	made    bool // and it was made by hold
	pending bool // one made by hold is in a batch: its buffer is in use
	at      time.Duration
	wake    time.Duration // when to look again
	payload []byte
	tail    uint64
	last    time.Duration // scheduled time of the newest datagram
	seq     uint16
	ssrc    uint32
	stamp   uint32 // RTP timestamp of the newest datagram
	muted   time.Duration
	backoff time.Duration
	holder  holder
	epoch   uint32      // of the newest datagram from the ring
	shift   [pids]uint8 // 0x10 | what is added to the counters of each PID in this epoch
}

// collect puts the datagrams due before the given time into the batch of the
// socket and reports whether there may be more once it is flushed.
func (o *output) collect(due time.Duration, clock clock) bool {
	for o.sock.n < batchSize {
		if !o.ready && !o.fetch(due) || o.at > due {
			return false
		}
		o.ready = false
		if !o.made {
			// What the daemon before has left in the ring does not end hold: the new one may
			// have claimed the output long before it has something to send.
			o.endHold(o.until.Load())
			o.turn(o.ring.epochOf(o.tail))
			o.tail++
		}
		e := entry{o, o.at, o.tail, o.made}
		if due-o.at > maxLate || o.muted > due {
			o.settleDropped(e, due, 0)
			continue
		}
		o.stampOut(o.payload)
		o.sock.add(e, o.payload)
		if o.made {
			o.pending = true
			return true
		}
	}
	return true
}

// endHold ends hold, which lasted until the given time when it was looked at, for a
// datagram of the daemon of now. A hold that begins in between stays: that daemon is
// gone then.
func (o *output) endHold(until int64) {
	if until != 0 && o.claimed.Load() && o.current() {
		o.until.CompareAndSwap(until, 0)
	}
}

// current reports whether the next datagram of the ring is of the daemon that fills it
// now, not of one before.
func (o *output) current() bool { return o.ring.epochOf(o.tail) == o.ring.epoch.Load() }

// fetch makes the next datagram ready: from the ring, or made by hold while the
// ring has none.
func (o *output) fetch(now time.Duration) bool {
	at, payload, ok := o.peek(now)
	o.wake = math.MaxInt64
	if until := time.Duration(o.until.Load()); until != 0 && !o.pending {
		period := o.spec.holdPeriod()
		held := o.last + period
		if now-held > maxLate {
			held = now
		}
		// The ring of a daemon that is gone is drained first; that of one that has just
		// taken over begins in the future, and hold bridges the time to there.
		if held < until && (!ok || o.claimed.Load() && o.current() && at > held+period/2) {
			o.wake = held
			if held > now {
				return false
			}
			o.at, o.payload, o.ready, o.made = held, o.holder.fill(o, held), true, true
			return true
		}
	}
	if ok {
		o.at, o.payload, o.ready, o.made, o.wake = at, payload, true, false, at
	}
	return ok
}

// peek returns the next datagram of the ring, skipping what makes no sense.
func (o *output) peek(now time.Duration) (time.Duration, []byte, bool) {
	r := o.ring
	if r.corrupt(o.tail) {
		o.ring.bad.Add(1)
		o.tail = r.head.Load()
		r.tail.Store(o.tail)
	}
	at, payload, ok := r.get(o.tail, now)
	for ok && !o.valid(payload) {
		o.ring.bad.Add(1)
		o.tail++
		r.tail.Store(o.tail)
		at, payload, ok = r.get(o.tail, now)
	}
	return at, payload, ok
}

// valid reports whether a datagram is of a form the output may send.
func (o *output) valid(payload []byte) bool {
	if o.spec.RTP {
		return len(payload) >= rtpHeader && payload[0]>>6 == 2
	}
	return len(payload) > 0
}

// stampOut sets sequence number and SSRC of an RTP datagram and notes the
// continuity counters of the packets in it.
func (o *output) stampOut(payload []byte) {
	if o.spec.RTP {
		binary.BigEndian.PutUint16(payload[2:], o.seq)
		binary.BigEndian.PutUint32(payload[8:], o.ssrc)
		o.stamp = binary.BigEndian.Uint32(payload[4:])
		o.seq++
		o.ring.rtp.Store(1<<63 | uint64(o.seq)<<32 | uint64(o.ssrc))
		payload = payload[rtpHeader:]
	}
	for ; len(payload) >= packetSize; payload = payload[packetSize:] {
		if !o.made {
			o.number(payload)
		}
		if hasPayload(payload) {
			o.ring.counters[pidOf(payload)].Store(0x10 | uint32(payload[3]&0x0f))
		}
	}
}

// turn begins a new epoch: what each PID has to be shifted by is found anew.
func (o *output) turn(epoch uint32) {
	if epoch != o.epoch {
		o.epoch = epoch
		clear(o.shift[:])
	}
}

// number makes the counter of a packet go on from the newest one sent of its PID.
// The first packet of a PID in an epoch decides by how much all are shifted, so that
// errors that were there before are still there.
func (o *output) number(p []byte) {
	pid := pidOf(p)
	if pid == pids-1 {
		return
	}
	if o.shift[pid] == 0 {
		o.shift[pid] = 0x10
		if last := o.ring.counters[pid].Load(); last != 0 {
			want := byte(last)
			if hasPayload(p) {
				want++
			}
			o.shift[pid] |= (want - p[3]) & 0x0f
		}
	}
	p[3] = p[3]&0xf0 | (p[3]+o.shift[pid])&0x0f
}

// settleSent notes that a datagram has left.
func (o *output) settleSent(e entry, now time.Duration) {
	late := now - e.at
	r := o.ring
	r.sent.Store(r.sent.Load() + 1)
	if late > lateAfter {
		r.late.Store(r.late.Load() + 1)
	}
	r.lateness.add(now, late)
	if r.errno.Load() != 0 {
		r.errno.Store(0)
		o.backoff = 0
	}
	o.settle(e)
}

// settleDropped notes that a datagram will not leave. After an error that more
// datagrams would only repeat, the output pauses for a growing time.
func (o *output) settleDropped(e entry, now time.Duration, errno unix.Errno) {
	r := o.ring
	r.dropped.Store(r.dropped.Load() + 1)
	if errno != 0 {
		r.errno.Store(uint32(errno))
		if errno != unix.ENOBUFS && errno != unix.EAGAIN {
			o.backoff = min(max(2*o.backoff, 10*time.Millisecond), time.Second)
			o.muted = now + o.backoff
		}
	}
	o.settle(e)
}

func (o *output) settle(e entry) {
	r := o.ring
	o.last = e.at
	r.last.Store(int64(e.at))
	if e.made {
		r.held.Store(r.held.Load() + 1)
		o.pending = false
		return
	}
	r.tail.Store(e.tail)
}

// holder makes the datagrams of an output that nobody fills.
type holder struct {
	sets   *[]PSISet // what due and packet refer to
	due    [maxSets]time.Duration
	set    int // set being sent, -1 for none
	packet int // next packet of it
	buf    [rtpHeader + packetsPerGram*packetSize]byte
}

// fill makes the datagram for a time: PSI packets that are due, then null packets.
func (h *holder) fill(o *output, at time.Duration) []byte {
	if sets := o.psi.Load(); sets != h.sets {
		h.sets, h.set = sets, -1
		h.due = [maxSets]time.Duration{}
	}
	b := h.buf[:]
	if o.spec.RTP {
		elapsed := max(at-o.last, 0)
		b[0], b[1] = 2<<6, 33
		binary.BigEndian.PutUint32(b[4:], o.stamp+uint32(elapsed*9/100_000))
	} else {
		b = b[rtpHeader:]
	}
	ts := b[len(b)-packetsPerGram*packetSize:]
	clear(ts)
	for i := range packetsPerGram {
		h.packetInto(ts[i*packetSize:][:packetSize], o, at)
	}
	return b
}

// packetInto writes one packet: the next one that is due, or a null packet.
func (h *holder) packetInto(p []byte, o *output, at time.Duration) {
	if h.set < 0 {
		h.pick(at)
	}
	if h.set < 0 {
		p[0], p[1], p[2], p[3] = 0x47, 0x1f, 0xff, 0x10
		for i := 4; i < packetSize; i++ {
			p[i] = 0xff
		}
		return
	}
	set := (*h.sets)[h.set]
	copy(p, set.Packets[h.packet*packetSize:])
	if h.packet++; h.packet*packetSize >= len(set.Packets) {
		h.set = -1
	}
	c := &o.ring.counters[pidOf(p)]
	cc := c.Load() & 0x0f
	if hasPayload(p) {
		cc = (cc + 1) & 0x0f
		c.Store(0x10 | cc)
	}
	p[3] = p[3]&0xf0 | byte(cc)
}

// pick chooses the set that has been due for longest, in the order given where
// several are.
func (h *holder) pick(at time.Duration) {
	if h.sets == nil {
		return
	}
	for i := range *h.sets {
		if h.due[i] <= at && (h.set < 0 || h.due[i] < h.due[h.set]) {
			h.set, h.packet = i, 0
		}
	}
	if h.set >= 0 {
		interval := (*h.sets)[h.set].Interval
		if h.due[h.set] += interval; h.due[h.set] <= at {
			h.due[h.set] = at + interval
		}
	}
}

// nanosleep sleeps to an absolute time of CLOCK_MONOTONIC without telling the Go
// scheduler, so that the thread keeps its processor and needs none when it wakes.
// It is for a process that does nothing else.
func nanosleep(until time.Duration) {
	ts := unix.NsecToTimespec(int64(until))
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != unix.EINTR {
			return
		}
	}
}

// politeSleep is nanosleep for a process that has other work.
func politeSleep(until time.Duration) {
	ts := unix.NsecToTimespec(int64(until))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
	}
}
