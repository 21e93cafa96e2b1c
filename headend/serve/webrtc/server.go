// Package webrtc plays channels over WebRTC, spoken to by WHEP
// (draft-ietf-wish-whep). It owns one UDP and one TCP port for all viewers, packs each
// track of a channel once for all of them, and sends each the track its path can carry.
//
// It is the lite side of ICE (RFC 8445 clause 2.5): viewers reach it at the addresses it
// names, and there is nothing it has to find out of theirs. It refuses to decode or to
// encode pictures; sound that no browser knows is made into Opus by a child process,
// once for a channel.
package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Viewers lets viewers in and counts them; an error says that this one may not watch.
// Sent is called for what went out, and must not block; done ends the count with a
// reason. End is called when the viewer has to go, and must not wait for done.
type Viewers interface {
	Open(r *http.Request, channel, protocol string, end func(why string)) (sent func(bytes, skips int64), done func(why string), err error)
}

// Server plays channels. The exported fields are arguments: set them, call Initialize,
// then Run. It is an http.Handler for /N/whep and what is below it, and safe for
// concurrent use.
type Server struct {
	Lookup  func(name string) Frames // nil when there is no channel that may be played
	Viewers Viewers                  // nil counts nobody
	Log     *slog.Logger

	UDP, TCP   string       // addresses to listen on, such as ":8189"; empty TCP: none
	Addresses  []netip.Addr // where viewers reach this box; empty: the addresses of its interfaces
	Candidates []netip.AddrPort
	ICEServers []ICEServer // told to players, who may need them
	ABR        ABR
	Start      func(channel string) string // the track its viewers begin with, such as "v2"; empty, or nil: as ABR says
	FFmpeg     string                      // the program that makes sound into Opus; empty: channels play without sound that is not Opus or G.711

	History     int           // packets of each video track kept for retransmission and for who joins; 0 means 8192
	Retransmit  time.Duration // packets sent longer ago are not sent again; 0 means 1 s
	MaxSessions int           // 0 means 5000
	Rate        int           // requests per second and address; 0 means 20
	Consent     time.Duration // a viewer who is silent for this long is gone (RFC 7675); 0 means 30 s
	Setup       time.Duration // a viewer who is not there after this long is given up; 0 means 20 s
	Wait        time.Duration // longest a request waits for pictures of a channel; 0 means 5 s

	began time.Time
	epoch time.Time
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
	udp   *udp
	tcp   net.Listener
	cert  *certificate

	arrival chan struct{} // a session began
	pending atomic.Int64  // sessions that are not connected yet
	hurry   atomic.Int64  // until when the socket is looked at often, ns on the clock of now

	mu       sync.Mutex
	ended    bool
	sessions map[string]*session // by id
	names    map[string]*session // by user fragment
	addrs    map[netip.AddrPort]*session
	feeds    map[string]*feed
	limiter  limiter
}

// ICEServer is a STUN or TURN server for players.
type ICEServer struct {
	URL                  string // "stun:stun.example.net" or "turn:turn.example.net?transport=udp"
	Username, Credential string // of TURN
}

func (s *Server) history() int            { return cmp.Or(s.History, 8192) }
func (s *Server) groups() int             { return runtime.GOMAXPROCS(0) }
func (s *Server) deadline() time.Duration { return cmp.Or(s.Retransmit, time.Second) }
func (s *Server) consent() time.Duration  { return cmp.Or(s.Consent, 30*time.Second) }
func (s *Server) setup() time.Duration    { return cmp.Or(s.Setup, 20*time.Second) }
func (s *Server) maxSessions() int        { return cmp.Or(s.MaxSessions, 5000) }

// now returns the time since the server began.
func (s *Server) now() time.Duration { return time.Since(s.began) }

// wall returns UTC without the steps the clock of the machine makes.
func (s *Server) wall() time.Time { return s.epoch.Add(s.now()) }

var errClosed = errors.New("the server is shutting down")

// Initialize opens the sockets. Run must be called after it.
func (s *Server) Initialize() error {
	s.began = time.Now()
	s.epoch = s.began.Round(0)
	s.sessions, s.names, s.addrs, s.feeds = map[string]*session{}, map[string]*session{}, map[netip.AddrPort]*session{}, map[string]*feed{}
	s.arrival = make(chan struct{}, 1)
	s.ctx, s.stop = context.WithCancel(context.Background())
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.cert, err = newCertificate(); err != nil {
		return err
	}
	if s.udp, err = openUDP(s.UDP); err != nil {
		return err
	}
	if s.TCP != "" {
		if s.tcp, err = (&net.ListenConfig{}).Listen(s.ctx, "tcp", s.TCP); err != nil {
			s.udp.close()
			return fmt.Errorf("TCP of WebRTC: %w", err)
		}
	}
	return nil
}

// Run serves until ctx ends, then ends every session and returns when nothing runs any
// more.
func (s *Server) Run(ctx context.Context) error {
	var readers sync.WaitGroup
	readers.Go(func() { s.readUDP(s.ctx) })
	if s.tcp != nil {
		readers.Go(func() { s.acceptTCP(s.ctx) })
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s.sweep()
		}
	}
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	for _, x := range s.list() {
		x.end("the server is shutting down")
	}
	s.work.Wait()
	s.stop()
	if s.tcp != nil {
		s.tcp.Close()
	}
	readers.Wait()
	s.udp.close()
	return context.Cause(ctx)
}

func (s *Server) list() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		out = append(out, x)
	}
	return out
}

// sweep ends the sessions of viewers who are gone.
func (s *Server) sweep() {
	now := s.now()
	for _, x := range s.list() {
		if why := x.gone(now); why != "" {
			x.end(why)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limiter.sweep(now)
}

// datagram takes what came for some viewer. from is lent. It reports whether it was for
// one that there is.
func (s *Server) datagram(b []byte, from *path) bool {
	if isSTUN(b) {
		return s.check(b, from)
	}
	if len(b) < 2 || len(b) > maxDatagram {
		return false
	}
	s.mu.Lock()
	x := s.addrs[from.addr]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	switch {
	case b[0] >= 20 && b[0] <= 63:
		x.dtls.deliver(b)
	case b[0] >= 128 && b[0] <= 191 && b[1] >= 192 && b[1] <= 223: // RFC 5761 clause 4
		x.viewer.listen(b)
	}
	return true
}

// check answers a connectivity check.
func (s *Server) check(b []byte, from *path) bool {
	r, ok := parseBinding(b)
	if !ok {
		return false
	}
	s.mu.Lock()
	x := s.names[r.local]
	s.mu.Unlock()
	if x == nil {
		return false
	}
	password := x.password(r.local)
	if password == "" || !r.valid(b, password) {
		return false
	}
	var room [128]byte
	if r.controlled {
		from.write(r.appendConflict(room[:0], password))
		return true
	}
	from.write(r.appendAnswer(room[:0], from.addr, password))
	x.reached(&r, from)
	return true
}

// feedOf returns the feed of a channel with one more user, nil when there is no such
// channel.
func (s *Server) feedOf(name string) (*feed, error) {
	source := s.Lookup(name)
	if source == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, errClosed
	}
	f := s.feeds[name]
	if f == nil || f.source != source {
		f = &feed{server: s, name: name, source: source}
		f.start(s.ctx)
		s.feeds[name] = f
		s.work.Add(1)
	}
	f.users++
	return f, nil
}

// release gives a feed back. The last one ends it, and returns when it has ended.
func (s *Server) release(f *feed) {
	s.mu.Lock()
	f.users--
	last := f.users == 0
	if last && s.feeds[f.name] == f {
		delete(s.feeds, f.name)
	}
	s.mu.Unlock()
	if last {
		f.stop()
		s.work.Done()
	}
}

// Counters are what the server has done so far.
type Counters struct {
	Sessions  int
	Datagrams uint64 // sent
	Calls     uint64 // of the system, for them
	Failed    uint64 // datagrams that the system did not take
	Segments  bool   // the kernel cuts datagrams out of one buffer (UDP_SEGMENT)
}

// Counters returns the counters. It does not block.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	n := len(s.sessions)
	s.mu.Unlock()
	return Counters{n, s.udp.datagrams.Load(), s.udp.calls.Load(), s.udp.failed.Load(), s.udp.segments.Load()}
}

// limiter counts requests by address.
type limiter struct {
	seen map[netip.Addr]*bucket
}

type bucket struct {
	left float64
	at   time.Duration
}

// maxBuckets bounds the addresses that are counted; beyond, all share one.
const maxBuckets = 10_000

// allow reports whether an address may ask now.
func (l *limiter) allow(a netip.Addr, now time.Duration, rate int) bool {
	if a.Is6() && !a.Is4In6() {
		p, err := a.Prefix(64)
		if err == nil {
			a = p.Addr()
		}
	}
	if l.seen == nil {
		l.seen = map[netip.Addr]*bucket{}
	}
	b := l.seen[a]
	if b == nil {
		if len(l.seen) >= maxBuckets {
			a = netip.Addr{}
			b = l.seen[a]
		}
		if b == nil {
			b = &bucket{left: float64(2 * rate)}
			l.seen[a] = b
		}
	}
	b.left = min(b.left+float64(rate)*(now-b.at).Seconds(), float64(2*rate))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// sweep forgets addresses that have not asked for a while.
func (l *limiter) sweep(now time.Duration) {
	for a, b := range l.seen {
		if now-b.at > 10*time.Second {
			delete(l.seen, a)
		}
	}
}
