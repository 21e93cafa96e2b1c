package hls

import (
	"strconv"
	"sync/atomic"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
)

// cell keeps one playlist of a channel.
type cell struct {
	reply.Cell
	cache atomic.Pointer[[]string] // of answers to requests that were held
}

// body returns the newest version of the playlist, nil when there is nothing for it.
func (p *cell) body(c *Channel, k key) *reply.Body {
	return p.Get(c.Source, func(v *timeline.View) *reply.Body { return render(c, v, k) })
}

// held returns the Cache-Control of an answer to a request that named what it waits
// for: its content never changes.
func (p *cell) held(v *timeline.View) []string {
	if s := p.cache.Load(); s != nil {
		return *s
	}
	s := []string{"public, max-age=" + strconv.Itoa(ask.HoldTargets*max(1, v.TargetDuration))}
	p.cache.Store(&s)
	return s
}

// render makes a playlist of a view that has segments.
func render(c *Channel, v *timeline.View, k key) *reply.Body {
	if k.multivariant {
		start := ""
		if c.Start != nil {
			start = c.Start()
		}
		return renderMultivariant(v, k, start)
	}
	return renderMedia(c, v, k)
}
