package part

import (
	"math/bits"
	"time"
)

// SparkStep is the time one cell of a history stands for.
const SparkStep = 6 * time.Second

// Spark draws the newest cells of a history of one value per second, oldest first,
// that ends at the moment at. Each cell is the mean of one SparkStep of the clock,
// so a cell once drawn stays until the whole line moves on: a slow link carries one
// cell a second, not the line.
func Spark(levels []rune, history []int64, at time.Time, cells int) string {
	if len(levels) == 0 || cells <= 0 {
		return ""
	}
	step := int64(SparkStep / time.Second)
	sums, counts := make([]int64, cells), make([]int64, cells)
	last := at.Unix() / step
	for i, v := range history {
		second := at.Unix() - int64(len(history)-1-i)
		if c := cells - 1 - int(last-second/step); c >= 0 && c < cells {
			sums[c] += v
			counts[c]++
		}
	}
	top := int64(1)
	for i := range sums {
		if counts[i] > 0 {
			sums[i] /= counts[i]
			top = max(top, sums[i])
		}
	}
	// A coarse full scale, so that a small new maximum redraws nothing.
	grain := max(int64(1)<<bits.Len64(uint64(top))>>3, 1)
	top = (top + grain - 1) / grain * grain
	out := make([]rune, cells)
	for i := range out {
		switch {
		case counts[i] == 0:
			out[i] = ' '
		default:
			// Rounded, so that small ripple stays in one level.
			n := (sums[i]*int64(len(levels)-1) + top/2) / top
			out[i] = levels[n]
		}
	}
	return string(out)
}
