// Package timelinetest gives tests short captures made by ffmpeg, cut into batches
// as a channel would hand them out. It is for tests only.
package timelinetest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sigma/headend/timeline"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// UTC is a clock for Timeline.UTC: monotonic zero is 2026-11-22T08:06:30.25Z.
func UTC(mono time.Duration) time.Time {
	return time.Date(2026, 11, 22, 8, 6, 30, 250_000_000, time.UTC).Add(mono)
}

// Capture returns a transport stream of H.264 with B-frames and a random access
// point every gop frames of 40 ms, and two AAC tracks. It skips the test where
// there is no ffmpeg.
func Capture(t testing.TB, seconds, gop int) []byte {
	t.Helper()
	args := []string{
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
		"-f", "lavfi", "-i", "sine=440", "-f", "lavfi", "-i", "sine=880", "-t", strconv.Itoa(seconds),
		"-map", "0", "-map", "1", "-map", "2", "-muxrate", "1500k",
	}
	return Make(t, append(args, H264(gop)...)...)
}

// Split cuts a capture into batches of at most 7 packets that begin at random
// access points, with the clock of its PCR. Arrival follows the clock from at.
func Split(data []byte, at time.Duration, epoch uint32) []flow.Item[flow.Batch] {
	var (
		items []flow.Item[flow.Batch]
		clock ts.Unwrapper
		now   flow.Ticks
		first flow.Ticks
	)
	for len(data) >= ts.PacketSize {
		n, random := 0, false
		for n < 7 && len(data) >= (n+1)*ts.PacketSize {
			p := data[n*ts.PacketSize:]
			start := ts.PUSI(p) && ts.RandomAccessIndicator(p) && ts.HasPCR(p)
			if n > 0 && (start || ts.HasPCR(p)) {
				break
			}
			random = random || start
			if pcr, ok := ts.PCR(p); ok {
				now, _ = clock.Unwrap(pcr)
				if first == 0 {
					first = now
				}
			}
			n++
		}
		it := flow.Item[flow.Batch]{V: flow.Batch{Data: data[:n*ts.PacketSize], Clock: now}}
		it.Epoch, it.Arrived = epoch, at+(now-first).Duration()
		if random {
			it.Marks = flow.RandomAccess
		}
		items = append(items, it)
		data = data[n*ts.PacketSize:]
	}
	return items
}

// Memory is a timeline.Memory for tests. The zero value is ready.
type Memory struct {
	mu   sync.Mutex
	m    map[string][]byte
	Fail error // what Save answers instead of saving
}

var _ timeline.Memory = (*Memory)(nil)

// Load returns what was saved.
func (m *Memory) Load(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.m[key]), nil
}

// Save keeps value, unless Fail is set.
func (m *Memory) Save(key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	if m.m == nil {
		m.m = map[string][]byte{}
	}
	m.m[key] = slices.Clone(value)
	return nil
}

// Keys returns the keys in order.
func (m *Memory) Keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.m))
}

// Feed runs items through t and returns when t has taken them all. What is not
// complete then is lost, as when a process ends.
func Feed(tb testing.TB, t *timeline.Timeline, items []flow.Item[flow.Batch]) {
	tb.Helper()
	push, stop := Start(tb, t, len(items)+1)
	push(items)
	stop()
}

// Start runs t. Push hands it items, at most size at a time, and returns when it has
// taken them; stop ends it and returns when it has ended.
func Start(tb testing.TB, t *timeline.Timeline, size int) (push func([]flow.Item[flow.Batch]), stop func()) {
	tb.Helper()
	ring := flow.NewRing[flow.Batch](size)
	ctx, cancel := context.WithCancel(tb.Context())
	cursor := ring.Open(ctx, flow.Live)
	done := make(chan error, 1)
	go func() { done <- t.Run(ctx, cursor) }()
	push = func(items []flow.Item[flow.Batch]) {
		for _, it := range items {
			ring.Append(it)
		}
		for cursor.Behind() > 0 {
			select {
			case err := <-done:
				tb.Fatal(err)
			case <-time.After(time.Millisecond):
			}
		}
	}
	return push, func() {
		cancel()
		<-done
		cursor.Close()
	}
}
