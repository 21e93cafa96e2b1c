// Package channel runs one programme: it chooses among the inputs, keeps one
// continuous stream in a ring whatever they do, and feeds the outputs. It opens no
// socket and reads no file.
package channel

import "time"

// State is what a channel, an input or an output is doing.
type State string

// The states.
const (
	Off       State = "off"        // disabled in the configuration
	Starting  State = "starting"   // no packet yet
	OnAir     State = "on_air"     // channel: on its best input; input: good and active; output: sending
	OnStandby State = "on_standby" // channel: on an input that is not its best
	Ready     State = "ready"      // input: good, not active
	NoSignal  State = "no_signal"  // nothing arrives
	Retrying  State = "retrying"   // failed, will be tried again
	Failed    State = "failed"     // failed for good: the configuration must change
	Idle      State = "idle"       // input: stopped until the next probe
)

// Status is a snapshot of one channel. It is a value: nobody changes it after it
// was handed out.
type Status struct {
	Name     string         `json:"name"`
	Title    string         `json:"title,omitempty"`
	State    State          `json:"state"`
	Since    time.Time      `json:"since"`             // of the state
	Active   int            `json:"active_input"`      // index into Inputs, -1 for none
	Manual   int            `json:"manual_input"`      // input an operator holds the channel on, -1 for automatic
	Bitrate  int64          `json:"bitrate"`           // bit/s over the last second
	History  []int64        `json:"history,omitempty"` // bit/s of the last 60 s, oldest first
	Switches uint64         `json:"input_switches"`
	Errors   int64          `json:"errors"` // media errors of the active input in the last minute
	Viewers  int            `json:"viewers"`
	Inputs   []InputStatus  `json:"inputs"`
	Outputs  []OutputStatus `json:"outputs"`
	Services []Service      `json:"services,omitempty"` // of the active input
}

// InputStatus is a snapshot of one input.
type InputStatus struct {
	URL       string    `json:"url"` // without passwords
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Bitrate   int64     `json:"bitrate"`
	LastError string    `json:"last_error,omitempty"`
	Warning   string    `json:"warning,omitempty"` // runs, but an operator should know
	Counters  Counters  `json:"counters"`
}

// Counters are the totals of one input since it was configured.
type Counters struct {
	Bytes         uint64 `json:"bytes"`
	Packets       uint64 `json:"packets"`
	Retries       uint64 `json:"retries"`
	Continuity    uint64 `json:"continuity_errors"`
	Transport     uint64 `json:"transport_errors"` // transport_error_indicator
	Sync          uint64 `json:"sync_errors"`
	Scrambled     uint64 `json:"scrambled_packets"`
	CRC           uint64 `json:"crc_errors"`
	PCRJumps      uint64 `json:"pcr_discontinuities"`
	LostPackets   uint64 `json:"lost_packets"` // RTP sequence numbers missing
	LateReordered uint64 `json:"reordered_packets"`
	KernelDrops   uint64 `json:"kernel_drops"` // datagrams dropped by a full socket buffer
}

// Media returns the sum of the errors that mean damaged media.
func (c Counters) Media() uint64 {
	return c.Continuity + c.Transport + c.Sync + c.CRC + c.LostPackets + c.KernelDrops
}

// OutputStatus is a snapshot of one output.
type OutputStatus struct {
	URL       string    `json:"url"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Bitrate   int64     `json:"bitrate"`  // of the transport stream, stuffing included
	Stuffing  float64   `json:"stuffing"` // share of null packets, 0 to 1
	Bytes     uint64    `json:"bytes"`
	Datagrams uint64    `json:"datagrams"`
	Late      uint64    `json:"late"`     // datagrams sent more than 5 ms after their time
	Overflow  uint64    `json:"overflow"` // packets that did not fit the constant bit rate
	Dropped   uint64    `json:"dropped"`  // datagrams the system did not take
	LastError string    `json:"last_error,omitempty"`
	Wire      bool      `json:"wire"` // sent by the wire process, not in process
}

// Service is one programme of a transport stream as signalled.
type Service struct {
	ID       uint16 `json:"id"`
	Name     string `json:"name,omitempty"`
	Provider string `json:"provider,omitempty"`
	PMT      uint16 `json:"pmt_pid"`
	PCR      uint16 `json:"pcr_pid"`
	PIDs     []PID  `json:"pids"`
}

// PID is one elementary stream as signalled and as measured.
type PID struct {
	PID        uint16 `json:"pid"`
	StreamType uint8  `json:"stream_type"`
	Codec      string `json:"codec"`
	Detail     string `json:"detail,omitempty"` // "1920x1080i25", "48 kHz stereo"
	Language   string `json:"language,omitempty"`
	Bitrate    int64  `json:"bitrate"`
	Continuity uint64 `json:"continuity_errors"`
	Scrambled  bool   `json:"scrambled,omitempty"`
}
