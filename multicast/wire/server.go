package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	defaultHold = time.Minute
	idleExit    = 5 * time.Second
	drainWithin = 2 * time.Second
)

// server answers one daemon at a time. mu orders its requests, and those against
// the passing of time.
type server struct {
	host     *host
	listener *net.UnixListener
	refused  error
	hold     time.Duration

	mu      sync.Mutex
	current *conn // of the daemon that has said hello
	memory  map[string]int
	idle    time.Time // since when there is neither daemon nor output; zero while there is
	finish  time.Time // when to end although rings are not empty; zero while not finishing
	wg      sync.WaitGroup
}

// listen makes the socket, in place of one that nobody answers on.
func listen(path string) (*server, error) {
	addr := &net.UnixAddr{Name: path, Net: "unixpacket"}
	if c, err := net.DialUnix("unixpacket", nil, addr); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s: another wire process answers there", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unixpacket", addr)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &server{
		host: newHost(newEngine(nanosleep)), listener: l, hold: defaultHold,
		memory: map[string]int{}, idle: time.Now(),
	}, nil
}

// serve answers until there is nothing left to do or ctx ends.
func (s *server) serve(ctx context.Context) error {
	s.wg.Go(s.accept)
	defer s.wg.Wait()
	defer s.shut()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			if n%10 == 0 {
				s.host.revive()
			}
			if s.expire(now) {
				return nil
			}
		}
	}
}

func (s *server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.wg.Go(func() { s.handle(newConn(c)) })
	}
}

// shut closes the sockets, which ends accept and handle.
func (s *server) shut() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.current.Close()
	}
	for id, fd := range s.memory {
		unix.Close(fd)
		delete(s.memory, id)
	}
}

// expire closes outputs that were held for long enough and reports whether the
// process has nothing left to do.
func (s *server) expire(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var over []string
	open, drained, mono := 0, true, s.host.now()
	s.host.each(func(o *output) {
		open++
		until := time.Duration(o.until.Load())
		if s.current == nil && until < mono {
			over = append(over, o.spec.ID)
		}
		drained = drained && o.ring.head.Load() == o.ring.tail.Load()
	})
	if !s.finish.IsZero() {
		return drained || now.After(s.finish)
	}
	s.close(over...)
	if s.current != nil || open > 0 {
		s.idle = time.Time{}
		return false
	}
	if s.idle.IsZero() {
		s.idle = now
	}
	return now.Sub(s.idle) >= idleExit
}

// close ends outputs and gives their memory back. The caller holds mu.
func (s *server) close(ids ...string) {
	s.host.close(ids...)
	for _, id := range ids {
		if fd, ok := s.memory[id]; ok {
			unix.Close(fd)
			delete(s.memory, id)
		}
	}
}

// handle serves one connection until it ends.
func (s *server) handle(c *conn) {
	defer c.Close()
	if c.checkPeer() != nil || !s.greet(c) {
		return
	}
	defer s.lost(c)
	for {
		msg, fd, err := c.receive(time.Time{})
		if err != nil {
			return
		}
		req, err := parseRequest(msg)
		more := s.answer(c, req, fd, err)
		if !more {
			return
		}
	}
}

// greet expects hello and makes c the current daemon, or tells a daemon of another
// version ours, and then does no more than finish if asked.
func (s *server) greet(c *conn) bool {
	msg, fd, err := c.receive(time.Now().Add(answerWithin))
	if err != nil {
		return false
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	req, err := parseRequest(msg)
	if err == nil && req.Op == opFinish {
		s.finishUp()
		_ = c.send(reply{Version: version}, -1) // the other side may be gone already
		return false
	}
	if err == nil && (req.Op != opHello || req.Version != version) {
		err = fmt.Errorf("%w: version %d, want hello of version %d", errProtocol, req.Version, version)
	}
	if err != nil {
		_ = c.send(reply{Version: version, Error: err.Error()}, -1)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		_ = s.current.send(reply{Displaced: true}, -1)
		s.current.Close()
	}
	s.current = c
	if req.Hold > 0 {
		s.hold = req.Hold
	}
	s.holdAll(s.hold)
	if s.welcome(c) != nil { // it has gone already
		s.current = nil
		return false
	}
	return true
}

// welcome tells a new daemon what is held. The caller holds mu.
func (s *server) welcome(c *conn) error {
	r := reply{Version: version, PID: os.Getpid(), Held: len(s.memory)}
	if s.refused != nil {
		r.Refused = s.refused.Error()
	}
	if err := c.send(r, -1); err != nil {
		return err
	}
	for _, spec := range s.host.specs() {
		if err := c.send(reply{Spec: &spec}, s.memory[spec.ID]); err != nil {
			return err
		}
	}
	return nil
}

// holdAll lets every output go on without a daemon. The caller holds mu.
func (s *server) holdAll(hold time.Duration) {
	until := int64(s.host.now() + hold)
	s.host.each(func(o *output) {
		o.claimed.Store(false)
		o.until.Store(until)
	})
}

// lost starts hold when the daemon went away without a word.
func (s *server) lost(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == c {
		s.current = nil
		s.holdAll(s.hold)
	}
}

func (s *server) finishUp() {
	s.listener.Close() // and removes the path, so that a successor can take it
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish = time.Now().Add(drainWithin)
	s.host.each(func(o *output) { o.until.Store(0) })
}

// answer does what is asked and reports whether more may follow. It takes over fd.
func (s *server) answer(c *conn, req request, fd int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != c {
		if fd >= 0 {
			unix.Close(fd)
		}
		return false
	}
	keep := -1
	if err == nil {
		keep, err = s.do(req, fd)
	}
	if fd >= 0 && keep != fd {
		unix.Close(fd)
	}
	var r reply
	if err != nil {
		r.Error = err.Error()
	}
	if req.Op == opLeave && err == nil {
		s.leave(req.Hold)
	}
	return c.send(r, -1) == nil && req.Op != opLeave
}

// do carries out a request and returns the descriptor that it keeps, or -1. The
// caller holds mu.
func (s *server) do(req request, fd int) (int, error) {
	switch req.Op {
	case opOpen:
		return s.open(*req.Spec, fd)
	case opClaim:
		return -1, s.claim(req.ID)
	case opPSI:
		return -1, s.host.setPSI(req.ID, req.Sets)
	case opClose:
		s.close(req.ID)
	case opPing, opLeave:
	case opHello, opFinish:
		return -1, fmt.Errorf("%w: %s must be the first request", errProtocol, req.Op)
	}
	return -1, nil
}

func (s *server) open(spec Spec, fd int) (int, error) {
	if fd < 0 {
		return -1, fmt.Errorf("%w: open without memory", errProtocol)
	}
	r, err := mapRing(fd)
	if err != nil {
		return -1, err
	}
	if err := s.host.open(spec, r); err != nil {
		r.unmap()
		return -1, err
	}
	if old, ok := s.memory[spec.ID]; ok {
		unix.Close(old)
	}
	s.memory[spec.ID] = fd
	return fd, s.claim(spec.ID)
}

// claim says that the daemon fills an output from now on.
func (s *server) claim(id string) error {
	err := fmt.Errorf("%w %s: not held", ErrSpec, id)
	s.host.each(func(o *output) {
		if o.spec.ID == id {
			o.claimed.Store(true)
			err = nil
		}
	})
	return err
}

// leave lets the daemon go. The caller holds mu.
func (s *server) leave(hold time.Duration) {
	s.current = nil
	if hold > 0 {
		s.holdAll(hold)
		return
	}
	var all []string
	for _, spec := range s.host.specs() {
		all = append(all, spec.ID)
	}
	s.close(all...)
}
