// Package rig makes small networks of namespaces on one machine, and sends into
// and captures from them, for tests and measurements. No packet leaves the
// machine: the namespaces have no way out. The product does not use it.
package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/vishvananda/netns"
)

// Net is a switch with hosts behind it, each a network namespace with an
// interface "eth" and the address 10.99.0.N/24, N from 1.
type Net struct {
	Hosts []string // names of the namespaces
	sw    string
}

var serial atomic.Int32

// NewNet makes a network of n hosts. It needs root and iproute2. Close it after use.
func NewNet(n int) (*Net, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	id := fmt.Sprintf("rig%d-%d", os.Getpid(), serial.Add(1))
	w := &Net{sw: id + "s"}
	script := []string{
		"netns add " + w.sw,
		"-n " + w.sw + " link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_igmp_version 3",
		"-n " + w.sw + " link set br0 up",
	}
	for i := range n {
		h, port := fmt.Sprintf("%sh%d", id, i+1), fmt.Sprintf("p%d", i+1)
		w.Hosts = append(w.Hosts, h)
		script = append(script,
			"netns add "+h,
			fmt.Sprintf("link add eth netns %s type veth peer name %s netns %s", h, port, w.sw),
			fmt.Sprintf("-n %s link set %s master br0 up", w.sw, port),
			fmt.Sprintf("-n %s addr add 10.99.0.%d/24 dev eth", h, i+1),
			"-n "+h+" link set eth txqueuelen 10000 up",
			"-n "+h+" link set lo up",
			"-n "+h+" route add 224.0.0.0/4 dev eth",
		)
	}
	for _, line := range script {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			w.Close()
			return nil, fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	return w, nil
}

// Link joins hosts a and b by a cable of their own, an interface with the given name
// on each, with the addresses 10.98.0.1 and 10.98.0.2. What one sends the kernel
// stamps as received within the same call: nothing between them delays the stamp.
func (w *Net) Link(a, b int, name string) error {
	for _, line := range []string{
		fmt.Sprintf("link add %s netns %s type veth peer name %s netns %s", name, w.Hosts[a], name, w.Hosts[b]),
		fmt.Sprintf("-n %s addr add 10.98.0.1/24 dev %s", w.Hosts[a], name),
		fmt.Sprintf("-n %s addr add 10.98.0.2/24 dev %s", w.Hosts[b], name),
		fmt.Sprintf("-n %s link set %s up", w.Hosts[a], name),
		fmt.Sprintf("-n %s link set %s up", w.Hosts[b], name),
		fmt.Sprintf("-n %s route replace 239.2.0.0/16 dev %s", w.Hosts[b], name),
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	return nil
}

// Close removes the namespaces. Processes in them keep them alive until they end.
func (w *Net) Close() {
	for _, h := range append(w.Hosts, w.sw) {
		_ = exec.Command("ip", "netns", "del", h).Run() // one that was not made cannot be removed
	}
}

// Command returns a command that runs on host i, from 0.
func (w *Net) Command(i int, name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", w.Hosts[i], name}, args...)...)
}

// Do runs f on a thread of its own that is on host i, and waits for it. Sockets
// that f opens stay on that host; goroutines that f starts are elsewhere.
func (w *Net) Do(i int, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- func() error {
			h, err := netns.GetFromName(w.Hosts[i])
			if err != nil {
				return err
			}
			defer h.Close()
			if err := netns.Set(h); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-done
}
