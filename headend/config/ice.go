package config

import (
	"errors"
	"strings"
)

// ICEServer is a STUN or TURN server that WebRTC players are told of, who may need it
// to reach the box (RFC 7064, RFC 7065).
type ICEServer struct {
	URL                  string // "stun:stun.example.net", "turn:turn.example.net?transport=udp"
	Username, Credential string // of TURN
}

var errICEServer = errors.New("expected stun:host or turn:user:password@host, with :port and ?transport=udp where needed")

// ParseICEServer reads one word of Box.WebRTCICEServers.
func ParseICEServer(s string) (ICEServer, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || len(s) > 512 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\;`, r) }) {
		return ICEServer{}, errICEServer
	}
	var out ICEServer
	at := strings.LastIndexByte(rest, '@')
	if at >= 0 {
		out.Username, out.Credential, ok = strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
	}
	host, query, asked := strings.Cut(rest, "?")
	turn := scheme == "turn" || scheme == "turns"
	switch {
	case scheme != "stun" && scheme != "stuns" && !turn, host == "", strings.ContainsAny(host, "/@"):
		return ICEServer{}, errICEServer
	case turn && (!ok || out.Username == "" || out.Credential == ""), !turn && (at >= 0 || asked):
		return ICEServer{}, errICEServer
	case asked && query != "transport=udp" && query != "transport=tcp":
		return ICEServer{}, errICEServer
	}
	out.URL = scheme + ":" + rest
	return out, nil
}
