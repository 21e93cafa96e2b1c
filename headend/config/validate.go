package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a configuration may hold at most.
const (
	MaxChannels   = 2000
	MaxInputs     = 32  // of one channel
	MaxOutputs    = 64  // of one channel
	MaxHeaders    = 32  // of one input
	MaxName       = 128 // bytes of a channel name
	MaxServiceTag = 120 // bytes of a service or provider name: two fit a service_descriptor, EN 300 468 clause 6.2.33
)

// Validate returns every error of c as FieldErrors, in the order of the document,
// or nil. It judges c alone, not the machine it would run on.
func Validate(c Config) error {
	v := validator{}
	v.box(c.Box)
	if len(c.Channels) > MaxChannels {
		v.fail("channels", "%d channels: expected at most %d", len(c.Channels), MaxChannels)
	}
	names := map[string]bool{}
	for i := range c.Channels {
		ch := &c.Channels[i]
		path := "channels[" + ch.Name + "]"
		if ch.Name == "" || names[ch.Name] {
			path = "channels[" + strconv.Itoa(i) + "]"
		}
		if names[ch.Name] {
			v.fail(path+".name", "%q is the name of another channel: expected a name of its own", ch.Name)
		}
		names[ch.Name] = true
		v.channel(path, ch)
	}
	v.destinations(c)
	if len(v.errs) == 0 {
		return nil
	}
	return v.errs
}

type validator struct{ errs FieldErrors }

func (v *validator) fail(path, format string, args ...any) {
	v.errs = append(v.errs, FieldError{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (v *validator) box(b Box) {
	v.text("box.name", b.Name, 64)
	v.language("box.language", b.Language)
	v.listen("box.http", b.HTTP)
	v.listen("box.ssh", b.SSH)
	v.listen("box.webrtc", b.WebRTC)
	v.addresses("box.webrtc_addresses", b.WebRTCAddresses)
	for _, s := range List(b.WebRTCICEServers) {
		if _, err := ParseICEServer(s); err != nil {
			v.fail("box.webrtc_ice_servers", "%q is no ICE server: %s", s, err)
		}
	}
	if n := b.WebRTCHistory; n != 0 && (n < 1024 || n > 65536) {
		v.fail("box.webrtc_history", "%d is out of range: expected 1024 to 65536", n)
	}
	v.within("box.webrtc_retransmit", b.WebRTCRetransmit, 100*time.Millisecond, 10*time.Second)
	v.listen("box.https", b.HTTPS)
	v.tls(b)
	v.onPlay("box.on_play", b.OnPlay)
	if b.HTTP != "" && b.HTTP == b.SSH {
		v.fail("box.ssh", "%s is the address of box.http: expected another port", b.SSH)
	}
	if b.PublicURL == "" {
		return
	}
	u, err := url.Parse(b.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		v.fail("box.public_url", "expected http://host or https://host, with a port if it is not the usual one")
	}
}

func (v *validator) addresses(path, s string) {
	for _, a := range List(s) {
		if _, err := netip.ParseAddr(a); err != nil {
			v.fail(path, "%q is not an IP address: expected one or more, parted by commas", a)
		}
	}
}

// List returns the words of a list that is written with commas.
func List(s string) []string {
	var out []string
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

func (v *validator) language(path, s string) {
	if s != "" && s != "en" && s != "vi" {
		v.fail(path, "%q is not a language of this product: expected en or vi", s)
	}
}

func (v *validator) listen(path, s string) {
	if s == "" {
		return
	}
	if err := CheckListen(s); err != nil {
		v.fail(path, "%v", err)
	}
}

// CheckListen says what is wrong with an address to listen on, or nil.
func CheckListen(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not an address to listen on: expected host:port or :port, such as :8080", s)
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && host != "localhost" {
		return fmt.Errorf("%q is not an address of this machine: expected an IP address, localhost, or nothing for all", host)
	}
	_, err = parsePort(port)
	return err
}

// text checks a text for people: limit is in bytes.
func (v *validator) text(path, s string, limit int) {
	if len(s) > limit {
		v.fail(path, "is %d bytes long: expected at most %d", len(s), limit)
	}
	if !utf8.ValidString(s) {
		v.fail(path, "is not UTF-8 text")
		return
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			v.fail(path, "holds the control character %U: take it out", r)
			return
		}
	}
}

func (v *validator) line(path, s string, limit int) {
	v.text(path, s, limit)
	if strings.ContainsAny(s, "\n\t") {
		v.fail(path, "holds a line break or tab: expected one line")
	}
}

// within checks a length of time that is set.
func (v *validator) within(path string, d Duration, low, high time.Duration) {
	if d != 0 && (d.Std() < low || d.Std() > high) {
		v.fail(path, "%s is out of range: expected %s to %s", d, Duration(low), Duration(high))
	}
}

// CheckName returns what is wrong with a channel name, or nil. The first and last
// parts of the path that names are in URLs must not be those of other addresses.
func CheckName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty: expected letters, digits and . _ - /, such as news or sport/hd")
	case len(s) > MaxName:
		return fmt.Errorf("is %d bytes long: expected at most %d", len(s), MaxName)
	}
	for _, c := range []byte(s) {
		if !nameByte(c) && c != '/' {
			return fmt.Errorf("%q: expected only letters without accents, digits and . _ - /", s)
		}
	}
	parts := strings.Split(s, "/")
	for _, p := range parts {
		if p == "" || p == "." || p == ".." {
			return fmt.Errorf("%q has the part %q between slashes: expected a word", s, p)
		}
	}
	if slices.Contains([]string{"streamer", "health", "metrics", "static", "admin"}, parts[0]) {
		return fmt.Errorf("%q begins with %s, which is an address of the box itself: choose another word", s, parts[0])
	}
	last := parts[len(parts)-1]
	if slices.Contains([]string{"mpegts", "whip", "whep", "embed.html"}, last) {
		return fmt.Errorf("%q ends with %s, which is an address of playout: choose another word", s, last)
	}
	for _, p := range parts {
		if strings.HasPrefix(p, "tracks-") {
			return fmt.Errorf("%q has the part %s, as addresses of single tracks do: choose another word", s, p)
		}
	}
	for _, ext := range []string{".m3u8", ".mpd", ".mpp", ".isml", ".ts", ".mp4", ".m4s", ".vtt"} {
		if strings.HasSuffix(last, ext) {
			return fmt.Errorf("%q ends with %s, as addresses of playout do: leave it out", s, ext)
		}
	}
	return nil
}

func (v *validator) channel(path string, c *Channel) {
	if err := CheckName(c.Name); err != nil {
		v.fail(path+".name", "%v", err)
	}
	v.line(path+".title", c.Title, 256)
	v.text(path+".comment", c.Comment, 4096)
	if len(c.Inputs) > MaxInputs {
		v.fail(path+".inputs", "%d inputs: expected at most %d", len(c.Inputs), MaxInputs)
	}
	for i := range c.Inputs {
		v.input(fmt.Sprintf("%s.inputs[%d]", path, i), &c.Inputs[i])
	}
	v.within(path+".source_timeout", c.SourceTimeout, 200*time.Millisecond, 10*time.Minute)
	v.within(path+".return_delay", c.ReturnDelay, 100*time.Millisecond, time.Hour)
	v.within(path+".recheck_secondary_inputs_interval", c.Recheck, time.Second, 24*time.Hour)
	v.labels(path, c.Service, c.Provider, c.PIDs)
	v.within(path+".segment_duration", c.SegmentDuration, time.Second, 30*time.Second)
	if n := c.SegmentCount; n != 0 && (n < 3 || n > 1000) {
		v.fail(path+".segment_count", "%d is out of range: expected 3 to 1000", n)
	}
	v.within(path+".chunk_duration", c.ChunkDuration, 100*time.Millisecond, 3*time.Second)
	if e := c.Effective(); e.ChunkDuration >= e.SegmentDuration {
		v.fail(path+".chunk_duration", "%s is not less than segment_duration, %s", e.ChunkDuration, e.SegmentDuration)
	}
	if !slices.Contains([]string{"", "rfc8216", "aws", "both", "none"}, c.HLSSCTE35) {
		v.fail(path+".hls_scte35", "%q is no form of splice cues: expected rfc8216, aws, both or none", c.HLSSCTE35)
	}
	v.within(path+".prepush", c.Prepush, 100*time.Millisecond, time.Minute)
	if c.StartTrack != "" && !videoTrack(c.StartTrack) {
		v.fail(path+".start_track", "%q is not a video track: expected v1 to v99", c.StartTrack)
	}
	if c.OnPlay != NoOnPlay {
		v.onPlay(path+".on_play", c.OnPlay)
	}
	for i, p := range c.Protocols {
		at := fmt.Sprintf("%s.protocols[%d]", path, i)
		if !slices.Contains(AllProtocols(), p) {
			v.fail(at, "%q is not a way of playout: expected %s", p, strings.Join(AllProtocols(), " or "))
		} else if slices.Contains(c.Protocols[:i], p) {
			v.fail(at, "%q is named twice", p)
		}
	}
	if len(c.Outputs) > MaxOutputs {
		v.fail(path+".outputs", "%d outputs: expected at most %d", len(c.Outputs), MaxOutputs)
	}
	for i := range c.Outputs {
		v.output(fmt.Sprintf("%s.outputs[%d]", path, i), &c.Outputs[i])
	}
}

func (v *validator) labels(path, service, provider string, pids PIDMap) {
	v.line(path+".service", service, MaxServiceTag)
	v.line(path+".provider", provider, MaxServiceTag)
	if _, err := pids.Parse(); err != nil {
		v.fail(path+".pids", "%v", err)
	}
}

func (v *validator) input(path string, in *Input) {
	e, err := ParseInput(in.URL)
	if err != nil {
		v.fail(path+".url", "%v", err)
	} else if strings.Contains(in.URL, Mask) {
		v.fail(path+".url", "the secret is masked and not known here: write it out instead of %s", Mask)
	}
	if in.Priority < 0 || in.Priority > 1000 {
		v.fail(path+".priority", "%d is out of range: expected 1 (best) to 1000, or 0 for the place in the list", in.Priority)
	}
	v.within(path+".source_timeout", in.SourceTimeout, 200*time.Millisecond, 10*time.Minute)
	web := err != nil || e.Scheme == "http" || e.Scheme == "https"
	if !web && len(in.Headers) > 0 {
		v.fail(path+".headers", "%s inputs send no HTTP headers: take them out", e.Scheme)
	}
	if !web && in.UserAgent != "" {
		v.fail(path+".user_agent", "%s inputs send no HTTP headers: take it out", e.Scheme)
	}
	v.headers(path, in)
	v.within(path+".max_retry_timeout", in.MaxRetry, time.Second, time.Hour)
	v.text(path+".comment", in.Comment, 4096)
}

func (v *validator) headers(path string, in *Input) {
	if len(in.Headers) > MaxHeaders {
		v.fail(path+".headers", "%d headers: expected at most %d", len(in.Headers), MaxHeaders)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Headers)) {
		at := path + ".headers[" + k + "]"
		bad := k == "" || len(k) > 128
		for _, c := range []byte(k) {
			bad = bad || !nameByte(c)
		}
		if bad {
			v.fail(at, "is not the name of an HTTP header: expected letters, digits and -")
		}
		v.line(at, in.Headers[k], 4096)
		if in.Headers[k] == Mask {
			v.fail(at, "the value is masked and not known here: write it out instead of %s", Mask)
		}
	}
	v.line(path+".user_agent", in.UserAgent, 256)
}

func (v *validator) output(path string, o *Output) {
	if _, err := ParseOutput(o.URL); err != nil {
		v.fail(path+".url", "%v", err)
	}
	if r := o.Bitrate; r != 0 && (r < 64e3 || r > 1e9) {
		v.fail(path+".bitrate", "%s is out of range: expected 64kbit to 1Gbit, or 0 to send as is", r)
	}
	if o.TTL != nil && (*o.TTL < 0 || *o.TTL > 255) {
		v.fail(path+".ttl", "%d is out of range: expected 0 (stays on this machine) to 255", *o.TTL)
	}
	if o.DSCP < 0 || o.DSCP > 63 {
		v.fail(path+".dscp", "%d is out of range: expected 0 to 63, such as 34 for AF41", o.DSCP)
	}
	v.labels(path, o.Service, o.Provider, o.PIDs)
	v.text(path+".comment", o.Comment, 4096)
}

// destination is where an output sends: two outputs must not share one.
type destination struct {
	addr   netip.AddrPort
	iface  string
	local  netip.Addr
	direct bool // unicast: the interface does not matter
}

func destinationOf(e Endpoint) destination {
	if !e.Multicast() {
		return destination{addr: e.Addr, direct: true}
	}
	return destination{addr: e.Addr, iface: e.Interface, local: e.Local}
}

// destinations refuses two running outputs to one place.
func (v *validator) destinations(c Config) {
	taken := map[destination]string{}
	c.eachOutput(func(path string, e Endpoint) {
		d := destinationOf(e)
		if by, ok := taken[d]; ok {
			v.fail(path+".url", "%s is sent to by %s already: expected another group, port or interface", e.Addr, by)
			return
		}
		taken[d] = path
	})
}

// eachOutput calls f for every output that would run and whose URL can be read.
func (c *Config) eachOutput(f func(path string, e Endpoint)) {
	for _, ch := range c.Channels {
		for j, o := range ch.Outputs {
			if e, err := ParseOutput(o.URL); err == nil && !ch.Disabled && !o.Disabled {
				f(fmt.Sprintf("channels[%s].outputs[%d]", ch.Name, j), e)
			}
		}
	}
}
