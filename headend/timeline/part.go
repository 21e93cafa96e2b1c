package timeline

import (
	"slices"

	"sigma/mux/fmp4"
)

// builder collects the samples of one part. Their bytes are written once, behind room
// for the header, which is known last.
type builder struct {
	buf      []byte
	room     int // bytes before the first sample
	samples  []Sample
	time     uint64
	duration uint64

	wasFirst, was usage // of the newest first part of a segment, and of the newest other
}

// usage is how large a part was, to size the next.
type usage struct{ bytes, samples int }

// scratch is memory for the headers of parts.
type scratch struct {
	head    []byte
	samples []fmp4.Sample
}

func (b *builder) empty() bool { return len(b.samples) == 0 }

// begin starts a part at a decode time.
func (b *builder) begin(time uint64) {
	u := b.was
	if u.bytes == 0 {
		u = b.wasFirst
	}
	b.room = 192 + 16*(u.samples+u.samples/4+4)
	b.buf = make([]byte, b.room, b.room+max(u.bytes+u.bytes/8, 512))
	b.samples = make([]Sample, 0, u.samples+u.samples/8+1)
	b.time, b.duration = time, 0
}

// add notes a sample whose bytes are at the end of buf.
func (b *builder) add(s Sample) {
	b.samples = append(b.samples, s)
	b.duration += uint64(s.Duration)
}

// end returns the part. sequence is that of its segment, index counts the parts there.
func (b *builder) end(x *scratch, sequence uint64, index int) *Part {
	x.samples = x.samples[:0]
	for _, s := range b.samples {
		x.samples = append(x.samples, fmp4.Sample{Size: s.Size, Duration: s.Duration, Composition: s.Composition, Sync: s.Sync})
	}
	c := fmp4.Chunk{
		// Every part of a segment has another number, and they grow, in every box alike.
		Sequence: uint32(sequence<<6 + uint64(index)),
		TrackID:  trackID, Time: b.time, Samples: x.samples, Styp: index == 0,
	}
	x.head = c.AppendHeader(x.head[:0])
	var data []byte
	if at := b.room - len(x.head); at < 0 {
		data = slices.Concat(x.head, b.buf[b.room:])
	} else {
		data = b.buf[at:]
		copy(data, x.head)
	}
	if cap(data) > len(data)+len(data)/4 {
		data = slices.Clone(data)
	}
	moved := len(x.head) - b.room
	for i := range b.samples {
		b.samples[i].Offset += moved
	}
	p := &Part{
		Time: b.time, Duration: b.duration, Independent: b.samples[0].Sync,
		Data: slices.Clip(data), Samples: b.samples,
	}
	u := usage{len(b.buf) - b.room, len(b.samples)}
	if index == 0 {
		b.wasFirst = u
	} else {
		b.was = u
	}
	b.buf, b.samples = nil, nil
	return p
}
