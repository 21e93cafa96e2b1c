package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"sigma/headend/control"
)

const (
	// maxResume is how many missed events a stream sends at most when it is resumed.
	maxResume = 1000
	// defaultInterval is the distance of states in a stream, in seconds.
	defaultInterval = 2
)

type watch struct {
	LastEventID int64 `header:"Last-Event-ID" minimum:"0" doc:"id of the last event received: those after it come first"`
	Interval    int   `query:"interval" default:"2" minimum:"1" maximum:"60" doc:"seconds between states"`
}

func (d door) events() {
	type events struct {
		Events []control.Event `json:"events"`
	}
	add(d, operation(http.MethodGet, "/events", "events_list", "List events, newest first"),
		func(ctx context.Context, a control.Actor, in *revisionPage) (*body[events], error) {
			l, err := d.Control.Events(ctx, a, in.Before, in.Limit)
			return &body[events]{events{list(l)}}, err
		})
	op := operation(http.MethodGet, "/events/stream", "events_stream", "Follow events and state as server-sent events")
	op.Responses = map[string]*huma.Response{"default": problemResponse(d.api)}
	sse.Register(d.api, op, map[string]any{"event": control.Event{}, "state": state{}},
		func(ctx context.Context, in *watch, send sse.Sender) { _ = d.follow(ctx, actor(ctx), in, send) })
}

// follow sends events and states until the client goes away or falls behind so far
// that a write fails.
func (d door) follow(ctx context.Context, a control.Actor, in *watch, send sse.Sender) error {
	live, err := d.Control.Watch(ctx, a)
	if err != nil {
		return err
	}
	last := in.LastEventID
	if last > 0 {
		missed, err := d.missed(ctx, a, last)
		if err != nil {
			return err
		}
		for _, e := range missed {
			if err := send(sse.Message{ID: int(e.ID), Data: e}); err != nil {
				return err
			}
			last = e.ID
		}
	}
	interval := in.Interval
	if interval == 0 {
		interval = defaultInterval
	}
	tick := time.NewTicker(time.Duration(interval) * time.Second)
	defer tick.Stop()
	for {
		s, err := d.Control.Snapshot(ctx, a)
		if err != nil {
			return err
		}
		if err := send.Data(stateOf(s)); err != nil {
			return err
		}
		if last, err = d.until(ctx, tick.C, live, last, send); err != nil {
			return err
		}
	}
}

// until sends live events until the next tick.
func (d door) until(ctx context.Context, tick <-chan time.Time, live <-chan control.Event, last int64, send sse.Sender) (int64, error) {
	for {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-tick:
			return last, nil
		case e, ok := <-live:
			if !ok {
				return last, context.Canceled
			}
			if e.ID != 0 && e.ID <= last {
				continue // it came with those that were missed
			}
			if err := send(sse.Message{ID: int(e.ID), Data: e}); err != nil {
				return last, err
			}
			last = max(last, e.ID)
		}
	}
}

// missed returns the events after the given one, oldest first, at most maxResume.
func (d door) missed(ctx context.Context, a control.Actor, after int64) ([]control.Event, error) {
	var out []control.Event
	for before := int64(0); len(out) < maxResume; {
		l, err := d.Control.Events(ctx, a, before, 100)
		if err != nil {
			return nil, err
		}
		for _, e := range l {
			if e.ID <= after {
				l = nil
				break
			}
			out = append(out, e)
			before = e.ID
		}
		if len(l) == 0 {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}
