package headend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/systemd"
)

// startWithin is how long the start waits for the first datagram before it counts
// as over all the same: an input may be away, and the box is there to say so.
const startWithin = 5 * time.Second

var errStarting = errors.New("no datagram is on air yet")

// ready is what /health/ready answers.
func (a *app) ready() error {
	if !a.started.Load() {
		return errStarting
	}
	return nil
}

// announce waits for the first datagram, tells the service manager, and prints
// where to look. It returns when ctx ends.
func (a *app) announce(ctx context.Context) error {
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !a.onAir() && time.Since(began) < startWithin {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	a.started.Store(true)
	if err := systemd.Ready(); err != nil {
		a.log.Warn("telling the service manager", "err", err)
	}
	a.tell(ctx)
	<-ctx.Done()
	return nil
}

// onAir reports whether a datagram has left, or no output asks for one.
func (a *app) onAir() bool {
	for _, name := range a.engine.names() {
		if st, ok := a.engine.station(name); ok && st.channel.Sent() > 0 {
			return true
		}
	}
	return len(a.engine.outputs()) == 0
}

// tell prints where viewers, receivers and operators find the box.
func (a *app) tell(ctx context.Context) {
	var b strings.Builder
	box := a.engine.box()
	base := publicURL(box, a.HTTP)
	fmt.Fprintf(&b, "\n  Sigma Headend %s is on air.\n\n", a.Version)
	for _, ch := range a.engine.Channels() {
		fmt.Fprintf(&b, "  %-10s HLS        %s/%s/index.m3u8\n", ch.Name, base, ch.Name)
		fmt.Fprintf(&b, "  %-10s HTTP-TS    %s/%s/mpegts\n", "", base, ch.Name)
		for _, o := range ch.Outputs {
			fmt.Fprintf(&b, "  %-10s datagrams  %s\n", "", o.URL)
		}
	}
	if pending, err := a.control.SetupPending(ctx); err == nil && pending {
		code, err := a.control.SetupCode(ctx)
		if err != nil {
			a.log.Error("one-time code", "err", err)
		}
		fmt.Fprintf(&b, "\n  console    %s\n             password: the one-time code %s; it sets up the first operator\n", consoleCommand("setup", cmp.Or(a.SSH, box.SSH)), code)
	} else {
		fmt.Fprintf(&b, "\n  console    %s\n", consoleCommand("OPERATOR", cmp.Or(a.SSH, box.SSH)))
	}
	fmt.Fprintf(&b, "  API        %s/streamer/api/v3/openapi.json\n\n", base)
	fmt.Fprint(a.Out, b.String())
}

// consoleCommand is what people type to come to the console on an address.
func consoleCommand(user, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return fmt.Sprintf("ssh -p %s %s@%s", port, user, orLocal(host))
}

// publicURL is the base of addresses shown to people.
func publicURL(b config.Box, listen string) string {
	if b.PublicURL != "" {
		return strings.TrimSuffix(b.PublicURL, "/")
	}
	addr := cmp.Or(listen, b.HTTP)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	return "http://" + net.JoinHostPort(orLocal(host), port)
}

// orLocal names this machine where an address means all of its interfaces.
func orLocal(host string) string {
	if host == "" || host == "0.0.0.0" || host == "::" {
		return "127.0.0.1"
	}
	return host
}

// watchdog tells the service manager that the loops that matter go round.
func (a *app) watchdog(ctx context.Context) error {
	err := systemd.Watchdog(ctx, func() bool {
		for _, name := range a.engine.names() {
			if st, ok := a.engine.station(name); ok && !st.channel.Alive(monotonic()) {
				return false
			}
		}
		return true
	})
	if err == nil {
		<-ctx.Done() // no watchdog was asked for
	}
	return err
}

// watchHealth looks at the machine every few seconds and tells the alarms and the
// service manager.
func (a *app) watchHealth(ctx context.Context) error {
	var used map[string]bool
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	last := ""
	for {
		a.wire.report()
		a.checkMachine()
		used = a.checkInterfaces(used)
		if s := a.summary(); s != last {
			last = s
			if err := systemd.Status(s); err != nil {
				a.log.Warn("telling the service manager", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *app) checkMachine() {
	s, set := a.probe.System(), a.alarms.Set
	free := fmt.Sprintf("%d MiB free of %d MiB", s.DiskFree>>20, s.DiskTotal>>20)
	set(alarm.DiskFull, "disk", s.DiskTotal > 0 && s.DiskFree < 64<<20, free)
	set(alarm.DiskLow, "disk", s.DiskTotal > 0 && s.DiskFree < 1<<30 && s.DiskFree >= 64<<20, free)
	set(alarm.MemoryLow, "memory", s.MemoryTotal > 0 && s.MemoryFree < s.MemoryTotal/20, fmt.Sprintf("%d MiB left", s.MemoryFree>>20))
	set(alarm.TemperatureHigh, "temperature", s.Temperature >= 85, fmt.Sprintf("%.0f degrees Celsius", s.Temperature))
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	why := clockTrouble(state, t.Status, err)
	set(alarm.ClockNotSynced, "clock", why != "", why)
	a.database.report()
}

// clockTrouble says of what adjtimex(2) answered why the clock may be wrong, or
// nothing.
func clockTrouble(state int, status int32, err error) string {
	switch {
	case err != nil:
		return fmt.Sprintf("it cannot be told whether anything disciplines the clock: adjtimex: %v", err)
	case state == unix.TIME_ERROR || status&unix.STA_UNSYNC != 0:
		return "the kernel says that nothing disciplines the clock"
	}
	return ""
}

// watchSetup says that nobody can log in yet.
func (a *app) watchSetup(ctx context.Context) {
	if pending, err := a.control.SetupPending(ctx); err == nil {
		a.alarms.Set(alarm.SetupNotCompleted, "box", pending, "no operator has been set up")
	}
}

// checkInterfaces looks at the interfaces that the configuration names and returns
// them. Alarms of those that it named before and no longer does are forgotten.
func (a *app) checkInterfaces(before map[string]bool) (used map[string]bool) {
	used = a.engine.interfacesInUse()
	for name := range before {
		if !used[name] {
			a.alarms.Forget(time.Now(), "interface/"+name)
		}
	}
	state := map[string]bool{}
	for _, i := range a.engine.Interfaces() {
		state[i.Name] = i.Up && (i.Carrier || i.Name == "lo")
	}
	for name := range used {
		up, there := state[name]
		a.alarms.Set(alarm.InterfaceMissing, "interface/"+name, !there, "this machine has no interface "+name)
		a.alarms.Set(alarm.InterfaceDown, "interface/"+name, there && !up, name+" is down or has no carrier")
	}
	return used
}

// summary is the line that systemctl shows.
func (a *app) summary() string {
	channels := a.engine.Channels()
	good := 0
	for _, ch := range channels {
		if ch.State == "on_air" || ch.State == "on_standby" {
			good++
		}
	}
	text := fmt.Sprintf("%d of %d channels on air", good, len(channels))
	if raised := a.alarms.Active(); len(raised) > 0 {
		text += fmt.Sprintf("; %d alarms, first %s %s: %s", len(raised), raised[0].Object, raised[0].Code, raised[0].Detail)
	}
	return text
}
