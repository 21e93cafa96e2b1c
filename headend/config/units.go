package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time written with its unit: "5s", "200ms", "1m30s".
type Duration time.Duration

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string {
	s := time.Duration(d).String() // "1m0s": the zero parts say nothing
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes d with its unit.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a length of time with its unit.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(b)))
	if err != nil {
		return fmt.Errorf("%q is not a length of time: write a number with its unit, such as 5s, 200ms or 2m", b)
	}
	*d = Duration(v)
	return nil
}

// BitRate is a rate in bit/s, written as a plain number or with kbit, Mbit or
// Gbit (powers of ten): "38014706", "8Mbit", "2.5Mbit".
type BitRate int64

func (r BitRate) String() string {
	for _, u := range []struct {
		n int64
		s string
	}{{1e9, "Gbit"}, {1e6, "Mbit"}, {1e3, "kbit"}} {
		if r != 0 && int64(r)%u.n == 0 {
			return strconv.FormatInt(int64(r)/u.n, 10) + u.s
		}
	}
	return strconv.FormatInt(int64(r), 10)
}

// MarshalText writes r in the largest unit that keeps it exact.
func (r BitRate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalJSON reads a bit rate as text, or as a number of bits per second.
func (r *BitRate) UnmarshalJSON(b []byte) error {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		b = b[1 : n-1] // no unit needs escaping
	}
	return r.UnmarshalText(b)
}

// UnmarshalText reads a bit rate.
func (r *BitRate) UnmarshalText(b []byte) error {
	s, unit := strings.TrimSpace(string(b)), 1.0
	for _, u := range []struct {
		s string
		n float64
	}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}} {
		if t, ok := strings.CutSuffix(s, u.s); ok {
			s, unit = strings.TrimSpace(t), u.n
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*unit > 1e12 {
		return fmt.Errorf("%q is not a bit rate: write bits per second, such as 8Mbit, 2500kbit or 38014706", b)
	}
	*r = BitRate(math.Round(v * unit))
	return nil
}
