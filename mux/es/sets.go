package es

// maxParameterSet is the largest parameter set that a configuration record can hold
// (ISO/IEC 14496-15 clause 5.3.3.1.2).
const maxParameterSet = 65535

// maxFlips is how often the PPS of one SPS may change before they stay in the samples.
const maxFlips = 3

// parameterSet is a parameter set of H.264 or HEVC as it came.
type parameterSet struct {
	nal    []byte // own copy; nil: none with this id
	parent int    // id of the set it refers to
}

// parameterSets are the parameter sets of a stream by their ids, and which of them the
// newest picture uses.
//
// Some encoders give a PPS another content at every key frame. A record with each of
// them would break the stream every second, so after maxFlips such changes under one
// SPS the PPS stay in the samples, where every decoder takes them too.
type parameterSets struct {
	vps    [16]parameterSet
	sps    [32]parameterSet
	pps    [256]parameterSet
	active int // id of the SPS, -1 before the first picture and after a change
	flips  int
}

// store keeps a copy of nal as set id of group, and reports whether it is new.
func store(group []parameterSet, id uint32, nal []byte, parent int) bool {
	if id >= uint32(len(group)) || len(nal) > maxParameterSet || string(group[id].nal) == string(nal) {
		return false
	}
	group[id] = parameterSet{append([]byte(nil), nal...), parent}
	return true
}

// putSPS keeps an SPS. The PPS of an SPS that changes are only good for it until the
// first new one comes: renewed remembers that for the rest of the access unit.
func (s *parameterSets) putSPS(id uint32, nal []byte, parent int, renewed *int) bool {
	if !store(s.sps[:], id, nal, parent) {
		return false
	}
	*renewed = int(id)
	if s.active == int(id) {
		s.active = -1
	}
	return true
}

func (s *parameterSets) putPPS(id uint32, nal []byte, parent uint32, renewed *int) bool {
	if id >= uint32(len(s.pps)) || parent >= uint32(len(s.sps)) {
		return false
	}
	if int(parent) == *renewed {
		for i := range s.pps {
			if s.pps[i].nal != nil && s.pps[i].parent == int(parent) {
				s.pps[i] = parameterSet{}
			}
		}
		*renewed = -1
	}
	known := s.pps[id].nal != nil && int(parent) == s.active
	if !store(s.pps[:], id, nal, int(parent)) {
		return false
	}
	if known && !s.inBand() {
		s.flips++
	}
	return !s.inBand()
}

// inBand says that PPS stay in the samples.
func (s *parameterSets) inBand() bool { return s.flips > maxFlips }

// pick returns the id of the SPS that a picture with the given PPS uses.
func (s *parameterSets) pick(pps uint32) (sps int, ok bool) {
	if pps >= uint32(len(s.pps)) || s.pps[pps].nal == nil {
		return 0, false
	}
	sps = s.pps[pps].parent
	return sps, s.sps[sps].nal != nil
}

// activate makes an SPS the one in use.
func (s *parameterSets) activate(sps int) { s.active, s.flips = sps, 0 }

// appendPPS appends the PPS of the active SPS, each behind its length in 16 bits, at
// most most of them, and returns how many there were.
func (s *parameterSets) appendPPS(dst []byte, most int) (b []byte, count int) {
	for i := range s.pps {
		if p := &s.pps[i]; p.nal != nil && p.parent == s.active && count < most {
			dst = appendShort(dst, p.nal)
			count++
		}
	}
	return dst, count
}

// appendShort appends b behind its length in 16 bits.
func appendShort(dst, b []byte) []byte {
	return append(append(dst, byte(len(b)>>8), byte(len(b))), b...)
}

// appendNAL appends a NAL unit behind its length in 32 bits.
func appendNAL(dst, nal []byte) []byte {
	n := len(nal)
	return append(append(dst, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), nal...)
}

// geometry is what parameter sets say of pictures, whatever the codec.
type geometry struct {
	width, height int // after cropping
	sarNum        int // 0: not said
	sarDen        int
	units, scale  uint64 // a frame lasts units/scale seconds; 0: not said
	colour        Colour
}

// maxPictureSide is the largest width or height of any level of the codecs.
const maxPictureSide = 65536

func (p *geometry) valid() bool {
	return p.width > 0 && p.height > 0 && p.width <= maxPictureSide && p.height <= maxPictureSide
}

// fill sets what is known of pictures in a format.
func (p *geometry) fill(f *Format) {
	f.Width, f.Height, f.Colour = p.width, p.height, p.colour
	f.SARNum, f.SARDen = 1, 1
	if p.sarNum > 0 && p.sarDen > 0 {
		f.SARNum, f.SARDen = reduce(p.sarNum, p.sarDen)
	}
	if p.units > 0 && p.scale > 0 && p.scale/p.units <= 1000 && p.units/p.scale <= 10 {
		f.RateNum, f.RateDen = reduce(int(p.scale), int(p.units))
	}
}

// reduce divides both by their greatest common divisor. They are above zero.
func reduce(num, den int) (n, d int) {
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	return num / a, den / a
}

// sampleAspect returns what aspect_ratio_idc of H.264 table E-1 stands for, 0:0 if
// it does not say.
func sampleAspect(idc uint32) (num, den int) {
	table := [...][2]int{
		{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	if idc < uint32(len(table)) {
		return table[idc][0], table[idc][1]
	}
	return 0, 0
}

const extendedSAR = 255
