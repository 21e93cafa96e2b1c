package hls

import (
	"sync"

	"sigma/headend/timeline"
	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/pes"
	"sigma/mux/ts"
)

// maxHead is how many bytes of an access unit are looked at to tell whether it is a
// random access point: parameter sets and messages lie before the picture.
const maxHead = 8 << 10

// findIntra returns where in a transport stream the first random access point of a PID
// lies: from the packet it begins in to the last packet of it. The size is 0 when
// there is none.
func findIntra(stream timeline.Packets, pid uint16, codec flow.Codec) (offset, size int) {
	var head []byte
	at, begin, found := -ts.PacketSize, -1, false
	for p := range stream.All() {
		at += ts.PacketSize
		if ts.PID(p) != pid {
			continue
		}
		if ts.PUSI(p) {
			if found || begin >= 0 && es.RandomAccess(codec, payload(head)) >= es.AccessYes {
				return begin, size
			}
			begin, head = at, head[:0]
		}
		if begin < 0 {
			continue
		}
		size = at + ts.PacketSize - begin
		if !found && len(head) < maxHead {
			head = append(head, ts.Payload(p)...)
			switch es.RandomAccess(codec, payload(head)) {
			case es.AccessYes:
				found = true
			case es.AccessNo:
				begin = -1
			case es.AccessUnknown, es.AccessLikely:
			}
		}
	}
	if !found {
		return 0, 0
	}
	return begin, size
}

// payload returns what follows the PES header.
func payload(head []byte) []byte {
	h, err := pes.Parse(head)
	if err != nil || h.Size > len(head) {
		return nil
	}
	return head[h.Size:]
}

// spans keeps where the I-frames of the newest segments are.
type spans struct {
	mu sync.Mutex
	m  map[spanKey][2]int
}

// spanKey is a track of a segment, as it is or as trims makes it.
type spanKey struct {
	trimKey
	trimmed bool
}

// maxSpans is more than the windows of all rungs of a channel hold.
const maxSpans = 4096

// of returns the place of the first I-frame of a track in a segment as it is, or as
// trims makes it.
func (p *spans) of(s *timeline.Segment, id string, trimmed bool) (offset, size int) {
	k := spanKey{trimKey{s.Sequence, id}, trimmed}
	p.mu.Lock()
	v, ok := p.m[k]
	p.mu.Unlock()
	if ok {
		return v[0], v[1]
	}
	if s.Layout == nil {
		return 0, 0
	}
	t := s.Layout.Track(id)
	if t == nil || t.PID == 0 {
		return 0, 0
	}
	stream := s.TS
	if trimmed && !covers(s.Layout, id) {
		stream = trim(s.TS, []uint16{uint16(t.PID)})
	}
	offset, size = findIntra(stream, uint16(t.PID), t.Format.Codec)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil || len(p.m) >= maxSpans {
		p.m = map[spanKey][2]int{}
	}
	p.m[k] = [2]int{offset, size}
	return offset, size
}
