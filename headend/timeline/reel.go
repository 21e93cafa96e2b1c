package timeline

import (
	"bytes"
	"slices"
	"time"

	"sigma/headend/timeline/preamble"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/inspect"
	"sigma/mux/pes"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

const (
	// maxHold is how long batches wait for the tables, or for the end of a random access
	// point, before they are cut without: both come more often than twice a second.
	maxHold = flow.TicksPerSecond
	// maxHeld bounds the bytes that wait so.
	maxHeld = 16 << 20
	// maxSettle is how long the formats of all tracks are waited for when a time base
	// begins. Tracks without one are in the layout with the problem, and make another
	// layout when they have one.
	maxSettle = flow.TicksPerSecond
	// maxBehind is how far a track may be behind the begin of the next segment on the
	// programme clock; then its segment is closed without it.
	maxBehind = 3 * flow.TicksPerSecond
	// maxDrift is how far the dates of media time may be off the anchor before a period
	// begins that has them right.
	maxDrift = time.Second
	// maxFrames bounds the frames that wait for the formats when the clock stands still.
	maxFrames = 8192
	// maxDrafts bounds the segments being filled, whatever the clock says.
	maxDrafts = 8
	// silence is how long a leading track gives no frame until nobody waits for it.
	silence = 2 * flow.TicksPerSecond
)

// reel makes the tracks of the segments of one time base after the other: frames of
// the packets, samples of the frames, parts of the samples. It cuts where the cutter
// does. It is owned by Run.
type reel struct {
	timeline *Timeline
	tables   preamble.Tables
	section  psi.Section                // PMT the layout was made of
	sections [1 << 13]bool              // PIDs of cues
	cues     map[uint16]*psi.Assembler  // tracks with splice cues, by PID
	layout   *flow.Layout               // nil while unknown
	streams  []stream                   // of the layout
	demux    inspect.Demuxer            //
	lanes    []*lane                    // video and audio in the order of Layout
	byID     map[flow.TrackID]*lane     //
	listens  map[flow.TrackID]flow.Kind // tracks whose frames are kept
	lead     *lane                      // nil: none

	frames  []frame    // that no lane has taken
	awaited bool       // a random access point is on its way: its frame has await or later
	await   flow.Ticks // DTS
	arrived time.Duration
	stale   bool // the tracks are others now: the time base must be begun anew
	given   bool // the tables were not waited for any longer

	tracks  *Layout // of the segments to come; nil while it is not settled
	first   *draft  // of the time base
	since   flow.Ticks
	shift   flow.Ticks    // from stream time to media time
	period  *Period       //
	dated   time.Duration // offset of the anchor at the begin of period
	texts   texts
	events  events
	scratch scratch
}

// frame is an access unit on its way to its segment.
type frame struct {
	flow.Item[flow.Frame]
	lane   *lane      // nil: for text decoders only
	format *es.Format // at this frame
	sync   bool
	dts    flow.Ticks // decode time, also where the stream has none
}

func newReel(t *Timeline) *reel {
	return &reel{timeline: t}
}

// reset forgets the time base. The layout is learnt anew: whatever comes next may be
// another programme.
func (r *reel) reset() {
	*r = reel{timeline: r.timeline, period: r.period, events: r.events, scratch: r.scratch}
	r.events.reset()
}

// take learns from the next batch, which is the last in the queue of c, and reports
// whether the queue has to wait for more.
func (r *reel) take(c *cutter, it flow.Item[flow.Batch], clock flow.Ticks) bool {
	r.arrived = it.Arrived
	r.scan(it.V.Data, clock)
	full := c.queued > maxHeld || clock-c.queue[0].V.Clock > maxHold
	if r.layout == nil {
		r.learn(clock)
		if r.layout == nil {
			idle := !it.Marks.Has(flow.RandomAccess) || it.V.Clock == 0
			if c.open == nil && idle && len(c.queue) == 1 || r.given {
				return false
			}
			r.given = full
			return !full
		}
		for _, q := range c.queue {
			r.feed(q, clock)
		}
		return r.awaited && !full
	}
	r.feed(it, clock)
	if full {
		r.awaited = false
	}
	return r.awaited
}

// scan looks at the packets that are not of tracks.
func (r *reel) scan(data []byte, clock flow.Ticks) {
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		p := data[:ts.PacketSize:ts.PacketSize]
		pid := ts.PID(p)
		switch {
		case r.tables.Has(pid):
			r.tables.Push(p)
			if r.layout != nil {
				r.learn(clock)
			}
		case r.sections[pid]:
			r.cues[pid].Push(p, func(s psi.Section) { r.events.take(s, clock, r.shift, r.period) })
		case p[3]&0xC0 != 0:
			if l := r.byID[flow.TrackID(pid)]; l != nil {
				l.scrambled = true
			}
		}
	}
}

// learn takes a PMT that is new.
func (r *reel) learn(clock flow.Ticks) {
	m := r.tables.Map()
	if m == nil || r.section != nil && (&m[0] == &r.section[0] || bytes.Equal(m, r.section)) {
		return
	}
	r.section = m
	layout, streams, ok := readPMT(m)
	if !ok {
		return
	}
	if r.layout != nil {
		r.stale = r.stale || !slices.EqualFunc(r.layout.Tracks, layout.Tracks, func(a, b flow.Track) bool {
			return a.ID == b.ID && a.StreamType == b.StreamType && bytes.Equal(a.Info, b.Info)
		})
		return
	}
	r.layout, r.streams = layout, streams
	r.demux.SetLayout(layout)
	r.byID, r.listens, r.cues = map[flow.TrackID]*lane{}, map[flow.TrackID]flow.Kind{}, map[uint16]*psi.Assembler{}
	for i := range streams {
		s := &streams[i]
		switch {
		case s.Codec == flow.CodecSCTE35:
			r.sections[s.ID&ts.NullPID], r.cues[uint16(s.ID)] = true, new(psi.Assembler)
		case s.Kind == flow.KindText:
			r.listens[s.ID] = s.Kind
		case s.Kind != flow.KindData && r.byID[s.ID] == nil:
			l := &lane{reel: r, stream: s, follow: es.NewTrackFollower(&s.Track), seen: clock, first: r.first}
			r.byID[s.ID] = l
			r.listens[s.ID] = s.Kind
			r.lanes = append(r.lanes, l)
		}
	}
	slices.SortStableFunc(r.lanes, func(a, b *lane) int { return int(a.stream.Kind) - int(b.stream.Kind) })
	for i, l := range r.lanes {
		l.index = i
	}
	if len(r.lanes) > 0 {
		r.lead = r.lanes[0]
		r.lead.lead = true
	}
	r.since = clock
}

// feed makes frames of a batch.
func (r *reel) feed(it flow.Item[flow.Batch], clock flow.Ticks) {
	if it.Marks.Has(flow.RandomAccess) && r.lead != nil && clock-r.lead.seen < silence {
		if b := r.stamps(it.V); b.known {
			r.awaited, r.await = true, b.dts
		}
	}
	r.demux.Feed(it, func(f flow.Item[flow.Frame]) { r.frame(f, clock) })
}

// frame takes a frame and learns its format.
func (r *reel) frame(f flow.Item[flow.Frame], clock flow.Ticks) {
	kind, ok := r.listens[f.V.Track]
	if !ok {
		return
	}
	x := frame{Item: f, lane: r.byID[f.V.Track]}
	if kind != flow.KindText {
		l := x.lane
		if l.follow.Push(f.V.Units) {
			l.changed = true
		}
		l.seen = clock
		x.dts = l.follow.DTS(f.V.PTS, f.V.DTS)
		l.reordered = l.reordered || l.stream.Kind == flow.KindVideo && f.V.PTS != x.dts
		x.format = l.follow.Format()
		x.sync = l.stream.Kind == flow.KindAudio || l.follow.Sync(f.V.Units)
		if l.lead && f.V.DTS >= r.await {
			r.awaited = false
		}
	}
	r.frames = append(r.frames, x)
}

// stamps returns the stamps of the first frame of the leading track that begins in a
// batch.
func (r *reel) stamps(v flow.Batch) (b bound) {
	for data := v.Data; len(data) >= ts.PacketSize && !b.known; data = data[ts.PacketSize:] {
		b = r.begins(data[:ts.PacketSize], ts.PID(data), v.Clock)
	}
	return b
}

// begins returns the stamps of a frame of the leading track that begins in a packet.
func (r *reel) begins(p []byte, pid uint16, clock flow.Ticks) bound {
	if r.lead == nil || flow.TrackID(pid) != r.lead.stream.ID || !ts.PUSI(p) {
		return bound{}
	}
	h, err := pes.Parse(ts.Payload(p))
	if err != nil || !h.HasPTS {
		return bound{}
	}
	b := bound{pts: ts.UnwrapPTS(h.PTS, clock), known: true}
	b.dts = b.pts
	if h.HasDTS {
		b.dts = ts.UnwrapPTS(h.DTS, b.pts)
	}
	return b
}

// begin takes a segment that begins.
func (r *reel) begin(d *draft) {
	if d.base {
		r.first = d
		d.fresh = true
		for _, l := range r.lanes {
			l.first = d
		}
	}
	if r.tracks != nil {
		d.use(r)
	}
}

// date gives d, whose bound is known, its period.
func (r *reel) date(d *draft, a *anchor) {
	if d.base {
		wire := (d.bound.dts%flow.WrapTicks + flow.WrapTicks) % flow.WrapTicks
		r.shift = ts.UnwrapPTS(uint64(wire/flow.TicksPer90k), flow.FromDuration(d.name)) + wire%flow.TicksPer90k - d.bound.dts
		if d.bound.dts+r.shift < flow.WrapTicks/2 { // a clock that was never set: times must not be negative
			r.shift += flow.WrapTicks
		}
	}
	media := d.bound.pts + r.shift
	drift := a.offset - r.dated
	switch {
	case d.fresh || r.period == nil:
		r.period = &Period{ID: periodID(d.name), Start: d.segment.Start, Media: media}
		r.dated = a.offset
	case drift > maxDrift || drift < -maxDrift:
		r.period = &Period{ID: periodID(d.name), Start: r.period.UTC(media).Add(drift), Media: media}
		r.dated = a.offset
	}
	d.segment.Period = r.period
	r.events.begin(d, r.shift, r.period)
}

// changed reports whether other tracks begin with the random access point at b.
func (r *reel) changed(b bound) bool {
	if r.tracks == nil {
		return false
	}
	if r.given {
		return true // the segments so far have no tracks
	}
	if r.texts.grown(r) {
		return true
	}
	for _, l := range r.lanes {
		if l.changed && !l.lead {
			return true
		}
	}
	if r.lead == nil || !r.lead.changed {
		return false
	}
	for i := range r.frames {
		if f := &r.frames[i]; f.lane == r.lead && b.known && f.V.DTS >= b.dts {
			return true
		}
	}
	return false
}

// renew makes the layout of the formats known now, for d and those after it.
func (r *reel) renew(d *draft) {
	r.tracks = r.compose()
	d.use(r)
	if r.given {
		r.given, r.first = false, d
		for _, l := range r.lanes {
			l.first = d
		}
	}
}

// settle makes the first layout of a time base once it has all formats, or at once.
func (r *reel) settle(clock flow.Ticks, now bool) bool {
	if r.first == nil {
		return false
	}
	since := max(r.since, r.first.start)
	for _, l := range r.lanes {
		if l.follow.Format() == nil && l.packable() && !now && clock-since <= maxSettle {
			return false
		}
	}
	r.tracks = r.compose()
	if !r.given {
		for _, d := range r.timeline.drafts {
			if d.order >= r.first.order && d.media == nil {
				d.use(r)
			}
		}
	}
	return true
}

// assign gives the frames to their segments.
func (r *reel) assign(clock flow.Ticks) {
	if r.layout == nil {
		return
	}
	many := len(r.frames) > maxFrames
	if r.first == nil { // what is late by now is before any segment to come
		r.frames = slices.DeleteFunc(r.frames, func(f frame) bool { return f.V.PTS < clock || clock == 0 || many })
		return
	}
	if r.tracks == nil && !r.settle(clock, many) {
		return
	}
	for i := range r.frames {
		f := &r.frames[i]
		r.texts.push(f, r.shift)
		if f.lane != nil {
			f.lane.add(f)
		}
	}
	clear(r.frames)
	r.frames = r.frames[:0]
	for _, l := range r.lanes {
		l.expire(clock)
	}
	r.texts.expire(r, clock)
}

// flush takes what the demuxer still holds at the end of a time base.
func (r *reel) flush(clock flow.Ticks) {
	if r.layout == nil || r.first == nil {
		return
	}
	r.demux.Flush(func(f flow.Item[flow.Frame]) { r.frame(f, clock) })
	if r.tracks == nil {
		r.settle(clock, true)
	}
	r.assign(clock)
}

// close ends every track where it is.
func (r *reel) close() {
	for _, l := range r.lanes {
		l.close()
	}
}

// leave lets go of a segment that is whole: a track that comes later begins behind it.
// Each segment leads to the next, so the first that is kept keeps all.
func (r *reel) leave(d *draft) {
	if r.first == d && d.next != nil {
		r.first = d.next
	}
}

// passed reports whether all tracks are beyond d.
func (r *reel) passed(d *draft) bool {
	if d.media == nil {
		return r.given || r.first != nil && d.order < r.first.order
	}
	for _, l := range r.lanes {
		if at := l.position(); at != nil && at.order <= d.order && d.media[l.index].Track.Init != nil {
			return false
		}
	}
	return r.texts.passed(d)
}
