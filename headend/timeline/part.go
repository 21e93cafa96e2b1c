package timeline

import (
	"slices"

	"sigma/mux/fmp4"
)

// builder collects the samples of one part. Its memory is used again for the next
// part: what a part keeps is made once, in its final size, for memory that grows or
// is thrown away costs more than a copy.
type builder struct {
	buf      []byte
	samples  []Sample
	time     uint64
	duration uint64
}

// scratch is memory for the headers of parts.
type scratch struct {
	head    []byte
	samples []fmp4.Sample
}

func (b *builder) empty() bool { return len(b.samples) == 0 }

// begin starts a part at a decode time.
func (b *builder) begin(time uint64) {
	b.buf, b.samples = b.buf[:0], b.samples[:0]
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
	p := &Part{
		Time: b.time, Duration: b.duration, Independent: b.samples[0].Sync,
		Data: concat(x.head, b.buf), Samples: slices.Clone(b.samples),
	}
	for i := range p.Samples {
		p.Samples[i].Offset += len(x.head)
	}
	b.samples = b.samples[:0]
	return p
}

// concat returns a and b in memory of just their size.
func concat(a, b []byte) []byte {
	c := make([]byte, len(a)+len(b))
	copy(c[copy(c, a):], b)
	return c
}
