package webrtc

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ABR is when a viewer changes between the video tracks of a channel. The zero value has
// the usual settings.
type ABR struct {
	StartTrack string        // "v2": the track a viewer begins with; empty means the middle one
	LossCount  int           // so many reports of loss within DownWindow bring a viewer down; 0 means 2
	DownWindow time.Duration // 0 means 5 s
	UpWindow   time.Duration // without loss for this long a viewer is tried a step higher; 0 means 20 s
}

const (
	badLoss    = 0.10 // fraction of packets: a report of loss
	probeEvery = 5 * time.Second
	probeSpan  = 150 * time.Millisecond
	probeWait  = time.Second
	probeTimes = 1.25
	headroom   = 1.1 // of the estimate over the rate of a track
	slowAfter  = time.Second
)

// ladder is what one viewer's choice of a track depends on.
type ladder struct {
	abr     ABR
	version uint64 // of the tracks of the feed that was looked at
	looked  time.Duration
	bad     []time.Duration // reports of loss
	clean   time.Duration   // since when there is none
	short   time.Duration   // since when the estimate is below the rate; 0: it is not
	probed  time.Duration
	probing time.Duration // when the probe at hand began, 0 for none
	debt    float64       // bytes of the probe that are due
	fixed   bool          // the player chose the track
}

// first returns the track a viewer begins with.
func (a ABR) first(rungs []*track) *track {
	for _, t := range rungs {
		if t.id == a.StartTrack {
			return t
		}
	}
	if len(rungs) == 0 {
		return nil
	}
	return rungs[(len(rungs)-1)/2]
}

// first returns the track a viewer of the channel begins with.
func (f *feed) first(rungs []*track) *track {
	abr := f.server.ABR
	if f.server.Start != nil {
		abr.StartTrack = cmp.Or(f.server.Start(f.name), abr.StartTrack)
	}
	return abr.first(rungs)
}

// loss takes the fraction lost of a reception report.
func (l *ladder) loss(fraction float64, now time.Duration) {
	if fraction < badLoss {
		return
	}
	l.clean = now
	l.bad = append(l.bad, now)
	if len(l.bad) > 16 {
		l.bad = slices.Delete(l.bad, 0, 1)
	}
}

// adapt chooses the track for what the path carries. The caller holds the lock.
func (v *viewer) adapt(now time.Duration) {
	l, s := &v.ladder, v.video
	if version := v.feed.version.Load(); version != l.version {
		l.version = version
		v.follow()
	}
	if now-l.looked < 100*time.Millisecond || s.track == nil || !s.begun || l.fixed {
		return
	}
	l.looked = now
	rungs := v.feed.rungs(s.codec)
	at := slices.Index(rungs, s.track)
	if at < 0 || len(rungs) < 2 {
		return
	}
	if l.clean == 0 {
		l.clean = now
	}
	if s.wish != nil {
		return // one change at a time
	}
	if at > 0 && v.tooMuch(now) {
		s.wish = rungs[at-1]
		l.bad, l.short, l.clean = nil, 0, now
		return
	}
	if at+1 < len(rungs) && l.mayRise(now) {
		v.rise(rungs[at+1], now)
	}
}

// follow looks whether the tracks are still there.
func (v *viewer) follow() {
	for _, s := range []*stream{v.video, v.audio} {
		if s == nil || s.track == nil {
			if s != nil && s.wish != nil {
				s.wish = v.replacement(s, s.wish)
			}
			continue
		}
		if t := v.replacement(s, s.track); t != s.track {
			s.wish, s.track = t, nil
		}
		if s.wish != nil {
			s.wish = v.replacement(s, s.wish)
		}
	}
}

// replacement returns what a track has become in the newest layout, or another one that
// can take its place, or the track itself if there is none.
func (v *viewer) replacement(s *stream, t *track) *track {
	if strings.HasPrefix(t.id, opusPrefix) {
		return t
	}
	now := v.feed.current(t.id, s.codec)
	if now != nil && now.trouble() == "" {
		return now
	}
	if s == v.video {
		if first := v.feed.first(v.feed.rungs(s.codec)); first != nil {
			return first
		}
	}
	return t
}

// tooMuch reports whether the path carries less than the track needs.
func (v *viewer) tooMuch(now time.Duration) bool {
	l := &v.ladder
	count, window := l.abr.LossCount, l.abr.DownWindow
	if count == 0 {
		count = 2
	}
	if window == 0 {
		window = 5 * time.Second
	}
	l.bad = slices.DeleteFunc(l.bad, func(at time.Duration) bool { return now-at > window })
	if len(l.bad) >= count {
		return true
	}
	e, rate := v.gcc.estimate(), v.video.track.rate.Load()
	if e == 0 || e >= rate {
		l.short = 0
		return false
	}
	if l.short == 0 {
		l.short = now
	}
	return now-l.short > slowAfter
}

func (l *ladder) mayRise(now time.Duration) bool {
	up := l.abr.UpWindow
	if up == 0 {
		up = 20 * time.Second
	}
	return now-l.clean >= up
}

// rise tries whether the path carries the next track: it is given the missing rate for
// a moment, in retransmissions that nobody needs.
func (v *viewer) rise(t *track, now time.Duration) {
	l, s := &v.ladder, v.video
	if !s.transport || s.rtxPT == 0 { // nothing tells what arrives of a probe
		s.wish, l.clean = t, now
		return
	}
	p := &v.gcc.probe
	switch {
	case !p.active && now-l.probed >= probeEvery:
		*p = probe{active: true, first: v.ccSeq}
		l.probed, l.probing, l.debt = now, now, 0
	case p.active && p.sentAll && now-l.probing >= probeSpan+probeWait:
		p.active = false
		if want := float64(t.rate.Load()) * headroom; v.gcc.probed() >= want && !v.gcc.overused() {
			v.gcc.rate = max(v.gcc.rate, v.gcc.probed())
			s.wish, l.clean = t, now
		}
	}
}

// probe sends what is due of a probe and reports whether there will be more. The caller
// holds the lock.
func (v *viewer) probe(g *group, now time.Duration) bool {
	l, s, p := &v.ladder, v.video, &v.gcc.probe
	if !p.active || p.sentAll || s.track == nil || s.next < 2 {
		return false
	}
	if now-l.probing >= probeSpan {
		p.sentAll, p.last = true, v.ccSeq-1
		return false
	}
	rungs := v.feed.rungs(s.codec)
	at := slices.Index(rungs, s.track)
	if at < 0 || at+1 >= len(rungs) {
		p.active = false
		return false
	}
	rate := float64(rungs[at+1].rate.Load())*probeTimes*headroom + 200_000
	budget := v.budget
	defer func() { v.budget = budget }() // the pictures are not to wait for it
	due := rate / 8 * (now - l.probing + paceTick).Seconds()
	for back := uint64(1); l.debt < due && back <= 200; back++ {
		i := s.seq - 1 - back%64
		c, seq, ok := s.find(uint16(i))
		r := s.record(seq)
		if !ok || r.seq != uint32(seq) || len(c.data) < 500 {
			continue
		}
		v.again(g, s, &c, r, seq, now)
		l.debt += float64(len(c.data))
	}
	return true
}
