package wire

import (
	"runtime"
	"sync"
	"time"
)

// Local sends from inside the daemon: the fallback where the wire process cannot be
// started. Its datagrams are late whenever the daemon is busy, by tens of
// milliseconds at worst, and outputs end with the daemon.
type Local struct {
	host *host
	wg   sync.WaitGroup
	stop chan struct{}
}

// NewLocal returns a sender whose thread runs until Close.
func NewLocal() *Local {
	e := newEngine(politeSleep)
	l := &Local{host: newHost(e), stop: make(chan struct{})}
	l.wg.Go(func() {
		runtime.LockOSThread() // the thread ends with the goroutine, and its scheduling class with it
		_ = realTime()
		e.run(false)
	})
	l.wg.Go(func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-l.stop:
				tick.Stop()
				return
			case <-tick.C:
				l.host.revive()
			}
		}
	})
	return l
}

// Open opens an output, in place of one with the same ID. The error wraps ErrSpec
// if spec is not usable; an interface that is missing is no error but shows in the
// counters and is tried again every second.
func (l *Local) Open(spec Spec) (*Output, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	client, fd, err := newRing(spec.slots())
	if err != nil {
		return nil, err
	}
	o := newOutput(spec, client, fd, l)
	sender, err := mapRing(fd)
	if err != nil {
		return nil, err
	}
	if err := l.host.open(spec, sender); err != nil {
		sender.unmap()
		return nil, err
	}
	return o, nil
}

func (l *Local) psiChanged(o *Output) { _ = l.host.setPSI(o.spec.ID, o.psi()) }

func (l *Local) closeOutput(o *Output) error {
	l.host.close(o.spec.ID)
	return nil
}

// Close ends all outputs and returns when the thread has ended.
func (l *Local) Close() {
	close(l.stop)
	l.host.end()
	l.wg.Wait()
}
