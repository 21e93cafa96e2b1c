package tcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"sigma/headend/ingest"
	"sigma/headend/ingest/internal/ingesttest"
)

// serve sends b to the first connection and holds it until the other side closes it
// or hold is false.
func serve(t *testing.T, b []byte, hold bool) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write(b)
		if hold {
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	return "tcp://" + l.Addr().String()
}

func TestRun(t *testing.T) {
	sent := ingesttest.Packets(5000)
	got := ingesttest.NewRecorder(t)
	s := &Source{URL: serve(t, sent, false), Now: ingesttest.Now}
	if err := s.Run(t.Context(), got); !errors.Is(err, ingest.ErrEnded) || !strings.HasPrefix(err.Error(), s.URL) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(got.Bytes(), sent) || s.Count().Packets != 5000 {
		t.Errorf("%d bytes of %d, counted %+v", len(got.Bytes()), len(sent), s.Count())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	got := ingesttest.NewRecorder(t)
	s := &Source{URL: serve(t, ingesttest.Packets(100), true), Now: ingesttest.Now}
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, got) }()
	got.Wait(100 * 188)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for address, want := range map[string]string{
		"tcp://" + l.Addr().String():         "connection refused",
		"tcp://no-such-host.invalid:1000":    "host name does not exist",
		serve(t, []byte("SSH-2.0-x"), false): "expected a transport stream",
	} {
		err := (&Source{URL: address, Now: ingesttest.Now}).Run(t.Context(), ingesttest.NewRecorder(t))
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ingest.ErrPermanent) {
			t.Errorf("%s: got %v, want %s", address, err, want)
		}
	}
	for _, address := range []string{"", "udp://h:1", "tcp://h", "tcp://h:0", "tcp://h:70000", "tcp://:5000", "tcp://h:1/x"} {
		if err := (&Source{URL: address}).Run(t.Context(), ingesttest.NewRecorder(t)); !errors.Is(err, ingest.ErrPermanent) {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
