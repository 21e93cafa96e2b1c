package multicast

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

// Interface is the state of one network interface.
type Interface struct {
	Name      string
	Index     int
	Up        bool // administratively
	Carrier   bool // and the link is there
	Multicast bool
	Loopback  bool
	MAC       string // empty if it has none
	MTU       int    // bytes
	Speed     int64  // bit/s; 0 when unknown
	Addresses []netip.Prefix
	Groups    []netip.Addr // joined on it, by any program
	Traffic   Traffic
}

// Traffic are the totals of an interface since it was made.
type Traffic struct {
	RxBytes, TxBytes     uint64
	RxPackets, TxPackets uint64
	RxDropped, TxDropped uint64
	RxErrors, TxErrors   uint64
}

// Lister reads the state of the interfaces. The roots are fields so that tests can
// use trees of files.
type Lister struct {
	Sys  string // empty means /sys
	Proc string // empty means /proc; the network of the calling thread is read
}

// Interfaces returns all interfaces in the order of their index. It blocks for a
// few milliseconds and is safe for concurrent use.
func (l Lister) Interfaces() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list of interfaces: %w", err)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list of addresses: %w", err)
	}
	groups, err := l.groups()
	if err != nil {
		return nil, err
	}
	list := make([]Interface, 0, len(links))
	for _, link := range links {
		ifi := fromAttrs(link.Attrs())
		ifi.Speed = l.speed(ifi.Name)
		ifi.Groups = groups[ifi.Name]
		for _, a := range addresses {
			if a.LinkIndex == ifi.Index {
				ifi.Addresses = append(ifi.Addresses, prefix(a.IPNet))
			}
		}
		list = append(list, ifi)
	}
	slices.SortFunc(list, func(a, b Interface) int { return a.Index - b.Index })
	return list, nil
}

func fromAttrs(a *netlink.LinkAttrs) Interface {
	ifi := Interface{
		Name: a.Name, Index: a.Index, MTU: a.MTU, MAC: a.HardwareAddr.String(),
		Up:        a.Flags&net.FlagUp != 0,
		Multicast: a.Flags&net.FlagMulticast != 0,
		Loopback:  a.Flags&net.FlagLoopback != 0,
		// Loopback and tunnels have no link to lose: the kernel calls them unknown.
		Carrier: a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown && a.Flags&net.FlagUp != 0,
	}
	if s := a.Statistics; s != nil {
		ifi.Traffic = Traffic{
			RxBytes: s.RxBytes, TxBytes: s.TxBytes, RxPackets: s.RxPackets, TxPackets: s.TxPackets,
			RxDropped: s.RxDropped, TxDropped: s.TxDropped, RxErrors: s.RxErrors, TxErrors: s.TxErrors,
		}
	}
	return ifi
}

func prefix(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

// speed returns the link speed in bit/s, 0 where the driver does not know it.
func (l Lister) speed(name string) int64 {
	b, err := os.ReadFile(filepath.Join(or(l.Sys, "/sys"), "class/net", name, "speed"))
	if err != nil {
		return 0
	}
	mbit, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || mbit < 0 || mbit > 10_000_000 {
		return 0
	}
	return mbit * 1_000_000
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// groups returns the groups joined on each interface.
func (l Lister) groups() (map[string][]netip.Addr, error) {
	groups := map[string][]netip.Addr{}
	err := errors.Join(
		l.lines("igmp", igmpParser(groups)),
		l.lines("igmp6", func(line string) { parseIGMP6(groups, line) }),
	)
	for _, g := range groups {
		slices.SortFunc(g, netip.Addr.Compare)
	}
	return groups, err
}

func (l Lister) lines(name string, f func(line string)) error {
	file, err := os.Open(filepath.Join(or(l.Proc, "/proc"), "thread-self/net", name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a kernel without that family
	}
	if err != nil {
		return fmt.Errorf("list of groups: %w", err)
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for s.Scan() {
		f(s.Text())
	}
	return s.Err()
}

// igmpParser returns a function for the lines of /proc/net/igmp: one that begins
// with the index and name of an interface, then indented ones that begin with a
// group as the kernel keeps it in memory.
func igmpParser(groups map[string][]netip.Addr) func(string) {
	name := ""
	return func(line string) {
		f := strings.Fields(line)
		if len(f) < 2 {
			return
		}
		if line[0] != '\t' && line[0] != ' ' {
			name = strings.TrimSuffix(f[1], ":")
			return
		}
		b, err := hex.DecodeString(f[0])
		if err != nil || len(b) != 4 || name == "" {
			return
		}
		groups[name] = append(groups[name], netip.AddrFrom4(nativeToNetwork([4]byte(b))))
	}
}

// nativeToNetwork undoes the printing of a number in network order by a machine
// of another order.
func nativeToNetwork(b [4]byte) [4]byte {
	if networkIsNative() {
		return b
	}
	slices.Reverse(b[:])
	return b
}

// parseIGMP6 reads a line of /proc/net/igmp6: index, interface, group in hex.
func parseIGMP6(groups map[string][]netip.Addr, line string) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return
	}
	b, err := hex.DecodeString(f[2])
	if err != nil || len(b) != 16 {
		return
	}
	groups[f[1]] = append(groups[f[1]], netip.AddrFrom16([16]byte(b)))
}
