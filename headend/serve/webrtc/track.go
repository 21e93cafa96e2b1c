package webrtc

import (
	"sync"
	"sync/atomic"
	"time"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/rtp"
)

// maxPayload is the longest RTP payload: with a header of 12 bytes, 12 of extensions,
// two for the number of a retransmission, 16 of authentication and 48 of IPv6 and UDP
// it stays below 1280, the smallest MTU of IPv6.
const maxPayload = 1168

// packet is one RTP packet without what differs between viewers.
type packet struct {
	data   []byte     // payload, immutable
	time   flow.Ticks // of the access unit, on the clock of the feed
	frame  uint64     // number of the access unit in its track
	first  bool       // begins an access unit
	key    bool       // belongs to a key frame
	marker bool
}

// track is one elementary stream of a channel in packets: made once, for all viewers.
// One goroutine appends, many read.
type track struct {
	id    string // "v1", "a2"
	pid   flow.TrackID
	codec flow.Codec
	clock uint32 // of the RTP timestamps, Hz
	video bool

	rate    atomic.Int64 // bit/s of payload, over the last second or two
	problem atomic.Pointer[string]

	mu   sync.RWMutex
	ring []packet // a power of two
	next uint64   // number of the next packet; the first has 1
	key  uint64   // of the packet that begins the newest key frame, 0 for none
	seen int      // access units since the first key frame
	h264 string   // profile_idc and constraints in hexadecimal

	w writer
}

// writer is the state of the goroutine that appends.
type writer struct {
	payloads []rtp.Payload
	pictures pictures
	frame    uint64
	wait     bool // for a key frame
	last     flow.Ticks
	timed    bool
	back     int // pictures earlier than the one before
	bytes    int
	since    flow.Ticks
}

func newTrack(id string, pid flow.TrackID, c flow.Codec, size int) *track {
	n := 64
	for n < size {
		n *= 2
	}
	t := &track{id: id, pid: pid, codec: c, clock: rtp.CodecClock(c), ring: make([]packet, n), next: 1}
	switch c {
	case flow.CodecH264, flow.CodecHEVC, flow.CodecAV1, flow.CodecVP9:
		t.video, t.w.wait = true, true
		t.w.pictures.follow = es.NewFollower(c)
	default:
	}
	return t
}

// push packs an access unit. late says that it is shown later than it is decoded. It
// reports whether there is anything new to send.
func (t *track) push(units [][]byte, at flow.Ticks, late bool) bool {
	w := &t.w
	key := false
	if t.video {
		units, key = w.pictures.take(units)
		w.wait = w.wait && !key
		if w.wait {
			return false
		}
		if w.timed && at < w.last {
			if w.back++; late || w.back > 2 {
				t.refuse(reasonReordered)
			}
		}
		w.last, w.timed = at, true
	}
	w.payloads = rtp.AppendPayloads(w.payloads[:0], t.codec, units, maxPayload)
	if len(w.payloads) == 0 {
		return false
	}
	w.frame++
	t.mu.Lock()
	if key {
		t.key = t.next
		t.h264 = w.pictures.profile
	}
	t.seen++
	for i, p := range w.payloads {
		t.ring[t.next&uint64(len(t.ring)-1)] = packet{
			data: p.Data, time: at, frame: w.frame, first: i == 0, key: key, marker: p.Marker,
		}
		t.next++
		w.bytes += len(p.Data)
	}
	t.mu.Unlock()
	clear(w.payloads)
	t.measure(at)
	return true
}

// measure renews rate once a second.
func (t *track) measure(at flow.Ticks) {
	w := &t.w
	span := at - w.since
	if span < flow.TicksPerSecond && span >= 0 {
		return
	}
	if span > 0 && span < 4*flow.TicksPerSecond {
		now := int64(w.bytes) * 8 * flow.TicksPerSecond / int64(span)
		if old := t.rate.Load(); old > 0 {
			now = (old + now) / 2
		}
		t.rate.Store(now)
	}
	w.bytes, w.since = 0, at
}

// broken says that what was is not what comes: the next picture has to be a key frame.
func (t *track) broken() {
	t.w.wait = t.video
	t.w.timed = false
}

// refuse says why the track cannot be sent.
func (t *track) refuse(why string) { t.problem.CompareAndSwap(nil, &why) }

// trouble returns why the track cannot be sent, or nothing.
func (t *track) trouble() string {
	if p := t.problem.Load(); p != nil {
		return *p
	}
	return ""
}

// judged reports whether enough of a video track was seen to know that it can be sent:
// pictures that leave in another order show within a few.
func (t *track) judged() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.trouble() != "" || t.key != 0 && t.seen >= 4
}

// live returns the number of the next packet, the begin of the newest key frame that is
// still there, 0 for none, and the time of the newest access unit.
func (t *track) live() (next, key uint64, at flow.Ticks) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.key != 0 && t.key+uint64(len(t.ring)) >= t.next {
		key = t.key
	}
	if t.next > 1 {
		at = t.ring[(t.next-1)&uint64(len(t.ring)-1)].time
	}
	return t.next, key, at
}

// copy copies packets from a number on and returns how many. ok is false if the first
// of them is gone.
func (t *track) copy(dst []packet, from uint64) (n int, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if from+uint64(len(t.ring)) < t.next {
		return 0, false
	}
	for n < len(dst) && from < t.next {
		dst[n] = t.ring[from&uint64(len(t.ring)-1)]
		n++
		from++
	}
	return n, true
}

// at returns one packet, ok is false if it is gone or not there yet.
func (t *track) at(i uint64) (p packet, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if i == 0 || i >= t.next || i+uint64(len(t.ring)) < t.next {
		return packet{}, false
	}
	return t.ring[i&uint64(len(t.ring)-1)], true
}

// stampOf returns a time on the clock of RTP timestamps, folded at 2^32.
func stampOf(at flow.Ticks, clock uint32) uint32 {
	s, r := at/flow.TicksPerSecond, at%flow.TicksPerSecond
	return uint32(int64(s)*int64(clock) + int64(r)*int64(clock)/flow.TicksPerSecond)
}

// clockBase turns the time stamps of a channel into ones that go on over every break of
// its time base.
type clockBase struct {
	shift   flow.Ticks
	out     flow.Ticks    // newest time given
	arrived time.Duration // of it
	begun   bool
}

// maxJump is the largest step of time stamps that is taken for continuous: audio and
// video of one moment may lie this far apart.
const maxJump = 5 * flow.TicksPerSecond

// at returns the time of a frame on the clock of the feed. broken says that the frame
// comes behind a break.
func (c *clockBase) at(pts flow.Ticks, arrived time.Duration, broken bool) flow.Ticks {
	t := pts + c.shift
	expected := c.out + flow.FromDuration(arrived-c.arrived)
	if !c.begun || broken || t-expected > maxJump || expected-t > maxJump {
		if !c.begun {
			expected = 3600 * flow.TicksPerSecond
		}
		c.shift = expected - pts
		t = expected
		c.begun = true
	}
	if t > c.out || broken {
		c.out, c.arrived = t, arrived
	}
	return t
}
