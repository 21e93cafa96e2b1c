package webrtc

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sigma/mux/flow"
)

// relay is a path that loses and delays datagrams: players are told its address, and
// what they say goes on to the server.
type relay struct {
	addr netip.AddrPort
	cut  atomic.Bool // nothing goes either way
	mu   sync.Mutex
	loss float64 // of what the server sends
	rnd  *rand.Rand
}

func (r *relay) lose(p float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loss = p
}

func (r *relay) lost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rnd.Float64() < r.loss
}

func newRelay(t testing.TB, server func() netip.AddrPort, delay time.Duration) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = front.SetReadBuffer(4 << 20)
	r := &relay{addr: front.LocalAddr().(*net.UDPAddr).AddrPort(), rnd: rand.New(rand.NewPCG(1, 2))}
	var wg sync.WaitGroup
	var mu sync.Mutex
	backs := map[netip.AddrPort]*net.UDPConn{}
	closed := make(chan struct{})
	// One line each way: datagrams keep their order.
	line := func() func(func()) {
		type late struct {
			at time.Time
			do func()
		}
		q := make(chan late, 1<<14)
		wg.Go(func() {
			for {
				select {
				case l := <-q:
					if d := time.Until(l.at); d > 0 {
						select {
						case <-closed:
							return
						case <-time.After(d):
						}
					}
					l.do()
				case <-closed:
					return
				}
			}
		})
		return func(do func()) {
			select {
			case q <- late{time.Now().Add(delay), do}:
			case <-closed:
			}
		}
	}
	there, back := line(), line()
	open := func(player netip.AddrPort) *net.UDPConn {
		mu.Lock()
		defer mu.Unlock()
		if c := backs[player]; c != nil {
			return c
		}
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server()))
		if err != nil {
			t.Error(err)
			return nil
		}
		_ = c.SetReadBuffer(4 << 20)
		backs[player] = c
		wg.Go(func() {
			b := make([]byte, 2048)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if media := b[0]&0xC0 == 0x80; media && r.lost() || r.cut.Load() {
					continue
				}
				d := append([]byte(nil), b[:n]...)
				back(func() { _, _ = front.WriteToUDPAddrPort(d, player) })
			}
		})
		return c
	}
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := front.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if c := open(from); c != nil && !r.cut.Load() {
				d := append([]byte(nil), b[:n]...)
				there(func() { _, _ = c.Write(d) })
			}
		}
	})
	t.Cleanup(func() {
		close(closed)
		front.Close()
		mu.Lock()
		for _, c := range backs {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return r
}

// behind starts a server that players reach over a relay.
func behind(t testing.TB, channels map[string]*channel, change func(*Server)) (*box, *relay) {
	t.Helper()
	var server atomic.Value
	r := newRelay(t, func() netip.AddrPort { return server.Load().(netip.AddrPort) }, 25*time.Millisecond)
	b := start(t, channels, func(s *Server) {
		s.Candidates = []netip.AddrPort{r.addr}
		if change != nil {
			change(s)
		}
	})
	server.Store(b.udp.addr)
	return b, r
}

// What a path loses is asked for and sent again: of 5 % nearly nothing is left, without
// retransmission all of it.
func TestRetransmission(t *testing.T) {
	for _, c := range []struct {
		name     string
		deadline time.Duration
		most     float64
		least    float64
	}{
		{"with", 0, 0.002, 0},
		{"without", time.Nanosecond, 0.08, 0.02},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := play(t, plainClip(t, 14, "-an"))
			b, r := behind(t, map[string]*channel{"one": ch}, func(s *Server) { s.Retransmit = c.deadline })
			k := newSink(t, b.url+"/one/whep", nil)
			until(t, "video", 8*time.Second, func() bool { v, _ := k.got(); return v.stamps > 10 })
			r.lose(0.05)
			until(t, "six seconds", 12*time.Second, func() bool { v, _ := k.got(); return v.stamps > 160 })
			r.lose(0)
			v, _ := k.got()
			until(t, "the rest", 3*time.Second, func() bool { w, _ := k.got(); return w.stamps > v.stamps+10 })
			v, _ = k.got()
			left := float64(v.lost-v.back) / float64(v.packets)
			t.Logf("%d packets, %d missed at first, %.2f %% missing in the end", v.packets, v.lost, 100*left)
			if left > c.most || left < c.least || v.lost == 0 {
				t.Errorf("%.2f %% missing, want between %v and %v", 100*left, 100*c.least, 100*c.most)
			}
		})
	}
}

// Sound that browsers do not know is made into Opus by one child for all players, and
// stays in step with the pictures.
func TestOpusOnce(t *testing.T) {
	for _, codec := range [][]string{{"aac"}, {"mp2"}, {"ac3"}} {
		t.Run(codec[0], func(t *testing.T) {
			ch := play(t, plainClip(t, 14, "-c:a", codec[0], "-b:a", "128k"))
			b := start(t, map[string]*channel{"one": ch}, func(s *Server) { s.FFmpeg = "ffmpeg" })
			one := newSink(t, b.url+"/one/whep", nil)
			two := newSink(t, b.url+"/one/whep", nil)
			for _, k := range []*sink{one, two} {
				until(t, "sound", 10*time.Second, func() bool { _, a := k.got(); return a.packets > 100 })
			}
			_, a := one.got()
			if a.lost != 0 || a.jumps != 0 || a.stamps != a.packets {
				t.Errorf("%d lost, %d stamps back, %d stamps for %d packets", a.lost, a.jumps, a.stamps, a.packets)
			}
			b.mu.Lock()
			f := b.feeds["one"]
			b.mu.Unlock()
			f.mu.Lock()
			n, out := len(f.opus), f.opus[0].out
			var video *track
			for _, tr := range f.tracks {
				if tr.video {
					video = tr
				}
			}
			f.mu.Unlock()
			if n != 1 {
				t.Errorf("%d children for one track", n)
			}
			_, _, sound := out.live()
			_, _, picture := video.live()
			t.Logf("sound is %v behind the pictures", (picture - sound).Duration())
			if d := picture - sound; d > flow.TicksPerSecond || d < -flow.TicksPerSecond {
				t.Errorf("sound is %v behind the pictures", d.Duration())
			}
			b.stop()
			if n, stacks := ours(); n > 0 && strings.Contains(stacks, "transcoder") {
				t.Errorf("left:\n%s", stacks)
			}
		})
	}
}

// A viewer goes down at a key frame when its path loses packets, and up again when it
// does not, without a hole in numbers or a step back in time stamps.
func TestRungs(t *testing.T) {
	ch := play(t, clip(t, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-t", "40", "-filter_complex", "[0:v]split=3[a][b][c]",
		"-map", "[a]", "-map", "[b]", "-map", "[c]", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p",
		"-b:v:0", "1600k", "-maxrate:v:0", "1600k", "-bufsize:v:0", "400k", "-b:v:1", "800k", "-maxrate:v:1", "800k", "-bufsize:v:1", "200k", "-b:v:2", "300k", "-maxrate:v:2", "300k", "-bufsize:v:2", "100k"))
	b, r := behind(t, map[string]*channel{"one": ch}, func(s *Server) { s.ABR.UpWindow = 4 * time.Second })
	k := newSink(t, b.url+"/one/whep", nil)
	v := b.list()[0].viewer
	on := func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.video == nil || v.video.track == nil {
			return ""
		}
		return v.video.track.id
	}
	until(t, "pictures", 8*time.Second, func() bool { w, _ := k.got(); return w.stamps > 5 })
	if got := on(); got != "v2" {
		t.Errorf("a viewer begins with %s, want the middle rung v2", got)
	}
	r.lose(0.25)
	until(t, "the lowest rung", 12*time.Second, func() bool { return on() == "v3" })
	r.lose(0)
	until(t, "the middle rung again", 15*time.Second, func() bool { return on() == "v2" })
	until(t, "the highest rung", 15*time.Second, func() bool { return on() == "v1" })
	w, _ := k.got()
	if w.jumps > 0 {
		t.Errorf("%d time stamps went back", w.jumps)
	}
}
