package timeline

import (
	"time"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Layout is the tracks of a run of segments. It is immutable; a change of tracks or
// of their formats makes a new one, and the first segment of it has Discontinuity.
type Layout struct {
	Tracks []*Track // video, then audio, then text; each kind in the order of the PMT
}

// Track returns the track with the given id, or nil.
func (l *Layout) Track(id string) *Track {
	for _, t := range l.Tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Track is one elementary stream of a Layout. It is immutable.
type Track struct {
	ID       string       // "v1", "a1", "t1": kind, and number within it from 1
	PID      flow.TrackID // in the transport stream; 0 for text that was made of captions
	Kind     flow.Kind
	Language string // ISO 639-2 code, empty when unknown
	Role     Role
	Format   es.Format

	// Timescale is the unit of the times and durations of this track per second: 90000
	// for video and text, the sampling rate for audio.
	Timescale uint32
	// Init is the CMAF header: ftyp and moov (ISO/IEC 23000-19 clause 7.3.1). Nil when
	// the track cannot be packaged so; Problem says why.
	Init []byte
	// InitName is a short name of Init made of its content: equal bytes, equal name, on
	// any box.
	InitName string
	Problem  string
}

// Role is the purpose of a track beside its language (ISO/IEC 23009-1 clause 5.8.5.5).
type Role uint8

// The roles.
const (
	RoleMain          Role = iota
	RoleAlternate          // another of the same kind and language
	RoleDescription        // audio description for the visually impaired
	RoleHardOfHearing      // captions, or clean audio
	RoleCommentary
)

// Media is the part of one track in one segment. It is immutable: of a segment that
// is being filled, every view has its own.
type Media struct {
	Track *Track
	// Time is the decode time of the first sample in Timescale: baseMediaDecodeTime.
	// It is the 33-bit DTS of the stream plus a multiple of 2^33 that brings it within
	// 13.3 hours of UTC since 1970 at the begin of the period, so that it needs no
	// memory, is the same in every box, and goes on over a wrap.
	Time     uint64
	Duration uint64 // in Timescale, of what is there so far; text lasts as long as its segment
	// Parts are in order, without gaps: their Data one after the other is the CMAF
	// segment. Audio and video only hold whole access units.
	Parts []*Part
	// Cues of a text track that are shown at any time during the segment. Those that go
	// on in the next are in both: whole when their end was known from the first, else
	// each has its part.
	Cues []Cue
	// Done says that nothing more comes: the segment is whole for this track.
	Done bool
	// Gap says that the track has nothing here although the others have.
	Gap bool
}

// Bytes returns the length of the CMAF segment.
func (m *Media) Bytes() int {
	n := 0
	for _, p := range m.Parts {
		n += len(p.Data)
	}
	return n
}

// Part is a run of samples that leaves at once: one CMAF chunk (ISO/IEC 23000-19
// clause 7.3.2.3), one partial segment of LL-HLS. It is immutable.
type Part struct {
	Time        uint64 // decode time of the first sample in Timescale
	Duration    uint64
	Independent bool   // begins with a random access point
	Data        []byte // moof and mdat; not to be written to
	Samples     []Sample
	// Ready is the moment the part was complete, on the monotonic clock of the packets.
	Ready time.Duration
}

// Sample is one access unit as it lies in Part.Data.
type Sample struct {
	Offset, Size int    // of its bytes in Part.Data
	Duration     uint32 // in Timescale
	Composition  int32  // PTS minus DTS, in Timescale
	Sync         bool   // random access point
}

// Cue is a text that is shown for a while. Its text is plain UTF-8 with lines parted
// by "\n"; the little markup there is (<b>, <i>, <u>) is that of WebVTT, and "&", "<"
// and ">" are escaped.
type Cue struct {
	Start, End flow.Ticks // media time, the same scale as Media.Time but at 27 MHz
	Text       string
	Line       int    // WebVTT line in percent of the height from above; 0 leaves it to the player
	Align      string // "", "start", "center", "end"
}

// Period is a run of segments on one time base. It is immutable; segments of a run
// share one. A new Period without Discontinuity anchors media time to UTC anew while
// the media goes on.
type Period struct {
	ID    string     // unique for ever in its channel, the same in every box: made of Start
	Start time.Time  // UTC of Media
	Media flow.Ticks // media time that Start belongs to
}

// UTC returns the UTC of a media time of the period.
func (p *Period) UTC(media flow.Ticks) time.Time { return p.Start.Add((media - p.Media).Duration()) }

// Event is a splice cue on the timeline (SCTE 35), or something alike that the API
// put there. It is immutable; a later one with the same ID adds what was not known.
type Event struct {
	ID       string        // of the event: splice_event_id or segmentation_event_id in decimal
	Kind     EventKind     //
	Time     flow.Ticks    // media time it takes effect
	UTC      time.Time     // the same
	Duration time.Duration // planned length of the break, 0 when unknown
	Section  []byte        // the whole splice_info_section, verbatim, with CRC
}

// EventKind says what an event does to the programme.
type EventKind uint8

// The kinds of event.
const (
	EventOther EventKind = iota // SCTE35-CMD
	EventOut                    // the programme is left: an avail begins
	EventIn                     // the programme comes back
)
