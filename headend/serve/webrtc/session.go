package webrtc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"sync"
	"time"
)

// session is one WHEP session: from its POST to its end.
type session struct {
	server *Server
	id     string
	feed   *feed
	viewer *viewer
	dtls   *dtlsPipe
	ctx    context.Context
	cancel context.CancelFunc
	sent   func(bytes, skips int64)
	done   func(why string)
	began  time.Duration
	once   sync.Once

	mu        sync.Mutex
	etag      string
	creds     [2]credentials // the newest first, then those before an ICE restart
	counter   *agreement     // a counter-offer that waits for its answer
	remote    *remote        // what the player said
	heard     time.Duration  // last check of the player
	shaking   bool           // DTLS has begun
	connected bool
	addr      netip.AddrPort // in Server.addrs
	priority  uint32         // the player gave the check of addr, 0 if it has nominated none
	alive     time.Duration  // last check from addr
	other     netip.AddrPort // the one before
}

// stale is how long a path of higher priority is kept without a check. Players check the
// one they use every 2.5 s (RFC 8445 clause 11: 15 s at most).
const stale = 6 * time.Second

// credentials are a user fragment and a password of ICE.
type credentials struct{ ufrag, password string }

// random returns n random bytes in hexadecimal.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func newCredentials() credentials { return credentials{random(8), random(16)} }

// newSession registers a session that may be reached from now on. It owns its use of
// feed, and the place of the viewer.
func (s *Server) newSession(f *feed, at *seat) (*session, error) {
	x := &session{server: s, id: random(16), feed: f, began: s.now(), sent: at.sent, done: at.done}
	x.ctx, x.cancel = context.WithCancel(s.ctx)
	x.creds[0] = newCredentials()
	x.etag = `"` + random(8) + `"`
	x.viewer = &viewer{session: x, feed: f, name: random(8)}
	x.viewer.prepare()
	x.dtls = newDTLSPipe(x.sendDTLS)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, errClosed
	}
	if len(s.sessions) >= s.maxSessions() {
		return nil, errFull
	}
	s.sessions[x.id] = x
	s.names[x.creds[0].ufrag] = x
	s.work.Add(1)
	s.pending.Add(1)
	select {
	case s.arrival <- struct{}{}:
	default:
	}
	return x, nil
}

// session returns a session of a channel, nil if there is none.
func (s *Server) session(channel, id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.sessions[id]; x != nil && x.feed.name == channel {
		return x
	}
	return nil
}

// password returns what belongs to a user fragment of ours, or nothing.
func (x *session) password(ufrag string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.creds {
		if c.ufrag == ufrag {
			return c.password
		}
	}
	return ""
}

// restart gives the session other credentials. Those before hold until the player uses
// the new ones.
func (x *session) restart() (credentials, string) {
	c := newCredentials()
	x.mu.Lock()
	old := x.creds[1]
	x.creds = [2]credentials{c, x.creds[0]}
	x.etag = `"` + random(8) + `"`
	etag := x.etag
	x.mu.Unlock()
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, old.ufrag)
	if s.sessions[x.id] == x {
		s.names[c.ufrag] = x
	}
	return c, etag
}

// reached takes a valid check of the player. The path it nominates is the one that is
// used: the newest, unless one of higher priority is alive. Until it nominates one the
// first is: a player begins DTLS as soon as its check was answered.
func (x *session) reached(r *binding, from *path) {
	now := x.server.now()
	v := x.viewer
	x.mu.Lock()
	x.heard = now
	newest := r.local == x.creds[0].ufrag
	begin := !x.shaking && x.remote != nil
	if begin {
		x.shaking = true
	}
	if from.addr == x.addr {
		x.alive = now
	}
	priority := r.priority
	if !r.nominated {
		priority = 0
	}
	moved := newest && (r.nominated || !x.addr.IsValid()) && x.use(from, priority, now)
	x.mu.Unlock()
	if moved {
		v.mu.Lock()
		p := *from
		if p.tcp == nil {
			p.to = x.server.udp.sockaddr(p.addr)
		}
		v.path = &p
		v.mu.Unlock()
	}
	if begin && !x.begin() {
		x.end("the server is shutting down")
	}
}

// use makes an address the one datagrams come from. It reports whether it was not. The
// caller holds mu.
func (x *session) use(from *path, priority uint32, now time.Duration) bool {
	if x.addr == from.addr {
		x.priority = max(x.priority, priority)
		return false
	}
	if x.addr.IsValid() && priority < x.priority && now-x.alive < stale {
		return false
	}
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[x.id] != x {
		return false
	}
	if x.other.IsValid() && s.addrs[x.other] == x {
		delete(s.addrs, x.other)
	}
	x.other, x.addr = x.addr, from.addr
	x.priority, x.alive = priority, now
	s.addrs[from.addr] = x
	return true
}

// begin starts DTLS. It reports false when the server has ended.
func (x *session) begin() bool {
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sessions[x.id] != x {
		return false
	}
	s.work.Go(x.secure)
	return true
}

// secure sets DTLS up, begins to send, and reads until DTLS ends: nothing is said over
// it but the end.
func (x *session) secure() {
	s := x.server
	ctx, cancel := context.WithTimeout(x.ctx, s.setup())
	defer cancel()
	x.mu.Lock()
	remote := x.remote
	x.mu.Unlock()
	conn, err := s.cert.handshake(ctx, x.dtls, remote.passive, remote.fingerprint)
	if err != nil {
		x.end(err.Error())
		return
	}
	defer conn.Close()
	closed := make(chan struct{})
	stop := context.AfterFunc(x.ctx, func() { defer close(closed); conn.Close() })
	defer func() {
		if !stop() {
			<-closed // it may say good-bye: the socket is there until then
		}
	}()
	profile, ok := conn.SelectedSRTPProtectionProfile()
	state, known := conn.ConnectionState()
	if !ok || !known {
		x.end("DTLS: no profile of SRTP was agreed on")
		return
	}
	guard, err := newProtector(profile, &state, remote.passive)
	if err != nil {
		x.end(err.Error())
		return
	}
	x.settle()
	x.viewer.open(guard)
	x.feed.join(x.viewer)
	s.Log.Debug("WebRTC viewer is connected", "channel", x.feed.name, "session", x.id, "profile", guard.name)
	b := make([]byte, 2048)
	for {
		if _, err := conn.Read(b); err != nil {
			x.end("the player has closed the connection")
			return
		}
	}
}

// settle says that the session is connected, or never will be.
func (x *session) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.connected {
		x.connected = true
		x.server.pending.Add(-1)
	}
}

// open lets the viewer be sent to.
func (v *viewer) open(guard *protector) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.guard = guard
	v.filled = v.feed.server.now()
	v.budget = maxBudget
	v.ladder.abr = v.feed.server.ABR
}

// sendDTLS sends a datagram of DTLS.
func (x *session) sendDTLS(b []byte) {
	x.viewer.mu.Lock()
	p := x.viewer.path
	x.viewer.mu.Unlock()
	if p != nil {
		p.write(b)
	}
}

// gone says why the session has to end by itself, or nothing.
func (x *session) gone(now time.Duration) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.counter != nil && now-x.began > counterValid:
		return "the counter-offer was not answered"
	case !x.connected && now-x.began > x.server.setup():
		return "the player did not connect"
	case x.connected && now-x.heard > x.server.consent():
		return "the player went silent"
	}
	return x.feed.lost()
}

// end ends the session. It returns when what it held is free; DTLS says good-bye on its
// own time.
func (x *session) end(why string) {
	x.once.Do(func() {
		s := x.server
		x.mu.Lock()
		creds := x.creds
		x.mu.Unlock()
		s.mu.Lock()
		delete(s.sessions, x.id)
		for _, c := range creds {
			if s.names[c.ufrag] == x {
				delete(s.names, c.ufrag)
			}
		}
		s.mu.Unlock()
		x.server.work.Go(func() { x.finish(why) })
		s.work.Done()
	})
}

// finish lets go of everything.
func (x *session) finish(why string) {
	s, v := x.server, x.viewer
	x.settle()
	x.feed.leave(v)
	v.mu.Lock()
	v.closed = true
	if v.bytes > 0 {
		v.count(s.now())
	}
	v.mu.Unlock()
	x.cancel()
	x.mu.Lock()
	addr, other := x.addr, x.other
	x.mu.Unlock()
	s.mu.Lock()
	for _, a := range []netip.AddrPort{addr, other} {
		if s.addrs[a] == x {
			delete(s.addrs, a)
		}
	}
	s.mu.Unlock()
	x.done(why)
	s.release(x.feed)
	s.Log.Debug("WebRTC session ended", "channel", x.feed.name, "session", x.id, "why", why)
}
