package scte35

import (
	"encoding/json"
	"fmt"
	"strings"
)

// MarshalJSON writes the command with its name.
func (s *Section) MarshalJSON() ([]byte, error) {
	type plain Section
	b, err := json.Marshal(&struct {
		Type string `json:"command_type,omitempty"`
		*plain
		Kinds []string `json:"descriptor_types,omitempty"`
	}{s.name(), (*plain)(s), s.kinds()})
	if err != nil {
		return nil, fmt.Errorf("splice_info_section: %w", err)
	}
	return b, nil
}

func (s *Section) name() string {
	if s.Command == nil {
		return ""
	}
	switch t := s.Command.Type(); t {
	case TypeNull:
		return "splice_null"
	case TypeSchedule:
		return "splice_schedule"
	case TypeInsert:
		return "splice_insert"
	case TypeTimeSignal:
		return "time_signal"
	case TypeBandwidth:
		return "bandwidth_reservation"
	case TypePrivate:
		return "private_command"
	default:
		return fmt.Sprintf("command %#02x", t)
	}
}

func (s *Section) kinds() (out []string) {
	for _, d := range s.Descriptors {
		switch d := d.(type) {
		case *Avail:
			out = append(out, "avail")
		case *Segmentation:
			out = append(out, "segmentation: "+TypeName(d.TypeID))
		default:
			out = append(out, fmt.Sprintf("descriptor %#02x", d.Tag()))
		}
	}
	return out
}

// String returns the section in one line for people; times in seconds, with
// pts_adjustment.
func (s *Section) String() string {
	var b strings.Builder
	if s.Encrypted != nil {
		return fmt.Sprintf("encrypted with algorithm %d, key %d", s.Encryption, s.CWIndex)
	}
	b.WriteString(s.name())
	switch c := s.Command.(type) {
	case *Insert:
		fmt.Fprintf(&b, " event %d", c.EventID)
		switch {
		case c.Cancel:
			b.WriteString(" cancelled")
		case c.OutOfNetwork:
			b.WriteString(" out")
		default:
			b.WriteString(" in")
		}
		if pts, ok := s.At(); ok {
			fmt.Fprintf(&b, " at %s", seconds(pts))
		}
		if c.Break != nil {
			fmt.Fprintf(&b, " for %s", seconds(c.Break.Duration))
		}
	case *TimeSignal:
		if pts, ok := s.At(); ok {
			fmt.Fprintf(&b, " at %s", seconds(pts))
		}
	default:
	}
	for _, d := range s.Descriptors {
		switch d := d.(type) {
		case *Avail:
			fmt.Fprintf(&b, "; avail %d", d.ProviderAvailID)
		case *Segmentation:
			d.text(&b)
		default:
			fmt.Fprintf(&b, "; descriptor %#02x", d.Tag())
		}
	}
	return b.String()
}

func (s *Segmentation) text(b *strings.Builder) {
	fmt.Fprintf(b, "; segmentation event %d", s.EventID)
	if s.Cancel {
		b.WriteString(" cancelled")
		return
	}
	fmt.Fprintf(b, " %s", TypeName(s.TypeID))
	if s.Duration != nil {
		fmt.Fprintf(b, " for %s", seconds(*s.Duration))
	}
	if len(s.UPID) > 0 {
		fmt.Fprintf(b, " upid %d:%x", s.UPIDType, s.UPID)
	}
	if s.SegmentsExpected > 0 {
		fmt.Fprintf(b, " %d/%d", s.SegmentNum, s.SegmentsExpected)
	}
}

func seconds(n uint64) string {
	return fmt.Sprintf("%d.%03d s", n/ticksPerTick, n%ticksPerTick/90)
}

// At returns the PTS that a section takes effect at, pts_adjustment added; false when
// it tells none. Of components it is that of the first.
func (s *Section) At() (pts uint64, ok bool) {
	var t Time
	switch c := s.Command.(type) {
	case *TimeSignal:
		t = c.Time
	case *Insert:
		t = c.Time
		for i := range c.Components {
			if !t.Known {
				t = c.Components[i].Time
			}
		}
	default:
	}
	return (t.PTS + s.PTSAdjustment) % PTSModulus, t.Known
}

// typeNames is the names of segmentation_type_id by their value (table 23): of the
// pairs, those that begin.
var typeNames = map[uint8]string{
	0x00: "not indicated", 0x01: "content identification", 0x02: "call ad server",
	0x10: "programme start", 0x11: "programme end", 0x12: "programme early termination",
	0x13: "programme breakaway", 0x14: "programme resumption", 0x15: "programme runover planned",
	0x16: "programme runover unplanned", 0x17: "programme overlap start", 0x18: "programme blackout override",
	0x19: "programme join", 0x50: "network start", 0x51: "network end",
	0x20: "chapter", 0x22: "break", 0x24: "opening credit", 0x26: "closing credit",
	0x30: "provider advertisement", 0x32: "distributor advertisement",
	0x34: "provider placement opportunity", 0x36: "distributor placement opportunity",
	0x38: "provider overlay placement opportunity", 0x3A: "distributor overlay placement opportunity",
	0x3C: "provider promo", 0x3E: "distributor promo", 0x40: "unscheduled event",
	0x42: "alternate content opportunity", 0x44: "provider ad block", 0x46: "distributor ad block",
}

// TypeName returns what a segmentation_type_id means.
func TypeName(id uint8) string {
	if name, ok := typeNames[id]; ok {
		if id >= 0x20 && id < 0x50 {
			name += " start"
		}
		return name
	}
	if name, ok := typeNames[id&^1]; ok && id >= 0x20 && id < 0x50 {
		return name + " end"
	}
	return fmt.Sprintf("type %#02x", id)
}
