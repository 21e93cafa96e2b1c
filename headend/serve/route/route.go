// Package route tells what a viewer's URL asks for. Channel names may contain
// slashes, so a path is read from its end. It knows no channel and serves nothing.
package route

import "strings"

// Kind is what a URL asks for.
type Kind uint8

// The kinds.
const (
	None         Kind = iota // not a viewer's URL
	Multivariant             // HLS: the variants of a channel
	Media                    // HLS: the media playlist with everything in one variant
	Segment                  // a segment by name
	Stream                   // the transport stream without end
)

// Route is a URL taken apart.
type Route struct {
	Kind    Kind
	Channel string // a name that Valid accepts
	Name    string // Segment: "2026/11/22/08/06/37-05000"
	Ext     string // Segment: container, "ts"
}

// maxChannel is the longest channel name in bytes.
const maxChannel = 128

// segmentLen is the length of "/2026/11/22/08/06/37-05000".
const segmentLen = len("/2026/11/22/08/06/37-05000")

// Parse takes the path of a URL apart, decoded, beginning with a slash. Kind is None
// for a path that is not a viewer's; whether the channel exists is not its affair.
// It does not allocate.
func Parse(path string) Route {
	path, ok := strings.CutPrefix(path, "/")
	if !ok {
		return Route{}
	}
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return Route{}
	}
	r := Route{Kind: kinds(path[i+1:]), Channel: path[:i]}
	if r.Kind == None {
		r = segment(path)
	}
	if r.Kind == None || !Valid(r.Channel) {
		return Route{}
	}
	return r
}

// kinds names the last elements that stand for themselves.
func kinds(last string) Kind {
	switch last {
	case "index.m3u8", "index.ts.m3u8", "playlist.m3u8":
		return Multivariant
	case "mono.m3u8", "video.m3u8":
		return Media
	case "mpegts":
		return Stream
	}
	return None
}

// segment reads N/YYYY/MM/DD/hh/mm/ss-ddddd.ts.
func segment(path string) Route {
	base, ok := strings.CutSuffix(path, ".ts")
	if !ok || len(base) <= segmentLen {
		return Route{}
	}
	at := len(base) - segmentLen
	const form = "/0000/00/00/00/00/00-00000"
	for i := range segmentLen {
		c := base[at+i]
		if digit := form[i] == '0'; digit != (c >= '0' && c <= '9') || (!digit && c != form[i]) {
			return Route{}
		}
	}
	return Route{Kind: Segment, Channel: base[:at], Name: base[at+1:], Ext: "ts"}
}

// Valid reports whether name can be the name of a channel: 1 to 128 bytes of
// [A-Za-z0-9._-] in elements parted by single slashes, none of them "." or "..".
func Valid(name string) bool {
	if name == "" || len(name) > maxChannel {
		return false
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return false
		}
		for _, c := range []byte(element) {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
			default:
				return false
			}
		}
	}
	return true
}
