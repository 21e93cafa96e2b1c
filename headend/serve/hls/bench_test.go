package hls_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigma/headend/serve/hls"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

func benchView() timeline.View {
	v := timeline.View{TargetDuration: 6, Peak: 4_500_000, Average: 4_200_000}
	start := time.Date(2026, 11, 22, 8, 6, 30, 0, time.UTC)
	for i := range 6 {
		at := start.Add(time.Duration(i) * 5 * time.Second)
		v.Segments = append(v.Segments, &timeline.Segment{
			Name: timeline.FormatName(at, 5*time.Second), Sequence: uint64(i + 1), Start: at, Duration: 5 * time.Second,
			Independent: true, TS: timeline.Packets{make([]byte, 3000*flow.PacketSize)},
		})
	}
	return v
}

// shelf is a source that shows the view for benchmarks.
func shelf() *timeline.Shelf {
	s := &timeline.Shelf{}
	s.Show(benchView())
	return s
}

func benchmark(b *testing.B, h http.Handler, path string) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := srv.Client()
	buf := make([]byte, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := client.Get(srv.URL + path)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r.Body}, buf)
		if err != nil || r.StatusCode != 200 {
			b.Fatal(r.StatusCode, err)
		}
		r.Body.Close()
		b.SetBytes(n)
	}
}

func BenchmarkPlaylist(b *testing.B) { benchmark(b, offer(shelf(), nil), "/tv/news/mono.m3u8") }
func BenchmarkSegment(b *testing.B) {
	benchmark(b, offer(shelf(), nil), "/tv/news/2026/11/22/08/06/40-05000.ts")
}

// BenchmarkHandler is the share of this package in a playlist request, without
// net/http.
func BenchmarkHandler(b *testing.B) {
	s := newShow(full())
	s.at(26, 26)
	low := offerShow(s, hls.CueNone)
	for name, h := range map[string]http.Handler{"mono.m3u8": offer(shelf(), nil), videoList: low, videoList + "?_HLS_msn=106&_HLS_part=1": low, "index.ll.m3u8": low} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/tv/news/"+name, nil)
			r.Header.Set("Accept-Encoding", "gzip, deflate, br")
			var w http.ResponseWriter = discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkRender is a new version of a low latency playlist of 8 tracks.
func BenchmarkRender(b *testing.B) {
	s := newShow(full())
	h := offerShow(s, hls.CueBoth)
	r := httptest.NewRequest("GET", "/tv/news/"+videoList, nil)
	var w http.ResponseWriter = discard{http.Header{}}
	s.at(26, 26)
	v := *s.View()
	b.ReportAllocs()
	for b.Loop() {
		s.Show(v)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkWake is the time from a new part to the playlist at 1,000 clients that wait
// for it over HTTP/1.1, clients and server on the same cores.
func BenchmarkWake(b *testing.B) {
	const clients = 1000
	s := newShow(full())
	s.at(8, 8)
	srv := httptest.NewServer(offerShow(s, hls.CueNone))
	defer srv.Close()
	var mu sync.Mutex
	var all []time.Duration
	next, shown, used := 9, time.Time{}, time.Duration(0)
	conns := make([]net.Conn, clients)
	for i := range conns {
		c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			b.Skip(err)
		}
		defer c.Close()
		conns[i] = c
	}
	for b.Loop() {
		var done sync.WaitGroup
		ask := "GET /tv/news/" + videoList + "?_HLS_msn=" + string("0123456789"[(100+(next-1)/showParts)/100]) + pad2((100+(next-1)/showParts)%100) +
			"&_HLS_part=" + string("0123"[(next-1)%showParts]) + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"
		for _, c := range conns {
			if _, err := c.Write([]byte(ask)); err != nil {
				b.Fatal(err)
			}
		}
		<-time.After(300 * time.Millisecond) // until all are parked
		for _, c := range conns {
			done.Go(func() {
				buf := make([]byte, 4096)
				if n, err := c.Read(buf); err != nil || string(buf[:15]) != "HTTP/1.1 200 OK" {
					b.Errorf("%s %v", buf[:n], err)
				}
				mu.Lock()
				all = append(all, time.Since(shown))
				mu.Unlock()
			})
		}
		<-time.After(100 * time.Millisecond)
		before := cpu()
		shown = time.Now()
		s.at(next, next)
		done.Wait()
		used += cpu() - before
		next++
	}
	slices.Sort(all)
	b.ReportMetric(float64(used.Microseconds())/float64(len(all)), "cpu-us/viewer")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms-p99")
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func pad2(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
