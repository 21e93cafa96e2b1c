package config

import "testing"

func TestParseICEServer(t *testing.T) {
	for s, want := range map[string]ICEServer{
		"stun:stun.example.net":                      {URL: "stun:stun.example.net"},
		"stuns:stun.example.net:5349":                {URL: "stuns:stun.example.net:5349"},
		"turn:u:p@w@turn.example.net?transport=udp":  {"turn:turn.example.net?transport=udp", "u", "p@w"},
		"turns:u:p@[2001:db8::1]:5349?transport=tcp": {"turns:[2001:db8::1]:5349?transport=tcp", "u", "p"},
		"turn:turn.example.net":                      {},
		"turn:u@turn.example.net":                    {},
		"turn:u:@turn.example.net":                   {},
		"stun:u:p@stun.example.net":                  {},
		"stun:stun.example.net?transport=udp":        {},
		"turn:u:p@turn.example.net?transport=sctp":   {},
		"stun:":                  {},
		"http://example.net":     {},
		"stun:x>; rel=\"next":    {},
		"stun://example.net":     {},
		"stun.example.net":       {},
		"stun:a\r\nSet-Cookie:x": {},
		"turn:u:p@turn.example.net?transport=udp&x=y": {},
		"turn:\"u:p@turn.example.net?transport=udp":   {},
		"turn:u:\\p@turn.example.net?transport=udp":   {},
	} {
		got, err := ParseICEServer(s)
		if got != want || (err == nil) != (want.URL != "") {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}
