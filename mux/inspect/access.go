package inspect

import (
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/pes"
	"sigma/mux/ts"
)

const (
	// maxHead is how much of a PES packet is looked at to learn the format of a
	// track and whether it begins with a random access point, in bytes.
	maxHead = 4096
	// detailEvery is the number of PES packets after which the format of a track is
	// looked at again.
	detailEvery = 250
	// audioSpacing is the least distance of the random access points of a
	// programme without video.
	audioSpacing = flow.TicksPerSecond / 2
)

// head collects the begin of a PES packet of one track.
type head struct {
	codec  flow.Codec
	buf    []byte
	open   bool // more is to come
	wait   int  // PES packets until the format is looked at again
	detail string
}

// lead finds the random access points of the leading track: the first video track,
// or the first audio track of a programme without video.
type lead struct {
	id      uint16
	video   bool
	found   bool
	pending bool       // the packet at may begin a random access point
	likely  bool       // take it as one if nothing more is learnt
	at      int        // packet of the batch at hand
	last    flow.Ticks // audio: PTS of the last random access point, unwrapped near 0
}

// follow chooses the leading track.
func (l *lead) follow(in *Inspector, tracks []flow.Track) {
	*l = lead{}
	for _, kind := range []flow.Kind{flow.KindVideo, flow.KindAudio} {
		for _, t := range tracks {
			if t.Kind == kind {
				l.id, l.video, l.found = uint16(t.ID), kind == flow.KindVideo, true
				in.watchTrack(t)
				return
			}
		}
	}
}

// watchTrack has the starts of the PES packets of a track looked at.
func (in *Inspector) watchTrack(t flow.Track) {
	if t.Kind != flow.KindVideo && t.Kind != flow.KindAudio {
		return
	}
	s := in.pid(uint16(t.ID))
	if s.head == nil || s.head.codec != t.Codec {
		s.head = &head{codec: t.Codec}
	}
	s.starts = true
}

// look takes a packet of a track.
func (in *Inspector) look(s *pid, at int, p []byte, h uint32) {
	leading := in.lead.found && in.lead.id == s.id
	if h&bitPUSI == 0 {
		if s.head.open {
			s.head.buf = append(s.head.buf, ts.Payload(p)...)
			in.learn(s, leading)
		}
		return
	}
	if s.head.open {
		in.drop(s)
	}
	if h&bitsScr != 0 || leading && in.lead.video && !es.Judges(s.head.codec) {
		if leading && ts.RandomAccessIndicator(p) {
			in.cut(at, flow.RandomAccess, false)
		}
		return
	}
	payload := ts.Payload(p)
	ph, err := pes.Parse(payload)
	if err != nil || ph.Scrambling != 0 {
		return
	}
	if leading && !in.lead.video {
		in.lead.audio(in, at, ph)
	}
	s.head.wait--
	if !es.Judges(s.head.codec) && (!leading || !in.lead.video) && s.head.wait > 0 {
		return
	}
	s.head.buf = append(s.head.buf[:0], payload[min(ph.Size, len(payload)):]...)
	s.head.open = true
	if leading && in.lead.video {
		in.lead.pending, in.lead.at, in.lead.likely = true, at, ts.RandomAccessIndicator(p)
	}
	in.learn(s, leading)
}

// learn looks at what has been collected of a PES packet. It ends the collection
// when nothing more can be learnt from it.
func (in *Inspector) learn(s *pid, leading bool) {
	h := s.head
	full := len(h.buf) >= maxHead
	access := es.AccessYes
	if es.Kind(h.codec) == flow.KindVideo {
		access = es.RandomAccess(h.codec, h.buf)
	}
	decided := access == es.AccessYes || access == es.AccessNo
	if leading && in.lead.pending {
		switch access {
		case es.AccessYes:
			in.lead.pending = false
			in.cut(in.lead.at, flow.RandomAccess, false)
		case es.AccessNo:
			in.lead.pending = false
		case es.AccessLikely:
			in.lead.likely = true
		case es.AccessUnknown: // more of it must come
		}
		if full {
			in.lead.finish(in)
		}
	}
	if h.wait <= 0 && access != es.AccessNo {
		if d := es.Detail(h.codec, h.buf); d != "" {
			h.detail, h.wait = d, detailEvery
		}
	}
	h.open = !full && (!decided || es.Kind(h.codec) == flow.KindAudio && h.wait <= 0)
	if full && h.wait <= 0 && es.Kind(h.codec) == flow.KindAudio {
		h.wait = detailEvery
	}
	s.watch = h.open || s.section != nil
}

// drop ends the collection of a PES packet that was cut off.
func (in *Inspector) drop(s *pid) {
	s.head.open = false
	s.watch = s.section != nil
	if in.lead.found && in.lead.id == s.id {
		in.lead.finish(in)
	}
}

// finish decides about a packet of which nothing more will be learnt: with the
// batch, because its items cannot wait.
func (l *lead) finish(in *Inspector) {
	if l.pending && l.likely {
		in.cut(l.at, flow.RandomAccess, false)
	}
	l.pending = false
}

// audio takes the start of a PES packet of a programme without video.
func (l *lead) audio(in *Inspector, at int, h pes.Header) {
	if !h.HasPTS {
		return
	}
	t := ts.UnwrapPTS(h.PTS, l.last)
	if d := t - l.last; l.last == 0 || d >= audioSpacing || d < 0 {
		l.last = t
		in.cut(at, flow.RandomAccess, false)
	}
}
