package webrtc

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sigma/mux/flow"
)

// choice is what of a channel one viewer is to be sent.
type choice struct {
	video, audio *track // nil: none
	fixed        bool   // the player has named the video track
	profile      string // of H.264: profile_idc and constraints in hexadecimal
}

// newStream returns a stream that sends a track as an RTP codec.
func newStream(t *track, s *section, c *rtpCodec) *stream {
	size := 128
	if t.video {
		size = 1024
	}
	var r [16]byte
	_, _ = rand.Read(r[:]) // never fails
	st := &stream{
		codec: t.codec, clock: t.clock, pt: c.pt, rtxPT: c.rtx, wish: t, records: make([]record, size),
		ssrc: binary.BigEndian.Uint32(r[:]) | 1, rtx: binary.BigEndian.Uint32(r[4:]) &^ 1, offset: binary.BigEndian.Uint32(r[8:]),
		seq: uint64(binary.BigEndian.Uint16(r[12:]) >> 1), rtxSeq: uint64(binary.BigEndian.Uint16(r[14:]) >> 1),
		nack: c.has("nack"), transport: c.has("transport-cc") && s.twcc != 0,
	}
	if st.seq == 0 {
		st.seq = 1
	}
	if st.transport {
		st.ext.transport = s.twcc
	}
	if t.video {
		st.ext.playout = s.playout
	} else {
		st.rtxPT = 0
	}
	return st
}

// agree chooses for every section of an SDP what it is used for: the first of each kind
// that can be. The result has an entry for each, nil for those that are refused.
func agree(r *remote, ch choice) []*sending {
	out := make([]*sending, len(r.sections))
	var video, audio bool
	for i := range r.sections {
		s := &r.sections[i]
		t, taken := ch.video, &video
		if s.kind == "audio" {
			t, taken = ch.audio, &audio
		}
		if t == nil || *taken || s.rejected || !s.receives || s.kind != "audio" && s.kind != "video" || !strings.Contains(s.proto, "SAVP") {
			continue
		}
		if c := s.choose(t.codec, ch.profile); c != nil {
			*taken = true
			out[i] = &sending{newStream(t, s, c), *c}
		}
	}
	return out
}

// candidates returns the lines that say where the box is reached.
func (s *Server) candidates() (lines []string) {
	var udp, tcp []netip.AddrPort
	for _, a := range s.addresses() {
		udp = append(udp, netip.AddrPortFrom(a, s.udp.addr.Port()))
		if s.tcp != nil {
			tcp = append(tcp, netip.AddrPortFrom(a, portOf(s.tcp.Addr())))
		}
	}
	if len(s.Candidates) > 0 {
		udp, tcp = s.Candidates, nil
	}
	line := func(i int, proto string, preference int, a netip.AddrPort, tail string) {
		// RFC 8445 clause 5.1.2.1: host candidates have type preference 126.
		priority := 126<<24 | (preference-i)<<8 | 255
		lines = append(lines, fmt.Sprintf("candidate:%d 1 %s %d %s %d typ host%s", len(lines)+1, proto, priority, a.Addr(), a.Port(), tail))
	}
	for i, a := range udp {
		line(i, "udp", 65535, a, "")
	}
	for i, a := range tcp {
		line(i, "tcp", 8191, a, " tcptype passive") // RFC 6544 clause 4.2
	}
	return lines
}

func portOf(a net.Addr) uint16 {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return p.Port()
}

// maxAddresses bounds the addresses a player is told.
const maxAddresses = 16

// addresses returns where viewers reach the box.
func (s *Server) addresses() []netip.Addr {
	if len(s.Addresses) > 0 {
		return s.Addresses
	}
	if a := s.udp.addr.Addr(); !a.IsUnspecified() {
		return []netip.Addr{a.Unmap()}
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out, loop []netip.Addr
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil || p.Addr().IsLinkLocalUnicast():
		case p.Addr().IsLoopback():
			loop = append(loop, p.Addr())
		default:
			out = append(out, p.Addr())
		}
	}
	if len(out) == 0 {
		out = loop
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { // IPv4 first: it costs 20 bytes less a packet
		return a.BitLen() - b.BitLen()
	})
	return out[:min(len(out), maxAddresses)]
}

// head begins an SDP of ours. mids are those of the sections in use.
func (s *Server) head(b *strings.Builder, mids []string, mixed bool) {
	id := binary.BigEndian.Uint64([]byte(random(4))) >> 1
	fmt.Fprintf(b, "v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=group:BUNDLE %s\r\n", id, strings.Join(mids, " "))
	if mixed {
		b.WriteString("a=extmap-allow-mixed\r\n")
	}
	fmt.Fprintf(b, "a=msid-semantic: WMS *\r\n")
}

// answer writes our answer.
func (x *session) answer(r *remote, use []*sending) string {
	var b strings.Builder
	var mids []string
	for i, u := range use {
		if u != nil {
			mids = append(mids, r.sections[i].mid)
		}
	}
	x.server.head(&b, mids, r.mixed)
	setup := "passive"
	if r.passive {
		setup = "active"
	}
	first := true
	for i := range r.sections {
		s := &r.sections[i]
		if use[i] == nil {
			// The format of a section that is refused means nothing; one that has a fixed
			// meaning needs no rtpmap.
			fmt.Fprintf(&b, "m=%s 0 %s 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", s.kind, s.proto)
			if s.mid != "" {
				fmt.Fprintf(&b, "a=mid:%s\r\n", s.mid)
			}
			continue
		}
		x.section(&b, s, use[i], setup, first)
		first = false
	}
	return b.String()
}

// section writes one section that sends. The candidates are in the first.
func (x *session) section(b *strings.Builder, s *section, u *sending, setup string, first bool) {
	st, c := u.stream, &u.codec
	formats := strconv.Itoa(int(c.pt))
	if st.rtxPT != 0 {
		formats += " " + strconv.Itoa(int(st.rtxPT))
	}
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n", s.kind, formats)
	x.mu.Lock()
	creds := x.creds[0]
	x.mu.Unlock()
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", creds.ufrag, creds.password)
	fmt.Fprintf(b, "a=fingerprint:sha-256 %s\r\na=setup:%s\r\n", x.server.cert.fingerprint, setup)
	if s.mid != "" {
		fmt.Fprintf(b, "a=mid:%s\r\n", s.mid)
	}
	if st.ext.transport != 0 {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", st.ext.transport, uriTransport)
	}
	if st.ext.playout != 0 {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", st.ext.playout, uriPlayout)
	}
	fmt.Fprintf(b, "a=sendonly\r\na=msid:%s %s-%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", x.viewer.name, x.viewer.name, s.kind)
	if setup == "actpass" { // an offer (RFC 8858)
		b.WriteString("a=rtcp-mux-only\r\n")
	}
	want := names[st.codec]
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", c.pt, want.name, want.clock)
	if want.channels > 1 {
		fmt.Fprintf(b, "/%d", want.channels)
	}
	b.WriteString("\r\n")
	if f := x.format(c, st.codec); f != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.pt, f)
	}
	for _, f := range []string{"nack", "nack pli", "ccm fir", "transport-cc"} {
		if c.has(f) {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.pt, f)
		}
	}
	if st.rtxPT != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/%d\r\na=fmtp:%d apt=%d\r\na=ssrc-group:FID %d %d\r\n", st.rtxPT, want.clock, st.rtxPT, c.pt, st.ssrc, st.rtx)
	}
	fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", st.ssrc, x.viewer.name)
	if st.rtxPT != 0 { // behind the stream itself: Chromium takes the first for that
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", st.rtx, x.viewer.name)
	}
	if first {
		for _, line := range x.server.candidates() {
			fmt.Fprintf(b, "a=%s\r\n", line)
		}
		b.WriteString("a=end-of-candidates\r\n")
	}
}

// format returns the fmtp of what is sent.
func (x *session) format(c *rtpCodec, codec flow.Codec) string {
	switch codec {
	case flow.CodecH264:
		id := c.parameter("profile-level-id")
		if id == "" {
			id = "42e01f"
		}
		return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + id
	case flow.CodecOpus:
		return "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"
	default:
		return c.fmtp
	}
}

// counterOffer returns the sections of an offer of ours: what the channel is in, and
// nothing else (406 of WHEP).
func counterOffer(ch choice) *remote {
	r := &remote{}
	add := func(t *track, kind string, c rtpCodec, rtx uint8) {
		c.rtx = rtx
		s := section{kind: kind, mid: strconv.Itoa(len(r.sections)), proto: "UDP/TLS/RTP/SAVPF", receives: true, codecs: []rtpCodec{c}, twcc: 3}
		if t.video {
			s.playout = 5
		}
		r.sections = append(r.sections, s)
	}
	if t := ch.video; t != nil {
		c := rtpCodec{pt: 96, name: strings.ToUpper(names[t.codec].name), clock: 90000, feedback: []string{"nack", "nack pli", "ccm fir", "transport-cc"}}
		if t.codec == flow.CodecH264 {
			c.fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
		}
		add(t, "video", c, 97)
	}
	if t := ch.audio; t != nil {
		c := rtpCodec{pt: 111, name: strings.ToUpper(names[t.codec].name), clock: t.clock, feedback: []string{"nack", "transport-cc"}}
		add(t, "audio", c, 0)
	}
	return r
}

// offer writes our offer.
func (x *session) offer(r *remote, use []*sending) string {
	var b strings.Builder
	var mids []string
	for i := range r.sections {
		mids = append(mids, r.sections[i].mid)
	}
	x.server.head(&b, mids, false)
	for i := range r.sections {
		x.section(&b, &r.sections[i], use[i], "actpass", i == 0)
	}
	return b.String()
}
