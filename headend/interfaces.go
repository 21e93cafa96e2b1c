package headend

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"sigma/headend/control"
	"sigma/multicast"
)

// interfaceProbe reads the network interfaces and measures their rates.
type interfaceProbe struct {
	Lister multicast.Lister
	Log    *slog.Logger

	mu       sync.Mutex
	read     time.Time
	traffic  map[string]multicast.Traffic
	snapshot []control.Interface
}

// Interfaces returns the state of the interfaces, read at most once a second.
func (p *interfaceProbe) Interfaces() []control.Interface {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.read) < time.Second {
		return p.snapshot
	}
	list, err := p.Lister.Interfaces()
	if err != nil {
		p.Log.Warn("reading the network interfaces", "err", err)
		return p.snapshot
	}
	elapsed := now.Sub(p.read).Seconds()
	before := p.traffic
	p.read, p.snapshot, p.traffic = now, nil, map[string]multicast.Traffic{}
	for _, i := range list {
		v := control.Interface{
			Name: i.Name, Up: i.Up, Carrier: i.Carrier, MAC: i.MAC, MTU: i.MTU, Speed: i.Speed, Multicast: i.Multicast,
			RxDropped: i.Traffic.RxDropped, TxDropped: i.Traffic.TxDropped, Addresses: []string{}, Groups: []string{},
		}
		for _, a := range i.Addresses {
			v.Addresses = append(v.Addresses, a.String())
		}
		for _, g := range i.Groups {
			v.Groups = append(v.Groups, g.String())
		}
		if b, known := before[i.Name]; known {
			v.RxBitrate = rate(b.RxBytes, i.Traffic.RxBytes, elapsed)
			v.TxBitrate = rate(b.TxBytes, i.Traffic.TxBytes, elapsed)
		}
		p.traffic[i.Name] = i.Traffic
		p.snapshot = append(p.snapshot, v)
	}
	return p.snapshot
}

// rate is the bit/s between two totals of bytes; an interface that was made anew
// counts from 0 again.
func rate(before, after uint64, seconds float64) int64 {
	if after < before {
		return 0
	}
	return int64(float64(after-before) * 8 / seconds)
}

// interfaceWith returns the name of the interface that has the address.
func interfaceWith(a netip.Addr) (string, error) {
	list, err := multicast.Lister{}.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range list {
		for _, p := range i.Addresses {
			if p.Addr() == a {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface of this machine has the address %s", a)
}
