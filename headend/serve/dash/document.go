package dash

import (
	"slices"
	"strconv"
	"time"

	"sigma/headend/serve/ask"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// document is what an MPD says, kept for as long as it can be patched.
type document struct {
	id      string
	low     bool
	tracks  string // selector
	latency time.Duration
	attrs   []attribute // of MPD, that may change
	periods []*period
	publish time.Time
	newest  time.Time // UTC of the newest media in it
}

// attribute is an attribute of MPD.
type attribute struct{ name, value string }

// period is a Period element.
type period struct {
	id     string
	start  time.Duration // since 1970
	begun  time.Time
	media  flow.Ticks // presentationTimeOffset
	events []event
	sets   []*set
}

// set is an AdaptationSet.
type set struct {
	id       uint64
	follows  string        // Period@id that the set is continuous with; empty: none
	captions string        // language of closed captions, for the descriptor
	offset   time.Duration // availabilityTimeOffset; 0: there is none
	reps     []*representation
}

// representation is a Representation with its timeline.
type representation struct {
	track     *timeline.Track
	init      string // name of the header
	bandwidth int64
	runs      []run
}

// run is an S element: r+1 segments of d from t on.
type run struct {
	t, d uint64
	r    int
}

// end returns where the run ends.
func (s run) end() uint64 { return s.t + s.d*uint64(s.r+1) }

const (
	// patchTTL is for how long a version of an MPD can be patched.
	patchTTL = 30 * time.Second
	// latencyParts is the latency that is aimed at, in parts: one that is being made,
	// one on its way, and two in the buffer.
	latencyParts = 4
	minLatency   = time.Second
)

// build makes the document of a view; nil when there is nothing for it.
func (c *Channel) build(v *timeline.View, k key, id string) *document {
	d := &document{id: id, low: k.low && v.PartTarget > 0, tracks: k.tracks}
	if k.low {
		d.id += ":ll"
	}
	if k.tracks != "" {
		d.id += ":" + k.tracks
	}
	long := nominal(v)
	var depth time.Duration
	for _, s := range v.Segments {
		depth += s.Duration
	}
	update, delay := long, 3*long
	if d.low {
		d.latency = max(latencyParts*v.PartTarget, minLatency)
		update, delay = v.PartTarget, d.latency
	}
	d.attrs = []attribute{
		{"minimumUpdatePeriod", duration(update.Truncate(time.Millisecond))},
		{"timeShiftBufferDepth", duration(depth.Truncate(time.Second))},
		{"suggestedPresentationDelay", duration(delay)},
		{"minBufferTime", duration(min(long, delay))},
		// No segment rounds to more than the target duration.
		{"maxSegmentDuration", duration(time.Duration(v.TargetDuration)*time.Second + time.Second/2)},
	}
	list := c.memory.stretches(v, d.low)
	for i, p := range list {
		d.add(c, v, p, i == len(list)-1)
	}
	if len(d.periods) == 0 {
		return nil
	}
	d.place(v.Events)
	return d
}

// add adds a period, unless there is nothing in it, or not everything yet: the sets of a
// period are the same from its first version on.
func (d *document) add(c *Channel, v *timeline.View, p *stretch, newest bool) {
	out := &period{id: p.id, start: time.Duration(p.start.UnixNano()), begun: p.start, media: p.media}
	first := slices.Concat(p.segments, p.open)[0]
	var tracks []*timeline.Track
	for _, m := range first.Media {
		if packed(m.Track) && !m.Gap && ask.Names(d.tracks, m.Track.ID) {
			tracks = append(tracks, m.Track)
		}
	}
	for _, g := range group(tracks) {
		s := &set{id: setID(g[0])}
		if continues(p, g) {
			s.follows = p.before
		}
		if d.low && g[0].Kind != flow.KindText {
			s.offset = max(nominal(v)-v.PartTarget, 0)
		}
		for _, t := range g {
			r := &representation{track: t, runs: d.timeline(v, p, t.ID)}
			if len(r.runs) == 0 {
				return
			}
			_, r.init = header(t)
			r.bandwidth = c.memory.rate(v, p, t, newest)
			s.reps = append(s.reps, r)
			if at := p.start.Add((ticks(r.last(), t.Timescale) - p.media).Duration()); t.Kind != flow.KindText && at.After(d.newest) {
				d.newest = at
			}
		}
		if g[0].Kind == flow.KindVideo {
			s.captions = sound(tracks)
		}
		out.sets = append(out.sets, s)
	}
	if len(out.sets) > 0 {
		d.periods = append(d.periods, out)
	}
}

// last returns where the timeline ends.
func (r *representation) last() uint64 { return r.runs[len(r.runs)-1].end() }

// sound returns the language of the first audio track.
func sound(tracks []*timeline.Track) string {
	for _, t := range tracks {
		if t.Kind == flow.KindAudio && t.Language != "" {
			return t.Language
		}
	}
	return "und"
}

// continues reports whether the samples of all tracks meet exactly at the begin of a
// stretch.
func continues(p *stretch, tracks []*timeline.Track) bool {
	return !slices.ContainsFunc(tracks, func(t *timeline.Track) bool { return !slices.Contains(p.goesOn, t.ID) })
}

// timeline returns the segments of a track in a stretch. A segment lasts until the next
// begins.
func (d *document) timeline(v *timeline.View, p *stretch, id string) (runs []run) {
	var points []run
	add := func(t, long uint64) {
		if n := len(points); n > 0 && t > points[n-1].t {
			points[n-1].d = t - points[n-1].t
		}
		points = append(points, run{t: t, d: long})
	}
	for _, s := range p.segments {
		if m := s.Track(id); here(m) && m.Duration > 0 {
			add(earliest(m), m.Duration)
		}
	}
	for _, s := range p.open {
		t, long, whole := d.opened(v, s.Track(id), points)
		if long > 0 {
			add(t, long)
		}
		if !whole {
			break
		}
	}
	for _, s := range points {
		if n := len(runs); n > 0 && runs[n-1].d == s.d && runs[n-1].end() == s.t {
			runs[n-1].r++
			continue
		}
		runs = append(runs, s)
	}
	return runs
}

// opened returns where a segment that is being filled begins, and how long it will be if
// all goes on as it did; long is 0 when it cannot be told. Whole says that it is known.
func (d *document) opened(v *timeline.View, m *timeline.Media, before []run) (t, long uint64, whole bool) {
	if m == nil || !packed(m.Track) || m.Gap {
		return 0, 0, false
	}
	switch {
	case m.Track.Kind == flow.KindText:
		t = m.Time
	case len(m.Parts) > 0:
		t = earliest(m)
	case len(before) > 0:
		t = before[len(before)-1].end()
	default:
		return 0, 0, false
	}
	if m.Done {
		return t, m.Duration, true
	}
	return t, max(expected(v, m.Track, before), m.Duration), false
}

// expected returns how long the next segment of a track will be: as long as the one
// before, or as most. That of audio ends with a frame, so that it may be a frame more
// than what was expected of it; it is told long rather than short, because a client
// that looks for what follows a segment must not find the same again.
func expected(v *timeline.View, t *timeline.Track, before []run) uint64 {
	long := units(flow.FromDuration(nominal(v)), t.Timescale)
	if n := len(before); n > 0 && t.Kind != flow.KindAudio {
		return before[n-1].d
	}
	if frame := uint64(max(t.Format.FrameSamples, 0)); frame > 0 {
		long = (long + frame - 1) / frame * frame
	}
	return long
}

// fill sets the publishTime of a document that is not the same as the one before it:
// when its newest media was made, and in any case later.
func (d *document) fill(before time.Time) {
	d.publish = d.newest.Truncate(time.Millisecond)
	if !d.publish.After(before) {
		d.publish = before.Add(time.Millisecond)
	}
}

// patchURL returns the URL of the patch that follows this version, without token.
func (d *document) patchURL() string {
	u := "index.mpp?publishTime=" + date(d.publish)
	if d.low {
		u = "index.ll.mpp?publishTime=" + date(d.publish)
	}
	if d.tracks != "" {
		u += "&filter=tracks:" + d.tracks
	}
	return u
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}
