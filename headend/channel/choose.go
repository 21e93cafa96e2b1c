package channel

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigma/headend/alarm"
	"sigma/mux/flow"
)

// ranked returns the enabled inputs, best first.
func (c *Channel) ranked() []*input {
	var r []*input
	for _, i := range c.cfg.Order() {
		r = append(r, c.inputs[i])
	}
	return r
}

// choose puts the channel on the input it should be on.
func (c *Channel) choose(ctx context.Context, now time.Duration) {
	if c.cfg.Disabled {
		return
	}
	ranked := c.ranked()
	c.mu.Lock()
	active := c.active
	c.mu.Unlock()
	lost := active == nil || !active.healthy(now)
	c.probe(ctx, now, ranked, active, lost)
	if c.manual != nil {
		if active != c.manual {
			c.switchTo(c.manual, "selected by an operator")
		}
		return
	}
	for _, in := range ranked {
		if in == active && !lost {
			return
		}
		if !in.healthy(now) {
			continue
		}
		switch {
		case active == nil:
			// At the start the best input gets its time before a lesser one is used.
			if in != ranked[0] && now-c.began < ranked[0].silence() && ranked[0].run != nil {
				return
			}
			c.switchTo(in, "first good input")
			return
		case lost:
			c.switchTo(in, fmt.Sprintf("input %d lost: %v", active.index, active.quiet(now)))
			return
		case !c.cfg.NoReturn && in.goodFor(now) >= c.cfg.ReturnDelay.Std():
			c.switchTo(in, fmt.Sprintf("input %d good for %v", in.index, c.cfg.ReturnDelay))
			return
		}
	}
}

// probe decides which inputs run. Without a recheck interval all of them do.
// Otherwise a standby runs while the active input is lost, and for a look at
// every interval; an input better than the active one goes on running once it
// flows, so that the channel can return to it. One that runs in silence is opened
// again.
func (c *Channel) probe(ctx context.Context, now time.Duration, ranked []*input, active *input, lost bool) {
	every := c.cfg.Recheck.Std()
	better := true
	for _, in := range ranked {
		if in == active {
			better = false
		}
		in.reopen(now)
		if every == 0 || in == active || in == c.manual || lost {
			in.start(ctx)
			in.probeAt = now
			continue
		}
		switch look := now - in.probeAt; {
		case in.run == nil && look >= every:
			in.probeAt = now
			in.start(ctx)
		case in.run == nil || better && in.flowing(now):
		case in.healthy(now) || look > in.silence()+patience:
			in.verdict = in.judge(now)
			in.stop()
			in.idle = true
		}
	}
}

// nextLook returns how long nothing can become due.
func (c *Channel) nextLook(now time.Duration) time.Duration {
	due := c.lastTick + time.Second
	c.mu.Lock()
	active := c.active
	c.mu.Unlock()
	if active != nil && active.healthy(now) {
		due = min(due, time.Duration(active.last.Load())+active.silence()+time.Millisecond)
	}
	for _, in := range c.inputs {
		if since := time.Duration(in.good.Load()); in != active && since != 0 {
			if at := since + c.cfg.ReturnDelay.Std(); at > now {
				due = min(due, at)
			}
		}
	}
	if active == nil {
		due = min(due, now+100*time.Millisecond)
	}
	return max(due-now, time.Millisecond)
}

// switchTo makes in the active input: the programme goes on at the newest random
// access point of its ring, behind a clean cut.
func (c *Channel) switchTo(in *input, why string) {
	now := c.Now()
	c.mu.Lock()
	from := c.active
	if from == in {
		c.mu.Unlock()
		return
	}
	c.active = in
	c.shift = 0
	c.joiner.Cut()
	c.replay(in, now)
	c.mu.Unlock()
	if from == nil {
		c.Log.Info("on air", "input", in.index, "why", why)
	} else {
		c.switches++
		c.Log.Info("switched input", "from", from.index, "to", in.index, "why", why)
	}
	if c.Events != nil {
		c.Events("input_switched", c.object(), fmt.Sprintf("input %d: %s", in.index, why))
	}
}

// replay forwards what the ring of in holds from its newest random access point
// on. From then on the programme of in runs behind live by the age of that point.
// The caller holds mu.
func (c *Channel) replay(in *input, now time.Duration) {
	cur := in.ring.Open(context.Background(), flow.LastRandomAccess)
	defer cur.Close()
	var buf [32]flow.Item[flow.Batch]
	first := true
	for cur.Behind() > 0 {
		n, err := cur.Next(buf[:])
		if err != nil {
			return
		}
		for _, it := range buf[:n] {
			if first {
				c.shift, first = max(now-it.Arrived, 0), false
			}
			c.forward(it)
		}
	}
}

// forward appends one item of the active input to the channel ring. The caller
// holds mu.
func (c *Channel) forward(it flow.Item[flow.Batch]) {
	cut := c.joiner.Pending()
	it.V.Data = c.joiner.Join(it.V.Data)
	if cut {
		it.Marks |= flow.Discontinuity
	}
	if cut || it.Epoch != c.inEpoch {
		c.epoch++
	}
	c.inEpoch = it.Epoch
	it.Epoch = c.epoch
	it.Arrived += c.shift
	c.bytesOut += uint64(len(it.V.Data))
	c.ring.Append(it)
}

// tick measures and reports once a second.
func (c *Channel) tick(now time.Duration) {
	elapsed := now - c.lastTick
	c.lastTick = now
	c.mu.Lock()
	out := c.bytesOut
	c.bytesOut = 0
	active := c.active
	c.mu.Unlock()
	rate := bitrate(out, elapsed)
	if c.history = append(c.history, rate); len(c.history) > 60 {
		c.history = c.history[len(c.history)-60:]
	}
	for _, in := range c.inputs {
		total := in.bytes.Load()
		in.bitrate = bitrate(total-in.lastBytes, elapsed)
		in.lastBytes = total
		in.window.add(in.counters().Media())
	}
	c.publish()
	c.report(now, active)
}

func bitrate(bytes uint64, over time.Duration) int64 {
	if over <= 0 {
		return 0
	}
	return int64(float64(bytes) * 8 / over.Seconds())
}

// publish makes a new snapshot.
func (c *Channel) publish() {
	now := c.Now()
	c.mu.Lock()
	active := c.active
	c.mu.Unlock()
	s := &Status{
		Name: c.cfg.Name, Title: c.cfg.Title, Active: -1, Manual: -1, Switches: c.switches,
		History: slices.Clone(c.history),
		Inputs:  make([]InputStatus, 0, len(c.inputs)), Outputs: make([]OutputStatus, 0, len(c.outputs)),
	}
	if n := len(c.history); n > 0 {
		s.Bitrate = c.history[n-1]
	}
	for i, in := range c.inputs {
		if in == active {
			s.Active, s.Errors = i, in.window.sum()
			s.Services = in.seen.Load().services()
		}
		if in == c.manual {
			s.Manual = i
		}
		s.Inputs = append(s.Inputs, in.status(now, in == active))
	}
	for _, o := range c.outputs {
		s.Outputs = append(s.Outputs, o.status())
	}
	state := c.settle(now, active)
	if state != c.state {
		c.state, c.changed = state, time.Now()
	}
	s.State, s.Since = c.state, c.changed
	c.status.Store(s)
}

func (c *Channel) settle(now time.Duration, active *input) State {
	ranked := c.ranked()
	switch {
	case c.cfg.Disabled:
		return Off
	case active != nil && active.healthy(now) && active == ranked[0]:
		return OnAir
	case active != nil && active.healthy(now):
		return OnStandby
	case active == nil && now-c.began < c.cfg.SourceTimeout.Std():
		return Starting
	}
	for _, in := range ranked {
		if s, _, _ := in.get(); s != Failed {
			return NoSignal
		}
	}
	return Failed
}

// report tells the alarms what the state is.
func (c *Channel) report(now time.Duration, active *input) {
	name, set := c.object(), c.Alarms.Set
	off := c.state == NoSignal || c.state == Failed
	set(alarm.ChannelOffAir, name, off, "no input delivers packets")
	set(alarm.ChannelFailed, name, c.state == Failed, c.failure())
	set(alarm.OnStandby, name, c.state == OnStandby, "the primary input is not in use")
	for _, in := range c.inputs {
		s := in.status(now, in == active)
		bad, why := s.State == NoSignal || s.State == Retrying || s.State == Failed, s.LastError
		if !bad && in.verdict != nil { // until the next look finds otherwise
			bad, why = true, in.verdict.Error()
		}
		set(alarm.InputLost, in.object(), bad, why)
		set(alarm.InputWarning, in.object(), s.Warning != "", s.Warning)
		seen := in.seen.Load()
		missing := seen.missing()
		set(alarm.ServiceLost, in.object(), in.hearing(now) && missing != "", missing)
		set(alarm.Scrambled, in.object(), in.flowing(now) && seen.scrambled(in.before), "scrambled packets arrive")
		in.before = seen
		n := in.window.sum()
		set(alarm.SourceContinuity, in.object(), n > 0, fmt.Sprintf("%d media errors in the last minute", n))
	}
	for _, o := range c.outputs {
		s := o.status()
		set(alarm.OutputFailed, o.object(), s.State == Retrying || s.State == Failed, s.LastError)
		set(alarm.OutputOverflow, o.object(), s.Overflow > o.overflow, fmt.Sprintf("%d packets did not fit", s.Overflow-o.overflow))
		set(alarm.OutputLate, o.object(), s.Late > o.late, fmt.Sprintf("%d datagrams left more than 5 ms late in a second", s.Late-o.late))
		o.overflow, o.late = s.Overflow, s.Late
	}
}

// failure says why the best input has failed for good.
func (c *Channel) failure() string {
	for _, in := range c.ranked() {
		if s, _, err := in.get(); s == Failed {
			return fmt.Sprintf("input %d: %s", in.index, err)
		}
	}
	return ""
}
