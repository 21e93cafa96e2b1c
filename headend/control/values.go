package control

import (
	"time"

	"sigma/headend/alarm"
	"sigma/headend/auth"
	"sigma/headend/channel"
	"sigma/headend/config"
)

// The configuration and state values that operators see, under the names of the
// one package that doors such as the API and the console may know.
type (
	Config        = config.Config
	Box           = config.Box
	Channel       = config.Channel
	Input         = config.Input
	Output        = config.Output
	Duration      = config.Duration
	BitRate       = config.BitRate
	PIDMap        = config.PIDMap
	Change        = config.Change
	FieldError    = config.FieldError
	FieldErrors   = config.FieldErrors
	ChannelStatus = channel.Status
	InputStatus   = channel.InputStatus
	OutputStatus  = channel.OutputStatus
	ServiceInfo   = channel.Service
	PIDInfo       = channel.PID
	State         = channel.State
	Alarm         = alarm.Alarm
	AlarmCode     = alarm.Code
	AlarmInfo     = alarm.Definition
	Severity      = alarm.Severity
	Role          = auth.Role
)

// The roles, least first: see auth.Role.
const (
	Viewer   = auth.Viewer
	Operator = auth.Operator
	Admin    = auth.Admin
)

// Actor is who asks: a person or a program that has proved who it is.
type Actor struct {
	Name     string
	Role     Role
	Via      string // "ssh", "http", "console", "cli"
	Remote   string // address of the other side, empty on the local terminal
	Language string // "en" or "vi"

	token string    // ID of the token that proved it
	until time.Time // when that expires; zero for never
}

// Revision is one committed configuration.
type Revision struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Comment string    `json:"comment,omitempty"`
	Running bool      `json:"running"` // the one the box runs now
}

// Plan is what a commit would do.
type Plan struct {
	Base    int64    `json:"base"`    // the revision the change was made on
	Changes []Change `json:"changes"` // what differs, in the order of the document
	// Interrupts names what viewers and receivers would notice, such as
	// "channel/news: inputs restart"; empty when nothing on air is touched.
	Interrupts []string `json:"interrupts,omitempty"`
	Warnings   []string `json:"warnings,omitempty"` // legal, but look twice
}

// Snapshot is the state of the whole box at one moment.
type Snapshot struct {
	At       time.Time       `json:"at"`
	Revision int64           `json:"revision"`
	Address  string          `json:"address"`  // what the addresses for viewers begin with: http://192.0.2.10:8080
	Channels []ChannelStatus `json:"channels"` // in the order of the configuration
	Alarms   AlarmCount      `json:"alarms"`
	Wire     WireStatus      `json:"wire"`
}

// AlarmCount counts raised alarms, and what limits of the tracker have cost.
type AlarmCount struct {
	Critical, Major, Minor, Warning int
	Unacknowledged                  int
	Ignored                         uint64 // states beyond those that are tracked
	Unrecorded                      uint64 // changes that were not stored because too many waited
}

// WireStatus is the state of the process that sends datagrams.
type WireStatus struct {
	Running   bool    `json:"running"`
	PID       int     `json:"pid,omitempty"`
	RealTime  bool    `json:"real_time"` // SCHED_FIFO and locked memory were granted
	Outputs   int     `json:"outputs"`
	Datagrams uint64  `json:"datagrams"`
	P99       float64 `json:"late_p99_us"` // lateness of datagrams over the last 10 s
	P999      float64 `json:"late_p999_us"`
	Restarts  uint64  `json:"restarts"`
	LastError string  `json:"last_error,omitempty"`
}

// System is the state of the machine.
type System struct {
	Name        string        `json:"name"`
	Version     string        `json:"version"`
	Kernel      string        `json:"kernel"`
	Uptime      time.Duration `json:"uptime"`  // of the machine
	Started     time.Time     `json:"started"` // the daemon
	CPUs        int           `json:"cpus"`
	CPU         float64       `json:"cpu"`         // 0 to 1 of all cores
	ProcessCPU  float64       `json:"process_cpu"` // cores used by the daemon
	MemoryTotal uint64        `json:"memory_total"`
	MemoryFree  uint64        `json:"memory_available"`
	ProcessRSS  uint64        `json:"process_rss"`
	DiskTotal   uint64        `json:"disk_total"` // of the data folder
	DiskFree    uint64        `json:"disk_free"`
	Temperature float64       `json:"temperature,omitempty"` // degrees Celsius of the hottest sensor, 0 when there is none
	Load1       float64       `json:"load1"`
	Goroutines  int           `json:"goroutines"`
}

// Interface is one network interface.
type Interface struct {
	Name      string   `json:"name"`
	Up        bool     `json:"up"`
	Carrier   bool     `json:"carrier"`
	MAC       string   `json:"mac,omitempty"`
	MTU       int      `json:"mtu"`
	Speed     int64    `json:"speed,omitempty"` // bit/s, 0 when unknown
	Addresses []string `json:"addresses"`       // with prefix length
	Groups    []string `json:"groups"`          // multicast groups joined on it
	RxBitrate int64    `json:"rx_bitrate"`
	TxBitrate int64    `json:"tx_bitrate"`
	RxDropped uint64   `json:"rx_dropped"`
	TxDropped uint64   `json:"tx_dropped"`
	Multicast bool     `json:"multicast"`
}

// User is an operator account, without its secrets.
type User struct {
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Language  string    `json:"language,omitempty"`
	Keys      []Key     `json:"keys,omitempty"`
	Locked    time.Time `json:"locked_until,omitzero"`
	LastLogin time.Time `json:"last_login,omitzero"`
	Password  bool      `json:"has_password"`
}

// Key is an SSH public key of a user.
type Key struct {
	Fingerprint string `json:"fingerprint"` // SHA256:…
	Comment     string `json:"comment,omitempty"`
	Line        string `json:"line"` // as in authorized_keys
}

// Token is an API token, without its secret.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	By      string    `json:"by"`
	Expires time.Time `json:"expires,omitzero"`
	Used    time.Time `json:"used,omitzero"`
}

// Session is one viewer of one channel.
type Session struct {
	ID        string    `json:"id"`
	Channel   string    `json:"name"`
	Protocol  string    `json:"proto" doc:"hls, dash, mss, mpegts or webrtc"`
	Address   string    `json:"ip"`
	Token     string    `json:"token,omitempty" doc:"the begin of it: all of it would let others in"`
	User      string    `json:"user_id,omitempty" doc:"as on_play named the user"`
	UserAgent string    `json:"user_agent,omitempty"`
	Opened    time.Time `json:"opened_at"`
	Updated   time.Time `json:"updated_at"`
	Closed    time.Time `json:"closed_at,omitzero"`
	Reason    string    `json:"reason,omitempty" doc:"why it ended"`
	Bytes     int64     `json:"bytes"`
	Skips     int64     `json:"skips,omitempty" doc:"times the viewer was too slow and lost a part"`
}

// LogLine is one line of the daemon's own log.
type LogLine struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"`
	Text  string    `json:"text"` // message and attributes on one line
}

// Event is something that happened, kept in the database: commits, logins,
// switches, alarms raised and cleared.
type Event struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"` // "config_committed", "login", "login_failed", "user_locked", "input_switched", "alarm_raised", "alarm_cleared", …
	Actor  string    `json:"actor,omitempty"`
	Object string    `json:"object,omitempty"`
	Text   string    `json:"text,omitempty"`
}
