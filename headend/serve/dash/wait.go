package dash

import (
	"context"
	"sync"
	"time"

	"sigma/headend/timeline"
)

// pause returns true when there is a newer view than v, false when it is late or ctx
// has ended.
func pause(ctx context.Context, v *timeline.View, late <-chan struct{}) bool {
	select {
	case <-v.Changed():
		return true
	case <-late:
		return false
	case <-ctx.Done():
		return false
	}
}

// patience gives time limits to many with few timers: all that begin within an eighth
// of the limit share one.
type patience struct {
	mu    sync.Mutex
	limit time.Duration
	until time.Time
	late  chan struct{}
}

// after returns a channel that is closed after limit, or up to an eighth earlier.
func (p *patience) after(limit time.Duration) <-chan struct{} {
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

// holdTargets is how long a request is held at most, in target durations.
const holdTargets = 3

func hold(v *timeline.View) time.Duration {
	return holdTargets * time.Duration(max(1, v.TargetDuration)) * time.Second
}
