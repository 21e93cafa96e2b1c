package es

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// startCode returns the position of the next start code prefix 00 00 01 in b at or
// after from, or -1. It looks at eight bytes at a time: coded media has few zeros, and
// this is twice as fast as bytes.Index.
func startCode(b []byte, from int) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	i := from
	for i+10 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		zero := (x - low) &^ x & high // the lowest bit set is in the first zero byte
		if zero == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(zero) / 8
		if i+2 >= len(b) {
			break
		}
		switch {
		case b[i+1] != 0:
			i += 2
		case b[i+2] == 1:
			return i
		default:
			i++
		}
	}
	for ; i+2 < len(b); i++ {
		if b[i] == 0 && b[i+1] == 0 && b[i+2] == 1 {
			return i
		}
	}
	return -1
}

// nalus calls f for every NAL unit of a byte stream (ITU-T H.264 annex B): the
// position of its start code, with the zero bytes before it that are no part of
// another unit, and the unit without trailing zeros. whole is false for the unit that
// b may end within. f returns false to stop.
func nalus(b []byte, f func(at int, nal []byte, whole bool) bool) {
	for i := startCode(b, 0); i >= 0; {
		begin := i + 3
		next := startCode(b, begin)
		end := next
		if next < 0 {
			end = len(b)
		}
		nal := bytes.TrimRight(b[begin:end], "\x00")
		at := i
		for at > 0 && b[at-1] == 0 {
			at--
		}
		if !f(at, nal[:len(nal):len(nal)], next >= 0) {
			return
		}
		i = next
	}
}

// unescape returns at most the first n bytes of the raw payload of a NAL unit: a
// copy without emulation prevention bytes.
func unescape(nal []byte, n int) []byte {
	out := make([]byte, 0, min(n, len(nal)))
	zeros := 0
	for _, c := range nal {
		if len(out) == n {
			break
		}
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// bitReader reads bits, most significant first. Beyond the end it reads zeros and
// remembers.
type bitReader struct {
	b     []byte
	at    int // bits read
	short bool
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.at >> 3; i < len(r.b) {
			v |= uint32(r.b[i]>>(7-r.at&7)) & 1
		} else {
			r.short = true
		}
		r.at++
	}
	return v
}

// skip reads n bits that nobody asks for.
func (r *bitReader) skip(n int) {
	r.at += n
	r.short = r.short || r.at > 8*len(r.b)
}

// appendBytes appends the next n bytes, which must be there, to dst.
func (r *bitReader) appendBytes(dst []byte, n int) []byte {
	at, shift := r.at>>3, r.at&7
	r.at += 8 * n
	if shift == 0 {
		return append(dst, r.b[at:at+n]...)
	}
	for i := at; i < at+n; i++ {
		dst = append(dst, r.b[i]<<shift|r.b[i+1]>>(8-shift))
	}
	return dst
}

// ue reads an unsigned Exp-Golomb code (H.264 clause 9.1).
func (r *bitReader) ue() uint32 {
	zeros := 0
	for r.bits(1) == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// videoFormat returns "1920x1080i25"; rate is of frames, 0 if unknown.
func videoFormat(width, height int, interlaced bool, rate float64) string {
	s := strconv.Itoa(width) + "x" + strconv.Itoa(height)
	if interlaced {
		s += "i"
	} else {
		s += "p"
	}
	if rate > 0 && rate < 1000 {
		s += strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", rate), "0"), ".")
	}
	return s
}
