package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"sigma/headend/control"
	"sigma/tui/internal/fake"
)

// countingConn counts what it receives.
type countingConn struct {
	net.Conn
	in atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

type door struct {
	t    *testing.T
	box  *fake.Box
	srv  *Server
	addr string
	logs *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// open starts a server on loopback that the test stops; no goroutine may be left then.
func open(t *testing.T, box *fake.Box, change func(*Server)) *door {
	t.Helper()
	before := runtime.NumGoroutine()
	d := &door{t: t, box: box, logs: &safeBuffer{}}
	d.srv = &Server{KeyFile: filepath.Join(t.TempDir(), "host"), Service: box, Log: slog.New(slog.NewTextHandler(d.logs, nil))}
	if change != nil {
		change(d.srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- d.srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := d.srv.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		wait(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	})
	return d
}

// wait polls a condition; it fails the test after a time that only a fault can take.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			buf := make([]byte, 1<<16)
			t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func (d *door) dial(user string, auth ...gossh.AuthMethod) (*gossh.Client, *countingConn, error) {
	c, err := net.Dial("tcp", d.addr)
	if err != nil {
		return nil, nil, err
	}
	count := &countingConn{Conn: c}
	conn, chans, reqs, err := gossh.NewClientConn(count, d.addr, &gossh.ClientConfig{User: user, Auth: auth, HostKeyCallback: gossh.InsecureIgnoreHostKey()})
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return gossh.NewClient(conn, chans, reqs), count, nil
}

// screen is a terminal at the other end: it keeps what the cells show.
type screen struct {
	t     *testing.T
	sess  *gossh.Session
	in    io.Writer
	count *countingConn
	mu    sync.Mutex
	vt    *terminal
	ended chan error
}

func (d *door) screen(client *gossh.Client, count *countingConn, w, h int, env ...string) *screen {
	d.t.Helper()
	sess, err := client.NewSession()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		if err := sess.Setenv(k, v); err != nil {
			d.t.Fatal(err)
		}
	}
	s := &screen{t: d.t, sess: sess, count: count, vt: newTerminal(w, h), ended: make(chan error, 1)}
	if err := sess.RequestPty("xterm-256color", h, w, gossh.TerminalModes{}); err != nil {
		d.t.Fatal(err)
	}
	if s.in, err = sess.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	out, err := sess.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := sess.Shell(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := out.Read(buf)
			s.mu.Lock()
			s.vt.write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				s.ended <- sess.Wait()
				return
			}
		}
	}()
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.text()
}

func (s *screen) see(want string) {
	s.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !strings.Contains(s.text(), want) {
		if time.Now().After(end) {
			s.t.Fatalf("%q did not come:\n%s", want, s.text())
		}
		runtime.Gosched()
	}
}

func (s *screen) send(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, keys); err != nil {
		s.t.Fatal(err)
	}
}

func TestFirstLoginToChannelInList(t *testing.T) {
	box := fake.New()
	box.Code = "ABCD-EFGH"
	d := open(t, box, nil)
	client, count, err := d.dial("setup", gossh.Password("ABCD-EFGH"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := d.screen(client, count, 80, 24)
	s.see("create the first administrator")
	s.send("\x15linh\r") // Ctrl+U empties the field
	s.send("correct horse\r")
	s.send("correct horse\r")
	s.send("\r")
	s.see("There is no channel yet")
	s.see("linh (admin)")
	s.send("a")
	s.see("New channel")
	s.send("news\r\r") // name, past the title, to the first input
	s.send("\r")
	s.see("test:// to try")
	s.send("test://")
	s.send("\x1b")
	s.see("Review and save")
	s.send("\x13") // Ctrl+S
	s.see("added channel news")
	s.send("first one\r\r")
	s.see("ON AIR")
	s.see("news")
	if c := box.Newest(); c.Channel("news") == nil || c.Channels[0].Inputs[0].URL != "test://" {
		t.Fatalf("%+v", c)
	}
	s.send("q")
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
}

func TestPasswords(t *testing.T) {
	d := open(t, fake.New(), nil)
	if _, _, err := d.dial("admin", gossh.Password("wrong")); err == nil {
		t.Fatal("a wrong password was taken")
	}
	client, _, err := d.dial("admin", gossh.Password("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Dial("tcp", d.addr); err == nil {
		t.Error("a port was forwarded")
	}
	if _, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded back")
	}
	sess, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := sess.RequestSubsystem("sftp"); err == nil {
		t.Error("sftp was served")
	}
}

func TestKeys(t *testing.T) {
	box := fake.New()
	d := open(t, box, nil)
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	strange, _ := gossh.NewSignerFromKey(other)
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	admin, _ := box.Authenticate(t.Context(), "admin", "admin", "ssh", "")
	if _, err := box.AddKey(t.Context(), admin, "op", string(gossh.MarshalAuthorizedKey(signer.PublicKey()))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.dial("op", gossh.PublicKeys(strange)); err == nil {
		t.Fatal("a key nobody has was taken")
	}
	client, _, err := d.dial("op", gossh.PublicKeys(signer))
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
}

func TestCommands(t *testing.T) {
	d := open(t, fake.New().Fill(3), nil)
	client, _, err := d.dial("op", gossh.Password("op"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	run := func(cmd, in string) (string, string, int) {
		sess, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer sess.Close()
		var out, errs bytes.Buffer
		sess.Stdout, sess.Stderr, sess.Stdin = &out, &errs, strings.NewReader(in)
		err = sess.Run(cmd)
		status := 0
		var e *gossh.ExitError
		if errors.As(err, &e) {
			status = e.ExitStatus()
		} else if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		return out.String(), errs.String(), status
	}
	document, _, _ := run("config export", "")
	for _, c := range []struct {
		cmd, in, out, err string
		status            int
	}{
		{"channels", "", "no_signal", "", 0},
		{"status", "", "hanoi-1", "", 0},
		{"alarms", "", "", "", 0},
		{"config check", strings.Replace(document, "ch002", "other", 1), "channels[other]", "", 0},
		{"config apply", strings.Replace(document, "ch002", "other", 1), "revision 3 runs", "", 0},
		{"config apply", strings.Replace(document, "ch002", "", 1), "", "is empty", 1},
		{"config apply", "{", "", "unexpected end", 1},
		{"config apply", strings.Replace(document, "ch002", "other", 1), "Nothing would change: revision 3", "", 0},
		{"config apply why box.yaml", strings.Replace(document, "ch002", "", 1), "", "box.yaml: channels", 1},
		{"config export --secrets", "", "other", "", 0},
		{"user add new viewer", "", "", "role", 1},
		{"help", "", "Commands:", "", 0},
		{"rm -rf /", "", "", "Commands:", 2},
	} {
		out, errs, status := run(c.cmd, c.in)
		if !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) || status != c.status {
			t.Errorf("%s: status %d\n%s%s", c.cmd, status, out, errs)
		}
	}
	if c := d.box.Newest(); c.Channel("other") == nil {
		t.Error("config apply committed nothing")
	}
}

// TestAccountsByCommand adds and changes accounts as `headend user` does.
func TestAccountsByCommand(t *testing.T) {
	box := fake.New()
	for _, c := range []struct {
		cmd, says string
		status    int
	}{
		{"user add mai operator", "headend user password mai", 0},
		{"user add mai viewer", "there is a user mai already", 1},
		{"user role mai admin", "", 0},
		{"user role nobody admin", "There is no user nobody", 1},
	} {
		var out bytes.Buffer
		if status := Run(t.Context(), box, control.Local("cli"), strings.Fields(c.cmd), strings.NewReader(""), &out, &out); status != c.status || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: status %d, %s", c.cmd, status, &out)
		}
	}
	users, err := box.Users(t.Context(), control.Local("cli"))
	if err != nil || len(users) != 4 || users[3].Role != control.Admin {
		t.Errorf("%+v %v", users, err)
	}
}

func TestLimitAndStop(t *testing.T) {
	d := open(t, fake.New(), func(s *Server) { s.MaxSessions = 1 })
	client, count, err := d.dial("view", gossh.Password("view"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := d.screen(client, count, 80, 24)
	s.see("There is no channel yet")
	sess, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	sess.Stderr = &errs
	if err := sess.Run("channels"); err == nil || !strings.Contains(errs.String(), "Too many sessions") {
		t.Fatalf("%v %s", err, errs.String())
	}
	// Stop tells the user, then the connection ends.
	go func() { <-s.ended; _ = client.Close() }()
	if err := d.srv.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.see("stopping its console")
}

func TestPanicEndsOneSession(t *testing.T) {
	box := fake.New()
	d := open(t, box, nil)
	first, count, err := d.dial("admin", gossh.Password("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	s := d.screen(first, count, 80, 24)
	s.see("There is no channel yet")
	box.Break(true)
	s.see("met a fault of its own")
	<-s.ended
	box.Break(false)
	if !strings.Contains(d.logs.String(), "made for a test") {
		t.Error("the log does not say why")
	}
	s = d.screen(first, count, 80, 24)
	s.see("There is no channel yet")
	s.send("q")
	<-s.ended
}

func TestWindowAndLanguage(t *testing.T) {
	d := open(t, fake.New().Fill(40), nil)
	client, count, err := d.dial("admin", gossh.Password("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := d.screen(client, count, 80, 24, "LANG=C", "NO_COLOR=1")
	s.see("[1 Channels]")
	s.see("* ON AIR")
	s.send("4l")
	s.see("Which language")
	s.send("\x1b[B\r")
	s.see("[4 Nguoi dung]")
	s.mu.Lock()
	s.vt.resize(100, 50)
	s.mu.Unlock()
	s.send("1")
	if err := s.sess.WindowChange(50, 100); err != nil {
		t.Fatal(err)
	}
	s.see("ch040")
	s.send("q")
	<-s.ended
}

// TestRefreshBytes measures what one refresh with ten numbers changed costs on the
// connection, encryption included.
func TestRefreshBytes(t *testing.T) {
	box := fake.New().Fill(10)
	d := open(t, box, nil)
	client, count, err := d.dial("admin", gossh.Password("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := d.screen(client, count, 80, 24)
	s.see("4.02 Mbit/s")
	quiet(t, count)
	var most int64
	for i := range 5 {
		before := count.in.Load()
		box.Move(1) // every one of the ten bit rates, and the sum
		s.see([]string{"4.03 Mbit/s █", "4.04 Mbit/s █", "4.05 Mbit/s █", "4.06 Mbit/s █", "4.07 Mbit/s █"}[i])
		quiet(t, count)
		most = max(most, count.in.Load()-before)
	}
	t.Logf("a refresh with ten numbers changed: %d bytes over SSH", most)
	if most > 500 {
		t.Errorf("%d bytes: expected at most 500", most)
	}
	s.send("q")
	<-s.ended
}

// quiet waits until nothing has come for a while.
func quiet(t *testing.T, c *countingConn) {
	t.Helper()
	last, same := c.in.Load(), 0
	wait(t, "quiet", func() bool {
		if now := c.in.Load(); now != last {
			last, same = now, 0
		} else {
			same++
		}
		return same > 30
	})
}

func TestHostKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host")
	a, err := hostKey(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hostKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.PublicKey().Marshal(), b.PublicKey().Marshal()) {
		t.Error("the key changed")
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(path); err == nil {
		t.Error("junk was taken for a key")
	}
}
