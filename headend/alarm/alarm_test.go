package alarm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestDefinitionsAreComplete(t *testing.T) {
	seen := map[Code]bool{}
	for _, d := range Definitions() {
		if !regexp.MustCompile(`^[a-z][a-z_]{3,39}$`).MatchString(string(d.Code)) || seen[d.Code] {
			t.Errorf("%q: not a code, or used twice", d.Code)
		}
		seen[d.Code] = true
		for what, s := range map[string]string{"title": d.Title, "cause": d.Cause, "remedy": d.Remedy} {
			if len(s) < 12 || len(s) > 200 || strings.HasSuffix(s, ".") {
				t.Errorf("%s: %s %q", d.Code, what, s)
			}
		}
		if d.Severity < Warning || d.Severity > Critical || d.Severity.String() == "unknown" {
			t.Errorf("%s: severity %d", d.Code, d.Severity)
		}
		if d.Delay < 0 || d.Hold < 0 || d.Delay > 5*time.Minute || d.Hold > 5*time.Minute {
			t.Errorf("%s: delay %v hold %v", d.Code, d.Delay, d.Hold)
		}
		if got, ok := Lookup(d.Code); !ok || got != d {
			t.Errorf("%s is not found", d.Code)
		}
	}
	if _, ok := Lookup("nonsense"); ok {
		t.Error("nonsense is declared")
	}
}

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// rig is a tracker with a clock and a record of what it told.
type rig struct {
	Tracker
	now  time.Time
	told []string
}

func newRig() *rig {
	r := &rig{now: start}
	r.Changed = func(a Alarm) {
		verb := "raised"
		switch {
		case !a.Cleared.IsZero():
			verb = "cleared"
		case a.AckedBy != "":
			verb = "acked"
		}
		r.told = append(r.told, fmt.Sprintf("%s %d %s %s %v", verb, a.ID, a.Code, a.Object, r.now.Sub(start)))
	}
	return r
}

func (r *rig) pass(d time.Duration) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(100 * time.Millisecond)
		r.Tick(r.now)
		r.Flush()
	}
}

func (r *rig) want(t *testing.T, told ...string) {
	t.Helper()
	if got := strings.Join(r.told, "\n"); got != strings.Join(told, "\n") {
		t.Errorf("told\n%s\nwant\n%s", got, strings.Join(told, "\n"))
	}
}

func TestDelayAndHold(t *testing.T) {
	r := newRig() // channel_off_air: 2 s and 2 s
	r.Set(ChannelOffAir, "channel/news", true, "no packets")
	r.pass(1900 * time.Millisecond)
	r.Set(ChannelOffAir, "channel/news", false, "")
	r.pass(10 * time.Second)
	r.want(t) // too short
	r.Set(ChannelOffAir, "channel/news", true, "no packets")
	r.pass(3 * time.Second)
	r.Set(ChannelOffAir, "channel/news", true, "still none")
	r.pass(100 * time.Millisecond)
	if a := r.Active(); len(a) != 1 || a[0].Detail != "still none" || a[0].Severity != Critical {
		t.Errorf("active %+v", a)
	}
	r.Set(ChannelOffAir, "channel/news", false, "")
	r.pass(1 * time.Second)
	r.Set(ChannelOffAir, "channel/news", true, "again")
	r.pass(5 * time.Second)
	r.Set(ChannelOffAir, "channel/news", false, "")
	r.pass(5 * time.Second)
	r.want(t, "raised 1 channel_off_air channel/news 14s", "cleared 1 channel_off_air channel/news 23.1s")
	if len(r.Active()) != 0 {
		t.Error("still active")
	}
}

func TestFlappingIsDamped(t *testing.T) {
	r := newRig() // on_standby: at once, both ways
	for range 300 {
		r.Set(OnStandby, "channel/news", true, "")
		r.pass(time.Second)
		r.Set(OnStandby, "channel/news", false, "")
		r.pass(time.Second)
	}
	if len(r.told) > 8 {
		t.Errorf("%d messages in 10 minutes", len(r.told))
	}
	r.pass(time.Hour)
	if len(r.Active()) != 0 || len(r.states) != 0 {
		t.Errorf("%d active, %d states after an hour of quiet", len(r.Active()), len(r.states))
	}
}

func TestOrderAndAck(t *testing.T) {
	r := newRig()
	r.LastID = 41
	for _, c := range []Code{InputLost, ConfigRolledBack, OnStandby, OutputOverflow} {
		r.Set(c, "x", true, "")
		r.pass(100 * time.Millisecond)
	}
	r.Set("not_declared", "x", true, "")
	r.pass(time.Minute)
	var got []Code
	for _, a := range r.Active() {
		got = append(got, a.Code)
	}
	if fmt.Sprint(got) != "[config_rolled_back output_overflow on_standby input_lost]" {
		t.Errorf("order %v", got)
	}
	a, ok := r.Ack(43, "ann", r.now)
	if !ok || a.Code != ConfigRolledBack || a.AckedBy != "ann" {
		t.Errorf("got %+v %v", a, ok)
	}
	if a, ok = r.Ack(43, "bob", r.now); !ok || a.AckedBy != "ann" {
		t.Errorf("the second one counts: %+v", a)
	}
	if _, ok = r.Ack(0, "ann", r.now); ok {
		t.Error("0 is no alarm")
	}
	r.Flush()
	if last := r.told[len(r.told)-1]; !strings.HasPrefix(last, "acked 43") || len(r.told) != 5 {
		t.Errorf("told %v", r.told)
	}
}

func TestForget(t *testing.T) {
	r := newRig()
	r.Set(OnStandby, "channel/a", true, "")
	r.Set(OnStandby, "channel/a/b", true, "")
	r.pass(time.Second)
	r.Forget(r.now, "channel/a")
	if a := r.Active(); len(a) != 1 || a[0].Object != "channel/a/b" {
		t.Errorf("active %+v", a)
	}
}

// Who is told of alarms may hang, as a disk does: that keeps none from being raised,
// acknowledged or cleared.
func TestChangedMayHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		told, hang := r.Changed, make(chan struct{})
		r.Changed = func(a Alarm) {
			<-hang
			told(a)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		pass := func() {
			time.Sleep(time.Second) // of the clock of synctest
			synctest.Wait()
		}
		for i, on := range []bool{true, true, false} { // config_rolled_back: at once, both ways
			r.Set(ConfigRolledBack, fmt.Sprint(i%2), on, "x")
			pass()
		}
		if a := r.Active(); len(a) != 1 || a[0].ID != 2 {
			t.Errorf("active %+v", a)
		}
		if _, ok := r.Ack(2, "ann", r.now); !ok {
			t.Error("not acknowledged")
		}
		r.Forget(r.now, "1")
		if len(r.told) != 0 || len(r.Active()) != 0 {
			t.Errorf("told %v, active %v", r.told, r.Active())
		}
		close(hang)
		synctest.Wait()
		r.want(t, "raised 1 config_rolled_back 0 0s", "raised 2 config_rolled_back 1 0s", "cleared 1 config_rolled_back 0 0s",
			"acked 2 config_rolled_back 1 0s", "cleared 2 config_rolled_back 1 0s")
		cancel()
		<-ended
	})
}

func TestChangesThatWaitAreBounded(t *testing.T) {
	r := newRig()
	for i := range maxWaiting + 10 {
		r.Set(ConfigRolledBack, fmt.Sprint(i), true, "")
	}
	r.Tick(r.now)
	r.Flush()
	if len(r.told) != maxWaiting || !strings.HasPrefix(r.told[0], "raised 11 ") || r.Untold() != 10 {
		t.Errorf("told %d, first %s, untold %d", len(r.told), r.told[0], r.Untold())
	}
}

func TestStatesAreBounded(t *testing.T) {
	r := newRig()
	for i := range maxStates + 10 {
		r.Set(OnStandby, fmt.Sprint(i), true, "")
	}
	if r.Dropped() != 10 {
		t.Errorf("dropped %d", r.Dropped())
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []Alarm
		tr := &Tracker{Changed: func(a Alarm) {
			mu.Lock()
			told = append(told, a)
			mu.Unlock()
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- tr.Run(ctx) }()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 100 {
					tr.Set(InputLost, fmt.Sprint("input/", i), true, "x")
					_ = tr.Active()
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second) // of the clock of synctest
		synctest.Wait()
		if len(told) != 8 || len(tr.Active()) != 8 {
			t.Errorf("told %d, active %d", len(told), len(tr.Active()))
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
