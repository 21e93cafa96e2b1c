package webrtc

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSinks is the other process of TestCost: it plays a URL as often as WEBRTC_VIEWERS
// says and prints a line when all are there; before and after that it waits for a line
// on its input, and prints what came at the end.
func TestSinks(t *testing.T) {
	url := os.Getenv("WEBRTC_SINKS")
	if url == "" {
		t.Skip("run by TestCost")
	}
	n, _ := strconv.Atoi(os.Getenv("WEBRTC_VIEWERS"))
	in := bufio.NewScanner(os.Stdin)
	fmt.Println("bare", strings.Join(readBare(t, n), " "))
	in.Scan()
	var all []*sink
	for range n {
		k := newSink(t, url, nil)
		all = append(all, k)
		<-k.connected
	}
	fmt.Println("ready")
	in.Scan()
	packets, lost := 0, 0
	for _, k := range all {
		v, a := k.got()
		packets += v.packets + a.packets
		lost += v.lost - v.back
	}
	fmt.Println(packets, lost)
}

// cpu returns what this process has used: by itself, and in the kernel.
func cpu(t testing.TB) (own, kernel time.Duration) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
}

// bareCost returns what one datagram costs, in µs, when batches of n bare ones are sent
// to sockets in turn, which another process reads.
func bareCost(t testing.TB, ports []netip.AddrPort, n int) float64 {
	u, err := openUDP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	var to []*sockaddr
	for _, p := range ports {
		to = append(to, u.sockaddr(p))
	}
	b := batch{buf: make([]byte, n*1200), size: 1200, count: n}
	const rounds = 20
	own, kernel := cpu(t)
	for range rounds { // as a channel of 25 pictures/s does
		for _, a := range to {
			u.send(&b, a)
		}
		<-time.After(40 * time.Millisecond)
	}
	own2, kernel2 := cpu(t)
	return float64((own2 + kernel2 - own - kernel).Nanoseconds()) / float64(rounds*len(to)*n) / 1000
}

// readBare opens sockets whose datagrams are read, and returns where they are.
func readBare(t testing.TB, n int) (ports []string) {
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			b := make([]byte, 2048)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
		ports = append(ports, c.LocalAddr().String())
	}
	return ports
}

// What a packet to one of 50 viewers costs: processor time of this process, kernel
// included, with the players in another one. It takes half a minute and is run when
// WEBRTC_COST is set.
func TestCost(t *testing.T) {
	if os.Getenv("WEBRTC_COST") == "" {
		t.Skip("set WEBRTC_COST=1 to measure")
	}
	viewers := 50
	data := clip(t, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-t", "60", "-vf", "noise=alls=12:allf=t",
		"-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0", "-g", "25", "-b:v", "2M", "-maxrate", "2M", "-bufsize", "1M", "-pix_fmt", "yuv420p")
	channels := map[string]*channel{}
	b := start(t, channels, nil)
	cmd := exec.Command("taskset", "-c", "1", os.Args[0], "-test.run=TestSinks", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "WEBRTC_SINKS="+b.url+"/one/whep", "WEBRTC_VIEWERS="+strconv.Itoa(viewers))
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "bare ") {
	}
	var bare []netip.AddrPort
	for _, a := range strings.Fields(lines.Text())[1:] {
		bare = append(bare, netip.MustParseAddrPort(a))
	}
	one, many := bareCost(t, bare, 1), bareCost(t, bare, 9)
	channels["one"] = play(t, data)
	fmt.Fprintln(in)
	for lines.Scan() && lines.Text() != "ready" {
		t.Log(lines.Text())
	}
	<-time.After(2 * time.Second)
	before := b.Counters()
	own, kernel := cpu(t)
	began := time.Now()
	<-time.After(15 * time.Second)
	own2, kernel2 := cpu(t)
	after := b.Counters()
	span := time.Since(began)
	fmt.Fprintln(in)
	for lines.Scan() && !strings.Contains(lines.Text(), " ") {
	}
	_ = cmd.Wait()
	packets := after.Datagrams - before.Datagrams
	own, kernel = (own2-own)/time.Duration(packets), (kernel2-kernel)/time.Duration(packets)
	t.Logf("bare datagrams of 1200 bytes to as many readers: %.2f µs one by one, %.2f µs nine in a call", one, many)
	t.Logf("%d viewers: %.2f µs of CPU a packet, %v of them in the kernel (%d packets in %v, %.1f a call, %d failed); players: %s (packets, lost)",
		viewers, float64((own+kernel).Nanoseconds())/1000, kernel, packets, span.Round(time.Second),
		float64(packets)/float64(after.Calls-before.Calls), after.Failed, lines.Text())
}
