package headend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/supervise"
)

// web owns the listeners of the box: viewers and the API, and the console. The
// exported fields are arguments. It is safe for concurrent use.
type web struct {
	Root      context.Context
	HTTP, SSH string // addresses that hold instead of those of the configuration
	Certs     *certificates
	Handler   http.Handler
	Console   func(net.Listener) error // serves until the listener is closed
	Alarms    alarm.Reporter
	Log       *slog.Logger

	mu      sync.Mutex
	server  *http.Server
	secure  *http.Server // the same over TLS
	doors   map[alarm.Code]*door
	waiting sync.WaitGroup
}

// door is one address the box listens on.
type door struct {
	addr   string
	l      net.Listener       // nil while the address is not to be had
	err    error              // why it was not to be had at first
	cancel context.CancelFunc // ends the attempts to get it
	left   bool               // given up for another door
}

func (d *door) close() {
	d.cancel()
	if d.l != nil {
		_ = d.l.Close() // nothing was written to it
	}
}

// closed returns the doors that could not be opened yet, with the reason.
func (w *web) closed() map[alarm.Code]error {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[alarm.Code]error{}
	for code, d := range w.doors {
		if d.l == nil {
			out[code] = d.err
		}
	}
	return out
}

// addresses returns where to listen, by the alarm that says that one cannot.
func (w *web) addresses(b config.Box) map[alarm.Code]string {
	out := map[alarm.Code]string{
		alarm.HTTPListenFailed: cmp.Or(w.HTTP, b.HTTP),
		alarm.SSHListenFailed:  cmp.Or(w.SSH, b.SSH),
	}
	if b.HTTPS != "" {
		out[alarm.HTTPSListenFailed] = b.HTTPS
	}
	return out
}

// Claim listens on the addresses of b. What is not to be had is an error if
// something is listened on already, and is tried again with an alarm if not: the
// box must come up. Release ends the old listeners; connections that are open go on.
// Where an old listener of ours is in the way of a new one, it ends at once.
func (w *web) Claim(ctx context.Context, b config.Box) (release func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next, moving := map[alarm.Code]*door{}, w.moving(b)
	for code, addr := range moving {
		if addr != "" {
			next[code] = newDoor(ctx, addr)
		}
	}
	if w.inTheWay(moving, next) {
		for code := range moving {
			w.leave(code)
		}
		for code, d := range next {
			if d.l == nil {
				next[code] = newDoor(ctx, d.addr)
			}
		}
	}
	for code, d := range next {
		if d.err != nil && w.doors[code] != nil {
			for _, d := range next {
				d.close()
			}
			w.comeBack(ctx)
			return nil, d.err
		}
	}
	return func() {
		w.Certs.use(b)
		w.adopt(moving, next)
	}, nil
}

// moving returns the addresses of b that are not listened on yet, and nothing for those
// that are no longer in it.
func (w *web) moving(b config.Box) map[alarm.Code]string {
	addresses := w.addresses(b)
	maps.DeleteFunc(addresses, func(code alarm.Code, addr string) bool {
		return w.doors[code] != nil && w.doors[code].addr == addr
	})
	for code := range w.doors {
		if code == alarm.HTTPSListenFailed && b.HTTPS == "" {
			addresses[code] = ""
		}
	}
	return addresses
}

// inTheWay reports whether one of the doors that move has the port of an address
// that is in use.
func (w *web) inTheWay(moving map[alarm.Code]string, next map[alarm.Code]*door) bool {
	for _, d := range next {
		if errors.Is(d.err, unix.EADDRINUSE) && w.ours(moving, d.addr) {
			return true
		}
	}
	return false
}

// ours reports whether one of the doors that move listens on the port of addr.
func (w *web) ours(moving map[alarm.Code]string, addr string) bool {
	for code := range moving {
		if old := w.doors[code]; old != nil && old.l != nil && portOf(old.l.Addr().String()) == portOf(addr) {
			return true
		}
	}
	return false
}

// leave ends the listener of a door that is to come back if nothing takes its place.
func (w *web) leave(code alarm.Code) {
	if old := w.doors[code]; old != nil && old.l != nil {
		_ = old.l.Close() // nothing was written to it
		old.l, old.left = nil, true
	}
}

// comeBack listens again where that was given up for nothing, or tries to.
func (w *web) comeBack(ctx context.Context) {
	for code, d := range w.doors {
		if d.left {
			w.open(code, newDoor(ctx, d.addr))
		}
	}
}

// fieldOf names the field of the configuration with the address of a door.
var fieldOf = map[alarm.Code]string{
	alarm.HTTPListenFailed: "box.http", alarm.HTTPSListenFailed: "box.https", alarm.SSHListenFailed: "box.ssh",
}

// Check says whether the addresses of b can be listened on. Nothing is kept open.
// What a listener of ours is in the way of cannot be tried without ending it.
func (w *web) Check(ctx context.Context, b config.Box) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	moving := w.moving(b)
	for code, addr := range moving {
		if addr == "" {
			continue
		}
		d := newDoor(ctx, addr)
		d.close()
		if d.err != nil && !(errors.Is(d.err, unix.EADDRINUSE) && w.ours(moving, addr)) {
			return config.FieldErrors{{Path: fieldOf[code], Text: d.err.Error()}}
		}
	}
	return w.Certs.check(b)
}

// newDoor listens on addr. The door says why if that cannot be.
func newDoor(ctx context.Context, addr string) *door {
	l, err := listen(ctx, addr)
	return &door{addr: addr, l: l, err: err, cancel: func() {}}
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, fmt.Errorf("%s cannot be listened on: %w", addr, err)
	}
	return l, nil
}

// adopt serves on new doors, or begins to try for them, and closes those they replace
// and those that go.
func (w *web) adopt(moving map[alarm.Code]string, next map[alarm.Code]*door) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for code := range moving {
		if old := w.doors[code]; old != nil {
			old.close()
		}
		if d := next[code]; d != nil {
			w.open(code, d)
			continue
		}
		delete(w.doors, code)
		w.Alarms.Set(code, "box", false, "")
	}
}

// open serves on a door, or begins to try for it. The caller holds mu.
func (w *web) open(code alarm.Code, d *door) {
	w.doors[code] = d
	if d.l != nil {
		w.serve(code, d.l)
	} else {
		w.retry(code, d)
	}
}

// serve begins to serve on l. The caller holds mu.
func (w *web) serve(code alarm.Code, l net.Listener) {
	w.Alarms.Set(code, "box", false, "")
	w.waiting.Go(func() {
		var err error
		switch code {
		case alarm.HTTPListenFailed:
			err = w.server.Serve(l)
		case alarm.HTTPSListenFailed:
			err = w.secure.ServeTLS(l, "", "")
		default:
			err = w.Console(l)
		}
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			w.Log.Error("listener ended", "addr", l.Addr(), "err", err)
			w.Alarms.Set(code, "box", true, err.Error())
		}
	})
}

// retry tries to get the address of d until it has it or the door is closed. The
// caller holds mu.
func (w *web) retry(code alarm.Code, d *door) {
	w.Alarms.Set(code, "box", true, d.err.Error())
	w.Log.Error("cannot listen, trying again", "err", d.err)
	ctx, cancel := context.WithCancel(w.Root)
	d.cancel = cancel
	task := supervise.Task{Name: "listen on " + d.addr, Backoff: supervise.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}}
	task.Run = func(ctx context.Context) error {
		l, err := listen(ctx, d.addr)
		if err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if ctx.Err() != nil {
			_ = l.Close() // the door was closed meanwhile
			return nil
		}
		d.l = l
		w.serve(code, l)
		cancel()
		return nil
	}
	w.waiting.Go(func() { _ = task.Loop(ctx) })
}

// start prepares the servers.
func (w *web) start() {
	w.doors = map[alarm.Code]*door{}
	both := new(http.Protocols) // players of LL-HLS ask for many parts at once
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	w.server = w.newServer(w.Certs.challenges(w.Handler))
	w.server.Protocols = both
	w.secure = w.newServer(w.Handler)
	w.secure.TLSConfig = w.Certs.config()
}

func (w *web) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(w.Log.Handler(), slog.LevelDebug),
	}
}

// stop closes the doors, lets requests end for up to a second, and returns when
// everything has ended.
func (w *web) stop() {
	w.mu.Lock()
	for _, d := range w.doors {
		d.close()
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var ending sync.WaitGroup
	for _, s := range []*http.Server{w.server, w.secure} {
		ending.Go(func() {
			if s.Shutdown(ctx) != nil {
				_ = s.Close() // what is left are viewers without end
			}
		})
	}
	ending.Wait()
	w.Certs.stop()
	w.waiting.Wait()
}
