package rig

import (
	"fmt"
	"math"

	"sigma/mux/ts"
)

// Report is what a capture of a constant-rate transport stream shows by the
// position of its bytes alone.
type Report struct {
	Packets    int
	Nulls      int
	Continuity int     // breaks of continuity counters (TR 101 290 1.4)
	Rate       float64 // bit/s by the PCR of the first PCR PID
	PCRWorst   float64 // ticks of 27 MHz: largest distance of a PCR from the straight line through its bytes
	PCRGap     float64 // ms between PCRs at most
	PCRs       int
	Gaps       map[uint16]float64 // ms between the starts of sections at most, for PIDs below 0x20 and the PMT
	Breaks     int                // PCRs with discontinuity_indicator
}

// Examine measures the packets of a capture. rate is the nominal rate in bit/s that
// the positions are judged by; 0 judges no positions. pmt is the PMT PID.
func Examine(data []byte, rate int64, pmt uint16) Report {
	r := Report{Gaps: map[uint16]float64{}}
	last, starts := map[uint16]uint8{}, map[uint16]int{}
	var first, prev struct {
		pcr uint64
		at  int
	}
	const wrap = (1 << 33) * 300
	var low, high float64
	for i := 0; i+188 <= len(data); i += 188 {
		p := data[i : i+188]
		n := i / 188
		r.Packets++
		pid := ts.PID(p)
		if pid == ts.NullPID {
			r.Nulls++
			continue
		}
		r.counter(last, p, pid)
		if (pid < 0x20 || pid == pmt) && ts.PUSI(p) && rate > 0 {
			if s, seen := starts[pid]; seen {
				r.Gaps[pid] = max(r.Gaps[pid], float64(n-s)*1504e3/float64(rate))
			}
			starts[pid] = n
		}
		pcr, ok := ts.PCR(p)
		if !ok {
			continue
		}
		r.PCRs++
		at := i + 10 // the byte with the last bit of the base
		if r.PCRs == 1 || ts.DiscontinuityIndicator(p) {
			if r.PCRs > 1 {
				r.Breaks++
			}
			first.pcr, first.at, low, high = pcr, at, 0, 0
		} else {
			r.PCRGap = max(r.PCRGap, float64((pcr-prev.pcr+wrap)%wrap)/27e3)
			if rate > 0 {
				ideal := float64(at-first.at) * 8 * 27e6 / float64(rate)
				e := float64((pcr-first.pcr+wrap)%wrap) - ideal
				low, high = min(low, e), max(high, e)
				r.PCRWorst = max(r.PCRWorst, (high-low)/2)
			}
			if d := (pcr - first.pcr + wrap) % wrap; d > 0 {
				r.Rate = float64(at-first.at) * 8 * 27e6 / float64(d)
			}
		}
		prev.pcr, prev.at = pcr, at
	}
	return r
}

func (r *Report) counter(last map[uint16]uint8, p []byte, pid uint16) {
	cc, seen := last[pid]
	last[pid] = ts.CC(p)
	want := cc
	if ts.HasPayload(p) {
		want = (cc + 1) & 15
	}
	if seen && ts.CC(p) != want && !ts.DiscontinuityIndicator(p) {
		r.Continuity++
	}
}

func (r Report) String() string {
	return fmt.Sprintf("%d packets, %.1f %% null, %.0f bit/s, %d PCRs at most %.1f ms apart and %.2f ticks (%.0f ns) off, %d continuity errors, %d breaks, sections at most %v ms apart",
		r.Packets, 100*float64(r.Nulls)/math.Max(1, float64(r.Packets)), r.Rate, r.PCRs, r.PCRGap, r.PCRWorst, r.PCRWorst*1000/27, r.Continuity, r.Breaks, r.Gaps)
}
