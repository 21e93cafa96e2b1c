package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/frames"
	"sigma/headend/supervise"
	"sigma/mux/flow"
)

// Frames is the frame face of a channel: a *frames.Face.
type Frames interface {
	Open(ctx context.Context) *frames.Reader
}

var errNoPicture = errors.New("the channel has no picture or sound that can be played yet")

// feed packs the tracks of one channel while it has viewers.
type feed struct {
	server *Server
	name   string
	source Frames
	users  int // sessions; guarded by Server.mu
	tasks  *supervise.Group
	ctx    context.Context

	mu      sync.Mutex
	tracks  []*track      // of the newest layout, video first
	groups  []*group      // of viewers
	opus    []*transcoder // audio made into Opus
	changed chan struct{} // closed when tracks or their problems change
	begun   bool          // a layout came
	ended   bool

	version atomic.Uint64 // counts changes of tracks

	base clockBase
	// anchor is a moment on both clocks, for sender reports.
	anchor struct {
		media flow.Ticks
		mono  time.Duration
	}
}

// start begins to read the channel.
func (f *feed) start(ctx context.Context) {
	f.ctx = ctx
	f.changed = make(chan struct{})
	f.tasks = supervise.NewGroup(ctx)
	f.tasks.Go(supervise.Task{Name: "frames of " + f.name, Run: f.run, Failed: func(err error, pause time.Duration) {
		f.server.Log.Error("frames for WebRTC stopped", "channel", f.name, "err", err, "again_in", pause)
	}})
}

// stop ends the feed and returns when nothing of it runs any more.
func (f *feed) stop() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.tasks.Stop()
}

// run packs what the channel has until ctx ends.
func (f *feed) run(ctx context.Context) error {
	from := f.source.Open(ctx)
	defer from.Close()
	var (
		items  = make([]flow.Item[flow.Frame], 64)
		layout *flow.Layout
		byPID  map[flow.TrackID]*track
	)
	for {
		n, err := from.Next(items)
		if err != nil {
			return fmt.Errorf("frames of %s: %w", f.name, err)
		}
		fresh := false
		for _, it := range items[:n] {
			if l := from.Layout(it.Epoch); l != layout {
				layout = l
				byPID = f.adopt(l)
			}
			if t := byPID[it.V.Track]; t != nil {
				fresh = f.take(t, byPID, it) || fresh
			}
		}
		clear(items[:n])
		if fresh {
			f.wake()
		}
	}
}

// take packs one frame.
func (f *feed) take(t *track, all map[flow.TrackID]*track, it flow.Item[flow.Frame]) bool {
	broken := it.Marks&(flow.Discontinuity|flow.Gap) != 0
	if broken {
		for _, o := range all {
			o.broken()
		}
	}
	at := f.base.at(it.V.PTS, it.Arrived, broken)
	if f.anchor.media == 0 {
		f.mu.Lock()
		f.anchor.media, f.anchor.mono = at, f.server.now()
		f.mu.Unlock()
	}
	if t.clock == 0 {
		f.transcode(t, it.V.Units, at)
		return false
	}
	before, judged := t.problem.Load(), t.judged()
	fresh := t.push(it.V.Units, at, it.V.PTS != it.V.DTS)
	if before != t.problem.Load() || judged != t.judged() {
		f.tell()
	}
	return fresh
}

// adopt makes tracks of a layout. Those that go on are kept.
func (f *feed) adopt(l *flow.Layout) map[flow.TrackID]*track {
	f.mu.Lock()
	defer f.mu.Unlock()
	byPID := map[flow.TrackID]*track{}
	var tracks []*track
	if l != nil {
		numbers := map[flow.Kind]int{}
		for _, kind := range []flow.Kind{flow.KindVideo, flow.KindAudio} {
			for _, in := range l.Tracks {
				if in.Kind != kind || len(tracks) == maxTracks || byPID[in.ID] != nil {
					continue
				}
				numbers[kind]++
				t := f.track(in, numbers[kind])
				tracks = append(tracks, t)
				byPID[in.ID] = t
			}
		}
		f.begun = true
	}
	f.tracks = tracks
	f.tellLocked()
	return byPID
}

// maxTracks bounds the tracks of a channel that are packed.
const maxTracks = 32

// track returns the track of an entry of the layout. The caller holds mu.
func (f *feed) track(in flow.Track, number int) *track {
	id := "a" + strconv.Itoa(number)
	size := f.server.history()
	if in.Kind == flow.KindVideo {
		id = "v" + strconv.Itoa(number)
	} else {
		size = min(size, audioHistory)
	}
	for _, t := range f.tracks {
		if t.pid == in.ID && t.codec == in.Codec && t.id == id {
			return t
		}
	}
	t := newTrack(id, in.ID, in.Codec, size)
	if t.clock == 0 {
		t.video = in.Kind == flow.KindVideo
		t.ring = nil
	}
	return t
}

// audioHistory is how many packets of sound are kept: 5 s of 20 ms.
const audioHistory = 256

// tell wakes who waits for tracks.
func (f *feed) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tellLocked()
}

func (f *feed) tellLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
	f.version.Add(1)
	f.wakeLocked()
}

// wake wakes the groups: there is something to send.
func (f *feed) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wakeLocked()
}

func (f *feed) wakeLocked() {
	for _, g := range f.groups {
		g.poke()
	}
}

// media returns the time on the clock of the feed of a moment.
func (f *feed) media(mono time.Duration) flow.Ticks {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.anchor.media + flow.FromDuration(mono-f.anchor.mono)
}

// rungs returns the video tracks of a codec that can be sent, the smallest first. Those
// whose rate is not known yet come in their order.
func (f *feed) rungs(c flow.Codec) []*track {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*track
	for _, t := range f.tracks {
		if t.video && t.codec == c && t.clock != 0 && t.trouble() == "" {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b *track) int { return cmp.Compare(a.rate.Load(), b.rate.Load()) })
	return out
}

// current returns the track with an id as it is now: another layout may have made it
// anew. Nil if there is none.
func (f *feed) current(id string, c flow.Codec) *track {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tracks {
		if t.id == id && t.codec == c {
			return t
		}
	}
	return nil
}

// offerable waits until it is known what of the channel can be sent, and returns it:
// video and audio tracks in the order of the layout. Tracks that cannot be sent have a
// problem or no clock.
func (f *feed) offerable(ctx context.Context) ([]*track, error) {
	for {
		f.mu.Lock()
		tracks, changed, begun := f.tracks, f.changed, f.begun
		f.mu.Unlock()
		ready := begun
		for _, t := range tracks {
			if t.video && t.clock != 0 && !t.judged() {
				ready = false
			}
		}
		if ready && len(tracks) > 0 {
			return tracks, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if usable := slices.DeleteFunc(slices.Clone(tracks), func(t *track) bool {
				return t.video && !t.judged()
			}); len(usable) > 0 {
				return usable, nil // a rung that never comes holds nobody up for longer
			}
			return nil, errNoPicture
		}
	}
}

// lost says why the channel cannot be played any more, or nothing.
func (f *feed) lost() string {
	if f.server.Lookup(f.name) != f.source {
		return "the channel went off air, or was configured anew"
	}
	return ""
}

// join puts a viewer into a group.
func (f *feed) join(v *viewer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	var least *group
	for _, g := range f.groups {
		if least == nil || g.count() < least.count() {
			least = g
		}
	}
	if least == nil || least.count() >= perGroup && len(f.groups) < f.server.groups() {
		least = newGroup(f)
		f.groups = append(f.groups, least)
		f.tasks.Go(supervise.Task{Name: "viewers of " + f.name, Run: least.run})
	}
	v.group = least
	least.add(v)
}

// leave takes a viewer out of its group.
func (f *feed) leave(v *viewer) {
	f.mu.Lock()
	g := v.group
	f.mu.Unlock()
	if g != nil {
		g.remove(v)
	}
}
