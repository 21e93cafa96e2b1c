package rtp

import "sigma/mux/flow"

// Payload is what follows the header of one RTP packet.
type Payload struct {
	Data   []byte // immutable
	Marker bool   // the last of an access unit (of audio: never set)
}

// AppendPayloads appends the payloads of one access unit to dst, each of at most limit
// bytes, limit at least 64. Units are those of a flow.Frame: NAL units of H.264 (RFC
// 6184 packetisation-mode 1) and HEVC (RFC 7798, no DONL), OBUs with size fields of
// AV1, a frame of VP9, a packet of Opus, samples of G.711. The fragments of a unit are
// of equal size but for the last, which is never longer, so that a kernel can cut them
// out of one buffer (UDP_SEGMENT). Data refers to units, or to memory of its own, made
// once. It appends nothing for other codecs.
func AppendPayloads(dst []Payload, c flow.Codec, units [][]byte, limit int) []Payload {
	first := len(dst)
	limit = max(limit, 64)
	switch c {
	case flow.CodecH264:
		dst = appendNALs(dst, units, limit, &h264Rules)
	case flow.CodecHEVC:
		dst = appendNALs(dst, units, limit, &hevcRules)
	case flow.CodecAV1:
		dst = appendAV1(dst, units, limit)
	case flow.CodecVP9:
		dst = appendVP9(dst, units, limit)
	case flow.CodecOpus:
		return appendOpus(dst, units, limit)
	case flow.CodecPCMA, flow.CodecPCMU:
		return appendSamples(dst, units, limit)
	default:
		return dst
	}
	if len(dst) > first {
		dst[len(dst)-1].Marker = true
	}
	return dst
}

// ClockRate of the RTP timestamps of a codec, in Hz; 0 for one AppendPayloads does not
// know.
func CodecClock(c flow.Codec) uint32 {
	switch c {
	case flow.CodecH264, flow.CodecHEVC, flow.CodecAV1, flow.CodecVP9:
		return ClockRate
	case flow.CodecOpus:
		return 48_000
	case flow.CodecPCMA, flow.CodecPCMU:
		return 8_000
	default:
		return 0
	}
}

// nalRules is what differs between the payload formats of H.264 and HEVC.
type nalRules struct {
	header    int // bytes of the header of a NAL unit
	skip      func(nal []byte) bool
	aggregate func(dst []byte, nals [][]byte) []byte // header of an aggregation packet
	fragment  func(dst []byte, nal []byte, begin, end bool) []byte
}

// perNAL is the length field of a unit in an aggregation packet.
const perNAL = 2

var h264Rules = nalRules{
	header: 1,
	skip: func(nal []byte) bool { // access unit delimiter, end of sequence and stream, filler
		t := nal[0] & 0x1F
		return t == 0 || t >= 9 && t <= 12 || t >= 24
	},
	aggregate: func(dst []byte, nals [][]byte) []byte { // STAP-A, RFC 6184 clause 5.7.1
		var nri byte
		for _, n := range nals {
			nri = max(nri, n[0]&0x60)
		}
		return append(dst, nri|24)
	},
	fragment: func(dst []byte, nal []byte, begin, end bool) []byte { // FU-A, clause 5.8
		return append(dst, nal[0]&0x60|28, startEnd(begin, end)|nal[0]&0x1F)
	},
}

var hevcRules = nalRules{
	header: 2,
	skip: func(nal []byte) bool { // AUD, EOS, EOB, filler
		t := nal[0] >> 1 & 0x3F
		return t >= 35 && t <= 38 || t >= 48
	},
	aggregate: func(dst []byte, nals [][]byte) []byte { // AP, RFC 7798 clause 4.4.2
		layer, tid := byte(63), byte(7)
		for _, n := range nals {
			layer = min(layer, n[0]&1<<5|n[1]>>3)
			tid = min(tid, n[1]&7)
		}
		return append(dst, 48<<1|layer>>5, layer<<3|tid)
	},
	fragment: func(dst []byte, nal []byte, begin, end bool) []byte { // FU, clause 4.4.3
		return append(dst, nal[0]&0x81|49<<1, nal[1], startEnd(begin, end)|nal[0]>>1&0x3F)
	},
}

func startEnd(begin, end bool) (b byte) {
	if begin {
		b = 0x80
	}
	if end {
		b |= 0x40
	}
	return b
}

// appendNALs packs NAL units: neighbours that fit into one packet share it, one that
// does not fit is cut.
func appendNALs(dst []Payload, units [][]byte, limit int, r *nalRules) []Payload {
	size := 0
	for _, u := range units {
		size += len(u) + perNAL + 2*(len(u)/(limit-4)+2)
	}
	slab := make([]byte, 0, size+4)
	var together [][]byte
	room := 0
	flush := func() {
		switch len(together) {
		case 0:
		case 1:
			dst = append(dst, Payload{Data: together[0]})
		default:
			at := len(slab)
			slab = r.aggregate(slab, together)
			for _, n := range together {
				slab = append(slab, byte(len(n)>>8), byte(len(n)))
				slab = append(slab, n...)
			}
			dst = append(dst, Payload{Data: slab[at:len(slab):len(slab)]})
		}
		together, room = together[:0], limit-r.header
	}
	flush()
	for _, u := range units {
		if len(u) < r.header || r.skip(u) {
			continue
		}
		if perNAL+len(u) > room {
			flush()
		}
		if len(u) <= limit {
			together = append(together, u)
			room -= perNAL + len(u)
			continue
		}
		body, at := u[r.header:], 0
		parts := (len(body) + limit - r.header - 2) / (limit - r.header - 1)
		step := (len(body) + parts - 1) / parts
		for at < len(body) {
			end := min(at+step, len(body))
			from := len(slab)
			slab = r.fragment(slab, u, at == 0, end == len(body))
			slab = append(slab, body[at:end]...)
			dst = append(dst, Payload{Data: slab[from:len(slab):len(slab)]})
			at = end
		}
	}
	flush()
	return dst
}

// appendOpus passes packets of Opus on. In a transport stream each has a control
// header before it (ETSI TS 103 491 and the mapping registered as "Opus").
func appendOpus(dst []Payload, units [][]byte, limit int) []Payload {
	for _, u := range units {
		for len(u) > 0 {
			packet, rest := opusPacket(u)
			if len(packet) > 0 && len(packet) <= limit {
				dst = append(dst, Payload{Data: packet})
			}
			u = rest
		}
	}
	return dst
}

// opusPacket takes the first packet off an access unit.
func opusPacket(u []byte) (packet, rest []byte) {
	if len(u) < 3 || u[0] != 0x7F || u[1]&0xE0 != 0xE0 {
		return u, nil
	}
	flags, at, size := u[1], 2, 0
	for at < len(u) {
		b := u[at]
		at++
		size += int(b)
		if b != 0xFF {
			break
		}
	}
	if flags&0x10 != 0 { // start_trim
		at += 2
	}
	if flags&0x08 != 0 { // end_trim
		at += 2
	}
	if flags&0x04 != 0 { // control extension
		if at >= len(u) {
			return nil, nil
		}
		at += 1 + int(u[at])
	}
	if at+size > len(u) {
		return nil, nil
	}
	return u[at : at+size], u[at+size:]
}

// OpusUnits returns the packets of Opus in one access unit of a transport stream:
// sub-slices of it.
func OpusUnits(u []byte) (packets [][]byte) {
	for _, p := range appendOpus(nil, [][]byte{u}, 1<<16) {
		packets = append(packets, p.Data)
	}
	return packets
}

// appendSamples cuts G.711, one byte a sample.
func appendSamples(dst []Payload, units [][]byte, limit int) []Payload {
	for _, u := range units {
		for len(u) > 0 {
			n := min(len(u), limit)
			dst = append(dst, Payload{Data: u[:n:n]})
			u = u[n:]
		}
	}
	return dst
}
