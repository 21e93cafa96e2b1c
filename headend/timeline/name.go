package timeline

import (
	"fmt"
	"time"
)

// nameLayout is the UTC second a segment starts in.
const nameLayout = "2006/01/02/15/04/05"

// maxNameMillis is the longest duration a name can tell, in milliseconds.
const maxNameMillis = 99_999

// FormatName returns the name of a segment without its extension:
// "2026/11/22/08/06/37-05000", the UTC second it starts in and its duration in
// milliseconds, 0 to 99999. Names sort as the times they tell.
func FormatName(start time.Time, d time.Duration) string {
	ms := min(max(d.Round(time.Millisecond).Milliseconds(), 0), maxNameMillis)
	return fmt.Sprintf("%s-%05d", start.UTC().Format(nameLayout), ms)
}

// ParseName reads a name that FormatName made: exactly that form, no other.
func ParseName(name string) (start time.Time, d time.Duration, err error) {
	if len(name) != len(nameLayout)+6 || name[len(nameLayout)] != '-' {
		return time.Time{}, 0, fmt.Errorf("%.40q is not a segment: expected YYYY/MM/DD/hh/mm/ss-ddddd", name)
	}
	start, err = time.Parse(nameLayout, name[:len(nameLayout)])
	if err != nil {
		return time.Time{}, 0, fmt.Errorf("%q is not a segment: expected YYYY/MM/DD/hh/mm/ss before the dash", name)
	}
	ms := 0
	for _, c := range []byte(name[len(nameLayout)+1:]) {
		if c < '0' || c > '9' {
			return time.Time{}, 0, fmt.Errorf("%q is not a segment: expected five digits after the dash", name)
		}
		ms = ms*10 + int(c-'0')
	}
	return start, time.Duration(ms) * time.Millisecond, nil
}
