package mux

import (
	"math"
	"time"

	"sigma/mux/flow"
)

const (
	// window is the time over which the least delayed arrival is looked for: what
	// the network adds is never negative, so the minimum follows the sender.
	window = time.Second
	// learnAfter is how long the minima are watched before their slope counts;
	// until learned the rate may change fast.
	learnAfter = 60 * time.Second
	learned    = 10 * time.Minute
	// memory is the time constant with which old minima are forgotten.
	memory = 20 * time.Minute
	// maxDrift bounds the rate: 30 ppm of the sender (ISO/IEC 13818-1 clause
	// 2.4.2.1) and as much for the clock of this machine.
	maxDrift = 60e-6
	// slewLearning and slewSteady bound the change of the rate per second. The
	// limit on the drift of a system clock is 75 mHz/s of 27 MHz, 2.8e-9.
	slewLearning = 100e-9
	slewSteady   = 2.7e-9
	// pull is the time over which a small error of phase is taken back, in s.
	pull = 300.0
)

// recovery maps a programme clock to send times on our monotonic clock. The map is
// continuous, and its rate changes no faster than the drift limit of a system
// clock, whatever the jitter of the arrivals: a line is fitted through the least
// delayed arrival of every second, and the map is led along it.
type recovery struct {
	from flow.Ticks // the map: from leaves at base …
	base time.Duration
	rate float64 // … and later clock by 1+rate times its span

	origin   flow.Ticks    // of the fit
	start    time.Duration // arrival at the origin
	begun    bool
	windowAt time.Duration // arrival at which the window ends
	low      float64       // s, least delay in the window
	lowAt    float64       // s, clock of it since the origin
	some     bool

	n, st, sx, stt, stx float64 // of the fit: weights, time, delay
	lead                float64 // s, map over line; kept constant
	led                 bool
}

// anchor starts a new map: clock c leaves at t. What was learned of the rate is of
// another sender and forgotten.
func (r *recovery) anchor(c flow.Ticks, t time.Duration) {
	*r = recovery{from: c, base: t}
}

// time returns when clock c leaves.
func (r *recovery) time(c flow.Ticks) time.Duration {
	d := c - r.from
	return r.base + d.Duration() + time.Duration(math.Round(float64(d)*r.rate*1e9/flow.TicksPerSecond))
}

// turn gives the map another rate from clock c on.
func (r *recovery) turn(c flow.Ticks, rate float64) {
	r.base, r.from, r.rate = r.time(c), c, rate
}

// sample takes the arrival of the packet at clock c. next is the clock that leaves
// next: the rate changes there, so that times once given stay.
func (r *recovery) sample(c flow.Ticks, arrived time.Duration, next flow.Ticks) {
	if !r.begun {
		r.begun = true
		r.origin, r.start, r.windowAt = c, arrived, arrived+window
	}
	t := float64(c-r.origin) / flow.TicksPerSecond
	delay := (arrived - r.start).Seconds() - t
	if r.some && arrived >= r.windowAt {
		r.close(next)
		r.windowAt = arrived + window
	}
	if !r.some || delay < r.low {
		r.low, r.lowAt, r.some = delay, t, true
	}
}

// close adds the minimum of the window to the fit and leads the map after it.
func (r *recovery) close(next flow.Ticks) {
	r.some = false
	keep := math.Exp(-window.Seconds() / memory.Seconds())
	r.n, r.st, r.sx = r.n*keep+1, r.st*keep+r.lowAt, r.sx*keep+r.low
	r.stt, r.stx = r.stt*keep+r.lowAt*r.lowAt, r.stx*keep+r.lowAt*r.low
	if r.lowAt < learnAfter.Seconds() {
		return
	}
	det := r.n*r.stt - r.st*r.st
	if det <= 0 {
		return
	}
	slope := (r.n*r.stx - r.st*r.sx) / det
	if math.Abs(slope) > maxDrift {
		slope = math.Copysign(maxDrift, slope)
	}
	t := float64(next-r.origin) / flow.TicksPerSecond
	line := (r.sx-slope*r.st)/r.n + slope*t
	phase := (r.time(next) - r.start).Seconds() - t
	if !r.led {
		r.led, r.lead = true, phase-line
	}
	r.follow(next, slope, phase-line-r.lead)
}

// follow changes the rate by at most what a window allows, towards the slope and
// towards taking back the error of phase: no faster than a steady brake can stop.
func (r *recovery) follow(next flow.Ticks, slope, err float64) {
	slew := slewLearning
	if r.lowAt > learned.Seconds() {
		slew = slewSteady
	}
	back := min(math.Abs(err)/pull, math.Sqrt(slew*math.Abs(err)))
	want := slope - math.Copysign(back, err)
	step := slew * window.Seconds()
	r.turn(next, r.rate+max(-step, min(step, want-r.rate)))
}
