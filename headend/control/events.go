package control

import (
	"context"

	"sigma/headend/alarm"
)

// watchQueue is how many events wait for a watcher.
const watchQueue = 64

// Events lists the newest first; before 0 starts at the newest. At most MaxList
// are returned.
func (s *Service) Events(ctx context.Context, a Actor, before int64, limit int) ([]Event, error) {
	if err := s.allow(a, "Events"); err != nil {
		return nil, err
	}
	out, err := s.store.Events(ctx, before, clampLimit(limit))
	if err != nil {
		return nil, unavailable(err)
	}
	return out, nil
}

// Watch hands out events as they happen until ctx ends, and then closes the
// channel. A watcher that does not keep up loses the oldest and gets an Event of
// kind "lost".
func (s *Service) Watch(ctx context.Context, a Actor) (<-chan Event, error) {
	if err := s.allow(a, "Watch"); err != nil {
		return nil, err
	}
	w := &watcher{ch: make(chan Event, watchQueue)}
	s.watchMu.Lock()
	s.watchers[w] = struct{}{}
	s.watchMu.Unlock()
	context.AfterFunc(ctx, func() {
		s.watchMu.Lock()
		defer s.watchMu.Unlock()
		delete(s.watchers, w)
		close(w.ch)
	})
	return w.ch, nil
}

// watcher is one reader of events. Only publish sends to it, one at a time.
type watcher struct{ ch chan Event }

func (w *watcher) put(e Event) {
	select {
	case w.ch <- e:
		return
	default:
	}
	for range 2 { // room for e and for word of the loss
		select {
		case <-w.ch:
		default:
		}
	}
	w.ch <- Event{At: e.At, Kind: "lost"}
	w.ch <- e
}

// publish tells the watchers. It never waits for one.
func (s *Service) publish(e Event) {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	for w := range s.watchers {
		w.put(e)
	}
}

// event stores an event and tells the watchers. What it is about has happened, so
// an error is an alarm and not an answer.
func (s *Service) event(ctx context.Context, a Actor, kind, object, text string) {
	s.keepEvent(ctx, Event{At: s.now(), Kind: kind, Actor: a.Name, Object: object, Text: text})
}

func (s *Service) keepEvent(ctx context.Context, e Event) {
	id, err := s.store.AddEvent(context.WithoutCancel(ctx), e)
	s.alarms.Set(alarm.DatabaseFailed, "database", err != nil, errText(err))
	e.ID = id
	s.publish(e)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Record notes something that happened by itself, such as a switch of inputs. It
// never blocks; with 256 events waiting for the disk, further ones are shown to
// watchers but not stored.
func (s *Service) Record(kind, object, text string) {
	e := Event{At: s.now(), Kind: kind, Object: object, Text: text}
	select {
	case s.queue <- e:
	default:
		s.publish(e)
	}
}

// Run stores what was recorded until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case e := <-s.queue:
			s.keepEvent(ctx, e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
