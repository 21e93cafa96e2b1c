package multicast

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"sigma/multicast/rig"
	"sigma/multicast/wire"
	"sigma/mux"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

const fileRate = 2_000_000

// programme makes a constant-rate file with video and audio of 4 s.
func programme(t testing.TB) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg")
	}
	path := filepath.Join(t.TempDir(), "in.ts")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine",
		"-t", "4", "-c:v", "mpeg2video", "-b:v", "800k", "-g", "12", "-c:a", "mp2", "-b:a", "128k", "-muxrate", "2000000", "-f", "mpegts", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onAir sends a file in a loop from host 0 until the test ends.
func onAir(t testing.TB, n *rig.Net, s wire.Spec) *Sender {
	t.Helper()
	data := programme(t)
	l := wire.NewLocal()
	t.Cleanup(l.Close)
	var port *wire.Output
	if err := n.Do(0, func() (err error) { port, err = l.Open(s); return err }); err != nil {
		t.Fatal(err)
	}
	out := &Sender{Shaper: &mux.Shaper{Rate: s.Rate}, Port: port, RTP: s.RTP, Now: monotonic}
	ctx, cancel := context.WithCancel(context.Background())
	ring := flow.NewRing[flow.Batch](400)
	var wg sync.WaitGroup
	wg.Go(func() {
		c := ring.Open(ctx, flow.Live)
		defer c.Close()
		if err := out.Run(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("sender: %v", err)
		}
	})
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		start, done := monotonic(), 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			due := int((monotonic()-start)*fileRate/8/time.Second) / flow.PacketSize * flow.PacketSize
			for done < due {
				at := done % len(data)
				end := min(at+due-done, len(data))
				ring.Append(flow.Item[flow.Batch]{Stamp: flow.Stamp{Arrived: monotonic()}, V: flow.Batch{Data: data[at:end:end]}})
				done += end - at
			}
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return out
}

// TestIndependentReceiversUnderstand lets ffprobe read what is sent, as UDP and RTP,
// over IPv4 and IPv6.
func TestIndependentReceiversUnderstand(t *testing.T) {
	n := network(t, 2)
	ip(t, n, 0, "-6 addr add fd00::1/64 dev eth nodad")
	ip(t, n, 1, "-6 addr add fd00::2/64 dev eth nodad")
	for _, c := range []struct {
		to, url string
		rtp     bool
	}{
		{"239.1.1.1:5000", "udp://239.1.1.1:5000", false},
		{"239.1.1.2:5000", "rtp://239.1.1.2:5000", true},
		{"[fd00::2]:5000", "udp://[fd00::2]:5000", false},
	} {
		t.Run(c.url, func(t *testing.T) {
			s := onAir(t, n, wire.Spec{ID: c.url, To: group(c.to), Interface: "eth", TTL: 4, RTP: c.rtp, Rate: 3_000_000})
			if _, err := exec.LookPath("ffprobe"); err != nil {
				t.Skip("needs ffprobe")
			}
			cmd := n.Command(1, "timeout", "30", "ffprobe", "-v", "error", "-of", "json", "-show_streams", "-protocol_whitelist", "udp,rtp,file", c.url)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("ffprobe: %v", err)
			}
			var got struct {
				Streams []struct {
					Codec string `json:"codec_name"`
				}
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatal(err)
			}
			codecs := map[string]bool{}
			for _, s := range got.Streams {
				codecs[s.Codec] = true
			}
			if !codecs["mpeg2video"] || !codecs["mp2"] {
				t.Errorf("ffprobe sees %v", codecs)
			}
			if k := s.Counters(); k.Full != 0 || k.Lost != 0 || k.Nulls == 0 || k.Bytes != k.Packets*flow.PacketSize {
				t.Errorf("%+v", k)
			}
		})
	}
}

// port is a Port that keeps what it is given.
type port struct {
	last time.Duration
	sent []byte
}

func (p *port) Send(_ time.Duration, payload []byte) bool {
	p.sent = append(p.sent, payload...)
	return true
}
func (p *port) SetPSI([]wire.PSISet) error { return nil }
func (p *port) Last() time.Duration        { return p.last }

// TestFirstPCRAfterATakeover plays a file to a port on which something was sent
// before, up to a time at which packets of ours would leave already: of the PCRs that
// do leave just the first one is marked. On a new port none is.
func TestFirstPCRAfterATakeover(t *testing.T) {
	data := programme(t)
	for _, rate := range []int64{3_000_000, 0} {
		for _, last := range []time.Duration{0, 100 * time.Millisecond, 700 * time.Millisecond} {
			now, to := time.Duration(0), &port{last: last}
			s := &Sender{Shaper: &mux.Shaper{Rate: rate}, Port: to, Now: func() time.Duration { return now }}
			for ; now < 2*time.Second; now += 10 * time.Millisecond {
				from := int(now*fileRate/8/time.Second) / flow.PacketSize * flow.PacketSize
				end := int((now+10*time.Millisecond)*fileRate/8/time.Second) / flow.PacketSize * flow.PacketSize
				s.Shaper.Push(flow.Item[flow.Batch]{Stamp: flow.Stamp{Arrived: now}, V: flow.Batch{Data: data[from:end:end]}})
				s.Emit()
			}
			var marks []bool
			for p := range slices.Chunk(to.sent, flow.PacketSize) {
				if ts.HasPCR(p) {
					marks = append(marks, ts.DiscontinuityIndicator(p))
				}
			}
			if len(marks) < 10 || marks[0] != (last != 0) || slices.Contains(marks[1:], true) {
				t.Errorf("rate %d, sent before up to %v: PCRs marked %v", rate, last, marks)
			}
			if early := s.Counters().Early; (early > 0) != (last > mux.DefaultDelay) {
				t.Errorf("rate %d, sent before up to %v: %d datagrams early", rate, last, early)
			}
		}
	}
}

// TestSenderEndsWithTheCursor ends the context of the cursor, not that of Run, while
// nothing comes.
func TestSenderEndsWithTheCursor(t *testing.T) {
	ended := errors.New("the ring is over")
	ctx, cancel := context.WithCancelCause(context.Background())
	c := flow.NewRing[flow.Batch](10).Open(ctx, flow.Live)
	defer c.Close()
	cancel(ended)
	s := &Sender{Shaper: &mux.Shaper{}, Port: &port{}, Now: monotonic}
	within, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	if err := s.Run(within, c); !errors.Is(err, ended) {
		t.Errorf("run: %v, want %v", err, ended)
	}
}

// TestReceivedAgain closes the loop: what is sent is received by Source, whole.
func TestReceivedAgain(t *testing.T) {
	n := network(t, 2)
	src := &Source{Receiver: Receiver{Group: group("239.1.1.1:5000"), Interface: "eth", Now: monotonic}}
	out := newSink()
	run(t, n, src, out)
	onAir(t, n, wire.Spec{ID: "a", To: group("239.1.1.1:5000"), Interface: "eth", TTL: 4, RTP: true, Rate: 3_000_000})
	out.wait(t, 1<<20)
	if c := src.Counters(); c.Lost != 0 || c.Malformed != 0 || c.Restarts != 0 || c.Drops != 0 {
		t.Errorf("%+v", c)
	}
}

func TestInterfaces(t *testing.T) {
	n := network(t, 1)
	receiver(t, n, 0, &Receiver{Group: group("239.1.1.1:5000"), Interface: "eth"})
	receiver(t, n, 0, &Receiver{Group: group("[ff15::7]:5000"), Interface: "eth"})
	sys := t.TempDir()
	if err := os.MkdirAll(filepath.Join(sys, "class/net/eth"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sys, "class/net/eth/speed"), []byte("1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var list []Interface
	var findings []Finding
	l := Lister{Sys: sys}
	if err := n.Do(0, func() (err error) {
		list, err = l.Interfaces()
		findings = l.Probe()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, ifi := range list {
		if ifi.Name != "eth" {
			continue
		}
		found = true
		groups, addresses := map[string]bool{}, map[string]bool{}
		for _, g := range ifi.Groups {
			groups[g.String()] = true
		}
		for _, a := range ifi.Addresses {
			addresses[a.String()] = true
		}
		if !ifi.Up || !ifi.Carrier || !ifi.Multicast || ifi.MTU != 1500 || ifi.Speed != 1_000_000_000 || ifi.MAC == "" {
			t.Errorf("%+v", ifi)
		}
		if !groups["239.1.1.1"] || !groups["ff15::7"] || !groups["224.0.0.1"] || !addresses["10.99.0.1/24"] {
			t.Errorf("groups %v addresses %v", groups, addresses)
		}
	}
	if !found {
		t.Errorf("no eth in %+v", list)
	}
	seen := map[string]Finding{}
	for _, f := range findings {
		seen[f.Name] = f
		if f.OK != (f.Fix == "") {
			t.Errorf("%+v", f)
		}
	}
	if f := seen["route to 239.0.0.0/8"]; !f.OK || f.Value != "via eth" {
		t.Errorf("%+v", f)
	}
	if f, found := seen["multicast on lo"]; found {
		t.Errorf("loopback carries multicast as it is: %+v", f)
	}
	if f := seen["multicast on eth"]; !f.OK || f.Value != "on" {
		t.Errorf("%+v", f)
	}
	if f := seen["net.core.rmem_max"]; f.Value == "" {
		t.Errorf("%+v", f)
	}
}
