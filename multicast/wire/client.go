package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	startWithin = 5 * time.Second
	pingEvery   = 250 * time.Millisecond
	retryMost   = 10 * time.Second // between attempts to start a process, from pingEvery on
)

// Client is the daemon's side of the wire process. Exported fields are arguments,
// set before Start. It is safe for concurrent use.
//
// Order of use: Start, Open for every output of the configuration, Release, Run
// for as long as the daemon lives, Close.
type Client struct {
	Socket  string        // path of the control socket, at most 107 bytes
	Command []string      // program and arguments before --socket; nil means this program and "wire"
	Hold    time.Duration // how long outputs are held after a crash of the daemon; 0 means 1 min

	reach sync.Mutex // held while a process is looked for or started; taken before mu

	mu        sync.Mutex
	conn      *conn // nil while there is none; only install sets it
	outputs   map[string]*Output
	held      map[string]heldOutput
	closed    map[string]bool // outputs that a process may still have, to be closed in it
	displaced bool            // another daemon has the process: it is not to be taken back
	status    Status
	notify    chan struct{}
}

type heldOutput struct {
	spec Spec
	fd   int
}

// Status is the state of the wire process as the daemon sees it.
type Status struct {
	Running   bool
	PID       int
	RealTime  bool   // real-time scheduling and locked memory were granted
	Refused   string // what was not granted and how to allow it
	Outputs   int
	Restarts  uint64 // times it had to be started or reached again
	LastError string
}

// Start takes over the process that answers on Socket or starts one. It blocks for
// up to about 10 s. An error means that there is none: Local is the fallback.
func (c *Client) Start(ctx context.Context) error {
	c.reach.Lock()
	defer c.reach.Unlock()
	path, err := filepath.Abs(c.Socket) // the process has another working directory
	if err != nil {
		return err
	}
	c.Socket = path
	c.mu.Lock()
	if c.outputs == nil {
		c.outputs, c.held = map[string]*Output{}, map[string]heldOutput{}
		c.notify = make(chan struct{}, 1)
	}
	c.closed, c.displaced = map[string]bool{}, false
	c.mu.Unlock()
	w, err := c.connect(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		return c.failed(err)
	}
	c.install(w)
	return nil
}

// welcome is what a process says to a new daemon.
type welcome struct {
	conn  *conn
	reply reply
	held  map[string]heldOutput
}

// drop closes all that came with w.
func (w *welcome) drop() {
	w.conn.Close()
	for _, h := range w.held {
		unix.Close(h.fd)
	}
}

// connect reaches a process of our version. The caller holds reach and not mu: it may
// take long.
func (c *Client) connect(ctx context.Context) (*welcome, error) {
	for range 3 {
		conn, err := dial(c.Socket)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			if err := c.launch(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wire process at %s: %w", c.Socket, err)
		}
		w, other, err := c.hello(ctx, conn)
		if err == nil {
			return w, nil
		}
		if !other {
			return nil, err
		}
		if err := c.dismiss(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("wire process at %s: none of version %d stays", c.Socket, version)
}

// install makes the process that said w the one that is used. The caller holds mu.
func (c *Client) install(w *welcome) {
	c.forget()
	c.conn, c.held = w.conn, w.held
	s := &c.status
	s.Running, s.LastError = true, ""
	s.PID, s.Refused, s.RealTime = w.reply.PID, w.reply.Refused, w.reply.Refused == ""
}

// failed notes that there is no process. The caller holds mu.
func (c *Client) failed(err error) error {
	c.status.Running, c.status.LastError = false, err.Error()
	return err
}

// hello introduces the daemon and collects the outputs that are held. It takes over
// conn. other says that the process has another version.
func (c *Client) hello(ctx context.Context, conn *conn) (_ *welcome, other bool, err error) {
	w := &welcome{conn: conn, held: map[string]heldOutput{}}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		if !stop() {
			err = context.Cause(ctx)
		}
		if err != nil {
			w.drop()
		}
	}()
	if err := conn.checkPeer(); err != nil {
		return nil, false, err
	}
	if err := conn.send(request{Op: opHello, Version: version, Hold: c.Hold}, -1); err != nil {
		return nil, false, err
	}
	if w.reply, _, err = conn.reply(); err != nil {
		return nil, w.reply.Version != 0 && w.reply.Version != version, err
	}
	for range min(w.reply.Held, MaxOutputs) {
		h, fd, err := conn.reply()
		if err != nil {
			return nil, false, err
		}
		if h.Spec == nil || fd < 0 {
			return nil, false, fmt.Errorf("%w: held output without spec or memory", errProtocol)
		}
		w.held[h.Spec.ID] = heldOutput{*h.Spec, fd}
	}
	return w, false, nil
}

// reply reads one reply; an error it carries is returned as one.
func (c *conn) reply() (reply, int, error) {
	var r reply
	msg, fd, err := c.receive(time.Now().Add(answerWithin))
	if err != nil {
		return r, -1, fmt.Errorf("wire process: %w", err)
	}
	switch err := json.Unmarshal(msg, &r); {
	case err != nil:
		return r, fd, fmt.Errorf("%w: %w", errProtocol, err)
	case r.Displaced:
		return r, fd, ErrDisplaced
	case r.Error != "":
		return r, fd, fmt.Errorf("wire process: %s", r.Error)
	}
	return r, fd, nil
}

// dismiss tells a process of another version to drain its rings and go.
func (c *Client) dismiss() error {
	conn, err := dial(c.Socket)
	if err != nil {
		return nil // gone already
	}
	defer conn.Close()
	if err := conn.send(request{Op: opFinish}, -1); err != nil {
		return err
	}
	_, _, err = conn.reply()
	return err
}

// launch starts a process in a session of its own, which the end of the daemon
// does not touch, and returns when it can be reached.
func (c *Client) launch(ctx context.Context) error {
	command := c.Command
	if command == nil {
		command = self()
	}
	args := append(slices.Clone(command[1:]), "--socket", c.Socket)
	cmd := exec.Command(command[0], args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = os.Stderr
	cmd.Env = environment()
	cmd.Dir = "/"
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting the wire process: %w", err)
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("starting the wire process: %w", err)
	}
	// Reaps the process when it ends, which may be long after this Client is closed.
	go func() { _ = cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	defer context.AfterFunc(ctx, func() { r.Close() })()
	line, err := bufio.NewReader(io.LimitReader(r, 256)).ReadString('\n')
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil || strings.TrimSpace(line) != "ready" {
		_ = cmd.Process.Kill() // an error means that it has ended
		return fmt.Errorf("starting the wire process: it did not become ready on %s, its reason is in the log: %w", c.Socket, err)
	}
	return nil
}

// call sends a request and waits for its reply. The caller holds mu.
func (c *Client) call(req request, fd int) error {
	if c.displaced {
		return ErrDisplaced
	}
	if c.conn == nil {
		return errors.New("wire process: not connected")
	}
	sendErr := c.conn.send(req, fd)
	r, got, err := c.conn.reply() // also when nothing could be sent: it may say why
	if got >= 0 {
		unix.Close(got)
	}
	if sendErr != nil && !errors.Is(err, ErrDisplaced) {
		r, err = reply{}, fmt.Errorf("wire process: %w", sendErr)
	}
	if err != nil && r.Error == "" {
		c.disconnect(err)
	}
	return err
}

// disconnect gives up a connection that failed. The caller holds mu.
func (c *Client) disconnect(err error) {
	c.conn.Close()
	c.conn = nil
	c.displaced = errors.Is(err, ErrDisplaced)
	_ = c.failed(err)
}

// Open opens an output, or takes it over if the process holds one with an equal
// Spec: its ring, RTP sequence and continuity counters then go on, and Last says
// where. One with the same ID and another Spec is replaced. An interface that is
// missing is no error but shows in the counters and is tried again every second.
func (c *Client) Open(spec Spec) (*Output, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.held[spec.ID]; ok {
		delete(c.held, spec.ID)
		if o := c.claim(spec, h); o != nil {
			c.outputs[spec.ID] = o
			return o, nil
		}
	}
	r, fd, err := newRing(spec.slots())
	if err != nil {
		return nil, err
	}
	o := newOutput(spec, r, fd, c)
	if err := c.call(request{Op: opOpen, Spec: &spec}, fd); err != nil {
		return nil, err
	}
	c.outputs[spec.ID] = o
	delete(c.closed, spec.ID)
	return o, nil
}

// claim takes over a held output, or returns nil if that cannot be.
func (c *Client) claim(spec Spec, h heldOutput) *Output {
	if h.spec == spec {
		if r, err := mapRing(h.fd); err == nil {
			o := newOutput(spec, r, h.fd, c)
			r.epoch.Add(1)
			if c.call(request{Op: opClaim, ID: spec.ID}, -1) == nil {
				return o
			}
			return nil
		}
	}
	unix.Close(h.fd)
	return nil
}

// Held returns the outputs of an earlier daemon that nobody has opened yet, in the
// order of their IDs.
func (c *Client) Held() []Spec {
	c.mu.Lock()
	defer c.mu.Unlock()
	specs := make([]Spec, 0, len(c.held))
	for _, h := range c.held {
		specs = append(specs, h.spec)
	}
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.ID, b.ID) })
	return specs
}

// Release ends the held outputs that were not opened and that keep does not want
// either: the configuration no longer has them. Those it wants may be opened later.
func (c *Client) Release(keep func(Spec) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for id, h := range c.held {
		if keep(h.spec) {
			continue
		}
		unix.Close(h.fd)
		delete(c.held, id)
		errs = append(errs, c.end(id))
	}
	return errors.Join(errs...)
}

// forget closes what a process has handed over and nobody opened.
func (c *Client) forget() {
	for id, h := range c.held {
		unix.Close(h.fd)
		delete(c.held, id)
	}
}

// Run watches the process until ctx ends and then returns nil. When the process is
// gone it starts another, which goes on with the same rings; attempts that fail are
// repeated after 0.25 to 10 s. It returns ErrDisplaced when another daemon has taken
// over.
func (c *Client) Run(ctx context.Context) error {
	wait, notify := pingEvery, c.notify
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-notify:
		case <-timer.C:
		}
		err := c.check(ctx)
		switch {
		case errors.Is(err, ErrDisplaced):
			return err
		case c.Status().Running:
			wait, notify = pingEvery, c.notify
		default: // news of the outputs are no reason to try sooner
			wait, notify = min(2*wait, retryMost), nil
		}
		timer.Reset(wait)
	}
}

// check tells the process what is new and mends a broken connection.
func (c *Client) check(ctx context.Context) error {
	c.reach.Lock()
	defer c.reach.Unlock()
	c.mu.Lock()
	if c.conn != nil || c.displaced {
		if err := c.tell(); c.conn != nil || c.displaced {
			c.mu.Unlock()
			return err
		}
	}
	c.mu.Unlock()
	w, err := c.connect(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Restarts++
	if err != nil {
		return c.failed(err)
	}
	return c.resume(w)
}

// resume goes on with another connection or process: outputs that were closed in the
// meantime are closed there, the others opened. The caller holds mu.
func (c *Client) resume(w *welcome) error {
	c.install(w)
	for id, h := range c.held {
		if c.outputs[id] == nil && !c.closed[id] {
			continue // of the daemon before: it may be opened yet
		}
		unix.Close(h.fd)
		delete(c.held, id)
		if c.closed[id] {
			if err := c.end(id); c.conn == nil {
				return err
			}
		}
	}
	clear(c.closed)
	var errs []error
	for _, o := range c.outputs {
		err := c.call(request{Op: opOpen, Spec: &o.spec}, o.fd)
		if c.conn == nil {
			return err
		}
		errs = append(errs, err)
		o.untold.Store(true)
	}
	return errors.Join(append(errs, c.tell())...)
}

// tell passes on PSI that has changed, or just asks for a sign of life.
func (c *Client) tell() error {
	for id, o := range c.outputs {
		if !o.untold.Swap(false) {
			continue
		}
		if err := c.call(request{Op: opPSI, ID: id, Sets: o.psi()}, -1); err != nil {
			return err
		}
	}
	return c.call(request{Op: opPing}, -1)
}

func (c *Client) psiChanged(o *Output) {
	o.untold.Store(true)
	select {
	case c.notify <- struct{}{}:
	default:
	}
}

func (c *Client) closeOutput(o *Output) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outputs[o.spec.ID] != o {
		return nil
	}
	delete(c.outputs, o.spec.ID)
	return c.end(o.spec.ID)
}

// end closes an output in the process, or in the next one that is reached if there is
// none now. The caller holds mu.
func (c *Client) end(id string) error {
	err := c.call(request{Op: opClose, ID: id}, -1)
	if c.conn == nil {
		c.closed[id] = true
	}
	return err
}

// Status returns the state of the process.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Outputs = len(c.outputs)
	return s
}

// Lateness returns the lateness of all outputs over the last 10 s.
func (c *Client) Lateness() Lateness {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum [buckets]uint64
	for _, o := range c.outputs {
		o.addLateness(&sum)
	}
	return latenessOf(&sum)
}

// Close leaves the process. It ends all outputs at once if hold is 0; otherwise
// they are held for that long, at most MaxHold, for the next daemon.
func (c *Client) Close(hold time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	if c.conn == nil {
		return nil
	}
	err := c.call(request{Op: opLeave, Hold: min(hold, MaxHold)}, -1)
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	c.status.Running = false
	return err
}
