package rtp

// Types of OBU (AV1 clause 6.2.2) that matter here.
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuTileList          = 8
	obuPadding           = 15
)

// obus returns the OBUs of units without size fields: those that travel in RTP. Ones
// that say more than there is end the list.
func obus(units [][]byte) (list [][]byte, size int, key bool) {
	for _, u := range units {
		for len(u) > 0 {
			head := 1 + int(u[0]>>2&1)
			if head > len(u) {
				break
			}
			n, field := len(u)-head, 0
			if u[0]&2 != 0 {
				n, field = leb128(u[head:])
				if field == 0 || n > len(u)-head-field {
					break
				}
			}
			t := u[0] >> 3 & 15
			body := u[head+field : head+field+n]
			key = key || t == obuSequenceHeader
			if t != obuTemporalDelimiter && t != obuTileList && t != obuPadding {
				obu := append(make([]byte, 0, head+n), u[:head]...)
				obu[0] &^= 2
				list = append(list, append(obu, body...))
				size += head + n
			}
			u = u[head+field+n:]
		}
	}
	return list, size, key
}

// leb128 reads a number of at most 5 bytes (AV1 clause 4.10.5) and returns how many it
// took, 0 if b does not hold one.
func leb128(b []byte) (v, n int) {
	for i := range min(len(b), 5) {
		v |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

func appendLEB128(b []byte, v int) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

// Bits of the aggregation header of AV1 (RTP payload format for AV1 clause 4.4).
const (
	av1Continues = 0x80 // Z: the first element continues an OBU
	av1Cut       = 0x40 // Y: the last element goes on in the next packet
	av1New       = 0x08 // N: a coded video sequence begins
)

// appendAV1 packs OBUs one after the other, each element with its length (W = 0), into
// packets of equal size.
func appendAV1(dst []Payload, units [][]byte, limit int) []Payload {
	list, size, key := obus(units)
	if len(list) == 0 {
		return dst
	}
	const over = 1 + 2 // aggregation header, and a length below 2^14
	for _, o := range list {
		size += len(appendLEB128(nil, len(o)))
	}
	packets := (size + limit - over - 1) / (limit - over)
	step := max((size+packets-1)/packets+over, 16)
	slab := make([]byte, 0, size+(packets+1)*(over+2))
	begin := 0
	open := func(flags byte) {
		begin = len(slab)
		slab = append(slab, flags)
	}
	closed := func() {
		dst = append(dst, Payload{Data: slab[begin:len(slab):len(slab)]})
	}
	flags := byte(0)
	if key {
		flags = av1New
	}
	open(flags)
	for _, o := range list {
		for len(o) > 0 {
			room := min(step, limit) - (len(slab) - begin) - 2
			if room < 1 {
				closed()
				open(0)
				continue
			}
			n := min(room, len(o))
			slab = appendLEB128(slab, n)
			slab = append(slab, o[:n]...)
			if o = o[n:]; len(o) > 0 {
				slab[begin] |= av1Cut
				closed()
				open(av1Continues)
			}
		}
	}
	closed()
	return dst
}

// appendVP9 cuts a frame (RFC 9628 clause 4.2: non-flexible mode without picture id,
// one layer).
func appendVP9(dst []Payload, units [][]byte, limit int) []Payload {
	for _, u := range units {
		if len(u) == 0 {
			continue
		}
		head := byte(0)
		if vp9Inter(u) {
			head |= 0x40
		}
		parts := (len(u) + limit - 2) / (limit - 1)
		step := (len(u) + parts - 1) / parts
		slab := make([]byte, 0, len(u)+parts)
		for at := 0; at < len(u); at += step {
			end := min(at+step, len(u))
			h, from := head, len(slab)
			if at == 0 {
				h |= 0x08
			}
			if end == len(u) {
				h |= 0x04
			}
			slab = append(append(slab, h), u[at:end]...)
			dst = append(dst, Payload{Data: slab[from:len(slab):len(slab)]})
		}
	}
	return dst
}

// vp9Inter reports whether a frame refers to others (VP9 clause 6.2).
func vp9Inter(u []byte) bool {
	profile := u[0]>>5&1 | u[0]>>4&1<<1
	shift := 3 // show_existing_frame
	if profile == 3 {
		shift = 2
	}
	return u[0]>>shift&1 != 0 || u[0]>>(shift-1)&1 != 0
}
