package fmp4

import "fmt"

// Index is a segment index (ISO/IEC 14496-12 clause 8.16.3) of subsegments that
// follow it without a gap.
type Index struct {
	TrackID    uint32
	Timescale  uint32
	Time       uint64 // earliest presentation time, in Timescale
	Offset     uint64 // bytes between the index and the first subsegment
	References []Reference
}

// Reference is one subsegment: a chunk, or a run of chunks.
type Reference struct {
	Size     int    // bytes, below 2^31
	Duration uint32 // in Timescale
	Sync     bool   // begins with a random access point (SAP type 1)
	Index    bool   // is itself a segment index
}

// AppendSidx appends a segment index to dst. It returns an error that wraps
// ErrFormat, and dst as it was, if a number does not fit.
func AppendSidx(dst []byte, x *Index) ([]byte, error) {
	if len(x.References) > 0xffff {
		return dst, fmt.Errorf("%w: sidx with %d references", ErrFormat, len(x.References))
	}
	a := appender{b: dst}
	at := a.full("sidx", 1, 0)
	a.u32(x.TrackID)
	a.u32(x.Timescale)
	a.u64(x.Time)
	a.u64(x.Offset)
	a.u16(0)
	a.u16(uint16(len(x.References)))
	for _, r := range x.References {
		if r.Size < 0 || int64(r.Size) >= 1<<31 {
			return dst, fmt.Errorf("%w: sidx with a reference of %d bytes", ErrFormat, r.Size)
		}
		size := uint32(r.Size)
		if r.Index {
			size |= 1 << 31
		}
		a.u32(size)
		a.u32(r.Duration)
		if r.Sync {
			a.u32(1<<31 | 1<<28) // starts_with_SAP, of type 1
		} else {
			a.u32(0)
		}
	}
	a.end(at)
	return a.b, nil
}

// parseSidx reads the body of a sidx.
func parseSidx(b []byte) (*Index, error) {
	r := reader{b: b}
	version, _ := r.full()
	x := &Index{TrackID: r.u32(), Timescale: r.u32()}
	if version == 0 {
		x.Time, x.Offset = uint64(r.u32()), uint64(r.u32())
	} else {
		x.Time, x.Offset = r.u64(), r.u64()
	}
	r.skip(2)
	n := int(r.u16())
	if n > len(r.b)/12 {
		return nil, fmt.Errorf("sidx: %w: %d references in %d bytes", ErrShort, n, len(r.b))
	}
	x.References = make([]Reference, n)
	for i := range x.References {
		size, duration, access := r.u32(), r.u32(), r.u32()
		x.References[i] = Reference{
			Size: int(size & 0x7fffffff), Duration: duration, Index: size>>31 != 0,
			Sync: access>>31 != 0 && access>>28&7 <= 2,
		}
	}
	return x, r.error("sidx")
}
