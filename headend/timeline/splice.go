package timeline

import (
	"strconv"
	"time"

	"sigma/mux/psi"
	"sigma/mux/scte35"
)

// cue is what the timeline needs to know of a splice_info_section.
type cue struct {
	id        string
	kind      EventKind
	cancel    bool
	immediate bool
	timed     bool   // pts is known
	pts       uint64 // 33 bits, with pts_adjustment
	duration  time.Duration
	returns   bool // the break ends by itself after duration
}

// maxDescriptors bounds the cues of a section.
const maxDescriptors = 64

// readSplice returns the cues of a section. Commands that are no cue, encrypted ones
// and malformed ones have none.
func readSplice(b psi.Section) (cues []cue) {
	s, err := scte35.Parse(b)
	if err != nil {
		return nil
	}
	pts, timed := s.At()
	switch c := s.Command.(type) {
	case *scte35.Insert:
		x := cue{id: eventID(c.EventID), cancel: c.Cancel}
		if c.Cancel {
			return []cue{x}
		}
		x.kind, x.immediate = EventIn, c.Immediate
		if c.OutOfNetwork {
			x.kind = EventOut
		}
		if timed && !c.Immediate {
			x.pts, x.timed = pts, true
		}
		if c.Break != nil {
			x.duration, x.returns = ticks90(c.Break.Duration), c.Break.AutoReturn
		}
		return []cue{x}
	case *scte35.TimeSignal:
		for _, d := range s.Descriptors {
			d, ok := d.(*scte35.Segmentation)
			if !ok || len(cues) == maxDescriptors {
				continue
			}
			x := cue{id: eventID(d.EventID), cancel: d.Cancel, immediate: !timed, timed: timed, pts: pts}
			if d.Duration != nil {
				x.duration = ticks90(*d.Duration)
			}
			switch d.Kind() {
			case scte35.KindOut:
				x.kind = EventOut
			case scte35.KindIn:
				x.kind = EventIn
			case scte35.KindOther:
			}
			cues = append(cues, x)
		}
	default:
	}
	return cues
}

func eventID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func ticks90(n uint64) time.Duration {
	return time.Duration(n/90_000)*time.Second + time.Duration(n%90_000)*time.Second/90_000
}
