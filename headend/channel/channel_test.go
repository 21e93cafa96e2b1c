package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/supervise"
	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// generator writes a programme of one video PID: a frame of 10 packets every 40
// ms, a random access point every 12th, tables before each of them.
type generator struct {
	rig     *rig
	service uint16
	drops   atomic.Bool // packets get lost
	dead    atomic.Bool // the encoder is: tables, a PCR and null packets go on
	moved   atomic.Bool // the service has another id
	runs    atomic.Int32
	silent  atomic.Bool  // runs, but nothing comes
	hangs   atomic.Int32 // the run that nothing more comes of
	connect atomic.Int32 // frames that are over before the first one comes
	fail    atomic.Pointer[error]
}

func (g *generator) Run(ctx context.Context, to flow.Appender[flow.Batch]) error {
	run := g.runs.Add(1)
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	var pat, pmt psi.Packetizer
	cc := uint8(g.service) // every generator counts from somewhere else
	pcr := uint64(g.service) * 1e9
	for frame := 0; ; frame++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if e := g.fail.Load(); e != nil {
			return *e
		}
		pcr += 40 * 27000
		if g.silent.Load() || g.hangs.Load() == run || frame < int(g.connect.Load()) {
			continue
		}
		var data []byte
		if frame%12 == 0 {
			data = g.tables(data, &pat, &pmt)
		}
		for i := range 10 {
			p := make([]byte, 188)
			if g.dead.Load() {
				null := ts.Null()
				if data = append(data, null[:]...); i == 0 {
					data = ts.AppendPCRPacket(data, 0x100, (cc-1)&15, pcr)
				}
				continue
			}
			p[0], p[1], p[2], p[3] = 0x47, 0x01, 0x00, 0x10|cc
			if cc = (cc + 1) & 15; g.drops.Load() {
				cc = (cc + 3) & 15
			}
			if i == 0 {
				p[1] |= 0x40
				p[3] |= 0x20
				p[4], p[5] = 7, 0x10
				if frame%12 == 0 {
					p[5] |= 0x40
				}
				ts.SetPCR(p, pcr)
				copy(p[12:], []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0})
			}
			data = append(data, p...)
		}
		to.Append(flow.Item[flow.Batch]{Stamp: flow.Stamp{Arrived: g.rig.now()}, V: flow.Batch{Data: data}})
	}
}

// tables appends PAT and PMT.
func (g *generator) tables(dst []byte, pat, pmt *psi.Packetizer) []byte {
	pmt.PID = 0x20
	service := g.service
	if g.moved.Load() {
		service += 100
	}
	for _, t := range []struct {
		table interface{ Sections() ([]psi.Section, error) }
		to    *psi.Packetizer
	}{
		{&psi.PAT{TransportStreamID: 1, Programs: []psi.Program{{Number: service, PID: 0x20}}}, pat},
		{&psi.PMT{ProgramNumber: service, PCRPID: 0x100, Streams: []psi.Stream{{Type: 0x1B, PID: 0x100}}}, pmt},
	} {
		sections, err := t.table.Sections()
		if err != nil {
			g.rig.t.Error(err)
		}
		dst = t.to.AppendTo(dst, sections...)
	}
	return dst
}

// rig holds a channel with generators for inputs and recorders for outputs.
type rig struct {
	t       *testing.T
	base    time.Time
	gens    map[string]*generator
	outs    map[string]*recorder
	channel *Channel
	events  []string
	mu      sync.Mutex
	alarms  map[string]string // detail by code and object
}

func (r *rig) now() time.Duration { return time.Since(r.base) + time.Hour }

// Set implements alarm.Reporter.
func (r *rig) Set(code alarm.Code, object string, on bool, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.alarms, string(code)+" "+object); on {
		r.alarms[string(code)+" "+object] = detail
	}
}

// raised returns the alarms that are on.
func (r *rig) raised() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.alarms)
}

func (r *rig) Source(_ string, _ int, in config.Input) (Source, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(in.URL, "test://"), "?")
	g := r.gens[name]
	if g == nil {
		return Source{}, fmt.Errorf("%s: no such generator", in.URL)
	}
	return Source{Source: g}, nil
}

func (r *rig) Output(_ string, _ int, out config.Output) (Output, error) {
	rec := r.outs[out.URL]
	if rec == nil {
		rec = &recorder{}
		r.outs[out.URL] = rec
	}
	return Output{Output: rec, Status: func() OutputStatus {
		return OutputStatus{Bitrate: 1, Datagrams: rec.taken(), Late: rec.late.Load()}
	}}, nil
}

// recorder keeps what an output is given.
type recorder struct {
	mu    sync.Mutex
	items []flow.Item[flow.Batch]
	runs  int
	late  atomic.Uint64
}

func (r *recorder) Run(_ context.Context, from *flow.Cursor[flow.Batch]) error {
	r.mu.Lock()
	r.runs++
	r.mu.Unlock()
	buf := make([]flow.Item[flow.Batch], 16)
	for {
		n, err := from.Next(buf)
		if err != nil {
			return nil
		}
		r.mu.Lock()
		r.items = append(r.items, buf[:n]...)
		r.mu.Unlock()
	}
}

func (r *recorder) taken() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return uint64(len(r.items))
}

func (r *recorder) ran() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs
}

func (r *recorder) packets() (all []byte, cuts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, it := range r.items {
		all = append(all, it.V.Data...)
		if i > 0 && it.Marks.Has(flow.Discontinuity) {
			cuts++
		}
	}
	return all, cuts
}

func newRig(t *testing.T, cfg config.Channel, inputs ...string) *rig {
	r := &rig{t: t, base: time.Now(), gens: map[string]*generator{}, outs: map[string]*recorder{}, alarms: map[string]string{}}
	for i, url := range inputs {
		name, _, _ := strings.Cut(url, "?")
		r.gens[name] = &generator{rig: r, service: uint16(i + 1)}
		cfg.Inputs = append(cfg.Inputs, config.Input{URL: "test://" + url})
	}
	cfg.Name = "news"
	if cfg.SourceTimeout == 0 {
		cfg.SourceTimeout = config.Duration(time.Second)
	}
	if cfg.ReturnDelay == 0 {
		cfg.ReturnDelay = config.Duration(10 * time.Second)
	}
	r.channel = &Channel{Config: cfg.Effective(), Build: r, Alarms: r, Now: r.now, Log: slog.New(slog.DiscardHandler),
		Events: func(kind, object, text string) { r.events = append(r.events, kind+" "+text) }}
	r.channel.Initialize()
	return r
}

// run starts the channel and returns what stops it and waits.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.channel.Run(ctx); err != nil {
			r.t.Errorf("run: %v", err)
		}
	}()
	return func() { cancel(); <-done }
}

// after lets the bubble's time pass.
func after(d time.Duration) {
	time.Sleep(d) // the time of the bubble, not of the machine
	synctest.Wait()
}

// activeAfter returns the active input once d has passed.
func (r *rig) activeAfter(d time.Duration) int {
	after(d)
	return r.channel.Status().Active
}

func out(url string) config.Output { return config.Output{URL: url} }

// update goes over to cfg as the engine does, with the defaults filled in.
func (r *rig) update(cfg config.Channel) {
	r.t.Helper()
	if err := r.channel.Update(r.t.Context(), cfg.Effective()); err != nil {
		r.t.Fatal(err)
	}
}

func TestFailoverAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Outputs: []config.Output{out("o")}}, "a", "b")
		stop := r.run()
		if got := r.activeAfter(2 * time.Second); got != 0 {
			t.Fatalf("active %d at the start, want 0", got)
		}
		r.gens["a"].silent.Store(true)
		if got := r.activeAfter(900 * time.Millisecond); got != 0 {
			t.Errorf("active %d before the source time-out", got)
		}
		if got := r.activeAfter(600 * time.Millisecond); got != 1 {
			t.Fatalf("active %d at 1.5 s of silence, want 1: source_timeout is 1 s", got)
		}
		if s := r.channel.Status(); s.State != OnStandby {
			t.Errorf("state %s, want %s", s.State, OnStandby)
		}
		after(time.Second)
		want := map[string]string{"on_standby channel/news": "the primary input is not in use", "input_lost input/news/0": "no packet for 1s"}
		if got := r.raised(); !maps.Equal(got, want) {
			t.Errorf("alarms %q, want %q", got, want)
		}
		r.gens["a"].silent.Store(false)
		if got := r.activeAfter(9 * time.Second); got != 1 {
			t.Errorf("active %d, returned before return_delay", got)
		}
		if got := r.activeAfter(1500 * time.Millisecond); got != 0 {
			t.Errorf("active %d, want the primary back", got)
		}
		after(2 * time.Second)
		if got := r.raised(); len(got) != 0 {
			t.Errorf("alarms %v after all is well", got)
		}
		stop()
		all, cuts := r.outs["o"].packets()
		if cuts != 2 {
			t.Errorf("%d cuts, want 2", cuts)
		}
		checkStream(t, all, 2)
		if len(r.events) != 3 {
			t.Errorf("events %q", r.events)
		}
	})
}

// checkStream checks that counters go on over every cut, that each is announced
// once, and that the PCR does not jump unannounced.
func checkStream(t *testing.T, all []byte, cuts int) {
	t.Helper()
	last, flagged, pcr := map[uint16]uint8{}, 0, uint64(0)
	for i := 0; i < len(all); i += 188 {
		p := all[i : i+188]
		pid := ts.PID(p)
		if cc, seen := last[pid]; seen && ts.CC(p) != (cc+1)&15 {
			t.Fatalf("packet %d: PID %#x counts %d after %d", i/188, pid, ts.CC(p), cc)
		}
		last[pid] = ts.CC(p)
		if v, ok := ts.PCR(p); ok {
			switch {
			case ts.DiscontinuityIndicator(p):
				flagged++
			case pcr != 0 && v-pcr != 40*27000:
				t.Fatalf("packet %d: PCR moves by %d without discontinuity_indicator", i/188, int64(v-pcr))
			}
			pcr = v
		}
	}
	if flagged != cuts {
		t.Errorf("%d PCRs with discontinuity_indicator, want %d", flagged, cuts)
	}
}

func TestStandbyWaitsForThePrimaryAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{SourceTimeout: config.Duration(3 * time.Second)}, "a", "b")
		r.gens["a"].silent.Store(true)
		stop := r.run()
		defer stop()
		if got := r.activeAfter(2 * time.Second); got != -1 {
			t.Errorf("active %d while the primary has its time", got)
		}
		if got := r.activeAfter(1500 * time.Millisecond); got != 1 {
			t.Errorf("active %d, want the standby", got)
		}
	})
}

func TestManualSelection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{}, "a", "b", "c")
		stop := r.run()
		defer stop()
		after(time.Second)
		if err := r.channel.Select(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		r.gens["c"].silent.Store(true)
		if got := r.activeAfter(20 * time.Second); got != 2 {
			t.Errorf("active %d, want 2 as selected", got)
		}
		if s := r.channel.Status(); s.State != NoSignal || s.Manual != 2 {
			t.Errorf("state %s manual %d", s.State, s.Manual)
		}
		if err := r.channel.Select(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if got := r.activeAfter(time.Second); got != 0 {
			t.Errorf("active %d after automatic, want 0", got)
		}
		if err := r.channel.Select(t.Context(), 7); err == nil {
			t.Error("input 7 of 3 was selected")
		}
	})
}

func TestUpdateTouchesOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config.Channel{Outputs: []config.Output{out("o1"), out("o2")}}
		r := newRig(t, cfg, "a", "b")
		stop := r.run()
		after(2 * time.Second)
		next := r.channel.Config
		next.Title = "News"
		next.Outputs = []config.Output{out("o1"), {URL: "o2", DSCP: 3}, out("o3")}
		r.update(next)
		after(2 * time.Second)
		if n := r.gens["a"].runs.Load(); n != 1 {
			t.Errorf("input a ran %d times", n)
		}
		if a, b, c := r.outs["o1"].ran(), r.outs["o2"].ran(), r.outs["o3"].ran(); a != 1 || b != 2 || c != 1 {
			t.Errorf("outputs ran %d %d %d times, want 1 2 1", a, b, c)
		}
		next.Inputs = next.Inputs[1:] // the active one goes
		r.update(next)
		after(2 * time.Second)
		s := r.channel.Status()
		if s.Active != 0 || s.Inputs[0].URL != "test://b" || s.State != OnAir || r.gens["b"].runs.Load() != 1 {
			t.Errorf("after removing the active input: %+v", s)
		}
		stop()
		all, cuts := r.outs["o1"].packets()
		checkStream(t, all, cuts)
		if cuts != 1 {
			t.Errorf("%d cuts, want 1", cuts)
		}
	})
}

func TestFailingSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{}, "a", "b")
		no := supervise.Permanent(errors.New("cannot ever work"))
		r.gens["b"].fail.Store(&no)
		off := errors.New("connection refused")
		r.gens["a"].fail.Store(&off)
		stop := r.run()
		after(3 * time.Second)
		s := r.channel.Status()
		if s.State != NoSignal || s.Inputs[0].State != Retrying || s.Inputs[1].State != Failed || s.Inputs[0].LastError != "connection refused" {
			t.Errorf("%+v", s)
		}
		if got := r.raised(); got["channel_off_air channel/news"] == "" {
			t.Errorf("alarms %v", got)
		}
		if n := r.gens["a"].runs.Load(); n < 3 || n > 8 {
			t.Errorf("%d attempts in 3 s", n)
		}
		r.gens["a"].fail.Store(nil)
		if got := r.activeAfter(10 * time.Second); got != 0 {
			t.Errorf("active %d once the source works", got)
		}
		stop()
	})
}

// The alarm about damage is about the input that is damaged, active or not, and is
// over a minute after the damage.
func TestDamageIsThatOfTheInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{NoReturn: true}, "a", "b")
		stop := r.run()
		defer stop()
		damaged := func(input int) bool {
			_, on := r.raised()[fmt.Sprintf("source_continuity input/news/%d", input)]
			return on
		}
		after(3 * time.Second)
		r.gens["a"].drops.Store(true)
		after(3 * time.Second)
		r.gens["a"].drops.Store(false)
		if n := r.channel.Status().Errors; !damaged(0) || damaged(1) || n == 0 {
			t.Errorf("alarms %q, %d errors", r.raised(), n)
		}
		r.gens["a"].silent.Store(true)
		after(3 * time.Second)
		if s := r.channel.Status(); s.Active != 1 || s.Errors != 0 || !damaged(0) || damaged(1) {
			t.Errorf("on input %d: alarms %q, %d errors", s.Active, r.raised(), s.Errors)
		}
		r.gens["a"].silent.Store(false)
		after(65 * time.Second)
		if damaged(0) || damaged(1) {
			t.Errorf("a minute later: alarms %q", r.raised())
		}
		r.gens["a"].drops.Store(true) // the standby
		after(3 * time.Second)
		if s := r.channel.Status(); s.Active != 1 || s.Errors != 0 || !damaged(0) || damaged(1) {
			t.Errorf("standby: on input %d, alarms %q, %d errors", s.Active, r.raised(), s.Errors)
		}
	})
}

// What no longer carries the programme is lost, whatever else of it arrives.
func TestDeadProgrammeIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		url  string
		kill func(*generator)
		want string
	}{
		"encoder":       {"a", func(g *generator) { g.dead.Store(true) }, "packets come, but none of a programme for 1s"},
		"service moved": {"a?program=1", func(g *generator) { g.moved.Store(true) }, "programme not in the PAT"},
		"all, then the rest": {"a", func(g *generator) {
			g.dead.Store(true)
			after(40 * time.Millisecond)
			g.silent.Store(true)
		}, "no packet for 1s"},
		"service's media": {"a?program=1", func(g *generator) { g.dead.Store(true) }, "packets come, but none of a programme for 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, config.Channel{}, c.url, "b")
				stop := r.run()
				defer stop()
				after(3 * time.Second)
				if s := r.channel.Status(); s.State != OnAir {
					t.Fatalf("state %s before", s.State)
				}
				c.kill(r.gens["a"])
				after(4 * time.Second)
				s := r.channel.Status()
				if s.Active != 1 || s.State != OnStandby || s.Inputs[0].State != NoSignal || s.Inputs[0].LastError != c.want || s.Bitrate == 0 {
					t.Errorf("input %d, %s, %+v", s.Active, s.State, s.Inputs[0])
				}
				raised := r.raised()
				_, lost := raised["input_lost input/news/0"]
				_, moved := raised["service_lost input/news/0"]
				if !lost || moved != (c.want == "programme not in the PAT") {
					t.Errorf("alarms %q", raised)
				}
				if n := r.gens["a"].runs.Load(); (n > 1) != (c.want == "no packet for 1s") {
					t.Errorf("%d runs: a source that gives packets is left alone, a silent one is not", n)
				}
			})
		})
	}
}

func TestSilentSourceIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{}, "a")
		stop := r.run()
		defer stop()
		after(3 * time.Second)
		r.gens["a"].hangs.Store(1) // as a server that died with its connection open
		after(1100 * time.Millisecond)
		if s := r.channel.Status(); s.Inputs[0].State != NoSignal || s.Inputs[0].LastError != "no packet for 1s" {
			t.Errorf("input %+v, want no signal", s.Inputs[0])
		}
		after(2 * time.Second)
		if s := r.channel.Status(); s.State != OnAir || r.gens["a"].runs.Load() != 2 || s.Inputs[0].Counters.Retries != 1 {
			t.Errorf("state %s after %d runs, want on air after 2", s.State, r.gens["a"].runs.Load())
		}
		r.gens["a"].silent.Store(true)
		after(30 * time.Second)
		if n := r.gens["a"].runs.Load(); n < 7 || n > 11 {
			t.Errorf("%d runs, want one about every 4 s of half a minute of silence", n)
		}
		if s := r.channel.Status(); s.Inputs[0].State != NoSignal {
			t.Errorf("input %s, want %s", s.Inputs[0].State, NoSignal)
		}
	})
}

func TestSourceHasTimeToConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{}, "a")
		r.gens["a"].connect.Store(75) // 3 s, longer than source_timeout
		stop := r.run()
		defer stop()
		after(5 * time.Second)
		if s := r.channel.Status(); s.State != OnAir || r.gens["a"].runs.Load() != 1 {
			t.Errorf("state %s after %d runs, want on air in the first", s.State, r.gens["a"].runs.Load())
		}
	})
}

func TestChannelThatCannotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{}, "a", "b")
		no := supervise.Permanent(errors.New("cannot ever work"))
		r.gens["a"].fail.Store(&no)
		r.gens["b"].fail.Store(&no)
		stop := r.run()
		after(3 * time.Second)
		if got := r.raised(); got["channel_failed channel/news"] != "input 0: cannot ever work" {
			t.Errorf("alarms %q", got)
		}
		stop()
		if got := r.raised(); len(got) != 0 {
			t.Errorf("alarms %q of a channel that ended", got)
		}
	})
}

func TestOutputThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Outputs: []config.Output{out("o")}}, "a")
		stop := r.run()
		defer stop()
		after(2500 * time.Millisecond)
		r.outs["o"].late.Store(7)
		after(time.Second)
		if got := r.raised(); got["output_late output/news/0"] != "7 datagrams left more than 5 ms late in a second" {
			t.Errorf("alarms %q", got)
		}
		after(time.Second)
		if got := r.raised(); len(got) != 0 {
			t.Errorf("alarms %q once none is late", got)
		}
	})
}

// An input that begins later has its source_timeout from then on.
func TestLaterInputHasTimeToBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{SourceTimeout: config.Duration(5 * time.Second)}, "a")
		stop := r.run()
		defer stop()
		after(30 * time.Second)
		r.gens["b"] = &generator{rig: r, service: 2}
		r.gens["b"].connect.Store(75) // 3 s
		next := r.channel.Config
		next.Inputs = append(next.Inputs[:1:1], config.Input{URL: "test://b"})
		r.update(next)
		for range 5 {
			after(time.Second)
			if got := r.raised(); len(got) != 0 {
				t.Fatalf("alarms %q, input %+v", got, r.channel.Status().Inputs[1])
			}
		}
		if s := r.channel.Status().Inputs[1].State; s != Ready {
			t.Errorf("input %s, want %s", s, Ready)
		}
		r.gens["b"].connect.Store(1e6)
		if err := r.channel.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		after(6500 * time.Millisecond)
		if got := r.raised(); got["input_lost input/news/1"] != "no packet yet" {
			t.Errorf("alarms %q after source_timeout", got)
		}
	})
}

func TestRecheckProbesStandbys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Recheck: config.Duration(30 * time.Second)}, "a", "b")
		stop := r.run()
		defer stop()
		after(10 * time.Second)
		if s := r.channel.Status(); s.Inputs[1].State != Idle {
			t.Errorf("standby %s, want idle between probes", s.Inputs[1].State)
		}
		runs := r.gens["b"].runs.Load()
		after(60 * time.Second)
		if n := r.gens["b"].runs.Load() - runs; n < 1 || n > 3 {
			t.Errorf("%d probes in 60 s, want one every 30 s", n)
		}
		r.gens["a"].silent.Store(true)
		if got := r.activeAfter(3 * time.Second); got != 1 {
			t.Errorf("active %d, want the standby", got)
		}
		r.gens["a"].silent.Store(false)
		if got := r.activeAfter(45 * time.Second); got != 0 {
			t.Errorf("active %d, want the primary back", got)
		}
	})
}

// What a probe has found holds until the next one: the alarm about a dead standby
// does not come and go.
func TestVerdictOfAProbeHolds(t *testing.T) {
	refused := errors.New("connection refused")
	for want, kill := range map[string]func(*generator){
		"no packet yet":      func(g *generator) { g.silent.Store(true) },
		"connection refused": func(g *generator) { g.fail.Store(&refused) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, config.Channel{Recheck: config.Duration(10 * time.Second)}, "a", "b")
			kill(r.gens["b"])
			stop := r.run()
			defer stop()
			after(10 * time.Second)
			for range 35 {
				after(time.Second)
				if got := r.raised()["input_lost input/news/1"]; got != want {
					t.Fatalf("alarms %q, want %q of the standby", r.raised(), want)
				}
			}
			if n := r.gens["b"].runs.Load(); n < 3 {
				t.Fatalf("%d probes", n)
			}
			if s := r.channel.Status().Inputs[1]; s.State == Idle && s.LastError != want {
				t.Errorf("input %+v", s)
			}
			r.gens["b"].silent.Store(false)
			r.gens["b"].fail.Store(nil)
			after(15 * time.Second)
			if got := r.raised(); len(got) != 0 {
				t.Errorf("alarms %q once it works", got)
			}
		})
	}
}

func TestSourceRestartIsACleanCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Outputs: []config.Output{out("o")}}, "a")
		stop := r.run()
		after(2 * time.Second)
		off := errors.New("reset by peer")
		r.gens["a"].fail.Store(&off)
		after(100 * time.Millisecond)
		r.gens["a"].fail.Store(nil)
		after(3 * time.Second)
		stop()
		all, cuts := r.outs["o"].packets()
		if cuts != 1 {
			t.Errorf("%d cuts, want 1", cuts)
		}
		checkStream(t, all, cuts)
	})
}

func TestDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Disabled: true, Outputs: []config.Output{out("o")}}, "a")
		stop := r.run()
		defer stop()
		after(3 * time.Second)
		if s := r.channel.Status(); s.State != Off || r.gens["a"].runs.Load() != 0 || len(r.raised()) != 0 {
			t.Errorf("state %s runs %d alarms %v", s.State, r.gens["a"].runs.Load(), r.raised())
		}
		for what, err := range map[string]error{
			"select": r.channel.Select(t.Context(), 0), "automatic": r.channel.Select(t.Context(), -1), "restart": r.channel.Restart(t.Context()),
		} {
			if err == nil || err.Error() != "channel news is disabled: enable it first" {
				t.Errorf("%s: %v", what, err)
			}
		}
		after(3 * time.Second)
		if n := r.gens["a"].runs.Load(); n != 0 || r.channel.Status().Active != -1 {
			t.Errorf("%d runs of the source of a channel that is off", n)
		}
		next := r.channel.Config
		next.Disabled = false
		r.update(next)
		if got := r.activeAfter(2 * time.Second); got != 0 {
			t.Errorf("active %d once enabled", got)
		}
		for round := range 2 {
			if s := r.channel.Status().Outputs[0]; r.outs["o"].ran() != round+1 || s.State != OnAir {
				t.Errorf("once enabled the output ran %d times, want %d: %+v", r.outs["o"].ran(), round+1, s)
			}
			next.Disabled = true
			r.update(next)
			after(time.Second)
			next.Disabled = false
			r.update(next)
			after(2 * time.Second)
		}
	})
}

func TestOutputOfASilentChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config.Channel{Outputs: []config.Output{out("o")}}, "a")
		r.gens["a"].silent.Store(true)
		stop := r.run()
		defer stop()
		after(3 * time.Second)
		if s := r.channel.Status().Outputs[0]; s.State != Starting {
			t.Errorf("%+v, want nothing on air", s)
		}
		r.gens["a"].silent.Store(false)
		after(3 * time.Second)
		if s := r.channel.Status().Outputs[0]; s.State != OnAir {
			t.Errorf("%+v, want it on air", s)
		}
		if err := r.channel.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		after(3 * time.Second)
		if n := r.outs["o"].ran(); n != 2 {
			t.Errorf("the output ran %d times over a restart, want 2", n)
		}
	})
}
