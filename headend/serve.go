// Package headend joins the parts to the product: it opens the storage, builds
// channels and servers of the configuration, and hands control to whoever is at
// the console or the API. It is the only package that imports all others; nobody
// imports it but the command.
package headend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/alarm"
	"sigma/headend/api"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/headend/serve/session"
	"sigma/headend/serve/webrtc"
	"sigma/headend/supervise"
	"sigma/storage"
	"sigma/systemd"
)

// Options are what the command line says.
type Options struct {
	Data      string // data folder
	HTTP, SSH string // listen here instead of where the configuration says
	Demo      bool   // begin a new box with the demonstration
	LogLevel  string // debug, info, warn or error
	Version   string
	Out       io.Writer // what people are told at the start
	// Console makes the console server of the box.
	Console func(svc *control.Service, data string, log *slog.Logger) (Console, error)
}

// Console is the console over SSH.
type Console interface {
	// Serve serves until Stop. Who comes by a UNIX socket is an admin: it lies in the
	// data folder, which only its owner may enter.
	Serve(l net.Listener) error
	Stop(ctx context.Context) error
}

// The names in the data folder.
const (
	databaseName = "headend.db"
	consoleName  = "console.sock"
	wireName     = "wire.sock"
	lockName     = "lock"
)

// app is a running box.
type app struct {
	Options
	log      *slog.Logger
	lines    *logStore
	db       *storage.DB
	alarms   *alarm.Tracker
	control  *control.Service
	engine   *engine
	wire     *wireLink
	web      *web
	rtc      *rtc
	probe    *systemProbe
	database *databaseProbe
	viewers  session.Registry
	tasks    *supervise.Group
	started  atomic.Bool // the first datagram is out, or there is none to wait for
}

// heapGrowth is by how much the heap may grow between two collections, in percent.
// Nearly all of it is media, which holds no pointers: to look through it costs next to
// nothing, and to keep as much again of what is over would double the memory.
const heapGrowth = 25

// minProcs is how many goroutines may run at a time at least, however few processors
// there are. Where the system takes a thread off its processor, or lets it wait for
// memory, all that waits for that thread waits too; with only two, the datagrams of all
// channels.
const minProcs = 4

// Serve runs the box until ctx ends.
func Serve(ctx context.Context, o Options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
	a := &app{Options: o}
	if err := a.openLog(); err != nil {
		return err
	}
	data, err := filepath.Abs(o.Data) // it goes into the addresses of files
	if err != nil {
		return err
	}
	a.Data, o.Data = data, data
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	unlock, err := lockData(o.Data)
	if err != nil {
		return err
	}
	defer unlock()
	if a.db, err = storage.Open(ctx, filepath.Join(o.Data, databaseName)); err != nil {
		return err
	}
	defer a.db.Close()
	return a.run(ctx)
}

func (a *app) openLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.LogLevel)); err != nil {
		return fmt.Errorf("--log %s: expected debug, info, warn or error", a.LogLevel)
	}
	ring := newLogRing(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	a.log, a.lines = slog.New(ring), ring.shared
	return nil
}

// ErrInUse says that a daemon works on the data folder.
var ErrInUse = errors.New("in use by a headend that runs")

// lockData makes sure that one daemon at a time works on a data folder.
func lockData(data string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(data, lockName), os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s: %w: stop it, or name another folder with --data", data, ErrInUse)
	}
	return func() { _ = f.Close() }, nil
}

// build makes the parts and joins them. Nothing runs yet.
func (a *app) build(ctx context.Context) {
	a.alarms = &alarm.Tracker{}
	a.viewers.Now = time.Now
	a.viewers.Authorizer = func(name string) session.Authorizer { return a.engine.authorizer(name) }
	a.wire = &wireLink{Socket: filepath.Join(a.Data, wireName), Alarms: a.alarms, Log: a.log}
	a.probe = &systemProbe{Proc: "/proc", Sys: "/sys", Data: a.Data, Started: time.Now(), Version: a.Version}
	a.database = &databaseProbe{Write: a.db.Probe, Alarms: a.alarms}
	certs := &certificates{Root: ctx, Data: a.Data, Alarms: a.alarms, Log: a.log}
	a.web = &web{Root: ctx, HTTP: a.HTTP, SSH: a.SSH, Certs: certs, Alarms: a.alarms, Log: a.log}
	a.rtc = &rtc{Root: ctx, Viewers: &a.viewers, Alarms: a.alarms, Log: a.log,
		Lookup: func(name string) webrtc.Frames { return a.engine.playedOf(name).pictures() },
		Start:  func(name string) string { return a.engine.doors(name).start }}
	a.engine = &engine{
		Root: ctx, Build: modules{Sender: a.wire}, Sender: a.wire, Alarms: a.alarms, Memory: memory{a.db},
		Seats: &a.viewers, Web: a.web, RTC: a.rtc.Use, Probe: a.probe, Lines: a.lines, Logger: a.log,
		Ports: &interfaceProbe{Log: a.log},
	}
	a.control = control.New(control.Parts{Store: store{a.db}, Engine: a.engine, Alarms: a.alarms, Now: time.Now})
	a.alarms.Changed = a.control.AlarmChanged
	a.engine.Events = a.control.Record
	apis := &api.Server{Control: a.control, Sessions: a.sessions, Uncounted: a.viewers.Uncounted, Ready: a.ready, Version: a.Version, Log: a.log}
	a.web.Handler = a.handler(apis.Handler())
}

// run brings the box up, waits for the end of ctx, and takes it down again.
func (a *app) run(ctx context.Context) error {
	root, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	a.build(root)
	console, err := a.Console(a.control, a.Data, a.log)
	if err != nil {
		return err
	}
	a.web.Console = console.Serve
	a.web.start()
	a.wire.start(ctx)
	if err := a.boot(ctx); err != nil {
		return err
	}
	a.wire.release(a.engine.outputs())
	local, err := listenLocal(ctx, filepath.Join(a.Data, consoleName))
	if err != nil {
		return err
	}
	a.background(root, console, local)
	<-ctx.Done()
	a.log.Info("stopping")
	a.stop(console)
	return nil
}

// boot starts the newest configuration that starts.
func (a *app) boot(ctx context.Context) error {
	initial := config.Defaults()
	if rows, err := a.db.Revisions(ctx, 0, 1); err != nil {
		return err
	} else if a.Demo && len(rows) == 0 {
		if initial, err = demoConfig(ctx, a.Data); err != nil {
			return err
		}
	}
	rev, err := a.control.Boot(ctx, initial)
	if err != nil {
		return err
	}
	a.log.Info("configuration runs", "revision", rev.ID, "channels", len(a.engine.Channels()))
	return nil
}

// listenLocal opens the socket of the local console. One that a crashed daemon left
// is removed: the lock on the data folder is ours.
func listenLocal(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the socket of the local console: %w", err)
	}
	return l, os.Chmod(path, 0o600)
}

// background starts what runs beside the channels.
func (a *app) background(ctx context.Context, console Console, local net.Listener) {
	a.tasks = supervise.NewGroup(ctx)
	failed := func(name string) func(error, time.Duration) {
		return func(err error, pause time.Duration) {
			a.log.Error("a part of the headend stopped", "part", name, "err", err, "again_in", pause)
		}
	}
	for name, run := range map[string]func(context.Context) error{
		"alarms": a.alarms.Run, "viewers": a.viewers.Run, "events": a.control.Run, "wire": a.wire.run, "health": a.watchHealth,
		"database": func(ctx context.Context) error { return a.database.run(ctx, a.watchSetup) },
		"console":  func(ctx context.Context) error { return serveLocal(ctx, console, local) },
		"watchdog": a.watchdog, "start": a.announce,
	} {
		a.tasks.Go(supervise.Task{Name: name, Run: run, Failed: failed(name)})
	}
}

// serveLocal serves the local console until ctx ends: it is told to stop before that.
func serveLocal(ctx context.Context, console Console, l net.Listener) error {
	if err := console.Serve(l); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// stop takes the box down: outputs are left to the wire process, which goes on with
// tables and null packets until the next daemon comes or gives up.
func (a *app) stop(console Console) {
	if err := systemd.Stopping(); err != nil {
		a.log.Warn("telling the service manager", "err", err)
	}
	a.wire.leave()
	a.rtc.stop()
	a.engine.stop()
	a.wire.stop()
	a.web.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := console.Stop(ctx); err != nil {
		a.log.Warn("closing consoles", "err", err)
	}
	a.tasks.Stop()
}
