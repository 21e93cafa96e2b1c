package config

import (
	"fmt"
	"net/netip"
)

// Warnings lists what is legal in c, but what an operator should look at twice.
// Each begins with the path it is about.
func Warnings(c Config) []string {
	var out []string
	warn := func(path, format string, args ...any) {
		out = append(out, path+": "+fmt.Sprintf(format, args...))
	}
	for _, ch := range c.Channels {
		path := "channels[" + ch.Name + "]"
		if !ch.Disabled && len(ch.Order()) == 0 {
			warn(path+".inputs", "no input is enabled: the channel will not go on air")
		}
		for i, in := range ch.Inputs {
			e, err := ParseInput(in.URL)
			if err != nil || ch.Disabled || in.Disabled {
				continue
			}
			for j, o := range ch.Outputs {
				if to, err := ParseOutput(o.URL); err == nil && !o.Disabled && hears(e, to) {
					warn(fmt.Sprintf("%s.inputs[%d].url", path, i), "receives what outputs[%d] of the same channel sends: it will hear itself", j)
				}
			}
		}
	}
	first := map[netip.AddrPort]Endpoint{}
	c.eachOutput(func(path string, e Endpoint) {
		if a := e.Addr.Addr(); a.IsLinkLocalMulticast() {
			warn(path+".url", "%s is for routing protocols and is never forwarded: use 239.0.0.0/8 or ff3e::/16", a)
		}
		if was, ok := first[e.Addr]; ok && e.Multicast() && (was.Interface == "") != (e.Interface == "") {
			warn(path+".url", "%s is sent without and with an interface: it may leave twice on one", e.Addr)
		}
		first[e.Addr] = e
	})
	return out
}

// hears reports whether a datagram input may receive what an output sends.
func hears(in, out Endpoint) bool {
	return in.Addr == out.Addr && (in.Scheme == "udp" || in.Scheme == "rtp") &&
		(in.Interface == "" || out.Interface == "" || in.Interface == out.Interface)
}
