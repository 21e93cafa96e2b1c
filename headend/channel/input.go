package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/supervise"
	"sigma/mux"
	"sigma/mux/flow"
	"sigma/mux/inspect"
)

// patience is how long an input may flow without a random access point before it
// is used as it is: scrambled programmes and data services never show one.
const patience = 3 * time.Second

// between is how long tables and null packets count as the programme: they come
// between its frames, and behind the last of them when the sender is cut off.
const between = 100 * time.Millisecond

// input is one source, its inspection and its own small ring. Append runs on the
// goroutine of the source.
type input struct {
	channel *Channel
	index   int
	cfg     config.Input
	timeout atomic.Int64 // source_timeout in ns
	source  Source
	run     *running
	health

	// Used by the goroutine of the source alone.
	extract *mux.Extractor
	inspect *inspect.Inspector
	looked  time.Duration
	media   uint64        // packets of the programme so far
	fed     time.Duration // our clock at the last of them

	ring   *flow.Ring[flow.Batch]
	fresh  bool          // guarded by Channel.mu: nothing usable came since the source started
	began  time.Duration // guarded by Channel.mu: first packet since the source started
	opened time.Duration // guarded by Channel.mu: when the source started
	end    func(error)   // guarded by Channel.mu: ends this run of the source; nil when that was asked for
	heard  atomic.Int64  // our clock at the last packet of any kind, 0 before the first
	last   atomic.Int64  // our clock at the last packet of the programme, 0 before the first
	good   atomic.Int64  // since when those came without a break, 0 while they do not
	usable atomic.Bool   // a random access point was seen, or patience ran out
	bytes  atomic.Uint64
	seen   atomic.Pointer[findings]

	before    *findings // as of the last report
	idle      bool      // a standby between probes
	started   time.Duration
	probeAt   time.Duration
	verdict   error // what the last probe found wrong, until the input is healthy
	window    errorWindow
	lastBytes uint64
	bitrate   int64
}

func newInput(c *Channel, index int, cfg config.Input) *input {
	in := &input{channel: c, index: index, cfg: cfg, ring: flow.NewRing[flow.Batch](ringItems)}
	in.timeout.Store(int64(cfg.SourceTimeout))
	in.state, in.since = Off, time.Now()
	return in
}

// start runs the source; it does nothing when it runs already.
func (in *input) start(ctx context.Context) {
	if in.run != nil || in.cfg.Disabled {
		return
	}
	c := in.channel
	in.idle, in.started = false, c.Now()
	src, err := c.Build.Source(c.cfg.Name, in.index, in.cfg)
	if err != nil {
		in.set(Failed, err)
		return
	}
	in.source = src
	in.extract, err = newExtractor(c.cfg, in.cfg)
	if err != nil {
		in.set(Failed, err)
		return
	}
	in.inspect, in.media, in.fed = &inspect.Inspector{}, 0, 0
	in.seen.Store(nil)
	in.set(Starting, nil)
	longest, log := in.cfg.MaxRetry.Std(), c.Log.With("input", in.index, "url", config.Redact(in.cfg.URL))
	in.run = startTask(ctx, supervise.Task{
		Name:    fmt.Sprintf("input %d of %s", in.index, c.cfg.Name),
		Backoff: supervise.Backoff{Min: min(200*time.Millisecond, longest), Max: longest},
		Run:     in.attempt,
		Failed: func(err error, pause time.Duration) {
			level := slog.LevelWarn
			if errors.As(err, new(silent)) {
				level = slog.LevelDebug // every few seconds, and there is an alarm about it
			}
			log.Log(context.Background(), level, "input failed", "err", err, "again_in", pause)
			in.good.Store(0)
			in.failed(err, pause)
		},
	})
}

// attempt runs the source once.
func (in *input) attempt(ctx context.Context) error {
	run, end := context.WithCancelCause(ctx)
	defer end(nil)
	in.restarted(end)
	err := in.source.Run(run, in)
	if ctx.Err() == nil && run.Err() != nil {
		return context.Cause(run)
	}
	if err == nil && ctx.Err() == nil {
		err = errors.New("the source ended")
	}
	return err
}

// reopen ends a run of the source that has gone silent, so that the next begins: a
// server that died with its connection open never says so. One that has given
// nothing yet gets patience beside the source time-out, for connecting takes time.
func (in *input) reopen(now time.Duration) {
	c := in.channel
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.end == nil || now-max(time.Duration(in.heard.Load()), in.opened+patience) <= in.silence() {
		return
	}
	in.end(in.quiet(now))
	in.end = nil
}

func (in *input) cancelRun() { in.run.cancelRun() }

// stop ends the source and waits for it.
func (in *input) stop() {
	in.run.stop()
	in.run = nil
	in.heard.Store(0)
	in.last.Store(0)
	in.good.Store(0)
	in.usable.Store(false)
	in.set(Off, nil)
}

// restarted makes the next packets those of a new run of the source, which end
// ends: they are used from the first random access point on, behind a clean cut.
func (in *input) restarted(end func(error)) {
	in.channel.mu.Lock()
	in.fresh, in.began, in.opened, in.end = true, 0, in.channel.Now(), end
	in.channel.mu.Unlock()
	in.usable.Store(false)
}

// Append takes packets from the source, on its goroutine: picks the programme,
// inspects it, and hands it on.
func (in *input) Append(it flow.Item[flow.Batch]) {
	now := in.channel.Now()
	in.heard.Store(int64(now))
	if in.fed != 0 && now-in.fed <= between {
		in.beat(now)
	}
	in.bytes.Add(uint64(len(it.V.Data)))
	if in.extract != nil {
		in.extract.Feed(it, in.inspected)
	} else {
		in.inspected(it)
	}
	in.look(now)
}

func (in *input) inspected(it flow.Item[flow.Batch]) { in.inspect.Feed(it, in.deliver) }

// deliver puts one inspected item into the ring of the input and, if the input is
// the active one, into that of the channel. Both happen under one lock, so that a
// switch sees the item exactly once.
func (in *input) deliver(it flow.Item[flow.Batch]) {
	c := in.channel
	if n := in.inspect.Media(); n != in.media {
		in.media, in.fed = n, c.Now()
		in.beat(in.fed)
	}
	c.mu.Lock()
	if in.fresh {
		if in.began == 0 {
			in.began = it.Arrived
		}
		if !it.Marks.Has(flow.RandomAccess) && it.Arrived-in.began < patience {
			c.mu.Unlock()
			return
		}
		in.fresh = false
		it.Marks |= flow.Discontinuity
		if c.active == in {
			c.joiner.Cut()
		}
	}
	in.ring.Append(it)
	if c.active == in {
		c.forward(it)
	}
	first := !in.usable.Load()
	c.mu.Unlock()
	if first {
		in.usable.Store(true)
		in.set(Ready, nil)
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// beat notes that the programme goes on.
func (in *input) beat(now time.Duration) {
	last := time.Duration(in.last.Swap(int64(now)))
	if in.good.Load() == 0 || now-last > in.silence() {
		in.good.Store(int64(now))
	}
}

// silence returns how long packets may stay away before the input is lost.
func (in *input) silence() time.Duration { return time.Duration(in.timeout.Load()) }

// hearing reports whether anything came within the source time-out.
func (in *input) hearing(now time.Duration) bool {
	heard := time.Duration(in.heard.Load())
	return in.run != nil && heard != 0 && now-heard <= in.silence()
}

// flowing reports whether packets of the programme came within the source time-out.
func (in *input) flowing(now time.Duration) bool {
	last := time.Duration(in.last.Load())
	return in.run != nil && last != 0 && now-last <= in.silence() && in.good.Load() != 0
}

// healthy reports whether the channel can be put on the input.
func (in *input) healthy(now time.Duration) bool { return in.flowing(now) && in.usable.Load() }

// goodFor returns how long packets of the programme have come without a break.
func (in *input) goodFor(now time.Duration) time.Duration {
	since := time.Duration(in.good.Load())
	if since == 0 || !in.flowing(now) {
		return 0
	}
	return now - since
}

func (in *input) counters() Counters {
	var k Counters
	if in.source.Counters != nil {
		k = in.source.Counters()
	}
	in.seen.Load().addTo(&k)
	k.Bytes = in.bytes.Load()
	in.mu.Lock()
	k.Retries = in.retries
	in.mu.Unlock()
	return k
}

func (in *input) object() string { return fmt.Sprintf("input/%s/%d", in.channel.cfg.Name, in.index) }

func (in *input) clearAlarms() {
	for _, code := range []alarm.Code{alarm.InputLost, alarm.InputWarning, alarm.ServiceLost, alarm.Scrambled, alarm.SourceContinuity} {
		in.channel.Alarms.Set(code, in.object(), false, "")
	}
}

// status also settles what the state is: a source that runs but is silent has no
// signal.
func (in *input) status(now time.Duration, active bool) InputStatus {
	state, _, _ := in.get()
	if in.healthy(now) {
		in.verdict = nil
	}
	switch {
	case in.channel.cfg.Disabled || in.cfg.Disabled:
		in.set(Off, nil)
	case in.idle:
		in.set(Idle, in.verdict)
	case in.run == nil || state == Retrying || state == Failed:
	case in.healthy(now) && active:
		in.set(OnAir, nil)
	case in.healthy(now):
		in.set(Ready, nil)
	case in.last.Load() != 0 && !in.flowing(now):
		in.set(NoSignal, in.quiet(now))
	case now-in.started > in.silence() && in.last.Load() == 0:
		in.set(NoSignal, in.quiet(now))
	}
	state, since, err := in.get()
	s := InputStatus{URL: config.Redact(in.cfg.URL), State: state, Since: since, Bitrate: in.bitrate, LastError: err, Counters: in.counters()}
	if in.source.Warning != nil {
		s.Warning = in.source.Warning()
	}
	return s
}

// judge says what a probe that ends has found wrong, or nothing.
func (in *input) judge(now time.Duration) error {
	state, _, err := in.get()
	switch {
	case in.healthy(now):
		return nil
	case state == Retrying || state == Failed:
		return errors.New(err)
	case in.flowing(now):
		return errors.New("no random access point")
	}
	return in.quiet(now)
}

// silent is the error of an input that gives no packets: it runs, and is opened
// again all the same.
type silent string

func (s silent) Error() string { return string(s) }

// quiet says why the programme does not come.
func (in *input) quiet(now time.Duration) error {
	missing, n := in.seen.Load().missing(), in.counters().Sync
	switch {
	case in.hearing(now) && missing != "":
		return silent(missing)
	case in.hearing(now):
		return silent(fmt.Sprintf("packets come, but none of a programme for %v", in.silence()))
	case in.heard.Load() != 0:
		return silent(fmt.Sprintf("no packet for %v", in.silence()))
	case n > 0:
		return silent(fmt.Sprintf("what arrives is no transport stream (%d errors): expected packets of 188 bytes that begin with 0x47", n))
	}
	return silent("no packet yet")
}
