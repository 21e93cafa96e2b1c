package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	ringMagic  = 0x53494757 // "SIGW"
	slotHeader = 16         // send time in ns of CLOCK_MONOTONIC, length in bytes, epoch
	slotSize   = 1536
	maxSlots   = 1 << 16
	pids       = 8192
)

// shared is the head of the memory both processes map. Each field has one writer.
// Whoever reads what the other wrote treats it as outside data.
type shared struct {
	magic, slots uint32 // written once by the client
	_            [56]byte
	head         atomic.Uint64 // datagrams put in; client
	full         atomic.Uint64 // datagrams that found no room; client
	epoch        atomic.Uint32 // daemons that have filled the ring; client
	_            [44]byte
	tail         atomic.Uint64 // datagrams taken out; sender, like everything below
	last         atomic.Int64  // scheduled time of the newest datagram sent
	sent         atomic.Uint64
	held         atomic.Uint64 // of those sent, made by hold
	late         atomic.Uint64 // sent more than 5 ms after their time
	dropped      atomic.Uint64 // the system did not take them, or they were a second late
	bad          atomic.Uint64 // slots or indices that made no sense
	errno        atomic.Uint32 // of the newest datagram dropped; 0 once one was sent
	rtp          atomic.Uint64 // bit 63 set: bits 32 to 47 next sequence number, bits 0 to 31 SSRC
	lateness     histogram
	counters     [pids]atomic.Uint32 // 0x10 | continuity counter of the newest packet sent of each PID
}

const dataOffset = (int(unsafe.Sizeof(shared{})) + 4095) &^ 4095

// ring is one mapping of the memory of an output. The number of slots is kept
// outside the shared memory, where the other side cannot change it.
type ring struct {
	*shared
	mem   []byte
	slots uint64
}

func ringSize(slots int) int { return dataOffset + slots*slotSize }

// newRing makes the memory of an output and returns it with its descriptor, which
// is sealed so that it can never shrink under a reader.
func newRing(slots int) (*ring, int, error) {
	fd, err := unix.MemfdCreate("headend-wire", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, -1, fmt.Errorf("memory for an output: %w", err)
	}
	size := ringSize(slots)
	err = unix.Ftruncate(fd, int64(size))
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return nil, -1, fmt.Errorf("%d bytes of memory for an output: %w", size, err)
	}
	r, err := mapMemory(fd, slots)
	if err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	r.magic, r.shared.slots = ringMagic, uint32(slots)
	return r, fd, nil
}

// mapRing maps memory that another process made, after checking that it is of the
// expected size and cannot change it.
func mapRing(fd int) (*ring, error) {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_SHRINK == 0 {
		return nil, fmt.Errorf("%w: its memory is not sealed against shrinking", ErrSpec)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("memory of an output: %w", err)
	}
	slots := (st.Size - int64(dataOffset)) / slotSize
	if slots < 1 || slots > maxSlots || st.Size != int64(ringSize(int(slots))) {
		return nil, fmt.Errorf("%w: its memory has %d bytes, which is no whole number of slots", ErrSpec, st.Size)
	}
	r, err := mapMemory(fd, int(slots))
	if err != nil {
		return nil, err
	}
	if r.magic != ringMagic || int64(r.shared.slots) != slots {
		r.unmap()
		return nil, fmt.Errorf("%w: its memory does not begin with the mark of a ring", ErrSpec)
	}
	return r, nil
}

func mapMemory(fd, slots int) (*ring, error) {
	mem, err := unix.Mmap(fd, 0, ringSize(slots), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mapping %d bytes for an output: %w", ringSize(slots), err)
	}
	return &ring{shared: (*shared)(unsafe.Pointer(&mem[0])), mem: mem, slots: uint64(slots)}, nil
}

// unmap gives the memory back. Neither r nor a slot of it may be used again.
func (r *ring) unmap() { _ = unix.Munmap(r.mem) }

// slot returns the bytes of the nth datagram of the ring.
func (r *ring) slot(n uint64) []byte {
	at := dataOffset + int(n%r.slots)*slotSize
	return r.mem[at : at+slotSize : at+slotSize]
}

// put copies a datagram in and reports whether there was room. One writer.
func (r *ring) put(at time.Duration, payload []byte) bool {
	head := r.head.Load()
	if used := head - r.tail.Load(); used >= r.slots || len(payload) > MaxDatagram {
		r.full.Add(1)
		return false
	}
	s := r.slot(head)
	binary.NativeEndian.PutUint64(s, uint64(at))
	binary.NativeEndian.PutUint32(s[8:], uint32(len(payload)))
	binary.NativeEndian.PutUint32(s[12:], r.epoch.Load())
	copy(s[slotHeader:], payload)
	r.head.Store(head + 1)
	return true
}

// newest returns the scheduled time of the newest datagram, sent or waiting, 0 if
// there was none. It is for the writer.
func (r *ring) newest() time.Duration {
	var waits time.Duration
	if head := r.head.Load(); head != r.tail.Load() {
		waits = time.Duration(binary.NativeEndian.Uint64(r.slot(head - 1)))
	}
	// Only now: the sender sets last before tail, so that what does not wait is in it.
	return max(waits, time.Duration(r.last.Load()))
}

// epochOf returns the epoch of datagram n.
func (r *ring) epochOf(n uint64) uint32 { return binary.NativeEndian.Uint32(r.slot(n)[12:]) }

// get returns the send time and the bytes of datagram n, a sub-slice of the ring,
// if there is one. A datagram that makes no sense has length 0. One reader.
func (r *ring) get(n uint64, now time.Duration) (at time.Duration, payload []byte, ok bool) {
	used := r.head.Load() - n
	if used == 0 || used > r.slots {
		return 0, nil, false
	}
	s := r.slot(n)
	at = time.Duration(binary.NativeEndian.Uint64(s))
	length := binary.NativeEndian.Uint32(s[8:])
	if length > MaxDatagram || at < 0 || at > now+maxAhead {
		return 0, nil, true
	}
	return at, s[slotHeader : slotHeader+int(length)], true
}

// corrupt reports whether the indices make no sense for a reader at n.
func (r *ring) corrupt(n uint64) bool { return r.head.Load()-n > r.slots }

// inherit takes over what makes receivers see one stream across a change of ring:
// continuity counters, RTP sequence and the time of the newest datagram. The loop
// uses neither ring.
func (r *ring) inherit(old *ring) {
	if r.last.Load() >= old.last.Load() {
		return
	}
	r.last.Store(old.last.Load())
	r.rtp.Store(old.rtp.Load())
	for i := range r.counters {
		r.counters[i].Store(old.counters[i].Load())
	}
}

const (
	maxAhead  = 20 * time.Second // a datagram further ahead is damage
	maxLate   = time.Second      // a datagram later than this is dropped
	lateAfter = 5 * time.Millisecond

	seconds = 12 // of history kept, more than the 10 that are read
	buckets = 96 // four to an octave from 1 µs on: up to 16 s
)

// histogram counts lateness by second. One writer; readers see a second that is
// being cleared as empty.
type histogram [seconds]struct {
	second atomic.Uint64
	count  [buckets]atomic.Uint32
}

// bucket returns the place of a lateness: 0 for anything below 1 µs, then four
// steps to each doubling.
func bucket(late time.Duration) int {
	us := uint64(max(late, 0) / time.Microsecond)
	if us < 4 {
		return int(us)
	}
	octave := bits.Len64(us) - 1
	return min((octave-1)*4+int(us>>(octave-2)&3), buckets-1)
}

// bucketEnd returns the lateness that no datagram of bucket i exceeds.
func bucketEnd(i int) time.Duration {
	if i < 4 {
		return time.Duration(i+1) * time.Microsecond
	}
	octave := i/4 + 1
	return time.Duration(uint64(4+i%4+1)<<(octave-2)) * time.Microsecond
}

func (h *histogram) add(now, late time.Duration) {
	sec := uint64(now / time.Second)
	s := &h[sec%seconds]
	if s.second.Load() != sec {
		s.second.Store(math.MaxUint64)
		for i := range s.count {
			s.count[i].Store(0)
		}
		s.second.Store(sec)
	}
	c := &s.count[bucket(late)]
	c.Store(c.Load() + 1)
}

// addTo sums the counts of the last 10 s into sum.
func (h *histogram) addTo(sum *[buckets]uint64, now time.Duration) {
	sec := uint64(now / time.Second)
	for i := range h {
		if tag := h[i].second.Load(); tag <= sec && tag+10 >= sec {
			for b := range sum {
				sum[b] += uint64(h[i].count[b].Load())
			}
		}
	}
}

// Lateness is how long after their time datagrams were handed to the network, over
// the last 10 s, rounded up to a quarter of an octave.
type Lateness struct {
	P50, P99, P999, Max time.Duration
}

func latenessOf(sum *[buckets]uint64) Lateness {
	var total uint64
	for _, n := range sum {
		total += n
	}
	at := func(permille uint64) time.Duration {
		want, seen := (total*permille+999)/1000, uint64(0)
		for i, n := range sum {
			if seen += n; n > 0 && seen >= want {
				return bucketEnd(i)
			}
		}
		return 0
	}
	return Lateness{P50: at(500), P99: at(990), P999: at(999), Max: at(1000)}
}
