package fmp4

import "slices"

// Extended types of the boxes of Smooth Streaming (MS-SSTR clauses 2.2.4.4, 2.2.4.5).
var (
	uuidTfxd = [16]byte{0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2}
	uuidTfrf = [16]byte{0xd4, 0x80, 0x7e, 0xf2, 0xca, 0x39, 0x46, 0x95, 0x8e, 0x54, 0x26, 0xcb, 0x9e, 0x46, 0xa7, 0x9f}
)

// Span is when a fragment of Smooth Streaming begins and how long it is, in units of
// the TimeScale of the manifest (10 MHz by default).
type Span struct{ Time, Duration uint64 }

// SmoothChunk is a fragment of Smooth Streaming (MS-SSTR clause 2.2.4). Durations and
// composition offsets of its samples are in the same units as its Span.
type SmoothChunk struct {
	Sequence uint32
	TrackID  uint32
	Span
	Samples []Sample
	// Next are the fragments that follow, as many as the manifest says in
	// LookAheadFragmentCount; of live channels only. At most 255 are told.
	Next []Span
}

// AppendHeader appends everything of the fragment up to the header of mdat; the
// bytes of the samples follow, in their order. It allocates nothing but room in dst.
func (c *SmoothChunk) AppendHeader(dst []byte) []byte {
	a := appender{b: slices.Grow(dst, 256+16*len(c.Samples)+16*len(c.Next))}
	s := summarize(c.Samples)
	moof := a.box("moof")
	a.mfhd(c.Sequence)
	traf := a.box("traf")
	a.tfhd(c.TrackID, &s, 0)
	version := uint8(0)
	if s.signed {
		version = 1
	}
	offset := a.trun(c.Samples, &s, version)
	at := a.uuid(&uuidTfxd)
	a.span(c.Span)
	a.end(at)
	if len(c.Next) > 0 {
		next := c.Next[:min(len(c.Next), 255)]
		at = a.uuid(&uuidTfrf)
		a.u8(uint8(len(next)))
		for _, s := range next {
			a.span(s)
		}
		a.end(at)
	}
	a.end(traf)
	a.end(moof)
	a.mdat(moof, offset, s.bytes)
	return a.b
}

// uuid opens a box of an extended type with version 1, that of 64-bit numbers.
func (a *appender) uuid(kind *[16]byte) int {
	at := a.box("uuid")
	a.bytes(kind[:])
	a.u32(1 << 24)
	return at
}

func (a *appender) span(s Span) {
	a.u64(s.Time)
	a.u64(s.Duration)
}

// parseSpans reads what follows the extended type in a tfxd, which has one span
// without a count, or in a tfrf.
func parseSpans(b []byte, counted bool) ([]Span, error) {
	r := reader{b: b}
	version, _ := r.full()
	n, size := 1, 8
	if counted {
		n = int(r.u8())
	}
	if version == 1 {
		size = 16
	}
	if n > len(r.b)/size {
		return nil, r.short("tfrf", n)
	}
	spans := make([]Span, n)
	for i := range spans {
		if version == 1 {
			spans[i] = Span{r.u64(), r.u64()}
		} else {
			spans[i] = Span{uint64(r.u32()), uint64(r.u32())}
		}
	}
	return spans, nil
}
