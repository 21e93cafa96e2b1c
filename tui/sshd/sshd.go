// Package sshd owns the SSH door of the console: host key, logins, limits, and the
// choice between pages for a terminal and plain commands for everything else. It
// forwards nothing: no ports, no agent, no files.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"

	"sigma/headend/control"
	"sigma/tui"
	"sigma/tui/text"
	"sigma/tui/theme"
)

// Service is what the door asks of the box: what the console asks, and who may enter.
// *control.Service is one.
type Service interface {
	tui.Service
	Authenticate(ctx context.Context, name, password, via, remote string) (control.Actor, error)
	AuthenticateKey(ctx context.Context, name, key, via, remote string) (control.Actor, error)
	SetupPending(ctx context.Context) (bool, error)
	SetupCode(ctx context.Context) (string, error)
	ExportSecrets(ctx context.Context, a control.Actor) ([]byte, error)
}

var _ Service = (*control.Service)(nil)

// The limits that hold where Server says nothing.
const (
	DefaultMaxSessions = 32
	DefaultIdle        = 30 * time.Minute
	maxTries           = 6 // of one connection, keys that are only offered included
	handshake          = 30 * time.Second
	maxEnv             = 64 // variables a client may send that are looked at
)

// Server serves the console over SSH. Its fields are set before Serve and not
// changed after.
type Server struct {
	KeyFile     string // the host key; made at the first start
	Service     Service
	Log         *slog.Logger
	MaxSessions int              // 0 means DefaultMaxSessions; twice as many may be connecting
	Idle        time.Duration    // ends a session after so long without a key; 0 means DefaultIdle
	Now         func() time.Time // nil means time.Now

	sessions atomic.Int64
	conns    atomic.Int64
	once     sync.Once
	err      error
	ctx      context.Context // of all sessions
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	srv      *ssh.Server
}

type actorKey struct{}

func (s *Server) initialize() error {
	s.once.Do(func() {
		signer, err := hostKey(s.KeyFile)
		if err != nil {
			s.err = err
			return
		}
		if s.MaxSessions == 0 {
			s.MaxSessions = DefaultMaxSessions
		}
		if s.Idle == 0 {
			s.Idle = DefaultIdle
		}
		if s.Now == nil {
			s.Now = time.Now
		}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		s.srv = &ssh.Server{
			Version:                 "headend",
			HostSigners:             []ssh.Signer{signer},
			Handler:                 s.handle,
			ServerConfigCallback:    s.config,
			ConnCallback:            s.admit,
			ConnectionCloseCallback: func(net.Conn) { s.conns.Add(-1) },
			HandshakeTimeout:        handshake,
			// Only sessions, and none of their subsystems: no forwarding, no sftp.
			ChannelHandlers:   map[string]ssh.ChannelHandler{"session": ssh.DefaultSessionHandler},
			RequestHandlers:   map[string]ssh.RequestHandler{},
			SubsystemHandlers: map[string]ssh.SubsystemHandler{},
		}
	})
	return s.err
}

// Serve serves connections of l until Stop; it then returns nil. It owns l. Several
// may be served at once. Who comes by a UNIX socket is let in as an admin without
// proof: whoever makes the socket guards it.
func (s *Server) Serve(l net.Listener) error {
	if err := s.initialize(); err != nil {
		return errors.Join(err, l.Close())
	}
	err := s.srv.Serve(l)
	if errors.Is(err, ssh.ErrServerClosed) || s.ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("console on %s: %w", l.Addr(), err)
}

// Stop ends every session with a word to its user and returns when all have ended, or
// cuts them when ctx ends first.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.initialize(); err != nil {
		return nil // nothing was started
	}
	s.cancel()
	err := s.srv.Shutdown(ctx) // waits for connections: sessions end by themselves now
	if cut := s.srv.Close(); err == nil {
		err = cut
	}
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// admit bounds the connections that are open, logged in or not.
func (s *Server) admit(_ ssh.Context, c net.Conn) net.Conn {
	if s.conns.Add(1) > int64(2*s.MaxSessions) {
		s.conns.Add(-1)
		s.Log.Warn("console connection refused", "remote", c.RemoteAddr().String(), "err", "too many connections")
		return nil
	}
	return c
}

// config is made for each connection: its callbacks leave the actor in ctx.
func (s *Server) config(ctx ssh.Context) *gossh.ServerConfig {
	let := func(a control.Actor, err error) (*gossh.Permissions, error) {
		if err != nil {
			return nil, err
		}
		ctx.SetValue(actorKey{}, login{actor: a})
		return &gossh.Permissions{}, nil
	}
	return &gossh.ServerConfig{
		MaxAuthTries: maxTries,
		NoClientAuth: true, // asked below; the network is refused
		NoClientAuthCallback: func(c gossh.ConnMetadata) (*gossh.Permissions, error) {
			if c.LocalAddr().Network() != "unix" {
				return nil, errors.New("no proof of who is there")
			}
			return let(control.Local("console"), nil)
		},
		PasswordCallback: func(c gossh.ConnMetadata, password []byte) (*gossh.Permissions, error) {
			pending, err := s.Service.SetupPending(ctx)
			if err != nil {
				return nil, err
			}
			if pending { // the page spends the code: whoever lacks it gets no further
				ctx.SetValue(actorKey{}, login{actor: control.Actor{Via: "ssh", Remote: host(c)}, code: string(password)})
				return &gossh.Permissions{}, nil
			}
			return let(s.Service.Authenticate(ctx, c.User(), string(password), "ssh", host(c)))
		},
		// A key that is offered proves nothing; it is looked up once its owner has signed.
		PublicKeyCallback: func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
			return &gossh.Permissions{}, nil
		},
		VerifiedPublicKeyCallback: func(c gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
			return let(s.Service.AuthenticateKey(ctx, c.User(), string(gossh.MarshalAuthorizedKey(key)), "ssh", host(c)))
		},
	}
}

// login is what authentication leaves for the sessions of a connection.
type login struct {
	actor control.Actor
	code  string // given as the password while nobody could log in
}

func host(c gossh.ConnMetadata) string {
	h, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return h
}

// handle is one session. A panic in it ends it alone.
func (s *Server) handle(sess ssh.Session) {
	s.wg.Add(1)
	defer s.wg.Done()
	in, ok := sess.Context().Value(actorKey{}).(login)
	if !ok {
		_ = sess.Exit(exitTrouble)
		return
	}
	say := text.New(in.actor.Language).In(s.Now().Location())
	status := exitTrouble
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("console session ended", "user", in.actor.Name, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			_, _ = fmt.Fprintf(sess.Stderr(), "%s\r\n", say.T("ended.panic"))
		}
		_ = sess.Exit(status)
	}()
	if s.sessions.Add(1) > int64(s.MaxSessions) {
		s.sessions.Add(-1)
		_, _ = fmt.Fprintf(sess.Stderr(), "%s\r\n", say.T("ended.full"))
		return
	}
	defer s.sessions.Add(-1)
	ctx, cancel := s.within(sess.Context())
	defer cancel()
	pty, _, terminal := sess.Pty()
	if args := sess.Command(); len(args) > 0 || !terminal {
		c := command{service: s.Service, actor: in.actor, say: say, in: sess, out: sess, err: sess.Stderr()}
		status = c.run(ctx, args)
		return
	}
	if pty.Term == "dumb" || pty.Term == "" {
		_, _ = fmt.Fprintf(sess, "%s\n\n", say.T("ended.dumb", text.Clean(pty.Term)))
		c := command{service: s.Service, actor: in.actor, say: say, in: sess, out: sess, err: sess.Stderr()}
		status = c.run(ctx, []string{"help"})
		return
	}
	status = s.pages(ctx, sess, in, pty)
}

// within returns a context that ends with the connection and with the server.
func (s *Server) within(conn context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(conn)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// pages runs the console on the terminal of a session.
func (s *Server) pages(ctx context.Context, sess ssh.Session, in login, pty ssh.Pty) int {
	env := sess.Environ()
	env = append(env[:min(len(env), maxEnv)], "TERM="+pty.Term)
	_, changes, _ := sess.Pty()
	ctx, cancel := context.WithCancel(ctx)
	resize := make(chan [2]int)
	go func() { // takes every change, until the session closes: its requests wait for it
		for w := range changes {
			select {
			case resize <- [2]int{w.Width, w.Height}:
			case <-ctx.Done():
			}
		}
	}()
	why, err := tui.Run(ctx, tui.Terminal{In: sess, Out: sess, Env: env, Width: pty.Window.Width, Height: pty.Window.Height, Resize: resize},
		tui.Options{Service: s.Service, Actor: in.actor, Code: in.code, Theme: theme.For(env), Now: s.Now, Log: s.Log, Idle: s.Idle})
	cancel()
	if why != "" {
		_, _ = io.WriteString(sess, why+"\n")
	}
	if err != nil {
		s.Log.Warn("console session ended", "user", in.actor.Name, "err", err.Error())
		return exitTrouble
	}
	if why != "" {
		return exitTrouble
	}
	return exitOK
}
