package timeline

import (
	"math"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// lane makes the samples of one track. It has one sample in hand, whose duration the
// next one tells.
type lane struct {
	reel      *reel
	index     int // in Layout.Tracks
	stream    *stream
	lead      bool
	follow    *es.Follower
	changed   bool       // the format is not that of the layout
	scrambled bool       // packets were
	reordered bool       // PTS and DTS differed
	seen      flow.Ticks // clock of the newest frame

	at    *draft // being filled; nil: none yet
	first *draft // to be filled first, when at is nil
	dead  bool   // no frame came for too long: nobody waits
	match match
	hand  hand
	last  uint32 // duration of the sample before
	part  builder
}

// match remembers that a format fits a track.
type match struct {
	format *es.Format
	track  *Track
}

// hand is a sample whose duration is not known.
type hand struct {
	held        bool
	time        uint64
	composition int32
	sync        bool
	units       [][]byte
}

// position returns the segment the lane is in, or waits for.
func (l *lane) position() *draft {
	if l.at != nil {
		return l.at
	}
	return l.first
}

// following returns the segment the lane enters next.
func (l *lane) following() *draft {
	if l.at != nil {
		return l.at.next
	}
	return l.first
}

// passes reports whether d begins with f, or before it, for this track. A segment that
// was cut without a random access point is entered by all video at the same time.
func (l *lane) passes(f *frame, d *draft) bool {
	b := d.bound
	switch {
	case !b.known || d.media == nil:
		return false
	case l.stream.Kind == flow.KindVideo && (l.lead || !d.segment.Independent):
		return f.V.DTS >= b.dts
	case l.stream.Kind == flow.KindVideo:
		return f.sync && f.V.PTS >= b.pts
	}
	return f.V.PTS >= b.pts
}

// add takes the next frame of the track. Those before the first segment are dropped,
// and those that do not fit the layout, until there is one that they fit.
func (l *lane) add(f *frame) {
	l.dead = false
	d, enter := l.at, (*draft)(nil)
	for n := l.following(); n != nil && l.passes(f, n); n = n.next {
		d, enter = n, n
	}
	if d == nil || d.media == nil {
		return
	}
	m := d.media[l.index]
	if m.Track.Init == nil || !l.fits(f.format, m.Track) {
		return
	}
	t, ok := l.time(f, m.Track, enter != nil)
	if !ok {
		return
	}
	if l.hand.held {
		l.complete(uint32(min(t-l.hand.time, math.MaxUint32)))
	}
	if enter != nil {
		for o := l.position(); o != enter; o = o.next {
			l.leave(o)
		}
		l.at, l.first = enter, nil
		m.Time = t
	}
	shown := ticksTo(f.V.PTS+l.reel.shift, m.Track.Timescale)
	composition := int64(shown - t)
	if l.stream.Kind == flow.KindAudio {
		composition = 0
	}
	l.hand = hand{
		held: true, time: t, sync: f.sync, units: f.V.Units,
		composition: int32(min(max(composition, math.MinInt32), math.MaxInt32)),
	}
}

// fits reports whether a decoder set up for the track takes a frame of a format.
func (l *lane) fits(f *es.Format, t *Track) bool {
	if f == nil {
		return false
	}
	if l.match.format != f || l.match.track != t {
		if !f.Same(&t.Format) {
			return false
		}
		l.match = match{f, t}
	}
	return true
}

// time returns the decode time of a frame. That of video is what the stream says,
// but never runs backwards. Audio runs on by the length of its frames, because their
// stamps are rounded; it follows its stamps where they are off by more than half a
// frame, and in any case at the begin of a segment, so that the time of a segment does
// not depend on what a box has seen before. What is missing then lengthens the sample
// before: a hole would leave a hole in the buffer of a player, where it stops. What
// comes twice is dropped.
func (l *lane) time(f *frame, t *Track, begin bool) (at uint64, ok bool) {
	h := &l.hand
	if l.stream.Kind == flow.KindVideo {
		at = ticksTo(f.dts+l.reel.shift, t.Timescale)
		if h.held && at <= h.time {
			at = h.time + 1
		}
		return at, true
	}
	at = ticksTo(f.V.PTS+l.reel.shift, t.Timescale)
	if !h.held {
		return at, true
	}
	if length := uint64(l.nominal(t)); !begin {
		run := h.time + length
		switch {
		case at+length/2 < run:
			return 0, false
		case at <= run+length/2:
			at = run
		}
	}
	return at, at > h.time
}

// nominal returns how long a frame lasts when no other follows.
func (l *lane) nominal(t *Track) uint32 {
	f := &t.Format
	switch {
	case l.stream.Kind == flow.KindAudio && f.FrameSamples > 0:
		return uint32(f.FrameSamples)
	case l.stream.Kind == flow.KindVideo && f.RateNum > 0 && f.RateDen > 0:
		return max(uint32(int64(t.Timescale)*int64(f.RateDen)/int64(f.RateNum)), 1)
	case l.last > 0:
		return l.last
	case l.stream.Kind == flow.KindAudio:
		return 1024
	}
	return t.Timescale / 25
}

// complete gives the sample in hand its duration, and closes the part before it or
// behind it when that is full.
func (l *lane) complete(d uint32) {
	h := &l.hand
	track := l.at.media[l.index].Track
	limit := uint64(l.reel.timeline.partTarget().Seconds() * float64(track.Timescale))
	if limit > 0 && !l.part.empty() && l.part.duration+uint64(d) > limit {
		l.cut()
	}
	if l.part.empty() {
		l.part.begin(h.time)
	}
	at := len(l.part.buf)
	l.part.buf = l.follow.AppendSample(l.part.buf, h.units)
	l.part.add(Sample{Offset: at, Size: len(l.part.buf) - at, Duration: d, Composition: h.composition, Sync: h.sync})
	l.last = d
	*h = hand{}
	// Another like it would be too many: there is no need to wait for it.
	if n := l.part.duration; limit > 0 && n+uint64(d) > limit && n*100 >= limit*minPart {
		l.cut()
	}
}

// minPart is how much of the longest part every part has, but for the last of a
// segment, in percent.
const minPart = 85

// cut ends the part in the making.
func (l *lane) cut() {
	if l.part.empty() {
		return
	}
	r, d := l.reel, l.at
	r.timeline.place(d)
	m := d.media[l.index]
	p := l.part.end(&r.scratch, d.segment.Sequence, len(m.Parts))
	p.Ready = r.arrived
	m.Parts = append(m.Parts, p)
	m.Duration += p.Duration
	r.timeline.dirty = true
}

// leave ends d for this track, which has something there only when it was in it.
func (l *lane) leave(d *draft) {
	if l.at == d {
		l.cut()
	}
	m := d.media[l.index]
	m.Done = true
	if len(m.Parts) == 0 {
		m.Gap = true
		if m.Track.Timescale > 0 {
			m.Time = ticksTo(d.bound.pts+l.reel.shift, m.Track.Timescale)
			if d.next != nil && d.next.bound.known {
				m.Duration = ticksTo(d.next.bound.pts+l.reel.shift, m.Track.Timescale) - m.Time
			}
		}
	}
	l.reel.timeline.dirty = l.reel.timeline.dirty || d.placed
}

// finish completes the sample in hand without knowing what follows.
func (l *lane) finish() {
	if l.hand.held {
		l.complete(l.nominal(l.at.media[l.index].Track))
	}
}

// expire leaves segments that wait for the track in vain.
func (l *lane) expire(clock flow.Ticks) {
	for {
		d := l.position()
		if d == nil || d.next == nil || d.media == nil {
			return
		}
		none := d.media[l.index].Track.Init == nil
		late := clock-d.next.start > maxBehind || len(l.reel.timeline.drafts) > maxDrafts
		if !none && !late && !l.dead {
			return
		}
		l.finish()
		l.leave(d)
		l.at, l.first = nil, d.next
		l.dead = l.dead || late
	}
}

// close ends the track at the end of the time base.
func (l *lane) close() {
	l.finish()
	for d := l.position(); d != nil && d.media != nil; d = d.next {
		l.leave(d)
	}
	l.at, l.first = nil, nil
}

// ticksTo converts media time to units of a timescale, rounding to the nearest.
func ticksTo(t flow.Ticks, timescale uint32) uint64 {
	s, rest := t/flow.TicksPerSecond, t%flow.TicksPerSecond
	return uint64(s)*uint64(timescale) + (uint64(rest)*uint64(timescale)+flow.TicksPerSecond/2)/flow.TicksPerSecond
}
