package webrtc

import (
	"math"
	"time"
)

// estimator estimates how much a viewer's path can carry, of what its receiver says of
// arrivals: a compact form of draft-ietf-rmcat-gcc-02. Packets sent within 5 ms are one
// group; the trend of how much later than it was sent each group arrives tells of a
// queue that grows. The zero value is ready.
type estimator struct {
	rate float64 // bit/s, 0 for unknown
	cap  float64 // what the receiver says is the most, 0 for nothing

	group, last arrivalGroup
	begun, pair bool
	delay       float64 // ms, accumulated
	smooth      float64
	trend       [20]point
	points      int
	threshold   float64 // ms
	over        time.Duration
	moved       time.Duration // when rate was moved
	first       time.Duration

	acked []ackedBytes // of the last half second, by arrival

	probe probe
}

type arrivalGroup struct {
	sent, arrived time.Duration
	begin         time.Duration // sent time of the first packet
}

type point struct{ at, delay float64 }

type ackedBytes struct {
	at   time.Duration
	size int
}

// probe is a burst that shows whether a path carries more than it is given.
type probe struct {
	active      bool
	first, last uint16
	sentAll     bool
	begin, end  time.Duration // of arrival
	bytes, seen int
}

const (
	groupSpan    = 5 * time.Millisecond
	ackedSpan    = 500 * time.Millisecond
	minRate      = 100_000
	maxAcked     = 2048
	trendGain    = 4
	minThreshold = 6
)

// limit takes the most the receiver wants (REMB).
func (e *estimator) limit(rate int64) { e.cap = float64(rate) }

// packet takes the moments one packet was sent, on our clock, and arrived, on that of
// the receiver.
func (e *estimator) packet(sent, arrived time.Duration, size int, seq uint16) {
	if p := &e.probe; p.active && int16(seq-p.first) >= 0 && (!p.sentAll || int16(p.last-seq) >= 0) {
		if p.seen == 0 {
			p.begin = arrived
		} else {
			p.bytes += size
		}
		p.seen++
		p.end = max(p.end, arrived)
	}
	if len(e.acked) == maxAcked {
		e.acked = append(e.acked[:0], e.acked[maxAcked/2:]...)
	}
	e.acked = append(e.acked, ackedBytes{arrived, size})
	switch {
	case !e.begun:
		e.begun = true
		e.group = arrivalGroup{sent, arrived, sent}
	case sent-e.group.begin <= groupSpan:
		e.group.sent = max(e.group.sent, sent)
		e.group.arrived = max(e.group.arrived, arrived)
	default:
		if e.pair {
			e.step(e.group, e.last)
		}
		e.last, e.pair = e.group, true
		e.group = arrivalGroup{sent, arrived, sent}
	}
}

// step takes two groups that followed each other.
func (e *estimator) step(now, before arrivalGroup) {
	d := float64((now.arrived-before.arrived)-(now.sent-before.sent)) / float64(time.Millisecond)
	if math.Abs(d) > 3000 {
		e.points, e.delay, e.smooth = 0, 0, 0 // another clock
		return
	}
	if e.points == 0 {
		e.first = now.arrived
	}
	e.delay += d
	e.smooth = 0.9*e.smooth + 0.1*e.delay
	e.trend[e.points%len(e.trend)] = point{float64(now.arrived-e.first) / float64(time.Millisecond), e.smooth}
	e.points++
}

// slope returns the trend of the delay, in ms per ms.
func (e *estimator) slope() float64 {
	n := min(e.points, len(e.trend))
	if n < len(e.trend) {
		return 0
	}
	var sx, sy float64
	for _, p := range e.trend[:n] {
		sx += p.at
		sy += p.delay
	}
	mx, my := sx/float64(n), sy/float64(n)
	var num, den float64
	for _, p := range e.trend[:n] {
		num += (p.at - mx) * (p.delay - my)
		den += (p.at - mx) * (p.at - mx)
	}
	if den == 0 {
		return 0
	}
	return num / den
}

// received returns the rate at which packets arrived lately, in bit/s.
func (e *estimator) received() float64 {
	if len(e.acked) < 2 {
		return 0
	}
	end := e.acked[len(e.acked)-1].at
	keep := 0
	for keep < len(e.acked) && e.acked[keep].at < end-ackedSpan {
		keep++
	}
	e.acked = append(e.acked[:0], e.acked[keep:]...)
	bytes := 0
	for _, a := range e.acked {
		bytes += a.size
	}
	return float64(bytes*8) / ackedSpan.Seconds()
}

// update moves the estimate after feedback.
func (e *estimator) update(now time.Duration) {
	got := e.received()
	if e.threshold == 0 {
		e.threshold = 12.5
	}
	t := e.slope() * float64(min(e.points, 60)) * trendGain
	passed := min(now-e.moved, time.Second)
	switch {
	case t > e.threshold && e.over == 0:
		e.over = now
	case t > e.threshold && now-e.over > 10*time.Millisecond:
		if got > 0 {
			e.rate = max(0.85*got, minRate)
		}
		e.over = 0
	case t <= e.threshold:
		e.over = 0
		if t > -e.threshold && passed > 0 {
			most := max(e.rate, 1.5*got+10_000)
			e.rate = min(max(e.rate, got)*(1+0.08*passed.Seconds()), most)
		}
	}
	if d := math.Abs(t) - e.threshold; d < 15 { // the threshold follows what is usual
		k := 0.039
		if d > 0 {
			k = 0.0087
		}
		e.threshold = min(max(e.threshold+k*d*float64(min(passed, 100*time.Millisecond))/float64(time.Millisecond), minThreshold), 600)
	}
	e.moved = now
}

// loss takes the fraction of packets that a report says were lost.
func (e *estimator) loss(fraction float64) {
	if fraction > 0.1 && e.rate > 0 {
		e.rate = max(e.rate*(1-0.5*fraction), minRate)
	}
}

// estimate returns what the path can carry in bit/s, 0 for unknown.
func (e *estimator) estimate() int64 {
	r := e.rate
	if e.cap > 0 && (r == 0 || e.cap < r) {
		r = e.cap
	}
	return int64(r)
}

// overused reports whether a queue is growing on the path.
func (e *estimator) overused() bool { return e.over != 0 }

// probed returns the rate a finished probe arrived at, 0 if it tells nothing.
func (e *estimator) probed() float64 {
	p := &e.probe
	span := p.end - p.begin
	if n := int(p.last-p.first) + 1; p.seen < 5 || p.seen*10 < n*9 || span <= 0 {
		return 0
	}
	return float64(p.bytes*8) / span.Seconds()
}
