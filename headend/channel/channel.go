package channel

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/supervise"
	"sigma/mux/flow"
	"sigma/mux/splice"
)

// ringItems is the length of the channel ring and of each input ring: at one item
// every 5 ms about 4 s, and longer than the groups of pictures in use.
const ringItems = 800

// Source is one packet source with what it knows of itself.
type Source struct {
	flow.Source
	Counters func() Counters // what the source counts; nil when it counts nothing
	Warning  func() string   // what an operator should know though it runs; nil or "" for nothing
}

// Output is one packet output with what it knows of itself.
type Output struct {
	flow.Output
	Status func() OutputStatus // counters; State, Since and URL are filled in by the channel
}

// Builder makes the sources and outputs of a channel. Making one opens nothing:
// sockets and files are opened by Run.
type Builder interface {
	Source(channel string, index int, in config.Input) (Source, error)
	Output(channel string, index int, out config.Output) (Output, error)
}

// Channel runs one programme. The exported fields are arguments: set them, then
// call Run once. All methods are safe for concurrent use.
type Channel struct {
	Config config.Channel // with defaults filled in
	Build  Builder
	Alarms alarm.Reporter
	Events func(kind, object, text string) // told of switches; must not block
	Now    func() time.Duration            // CLOCK_MONOTONIC
	Log    *slog.Logger

	ring     *flow.Ring[flow.Batch]
	commands chan func(ctx context.Context)
	wake     chan struct{}
	status   atomic.Pointer[Status]
	sending  atomic.Pointer[[]Output] // outputs that run
	round    atomic.Int64             // our clock when the owner looked last, 0 before Run and after it

	// Owned by the goroutine of Run.
	cfg      config.Channel
	inputs   []*input
	outputs  []*output
	changed  time.Time
	state    State
	switches uint64
	lastTick time.Duration
	history  []int64
	began    time.Duration

	// mu guards the way from the active input to the ring.
	mu       sync.Mutex
	active   *input
	manual   *input
	joiner   splice.Joiner
	epoch    uint32
	inEpoch  uint32
	shift    time.Duration // added to Arrived: how far behind live the programme runs
	bytesOut uint64
}

// Initialize prepares the channel; Ring and Status may be used from then on.
func (c *Channel) Initialize() {
	c.ring = flow.NewRing[flow.Batch](ringItems)
	c.commands = make(chan func(context.Context))
	c.wake = make(chan struct{}, 1)
	c.sending.Store(&[]Output{})
	c.cfg, c.changed, c.state = c.Config, time.Now(), Starting
	if c.cfg.Disabled {
		c.state = Off
	}
	c.status.Store(&Status{Name: c.cfg.Name, Title: c.cfg.Title, State: c.state, Since: c.changed, Active: -1, Manual: -1})
}

// Ring returns the packets of the programme: one continuous stream whatever the
// inputs do.
func (c *Channel) Ring() *flow.Ring[flow.Batch] { return c.ring }

// Status returns the newest snapshot, at most one second old.
func (c *Channel) Status() Status { return *c.status.Load() }

// Objects returns what the alarms of the channel are about. It must not be called
// while Run runs.
func (c *Channel) Objects() []string {
	objects := []string{c.object()}
	for _, in := range c.inputs {
		objects = append(objects, in.object())
	}
	for _, o := range c.outputs {
		objects = append(objects, o.object())
	}
	return objects
}

func (c *Channel) object() string { return "channel/" + c.cfg.Name }

// Sent returns the datagrams that left through the outputs.
func (c *Channel) Sent() (datagrams uint64) {
	for _, o := range *c.sending.Load() {
		if o.Status != nil {
			datagrams += o.Status().Datagrams
		}
	}
	return datagrams
}

// Alive reports whether the owner of the channel has gone round within the last
// seconds, or has not begun.
func (c *Channel) Alive(now time.Duration) bool {
	last := time.Duration(c.round.Load())
	return last == 0 || now-last < 10*time.Second
}

// Run keeps the channel on air until ctx ends, and returns when all that it
// started has ended.
func (c *Channel) Run(ctx context.Context) error {
	c.began = c.Now()
	c.lastTick = c.began
	first := c.cfg
	c.cfg = config.Channel{Name: first.Name, Disabled: first.Disabled}
	c.apply(ctx, first)
	defer c.stopAll()
	defer c.round.Store(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-c.commands:
			f(ctx)
		case <-c.wake:
		case <-timer.C:
		}
		now := c.Now()
		c.round.Store(int64(now))
		c.choose(ctx, now)
		if now-c.lastTick >= time.Second {
			c.tick(now)
		} else {
			c.publish()
		}
		timer.Reset(c.nextLook(c.Now()))
	}
}

// do runs f on the owner goroutine and waits for it.
func (c *Channel) do(ctx context.Context, f func(context.Context)) error {
	done := make(chan struct{})
	select {
	case c.commands <- func(run context.Context) { f(run); close(done) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// Update goes over to another configuration of the same name. Inputs and outputs
// that did not change go on untouched. It returns when the change is made.
func (c *Channel) Update(ctx context.Context, cfg config.Channel) error {
	return c.do(ctx, func(run context.Context) { c.apply(run, cfg) })
}

// Select holds the channel on one input, or lets it choose again with -1.
func (c *Channel) Select(ctx context.Context, index int) error {
	var err error
	e := c.do(ctx, func(run context.Context) {
		if err = c.enabled(); err != nil {
			return
		}
		if index >= len(c.inputs) {
			err = fmt.Errorf("channel %s has no input %d: it has %d", c.cfg.Name, index, len(c.inputs))
			return
		}
		if index < 0 {
			c.manual = nil
			return
		}
		in := c.inputs[index]
		if in.cfg.Disabled {
			err = fmt.Errorf("input %d of channel %s is disabled: enable it first", index, c.cfg.Name)
			return
		}
		c.manual = in
		in.start(run)
		c.switchTo(in, "selected by an operator")
	})
	if e != nil {
		return e
	}
	return err
}

// enabled returns an error if the channel is disabled: nothing of it is to run.
func (c *Channel) enabled() error {
	if c.cfg.Disabled {
		return fmt.Errorf("channel %s is disabled: enable it first", c.cfg.Name)
	}
	return nil
}

// Restart stops and starts every input and output of the channel.
func (c *Channel) Restart(ctx context.Context) error {
	var err error
	e := c.do(ctx, func(run context.Context) {
		if err = c.enabled(); err != nil {
			return
		}
		for _, o := range c.outputs {
			o.stop()
		}
		c.startOutputs(run)
		for _, in := range c.inputs {
			in.stop()
		}
		for _, in := range c.inputs {
			in.start(run)
		}
	})
	if e != nil {
		return e
	}
	return err
}

// apply makes the running inputs and outputs those of cfg, keeping what is equal.
func (c *Channel) apply(ctx context.Context, cfg config.Channel) {
	d := config.Delta(c.cfg, cfg)
	c.cfg = cfg
	if d.Toggled {
		c.began = c.Now()
	}
	c.applyInputs(ctx, d)
	c.applyOutputs(ctx, d)
}

func (c *Channel) applyInputs(ctx context.Context, d config.ChannelDelta) {
	keep := map[*input]bool{}
	next := make([]*input, len(c.cfg.Inputs))
	for i, cfg := range c.cfg.Inputs {
		if from := d.Inputs[i]; from >= 0 && from < len(c.inputs) && !d.Rewrite && !c.cfg.Disabled {
			next[i] = c.inputs[from]
			if i != from {
				next[i].clearAlarms() // they are named by the place
			}
			next[i].index, next[i].cfg = i, cfg
			next[i].timeout.Store(int64(cfg.SourceTimeout))
			keep[next[i]] = true
			continue
		}
		next[i] = newInput(c, i, cfg)
	}
	for _, in := range c.inputs {
		if !keep[in] {
			c.drop(in)
		}
	}
	c.inputs = next
	if c.cfg.Disabled {
		return
	}
	for _, in := range next {
		in.start(ctx)
	}
}

// drop ends an input that is no longer configured.
func (c *Channel) drop(in *input) {
	in.stop()
	c.mu.Lock()
	if c.active == in {
		c.active = nil
	}
	c.mu.Unlock()
	if c.manual == in {
		c.manual = nil
	}
	in.clearAlarms()
}

func (c *Channel) applyOutputs(ctx context.Context, d config.ChannelDelta) {
	keep := map[*output]bool{}
	next := make([]*output, len(c.cfg.Outputs))
	for i, cfg := range c.cfg.Outputs {
		if from := d.Outputs[i]; from >= 0 && from < len(c.outputs) && !c.cfg.Disabled {
			next[i] = c.outputs[from]
			if i != from {
				next[i].clearAlarms()
			}
			next[i].index, next[i].cfg = i, cfg
			keep[next[i]] = true
			continue
		}
		next[i] = &output{channel: c, index: i, cfg: cfg}
	}
	for _, o := range c.outputs {
		if !keep[o] {
			o.stop()
		}
	}
	c.outputs = next
	c.sending.Store(&[]Output{})
	if !c.cfg.Disabled {
		c.startOutputs(ctx)
	}
}

// startOutputs runs every output that is not disabled; those that run go on.
func (c *Channel) startOutputs(ctx context.Context) {
	var sending []Output
	for _, o := range c.outputs {
		if o.cfg.Disabled {
			continue
		}
		o.start(ctx)
		sending = append(sending, o.out)
	}
	c.sending.Store(&sending)
}

func (c *Channel) stopAll() {
	for _, in := range c.inputs {
		in.cancelRun()
	}
	for _, o := range c.outputs {
		o.cancelRun()
	}
	for _, in := range c.inputs {
		in.stop()
		in.clearAlarms()
	}
	for _, o := range c.outputs {
		o.stop()
	}
	for _, code := range []alarm.Code{alarm.ChannelOffAir, alarm.ChannelFailed, alarm.OnStandby} {
		c.Alarms.Set(code, c.object(), false, "")
	}
}

// output is one output and the task that runs it.
type output struct {
	channel *Channel
	index   int
	cfg     config.Output
	out     Output
	run     *running
	health
	overflow uint64 // as of the last report
	late     uint64 // as of then
}

// start runs the output unless it runs.
func (o *output) start(ctx context.Context) {
	if o.run != nil {
		return
	}
	c := o.channel
	o.set(Starting, nil)
	built, err := c.Build.Output(c.cfg.Name, o.index, o.cfg)
	if err != nil {
		o.set(Failed, err)
		return
	}
	o.out = built
	log := c.Log.With("output", o.index, "url", config.Redact(o.cfg.URL))
	o.run = startTask(ctx, supervise.Task{
		Name:    fmt.Sprintf("output %d of %s", o.index, c.cfg.Name),
		Backoff: supervise.Backoff{Min: 200 * time.Millisecond, Max: 10 * time.Second},
		Run: func(ctx context.Context) error {
			cur := c.ring.Open(ctx, flow.LastRandomAccess)
			defer cur.Close()
			o.set(OnAir, nil)
			return built.Run(ctx, cur)
		},
		Failed: func(err error, pause time.Duration) {
			log.Warn("output failed", "err", err, "again_in", pause)
			o.failed(err, pause)
		},
	})
}

func (o *output) cancelRun() { o.run.cancelRun() }

func (o *output) stop() {
	o.run.stop()
	o.run = nil
	o.clearAlarms()
	o.set(Off, nil)
}

func (o *output) clearAlarms() {
	for _, code := range []alarm.Code{alarm.OutputFailed, alarm.OutputOverflow, alarm.OutputLate} {
		o.channel.Alarms.Set(code, o.object(), false, "")
	}
}

func (o *output) object() string { return fmt.Sprintf("output/%s/%d", o.channel.cfg.Name, o.index) }

func (o *output) status() OutputStatus {
	var s OutputStatus
	if o.out.Status != nil {
		s = o.out.Status()
	}
	state, since, err := o.get()
	s.URL, s.State, s.Since = config.Redact(o.cfg.URL), state, since
	if err != "" {
		s.LastError = err
	} else if s.State == OnAir && s.LastError != "" {
		s.State = Retrying // it runs, but the system takes nothing
	} else if s.State == OnAir && s.Datagrams == 0 {
		s.State = Starting // it has nothing to send yet
	}
	if o.cfg.Disabled || o.channel.cfg.Disabled {
		s.State = Off
	}
	return s
}
