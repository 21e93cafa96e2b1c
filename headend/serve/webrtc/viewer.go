package webrtc

import (
	"sync"
	"time"

	"sigma/mux/flow"
	"sigma/mux/rtp"
)

// viewer is what one session is sent. Its lock guards all below it; it is held for the
// time of a burst at most.
type viewer struct {
	session *session
	feed    *feed
	group   *group
	name    string // CNAME

	mu      sync.Mutex
	guard   *protector // nil before DTLS has ended
	path    *path      // nil before ICE has found one
	video   *stream
	audio   *stream
	closed  bool
	said    rtp.Feedback
	resend  []resendItem
	seconds []resendItem // to be sent again once more
	ladder  ladder
	gcc     estimator
	ccSeq   uint16           // next transport-wide sequence number
	sent    [sentSize]sentAt // by it
	budget  int              // bytes that may be sent now
	filled  time.Duration    // moment of budget
	playout int              // packets that carried the newest wish for a delay
	delay   int              // that wish, in 10 ms
	stepped time.Duration    // when delay was changed
	missed  time.Duration    // when the player asked for a packet again, 0 for never
	rtt     time.Duration
	bytes   int64 // sent and not counted yet
	counted time.Duration
	scratch []byte // a report, before it is protected
	heard   []byte // a report of the player, decrypted
}

// resendItem is a packet that the viewer misses.
type resendItem struct {
	s      *stream
	seq    uint16
	second bool // it was sent again a moment ago
}

// sentSize is how many packets transport-wide feedback can lag behind: 2 s at 6 Mbit/s.
const sentSize = 1024

// sentAt is when a packet went out, in microseconds folded at 2^32, and its size.
type sentAt struct {
	seq  uint16
	size uint16
	at   uint32
}

// Pacing.
const (
	minPace     = 20_000_000 / 8 // bytes/s: a key frame of 50 kB takes 20 ms
	paceTimes   = 4              // as fast as the track at least
	maxBudget   = 32 << 10       // bytes at once
	paceTick    = 5 * time.Millisecond
	countEvery  = 2 * time.Second
	firstReport = 500 * time.Millisecond
	reportEvery = 3 * time.Second
	maxResend   = 256
)

// pump sends what is due and returns when it wants to be called again at the latest.
func (v *viewer) pump(g *group, now time.Duration) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guard == nil || v.path == nil || v.closed {
		return now + time.Minute
	}
	v.refill(now)
	due := now + time.Second
	g.out.aim(v.path)
	v.repair(g, now)
	if v.audio != nil {
		v.flow(g, v.audio, now)
	}
	if v.video != nil {
		v.await(now)
		v.adapt(now)
		if v.flow(g, v.video, now) || len(v.resend) > 0 {
			due = now + paceTick
		}
		if v.probe(g, now) {
			due = now + paceTick
		}
	}
	g.out.flush()
	v.bytes += int64(g.out.sent)
	due = min(due, v.report(v.video, now), v.report(v.audio, now))
	if v.bytes > 0 && now-v.counted >= countEvery {
		v.count(now)
	}
	return due
}

// repair sends again what was asked for: those of a stream of their own twice, the
// second time with the next burst. Where one packet in fifty is lost, so is one in fifty
// of the retransmissions, and to ask for it once more takes longer than a player waits.
func (v *viewer) repair(g *group, now time.Duration) {
	n := 0
	for ; n < len(v.resend) && v.budget > 0; n++ {
		it := v.resend[n]
		if v.retransmit(g, it, now) && !it.second && it.s.rtxPT != 0 {
			it.second = true
			v.seconds = append(v.seconds, it)
		}
	}
	v.resend = append(v.resend[:0], v.resend[n:]...)
	if len(v.resend) == 0 && len(v.seconds) > 0 {
		v.resend, v.seconds = append(v.resend, v.seconds...), v.seconds[:0]
	}
}

// count tells the counter of viewers what was sent.
func (v *viewer) count(now time.Duration) {
	skips := int64(0)
	if v.video != nil {
		skips, v.video.skips = v.video.skips, 0
	}
	v.session.sent(v.bytes, skips)
	v.bytes, v.counted = 0, now
}

// refill gives the budget what time has brought.
func (v *viewer) refill(now time.Duration) {
	pace := int64(minPace)
	if v.video != nil && v.video.track != nil {
		pace = max(pace, paceTimes*v.video.track.rate.Load()/8)
	}
	passed := min(now-v.filled, 100*time.Millisecond)
	v.budget = min(v.budget+int(pace*int64(passed)/int64(time.Second)), maxBudget)
	v.filled = now
}

// flow sends the packets of a stream that are due. It reports whether the budget ended
// before them. Sound is never held back.
func (v *viewer) flow(g *group, s *stream, now time.Duration) (more bool) {
	if s.track == nil && !v.start(s) {
		return false
	}
	for {
		n, ok := s.track.copy(g.burst[:], s.next)
		if !ok {
			v.skip(s)
			continue
		}
		for i := range n {
			p := &g.burst[i]
			if s.track.video && v.budget <= 0 {
				return true
			}
			if s.track.video && p.first && v.turn(s, p) {
				ok = false
				break
			}
			if s.hold {
				if !p.key {
					s.next++
					continue
				}
				s.hold = false
				s.begin(s.track, s.next, 0)
			}
			v.packet(g, s, p, now)
		}
		if ok && n < len(g.burst) {
			return false
		}
	}
}

// start lets a stream begin: video with the newest key frame, sound with what comes.
func (v *viewer) start(s *stream) bool {
	t := s.wish
	if t == nil {
		return false
	}
	next, key, at := t.live()
	if t.video {
		if key == 0 {
			return false
		}
		next = key
	}
	s.wish = nil
	s.begin(t, next, at)
	return true
}

// skip goes on behind packets that are gone: with the newest key frame.
func (v *viewer) skip(s *stream) {
	next, key, _ := s.track.live()
	if s.track.video {
		if s.hold = key <= s.next; !s.hold {
			next = key
		}
	}
	s.skips++
	s.begin(s.track, next, 0)
}

// turn changes to the track that is wished for if its key frame is what comes next. p is
// the packet of the track so far that would come.
func (v *viewer) turn(s *stream, p *packet) bool {
	t := s.wish
	if t == nil || t == s.track {
		return false
	}
	_, key, _ := t.live()
	if key == 0 {
		return false
	}
	first, ok := t.at(key)
	// Key frames of rungs belong to one moment, but come one after the other.
	const slack = flow.TicksPerSecond / 10
	if !ok || p.time < first.time || first.time < s.lastTime-slack {
		return false
	}
	s.wish = nil
	s.begin(t, key, 0)
	return true
}

// packet sends the next packet of a stream.
func (v *viewer) packet(g *group, s *stream, p *packet, now time.Duration) {
	h := header{pt: s.pt, marker: p.marker || !s.track.video && !s.begun, seq: uint16(s.seq), stamp: s.stamp(p), ssrc: s.ssrc, transport: -1, playout: -1}
	if s.transport {
		h.transport = int(v.ccSeq)
	}
	if s.ext.playout != 0 && v.playout < playoutPackets {
		h.playout = v.delay
		v.playout++
	}
	*s.record(s.seq) = record{uint32(s.seq), h.stamp, uint32(now / time.Millisecond), 0, v.ccSeq, int16(h.playout)}
	n, err := v.write(g, s, &h, p.data, nil, s.seq)
	if err != nil {
		return
	}
	v.note(s, n, now)
	v.budget -= n
	s.lastStamp, s.lastTime, s.lastFrame, s.begun = h.stamp, p.time, p.frame, true
	s.seq++
	s.next++
	s.packets++
	s.octets += uint32(len(p.data))
}

// playoutPackets is how many packets carry a wish for the delay of the player: until one
// has surely come.
const playoutPackets = 400

// calm is how long a path loses nothing before its player is to show pictures at once
// again.
const calm = 30 * time.Second

// await wishes for the delay that a retransmission needs: none while nothing is lost. A
// packet is missed when the next picture comes, asked for, and is here after a round
// trip; the second attempt takes another one.
func (v *viewer) await(now time.Duration) {
	delay := 0
	if v.missed != 0 && now-v.missed < calm {
		d := min(max(v.rtt, 20*time.Millisecond)*2+60*time.Millisecond, 400*time.Millisecond)
		delay = int(d / (10 * time.Millisecond))
	}
	// It may grow while there is loss, but never tremble; and it grows in steps too small
	// to be seen, of 40 ms at most: a picture that waits 150 ms longer is a freeze.
	if (delay > v.delay+2 || delay == 0 && v.delay != 0) && now-v.stepped >= delayStep {
		v.delay, v.playout, v.stepped = min(delay, v.delay+4), 0, now
	}
}

// delayStep is the time between two steps of the delay.
const delayStep = 200 * time.Millisecond

// note remembers what went out under a transport-wide sequence number.
func (v *viewer) note(s *stream, n int, now time.Duration) {
	if !s.transport {
		return
	}
	v.sent[v.ccSeq%sentSize] = sentAt{v.ccSeq, uint16(n), uint32(now / time.Microsecond)}
	v.ccSeq++
}

// write puts a packet into the batch: its payload is data, or osn and data if osn is not
// nil. It returns the length of the datagram.
func (v *viewer) write(g *group, s *stream, h *header, data, osn []byte, seq uint64) (int, error) {
	const most = 12 + 12 + 2 + tagSize
	dst := g.out.room(most + len(data))
	dst = h.appendTo(dst, s.ext)
	plain := data
	if osn != nil {
		plain = append(append(dst[len(dst):], osn...), data...)
	}
	out, err := v.guard.seal(dst, plain, h.ssrc, seq)
	if err != nil {
		return 0, err
	}
	g.out.add(len(out))
	return len(out), nil
}

// retransmit sends a packet once more, unless it is gone, late, or was sent again just
// now. It reports whether it did.
func (v *viewer) retransmit(g *group, it resendItem, now time.Duration) bool {
	s := it.s
	p, seq, ok := s.find(it.seq)
	r, ms := s.record(seq), uint32(now/time.Millisecond)
	if !ok || r.seq != uint32(seq) || time.Duration(ms-r.at)*time.Millisecond > v.feed.server.deadline() {
		return false
	}
	if pause := max(v.rtt*3/4, 10*time.Millisecond); !it.second && r.again != 0 && time.Duration(ms-r.again)*time.Millisecond < pause {
		return false
	}
	r.again = max(ms, 1)
	v.again(g, s, &p, r, seq, now)
	return true
}

// again sends a packet that was sent before: as a packet of the retransmission stream
// (RFC 4588), or without one the same bytes once more. Under AES-GCM another packet with
// the same number would give the key away.
func (v *viewer) again(g *group, s *stream, p *packet, r *record, seq uint64, now time.Duration) {
	h := header{pt: s.pt, marker: p.marker, seq: uint16(seq), stamp: r.stamp, ssrc: s.ssrc, transport: -1, playout: int(r.playout)}
	if s.rtxPT == 0 {
		if s.transport {
			h.transport = int(r.cc)
		}
		if n, err := v.write(g, s, &h, p.data, nil, seq); err == nil {
			v.budget -= n
		}
		return
	}
	osn := [2]byte{byte(seq >> 8), byte(seq)}
	h.pt, h.ssrc, h.seq, h.playout = s.rtxPT, s.rtx, uint16(s.rtxSeq), -1
	if s.transport {
		h.transport = int(v.ccSeq)
	}
	n, err := v.write(g, s, &h, p.data, osn[:], s.rtxSeq)
	if err != nil {
		return
	}
	s.rtxSeq++
	v.note(s, n, now)
	v.budget -= n
}

// report sends a sender report when one is due and returns when the next one is.
func (v *viewer) report(s *stream, now time.Duration) time.Duration {
	if s == nil || !s.begun {
		return now + time.Minute
	}
	if now < s.nextReport {
		return s.nextReport
	}
	if s.reports++; s.reports < 5 {
		s.nextReport = now + firstReport
	} else {
		s.nextReport = now + reportEvery
	}
	v.scratch = rtp.SenderReport{
		SSRC: s.ssrc, NTP: rtp.NTP(v.feed.server.wall()), Timestamp: s.stampOf(v.feed.media(now), 0),
		Packets: s.packets, Octets: s.octets, Name: v.name,
	}.AppendTo(v.scratch[:0])
	out, err := v.guard.slow.EncryptRTCP(nil, v.scratch, nil)
	if err == nil {
		v.path.write(out)
	}
	return s.nextReport
}
