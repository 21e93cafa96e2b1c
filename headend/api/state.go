package api

import (
	"time"

	"sigma/headend/control"
)

// state is a Snapshot under the names of the API.
type state struct {
	At       time.Time               `json:"at"`
	Revision int64                   `json:"revision"`
	Streams  []control.ChannelStatus `json:"streams"`
	Alarms   alarmCount              `json:"alarms"`
	Wire     control.WireStatus      `json:"wire"`
}

type alarmCount struct {
	Critical       int `json:"critical"`
	Major          int `json:"major"`
	Minor          int `json:"minor"`
	Warning        int `json:"warning"`
	Unacknowledged int `json:"unacknowledged"`
}

func stateOf(s control.Snapshot) state {
	return state{s.At, s.Revision, list(s.Channels), alarmCount{
		s.Alarms.Critical, s.Alarms.Major, s.Alarms.Minor, s.Alarms.Warning, s.Alarms.Unacknowledged,
	}, s.Wire}
}

// alarmBody is an alarm under the names of the API.
type alarmBody struct {
	ID       int64     `json:"id"`
	Code     string    `json:"code" example:"input_lost"`
	Severity string    `json:"severity" enum:"warning,minor,major,critical"`
	Object   string    `json:"object" example:"channel/news"`
	Detail   string    `json:"detail,omitempty"`
	Raised   time.Time `json:"raised_at"`
	Cleared  time.Time `json:"cleared_at,omitzero"`
	AckedBy  string    `json:"acked_by,omitempty"`
	Acked    time.Time `json:"acked_at,omitzero"`
}

func alarmsOf(in []control.Alarm) []alarmBody {
	out := make([]alarmBody, 0, len(in))
	for _, a := range in {
		out = append(out, alarmBody{a.ID, string(a.Code), a.Severity.String(), a.Object, a.Detail, a.Raised, a.Cleared, a.AckedBy, a.Acked})
	}
	return out
}

// alarmInfo is what an alarm means.
type alarmInfo struct {
	Code     string  `json:"code"`
	Severity string  `json:"severity" enum:"warning,minor,major,critical"`
	Title    string  `json:"title" doc:"what is wrong"`
	Cause    string  `json:"cause" doc:"what usually causes it"`
	Remedy   string  `json:"remedy" doc:"what to do"`
	Delay    float64 `json:"delay_s" doc:"seconds the state must last before the alarm is raised"`
	Hold     float64 `json:"hold_s" doc:"seconds the state must be over before the alarm is cleared"`
}

func alarmInfoOf(d control.AlarmInfo) alarmInfo {
	return alarmInfo{string(d.Code), d.Severity.String(), d.Title, d.Cause, d.Remedy, d.Delay.Seconds(), d.Hold.Seconds()}
}

// system is the state of the machine under the names of the API.
type system struct {
	control.System
	Uptime float64 `json:"uptime" doc:"seconds since the daemon started"`
}
