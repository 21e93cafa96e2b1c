package timeline

import (
	"encoding/binary"
	"strconv"
	"time"

	"sigma/mux/psi"
)

// cue is what the timeline needs to know of a splice_info_section (SCTE 35 clause 9).
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

// Commands of a splice_info_section (SCTE 35 table 7), and the descriptor that tells
// what a time_signal is about (clause 10.3.3).
const (
	spliceInsert       = 0x05
	timeSignal         = 0x06
	segmentationTag    = 0x02
	segmentationFormat = "CUEI"
	maxDescriptors     = 64
)

// reader reads bytes in order; beyond the end it reads zeros and remembers.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short = true
		r.b = nil
		return make([]byte, min(n, 8))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// spliceTime reads splice_time (clause 9.4.1).
func (r *reader) spliceTime() (pts uint64, timed bool) {
	first := r.u8()
	if first&0x80 == 0 {
		return 0, false
	}
	return uint64(first&1)<<32 | uint64(r.u32()), true
}

// readSplice returns the cues of a section that Check accepts. Commands that are no
// cue, encrypted ones and malformed ones have none.
func readSplice(s psi.Section) []cue {
	if s.TableID() != psi.TableSpliceInfo || s.Check() != nil {
		return nil
	}
	r := reader{b: s.Body()}
	r.u8() // protocol_version
	first := r.u8()
	adjust := uint64(first&1)<<32 | uint64(r.u32())
	r.u8() // cw_index
	r.u8() // tier
	length := int(r.u16() & 0x0FFF)
	command := r.u8()
	if r.short || first&0x80 != 0 {
		return nil
	}
	body := &r
	if length != 0x0FFF { // else it is not told: what is read is what there is
		inner := reader{b: r.take(length)}
		body = &inner
	}
	var cues []cue
	switch command {
	case spliceInsert:
		if c, ok := body.insert(); ok {
			cues = append(cues, c)
		}
	case timeSignal:
		pts, timed := body.spliceTime()
		if body.short || r.short {
			return nil
		}
		cues = r.segmentations(cue{pts: pts, timed: timed, immediate: !timed})
	}
	for i := range cues {
		cues[i].pts = (cues[i].pts + adjust) & (1<<33 - 1)
	}
	return cues
}

// insert reads splice_insert (clause 9.3.3).
func (r *reader) insert() (c cue, ok bool) {
	c.id = strconv.FormatUint(uint64(r.u32()), 10)
	if r.u8()&0x80 != 0 {
		c.cancel = true
		return c, !r.short
	}
	flags := r.u8()
	c.kind = EventIn
	if flags&0x80 != 0 {
		c.kind = EventOut
	}
	program, timedBreak := flags&0x40 != 0, flags&0x20 != 0
	c.immediate = flags&0x10 != 0
	if program && !c.immediate {
		c.pts, c.timed = r.spliceTime()
	}
	if !program {
		for range r.u8() {
			r.u8() // component_tag
			if c.immediate {
				continue
			}
			if pts, timed := r.spliceTime(); timed && !c.timed {
				c.pts, c.timed = pts, true
			}
		}
	}
	if timedBreak {
		first := r.u8()
		c.returns = first&0x80 != 0
		c.duration = ticks90(uint64(first&1)<<32 | uint64(r.u32()))
	}
	return c, !r.short
}

// segmentations reads the segmentation descriptors of a time_signal that takes effect
// as t says.
func (r *reader) segmentations(t cue) (cues []cue) {
	loop := reader{b: r.take(int(r.u16()))}
	for range maxDescriptors {
		if len(loop.b) < 2 {
			break
		}
		tag := loop.u8()
		d := reader{b: loop.take(int(loop.u8()))}
		if tag != segmentationTag || len(d.b) < 4 || string(d.take(4)) != segmentationFormat {
			continue
		}
		if c, ok := d.segmentation(t); ok {
			cues = append(cues, c)
		}
	}
	return cues
}

func (r *reader) segmentation(c cue) (cue, bool) {
	c.id = strconv.FormatUint(uint64(r.u32()), 10)
	if r.u8()&0x80 != 0 {
		c.cancel = true
		return c, !r.short
	}
	flags := r.u8()
	if flags&0x80 == 0 { // not of the whole programme
		for range r.u8() {
			r.take(6)
		}
	}
	if flags&0x40 != 0 {
		b := r.take(5)
		c.duration = ticks90(uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:])))
	}
	r.u8()                // segmentation_upid_type
	r.take(int(r.u8()))   // segmentation_upid
	switch t := r.u8(); { // segmentation_type_id, table 23
	case t == 0x22, t >= 0x30 && t <= 0x3A && t&1 == 0, t == 0x44, t == 0x46:
		c.kind = EventOut
	case t == 0x23, t >= 0x31 && t <= 0x3B && t&1 == 1, t == 0x45, t == 0x47:
		c.kind = EventIn
	default:
		c.kind = EventOther
	}
	return c, !r.short
}

func ticks90(n uint64) time.Duration {
	return time.Duration(n/90_000)*time.Second + time.Duration(n%90_000)*time.Second/90_000
}
