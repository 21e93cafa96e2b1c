package headend

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sigma/headend/alarm"
)

// databaseProbe tries the database every few seconds. The exported fields are
// arguments. A disk that hangs holds up run and nothing else: report says so.
type databaseProbe struct {
	Write  func(context.Context) (took time.Duration, err error)
	Alarms alarm.Reporter

	mu    sync.Mutex
	asked time.Time // zero while nothing is asked
	took  time.Duration
	err   error
}

// slowWrite is how long a small write may take.
const slowWrite = time.Second

// run tries the database, and then does what else needs it, until ctx ends.
func (p *databaseProbe) run(ctx context.Context, then func(context.Context)) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		p.mu.Lock()
		p.asked = time.Now()
		p.mu.Unlock()
		took, err := p.Write(ctx)
		if ctx.Err() != nil {
			return nil
		}
		p.mu.Lock()
		p.asked, p.took, p.err = time.Time{}, took, err
		p.mu.Unlock()
		p.report()
		then(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// report tells the alarms how the database is. It does not wait for it.
func (p *databaseProbe) report() {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := p.took
	if !p.asked.IsZero() {
		took = max(took, time.Since(p.asked))
	}
	p.Alarms.Set(alarm.DatabaseFailed, "database", p.err != nil, fmt.Sprint(p.err))
	p.Alarms.Set(alarm.DatabaseSlow, "database", p.err == nil && took > slowWrite, fmt.Sprintf("a write takes %v", took.Round(time.Millisecond)))
}
