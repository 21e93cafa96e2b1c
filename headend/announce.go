package headend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/control"
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
	n := notice{version: a.Version, base: a.engine.Address(), ssh: cmp.Or(a.SSH, a.engine.box().SSH), channels: a.engine.Channels(), closed: a.web.closed()}
	if pending, err := a.control.SetupPending(ctx); err == nil && pending {
		n.setup = true
		if n.command = "headend user code --data " + a.Data; n.closed[alarm.SSHListenFailed] == nil && (a.Demo || isTerminal(a.Out)) {
			if n.code, err = a.control.SetupCode(ctx); err != nil {
				a.log.Error("one-time code", "err", err)
			}
		}
	}
	fmt.Fprint(a.Out, n)
}

// isTerminal reports whether people alone read what is written to w. The journal and
// files keep it, and secrets do not go there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// notice is what people are told when the box has started.
type notice struct {
	version, base, ssh string
	channels           []control.ChannelStatus
	closed             map[alarm.Code]error // doors that could not be opened
	setup              bool                 // nobody can log in yet
	code               string               // that sets up the first operator; empty where it may not be shown
	command            string               // that makes one
}

// String returns the notice. Addresses behind a door that is closed are left out: they
// would lead nowhere, or to another program.
func (n notice) String() string {
	var b strings.Builder
	web, console := n.closed[alarm.HTTPListenFailed], n.closed[alarm.SSHListenFailed]
	if web == nil && console == nil {
		fmt.Fprintf(&b, "\n  Sigma Headend %s is on air.\n\n", n.version)
	} else {
		fmt.Fprintf(&b, "\n  Sigma Headend %s runs, but cannot be reached. It tries again until it can:\n\n", n.version)
	}
	for _, err := range []error{web, console} {
		if err != nil {
			fmt.Fprintf(&b, "  %v\n             stop what holds it, or choose another address with --http or --ssh\n\n", err)
		}
	}
	for _, ch := range n.channels {
		name := ch.Name
		line := func(what, url string) {
			fmt.Fprintf(&b, "  %-10s %-10s %s\n", name, what, url)
			name = ""
		}
		if web == nil {
			line("player", n.base+"/"+ch.Name+"/embed.html")
			line("HLS", n.base+"/"+ch.Name+"/index.m3u8")
			line("LL-HLS", n.base+"/"+ch.Name+"/index.ll.m3u8")
			line("DASH", n.base+"/"+ch.Name+"/index.mpd")
			line("Smooth", n.base+"/"+ch.Name+".isml/manifest")
			line("WHEP", n.base+"/"+ch.Name+"/whep")
			line("HTTP-TS", n.base+"/"+ch.Name+"/mpegts")
		}
		for _, o := range ch.Outputs {
			line("datagrams", o.URL)
		}
	}
	if console == nil {
		b.WriteString(n.door())
	}
	if web == nil {
		fmt.Fprintf(&b, "  API        %s/streamer/api/v3/openapi.json\n", n.base)
	}
	return b.String() + "\n"
}

// door says how operators come in.
func (n notice) door() string {
	switch {
	case !n.setup:
		return fmt.Sprintf("\n  console    %s\n", consoleCommand("OPERATOR", n.ssh))
	case n.code != "":
		return fmt.Sprintf("\n  console    %s\n             password: the one-time code %s; it sets up the first operator\n", consoleCommand("setup", n.ssh), n.code)
	}
	return fmt.Sprintf("\n  console    %s\n             password: the one-time code that %s makes; it sets up the first operator\n", consoleCommand("setup", n.ssh), n.command)
}

// consoleCommand is what people type to come to the console on an address.
func consoleCommand(user, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if everywhere(host) {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("ssh -p %s %s@%s", port, user, host)
}

// Address implements control.Engine.
func (e *engine) Address() string {
	return publicURL(e.box(), e.Web.HTTP, e.Ports.Interfaces)
}

// publicURL is what addresses shown to people begin with: what the operator says, or
// else where the box listens.
func publicURL(b config.Box, listen string, interfaces func() []control.Interface) string {
	if b.PublicURL != "" {
		return strings.TrimSuffix(b.PublicURL, "/")
	}
	addr := cmp.Or(listen, b.HTTP)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if everywhere(host) {
		host = ownAddress(interfaces())
	}
	return "http://" + net.JoinHostPort(host, port)
}

// everywhere reports whether a host to listen on means all interfaces.
func everywhere(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

// ownAddress returns an address at which others find this machine: the first that is
// for more than its own link, IPv4 before IPv6, or that of the machine to itself.
func ownAddress(list []control.Interface) string {
	best := ""
	for _, i := range list {
		if !i.Up || !i.Carrier {
			continue
		}
		for _, text := range i.Addresses {
			p, err := netip.ParsePrefix(text)
			if err != nil || p.Addr().IsLoopback() || !p.Addr().IsGlobalUnicast() {
				continue
			}
			if p.Addr().Is4() {
				return p.Addr().String()
			}
			best = cmp.Or(best, p.Addr().String())
		}
	}
	return cmp.Or(best, "127.0.0.1")
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
