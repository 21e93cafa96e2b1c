package timeline

import (
	"slices"
	"strings"
	"time"
)

// Segment is one entry of the timeline. It is immutable.
type Segment struct {
	Name          string        // as FormatName, unique for ever in its channel
	Sequence      uint64        // media sequence number (RFC 8216 clause 3), one more than the entry before it
	Breaks        uint64        // discontinuity sequence number (RFC 8216 clause 6.2.1)
	Start         time.Time     // UTC of the first packet
	Duration      time.Duration // on the programme clock
	Discontinuity bool          // the time base, the tracks or the continuity break before it
	Independent   bool          // it begins with a random access point
	TS            Packets       // MPEG-2 transport stream that begins with PAT and PMT; not to be written to; nil while the segment is being filled

	Layout *Layout  // its tracks
	Period *Period  // its time base
	Media  []*Media // what each track of Layout has here, in that order
	Events []*Event // splice cues that take effect during the segment, or that were announced in it, by Time
	Done   bool     // whole for every track, and TS is set
}

// Track returns the media of a track by its id, or nil.
func (s *Segment) Track(id string) *Media {
	for _, m := range s.Media {
		if m.Track.ID == id {
			return m
		}
	}
	return nil
}

// Bytes returns how much memory the media of the segment takes.
func (s *Segment) Bytes() int {
	n := s.TS.Size()
	for _, m := range s.Media {
		n += m.Bytes()
	}
	return n
}

// View is the timeline at one moment. It is immutable, so that everything made of
// it can be kept until Changed.
type View struct {
	TargetDuration int        // seconds; no segment rounds to more; fixed for the life of the timeline, 0 while there is no segment
	Segments       []*Segment // the live window, oldest first; all Done
	Late           []*Segment // those before it that late clients may still fetch, oldest first
	// Open are the segments after Segments that are being filled, oldest first; of the
	// last, Name and Duration are not known. Some tracks may be Done where others wait.
	// Sequence and Breaks are final.
	Open []*Segment
	// PartTarget is the longest duration of a Part, fixed for the life of the timeline.
	// Every part but the last of a segment has at least 85 % of it, and none is longer,
	// unless frames are missing beside it. 0 makes one part of each segment.
	PartTarget    time.Duration
	Events        []*Event         // of the window and what is announced beyond it, by Time
	Rates         map[string]Rates // by Track.ID of the newest layout
	Peak, Average int64            // bit/s: of the fastest segment ever, and of the window
	Counters      Counters

	changed chan struct{}
}

// Rates are bit rates of a track with the overhead of CMAF, in bit/s.
type Rates struct {
	Peak    int64 // of the fastest segment ever
	Average int64 // of the window
}

// Counters are totals since the timeline was made.
type Counters struct {
	Segments   uint64 // published
	Breaks     uint64 // discontinuities
	Forced     uint64 // cut without a random access point, because none came in time
	Unclocked  uint64 // batches dropped because the programme clock was unknown
	SaveErrors uint64 // positions that Memory did not take
	LastError  string // of Memory
}

// Changed returns a channel that is closed when there is a newer view.
func (v *View) Changed() <-chan struct{} { return v.changed }

// Find returns the segment with the given name, or nil. Gone says that the name is
// older than all that is kept, so that it will never come back.
func (v *View) Find(name string) (s *Segment, gone bool) {
	for _, part := range [][]*Segment{v.Late, v.Segments} {
		i, ok := slices.BinarySearchFunc(part, name, func(s *Segment, n string) int { return strings.Compare(s.Name, n) })
		if ok {
			return part[i], false
		}
	}
	oldest := v.Late
	if len(oldest) == 0 {
		oldest = v.Segments
	}
	return nil, len(oldest) > 0 && name < oldest[0].Name
}

// Independent reports whether every segment of the window begins with a random
// access point.
func (v *View) Independent() bool {
	return !slices.ContainsFunc(v.Segments, func(s *Segment) bool { return !s.Independent })
}

// lateSegments is how many segments are kept beyond the live window.
const lateSegments = 2

// minWindow is the least length of the live window in target durations (RFC 8216
// clause 6.2.2).
const minWindow = 3

// next returns the view with s added and what no longer fits taken away.
func (v *View) next(s *Segment, count, maxBytes int) *View {
	all := slices.Concat(v.Late, v.Segments, []*Segment{s})
	first := len(all)
	var listed time.Duration
	for first > 0 && (len(all)-first < count || listed < time.Duration(minWindow*v.TargetDuration)*time.Second) {
		first--
		listed += all[first].Duration
	}
	keep, bytes := len(all), 0
	for keep > 0 && keep > first-lateSegments && (keep == len(all) || bytes+all[keep-1].Bytes() <= maxBytes) {
		keep--
		bytes += all[keep].Bytes()
	}
	first = max(first, keep)
	n := &View{
		TargetDuration: v.TargetDuration, Late: all[keep:first:first], Segments: all[first:],
		Peak: v.Peak, Counters: v.Counters, changed: make(chan struct{}),
	}
	n.rate(s)
	n.rateTracks(s, v.Rates)
	return n
}

// rate takes the rates of the window with its newest segment.
func (v *View) rate(s *Segment) {
	bits, length := int64(0), time.Duration(0)
	for _, s := range v.Segments {
		bits += int64(s.TS.Size()) * 8
		length += s.Duration
	}
	if length > 0 {
		v.Average = int64(float64(bits) / length.Seconds())
	}
	if s.Duration >= time.Second || v.Peak == 0 {
		v.Peak = max(v.Peak, v.Average, int64(float64(s.TS.Size()*8)/max(s.Duration.Seconds(), 0.1)))
	}
}

// rateTracks takes the rates of the tracks of the newest segment. before are those of
// the view before it.
func (v *View) rateTracks(s *Segment, before map[string]Rates) {
	v.Rates = make(map[string]Rates, len(s.Media))
	for i, m := range s.Media {
		bits, length := 0, 0.0
		for _, o := range v.Segments {
			if i < len(o.Media) && o.Media[i].Track == m.Track {
				bits += o.Media[i].Bytes() * 8
				length += o.Media[i].seconds()
			}
		}
		if length <= 0 {
			continue
		}
		r := Rates{Peak: before[m.Track.ID].Peak, Average: int64(float64(bits) / length)}
		if n := m.seconds(); n >= 1 || r.Peak == 0 {
			r.Peak = max(r.Peak, r.Average, int64(float64(m.Bytes()*8)/max(n, 0.1)))
		}
		v.Rates[m.Track.ID] = r
	}
}

// seconds returns how long the media lasts.
func (m *Media) seconds() float64 {
	if m.Track.Timescale == 0 {
		return 0
	}
	return float64(m.Duration) / float64(m.Track.Timescale)
}
