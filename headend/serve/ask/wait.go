package ask

import (
	"context"
	"sync"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
)

// Pause returns true when there is a newer view than v, false when it is late or ctx
// has ended.
func Pause(ctx context.Context, v *timeline.View, late <-chan struct{}) bool {
	select {
	case <-v.Changed():
		return true
	case <-late:
		return false
	case <-ctx.Done():
		return false
	}
}

// Until returns true as soon as ready says so of the view, false when it is late or ctx
// has ended.
func Until(ctx context.Context, s reply.Source, late <-chan struct{}, ready func(*timeline.View) bool) bool {
	for {
		v := s.View()
		if ready(v) {
			return true
		}
		if !Pause(ctx, v, late) {
			return false
		}
	}
}

// Begun reports whether a view has segments.
func Begun(v *timeline.View) bool { return len(v.Segments) > 0 }

// HoldTargets is how long a request is held at most, in target durations
// (draft-pantos-hls-rfc8216bis clause 6.2.5.2).
const HoldTargets = 3

// Hold returns how long a request is held at most.
func Hold(v *timeline.View) time.Duration {
	return HoldTargets * time.Duration(max(1, v.TargetDuration)) * time.Second
}

// Patience gives time limits to many with few timers: all that begin within an eighth
// of the limit share one. The zero value is ready; it is safe for concurrent use and must
// not be copied.
type Patience struct {
	mu    sync.Mutex
	limit time.Duration
	until time.Time
	late  chan struct{}
}

// After returns a channel that is closed after limit, or up to an eighth earlier.
func (p *Patience) After(limit time.Duration) <-chan struct{} {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late == nil || p.limit != limit || p.until.Sub(now) < limit-limit/8 {
		late := make(chan struct{})
		time.AfterFunc(limit, func() { close(late) })
		p.late, p.limit, p.until = late, limit, now.Add(limit)
	}
	return p.late
}
