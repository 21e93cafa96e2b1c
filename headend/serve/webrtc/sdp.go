package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sigma/mux/flow"
)

// Header extensions that are used.
const (
	uriTransport = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriPlayout   = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
)

const (
	maxSections = 32  // of an SDP
	maxFormats  = 128 // of a section
)

// remote is what the SDP of a player says.
type remote struct {
	ufrag       string
	fingerprint fingerprint
	passive     bool // the player waits for our DTLS
	sections    []section
	mixed       bool // extmap-allow-mixed
}

// section is one m= line of it.
type section struct {
	kind     string // "video", "audio", "application"
	mid      string
	proto    string
	rejected bool
	receives bool
	codecs   []rtpCodec
	twcc     uint8
	playout  uint8
}

// rtpCodec is one payload type.
type rtpCodec struct {
	pt       uint8
	name     string // "H264", upper case
	clock    uint32
	channels int
	fmtp     string
	feedback []string
	rtx      uint8 // payload type of its retransmissions, 0 for none
}

// parameter returns a parameter of fmtp.
func (c *rtpCodec) parameter(name string) string {
	for p := range strings.SplitSeq(c.fmtp, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

func (c *rtpCodec) has(feedback string) bool { return slices.Contains(c.feedback, feedback) }

var errSDP = errors.New("the SDP cannot be used")

// parseSDP reads the offer of a player, or its answer. Every error wraps errSDP.
func parseSDP(text []byte) (*remote, error) {
	var d sdp.SessionDescription
	if err := d.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errSDP, err)
	}
	if len(d.MediaDescriptions) == 0 || len(d.MediaDescriptions) > maxSections {
		return nil, fmt.Errorf("%w: %d media sections, expected 1 to %d", errSDP, len(d.MediaDescriptions), maxSections)
	}
	r := &remote{}
	_, r.mixed = d.Attribute("extmap-allow-mixed")
	setup := ""
	for _, m := range d.MediaDescriptions {
		if len(m.MediaName.Formats) > maxFormats {
			return nil, fmt.Errorf("%w: %d formats in a section, expected at most %d", errSDP, len(m.MediaName.Formats), maxFormats)
		}
		s := parseSection(&d, m)
		r.sections = append(r.sections, s)
		if s.rejected {
			continue
		}
		find := func(key string) string {
			if v, ok := m.Attribute(key); ok {
				return v
			}
			v, _ := d.Attribute(key)
			return v
		}
		if r.ufrag == "" {
			r.ufrag = find("ice-ufrag")
		}
		if r.fingerprint.value == "" {
			algorithm, value, _ := strings.Cut(strings.TrimSpace(find("fingerprint")), " ")
			r.fingerprint = fingerprint{algorithm, strings.TrimSpace(value)}
		}
		if setup == "" {
			setup = find("setup")
		}
	}
	switch {
	case r.ufrag == "":
		return nil, fmt.Errorf("%w: it has no ice-ufrag", errSDP)
	case r.fingerprint.value == "":
		return nil, fmt.Errorf("%w: it has no fingerprint: only DTLS-SRTP is possible", errSDP)
	}
	switch setup {
	case "passive":
		r.passive = true
	case "actpass", "active", "":
	default:
		return nil, fmt.Errorf("%w: setup %q", errSDP, setup)
	}
	return r, nil
}

func parseSection(d *sdp.SessionDescription, m *sdp.MediaDescription) section {
	s := section{
		kind: m.MediaName.Media, proto: strings.Join(m.MediaName.Protos, "/"), receives: true,
	}
	s.mid, _ = m.Attribute("mid")
	_, bundled := m.Attribute("bundle-only")
	s.rejected = m.MediaName.Port.Value == 0 && !bundled
	list := m.Attributes
	if !slices.ContainsFunc(list, direction) {
		list = append(slices.DeleteFunc(slices.Clone(d.Attributes), func(a sdp.Attribute) bool { return !direction(a) }), list...)
	}
	for _, f := range m.MediaName.Formats {
		if pt, err := strconv.ParseUint(f, 10, 7); err == nil {
			s.codecs = append(s.codecs, static(uint8(pt)))
		}
	}
	for _, a := range list {
		switch a.Key {
		case "sendonly", "inactive":
			s.receives = false
		case "rtpmap", "fmtp", "rtcp-fb":
			s.attribute(a)
		case "extmap":
			s.extension(a.Value)
		}
	}
	for i := range s.codecs {
		if c := &s.codecs[i]; c.name == "RTX" {
			apt, err := strconv.ParseUint(c.parameter("apt"), 10, 7)
			for j := range s.codecs {
				if err == nil && s.codecs[j].pt == uint8(apt) && s.codecs[j].rtx == 0 {
					s.codecs[j].rtx = c.pt
				}
			}
		}
	}
	return s
}

func direction(a sdp.Attribute) bool {
	return a.Key == "sendonly" || a.Key == "inactive" || a.Key == "recvonly" || a.Key == "sendrecv"
}

// static returns a payload type with what RFC 3551 says of it.
func static(pt uint8) rtpCodec {
	c := rtpCodec{pt: pt, channels: 1}
	switch pt {
	case 0:
		c.name, c.clock = "PCMU", 8000
	case 8:
		c.name, c.clock = "PCMA", 8000
	}
	return c
}

// attribute takes rtpmap, fmtp or rtcp-fb.
func (s *section) attribute(a sdp.Attribute) {
	first, rest, _ := strings.Cut(a.Value, " ")
	pt, err := strconv.ParseUint(first, 10, 7)
	if err != nil && first != "*" {
		return
	}
	for i := range s.codecs {
		c := &s.codecs[i]
		if first != "*" && c.pt != uint8(pt) {
			continue
		}
		switch a.Key {
		case "rtpmap":
			f := strings.Split(rest, "/")
			c.name = strings.ToUpper(f[0])
			if len(f) > 1 {
				n, _ := strconv.ParseUint(f[1], 10, 32) // 0 fits no codec
				c.clock = uint32(n)
			}
			if len(f) > 2 {
				c.channels, _ = strconv.Atoi(f[2])
			}
		case "fmtp":
			c.fmtp = rest
		case "rtcp-fb":
			if len(c.feedback) < 16 {
				c.feedback = append(c.feedback, rest)
			}
		}
	}
}

// extension takes an extmap. Numbers above 14 have no short form and are passed over.
func (s *section) extension(value string) {
	number, rest, _ := strings.Cut(value, " ")
	number, _, _ = strings.Cut(number, "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 14 {
		return
	}
	uri, _, _ := strings.Cut(rest, " ")
	switch uri {
	case uriTransport:
		s.twcc = uint8(n)
	case uriPlayout:
		s.playout = uint8(n)
	}
}

// names are the codecs as SDP calls them, with their clock.
var names = map[flow.Codec]struct {
	name     string
	clock    uint32
	channels int
}{
	flow.CodecH264: {"H264", 90000, 1},
	flow.CodecHEVC: {"H265", 90000, 1},
	flow.CodecAV1:  {"AV1", 90000, 1},
	flow.CodecVP9:  {"VP9", 90000, 1},
	flow.CodecOpus: {"opus", 48000, 2},
	flow.CodecPCMA: {"PCMA", 8000, 1},
	flow.CodecPCMU: {"PCMU", 8000, 1},
}

// choose returns the payload type that a codec is to be sent with, nil if the section
// has none. profile is profile_idc of H.264 in hexadecimal, or empty.
func (s *section) choose(codec flow.Codec, profile string) *rtpCodec {
	want, known := names[codec]
	if !known {
		return nil
	}
	var best *rtpCodec
	score := -1
	for i := range s.codecs {
		c := &s.codecs[i]
		if !strings.EqualFold(c.name, want.name) || c.clock != want.clock {
			continue
		}
		n := 0
		switch codec {
		case flow.CodecH264:
			if c.parameter("packetization-mode") != "1" {
				continue
			}
			// Browsers decode what comes whatever they agreed to; constrained
			// baseline is what all of them offer.
			switch id := strings.ToLower(c.parameter("profile-level-id")); {
			case profile != "" && strings.HasPrefix(id, profile):
				n = 3
			case strings.HasPrefix(id, "42e0"):
				n = 2
			case strings.HasPrefix(id, "42"):
				n = 1
			}
		case flow.CodecVP9:
			if p := c.parameter("profile-id"); p == "" || p == "0" {
				n = 1
			}
		default:
		}
		if n > score {
			best, score = c, n
		}
	}
	return best
}

// sending is what one section of our SDP says.
type sending struct {
	stream *stream
	codec  rtpCodec
}
