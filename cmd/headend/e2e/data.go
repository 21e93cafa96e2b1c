package e2e

import (
	"encoding/binary"
	"slices"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

// The PIDs of what addData adds.
const (
	teletextPID  = 0x120
	subtitlesPID = 0x121
)

// addData puts a teletext (EN 300 472) and a DVB subtitle stream (EN 300 743) into
// the null packets of a recording with one programme, and into its PMT.
func addData(data []byte, pmt uint16) {
	var now uint64 // of the newest PCR
	next := map[uint16]uint64{}
	cc := map[uint16]uint8{}
	for p := data; len(p) >= 188; p = p[188:] {
		if v, ok := ts.PCR(p); ok {
			now = v
		}
		switch ts.PID(p) {
		case pmt:
			addToPMT(p[:188])
		case ts.NullPID:
			pts := now/300 + 18_000
			for _, s := range []struct {
				pid   uint16
				every uint64 // ticks of 27 MHz
				pes   func(pts uint64) []byte
			}{{teletextPID, 27_000_000 / 25, teletextPES}, {subtitlesPID, 27_000_000 / 2, subtitlePES}} {
				if now >= next[s.pid] && now > 0 {
					next[s.pid] = now + s.every
					single(p[:188], s.pid, cc[s.pid], s.pes(pts))
					cc[s.pid]++
					break
				}
			}
		}
	}
}

// addToPMT adds the two streams to a PMT that lies in one packet.
func addToPMT(p []byte) {
	section := ts.Payload(p)
	section = section[1+section[0]:]
	n := 3 + int(binary.BigEndian.Uint16(section[1:])&0xFFF)
	s := slices.Concat(section[:n-4],
		// teletext_descriptor: initial page 100; subtitling_descriptor: normal, pages 1 (EN 300 468 6.2.43, 6.2.41)
		[]byte{0x06, 0xE0 | teletextPID>>8, teletextPID & 0xFF, 0xF0, 7, 0x56, 5, 'e', 'n', 'g', 1<<3 | 1, 0x00},
		[]byte{0x06, 0xE0 | subtitlesPID>>8, subtitlesPID & 0xFF, 0xF0, 10, 0x59, 8, 'v', 'i', 'e', 0x10, 0, 1, 0, 1})
	binary.BigEndian.PutUint16(s[1:], 0xB000|uint16(len(s)+4-3))
	s = binary.BigEndian.AppendUint32(s, psi.CRC32(s))
	for i := copy(section, s); i < len(section); i++ {
		section[i] = 0xFF
	}
}

// single writes a packet that holds one whole PES, with stuffing before it.
func single(p []byte, pid uint16, cc uint8, pes []byte) {
	copy(p, []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10 | cc&15})
	at := 188 - len(pes)
	if at > 4 {
		p[3] |= 0x20
		p[4] = byte(at - 5)
		for i := 5; i < at; i++ {
			p[i] = 0xFF
		}
		if at > 5 {
			p[5] = 0
		}
	}
	copy(p[at:], pes)
}

// pes makes a PES of private_stream_1 with a PTS and a header of some length
// (ISO/IEC 13818-1, 2.4.3.6).
func pes(pts uint64, header int, payload []byte) []byte {
	b := []byte{0, 0, 1, 0xBD, 0, 0, 0x84, 0x80, byte(header),
		0x21 | byte(pts>>29)&0x0E, byte(pts >> 22), 1 | byte(pts>>14), byte(pts >> 7), 1 | byte(pts<<1)}
	for len(b) < 9+header {
		b = append(b, 0xFF)
	}
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-6))
	return b
}

// teletextPES makes three rows of page 100 (EN 300 472, 4: a header of 45 bytes, data
// units of 46, 184 bytes in all).
func teletextPES(pts uint64) []byte {
	payload := []byte{0x10} // EBU data
	for line := range byte(3) {
		payload = append(payload, 0x02, 44, 0xE0|(7+line), 0xE4)
		for i := range byte(42) {
			payload = append(payload, byte(pts>>3)+line+i)
		}
	}
	return pes(pts, 36, payload)
}

// subtitlePES makes a display set that shows nothing (EN 300 743, 7.2.2 and 7.2.7).
func subtitlePES(pts uint64) []byte {
	return pes(pts, 5, []byte{0x20, 0x00,
		0x0F, 0x10, 0, 1, 0, 2, 5, byte(pts>>12)&0xF0 | 0x07,
		0x0F, 0x80, 0, 1, 0, 0,
		0xFF})
}
