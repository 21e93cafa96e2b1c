package frames

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/headend/timeline/timelinetest"
	"sigma/mux/flow"
)

func running() int {
	b := make([]byte, 1<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "frames.(*run).work(")
}

// Frames are made while there is a reader, and every frame of the capture comes.
func TestFramesWhileRead(t *testing.T) {
	data := timelinetest.Capture(t, 3, 25)
	items := timelinetest.Split(data, time.Second, 1)
	ring := flow.NewRing[flow.Batch](len(items) + 1)
	face := &Face{Packets: ring}
	if running() != 0 {
		t.Fatal("work without a reader")
	}
	a, b := face.Open(t.Context()), face.Open(t.Context())
	for _, it := range items {
		ring.Append(it)
	}
	var video, audio int
	got := make([]flow.Item[flow.Frame], 1)
	var last flow.Ticks
	for video < 70 {
		if _, err := a.Next(got); err != nil {
			t.Fatal(err)
		}
		l := a.Layout(got[0].Epoch)
		if l == nil {
			t.Fatalf("no layout for epoch %d", got[0].Epoch)
		}
		switch tr := l.Track(got[0].V.Track); {
		case tr == nil:
			t.Fatalf("track %d is not in its layout", got[0].V.Track)
		case tr.Kind == flow.KindVideo:
			if video == 0 && !got[0].Marks.Has(flow.RandomAccess) {
				t.Error("the first picture is no random access point")
			}
			if got[0].V.DTS <= last {
				t.Errorf("DTS %d after %d", got[0].V.DTS, last)
			}
			last = got[0].V.DTS
			video++
		default:
			audio++
		}
	}
	if audio < 200 {
		t.Errorf("%d frames of two audio tracks in 2.8 s, want about 240", audio)
	}
	a.Close()
	a.Close()
	if running() != 1 || face.Readers() != 1 {
		t.Errorf("%d at work for %d readers, want 1 for 1", running(), face.Readers())
	}
	b.Close()
	if running() != 0 {
		t.Error("work goes on without a reader")
	}
	if _, err := b.Next(got); !errors.Is(err, context.Canceled) {
		t.Errorf("Next after Close: %v", err)
	}
}

// A reader that joins late begins at the newest random access point, even though the
// tables came before it.
func TestLateReaderBeginsAtRandomAccess(t *testing.T) {
	items := timelinetest.Split(timelinetest.Capture(t, 3, 25), time.Second, 1)
	ring := flow.NewRing[flow.Batch](len(items) + 1)
	for _, it := range items[:len(items)*5/6] {
		ring.Append(it)
	}
	face := &Face{Packets: ring}
	r := face.Open(t.Context())
	defer r.Close()
	got := make([]flow.Item[flow.Frame], 1)
	for {
		if _, err := r.Next(got); err != nil {
			t.Fatal(err)
		}
		if r.Layout(got[0].Epoch).Track(got[0].V.Track).Kind == flow.KindVideo {
			break
		}
	}
	if !got[0].Marks.Has(flow.RandomAccess) {
		t.Error("the first picture is no random access point")
	}
}

// Readers come and go at once; nothing is left.
func TestReadersComeAndGo(t *testing.T) {
	items := timelinetest.Split(timelinetest.Capture(t, 1, 25), time.Second, 1)
	ring := flow.NewRing[flow.Batch](len(items))
	for _, it := range items {
		ring.Append(it)
	}
	face := &Face{Packets: ring}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				r := face.Open(t.Context())
				got := make([]flow.Item[flow.Frame], 4)
				_, _ = r.Next(got)
				r.Close()
			}
		})
	}
	wg.Wait()
	if running() != 0 || face.Readers() != 0 {
		t.Errorf("%d at work for %d readers", running(), face.Readers())
	}
}
