package config

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

var inputs = map[string]Endpoint{
	"udp://239.1.1.1:5000":      {Scheme: "udp", Host: "239.1.1.1", Port: 5000, Addr: netip.MustParseAddrPort("239.1.1.1:5000")},
	"UDP://@239.1.1.1:5000":     {Scheme: "udp", Host: "239.1.1.1", Port: 5000, Addr: netip.MustParseAddrPort("239.1.1.1:5000")},
	"udp://eth0@239.1.1.1:5000": {Scheme: "udp", Interface: "eth0", Host: "239.1.1.1", Port: 5000, Addr: netip.MustParseAddrPort("239.1.1.1:5000")},
	"rtp://eth0.100@[ff3e::1]:5004?program=7": {Scheme: "rtp", Interface: "eth0.100", Host: "ff3e::1", Port: 5004,
		Addr: netip.MustParseAddrPort("[ff3e::1]:5004"), Program: 7},
	"udp://232.1.1.1:1234/192.168.7.2?source=10.0.0.5&sources=10.0.0.6,10.0.0.5": {Scheme: "udp", Host: "232.1.1.1", Port: 1234,
		Addr: netip.MustParseAddrPort("232.1.1.1:1234"), Local: netip.MustParseAddr("192.168.7.2"),
		Sources: []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")}},
	"udp://0.0.0.0:1234":                            {Scheme: "udp", Host: "0.0.0.0", Port: 1234, Addr: netip.MustParseAddrPort("0.0.0.0:1234")},
	"tcp://enc.example:9000":                        {Scheme: "tcp", Host: "enc.example", Port: 9000},
	"http://u:p%40@h.example/a/b?x=1&program=3&y=2": {Scheme: "http", Host: "h.example", Port: 80, User: "u", Password: "p@", Path: "/a/b", Query: "x=1&y=2", Program: 3},
	"https://[2001:db8::1]:8443/x":                  {Scheme: "https", Host: "2001:db8::1", Port: 8443, Addr: netip.MustParseAddrPort("[2001:db8::1]:8443"), Path: "/x"},
	"file:///srv/a%20b.ts?program=2":                {Scheme: "file", Path: "/srv/a b.ts", Program: 2},
	"test://":                                       {Scheme: "test"},
	"test://bars":                                   {Scheme: "test", Path: "bars"},
}

func TestParseInput(t *testing.T) {
	for s, want := range inputs {
		got, err := ParseInput(s)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v %v\nwant %+v", s, got, err, want)
		}
	}
	for s, word := range map[string]string{
		"": "empty", "239.1.1.1:5000": "scheme", "udp://": "port is missing", "udp://239.1.1.1": "port is missing",
		"udp://239.1.1.1:0": "1 to 65535", "udp://239.1.1.1:65536": "1 to 65535", "udp://group.example:5000": "not an IP address",
		"udp://ff3e::1:5000": "brackets", "udp://[ff02::1%eth0]:5000": "eth0@[ff02::1]:5000", "udp://239.1.1.1:5000/eth0": "network interface", "udp://239.1.1.1:5000?prog=1": "unknown option",
		"udp://239.1.1.1:5000?program=0": "service id", "udp://239.1.1.1:5000?program=1&program=2": "twice", "udp://10.0.0.1:5000?source=10.0.0.2": "multicast",
		"udp://239.1.1.1:5000?source=ff02::1": "sender", "udp://[ff3e::1]:5000?source=10.0.0.1": "both IPv4", "udp://averyveryverylonginterface@239.1.1.1:5": "interface",
		"udp1://239.1.1.1:5000": "write udp://", "tshttp://h/x": "write http://", "srt://h:1": "not a kind of input", "tcp://h": "port", "tcp://h:1/x": "nothing else",
		"http://": "host", "http:///x": "host", "http://h:99999/": "1 to 65535", "http://h:/": "port", "http://h/#x": "%23", "http://239.1.1.1/x": "server", "http://h o/x": "space",
		"file://rel.ts": "whole path", "file:///a%zz": "%-code", "test://a/b": "test picture", "udp://239.1.1.1:5000?progr=1&sauce=2": `"progr": expected program, source, sources; unknown option "sauce"`, "udp://" + strings.Repeat("1", 3000): "at most",
	} {
		if _, err := ParseInput(s); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: got %v, want %q", s, err, word)
		}
	}
}

func TestParseOutput(t *testing.T) {
	e, err := ParseOutput("udp://lo@239.2.2.2:5000")
	if err != nil || !e.Multicast() || !e.Loopback() || e.String() != "udp://lo@239.2.2.2:5000" {
		t.Errorf("%+v %v", e, err)
	}
	for _, s := range []string{"http://h/x", "udp://0.0.0.0:1", "udp://255.255.255.255:1", "udp://239.1.1.1:5000?ttl=3", "udp://239.1.1.1"} {
		if _, err := ParseOutput(s); err == nil {
			t.Errorf("%s was taken", s)
		}
	}
}

func TestErrorsDoNotRepeatPasswords(t *testing.T) {
	for _, s := range []string{"http://u:hunter2@h:99999/", "http://u:hunter2@:80/", "http://u:hunter2%zz@h/", "http://u:hunter2@h/#x", "http://u:hunter2@h/x?program=x"} {
		if _, err := ParseInput(s); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"http://u:p@h/x":               "http://u:***@h/x",
		"http://u@h/x?a=1&token=z&b=2": "http://***@h/x?a=1&token=***&b=2",
		"https://k3y@h":                "https://***@h",
		"http://@h/":                   "http://@h/",
		"rtp://eth0@239.1.1.1:5000":    "rtp://eth0@239.1.1.1:5000",
		"http://h?md5=a&hdnea=b&JWT=c&X-Amz-Credential=d&session_id=e&x=f": "http://h?md5=***&hdnea=***&JWT=***&X-Amz-Credential=***&session_id=***&x=f",
		"http://u:p@q@h:1/x@y":      "http://u:***@h:1/x@y",
		"udp://eth0@239.1.1.1:5000": "udp://eth0@239.1.1.1:5000",
		"no url":                    "no url",
		"http://h?apiKey=":          "http://h?apiKey=",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
		if again := Redact(want); again != want {
			t.Errorf("%s is redacted again to %s", want, again)
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	for s := range inputs {
		f.Add(s)
	}
	f.Add("http://u:p@[::1]:80/?program=1&program=2#")
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) (Endpoint, error){ParseInput, ParseOutput} {
			e, err := parse(s)
			if err != nil || e.User+e.Password != "" || e.Query != "" || e.Scheme == "file" {
				continue
			}
			back, err := parse(e.String())
			if err != nil || !reflect.DeepEqual(back, e) {
				t.Errorf("%q is %+v, and %q is %+v, %v", s, e, e.String(), back, err)
			}
		}
		if r := Redact(s); Redact(r) != r {
			t.Errorf("%q is redacted to %q and then to %q", s, r, Redact(r))
		}
	})
}
