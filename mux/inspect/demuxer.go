package inspect

import (
	"time"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/pes"
	"sigma/mux/ts"
)

// compactAfter is the number of batches a PES packet may stretch over before what is
// there of it is copied, so that it does not hold their memory.
const compactAfter = 64

// Demuxer makes frames of the batches an Inspector has passed. It is for one
// goroutine. SetLayout says which tracks; before, batches are passed over.
type Demuxer struct {
	index   [1 << 13]uint8 // position in tracks plus one by PID, 0 for none
	tracks  []*track
	epoch   uint32
	clock   flow.Ticks // of the last batch that knew it
	arrived time.Duration
	marks   flow.Mark // that the next frame has to carry
	lead    flow.TrackID
	emit    func(flow.Item[flow.Frame])
}

// maxTracks bounds the tracks of a layout that are demuxed.
const maxTracks = 255

// track is one track of a Demuxer.
type track struct {
	flow.Track
	asm     pes.Assembler
	split   *es.Splitter
	cc      uint8
	started bool // cc is known
	twin    bool // the packet before was a repetition
	age     int  // batches since the PES packet at hand began
	near    flow.Ticks
	timed   bool // near is known
	d       *Demuxer
}

// SetLayout sets the tracks to demux. Tracks that go on unchanged lose nothing.
func (d *Demuxer) SetLayout(l *flow.Layout) {
	old := d.tracks
	d.tracks, d.index, d.lead = nil, [1 << 13]uint8{}, 0
	if l == nil {
		return
	}
	for _, t := range l.Tracks {
		if !inPES(t) || len(d.tracks) == maxTracks || d.index[t.ID&ts.NullPID] != 0 {
			continue
		}
		d.tracks = append(d.tracks, d.track(t, old))
		d.index[t.ID&ts.NullPID] = uint8(len(d.tracks))
	}
	d.lead = leading(d.tracks)
}

func (d *Demuxer) track(t flow.Track, old []*track) *track {
	for _, o := range old {
		if o.ID == t.ID && o.Codec == t.Codec {
			o.Track = t
			return o
		}
	}
	return &track{Track: t, split: es.NewSplitter(t.Codec), d: d}
}

// inPES reports whether a track consists of PES packets, not of sections.
func inPES(t flow.Track) bool {
	return t.Kind != flow.KindData || t.StreamType == 0x06 || t.StreamType == 0x15
}

// leading returns the track whose random access points count.
func leading(tracks []*track) flow.TrackID {
	for _, kind := range []flow.Kind{flow.KindVideo, flow.KindAudio} {
		for _, t := range tracks {
			if t.Kind == kind {
				return t.ID
			}
		}
	}
	return 0
}

// Feed takes the next item and calls emit for every frame that ended: of one track
// in the order of its stream, of all by the end of their PES packets. The payload is
// copied once; nothing emitted refers to the batch. A frame has the epoch it ended
// in; RandomAccess is set for the leading track only, the one whose points the
// Inspector marks; Corrupt if packets of it are missing.
func (d *Demuxer) Feed(it flow.Item[flow.Batch], emit func(flow.Item[flow.Frame])) {
	d.emit = emit
	if it.Marks&(flow.Discontinuity|flow.Gap) != 0 {
		d.interrupt(it.Marks.Has(flow.Gap))
		d.marks |= it.Marks & (flow.Discontinuity | flow.Gap)
		d.clock = 0
	}
	d.epoch, d.arrived = it.Epoch, it.Arrived
	if it.V.Clock != 0 {
		d.clock = it.V.Clock
	}
	data := it.V.Data
	for ; len(data) >= ts.PacketSize; data = data[ts.PacketSize:] {
		p := data[:ts.PacketSize:ts.PacketSize]
		if p[0] != ts.Sync {
			continue
		}
		if i := d.index[ts.PID(p)]; i != 0 {
			d.tracks[i-1].feed(p)
		}
	}
	for _, t := range d.tracks {
		if t.age++; t.asm.Open() && t.age > compactAfter {
			t.asm.Compact()
			t.age = 0
		}
	}
	d.emit = nil
}

// Flush emits the frames that wait for their end, as at the end of the stream.
func (d *Demuxer) Flush(emit func(flow.Item[flow.Frame])) {
	d.emit = emit
	d.interrupt(false)
	d.emit = nil
}

// interrupt ends all that is under way.
func (d *Demuxer) interrupt(lost bool) {
	for _, t := range d.tracks {
		if lost {
			t.asm.Lose()
		}
		t.asm.Flush(t.push)
		t.split.Flush(t.frame)
		t.started, t.timed = false, false
	}
}

// feed takes a packet of the track.
func (t *track) feed(p []byte) {
	if ts.TEI(p) || ts.Scrambling(p) != 0 {
		t.lose()
		return
	}
	if !ts.HasPayload(p) {
		return
	}
	cc := ts.CC(p)
	switch {
	case !t.started, cc == (t.cc+1)&0x0F:
		t.twin = false
	case cc == t.cc && !t.twin && !ts.DiscontinuityIndicator(p):
		t.twin = true
		return
	default:
		t.twin = false
		t.lose()
	}
	t.cc, t.started = cc, true
	if ts.PUSI(p) {
		t.begin(p)
	}
	t.asm.Feed(p, t.push)
}

// lose notes that packets are missing.
func (t *track) lose() {
	t.asm.Lose()
	t.started = false
}

// begin ends the PES packet before this one, and an access unit that the new one
// does not continue.
func (t *track) begin(p []byte) {
	t.age = 0
	t.asm.Flush(t.push)
	payload := ts.Payload(p)
	if h, err := pes.Parse(payload); err == nil && h.Size < len(payload) {
		t.split.Begin(payload[h.Size:], t.frame)
	}
}

// push takes a PES packet: its stamps are unwrapped near the programme clock, or
// near those before where there is no clock.
func (t *track) push(p *pes.Packet) {
	if t.d.clock != 0 {
		t.near, t.timed = t.d.clock, true
	}
	var x es.Times
	if p.HasPTS {
		if !t.timed {
			t.near, t.timed = ts.UnwrapPTS(p.PTS, 0), true
		}
		x.Valid = true
		x.PTS = ts.UnwrapPTS(p.PTS, t.near)
		x.DTS = x.PTS
		if p.HasDTS {
			x.DTS = ts.UnwrapPTS(p.DTS, x.PTS)
		}
		t.near = x.DTS
	}
	t.split.Push(p, x, t.frame)
}

// frame hands out an access unit. One without any time is of no use.
func (t *track) frame(au *es.AccessUnit) {
	if !au.Timed {
		return
	}
	it := flow.Item[flow.Frame]{
		Stamp: flow.Stamp{Arrived: t.d.arrived, Epoch: t.d.epoch, Marks: t.d.marks},
		V:     flow.Frame{Track: t.ID, PTS: au.PTS, DTS: au.DTS, Units: au.Units},
	}
	t.d.marks = 0
	if au.Access && t.ID == t.d.lead {
		it.Marks |= flow.RandomAccess
	}
	if au.Corrupt {
		it.Marks |= flow.Corrupt
	}
	t.d.emit(it)
}
