package control

import (
	"context"
	"fmt"

	"sigma/headend/alarm"
)

// Snapshot returns the state of the whole box. It is cheap.
func (s *Service) Snapshot(ctx context.Context, a Actor) (Snapshot, error) {
	if err := s.allow(a, "Snapshot"); err != nil {
		return Snapshot{}, err
	}
	cur, err := s.state()
	if err != nil {
		return Snapshot{}, err
	}
	out := Snapshot{At: s.now(), Revision: cur.rev.ID, Address: s.engine.Address(), Wire: s.engine.Wire()}
	byName := map[string]ChannelStatus{}
	for _, ch := range s.engine.Channels() {
		byName[ch.Name] = ch
	}
	for _, ch := range cur.config.Channels {
		if st, ok := byName[ch.Name]; ok { // absent while it is being started
			out.Channels = append(out.Channels, st)
		}
	}
	out.Alarms.Ignored, out.Alarms.Unrecorded = s.alarms.Dropped(), s.alarms.Untold()
	for _, al := range s.alarms.Active() {
		switch al.Severity {
		case alarm.Critical:
			out.Alarms.Critical++
		case alarm.Major:
			out.Alarms.Major++
		case alarm.Minor:
			out.Alarms.Minor++
		case alarm.Warning:
			out.Alarms.Warning++
		}
		if al.AckedBy == "" {
			out.Alarms.Unacknowledged++
		}
	}
	return out, nil
}

// ChannelStatus returns the state of one channel.
func (s *Service) ChannelStatus(ctx context.Context, a Actor, name string) (ChannelStatus, error) {
	if err := s.allow(a, "ChannelStatus"); err != nil {
		return ChannelStatus{}, err
	}
	for _, ch := range s.engine.Channels() {
		if ch.Name == name {
			return ch, nil
		}
	}
	return ChannelStatus{}, notFound("channel", name)
}

// SelectInput holds a channel on one input, or lets it choose again with -1.
func (s *Service) SelectInput(ctx context.Context, a Actor, channel string, input int) error {
	if err := s.allow(a, "SelectInput"); err != nil {
		return err
	}
	ch, err := s.channel(channel)
	if err != nil {
		return err
	}
	if input < -1 || input >= len(ch.Inputs) {
		return invalid("input", fmt.Errorf("%d is no input of %s: expected 0 to %d, or -1 for automatic", input, channel, len(ch.Inputs)-1))
	}
	if err := s.engine.SelectInput(channel, input); err != nil {
		return notApplied(err)
	}
	what := "automatic"
	if input >= 0 {
		what = fmt.Sprintf("input %d", input+1)
	}
	s.event(ctx, a, "input_selected", "channel/"+channel, what)
	return nil
}

// RestartChannel stops a channel and starts it again.
func (s *Service) RestartChannel(ctx context.Context, a Actor, channel string) error {
	if err := s.allow(a, "RestartChannel"); err != nil {
		return err
	}
	if _, err := s.channel(channel); err != nil {
		return err
	}
	if err := s.engine.RestartChannel(channel); err != nil {
		return notApplied(err)
	}
	s.event(ctx, a, "channel_restarted", "channel/"+channel, "")
	return nil
}

// Sessions returns the viewers of now, oldest first, or those who ended last, newest
// first.
func (s *Service) Sessions(ctx context.Context, a Actor, ended bool) ([]Session, error) {
	if err := s.allow(a, "Sessions"); err != nil {
		return nil, err
	}
	return s.engine.Sessions(ended), nil
}

// CloseSession sends a viewer away, for half a minute at least.
func (s *Service) CloseSession(ctx context.Context, a Actor, id string) error {
	if err := s.allow(a, "CloseSession"); err != nil {
		return err
	}
	if !s.engine.CloseSession(id, "an operator has closed the session") {
		return notFound("session", id)
	}
	s.event(ctx, a, "session_closed", "session/"+id, "")
	return nil
}

// Reauthorize has on_play asked at once about the viewers of a channel, or about all
// when it is empty.
func (s *Service) Reauthorize(ctx context.Context, a Actor, channel string) error {
	if err := s.allow(a, "Reauthorize"); err != nil {
		return err
	}
	if channel != "" {
		if _, err := s.channel(channel); err != nil {
			return err
		}
	}
	s.engine.Reauthorize(channel)
	return nil
}

func (s *Service) channel(name string) (*Channel, error) {
	cur, err := s.state()
	if err != nil {
		return nil, err
	}
	if ch := cur.config.Channel(name); ch != nil {
		return ch, nil
	}
	return nil, notFound("channel", name)
}

// Alarms returns the raised alarms, most severe first, then newest.
func (s *Service) Alarms(ctx context.Context, a Actor) ([]Alarm, error) {
	if err := s.allow(a, "Alarms"); err != nil {
		return nil, err
	}
	return s.alarms.Active(), nil
}

// AlarmHistory returns the newest alarms, raised or not, newest first. At most
// MaxList are returned.
func (s *Service) AlarmHistory(ctx context.Context, a Actor, limit int) ([]Alarm, error) {
	if err := s.allow(a, "AlarmHistory"); err != nil {
		return nil, err
	}
	out, err := s.store.Alarms(ctx, clampLimit(limit))
	if err != nil {
		return nil, unavailable(err)
	}
	return out, nil
}

// AlarmInfo explains a code.
func (s *Service) AlarmInfo(code AlarmCode) (AlarmInfo, bool) { return alarm.Lookup(code) }

// AckAlarm notes that the actor has seen a raised alarm.
func (s *Service) AckAlarm(ctx context.Context, a Actor, id int64) error {
	if err := s.allow(a, "AckAlarm"); err != nil {
		return err
	}
	if _, ok := s.alarms.Ack(id, a.Name, s.now()); !ok {
		return notFound("raised alarm", id)
	}
	return nil
}

// AlarmChanged stores an alarm that was raised, cleared or acknowledged, and tells
// the watchers. It is what Changed of the tracker must be.
func (s *Service) AlarmChanged(al Alarm) {
	ctx := context.Background()
	if err := s.store.PutAlarm(ctx, al); err != nil {
		s.alarms.Set(alarm.DatabaseFailed, "database", true, err.Error())
	}
	who, kind := Actor{}, "alarm_raised"
	switch {
	case !al.Cleared.IsZero():
		kind = "alarm_cleared"
	case al.AckedBy != "":
		who.Name, kind = al.AckedBy, "alarm_acknowledged"
	}
	s.event(ctx, who, kind, al.Object, string(al.Code)+": "+al.Detail)
}

// System returns the state of the machine.
func (s *Service) System(ctx context.Context, a Actor) (System, error) {
	if err := s.allow(a, "System"); err != nil {
		return System{}, err
	}
	return s.engine.System(), nil
}

// Interfaces returns the network interfaces of the machine.
func (s *Service) Interfaces(ctx context.Context, a Actor) ([]Interface, error) {
	if err := s.allow(a, "Interfaces"); err != nil {
		return nil, err
	}
	return s.engine.Interfaces(), nil
}

// Log returns the last lines of the daemon's log, oldest first; at most MaxList.
func (s *Service) Log(ctx context.Context, a Actor, n int) ([]LogLine, error) {
	if err := s.allow(a, "Log"); err != nil {
		return nil, err
	}
	return s.engine.Log(clampLimit(n)), nil
}
