package timeline

import (
	"time"

	"sigma/mux/flow"
)

const (
	// slewShare limits the correction of the anchor to this part of the media time
	// that has passed: 1 ms per second, far more than the 30 ppm a programme clock may
	// be wrong by (ISO/IEC 13818-1 clause 2.4.2.1).
	slewShare = 1000
	// maxLag is how far UTC may run ahead of the programme before the programme is
	// anchored anew, with a discontinuity: slewing it would take hours.
	maxLag = 30 * time.Second
	// nameSlack is how far the whole seconds of names may be from the anchor: more
	// than the half that rounding needs, so that slewing does not toggle them.
	nameSlack = 750 * time.Millisecond
)

// anchor ties the programme clock of one epoch to UTC. Times are nanoseconds since
// the Unix epoch.
type anchor struct {
	set    bool
	offset time.Duration // UTC at clock zero
	whole  time.Duration // offset of the folded clock for names and boundaries, whole seconds
	named  bool          // whole is set

	least time.Duration // least distance of arrival from the estimate since the last slew
	seen  bool
	from  flow.Ticks // clock of the last slew
}

// begin anchors clock at utc, but not before notBefore.
func (a *anchor) begin(clock flow.Ticks, utc, notBefore time.Duration) {
	*a = anchor{set: true, offset: max(utc, notBefore) - clock.Duration(), from: clock}
}

// at returns the UTC of a programme time.
func (a *anchor) at(clock flow.Ticks) time.Duration { return a.offset + clock.Duration() }

// observe compares the arrival of a programme time with the estimate. Networks and
// machines only delay: the least distance is the truest.
func (a *anchor) observe(clock flow.Ticks, utc time.Duration) {
	if d := utc - a.at(clock); !a.seen || d < a.least {
		a.least, a.seen = d, true
	}
}

// slew moves the anchor towards what was observed, slowly, and reports whether the
// programme lags so far behind that it must be anchored anew.
func (a *anchor) slew(clock flow.Ticks) (lost bool) {
	limit := (clock - a.from).Duration() / slewShare
	a.from = clock
	if !a.seen {
		return false
	}
	a.offset += min(max(a.least, -limit), limit)
	lost = a.least > maxLag
	a.least, a.seen = 0, false
	return lost
}

// name returns the time that names and boundaries of a segment at clock are made
// of: the clock as it is in the packets plus whole seconds. Two boxes that receive
// the same packets get the same, although their arrivals differ a little.
func (a *anchor) name(clock flow.Ticks) time.Duration {
	folded := (clock % flow.WrapTicks).Duration()
	exact := a.at(clock) - folded
	if d := exact - a.whole; !a.named || d > nameSlack || d < -nameSlack {
		a.whole, a.named = exact.Round(time.Second), true
	}
	return a.whole + folded
}
