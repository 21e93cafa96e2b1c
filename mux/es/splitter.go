package es

import (
	"sigma/mux/flow"
	"sigma/mux/pes"
)

// maxJoins bounds over how many PES packets an access unit may stretch. With PES
// packets of the largest bounded length that is far beyond pes.MaxPacket; it keeps
// a stream without any border from being scanned again for ever.
const maxJoins = 1024

// AccessUnit is one coded picture or audio frame.
type AccessUnit struct {
	PTS, DTS flow.Ticks // of its own, or counted on from the one before; DTS is never later
	Units    [][]byte   // NAL units without start codes; otherwise the whole unit; immutable
	Access   bool       // a decoder can start here: always so for audio
	Corrupt  bool       // bytes are missing in it or before it
	Timed    bool       // PTS and DTS are known
}

// Times are the time stamps of a PES packet, unwrapped.
type Times struct {
	PTS, DTS flow.Ticks
	Valid    bool // the packet has a PTS
}

// stamp is a time that counts for the first access unit that begins at or after a
// position in the same PES packet.
type stamp struct {
	at int
	Times
}

// Splitter cuts the PES packets of one track into access units. It is for one
// goroutine; make one with NewSplitter.
type Splitter struct {
	cutter cutter // nil: a PES packet is an access unit
	row    *row

	buf    []byte  // what is open: the begin of an access unit
	open   span    // the same, cut
	stamps []stamp // of the PES packets in buf, in order
	bad    bool    // buf is damaged

	last AccessUnit // handed out before
	prev span
}

// NewSplitter returns a splitter for a codec.
func NewSplitter(c flow.Codec) *Splitter {
	s := &Splitter{row: of(c)}
	if s.row.cut != nil {
		s.cutter = s.row.cut()
	}
	return s
}

// Begin tells that a PES packet whose payload begins with head is on its way, before
// Push is called for it: an access unit that waits for its end is emitted at once if
// head begins another one. Calling it is not needed, but saves a packet of delay.
func (s *Splitter) Begin(head []byte, emit func(*AccessUnit)) {
	if s.cutter != nil && len(s.open.units) > 0 && s.cutter.begins(head) {
		s.Flush(emit)
	}
}

// Push cuts the next PES packet and calls emit for every access unit that ended. The
// payload is copied once; Units are sub-slices of the copy. The AccessUnit itself is
// lent until emit returns.
func (s *Splitter) Push(p *pes.Packet, t Times, emit func(*AccessUnit)) {
	if s.cutter == nil {
		b := p.AppendTo(make([]byte, 0, p.Bytes))
		s.last = AccessUnit{PTS: t.PTS, DTS: t.DTS, Units: [][]byte{b}, Timed: t.Valid, Corrupt: p.Corrupt, Access: s.row.kind != flow.KindVideo}
		emit(&s.last)
		return
	}
	if len(s.stamps) >= maxJoins || len(s.buf)+p.Bytes > 2*pes.MaxPacket {
		s.buf, s.stamps, s.bad = nil, s.stamps[:0], true
	}
	s.bad = s.bad || p.Corrupt
	s.stamps = append(s.stamps, stamp{len(s.buf), t})
	if len(s.buf) == 0 {
		s.buf = make([]byte, 0, p.Bytes)
	}
	s.buf = p.AppendTo(s.buf)
	s.open = span{}
	rest := len(s.buf)
	for _, sp := range s.cutter.cut(s.buf) {
		if sp.open {
			s.open, rest = sp, sp.begin
			break
		}
		s.emit(sp, emit)
	}
	s.trim(rest)
	if rest > 0 {
		s.bad = p.Corrupt
	}
}

// trim lets go of the first n bytes of buf, and of the stamps that count for nothing
// after them.
func (s *Splitter) trim(n int) {
	keep := 0
	for i := range s.stamps {
		if s.stamps[i].at <= n {
			keep = i
		}
		s.stamps[i].at -= n
	}
	s.stamps = append(s.stamps[:0], s.stamps[keep:]...)
	s.buf = s.buf[n:]
	s.open.begin, s.open.end, s.open.second = 0, s.open.end-n, max(s.open.second-n, 0)
	if len(s.buf) == 0 {
		s.stamps = s.stamps[:0]
	}
}

// stamped takes the time stamp of an access unit, if it is the first that begins in
// its PES packet. Time stamps of what it was joined from count for no other.
func (s *Splitter) stamped(sp span) (t Times) {
	for i := len(s.stamps) - 1; i >= 0; i-- {
		st := &s.stamps[i]
		switch {
		case st.at > sp.begin && sp.late && st.at < sp.end:
			if st.Valid && !t.Valid {
				t = st.Times
				t.DTS = t.PTS
			}
			st.Valid = false
		case st.at > sp.begin && st.at <= sp.second:
			st.Valid = false
		case st.at <= sp.begin:
			if !t.Valid {
				t = st.Times
			}
			st.Valid = false
			return t
		}
	}
	return t
}

// Flush emits the access unit that waits for its end, as at the end of the stream.
func (s *Splitter) Flush(emit func(*AccessUnit)) {
	if len(s.open.units) > 0 {
		s.emit(s.open, emit)
	}
	s.buf, s.open, s.stamps, s.bad = nil, span{}, s.stamps[:0], false
}

func (s *Splitter) emit(sp span, emit func(*AccessUnit)) {
	au := AccessUnit{Units: sp.units, Access: sp.access, Corrupt: s.bad || sp.damaged}
	switch t := s.stamped(sp); {
	case t.Valid:
		au.PTS, au.DTS, au.Timed = t.PTS, t.DTS, true
	case s.last.Timed:
		au.DTS = s.last.DTS + s.cutter.period(s.prev)
		au.PTS, au.Timed = au.DTS, true
	}
	s.bad = false
	s.prev, s.last = sp, au
	emit(&s.last)
}

// span is an access unit found in a run of bytes.
type span struct {
	begin, end int
	units      [][]byte
	period     flow.Ticks // audio: duration
	access     bool
	damaged    bool // bytes before it made no sense
	open       bool // it may not end where the bytes do; no units: it does not
	second     int  // where the second field of the frame begins, 0 if it has none
	late       bool // the last time stamp in it counts, not the first
}

// cutter finds access units.
type cutter interface {
	// begins reports whether an access unit begins where head does.
	begins(head []byte) bool
	// cut returns the access units of b in order, the open one last. The result is
	// valid until the next call.
	cut(b []byte) []span
	// period returns the time from sp, the access unit cut last, to the next.
	period(sp span) flow.Ticks
}

// nalClass is what a NAL unit means for the border of access units.
type nalClass uint8

const (
	nalOther  nalClass = iota // never begins an access unit
	nalBefore                 // begins one if it follows a slice
	nalFirst                  // first slice of a picture
	nalMore                   // another slice of it
)

// nalCutter cuts H.264 and HEVC.
type nalCutter struct {
	class  func(nal []byte) nalClass
	access func(units [][]byte) bool
	sps    func(nal []byte) bool
	format func(sps, first []byte) flow.Ticks
	field  func(sps, first []byte) field // nil: there are none, or each is an access unit

	spans   []span
	units   [][]byte // scratch
	set     []byte   // newest SPS
	lone    field    // of the span added last, if it waits for a second one
	waiting bool     // the open span is not whole, whatever comes next
}

func (c *nalCutter) begins(head []byte) (yes bool) {
	if c.waiting {
		return false
	}
	nalus(head, func(at int, nal []byte, _ bool) bool {
		k := c.class(nal)
		yes = at == 0 && len(nal) >= 2 && (k == nalBefore || k == nalFirst)
		return false
	})
	return yes
}

func (c *nalCutter) cut(b []byte) []span {
	c.spans = c.spans[:0]
	c.units = c.units[:0]
	c.lone = field{}
	begin, pictured := -1, false
	nalus(b, func(at int, nal []byte, _ bool) bool {
		k := c.class(nal)
		if (k == nalBefore || k == nalFirst) && pictured {
			c.add(begin, at, false)
			begin, pictured = -1, false
		}
		if begin < 0 {
			if k == nalMore || k == nalOther {
				return true // the begin of this picture was not seen
			}
			begin = at
		}
		pictured = pictured || k == nalFirst || k == nalMore
		c.units = append(c.units, nal)
		return true
	})
	if begin >= 0 {
		c.add(begin, len(b), true)
	}
	clear(c.units) // let go of the bytes
	return c.spans
}

func (c *nalCutter) add(begin, end int, open bool) {
	units := append(make([][]byte, 0, len(c.units)), c.units...)
	c.units = c.units[:0]
	var first []byte
	for _, nal := range units {
		if c.sps(nal) && string(nal) != string(c.set) {
			c.set = append([]byte(nil), nal...)
		}
		if first == nil && c.class(nal) == nalFirst {
			first = nal
		}
	}
	var f field
	if c.field != nil && first != nil {
		f = c.field(c.set, first)
	}
	last := len(c.spans) - 1
	unknown := open && (first == nil || f.short)
	if last >= 0 && c.lone.coded && (unknown || f.completes(c.lone)) {
		sp := &c.spans[last]
		sp.end, sp.open, sp.second = end, open, begin
		sp.units = append(sp.units, units...)
		if c.waiting = unknown; !c.waiting {
			c.lone = field{}
		}
		return
	}
	c.lone, c.waiting = f, unknown || open && f.coded
	c.spans = append(c.spans, span{begin: begin, end: end, units: units, access: c.access(units), open: open})
}

// period adds up that of the fields of a frame.
func (c *nalCutter) period(sp span) (p flow.Ticks) {
	for _, nal := range sp.units {
		if c.class(nal) == nalFirst {
			p += c.format(c.set, nal)
		}
	}
	return p
}

// field is what the slice header of a picture says about its being a field.
type field struct {
	coded       bool // it is one
	bottom      bool
	reference   bool
	idr         bool
	frameNumber uint32
	short       bool // the header ends before it says
}

// completes reports whether f is the second field of the frame that first began
// (H.264 clause 3.30 and 7.4.3, frame_num).
func (f field) completes(first field) bool {
	return f.coded && first.coded && f.bottom != first.bottom && f.frameNumber == first.frameNumber &&
		(first.reference || !f.reference) && (first.idr || !f.idr)
}
