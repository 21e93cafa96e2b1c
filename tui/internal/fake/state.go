package fake

import (
	"context"
	"slices"
	"time"

	"sigma/headend/control"
)

func (b *Box) Snapshot(_ context.Context, a control.Actor) (control.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		panic("made for a test") //nolint:forbidigo // what the test wants to see survived
	}
	r, c := b.last()
	s := control.Snapshot{At: b.At, Revision: r.ID, Address: "http://hanoi-1:8080", Wire: control.WireStatus{Running: true, RealTime: true, Outputs: len(c.Channels), P99: 180, P999: 420}}
	for i, ch := range c.Channels {
		s.Channels = append(s.Channels, b.Status(ch, i))
	}
	for _, al := range b.alarms {
		switch al.Severity {
		case 4:
			s.Alarms.Critical++
		case 3:
			s.Alarms.Major++
		case 2:
			s.Alarms.Minor++
		default:
			s.Alarms.Warning++
		}
		if al.AckedBy == "" {
			s.Alarms.Unacknowledged++
		}
	}
	return s, need(a, 1)
}

// Move lets a second pass and numbers change.
func (b *Box) Move(by uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.At = b.At.Add(time.Second)
	b.Bump += by
}

func (b *Box) status(c control.Channel, i int) control.ChannelStatus {
	states := []control.State{"on_air", "on_standby", "no_signal", "on_air", "on_air"}
	rate := int64(4020000 + 10000*i)
	s := control.ChannelStatus{Name: c.Name, Title: c.Title, State: states[i%len(states)], Since: Start().Add(-3 * time.Hour), Manual: -1,
		Bitrate: rate + int64(b.Bump)*10000, Viewers: i % 7, Errors: int64(i % 3)}
	if c.Disabled {
		s.State = "off"
	}
	for t := range int64(60) {
		s.History = append(s.History, rate*(60+t*int64(i%2))/120)
	}
	for j, in := range c.Inputs {
		st := control.InputStatus{URL: in.URL, State: "ready", Bitrate: rate, Since: Start()}
		switch {
		case s.State == "no_signal":
			st.State, st.Bitrate, st.LastError = "no_signal", 0, "no packet for 5 s"
		case j == 0 && s.State == "on_standby":
			st.State, st.Bitrate, s.Active = "no_signal", 0, 1
		case j == s.Active:
			st.State = "on_air"
		}
		st.Counters.Continuity = uint64(1234 * j)
		s.Inputs = append(s.Inputs, st)
	}
	for _, o := range c.Outputs {
		st := control.OutputStatus{URL: o.URL, State: "on_air", Bitrate: int64(o.Bitrate), Stuffing: 0.196, Late: 3, Wire: true}
		if s.State == "no_signal" {
			st.State, st.LastError = "no_signal", "nothing to send"
		}
		s.Outputs = append(s.Outputs, st)
	}
	s.Services = []control.ServiceInfo{{ID: 101, Name: "Kênh 1 HD", Provider: "VTV", PMT: 100, PCR: 211, PIDs: []control.PIDInfo{
		{PID: 211, StreamType: 0x1b, Codec: "H.264", Detail: "1920x1080i25", Bitrate: 3600000},
		{PID: 221, StreamType: 0x0f, Codec: "AAC", Detail: "48 kHz stereo", Language: "vie", Bitrate: 128000, Continuity: 2},
	}}}
	return s
}

func (b *Box) SelectInput(_ context.Context, a control.Actor, channel string, input int) error {
	return need(a, 2)
}

// Sessions are one viewer of ch001, and one who was too slow.
func (b *Box) Sessions(_ context.Context, a control.Actor, ended bool) ([]control.Session, error) {
	if ended {
		return []control.Session{{ID: "2", Channel: "ch001", Protocol: "mpegts", Address: "192.0.2.8", Opened: Start().Add(-time.Hour), Closed: Start().Add(-time.Minute), Bytes: 21e6, Reason: "the viewer took nothing for too long"}}, nil
	}
	return []control.Session{{ID: "1", Channel: "ch001", Protocol: "hls", Address: "192.0.2.7", UserAgent: "Player/1.0", User: "u-17", Opened: Start().Add(-90 * time.Second), Updated: Start(), Bytes: 84e6}}, nil
}

// CloseSession does nothing.
func (b *Box) CloseSession(_ context.Context, a control.Actor, id string) error { return need(a, 2) }

func (b *Box) RestartChannel(_ context.Context, a control.Actor, channel string) error {
	return need(a, 2)
}

func (b *Box) Alarms(_ context.Context, a control.Actor) ([]control.Alarm, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.alarms), nil
}

func (b *Box) AlarmHistory(_ context.Context, a control.Actor, limit int) ([]control.Alarm, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(slices.Clone(b.alarms), b.History...), nil
}

func (b *Box) AlarmInfo(code control.AlarmCode) (control.AlarmInfo, bool) {
	if code != "channel_off_air" {
		return control.AlarmInfo{}, false
	}
	return control.AlarmInfo{Code: code, Severity: 4, Title: "a channel is off air", Cause: "none of its inputs delivers a stream", Remedy: "bring one input back"}, true
}

func (b *Box) AckAlarm(_ context.Context, a control.Actor, id int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.alarms {
		if b.alarms[i].ID == id {
			b.alarms[i].AckedBy, b.alarms[i].Acked = a.Name, b.At
		}
	}
	return need(a, 2)
}

func (b *Box) System(_ context.Context, a control.Actor) (control.System, error) {
	return control.System{Name: "hanoi-1", Version: "0.2.0", Kernel: "6.1.0", Uptime: 77*time.Hour + 5*time.Minute, Started: Start().Add(-3 * time.Hour),
		CPUs: 8, CPU: 0.182, ProcessCPU: 1.21, MemoryTotal: 16e9, MemoryFree: 11e9, ProcessRSS: 512e6,
		DiskTotal: 500e9, DiskFree: 20e9, Temperature: 51.5, Load1: 1.44, Goroutines: 200}, nil
}

func (b *Box) Interfaces(_ context.Context, a control.Actor) ([]control.Interface, error) {
	return []control.Interface{
		{Name: "eth0", Up: true, Carrier: true, MAC: "02:00:00:00:00:01", MTU: 1500, Speed: 1e9, Addresses: []string{"192.0.2.10/24", "2001:db8::10/64"}, Groups: []string{"239.1.1.1", "239.1.1.2"}, RxBitrate: 412e6, TxBitrate: 8e6, RxDropped: 12, Multicast: true},
		{Name: "eth1", Up: true, MTU: 1500, Multicast: true},
		{Name: "lo", Up: true, Carrier: true, MTU: 65536, Addresses: []string{"127.0.0.1/8"}},
	}, nil
}

func (b *Box) Log(_ context.Context, a control.Actor, n int) ([]control.LogLine, error) {
	if err := need(a, 2); err != nil {
		return nil, err
	}
	return []control.LogLine{
		{At: Start().Add(-time.Minute), Level: "INFO", Text: "input started channel=ch001 input=0"},
		{At: Start().Add(-30 * time.Second), Level: "WARN", Text: "input lost channel=ch003 \x1b[31mred\x1b[0m"},
	}, nil
}

func (b *Box) Events(_ context.Context, a control.Actor, before int64, limit int) ([]control.Event, error) {
	return []control.Event{
		{ID: 2, At: Start(), Kind: "config_committed", Actor: "admin", Text: "revision 2"},
		{ID: 1, At: Start().Add(-time.Hour), Kind: "login", Actor: "admin", Text: "192.0.2.99"},
	}, nil
}

// Break makes Snapshot panic, or mends it.
func (b *Box) Break(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = on
}
