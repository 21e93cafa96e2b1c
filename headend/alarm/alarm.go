// Package alarm owns the declared alarms of the box and the tracker of their
// states. An alarm is raised and cleared by state, never by logging; it knows
// nothing of who shows it.
package alarm

import "time"

// Severity orders alarms as in ITU-T X.733.
type Severity uint8

// The severities, least first.
const (
	Warning Severity = iota + 1
	Minor
	Major
	Critical
)

// Code names a declared alarm. It is stable: API clients and guides refer to it.
type Code string

// Definition declares an alarm: what it is, what usually causes it, and what an
// operator does about it.
type Definition struct {
	Code     Code
	Severity Severity
	Title    string        // what is wrong, in one short sentence
	Cause    string        // what usually causes it
	Remedy   string        // what to do, in the imperative
	Delay    time.Duration // the state must last this long before the alarm is raised
	Hold     time.Duration // the state must be over this long before the alarm is cleared
}

// Reporter takes the states that alarms are made of. Set is called as often as
// its caller likes; only changes matter. It never blocks. Object names what the
// alarm is about ("channel/news", "output/news/0", "disk"), detail says what was
// seen in this case.
type Reporter interface {
	Set(code Code, object string, on bool, detail string)
}

// Alarm is one alarm that is raised, or was.
type Alarm struct {
	ID       int64
	Code     Code
	Severity Severity
	Object   string
	Detail   string
	Raised   time.Time
	Cleared  time.Time // zero while raised
	AckedBy  string    // empty until acknowledged
	Acked    time.Time
}
