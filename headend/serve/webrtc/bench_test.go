package webrtc

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSinks is the other process of TestCost: it plays a URL as often as WEBRTC_VIEWERS
// says and prints a line when all are there; a line on its input makes it print what
// came.
func TestSinks(t *testing.T) {
	url := os.Getenv("WEBRTC_SINKS")
	if url == "" {
		t.Skip("run by TestCost")
	}
	n, _ := strconv.Atoi(os.Getenv("WEBRTC_VIEWERS"))
	var all []*sink
	for range n {
		k := newSink(t, url, nil)
		all = append(all, k)
		<-k.connected
	}
	fmt.Println("ready")
	bufio.NewScanner(os.Stdin).Scan()
	packets, lost := 0, 0
	for _, k := range all {
		v, a := k.got()
		packets += v.packets + a.packets
		lost += v.lost - v.back
	}
	fmt.Println(packets, lost)
}

func cpu(t testing.TB) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// plainCost returns what one datagram costs with one system call each, in µs.
func plainCost(t testing.TB) float64 {
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	u, err := openUDP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.conn.Close()
	const n = 50_000
	b, from := make([]byte, 1200), cpu(t)
	for range n {
		u.write(b, to.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	return float64((cpu(t) - from).Nanoseconds()) / n / 1000
}

// What a packet to one of 50 viewers costs: processor time of this process, kernel
// included, with the players in another one. It takes half a minute and is run when
// WEBRTC_COST is set.
func TestCost(t *testing.T) {
	if os.Getenv("WEBRTC_COST") == "" {
		t.Skip("set WEBRTC_COST=1 to measure")
	}
	viewers := 50
	c := play(t, clip(t, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-t", "60", "-vf", "noise=alls=12:allf=t",
		"-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0", "-g", "25", "-b:v", "2M", "-maxrate", "2M", "-bufsize", "1M", "-pix_fmt", "yuv420p"))
	b := start(t, map[string]*channel{"one": c}, nil)
	cmd := exec.Command("taskset", "-c", "1", os.Args[0], "-test.run=TestSinks", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "WEBRTC_SINKS="+b.url+"/one/whep", "WEBRTC_VIEWERS="+strconv.Itoa(viewers))
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		t.Log(lines.Text())
	}
	<-time.After(2 * time.Second)
	before, from := b.Counters(), cpu(t)
	began := time.Now()
	<-time.After(15 * time.Second)
	used, after := cpu(t)-from, b.Counters()
	span := time.Since(began)
	fmt.Fprintln(in)
	for lines.Scan() && !strings.Contains(lines.Text(), " ") {
	}
	_ = cmd.Wait()
	packets := after.Datagrams - before.Datagrams
	t.Logf("for comparison, sendto of 1200 bytes costs %.2f µs here", plainCost(t))
	t.Logf("%d viewers: %.2f µs of CPU a packet (%d packets in %v, %.1f a call, %d failed); players: %s (packets, lost)",
		viewers, float64(used.Microseconds())/float64(packets), packets, span.Round(time.Second),
		float64(packets)/float64(after.Calls-before.Calls), after.Failed, lines.Text())
}
