package fmp4

import "slices"

// Flags of a sample (ISO/IEC 14496-12 clause 8.8.3.1).
const (
	flagsSync    = 0x02000000 // depends on no other
	flagsNonSync = 0x01010000 // depends on others; not a sync sample
)

// Flags of tfhd and trun (ISO/IEC 14496-12 clauses 8.8.7 and 8.8.8).
const (
	tfhdBase        = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdMoof        = 0x020000 // default-base-is-moof

	trunOffset      = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800
)

// Sample is one access unit of a chunk.
type Sample struct {
	Size        int    // bytes
	Duration    uint32 // in units of the timescale of the track
	Composition int32  // PTS minus DTS, in the same units
	Sync        bool   // random access point
}

// Chunk is a CMAF chunk (ISO/IEC 23000-19 clause 7.3.2.3): a run of samples of one
// track. A segment is one or more of them, one after the other.
type Chunk struct {
	Sequence uint32 // sequence_number of mfhd, growing
	TrackID  uint32
	Time     uint64 // decode time of the first sample in units of the timescale of the track
	Samples  []Sample

	Styp     bool      // begins with a segment type box: of the first of a segment
	Last     bool      // Styp says that it is the last segment of its period (lmsg)
	Producer *Producer // when it was made, or nil
	Events   []Emsg
}

// AppendHeader appends everything of the chunk up to the header of mdat; the bytes
// of the samples follow, in their order. It allocates nothing but room in dst.
func (c *Chunk) AppendHeader(dst []byte) []byte {
	a := appender{b: slices.Grow(dst, c.bound())}
	if c.Styp {
		a.styp(false, c.Last)
	}
	if c.Producer != nil {
		a.prft(c)
	}
	for i := range c.Events {
		a.emsg(&c.Events[i])
	}
	s := summarize(c.Samples)
	moof := a.box("moof")
	a.mfhd(c.Sequence)
	traf := a.box("traf")
	a.tfhd(c.TrackID, &s, tfhdMoof)
	at := a.full("tfdt", 1, 0)
	a.u64(c.Time)
	a.end(at)
	offset := a.trun(c.Samples, &s, 1)
	a.end(traf)
	a.end(moof)
	a.mdat(moof, offset, s.bytes)
	return a.b
}

// bound returns a number of bytes that the header does not exceed.
func (c *Chunk) bound() int {
	n := 256 + 16*len(c.Samples)
	for i := range c.Events {
		n += c.Events[i].size()
	}
	return n
}

// summary is what all samples of a run have in common.
type summary struct {
	run    uint32 // flags of trun: what differs
	head   uint32 // flags of tfhd: what does not
	first  Sample
	rest   uint32 // sample flags of all, or of all but the first
	bytes  uint64
	signed bool // a composition offset is negative
}

func summarize(samples []Sample) summary {
	s := summary{run: trunOffset}
	if len(samples) == 0 {
		return s
	}
	s.first = samples[0]
	s.rest = flagsOf(samples[min(1, len(samples)-1)].Sync)
	for i := range samples {
		x := &samples[i]
		s.bytes += uint64(x.Size)
		if x.Duration != s.first.Duration {
			s.run |= trunDuration
		}
		if x.Size != s.first.Size {
			s.run |= trunSize
		}
		if i > 0 && flagsOf(x.Sync) != s.rest {
			s.run |= trunFlags
		}
		if x.Composition != 0 {
			s.run |= trunComposition
		}
		s.signed = s.signed || x.Composition < 0
	}
	if s.run&trunFlags == 0 && flagsOf(s.first.Sync) != s.rest {
		s.run |= trunFirstFlags
	}
	if s.run&trunDuration == 0 {
		s.head |= tfhdDuration
	}
	if s.run&trunSize == 0 {
		s.head |= tfhdSize
	}
	if s.run&trunFlags == 0 {
		s.head |= tfhdFlags
	}
	return s
}

func flagsOf(sync bool) uint32 {
	if sync {
		return flagsSync
	}
	return flagsNonSync
}

func (a *appender) mfhd(sequence uint32) {
	at := a.full("mfhd", 0, 0)
	a.u32(sequence)
	a.end(at)
}

func (a *appender) tfhd(track uint32, s *summary, flags uint32) {
	at := a.full("tfhd", 0, flags|s.head)
	a.u32(track)
	if s.head&tfhdDuration != 0 {
		a.u32(s.first.Duration)
	}
	if s.head&tfhdSize != 0 {
		a.u32(uint32(s.first.Size))
	}
	if s.head&tfhdFlags != 0 {
		a.u32(s.rest)
	}
	a.end(at)
}

// trun appends the run and returns where its data_offset is.
func (a *appender) trun(samples []Sample, s *summary, version uint8) (offset int) {
	at := a.full("trun", version, s.run)
	a.u32(uint32(len(samples)))
	offset = len(a.b)
	a.u32(0)
	if s.run&trunFirstFlags != 0 {
		a.u32(flagsOf(s.first.Sync))
	}
	for i := range samples {
		x := &samples[i]
		if s.run&trunDuration != 0 {
			a.u32(x.Duration)
		}
		if s.run&trunSize != 0 {
			a.u32(uint32(x.Size))
		}
		if s.run&trunFlags != 0 {
			a.u32(flagsOf(x.Sync))
		}
		if s.run&trunComposition != 0 {
			a.u32(uint32(x.Composition))
		}
	}
	a.end(at)
	return offset
}

// mdat appends the header of mdat for so many bytes, and sets the data_offset at
// offset, which counts from moof.
func (a *appender) mdat(moof, offset int, bytes uint64) {
	if n := bytes + 8; n > 0xffffffff {
		a.u32(1)
		a.text("mdat")
		a.u64(bytes + 16)
	} else {
		a.u32(uint32(n))
		a.text("mdat")
	}
	a.put(offset, uint32(len(a.b)-moof))
}
