package headend

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"sigma/headend/alarm"
	"sigma/headend/config"
)

// states keeps the newest state of alarms and tells of each.
type states chan bool

func (s states) Set(code alarm.Code, _ string, on bool, _ string) {
	if code == alarm.HTTPListenFailed {
		s <- on
	}
}

func newWeb(t *testing.T, alarms alarm.Reporter) *web {
	w := &web{
		Root: t.Context(), Certs: &certificates{Root: t.Context(), Data: t.TempDir(), Alarms: alarms}, Alarms: alarms, Log: slog.New(slog.DiscardHandler),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }),
		Console: func(l net.Listener) error { _, err := l.Accept(); return err },
	}
	w.start()
	t.Cleanup(w.stop)
	return w
}

// hold listens on a port of the loopback interface.
func hold(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestWebRecovers(t *testing.T) {
	other, alarms := hold(t), make(states, 10)
	w := newWeb(t, alarms)
	box := config.Box{HTTP: other.Addr().String(), SSH: "127.0.0.1:0"}
	release, err := w.Claim(t.Context(), box)
	if err != nil {
		t.Fatalf("first start with a port in use: %v", err)
	}
	if len(alarms) != 0 {
		t.Fatal("alarm before the configuration runs")
	}
	release()
	if on := <-alarms; !on {
		t.Fatal("no alarm about a port in use")
	}
	_ = other.Close()
	if on := <-alarms; on {
		t.Fatal("a second alarm, want its end when the port is free")
	}
	get(t, http.DefaultClient, box.HTTP)
}

func get(t *testing.T, c *http.Client, addr string) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := c.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Body.Close()
	if b, err := io.ReadAll(rs.Body); err != nil || string(b) != "here" {
		t.Fatalf("%s answers %q, %v", addr, b, err)
	}
}

func TestWebMoves(t *testing.T) {
	w := newWeb(t, make(states, 10))
	old, next, taken := hold(t), hold(t), hold(t)
	first := config.Box{HTTP: old.Addr().String(), SSH: "127.0.0.1:0"}
	_ = old.Close()
	release, err := w.Claim(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	release()
	dials := 0
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, first.HTTP)
	}}}
	defer client.CloseIdleConnections()
	get(t, client, first.HTTP)

	bad := config.Box{HTTP: taken.Addr().String(), SSH: first.SSH}
	if _, err := w.Claim(t.Context(), bad); err == nil {
		t.Fatal("took an address that is taken")
	}
	var fields config.FieldErrors
	if err := w.Check(t.Context(), bad); !errors.As(err, &fields) || fields[0].Path != "box.http" {
		t.Fatalf("check of an address that is taken: %v", err)
	}
	if err := w.Check(t.Context(), first); err != nil {
		t.Fatalf("check of the address that is ours: %v", err)
	}
	get(t, http.DefaultClient, first.HTTP)

	moved := config.Box{HTTP: next.Addr().String(), SSH: first.SSH}
	_ = next.Close()
	if release, err = w.Claim(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	release()
	get(t, client, first.HTTP) // over the connection that is open
	if dials != 1 {
		t.Errorf("%d connections, want the first to go on", dials)
	}
	get(t, http.DefaultClient, moved.HTTP)
	if c, err := net.Dial("tcp", first.HTTP); err == nil {
		_ = c.Close()
		t.Error("the old address is still listened on")
	}
}

// The addresses of the box may take the place of each other.
func TestWebMovesWithinItsPorts(t *testing.T) {
	console := make(chan string, 10)
	w := newWeb(t, make(states, 100))
	w.Console = func(l net.Listener) error {
		console <- l.Addr().String()
		_, err := l.Accept()
		return err
	}
	a, b, taken := hold(t), hold(t), hold(t)
	first, second := a.Addr().String(), b.Addr().String()
	_, _ = a.Close(), b.Close()
	claim := func(box config.Box) error {
		t.Helper()
		if err := w.Check(t.Context(), box); err != nil {
			return err
		}
		release, err := w.Claim(t.Context(), box)
		if err == nil {
			release()
		}
		return err
	}
	for _, box := range []config.Box{
		{HTTP: ":" + portOf(first), SSH: second},
		{HTTP: first, SSH: second},
		{HTTP: ":" + portOf(first), SSH: second},
		{HTTP: second, SSH: first},
	} {
		if err := claim(box); err != nil {
			t.Fatalf("%+v: %v", box, err)
		}
		get(t, http.DefaultClient, "127.0.0.1:"+portOf(box.HTTP))
	}
	for _, want := range []string{second, first} {
		if got := <-console; got != want {
			t.Errorf("the console is at %s, want %s", got, want)
		}
	}
	// HTTP could take the port of the console, but the console cannot go where it should.
	bad := config.Box{HTTP: first, SSH: taken.Addr().String()}
	if err := claim(bad); err == nil {
		t.Error("took an address that is taken")
	}
	if _, err := w.Claim(t.Context(), bad); err == nil {
		t.Error("took an address that is taken, unchecked")
	}
	get(t, http.DefaultClient, second)
	if got := <-console; got != first {
		t.Errorf("the console came back at %s, want %s", got, first)
	}
}
