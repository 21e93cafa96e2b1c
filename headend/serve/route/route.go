// Package route tells what a viewer's URL asks for. Channel names may contain
// slashes, so a path is read from its end. It knows no channel and serves nothing.
package route

import "strings"

// Kind is what a URL asks for.
type Kind uint8

// The kinds. N is a channel, T a track selector such as "v1", "v1a1".
const (
	None           Kind = iota // not a viewer's URL
	Multivariant               // HLS: N/index.m3u8, N/index.ts.m3u8, N/index.fmp4.m3u8, N/index.ll.m3u8
	Media                      // HLS: N/mono.m3u8, N/video.m3u8, N/tracks-T/{mono,index.ts,index.fmp4,index.ll,index.vtt,iframes.ts,iframes.fmp4}.m3u8
	Segment                    // N/[tracks-T/]2026/11/22/08/06/37-05000.{ts,m4s,vtt}
	Init                       // N/tracks-T/init-NAME.mp4
	Part                       // LL-HLS: N/tracks-T/part-SEQUENCE-INDEX.m4s
	Manifest                   // DASH: N/index.mpd, N/index.ll.mpd
	Patch                      // DASH: N/index.mpp, N/index.ll.mpp
	Fragment                   // DASH: N/dash/T/TIME.m4s
	Clock                      // N/time: UTC for DASH clients
	SmoothManifest             // N.isml/manifest
	SmoothFragment             // N.isml/QualityLevels(BITRATE)/{Fragments,FragmentInfo}(NAME=TIME)
	Stream                     // N/mpegts: the transport stream without end
	WHEP                       // N/whep, N/whep/SESSION
	Embed                      // N/embed.html
	Preview                    // N/preview.jpg
	MediaInfo                  // N/media_info.json
)

// Route is a URL taken apart.
type Route struct {
	Kind    Kind
	Channel string // a name that Valid accepts
	Tracks  string // selector, one or more of a letter v, a or t and a number from 1 to 99; empty for all
	// Form is, of Multivariant and Manifest, "" (the server chooses), "ts", "fmp4" or
	// "ll"; of Media "ts", "fmp4", "ll", "vtt", "iframes.ts" or "iframes.fmp4"; of
	// Segment its container "ts", "m4s" or "vtt"; of SmoothFragment "info" when only what
	// it tells of those that follow is asked for.
	Form     string
	Name     string // Segment: "2026/11/22/08/06/37-05000"; Init: NAME; SmoothFragment: NAME; WHEP: SESSION
	Sequence uint64 // Part
	Index    int    // Part
	Time     uint64 // Fragment, SmoothFragment
	Bitrate  uint64 // SmoothFragment
}

// maxChannel is the longest channel name in bytes.
const maxChannel = 128

// segmentForm is the shape of the name of a segment: a digit for each 0.
const segmentForm = "/0000/00/00/00/00/00-00000"

// Parse takes the path of a URL apart, decoded, beginning with a slash. Kind is None
// for a path that is not a viewer's; whether the channel exists is not its affair.
// It does not allocate.
func Parse(path string) Route {
	path, ok := strings.CutPrefix(path, "/")
	if !ok {
		return Route{}
	}
	r, ok := parse(path)
	if !ok || !Valid(r.Channel) {
		return Route{}
	}
	return r
}

func parse(path string) (Route, bool) {
	front, last, ok := cutLast(path)
	if !ok {
		return Route{}, false
	}
	if r, ok := whole(front, last); ok {
		return r, true
	}
	if r, ok := segment(path); ok {
		return r, true
	}
	if r, ok := smooth(front, last); ok {
		return r, true
	}
	above, element, ok := cutLast(front)
	if !ok {
		return Route{}, false
	}
	if element == "whep" && sessionID(last) {
		return Route{Kind: WHEP, Channel: above, Name: last}, true
	}
	if tracks, ok := strings.CutPrefix(element, "tracks-"); ok && Selector(tracks) {
		r, ok := ofTracks(last)
		r.Channel, r.Tracks = above, tracks
		return r, ok
	}
	if channel, dash, ok := cutLast(above); ok && dash == "dash" && Selector(element) {
		name, ok := strings.CutSuffix(last, ".m4s")
		t, number := parseUint(name)
		return Route{Kind: Fragment, Channel: channel, Tracks: element, Time: t}, ok && number
	}
	return Route{}, false
}

// whole reads the last elements that stand for all of a channel.
func whole(channel, last string) (Route, bool) {
	r := Route{Channel: channel}
	switch last {
	case "index.m3u8", "playlist.m3u8":
		r.Kind = Multivariant
	case "index.ts.m3u8":
		r.Kind, r.Form = Multivariant, "ts"
	case "index.fmp4.m3u8":
		r.Kind, r.Form = Multivariant, "fmp4"
	case "index.ll.m3u8":
		r.Kind, r.Form = Multivariant, "ll"
	case "mono.m3u8", "video.m3u8":
		r.Kind, r.Form = Media, "ts"
	case "index.mpd":
		r.Kind = Manifest
	case "index.ll.mpd":
		r.Kind, r.Form = Manifest, "ll"
	case "index.mpp":
		r.Kind = Patch
	case "index.ll.mpp":
		r.Kind, r.Form = Patch, "ll"
	case "time":
		r.Kind = Clock
	case "mpegts":
		r.Kind = Stream
	case "whep":
		r.Kind = WHEP
	case "embed.html":
		r.Kind = Embed
	case "preview.jpg":
		r.Kind = Preview
	case "media_info.json":
		r.Kind = MediaInfo
	}
	if _, element, _ := cutLast(channel); strings.HasPrefix(element, "tracks-") {
		return Route{}, false
	}
	return r, r.Kind != None
}

// ofTracks reads what follows tracks-T/.
func ofTracks(last string) (Route, bool) {
	switch last {
	case "mono.m3u8", "index.ts.m3u8":
		return Route{Kind: Media, Form: "ts"}, true
	case "index.fmp4.m3u8":
		return Route{Kind: Media, Form: "fmp4"}, true
	case "index.ll.m3u8":
		return Route{Kind: Media, Form: "ll"}, true
	case "index.vtt.m3u8":
		return Route{Kind: Media, Form: "vtt"}, true
	case "iframes.ts.m3u8":
		return Route{Kind: Media, Form: "iframes.ts"}, true
	case "iframes.fmp4.m3u8":
		return Route{Kind: Media, Form: "iframes.fmp4"}, true
	}
	if name, ok := strings.CutPrefix(last, "init-"); ok {
		name, ok = strings.CutSuffix(name, ".mp4")
		return Route{Kind: Init, Name: name}, ok && sessionID(name)
	}
	if name, ok := strings.CutPrefix(last, "part-"); ok {
		name, suffix := strings.CutSuffix(name, ".m4s")
		sequence, index, dash := strings.Cut(name, "-")
		s, ok := parseUint(sequence)
		i, number := parseUint(index)
		return Route{Kind: Part, Sequence: s, Index: int(i)}, suffix && dash && ok && number && i < 1<<31
	}
	return Route{}, false
}

// segment reads N/[tracks-T/]YYYY/MM/DD/hh/mm/ss-ddddd.ts and its like.
func segment(path string) (Route, bool) {
	dot := strings.LastIndexByte(path, '.')
	if dot <= len(segmentForm) {
		return Route{}, false
	}
	base, form := path[:dot], path[dot+1:]
	if form != "ts" && form != "m4s" && form != "vtt" {
		return Route{}, false
	}
	at := len(base) - len(segmentForm)
	for i := range len(segmentForm) {
		c := base[at+i]
		if digit := segmentForm[i] == '0'; digit != (c >= '0' && c <= '9') || (!digit && c != segmentForm[i]) {
			return Route{}, false
		}
	}
	r := Route{Kind: Segment, Channel: base[:at], Name: base[at+1:], Form: form}
	if channel, element, ok := cutLast(r.Channel); ok && strings.HasPrefix(element, "tracks-") {
		r.Channel, r.Tracks = channel, element[len("tracks-"):]
		return r, Selector(r.Tracks)
	}
	return r, form == "ts"
}

// smooth reads N.isml/manifest, N.isml/QualityLevels(B)/Fragments(NAME=TIME) and its like
// with FragmentInfo, with the capitals that clients use.
func smooth(front, last string) (Route, bool) {
	if channel, ok := strings.CutSuffix(front, ".isml"); ok && strings.EqualFold(last, "manifest") {
		return Route{Kind: SmoothManifest, Channel: channel}, true
	}
	above, level, ok := cutLast(front)
	if !ok {
		return Route{}, false
	}
	channel, isml := strings.CutSuffix(above, ".isml")
	level, opened := strings.CutPrefix(level, "QualityLevels(")
	level, closed := strings.CutSuffix(level, ")")
	form := ""
	last, begun := strings.CutPrefix(last, "Fragments(")
	if !begun {
		form = "info"
		last, begun = strings.CutPrefix(last, "FragmentInfo(")
	}
	last, ended := strings.CutSuffix(last, ")")
	if !isml || !opened || !closed || !begun || !ended {
		return Route{}, false
	}
	name, at, ok := strings.Cut(last, "=")
	r := Route{Kind: SmoothFragment, Channel: channel, Name: name, Form: form}
	var rate, time bool
	r.Bitrate, rate = parseUint(level)
	r.Time, time = parseUint(at)
	return r, ok && rate && time && sessionID(name)
}

func cutLast(path string) (front, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// parseUint reads a decimal number of 1 to 19 digits without leading zeros.
func parseUint(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 19 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// sessionID reports whether s is 1 to 64 letters, digits, underscores and dashes.
func sessionID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// maxSelected is how many tracks a selector can name.
const maxSelected = 32

// Selector reports whether s names tracks: "v1", "a2", "v1a1t1"; at most 32 of them.
func Selector(s string) bool {
	n := 0
	for s != "" {
		var id string
		id, s = NextTrack(s)
		if n++; id == "" || n > maxSelected {
			return false
		}
	}
	return n > 0
}

// NextTrack cuts the first track off a selector; it is empty when there is none.
func NextTrack(s string) (id, rest string) {
	if len(s) < 2 || (s[0] != 'v' && s[0] != 'a' && s[0] != 't') || s[1] < '1' || s[1] > '9' {
		return "", s
	}
	if len(s) > 2 && s[2] >= '0' && s[2] <= '9' {
		return s[:3], s[3:]
	}
	return s[:2], s[2:]
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
