package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Int writes a whole number with the groups of the language: 1,234 or 1.234.
func (p Printer) Int(n int64) string { return p.group(strconv.FormatInt(n, 10)) }

// Uint is Int for counters.
func (p Printer) Uint(n uint64) string { return p.group(strconv.FormatUint(n, 10)) }

// Float writes a number with the decimals given: 1,234.5 or 1.234,5.
func (p Printer) Float(v float64, decimals int) string {
	return p.group(strconv.FormatFloat(v, 'f', decimals, 64))
}

func (p Printer) group(s string) string {
	sep, point := ",", "."
	if p.column == 1 {
		sep, point = ".", ","
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, frac, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + sep + whole[i:]
	}
	if has {
		return sign + whole + point + frac
	}
	return sign + whole
}

// BitRate writes bit/s with three significant digits: "4.02 Mbit/s".
func (p Printer) BitRate(bps int64) string {
	v := float64(bps)
	switch {
	case v < 1e3:
		return p.Int(bps) + " bit/s"
	case v < 999.5e3:
		return p.digits(v/1e3) + " kbit/s"
	case v < 999.5e6:
		return p.digits(v/1e6) + " Mbit/s"
	}
	return p.digits(v/1e9) + " Gbit/s"
}

// Bytes writes a size in powers of ten with three significant digits: "1.50 GB".
func (p Printer) Bytes(n uint64) string {
	if n < 1000 {
		return p.Uint(n) + " B"
	}
	v := float64(n)
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		v /= 1000
		if v < 999.5 || u == "TB" {
			return p.digits(v) + " " + u
		}
	}
	return ""
}

func (p Printer) digits(v float64) string {
	switch {
	case v < 9.995:
		return p.Float(v, 2)
	case v < 99.95:
		return p.Float(v, 1)
	}
	return p.Float(v, 0)
}

// Percent writes a share of 0 to 1: "12.5 %".
func (p Printer) Percent(share float64) string { return p.Float(share*100, 1) + " %" }

// Ago writes how long something lasts in its two largest units: "3 d 4 h", "12 s".
func (p Printer) Ago(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return p.T("unit.s", s)
	case s < 3600:
		return p.T("unit.min", s/60, s%60)
	case s < 86400:
		return p.T("unit.h", s/3600, s%3600/60)
	}
	return p.T("unit.d", p.Int(s/86400), s%86400/3600)
}

func (p Printer) local(t time.Time) time.Time {
	if p.zone == nil {
		return t
	}
	return t.In(p.zone)
}

// Date writes a day: 2026-11-22 or 22/11/2026.
func (p Printer) Date(t time.Time) string {
	t = p.local(t)
	if p.column == 1 {
		return t.Format("02/01/2006")
	}
	return t.Format("2006-01-02")
}

// Clock writes the time of day with seconds.
func (p Printer) Clock(t time.Time) string { return p.local(t).Format("15:04:05") }

// Moment writes the time of day of a moment of today, and the day of any other.
func (p Printer) Moment(t, now time.Time) string {
	t, now = p.local(t), p.local(now)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return p.Clock(t)
	}
	return p.Date(t)
}

// DateTime writes a moment; the zero time is a dash.
func (p Printer) DateTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s %s", p.Date(t), p.Clock(t))
}
