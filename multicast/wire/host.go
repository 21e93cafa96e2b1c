package wire

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// host owns the outputs of one engine: the control side of the border between the
// one who asks and the loop that sends. It is safe for concurrent use.
type host struct {
	engine *engine
	mu     sync.Mutex
	outs   map[string]*output
	socks  map[route]*socket
	ended  bool
}

func newHost(e *engine) *host {
	return &host{engine: e, outs: map[string]*output{}, socks: map[route]*socket{}}
}

// open adds an output that reads from r, in place of one with the same ID, whose
// RTP sequence it continues. The host owns r from then on.
func (h *host) open(spec Spec, r *ring) error {
	if err := spec.Check(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.outs[spec.ID]
	if h.ended || old == nil && len(h.outs) >= MaxOutputs {
		return fmt.Errorf("%w %s: no room, want at most %d outputs", ErrSpec, spec.ID, MaxOutputs)
	}
	if old != nil {
		delete(h.outs, spec.ID)
		h.swap()
		r.inherit(old.ring)
		old.ring.unmap()
	}
	o := &output{spec: spec, ring: r, tail: r.tail.Load(), last: time.Duration(r.last.Load())}
	o.holder.set = -1
	o.seq, o.ssrc = uint16(rand.Uint32()), rand.Uint32()
	if state := r.rtp.Load(); state>>63 == 1 {
		o.seq, o.ssrc = uint16(state>>32), uint32(state)
	}
	o.sock = h.socket(spec.route())
	o.name, o.nameLen = sockaddr(spec.To, o.sock.ifindex)
	h.outs[spec.ID] = o
	h.swap()
	h.sweep()
	return nil
}

func (h *host) setPSI(id string, sets []PSISet) error {
	if err := checkSets(sets); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.outs[id]
	if o == nil {
		return fmt.Errorf("%w %s: not open", ErrSpec, id)
	}
	o.psi.Store(&sets)
	return nil
}

func (h *host) close(ids ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var gone []*output
	for _, id := range ids {
		if o := h.outs[id]; o != nil {
			gone = append(gone, o)
			delete(h.outs, id)
		}
	}
	if len(gone) == 0 || h.ended {
		return
	}
	h.swap()
	for _, o := range gone {
		o.ring.unmap()
	}
	h.sweep()
}

// end stops the loop and gives everything back.
func (h *host) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	h.ended = true
	h.outs = map[string]*output{}
	old := h.engine.next.Load()
	h.swap()
	h.sweep()
	for _, o := range old.outputs {
		o.ring.unmap()
	}
	h.engine.next.Store(nil)
	h.signal()
}

// specs returns what is open, in the order of the IDs.
func (h *host) specs() []Spec {
	h.mu.Lock()
	defer h.mu.Unlock()
	specs := make([]Spec, 0, len(h.outs))
	for _, o := range h.outs {
		specs = append(specs, o.spec)
	}
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.ID, b.ID) })
	return specs
}

// each calls f for every output while none can be opened or closed.
func (h *host) each(f func(*output)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.outs {
		f(o)
	}
}

// revive opens sockets again that could not be opened, or whose interface has gone
// and come back under another number. It is to be called about once a second.
func (h *host) revive() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	var stale []*socket
	for r, s := range h.socks {
		if !s.stale() {
			continue
		}
		fresh := openSocket(r)
		if fresh.fd < 0 && s.fd < 0 {
			continue
		}
		stale = append(stale, s)
		h.socks[r] = fresh
	}
	if len(stale) > 0 {
		h.move()
	}
	for _, s := range stale {
		s.close()
	}
}

// move gives outputs the newest socket of their route. The loop lets go of them
// for the moment in which they change.
func (h *host) move() {
	var moved []*output
	for id, o := range h.outs {
		if h.socks[o.spec.route()] != o.sock {
			moved = append(moved, o)
			delete(h.outs, id)
		}
	}
	h.swap()
	for _, o := range moved {
		o.sock = h.socks[o.spec.route()]
		o.name, o.nameLen = sockaddr(o.spec.To, o.sock.ifindex)
		o.muted = 0
		h.outs[o.spec.ID] = o
	}
	h.swap()
}

func (s *socket) stale() bool {
	if s.fd < 0 {
		return true
	}
	if s.iface == "" {
		return false
	}
	ifi, err := net.InterfaceByName(s.iface)
	return err == nil && ifi.Index != s.ifindex
}

// socket returns the socket of a route, opened if there is none yet.
func (h *host) socket(r route) *socket {
	s := h.socks[r]
	if s == nil {
		s = openSocket(r)
		h.socks[r] = s
	}
	return s
}

// swap makes the loop adopt the outputs of now and returns when it has.
func (h *host) swap() {
	t := &table{adopted: make(chan struct{})}
	used := map[*socket]bool{}
	for _, o := range h.outs {
		t.outputs = append(t.outputs, o)
		if !used[o.sock] {
			used[o.sock] = true
			t.sockets = append(t.sockets, o.sock)
		}
	}
	h.engine.next.Store(t)
	h.signal()
	<-t.adopted
}

func (h *host) signal() {
	select {
	case h.engine.wake <- struct{}{}:
	default:
	}
}

// sweep closes sockets that no output uses any more.
func (h *host) sweep() {
	used := map[route]bool{}
	for _, o := range h.outs {
		used[o.spec.route()] = true
	}
	for r, s := range h.socks {
		if !used[r] {
			s.close()
			delete(h.socks, r)
		}
	}
}

// now returns the time the loop goes by.
func (h *host) now() time.Duration { return h.engine.clock.now() }

// errText says what an errno of an output means for its operator.
func errText(s Spec, errno unix.Errno) error {
	switch {
	case errno == 0:
		return nil
	case errno == unix.ENODEV && s.Interface != "":
		return fmt.Errorf("send to %s: interface %s does not exist: %w", s.To, s.Interface, errno)
	case errno == unix.EADDRNOTAVAIL && s.Source.IsValid():
		return fmt.Errorf("send to %s: no interface has the source address %s: %w", s.To, s.Source, errno)
	case errno == unix.ENETUNREACH:
		return fmt.Errorf("send to %s: no route, name an interface or add one (ip route add %s dev …): %w", s.To, s.To.Addr(), errno)
	}
	return fmt.Errorf("send to %s: %w", s.To, errno)
}
