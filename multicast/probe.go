package multicast

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// Finding is one system setting that multicast depends on.
type Finding struct {
	Name   string // "net.core.rmem_max"
	Value  string // as found; empty if it could not be read
	Wanted string // in words, "at least 4194304"
	OK     bool
	Fix    string // command that mends it; empty if OK or if there is none
}

const (
	wantedBuffer      = 4 << 20
	wantedMemberships = 1024
)

// Probe looks at the settings of the system. It changes nothing, and is safe for
// concurrent use.
func (l Lister) Probe() []Finding {
	list := []Finding{
		l.atLeast("net.core.rmem_max", wantedBuffer),
		l.atLeast("net.core.wmem_max", wantedBuffer),
		l.atLeast("net.ipv4.igmp_max_memberships", wantedMemberships),
		l.reversePath("net.ipv4.conf.all.rp_filter"),
	}
	list = append(list, l.probeLinks()...)
	return append(list, probeRoute())
}

func (l Lister) sysctl(name string) (int, error) {
	// As sysctl(8) writes it, a point within the name of an interface is a slash.
	path := strings.NewReplacer(".", "/", "/", ".").Replace(name)
	b, err := os.ReadFile(filepath.Join(or(l.Proc, "/proc"), "sys", path))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

func (l Lister) atLeast(name string, wanted int) Finding {
	f := Finding{Name: name, Wanted: fmt.Sprintf("at least %d", wanted)}
	v, err := l.sysctl(name)
	if err == nil {
		f.Value = strconv.Itoa(v)
	}
	if f.OK = err == nil && v >= wanted; !f.OK {
		f.Fix = fmt.Sprintf("sysctl -w %s=%d", name, wanted)
	}
	return f
}

// reversePath checks that datagrams are not dropped because the way back to their
// sender is another: strict filtering (1) does that on a box with two networks.
func (l Lister) reversePath(name string) Finding {
	f := Finding{Name: name, Wanted: "0 (off) or 2 (loose)"}
	v, err := l.sysctl(name)
	if err == nil {
		f.Value = strconv.Itoa(v)
	}
	if f.OK = err == nil && v != 1; !f.OK {
		f.Fix = "sysctl -w " + name + "=2"
	}
	return f
}

// probeLinks checks each interface to a network that is up.
func (l Lister) probeLinks() []Finding {
	links, err := netlink.LinkList()
	if err != nil {
		return []Finding{{Name: "interfaces", Wanted: "a list of them", Value: err.Error()}}
	}
	var list []Finding
	for _, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagUp == 0 || a.Flags&net.FlagLoopback != 0 { // Linux sets no flag on loopback, which carries multicast without
			continue
		}
		name := a.Name
		f := Finding{Name: "multicast on " + name, Wanted: "on", Value: "on", OK: true}
		if a.Flags&net.FlagMulticast == 0 {
			f.Value, f.OK, f.Fix = "off", false, "ip link set "+name+" multicast on"
		}
		list = append(list, f)
		if f := l.reversePath("net.ipv4.conf." + strings.ReplaceAll(name, ".", "/") + ".rp_filter"); !f.OK && f.Value != "" {
			list = append(list, f)
		}
	}
	return list
}

// probeRoute checks that an output without an interface has somewhere to go.
func probeRoute() Finding {
	f := Finding{Name: "route to 239.0.0.0/8", Wanted: "one, for outputs that name no interface", Fix: "ip route add 224.0.0.0/4 dev INTERFACE"}
	routes, err := netlink.RouteGet(net.IPv4(239, 255, 255, 250))
	if err != nil || len(routes) == 0 {
		f.Value = "none"
		return f
	}
	f.OK, f.Fix, f.Value = true, "", "yes"
	if link, err := netlink.LinkByIndex(routes[0].LinkIndex); err == nil {
		f.Value = "via " + link.Attrs().Name
	}
	return f
}

// networkIsNative reports whether this machine keeps numbers in network order.
func networkIsNative() bool {
	return binary.NativeEndian.Uint16([]byte{0, 1}) == 1
}
