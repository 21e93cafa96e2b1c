package psi

import (
	"fmt"
	"time"
)

// UTC is a date and time as coded on the wire (EN 300 468 annex C): 16 bits of
// Modified Julian Date and six BCD digits of hour, minute and second.
type UTC [5]byte

// undefinedUTC is the coding of no date: all ones, as the start_time of an NVOD
// reference event.
var undefinedUTC = UTC{0xFF, 0xFF, 0xFF, 0xFF, 0xFF}

// mjdEpoch is day 0 of the Modified Julian Date.
var mjdEpoch = time.Date(1858, time.November, 17, 0, 0, 0, 0, time.UTC)

// mjdSpan is the number of days after which the 16-bit date repeats.
const mjdSpan = 1 << 16

const day = 24 * time.Hour

// EncodeUTC codes t to the second. Of the Modified Julian Date the 16 least
// significant bits are kept, as EN 300 468 V1.15.1 annex C says, so that dates
// after 2038-04-22 can be sent.
func EncodeUTC(t time.Time) UTC {
	t = t.UTC()
	days := daysSince(t)
	h, m, s := t.Clock()
	return UTC{byte(days >> 8), byte(days), toBCD(h), toBCD(m), toBCD(s)}
}

// daysSince returns the Modified Julian Date of t. A time.Duration would overflow.
func daysSince(t time.Time) int64 {
	seconds := t.Unix() - mjdEpoch.Unix()
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return days
}

// Time returns the date nearest to now that u can mean: the 16 bits on the wire
// repeat every 179 years, and after 2038-04-22 start again at 0. A zero now reads
// them as days since 1858-11-17. It reports false if u is undefined (all ones) or
// not a time of day.
func (u UTC) Time(now time.Time) (time.Time, bool) {
	h, okH := fromBCD(u[2])
	m, okM := fromBCD(u[3])
	s, okS := fromBCD(u[4])
	if u == undefinedUTC || !okH || !okM || !okS || h > 23 || m > 59 || s > 59 {
		return time.Time{}, false
	}
	days := int64(u[0])<<8 | int64(u[1])
	if !now.IsZero() {
		ahead := (days - daysSince(now)) % mjdSpan
		switch {
		case ahead >= mjdSpan/2:
			ahead -= mjdSpan
		case ahead < -mjdSpan/2:
			ahead += mjdSpan
		}
		days = daysSince(now) + ahead
	}
	return mjdEpoch.AddDate(0, 0, int(days)).Add(time.Duration(h*3600+m*60+s) * time.Second), true
}

// String returns u in RFC 3339, its date counted from 1858.
func (u UTC) String() string {
	t, ok := u.Time(time.Time{})
	if !ok {
		return fmt.Sprintf("undefined (%x)", u[:])
	}
	return t.Format(time.RFC3339)
}

// Duration is a length of time as coded on the wire: six BCD digits of hours,
// minutes and seconds (EN 300 468 clause 5.2.4).
type Duration [3]byte

// EncodeDuration codes d to the second. It fails if d is negative or has 100
// hours or more.
func EncodeDuration(d time.Duration) (Duration, error) {
	if d < 0 || d >= 100*time.Hour {
		return Duration{}, fmt.Errorf("duration %v, want 0 to 99:59:59", d)
	}
	s := int(d / time.Second)
	return Duration{toBCD(s / 3600), toBCD(s / 60 % 60), toBCD(s % 60)}, nil
}

// Duration returns d and reports whether it is a time: false if undefined.
func (d Duration) Duration() (time.Duration, bool) {
	h, okH := fromBCD(d[0])
	m, okM := fromBCD(d[1])
	s, okS := fromBCD(d[2])
	if !okH || !okM || !okS || m > 59 || s > 59 {
		return 0, false
	}
	return time.Duration(h*3600+m*60+s) * time.Second, true
}

// String returns d as hours, minutes and seconds.
func (d Duration) String() string {
	if _, ok := d.Duration(); !ok {
		return fmt.Sprintf("undefined (%x)", d[:])
	}
	return fmt.Sprintf("%02x:%02x:%02x", d[0], d[1], d[2])
}

// Offset is a local time offset of four BCD digits, hours and minutes
// (EN 300 468 clause 6.2.20). Its sign stands apart, as polarity.
type Offset [2]byte

// EncodeOffset codes the magnitude of d to the minute and returns
// local_time_offset_polarity: true if d is behind UTC (west).
func EncodeOffset(d time.Duration) (o Offset, behind bool, err error) {
	behind = d < 0
	m := int(d.Abs() / time.Minute)
	if m > 99*60+59 {
		return Offset{}, false, fmt.Errorf("time offset %v, want less than 100 hours", d)
	}
	return Offset{toBCD(m / 60), toBCD(m % 60)}, behind, nil
}

// Duration returns the offset with its sign and reports whether it is a time.
func (o Offset) Duration(behind bool) (time.Duration, bool) {
	h, okH := fromBCD(o[0])
	m, okM := fromBCD(o[1])
	d := time.Duration(h*60+m) * time.Minute
	if behind {
		d = -d
	}
	return d, okH && okM && m < 60
}

// String returns o as hours and minutes without sign.
func (o Offset) String() string { return fmt.Sprintf("%02x:%02x", o[0], o[1]) }

func toBCD(n int) byte { return byte(n/10<<4 | n%10) }

func fromBCD(b byte) (int, bool) {
	return int(b>>4)*10 + int(b&15), b>>4 < 10 && b&15 < 10
}
