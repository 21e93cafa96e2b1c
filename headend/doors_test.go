package headend

import (
	"errors"
	"testing"
	"time"

	"sigma/headend/config"
)

// TestHooksHaveAlarmsOfTheirOwn: one hook that answers does not hide another that does
// not, and a hook that is gone is no alarm.
func TestHooksHaveAlarmsOfTheirOwn(t *testing.T) {
	e := newEngine(t)
	apply := func(hooks ...string) {
		t.Helper()
		c := boxWith("a", "b")
		for i, h := range hooks {
			c.Channels[i].OnPlay = h
		}
		if err := e.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	const first, second = "http://first.example.net/a?key=k", "http://second.example.net/a"
	alarms := func() (objects string) {
		e.Alarms.Tick(time.Now())
		e.Alarms.Tick(time.Now().Add(time.Minute))
		for _, a := range e.Alarms.Active() {
			objects += a.Object + ";"
		}
		return objects
	}
	apply(first, second)
	e.hookTold(first, errors.New("down"))
	e.hookTold(second, nil)
	if got := alarms(); got != "on_play first.example.net;" {
		t.Errorf("alarms %q", got)
	}
	apply(config.NoOnPlay, second)
	e.hookTold(first, errors.New("down"))
	if got := alarms(); got != "" {
		t.Errorf("alarms %q of a hook that is gone", got)
	}
}
