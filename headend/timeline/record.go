package timeline

import (
	"encoding/json"
	"fmt"
	"time"
)

// record is what must not go backwards over a restart (RFC 8216 clauses 6.2.1 and
// 6.2.2): the position after the last segment that anybody saw.
type record struct {
	Sequence       uint64        `json:"sequence"`        // of the last segment that was shown, 0 before the first
	Breaks         uint64        `json:"breaks"`          // its discontinuity sequence number
	Name           int64         `json:"name"`            // second in its name, Unix time
	End            time.Duration `json:"end"`             // UTC it ends at, nanoseconds since 1970
	Target         time.Duration `json:"target"`          // SegmentDuration the record was made with
	TargetDuration int           `json:"target_duration"` // seconds

	placed bool // this process has placed a segment: numbers go on by one
}

func (t *Timeline) key() string { return "timeline/" + t.Name }

// load takes the position over from the process before. A record that cannot be
// read is as good as none: then the numbers come from UTC alone, which is ahead of
// whatever was published.
func (t *Timeline) load() {
	if t.loaded {
		return
	}
	t.loaded = true
	if t.Memory == nil {
		return
	}
	b, err := t.Memory.Load(t.key())
	var r record
	if err == nil && b != nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		v := *t.View()
		v.Counters.LastError = fmt.Sprintf("position of %s: %v", t.Name, err)
		t.view.Store(&v)
		return
	}
	t.record = r
	if r.Target != t.SegmentDuration {
		t.record.TargetDuration = 0
	}
}

func (t *Timeline) save() error {
	t.record.Target = t.SegmentDuration
	if t.Memory == nil {
		return nil
	}
	b, err := json.Marshal(t.record)
	if err != nil {
		return err
	}
	return t.Memory.Save(t.key(), b)
}

// place returns the second in the name, the sequence number and the discontinuity
// sequence number of the segment that comes next, and moves the record behind it. at
// is the time its name tells. Sequence numbers count target durations since 1970, so
// that a box that lost its record, or a second box, finds numbers that fit; they never
// go back. Of a segment that is still being filled the record keeps where it begins.
func (r *record) place(at time.Duration, s *Segment, target time.Duration) (second int64, sequence, breaks uint64) {
	if s.Discontinuity {
		r.Breaks++
	}
	r.Sequence++
	if !r.placed {
		r.placed = true
		r.Sequence = max(r.Sequence, uint64(max(at/target, 1)))
	}
	r.Name = max(int64(at/time.Second), r.Name+1)
	r.End = max(r.End, time.Duration(s.Start.UnixNano())+s.Duration)
	return r.Name, r.Sequence, r.Breaks
}
