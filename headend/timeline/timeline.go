// Package timeline owns the past of a channel: it cuts the packets of the programme
// into segments at random access points, dates them in UTC, and keeps the newest in
// memory. Every packaging is a function of its View.
//
// Boundaries and names come from the programme clock tied to UTC, not from
// arrival: two boxes that receive the same packets cut alike. It refuses sockets,
// files and the system clock: a Memory keeps what must survive a restart, and time
// comes with the packets.
package timeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Memory keeps a few bytes by key over restarts of the process. What Save was given
// must survive kill -9 once it has returned; it is called once per segment, from the
// goroutine of Run, and should take milliseconds at most.
type Memory interface {
	Load(key string) ([]byte, error) // nil when nothing was saved
	Save(key string, value []byte) error
}

// Timeline cuts one channel. The exported fields are arguments: set them, then
// call Run, one at a time. View is safe for concurrent use.
type Timeline struct {
	Name            string                             // of the channel: the key in Memory
	SegmentDuration time.Duration                      // distance of boundaries, at least 1s
	SegmentCount    int                                // segments in the live window, at least 3
	MaxBytes        int                                // of media kept, TS and CMAF; the window is cut short when it takes more; 0 means 512 MiB
	UTC             func(mono time.Duration) time.Time // of a moment of CLOCK_MONOTONIC
	Memory          Memory                             // nil remembers nothing

	// PartTarget is the longest part, fixed for the life of the timeline; 0 makes one
	// part of each segment. A part is never longer than 101 % of it, which is what View
	// tells, unless one frame alone is.
	PartTarget time.Duration
	// PacketsOnly leaves out the tracks: segments have TS, an empty Layout and no Media.
	PacketsOnly bool
	// Texts returns the decoders of the text of a programme whose tracks, and formats of
	// those that have one, are given. It is called once for every Layout, from the
	// goroutine of Run. Nil decodes none.
	Texts func(l *flow.Layout, formats map[flow.TrackID]*es.Format) []Text

	view   atomic.Pointer[View]
	record record
	loaded bool
	cutter *cutter
	drafts []*draft // what is being filled, oldest first
	dirty  bool     // something of drafts is new
}

// defaultMaxBytes is the window of 40 s at 50 Mbit/s, as packets and as tracks.
const defaultMaxBytes = 512 << 20

// maxSegmentBytes is the largest segment; a longer one is cut wherever it is. It
// allows 100 Mbit/s for 10 s.
const maxSegmentBytes = 128 << 20

// View returns the newest view, never nil. It does not block.
func (t *Timeline) View() *View {
	if v := t.view.Load(); v != nil {
		return v
	}
	t.view.CompareAndSwap(nil, &View{PartTarget: t.partTarget(), changed: make(chan struct{})})
	return t.view.Load()
}

// Run cuts what the cursor gives until it ends, and returns its error. What is not
// complete by then stays open; when Run is called again it is published as it is, and
// the timeline goes on behind a discontinuity, with the window as it was.
func (t *Timeline) Run(_ context.Context, from *flow.Cursor[flow.Batch]) error {
	if t.SegmentDuration < time.Second || t.SegmentCount < 1 {
		return fmt.Errorf("timeline of %s: segments of %v, %d in the window: expected at least 1s and 1", t.Name, t.SegmentDuration, t.SegmentCount)
	}
	t.load()
	if t.cutter != nil { // what players saw of the last run must not leave a hole
		t.cutter.drain()
		t.cutter.finish()
	}
	t.cutter = &cutter{timeline: t, broken: true, continues: t.record.Sequence > 0}
	if !t.PacketsOnly {
		t.cutter.reel = newReel(t)
	}
	items := make([]flow.Item[flow.Batch], 64)
	for {
		n, err := from.Next(items)
		for _, it := range items[:n] {
			t.cutter.push(it)
		}
		clear(items[:n])
		if err != nil {
			return fmt.Errorf("timeline of %s: %w", t.Name, err)
		}
	}
}

// partTarget is the longest part as told to players: PartTarget and a hundredth. So a
// part may hold the frames that make PartTarget at 30 Hz where the rate is 29.97 Hz,
// and need not be a frame shorter than the 85 % that parts must have at least
// (draft-pantos-hls-rfc8216bis clause 4.4.4.9).
func (t *Timeline) partTarget() time.Duration { return t.PartTarget + t.PartTarget/100 }

func ceilSeconds(d time.Duration) time.Duration { return (d + time.Second - 1) / time.Second }
