package webrtc

import (
	"time"

	"sigma/mux/flow"
)

// stream is one of the two RTP streams of a viewer. It is guarded by the viewer's lock.
type stream struct {
	codec      flow.Codec
	clock      uint32
	pt, rtxPT  uint8 // rtxPT is 0 when retransmissions are not streams of their own
	ssrc, rtx  uint32
	ext        extensions
	nack       bool
	transport  bool // transport-wide sequence numbers are agreed on
	track      *track
	next       uint64 // number in track of the packet that is sent next
	seq        uint64 // sequence number of the packet that is sent next, with its roll-over count
	rtxSeq     uint64
	runs       [8]run // newest first
	offset     uint32 // of time stamps
	lastStamp  uint32
	lastTime   flow.Ticks // of the access unit sent last
	lastFrame  uint64     // of track, sent last
	begun      bool
	fast       flow.Ticks // time stamps before this one are brought together
	hold       bool       // nothing is sent before the next key frame
	packets    uint32
	octets     uint32
	skips      int64
	records    []record // of what was sent, by sequence number; a power of two
	wish       *track   // to change to at its next key frame
	nextReport time.Duration
	reports    int
}

// run is a stretch of sequence numbers that belong to packets of one track in order.
type run struct {
	track *track
	seq   uint64 // of the first
	index uint64 // in track
}

// record is what has to be known to send a packet once more.
type record struct {
	seq     uint32 // the lower half of its sequence number with roll-over count
	stamp   uint32
	at      uint32 // ms, when it was sent
	again   uint32 // ms, when it was sent again, 0 for never
	cc      uint16
	playout int16 // as in the header
}

func (s *stream) record(seq uint64) *record { return &s.records[seq&uint64(len(s.records)-1)] }

// begin lets the stream start with a packet of a track.
func (s *stream) begin(t *track, index uint64, fast flow.Ticks) {
	copy(s.runs[1:], s.runs[:])
	s.runs[0] = run{t, s.seq, index}
	s.track, s.next, s.fast = t, index, fast
}

// find returns the packet that was sent with the lower 16 bits of a sequence number.
func (s *stream) find(low uint16) (p packet, seq uint64, ok bool) {
	back := uint64(uint16(s.seq) - low)
	if back == 0 || back > s.seq {
		return p, 0, false
	}
	seq = s.seq - back
	for i := range s.runs {
		r := &s.runs[i]
		if r.track == nil {
			return p, 0, false
		}
		if seq >= r.seq {
			if i > 0 && seq >= s.runs[i-1].seq {
				return p, 0, false
			}
			p, ok = r.track.at(r.index + seq - r.seq)
			return p, seq, ok
		}
	}
	return p, 0, false
}

// quick is how much faster than it was the past is shown to a viewer who joins: the
// pictures since the last key frame come as quickly as they can be decoded.
const quick = 25

// stampOf returns the time stamp of an access unit.
func (s *stream) stampOf(at, fast flow.Ticks) uint32 {
	if at < fast {
		at = fast - (fast-at)/quick
	}
	return stampOf(at, s.clock) + s.offset
}

// stamp returns the time stamp of the access unit that is sent next: never one that
// runs backwards.
func (s *stream) stamp(p *packet) uint32 {
	out := s.stampOf(p.time, s.fast)
	if s.begun && p.frame == s.lastFrame {
		return s.lastStamp
	}
	if s.begun && int32(out-s.lastStamp) <= 0 {
		out = s.lastStamp + 1
	}
	return out
}
