package webrtc

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	pion "github.com/pion/webrtc/v4"

	"sigma/headend/frames"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
)

// clip makes a transport stream with ffmpeg.
func clip(t testing.TB, args ...string) []byte {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("needs ffmpeg to make a stream")
	}
	out := filepath.Join(t.TempDir(), "clip.ts")
	all := append([]string{"-v", "error"}, args...)
	cmd := exec.Command(ffmpeg, append(all, "-f", "mpegts", out)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plainClip is H.264 without B-frames, a key frame a second, and sound as named.
func plainClip(t testing.TB, seconds int, audio ...string) []byte {
	args := []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", fmt.Sprint(seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-b:v", "600k"}
	return clip(t, append(args, audio...)...)
}

// channel plays a stream into a ring as it came, once.
type channel struct {
	ring *flow.Ring[flow.Batch]
	face *frames.Face
	stop context.CancelFunc
	done chan struct{}
}

func play(t testing.TB, data []byte) *channel {
	t.Helper()
	return playWhenRead(t, data, -1)
}

// playWhenRead waits for a reader before it begins, and gives it the first moments of
// the stream at once, as the past of a channel that has been on air.
func playWhenRead(t testing.TB, data []byte, past time.Duration) *channel {
	t.Helper()
	items := timelinetest.Split(data, 0, 1)
	c := &channel{ring: flow.NewRing[flow.Batch](4096), done: make(chan struct{})}
	c.face = &frames.Face{Packets: c.ring}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go func() {
		defer close(c.done)
		for past >= 0 && c.face.Readers() == 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		began := time.Now().Add(-max(past, 0))
		for _, it := range items {
			if d := it.Arrived - time.Since(began); d > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(max(d, 5*time.Millisecond)): // as a source does
				}
			}
			c.ring.Append(it)
		}
	}()
	t.Cleanup(func() { stop(); <-c.done })
	return c
}

// box is a server on loopback with its HTTP.
type box struct {
	*Server
	url  string
	stop func()
}

func start(t testing.TB, channels map[string]*channel, change func(*Server)) *box {
	t.Helper()
	s := &Server{
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", Rate: 10_000, Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Lookup: func(name string) Frames {
			if c := channels[name]; c != nil {
				return c.face
			}
			return nil
		},
	}
	if change != nil {
		change(s)
	}
	if err := s.Initialize(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	web := httptest.NewServer(s)
	var once sync.Once
	b := &box{Server: s, url: web.URL, stop: func() {
		once.Do(func() { web.Close(); cancel(); <-done })
	}}
	t.Cleanup(b.stop)
	return b
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimRight(b, "\n"))
	return len(b), nil
}

// sink is a player made of pion, and what it got.
type sink struct {
	pc       *pion.PeerConnection
	location string
	etag     string
	answer   string

	mu           sync.Mutex
	video, audio received
	connected    chan struct{}
	closed       chan struct{}
}

type received struct {
	packets, bytes int
	first          time.Time // packet
	key            time.Time // first whole key frame
	lastSeq        uint16
	lost, back     int // sequence numbers: passed over, and come after all
	lastStamp      uint32
	stamps         int // access units
	jumps          int // time stamps that went back
	seen           map[uint16]bool
}

// newSink posts an offer and plays.
func newSink(t testing.TB, url string, configure func(*pion.SettingEngine)) *sink {
	t.Helper()
	k := newPlayer(t, configure)
	offer, err := k.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	resp := request(t, http.MethodPost, url, typeSDP, offer.SDP, nil)
	if resp.status != http.StatusCreated {
		t.Fatalf("POST: %d %s", resp.status, resp.body)
	}
	k.location, k.etag, k.answer = resp.header.Get("Location"), resp.header.Get("ETag"), resp.body
	if err := k.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: resp.body}); err != nil {
		t.Fatalf("%v\n%s", err, resp.body)
	}
	return k
}

func newPlayer(t testing.TB, configure func(*pion.SettingEngine)) *sink {
	t.Helper()
	var se pion.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	if configure != nil {
		configure(&se)
	}
	var me pion.MediaEngine
	if err := me.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	var ir interceptor.Registry
	register := []func() error{
		func() error { return pion.ConfigureRTCPReports(&ir) },
		func() error { return pion.ConfigureTWCCSender(&me, &ir) },
	}
	if os.Getenv("WEBRTC_SINKS") == "" { // many players in one process are too slow to count what they ask for again
		register = append(register, func() error { return pion.ConfigureNack(&me, &ir) })
	}
	for _, f := range register {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	pc, err := pion.NewAPI(pion.WithSettingEngine(se), pion.WithMediaEngine(&me), pion.WithInterceptorRegistry(&ir)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	for _, kind := range []pion.RTPCodecType{pion.RTPCodecTypeVideo, pion.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	k := &sink{pc: pc, connected: make(chan struct{}), closed: make(chan struct{})}
	var connected, closed atomic.Bool
	pc.OnConnectionStateChange(func(s pion.PeerConnectionState) {
		switch s {
		case pion.PeerConnectionStateConnected:
			if connected.CompareAndSwap(false, true) {
				close(k.connected)
			}
		case pion.PeerConnectionStateClosed, pion.PeerConnectionStateFailed:
			if closed.CompareAndSwap(false, true) {
				close(k.closed)
			}
		}
	})
	pc.OnTrack(func(tr *pion.TrackRemote, _ *pion.RTPReceiver) {
		r := &k.video
		if tr.Kind() == pion.RTPCodecTypeAudio {
			r = &k.audio
		}
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			k.mu.Lock()
			r.take(p.SequenceNumber, p.Timestamp, p.Payload)
			k.mu.Unlock()
		}
	})
	return k
}

func (r *received) take(seq uint16, stamp uint32, payload []byte) {
	d := int16(seq - r.lastSeq)
	switch {
	case r.packets == 0:
		r.first = time.Now()
	case d > 0:
		r.lost += int(d) - 1
	case !r.seen[seq]:
		r.back++
	}
	if r.seen == nil {
		r.seen = map[uint16]bool{}
	}
	r.seen[seq] = true
	if forward := r.packets == 0 || d > 0; forward {
		if r.packets == 0 || stamp != r.lastStamp {
			if r.packets > 0 && int32(stamp-r.lastStamp) < 0 {
				r.jumps++
			}
			r.stamps++
		}
		r.lastSeq, r.lastStamp = seq, stamp
	}
	if r.key.IsZero() && len(payload) > 1 && (payload[0]&31 == 5 || payload[0]&31 == 28 && payload[1]&0x5F == 0x45) {
		r.key = time.Now()
	}
	r.packets++
	r.bytes += len(payload)
}

func (k *sink) got() (video, audio received) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.video, k.audio
}

// until waits for a condition.
func until(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v", what, limit)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

type response struct {
	status int
	header http.Header
	body   string
}

func request(t testing.TB, method, url, kind, text string, header map[string]string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	return response{resp.StatusCode, resp.Header, b.String()}
}

// ours returns the goroutines that run our code or what we started of DTLS.
func ours() (n int, stacks string) {
	b := make([]byte, 4<<20)
	b = b[:runtime.Stack(b, true)]
	for g := range strings.SplitSeq(string(b), "\n\n") {
		if strings.Contains(g, "headend/serve/webrtc.") && !strings.Contains(g, "_test.go") || strings.Contains(g, "frames.(*run)") {
			n++
			stacks += g + "\n\n"
		}
	}
	return n, stacks
}
