package alarm

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// The damping of alarms that come and go: from the third raise within flapWindow,
// each one doubles the time the state must be over, up to flapHold.
const (
	flapWindow = 10 * time.Minute
	flapRaises = 3
	flapMin    = 10 * time.Second
	flapHold   = 10 * time.Minute
)

// maxStates bounds how many states are tracked: 2000 channels with a few each.
const maxStates = 20_000

// maxWaiting bounds how many changes wait to be told, as while the disk hangs. Then
// the oldest go: what is told later of an alarm says how it is by then.
const maxWaiting = 1000

// poll is how often Run looks at the clock: the resolution of Delay and Hold.
const poll = 200 * time.Millisecond

// Tracker turns states into alarms: it raises one when its state has lasted for
// the Delay of its definition, and clears it when the state has been over for the
// Hold. It is safe for concurrent use. Set the fields before the first call.
type Tracker struct {
	LastID int64 // the highest ID given out before; the next alarm has LastID + 1
	// Changed, when set, is told of each alarm that is raised, cleared or
	// acknowledged, in order, by Flush. It may block: alarms come and go all the same.
	Changed func(Alarm)

	mu      sync.Mutex
	known   map[Code]Definition
	states  map[key]*state
	dropped uint64
	waiting []Alarm // that Changed has not been told of, oldest first
	untold  uint64
	wake    chan struct{} // something waits
	tell    sync.Mutex    // held while Changed is told, so that the order holds
}

type key struct {
	code   Code
	object string
}

type state struct {
	on      bool
	since   time.Time // of on, or of its end
	unseen  bool      // Tick has not dated the last change yet
	detail  string
	alarm   Alarm // ID 0 when not raised
	raises  int   // within the window
	window  time.Time
	cleared time.Time
}

// Set takes a state; it implements Reporter. A code that is not declared is
// ignored. The change is dated by the next Tick.
func (t *Tracker) Set(code Code, object string, on bool, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.prepare()
	k := key{code, object}
	s := t.states[k]
	if s == nil {
		if _, declared := t.known[code]; !on || !declared {
			return
		}
		if len(t.states) >= maxStates {
			t.dropped++
			return
		}
		s = &state{}
		t.states[k] = s
	}
	if on {
		s.detail = detail
	}
	if s.on != on {
		s.on, s.unseen = on, true
	}
}

func (t *Tracker) prepare() {
	if t.states != nil {
		return
	}
	t.states, t.known, t.wake = map[key]*state{}, map[Code]Definition{}, make(chan struct{}, 1)
	for _, d := range Definitions() {
		t.known[d.Code] = d
	}
}

// Tick raises and clears what is due at now.
func (t *Tracker) Tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var changed []Alarm
	for k, s := range t.states {
		if a, ok := t.step(k, s, now); ok {
			changed = append(changed, a)
		}
		if !s.on && s.alarm.ID == 0 && now.Sub(s.cleared) > flapWindow {
			delete(t.states, k)
		}
	}
	t.report(changed...)
}

// step moves one state on; it returns the alarm that was raised or cleared.
func (t *Tracker) step(k key, s *state, now time.Time) (Alarm, bool) {
	if s.unseen {
		s.unseen, s.since = false, now
	}
	def, lasted := t.known[k.code], now.Sub(s.since)
	switch {
	case s.on && s.alarm.ID == 0 && lasted >= def.Delay:
		if now.Sub(s.window) > flapWindow {
			s.window, s.raises = now, 0
		}
		s.raises++
		t.LastID++
		s.alarm = Alarm{ID: t.LastID, Code: k.code, Severity: def.Severity, Object: k.object, Detail: s.detail, Raised: now}
		return s.alarm, true
	case s.on && s.alarm.ID != 0:
		s.alarm.Detail = s.detail
	case !s.on && s.alarm.ID != 0 && lasted >= s.hold(def):
		a := s.alarm
		a.Cleared, s.alarm, s.cleared = now, Alarm{}, now
		return a, true
	}
	return Alarm{}, false
}

// hold is the time the state must be over, longer for an alarm that flaps.
func (s *state) hold(def Definition) time.Duration {
	if s.raises < flapRaises {
		return def.Hold
	}
	return min(max(def.Hold, flapMin)<<min(s.raises-flapRaises+1, 16), max(flapHold, def.Hold))
}

// report has Changed told. The caller holds mu.
func (t *Tracker) report(changed ...Alarm) {
	if t.Changed == nil || len(changed) == 0 {
		return
	}
	slices.SortFunc(changed, func(a, b Alarm) int { return cmp.Compare(a.ID, b.ID) })
	t.waiting = append(t.waiting, changed...)
	if n := len(t.waiting) - maxWaiting; n > 0 {
		t.untold += uint64(n)
		t.waiting = slices.Delete(t.waiting, 0, n)
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Flush tells Changed what waits, and returns when nothing does. Run calls it.
func (t *Tracker) Flush() {
	t.tell.Lock()
	defer t.tell.Unlock()
	for {
		t.mu.Lock()
		now := t.waiting
		t.waiting = nil
		t.mu.Unlock()
		if len(now) == 0 {
			return
		}
		for _, a := range now {
			t.Changed(a)
		}
	}
}

// Run calls Tick until ctx ends, and Flush beside it.
func (t *Tracker) Run(ctx context.Context) error {
	t.mu.Lock()
	t.prepare()
	t.mu.Unlock()
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-t.wake:
			}
			t.Flush()
		}
	})
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			t.Tick(now)
		}
	}
}

// Forget clears at once every alarm about the objects, which are no more.
func (t *Tracker) Forget(now time.Time, objects ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var changed []Alarm
	for k, s := range t.states {
		if slices.Contains(objects, k.object) {
			if s.alarm.ID != 0 {
				s.alarm.Cleared = now
				changed = append(changed, s.alarm)
			}
			delete(t.states, k)
		}
	}
	t.report(changed...)
}

// Active returns the raised alarms, most severe first, then newest. The slice
// belongs to the caller.
func (t *Tracker) Active() []Alarm {
	t.mu.Lock()
	var out []Alarm
	for _, s := range t.states {
		if s.alarm.ID != 0 {
			out = append(out, s.alarm)
		}
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.ID, a.ID))
	})
	return out
}

// Ack notes who has seen a raised alarm. It returns the alarm, and false if none
// that is raised has the ID. Only the first acknowledgement counts.
func (t *Tracker) Ack(id int64, by string, now time.Time) (Alarm, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.states {
		if id == 0 || s.alarm.ID != id {
			continue
		}
		if s.alarm.AckedBy == "" {
			s.alarm.AckedBy, s.alarm.Acked = by, now
			t.report(s.alarm)
		}
		return s.alarm, true
	}
	return Alarm{}, false
}

// Dropped returns how many states were ignored because too many were tracked.
func (t *Tracker) Dropped() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped
}

// Untold returns how many changes Changed was not told of because too many waited.
func (t *Tracker) Untold() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.untold
}

var _ Reporter = (*Tracker)(nil)
