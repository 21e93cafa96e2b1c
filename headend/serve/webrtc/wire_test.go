package webrtc

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"sigma/mux/flow"
)

// A request of pion is understood, and pion understands and accepts the answer.
func TestSTUN(t *testing.T) {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{1, 2, 3, 4}},
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity("secret"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := parseBinding(m.Raw)
	if !ok || r.local != "ours" || !r.nominated || r.priority != 0x01020304 || r.controlled {
		t.Fatalf("%+v, %v", r, ok)
	}
	if !r.valid(m.Raw, "secret") || r.valid(m.Raw, "other") {
		t.Error("the password is not told from another")
	}
	for _, from := range []string{"192.0.2.1:4711", "[2001:db8::1]:4711"} {
		for _, b := range [][]byte{r.appendAnswer(nil, netip.MustParseAddrPort(from), "secret"), r.appendConflict(nil, "secret")} {
			a := &stun.Message{Raw: b}
			if err := a.Decode(); err != nil {
				t.Fatal(err)
			}
			if err := stun.NewShortTermIntegrity("secret").Check(a); err != nil {
				t.Error(err)
			}
			if err := stun.Fingerprint.Check(a); err != nil {
				t.Error(err)
			}
			var x stun.XORMappedAddress
			var code stun.ErrorCodeAttribute
			switch {
			case a.TransactionID != m.TransactionID:
				t.Error("another transaction")
			case a.Type == stun.BindingSuccess && (x.GetFrom(a) != nil || x.String() != from):
				t.Errorf("mapped address %s, want %s", x, from)
			case a.Type == stun.BindingError && (code.GetFrom(a) != nil || code.Code != stun.CodeRoleConflict):
				t.Errorf("error %v", code)
			}
		}
	}
}

func FuzzSTUN(f *testing.F) {
	m, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"), stun.NewShortTermIntegrity("s"), stun.Fingerprint)
	f.Add(m.Raw)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if r, ok := parseBinding(b); ok {
			r.valid(b, "s")
		}
	})
}

func FuzzSDP(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 00\r\na=ice-ufrag:x\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=extmap:3 " + uriTransport + "\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseSDP(b)
		if err != nil {
			return
		}
		ch := choice{video: newTrack("v1", 1, flow.CodecH264, 64), audio: newTrack("a1", 2, flow.CodecOpus, 64)}
		for i, u := range agree(r, ch) {
			if u != nil && u.stream.pt > 127 {
				t.Errorf("section %d: payload type %d", i, u.stream.pt)
			}
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:x\r\na=ice-pwd:y\r\nm=audio 9 RTP/AVP 0\r\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = parseFragment(b) })
}

func FuzzOgg(f *testing.F) {
	f.Add([]byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\x02abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		o := oggReader{from: bytes.NewReader(b)}
		for {
			p, err := o.next()
			if err != nil {
				return
			}
			if len(p) > len(b) {
				t.Errorf("a packet of %d bytes in %d", len(p), len(b))
			}
			opusDuration(p)
		}
	})
}

// The packets of an Ogg stream of ffmpeg last as long as what went in.
func TestOgg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg")
	}
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440", "-t", "2", "-c:a", "libopus", "-page_duration", "20000", "-f", "ogg", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	o, sum, n := oggReader{from: bytes.NewReader(out)}, flow.Ticks(0), 0
	for {
		p, err := o.next()
		if err != nil {
			if !strings.Contains(err.Error(), io.EOF.Error()) {
				t.Error(err)
			}
			break
		}
		if n++; n > 2 { // OpusHead, OpusTags
			sum += opusDuration(p)
		}
	}
	if d := sum.Duration(); d < 2*time.Second || d > 2040*time.Millisecond {
		t.Errorf("%d packets last %v, want 2 s", n, d)
	}
}

type fixed []byte

func (f fixed) ExportKeyingMaterial(string, []byte, int) ([]byte, error) { return f, nil }

// What we protect, another's SRTP lays open, over a roll-over of sequence numbers too.
func TestSRTP(t *testing.T) {
	for _, c := range []struct {
		profile   dtls.SRTPProtectionProfile
		judge     srtp.ProtectionProfile
		key, salt int
	}{
		{dtls.SRTP_AEAD_AES_128_GCM, srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
		{dtls.SRTP_AEAD_AES_256_GCM, srtp.ProtectionProfileAeadAes256Gcm, 32, 12},
		{dtls.SRTP_AES128_CM_HMAC_SHA1_80, srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	} {
		keys := make(fixed, 2*(c.key+c.salt))
		_, _ = rand.Read(keys)
		p, err := newProtector(c.profile, keys, false)
		if err != nil {
			t.Fatal(err)
		}
		judge, err := srtp.CreateContext(keys[c.key:2*c.key], keys[2*c.key+c.salt:], c.judge)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(65530); seq < 65550; seq++ {
			h := header{pt: 96, seq: uint16(seq), stamp: 7, ssrc: 0xDEADBEEF, transport: int(seq & 0xFFFF), playout: int(seq%3) - 1}
			b := h.appendTo(make([]byte, 0, 1500), extensions{transport: 3, playout: 5})
			b, err := p.seal(b, []byte("a picture"), h.ssrc, seq)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := judge.DecryptRTP(nil, b, nil)
			if err != nil {
				t.Fatalf("%s, %d: %v", p.name, seq, err)
			}
			var got rtp.Packet
			if err := got.Unmarshal(plain); err != nil {
				t.Fatal(err)
			}
			if string(got.Payload) != "a picture" || got.SequenceNumber != h.seq || len(got.GetExtension(3)) != 2 || (got.GetExtension(5) != nil) != (h.playout >= 0) {
				t.Errorf("%s: %v", p.name, got)
			}
		}
	}
}

// The estimate falls when a queue grows, and rises again when it does not.
func TestEstimate(t *testing.T) {
	var e estimator
	now, arrive, seq := time.Duration(0), time.Duration(0), uint16(0)
	run := func(span time.Duration, send, carry float64) {
		const size = 1200
		for end := now + span; now < end; {
			for range 5 { // a picture
				arrive = max(arrive, now+20*time.Millisecond) + time.Duration(size*8/carry*float64(time.Second))
				e.packet(now, arrive, size, seq)
				seq++
			}
			now += time.Duration(5 * size * 8 / send * float64(time.Second))
			e.update(now)
		}
	}
	run(5*time.Second, 2e6, 10e6)
	free := e.estimate()
	run(5*time.Second, 2e6, 1.2e6)
	tight := e.estimate()
	arrive = now
	run(20*time.Second, 2e6, 10e6)
	again := e.estimate()
	t.Logf("free %d, tight %d, free again %d bit/s", free, tight, again)
	if free < 2_000_000 || tight > 1_500_000 || again < 2_000_000 {
		t.Errorf("free %d, tight %d, free again %d bit/s", free, tight, again)
	}
}

// Time stamps go on over a break of the time base, by the time that passed.
func TestClockBase(t *testing.T) {
	var c clockBase
	const s = flow.TicksPerSecond
	a := c.at(100*s, time.Second, false)
	b := c.at(101*s, 2*time.Second, false)
	d := c.at(7*s, 3*time.Second, true)
	e := c.at(8*s, 4*time.Second, false)
	f := c.at(90000*s, 5*time.Second, false) // without a mark
	for i, x := range []flow.Ticks{b - a, d - b, e - d, f - e} {
		if x != s {
			t.Errorf("step %d is %v, want 1s", i, x.Duration())
		}
	}
}
