package es

import (
	"slices"

	"sigma/mux/flow"
)

// reorderer is a tracker whose pictures may leave the decoder in another order.
type reorderer interface {
	// depth returns the largest number of frames that come before one and leave after
	// it, 0 if there are none or it is not known yet.
	depth() int
}

const (
	tick90k      = flow.TicksPerSecond / 90000
	defaultFrame = flow.TicksPerSecond / 25
	maxTimeStep  = 2 * flow.TicksPerSecond // a larger one begins anew
)

// DTS returns the decode time of the access unit pushed last, whose PES packet says
// pts and dts, equal where it has no DTS. What the PES packet says is believed, unless
// it is a PTS alone in a stream whose pictures are reordered: then the decode time is
// found by sorting the PTS over as many frames as the parameter sets allow (H.264
// clause C.4.5.3, H.265 clause C.5.2.2). Decode times always grow.
//
// A stream is known to lack DTS when its first picture that others leave before has
// none, or when they go back.
func (f *Follower) DTS(pts, dts flow.Ticks) flow.Ticks {
	r, ok := f.track.(reorderer)
	if !ok {
		return dts
	}
	frame := flow.Ticks(defaultFrame)
	if f.format != nil && f.format.RateNum > 0 {
		frame = flow.TicksPerSecond * flow.Ticks(f.format.RateDen) / flow.Ticks(f.format.RateNum)
	}
	return f.times.next(pts, dts, min(r.depth(), maxReorder), frame)
}

// decodeTimes derives DTS.
type decodeTimes struct {
	sorted  []flow.Ticks // PTS that no DTS was made of yet, and those before the first
	last    flow.Ticks
	started bool
	derives bool
	steady  bool // what is derived is later than what came before without help
}

func (d *decodeTimes) next(pts, dts flow.Ticks, depth int, frame flow.Ticks) flow.Ticks {
	if step := dts - d.last; d.started && (step > maxTimeStep || step < -maxTimeStep) {
		*d = decodeTimes{derives: d.derives}
	}
	switch {
	case dts != pts:
		d.derives = false
	case depth > 0 && !d.started, d.started && !d.derives && dts <= d.last:
		d.derives = true
	}
	if !d.derives {
		d.sorted, d.steady, d.started, d.last = d.sorted[:0], false, true, dts
		return dts
	}
	depth = max(depth, 1)
	if len(d.sorted) == 0 {
		for i := depth; i > 0; i-- {
			d.sorted = append(d.sorted, pts-flow.Ticks(i)*frame)
		}
	}
	at, _ := slices.BinarySearch(d.sorted, pts)
	d.sorted = slices.Insert(d.sorted, at, pts)
	dts = d.sorted[0]
	if d.started && dts <= d.last {
		// A picture came that should have left before: there is one more to wait for.
		dts = d.last + tick90k
		if d.steady && len(d.sorted) <= maxReorder {
			d.sorted[0] = dts + tick90k
			slices.Sort(d.sorted)
			d.started, d.last = true, dts
			return dts
		}
	}
	d.steady = d.steady || d.started && d.sorted[0] == dts
	d.sorted = slices.Delete(d.sorted, 0, 1)
	d.started, d.last = true, dts
	return dts
}
