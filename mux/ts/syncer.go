package ts

import "slices"

const (
	syncGain = 5 // good sync bytes in a row before a stream counts as found
	syncLoss = 2 // bad sync bytes in a row before it counts as lost

	m2tsStride = 192 // 4 bytes of time stamp before every packet (Blu-ray m2ts)
	rsStride   = 204 // 16 bytes of Reed-Solomon parity after it (EN 300 429)
)

// Syncer cuts a byte stream from HTTP, TCP or a file into whole 188-byte packets.
// It finds packets that are 188, 192 (m2ts) or 204 (Reed-Solomon) bytes apart, and
// gains and loses synchronism as ISO/IEC 13818-1 annex G recommends: five good sync
// bytes to gain, two bad ones to lose.
//
// The zero value is ready. A Syncer is for one goroutine.
type Syncer struct {
	stride int    // distance of packets in bytes, 0 while searching
	skip   int    // bytes to pass over before the next packet
	buf    []byte // begin of a packet, or while searching whatever may be one
	bad    int    // bad sync bytes in a row
	errors uint64
	losses uint64
}

// Feed takes the next bytes of the stream and calls emit for every run of whole
// packets found: each begins with a sync byte, and packets with a bad one are left
// out. Runs are sub-slices of data where packets lie in it back to back, so data
// must not be written to again; packets across two calls and packets further apart
// than 188 bytes are copied into memory of their own.
func (s *Syncer) Feed(data []byte, emit func(packets []byte)) {
	for len(data) > 0 {
		if s.stride == 0 {
			data = s.search(data)
		} else {
			data = s.cut(data, emit)
		}
	}
}

// Flush ends the stream: it emits the whole packets of a stream too short to gain
// synchronism, and makes the Syncer ready for another one. The counters stay.
func (s *Syncer) Flush(emit func(packets []byte)) {
	if s.stride == 0 {
		n := 0
		for n+PacketSize <= len(s.buf) && s.buf[n] == Sync {
			n += PacketSize
		}
		if n > 0 {
			emit(s.buf[:n:n])
		}
	}
	*s = Syncer{errors: s.errors, losses: s.losses}
}

// Errors returns the number of bad sync bytes met in synchronism (TR 101 290
// indicator 1.2).
func (s *Syncer) Errors() uint64 { return s.errors }

// Losses returns how often synchronism was lost (TR 101 290 indicator 1.1).
func (s *Syncer) Losses() uint64 { return s.losses }

// Stride returns the distance of packets in bytes: 188, 192 or 204, or 0 while the
// stream is not in synchronism.
func (s *Syncer) Stride() int { return s.stride }

// search looks for five sync bytes at one distance and returns the stream from the
// first of them on, or nil after keeping the tail that is too short to judge.
func (s *Syncer) search(data []byte) []byte {
	if len(s.buf) > 0 {
		data = append(s.buf, data...)
		s.buf = nil
	}
	at := 0
	for ; at+(syncGain-1)*PacketSize < len(data); at++ {
		if data[at] != Sync {
			continue
		}
		for _, stride := range [...]int{PacketSize, m2tsStride, rsStride} {
			if at+(syncGain-1)*stride >= len(data) {
				s.buf = slices.Clone(data[at:])
				return nil
			}
			if synced(data[at:], stride) {
				s.stride = stride
				return data[at:]
			}
		}
	}
	s.buf = slices.Clone(data[at:])
	return nil
}

func synced(data []byte, stride int) bool {
	for i := range syncGain {
		if data[i*stride] != Sync {
			return false
		}
	}
	return true
}

// cut takes packets from the stream until it ends or synchronism is lost, and
// returns what is left of it.
func (s *Syncer) cut(data []byte, emit func([]byte)) []byte {
	n := min(s.skip, len(data))
	s.skip -= n
	data = data[n:]
	if len(s.buf) > 0 {
		n = min(PacketSize-len(s.buf), len(data))
		s.buf = append(s.buf, data[:n]...)
		data = data[n:]
		if len(s.buf) < PacketSize {
			return nil
		}
		p := s.buf
		s.buf, s.skip = nil, s.stride-PacketSize
		if s.good(p[0]) {
			emit(p)
		} else if s.stride == 0 {
			return append(p, data...)
		}
		return data
	}
	for len(data) >= PacketSize && s.stride > 0 {
		run := 0 // packets with good sync bytes
		for at := 0; at+PacketSize <= len(data) && data[at] == Sync; at += s.stride {
			run++
		}
		if run == 0 {
			if !s.good(data[0]) {
				data = s.advance(data, s.stride)
			}
			continue
		}
		s.bad = 0
		emit(pack(data, run, s.stride))
		data = s.advance(data, run*s.stride)
	}
	if s.stride > 0 && len(data) > 0 {
		s.buf = append(make([]byte, 0, PacketSize), data...)
		return nil
	}
	return data
}

// good judges the sync byte of the next packet. Losing synchronism ends the stride.
func (s *Syncer) good(sync byte) bool {
	if sync == Sync {
		s.bad = 0
		return true
	}
	s.errors++
	if s.bad++; s.bad >= syncLoss {
		s.losses++
		s.stride, s.skip, s.bad = 0, 0, 0
	}
	return false
}

// advance passes over n bytes, some of which may still be to come. After
// synchronism was lost it stays: the search begins with the packet that was bad.
func (s *Syncer) advance(data []byte, n int) []byte {
	if s.stride == 0 {
		return data
	}
	if n <= len(data) {
		return data[n:]
	}
	s.skip = n - len(data)
	return nil
}

// pack returns n packets that lie stride bytes apart as one run.
func pack(data []byte, n, stride int) []byte {
	if stride == PacketSize {
		return data[: n*PacketSize : n*PacketSize]
	}
	run := make([]byte, 0, n*PacketSize)
	for i := range n {
		run = append(run, data[i*stride:i*stride+PacketSize]...)
	}
	return run
}
