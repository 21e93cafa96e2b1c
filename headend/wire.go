package headend

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/control"
	"sigma/multicast/wire"
)

const (
	// crashHold is how long outputs go on with tables and null packets after the
	// daemon was killed, stopHold after it was asked to stop: a service manager that
	// restarts it does so within seconds.
	crashHold = time.Minute
	stopHold  = 10 * time.Second
)

// wireLink opens outputs in the wire process, or in this process where that one
// cannot be started. The exported fields are arguments. It is safe for concurrent
// use once start has returned.
type wireLink struct {
	Socket string
	Alarms alarm.Reporter
	Log    *slog.Logger

	client wire.Client
	local  *wire.Local // set when there is no process
	err    error       // why

	mu      sync.Mutex
	leaving bool
}

// Wire is the wire process itself: `headend wire`.
func Wire(ctx context.Context, out io.Writer, socket string) error {
	return wire.Main(ctx, []string{"--socket", socket}, out)
}

// start takes over a running process or starts one; without one it falls back to
// sending in process, with an alarm.
func (l *wireLink) start(ctx context.Context) {
	l.client.Socket, l.client.Hold = l.Socket, crashHold
	if l.err = l.client.Start(ctx); l.err != nil {
		l.Log.Error("the wire process cannot be started: sending from the daemon itself", "err", l.err)
		l.local = wire.NewLocal()
	}
	l.report()
}

// report tells the alarms how the process is.
func (l *wireLink) report() {
	if l.local != nil {
		l.Alarms.Set(alarm.WireDown, "wire", true, l.err.Error())
		return
	}
	s := l.client.Status()
	l.Alarms.Set(alarm.WireDown, "wire", !s.Running, s.LastError)
	l.Alarms.Set(alarm.WireNoRealtime, "wire", s.Running && !s.RealTime, s.Refused)
}

// run keeps the process alive until ctx ends.
func (l *wireLink) run(ctx context.Context) error {
	if l.local != nil {
		<-ctx.Done()
		return nil
	}
	return l.client.Run(ctx)
}

// release ends the outputs of an earlier daemon that the configuration no longer
// has; wanted are the names of those it has.
func (l *wireLink) release(wanted map[string]bool) {
	if l.local != nil {
		return
	}
	err := l.client.Release(func(s wire.Spec) bool {
		if !wanted[s.ID] {
			l.Log.Info("ending an output that is no longer configured", "to", s.To)
		}
		return wanted[s.ID]
	})
	if err != nil {
		l.Log.Warn("releasing outputs of the earlier daemon", "err", err)
	}
}

// Open opens an output and says whether the wire process sends it.
func (l *wireLink) Open(spec wire.Spec) (port *wire.Output, inWire bool, err error) {
	if l.local != nil {
		port, err = l.local.Open(spec)
		return port, false, err
	}
	port, err = l.client.Open(spec)
	return port, true, err
}

// Close ends an output, unless the daemon is leaving: then the wire process holds it.
func (l *wireLink) Close(port *wire.Output) {
	l.mu.Lock()
	leaving := l.leaving
	l.mu.Unlock()
	if leaving {
		return
	}
	if err := port.Close(); err != nil {
		l.Log.Warn("closing an output", "to", port.Spec().To, "err", err)
	}
}

// leave says that the daemon is about to stop: outputs that end from now on are held.
func (l *wireLink) leave() {
	l.mu.Lock()
	l.leaving = true
	l.mu.Unlock()
}

// stop leaves the process after all outputs have ended here.
func (l *wireLink) stop() {
	if l.local != nil {
		l.local.Close()
		return
	}
	if err := l.client.Close(stopHold); err != nil {
		l.Log.Warn("leaving the wire process", "err", err)
	}
}

// Status is the state of the sender for operators.
func (l *wireLink) Status() control.WireStatus {
	if l.local != nil {
		return control.WireStatus{LastError: l.err.Error()}
	}
	s, late := l.client.Status(), l.client.Lateness()
	return control.WireStatus{
		Running: s.Running, PID: s.PID, RealTime: s.RealTime, Outputs: s.Outputs,
		P99: late.P99.Seconds() * 1e6, P999: late.P999.Seconds() * 1e6, Restarts: s.Restarts, LastError: s.LastError,
	}
}
