package wire

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A daemon that goes away between its hello and the answer leaves nobody behind: the
// process would wait for it for ever.
func TestDaemonGoneBeforeItsWelcome(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		_ = f.Close() // c has a descriptor of its own
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = c.(*net.UnixConn)
	}
	if err := newConn(ends[0]).send(request{Op: opHello, Version: version}, -1); err != nil {
		t.Fatal(err)
	}
	ends[0].Close()
	s := &server{host: newHost(newEngine(nanosleep)), memory: map[string]int{}}
	if c := newConn(ends[1]); s.greet(c) || s.current != nil {
		t.Errorf("greeted %v, current %v", c, s.current)
	}
	ends[1].Close()
}
