package webrtc

import (
	"time"

	"sigma/mux/rtp"
)

// listen takes an SRTCP packet of the viewer. It runs on the goroutine that reads the
// socket.
func (v *viewer) listen(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.guard == nil || v.closed {
		return
	}
	plain, err := v.guard.peer.DecryptRTCP(v.heard[:0], b, nil)
	if err != nil {
		return
	}
	v.heard = plain
	before := len(v.resend)
	v.said.Parse(plain)
	if len(v.resend) > before && v.group != nil {
		v.group.poke()
	}
}

// prepare says what becomes of what the viewer says.
func (v *viewer) prepare() {
	now := v.feed.server.now
	v.said = rtp.Feedback{
		Report: func(r rtp.Report) { v.reported(r, now()) },
		Lost: func(ssrc uint32, seq uint16) {
			if s := v.stream(ssrc); s != nil && s.nack && len(v.resend) < maxResend {
				v.resend = append(v.resend, resendItem{s: s, seq: seq})
				v.missed = now()
				v.feed.server.hurry.Store(int64(v.missed + soon))
			}
		},
		Bitrate:  func(rate uint64) { v.gcc.limit(int64(min(rate, 1<<40))) },
		Arrivals: func(a []rtp.Arrival) { v.arrived(a, now()) },
		Bye:      func() { v.session.end("the player said good-bye") },
	}
}

// stream returns the stream with an SSRC. What is asked for of retransmissions is not
// answered: their numbers are others.
func (v *viewer) stream(ssrc uint32) *stream {
	for _, s := range []*stream{v.video, v.audio} {
		if s != nil && s.ssrc == ssrc {
			return s
		}
	}
	return nil
}

// reported takes a reception report.
func (v *viewer) reported(r rtp.Report, now time.Duration) {
	s := v.stream(r.SSRC)
	if s == nil {
		return
	}
	if r.LSR != 0 {
		ntp := uint32(rtp.NTP(v.feed.server.wall()) >> 16)
		if trip := ntp - r.LSR - r.DelaySR; trip < 10<<16 {
			v.rtt = time.Duration(trip) * time.Second / 65536
		}
	}
	if s == v.video {
		v.ladder.loss(float64(r.Lost)/256, now)
		v.gcc.loss(float64(r.Lost) / 256)
	}
}

// arrived takes transport-wide feedback.
func (v *viewer) arrived(list []rtp.Arrival, now time.Duration) {
	for _, a := range list {
		s := &v.sent[a.Sequence%sentSize]
		if s.seq != a.Sequence || s.size == 0 {
			continue
		}
		if a.Received {
			age := time.Duration(uint32(now/time.Microsecond)-s.at) * time.Microsecond
			v.gcc.packet(now-age, a.At, int(s.size), a.Sequence)
			s.size = 0
		}
	}
	v.gcc.update(now)
}
