package psi

import (
	"fmt"
	"slices"
	"time"
)

// ServiceRef names a service wherever it is.
type ServiceRef struct {
	OriginalNetworkID uint16
	TransportStreamID uint16
	ServiceID         uint16
}

// EIT is the event information table of one service (EN 300 468 clause 5.2.4):
// present and following events, or four days of a schedule.
type EIT struct {
	TableID     uint8 `text:"-"` // TableEITActual … TableEITScheduleOtherFinal
	Service     ServiceRef
	Version     uint8 // version_number, 0 to 31
	Next        bool  // current_next_indicator 0
	LastTableID uint8 `text:"%#02x"` // highest table_id in use for the service
	Parts       []EITPart
}

// EITPart is one section of an EIT.
type EITPart struct {
	Number      uint8 // section_number: 0 present, 1 following; or 8 times the segment and up
	SegmentLast uint8 // segment_last_section_number
	Events      []Event
}

// Event is one event of an EIT.
type Event struct {
	ID          uint16
	Start       UTC
	Duration    Duration
	Running     RunningStatus
	FreeCA      bool // free_CA_mode: some stream is scrambled
	Descriptors Descriptors
}

func isEIT(id uint8) bool { return id >= TableEITActual && id <= TableEITScheduleOtherFinal }

// ParseEIT parses sections of one version of an EIT, in order of section_number.
// A schedule leaves numbers out between its segments.
func ParseEIT(sections ...Section) (*EIT, error) {
	t := new(EIT)
	h, err := decodeSections(sections, isEIT, longOnly(func(s Section, c *coder) {
		part := EITPart{Number: s.Number()}
		was := *t
		t.codeFixed(c, &part)
		if len(t.Parts) > 0 && (was.Service != t.Service || was.LastTableID != t.LastTableID) {
			c.fail("sections of different sub-tables")
		}
		if len(t.Parts) > 0 && part.Number <= t.Parts[len(t.Parts)-1].Number {
			c.fail("section %d out of order", part.Number)
		}
		list(c, &part.Events, codeEvent)
		t.Parts = append(t.Parts, part)
	}))
	t.TableID, t.Service.ServiceID, t.Version, t.Next = h.TableID, h.Extension, h.Version, h.Next
	return orNil(t, err)
}

func (t *EIT) codeFixed(c *coder, p *EITPart) {
	bits(c, 16, &t.Service.TransportStreamID)
	bits(c, 16, &t.Service.OriginalNetworkID)
	bits(c, 8, &p.SegmentLast)
	bits(c, 8, &t.LastTableID)
}

func codeEvent(c *coder, e *Event) {
	bits(c, 16, &e.ID)
	c.fixed(e.Start[:])
	c.fixed(e.Duration[:])
	bits(c, 3, &e.Running)
	c.flag(&e.FreeCA)
	c.sized(12, func(c *coder) { c.descriptors(&e.Descriptors) })
}

// ID returns table_id.
func (t *EIT) ID() uint8 { return t.TableID }

// Sections builds one section for each part.
func (t *EIT) Sections() ([]Section, error) {
	if len(t.Parts) == 0 {
		return nil, fmt.Errorf("%s: no section", TableName(t.TableID))
	}
	out := make([]Section, 0, len(t.Parts))
	for i := range t.Parts {
		p := &t.Parts[i]
		h := Header{TableID: t.TableID, Extension: t.Service.ServiceID, Version: t.Version, Next: t.Next,
			Number: p.Number, Last: t.Parts[len(t.Parts)-1].Number}
		s, err := oneSection(h, func(c *coder) {
			t.codeFixed(c, p)
			list(c, &p.Events, codeEvent)
		})
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", p.Number, err)
		}
		out = append(out, s...)
	}
	return out, nil
}

// NewPresentFollowing returns the EIT present/following of a service. Either event
// may be nil: its section is sent without event.
func NewPresentFollowing(service ServiceRef, other bool, present, following *Event) *EIT {
	t := &EIT{TableID: TableEITActual, Service: service}
	if other {
		t.TableID = TableEITOther
	}
	t.LastTableID = t.TableID
	for i, e := range []*Event{present, following} {
		p := EITPart{Number: uint8(i), SegmentLast: 1}
		if e != nil {
			p.Events = []Event{*e}
		}
		t.Parts = append(t.Parts, p)
	}
	return t
}

// The geometry of an EIT schedule (TS 101 211 clause 4.1.4).
const (
	segmentLength   = 3 * time.Hour
	segmentSections = 8  // section numbers of a segment
	tableSegments   = 32 // segments of a table_id: four days
	scheduleTables  = 16
)

// NewSchedule returns the EIT schedule of a service: one EIT for each table_id in
// use, at least one. Segment 0 begins at 00:00 UTC of the day of now, so the
// schedule has to be built anew after midnight with new versions. Events that
// begin before that or 64 days later are left out, and so are those of segments
// that have passed. It fails if the events of three hours need more than eight
// sections, or if an event is not valid.
func NewSchedule(service ServiceRef, other bool, now time.Time, events []Event) ([]*EIT, error) {
	first := TableEITScheduleActual
	if other {
		first = TableEITScheduleOther
	}
	segments, last, err := scheduleSegments(now, events)
	if err != nil {
		return nil, err
	}
	tables := make([]*EIT, 0, last/tableSegments+1)
	for i := range last/tableSegments + 1 {
		t := &EIT{TableID: first + uint8(i), Service: service, LastTableID: first + uint8(last/tableSegments)}
		in := segments[i*tableSegments : (i+1)*tableSegments]
		for len(in) > 1 && len(in[len(in)-1]) == 0 {
			in = in[:len(in)-1]
		}
		for n, segment := range in {
			if err := t.addSegment(n, segment); err != nil {
				return nil, err
			}
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// scheduleSegments sorts the events into the segments from midnight of now and
// returns the last segment in use.
func scheduleSegments(now time.Time, events []Event) (segments [][]Event, last int, err error) {
	midnight := now.UTC().Truncate(day)
	segments = make([][]Event, scheduleTables*tableSegments)
	current := int(now.Sub(midnight) / segmentLength)
	for _, e := range events {
		start, ok := e.Start.Time(now)
		if !ok {
			return nil, 0, fmt.Errorf("event %d: start time is %v", e.ID, e.Start)
		}
		at := int(start.Sub(midnight) / segmentLength)
		if start.Before(midnight) || at < current || at >= len(segments) {
			continue
		}
		segments[at] = append(segments[at], e)
		last = max(last, at)
	}
	for _, s := range segments {
		slices.SortStableFunc(s, func(a, b Event) int {
			from, _ := a.Start.Time(now)
			to, _ := b.Start.Time(now)
			return from.Compare(to)
		})
	}
	return segments, last, nil
}

// addSegment appends the sections of segment n of the table.
func (t *EIT) addSegment(n int, events []Event) error {
	const fixed = 6
	entries, err := encodeEntries(events, codeEvent)
	if err != nil {
		return fmt.Errorf("%s: %w", TableName(t.TableID), err)
	}
	ends, err := group(entries, MaxPrivateSection-longHeader-crcSize-fixed)
	if err != nil {
		return fmt.Errorf("%s: %w", TableName(t.TableID), err)
	}
	if len(ends) > segmentSections {
		return fmt.Errorf("%s: segment %d needs %d sections, want at most %d: shorten the event descriptions",
			TableName(t.TableID), n, len(ends), segmentSections)
	}
	from, number := 0, uint8(n*segmentSections)
	for i, to := range ends {
		t.Parts = append(t.Parts, EITPart{
			Number:      number + uint8(i),
			SegmentLast: number + uint8(len(ends)-1),
			Events:      events[from:to:to],
		})
		from = to
	}
	return nil
}
