package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"context"
	"net/netip"

	"sigma/multicast/rig"
)

// cpu returns the processor time a process has used, from its stat file in steps
// of 10 ms.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	sum := 0
	for _, field := range f[11:13] { // utime, stime
		n, err := strconv.Atoi(string(field))
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond
}

// BenchmarkWire sends 50 outputs of 4 Mbit/s through the wire process to another
// host. An operation is 10 ms of all of them. It reports the processor time of the
// process as a share of one core, and by kernel time stamps at the receiver how far
// from its time each datagram arrived.
func BenchmarkWire(b *testing.B) {
	const outputs, period = 50, 2632 * time.Microsecond
	n := network(b)
	var groups []netip.AddrPort
	for i := range outputs {
		groups = append(groups, netip.MustParseAddrPort(fmt.Sprintf("239.1.3.%d:5000", i+1)))
	}
	offset := time.Duration(time.Now().UnixNano()) - newClock().now()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var off []time.Duration
	wg.Go(func() {
		drops, err := n.Capture(ctx, 1, groups, func(_ int, d rig.Datagram) {
			due := time.Duration(binary.BigEndian.Uint64(d.Data[4:]))
			off = append(off, time.Duration(d.At.UnixNano())-offset-due)
		})
		if err != nil || drops != 0 {
			b.Errorf("receiver: %v, %d dropped", err, drops)
		}
	})
	c := client(b, n, filepath.Join(b.TempDir(), "wire.sock"))
	var outs []*Output
	for i, g := range groups {
		s := spec(fmt.Sprint(i), g.String(), false)
		o, err := c.Open(s)
		if err != nil {
			b.Fatal(err)
		}
		outs = append(outs, o)
	}
	s := stream{pid: 100}
	d := s.datagram()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	clock := newClock()
	var next [outputs]time.Duration
	start := clock.now()
	for i := range next { // no two outputs in step
		next[i] = start + 50*time.Millisecond + time.Duration(i)*period/outputs
	}
	before, total := cpu(b, c.Status().PID), 0
	for b.Loop() {
		<-tick.C
		lead := clock.now() + 250*time.Millisecond
		for i, o := range outs {
			for ; next[i] < lead; next[i] += period {
				binary.BigEndian.PutUint64(d[4:], uint64(next[i]))
				if !o.Send(next[i], d) {
					b.Fatal("ring full")
				}
				total++
			}
		}
	}
	used, ran := cpu(b, c.Status().PID)-before, clock.now()-start
	for slices.ContainsFunc(outs, func(o *Output) bool { return o.Counters().Waiting > 0 }) {
		<-tick.C
	}
	<-tick.C
	for range 5 {
		<-tick.C
	}
	cancel()
	wg.Wait()
	slices.Sort(off)
	at := func(q float64) float64 { return float64(off[int(q*float64(len(off)-1))]) / 1000 }
	b.ReportMetric(used.Seconds()/ran.Seconds()*100, "%core")
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
	b.ReportMetric(at(0.999), "p99.9-µs")
	b.ReportMetric(at(1), "max-µs")
	b.ReportMetric(at(0), "min-µs")
	b.ReportMetric(float64(total-len(off)), "lost")
	b.Logf("%d datagrams, sender's own %+v, status %+v", total, c.Lateness(), c.Status())
	if err := c.Close(0); err != nil {
		b.Error(err)
	}
}
