package headend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/channel"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/headend/serve/session"
	"sigma/headend/supervise"
	"sigma/headend/timeline"
)

// engine runs the configuration: one station per channel, and the listeners. Its
// exported fields are arguments. It is safe for concurrent use.
type engine struct {
	Root   context.Context // life of everything it starts
	Build  channel.Builder
	Sender *wireLink
	Alarms *alarm.Tracker
	Memory timeline.Memory
	Events func(kind, object, text string)
	Seats  *session.Registry
	Web    *web
	RTC    func(config.Box) // serves WebRTC where the box says
	Probe  *systemProbe
	Lines  *logStore
	Logger *slog.Logger
	Ports  *interfaceProbe

	mu  sync.Mutex // held while the configuration changes
	air atomic.Pointer[air]

	allow atomic.Bool // Box.AllowDefault
}

// air is what runs. It is immutable, so that nobody who asks waits for a change.
type air struct {
	config   config.Config
	stations map[string]*station
	order    []string // of the stations
}

// onAir returns what runs now.
func (e *engine) onAir() *air {
	if a := e.air.Load(); a != nil {
		return a
	}
	return &air{stations: map[string]*station{}}
}

// publish makes c with the stations what runs.
func (e *engine) publish(c config.Config, stations map[string]*station) {
	a := &air{config: c, stations: stations}
	for _, ch := range c.Channels {
		if stations[ch.Name] != nil {
			a.order = append(a.order, ch.Name)
		}
	}
	e.air.Store(a)
}

var _ control.Engine = (*engine)(nil)

// station is one channel on air with its timeline.
type station struct {
	channel *channel.Channel
	played  atomic.Pointer[playout] // nil while viewers may not take it
	stream  atomic.Pointer[offer]   // nil while HTTP-TS is not allowed
	doors   atomic.Pointer[doors]   // how viewers come in
	life    context.Context         // ends with the channel
	stop    func()                  // ends all of it
	cut     func()                  // withdraws what is played and ends the timeline
}

// offer is a way to play a channel; life ends when it is withdrawn.
type offer struct {
	life context.Context
	end  func()
}

// offerStream begins or withdraws the offer of HTTP-TS.
func (st *station) offerStream(allowed bool) {
	switch now := st.stream.Load(); {
	case allowed && now == nil:
		life, end := context.WithCancel(st.life)
		st.stream.Store(&offer{life, end})
	case !allowed && now != nil:
		st.stream.Store(nil)
		now.end()
	}
}

// Apply implements control.Engine. Only claiming the listeners can fail, and that
// is done first.
func (e *engine) Apply(ctx context.Context, next config.Config) error {
	next = next.Effective()
	e.mu.Lock()
	defer e.mu.Unlock()
	release, err := e.Web.Claim(ctx, next.Box)
	if err != nil {
		return err
	}
	before := e.onAir()
	deltas := config.Deltas(before.config, next)
	stations := maps.Clone(before.stations)
	for _, d := range deltas {
		if d.Removed {
			delete(stations, d.Name)
		}
	}
	e.publish(before.config, maps.Clone(stations)) // what goes off air is not found while it ends
	gone, err := e.carryOut(deltas, next, before.stations, stations)
	if err != nil {
		next = before.config
	}
	e.publish(next, stations)
	if err != nil {
		return err
	}
	e.allow.Store(next.Box.AllowDefault)
	release()
	e.RTC(next.Box)
	now := hooksOf(next)
	for _, hook := range hooksOf(before.config) {
		if !slices.Contains(now, hook) {
			gone = append(gone, hook)
		}
	}
	e.Alarms.Forget(time.Now(), gone...)
	return nil
}

// carryOut makes the stations of now those of next. It returns the objects that are
// no more.
func (e *engine) carryOut(deltas []config.ChannelDelta, next config.Config, before, now map[string]*station) (gone []string, err error) {
	for _, d := range deltas {
		switch st := before[d.Name]; {
		case d.Removed:
			st.stop()
			gone = append(gone, st.channel.Objects()...)
		case st == nil:
			now[d.Name] = e.begin(*next.Channel(d.Name))
		default:
			if err := e.change(st, *next.Channel(d.Name), d); err != nil {
				return nil, err
			}
		}
	}
	return gone, nil
}

// begin starts a channel that was not there.
func (e *engine) begin(cfg config.Channel) *station {
	life, end := context.WithCancel(e.Root)
	st := &station{life: life, channel: &channel.Channel{
		Config: cfg, Build: e.Build, Alarms: e.Alarms, Events: e.Events, Now: monotonic,
		Log: e.Logger.With("channel", cfg.Name),
	}}
	st.channel.Initialize()
	tasks := supervise.NewGroup(life)
	tasks.Go(supervise.Task{Name: "channel " + cfg.Name, Run: st.channel.Run, Failed: func(err error, pause time.Duration) {
		e.Logger.Error("channel stopped", "channel", cfg.Name, "err", err, "again_in", pause)
	}})
	st.stop = func() {
		st.cut()
		end()
		tasks.Stop()
	}
	st.doors.Store(e.doorsOf(cfg))
	e.playFrom(st, cfg)
	return st
}

// change goes over to another configuration of a channel that runs. It fails only
// when the box stops: who asked for the change may be gone before it is made.
func (e *engine) change(st *station, cfg config.Channel, d config.ChannelDelta) error {
	st.doors.Store(e.doorsOf(cfg))
	if d.Segment || d.Toggled {
		st.cut()
		e.playFrom(st, cfg)
	}
	return st.channel.Update(e.Root, cfg)
}

// Check implements control.Engine.
func (e *engine) Check(ctx context.Context, next config.Config) (interrupts, warnings []string, err error) {
	next = next.Effective()
	running := e.onAir().config
	warnings, err = checkChannels(e.Build, next.Channels)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range config.Deltas(running, next) {
		ch := next.Channel(d.Name)
		interrupts = append(interrupts, interruption(d, ch == nil || ch.Disabled)...)
	}
	if running.Box.HTTP != "" && running.Box.HTTP != next.Box.HTTP {
		interrupts = append(interrupts, "box: viewers and the API move to "+next.Box.HTTP)
	}
	if running.Box.HTTPS != "" && running.Box.HTTPS != next.Box.HTTPS {
		interrupts = append(interrupts, "box: viewers and the API over HTTPS move to "+cmp.Or(next.Box.HTTPS, "HTTP alone"))
	}
	if running.Box.SSH != "" && running.Box.SSH != next.Box.SSH {
		interrupts = append(interrupts, "box: the console moves to "+next.Box.SSH)
	}
	return interrupts, warnings, e.Web.Check(ctx, next.Box)
}

// checkChannels says what of the channels cannot work on this machine. Errors are
// config.FieldErrors.
func checkChannels(build channel.Builder, channels []config.Channel) (warnings []string, err error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	known := map[string]bool{}
	for _, i := range interfaces {
		known[i.Name] = true
	}
	var wrong config.FieldErrors
	for _, ch := range channels {
		warnings = append(warnings, missingInterfaces(ch, known)...)
		for i, in := range ch.Inputs {
			if _, err := build.Source(ch.Name, i, in); err != nil {
				wrong = append(wrong, config.FieldError{Path: fmt.Sprintf("channels[%s].inputs[%d].url", ch.Name, i), Text: err.Error()})
			}
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	return append(warnings, missingFiles(channels)...), nil
}

// missingFiles says which files cannot be read now. It looks for a second at most: a
// disk that hangs must not stop who changes the configuration.
func missingFiles(channels []config.Channel) (warnings []string) {
	found := make(chan string)
	go func() {
		defer close(found)
		for _, ch := range channels {
			for i, in := range ch.Inputs {
				end, err := config.ParseInput(in.URL)
				if err != nil || end.Scheme != "file" {
					continue
				}
				if _, err := os.Stat(end.Path); err != nil {
					found <- fmt.Sprintf("channels[%s].inputs[%d]: this machine has no file %q now: %v", ch.Name, i, end.Path, errors.Unwrap(err))
				}
			}
		}
	}()
	limit := time.After(time.Second)
	for {
		select {
		case w, ok := <-found:
			if !ok {
				return warnings
			}
			warnings = append(warnings, w)
		case <-limit:
			go func() {
				for range found { // until the disk answers
				}
			}()
			return warnings
		}
	}
}

func missingInterfaces(ch config.Channel, known map[string]bool) (warnings []string) {
	check := func(what string, i int, end config.Endpoint, err error) {
		if err == nil && end.Interface != "" && !known[end.Interface] {
			warnings = append(warnings, fmt.Sprintf("channels[%s].%s[%d]: this machine has no interface %q now", ch.Name, what, i, end.Interface))
		}
	}
	for i, in := range ch.Inputs {
		end, err := config.ParseInput(in.URL)
		check("inputs", i, end, err)
	}
	for i, out := range ch.Outputs {
		end, err := config.ParseOutput(out.URL)
		check("outputs", i, end, err)
	}
	return warnings
}

// interruption says what receivers of a channel would notice.
func interruption(d config.ChannelDelta, off bool) (texts []string) {
	say := func(text string) { texts = append(texts, "channel/"+d.Name+": "+text) }
	switch {
	case d.Added:
		return nil
	case d.Removed:
		say("goes off air")
		return texts
	case d.Toggled:
		if off {
			say("goes off air")
		} else {
			say("goes on air")
		}
		return texts
	}
	if d.Rewrite {
		say("inputs restart, because the names or PIDs on the way out change")
	} else if d.InputsChanged() {
		say("inputs that changed restart; viewers notice if one of them is on air")
	}
	if d.OutputsChanged() {
		say("outputs that changed restart; the others go on")
	}
	if d.Segment {
		say("HLS goes on behind a discontinuity")
	}
	return texts
}

// Channels implements control.Engine.
func (e *engine) Channels() []control.ChannelStatus {
	viewed := e.Seats.Count()
	now := e.onAir()
	out := make([]control.ChannelStatus, 0, len(now.order))
	for _, name := range now.order {
		s := now.stations[name].channel.Status()
		s.Viewers = viewed[name]
		out = append(out, s)
	}
	return out
}

// station returns a running channel.
func (e *engine) station(name string) (*station, bool) {
	st, ok := e.onAir().stations[name]
	return st, ok
}

// SelectInput implements control.Engine.
func (e *engine) SelectInput(name string, input int) error {
	return e.command(name, func(ctx context.Context, c *channel.Channel) error { return c.Select(ctx, input) })
}

// RestartChannel implements control.Engine.
func (e *engine) RestartChannel(name string) error {
	return e.command(name, func(ctx context.Context, c *channel.Channel) error { return c.Restart(ctx) })
}

// command asks something of a channel that runs; one that goes off air meanwhile is
// not waited for.
func (e *engine) command(name string, ask func(context.Context, *channel.Channel) error) error {
	st, ok := e.station(name)
	if !ok {
		return fmt.Errorf("no channel %q", name)
	}
	err := ask(st.life, st.channel)
	if err != nil && st.life.Err() != nil {
		return fmt.Errorf("channel %q went off air", name)
	}
	return err
}

// Wire implements control.Engine.
func (e *engine) Wire() control.WireStatus {
	s := e.Sender.Status()
	for _, ch := range e.Channels() {
		for _, o := range ch.Outputs {
			s.Datagrams += o.Datagrams
		}
	}
	return s
}

// System implements control.Engine.
func (e *engine) System() control.System {
	s := e.Probe.System()
	s.Name = e.onAir().config.Box.Name
	return s
}

// Interfaces implements control.Engine.
func (e *engine) Interfaces() []control.Interface { return e.Ports.Interfaces() }

// Log implements control.Engine.
func (e *engine) Log(n int) []control.LogLine { return e.Lines.newest(n) }

// box returns what concerns the machine in the configuration that runs.
func (e *engine) box() config.Box { return e.onAir().config.Box }

// names returns the channels in the order of the configuration.
func (e *engine) names() []string { return slices.Clone(e.onAir().order) }

// outputs returns the names of the outputs that should send.
func (e *engine) outputs() map[string]bool {
	ids := map[string]bool{}
	for _, ch := range e.onAir().config.Channels {
		for _, out := range ch.Outputs {
			if !ch.Disabled && !out.Disabled {
				ids[outputID(ch.Name, out)] = true
			}
		}
	}
	return ids
}

// interfacesInUse returns the network interfaces that channels on air name.
func (e *engine) interfacesInUse() map[string]bool {
	used := map[string]bool{}
	for _, ch := range e.onAir().config.Channels {
		if ch.Disabled {
			continue
		}
		for _, in := range ch.Inputs {
			if end, err := config.ParseInput(in.URL); err == nil && end.Interface != "" && !in.Disabled {
				used[end.Interface] = true
			}
		}
		for _, out := range ch.Outputs {
			if end, err := config.ParseOutput(out.URL); err == nil && end.Interface != "" && !out.Disabled {
				used[end.Interface] = true
			}
		}
	}
	return used
}

// stop ends every channel, together.
func (e *engine) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	var wg sync.WaitGroup
	now := e.onAir()
	e.publish(now.config, map[string]*station{})
	for _, st := range now.stations {
		wg.Go(st.stop)
	}
	wg.Wait()
}

// wallTime returns the wall time of a moment of CLOCK_MONOTONIC.
func wallTime(mono time.Duration) time.Time {
	return time.Now().Add(mono - monotonic())
}
