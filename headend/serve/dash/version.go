package dash

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
)

// key names one MPD of a channel.
type key struct {
	low    bool
	tracks string // selector; empty for all
}

// version is one version of an MPD.
type version struct {
	doc   *document
	body  *reply.Body
	marks []mark
}

// cell keeps one MPD of a channel: its newest version, and of those before it what
// patches are made of. It is safe for concurrent use.
type cell struct {
	reply.Cell
	key key

	mu   sync.Mutex
	last *version
	same []byte      // last without its publishTime
	old  []*document // oldest first, last.doc among them
}

// maxOld bounds the versions that can be patched; more than are made in patchTTL.
const maxOld = 256

// get returns the newest version, nil when there is nothing for it.
func (p *cell) get(c *Channel, id string) *version {
	var v *version
	b := p.Get(c.Source, func(view *timeline.View) *reply.Body {
		v = p.render(c, view, id)
		if v == nil {
			return nil
		}
		return v.body
	})
	switch {
	case v != nil:
		return v
	case b == nil:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// render makes the version of a view: the last, if nothing has changed.
func (p *cell) render(c *Channel, view *timeline.View, id string) *version {
	d := c.build(view, p.key, id)
	if d == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var t text
	d.write(&t)
	if p.last != nil && bytes.Equal(t.b, p.same) {
		return p.last
	}
	same := bytes.Clone(t.b)
	var before time.Time
	if p.last != nil {
		before = p.last.doc.publish
	}
	d.fill(before)
	t = text{b: t.b[:0]}
	d.write(&t)
	cache := "public, max-age=1"
	if p.key.low {
		cache = "no-cache"
	}
	p.last, p.same = &version{doc: d, body: reply.NewBody(t.b, mpdType, cache), marks: t.marks}, same
	p.keep(d)
	return p.last
}

// keep remembers a version for patches, and forgets those that are too old.
func (p *cell) keep(d *document) {
	n := 0
	for n < len(p.old) && (len(p.old)-n >= maxOld || d.publish.Sub(p.old[n].publish) > patchTTL+patchTTL/2) {
		n++
	}
	p.old = append(p.old[n:len(p.old):len(p.old)], d)
}

// of returns the version of a publishTime, nil when it is not kept.
func (p *cell) of(at time.Time) *document {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.old {
		if d.publish.Equal(at) {
			return d
		}
	}
	return nil
}

// private returns the MPD with a token in its URLs. The copy is the caller's.
func (v *version) private(token string) []byte { return withToken(v.body.Text(), v.marks, token) }

func withToken(b []byte, marks []mark, token string) []byte {
	out := make([]byte, 0, len(b)+len(marks)*(len(token)+8))
	from := 0
	for _, m := range marks {
		out = append(out, b[from:m.at]...)
		from = m.at
		switch {
		case m.query:
			out = append(out, "&amp;"...)
		default:
			out = append(out, '?')
		}
		if m.template {
			token := strings.ReplaceAll(token, "$", "$$")
			out = append(out, token...)
			continue
		}
		out = append(out, token...)
	}
	return append(out, b[from:]...)
}
