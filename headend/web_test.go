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
		Root: t.Context(), Alarms: alarms, Log: slog.New(slog.DiscardHandler),
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
