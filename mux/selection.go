package mux

import (
	"slices"

	"sigma/mux/flow"
	"sigma/mux/psi"
	"sigma/mux/ts"
)

// Selection says which programme of the input is taken and what it is called on
// the way out. The zero value takes the first programme as it is.
type Selection struct {
	Program   uint16 // program_number in the input; 0 takes the first of the PAT
	ServiceID uint16 // program_number and service_id on the way out; 0 keeps that of the input
	Name      string // service_name on the way out; empty keeps that of the input
	Provider  string // service_provider_name on the way out; empty keeps that of the input
	PIDs      []PID  // PIDs on the way out; streams that are not named keep theirs

	// Versions are those of the first tables. If nil they follow from the content of
	// the tables: after a restart the same table has the version it began with
	// before, and a changed one, in all but 1 of 32 cases, another, where counting from
	// 0 would let receivers keep the tables they have. Later changes count on by one
	// (EN 300 468 clause 5.1.1), from either beginning.
	Versions *Versions
}

// Renames reports whether s asks for anything but the programme as it is.
func (s *Selection) Renames() bool {
	return s.ServiceID != 0 || s.Name != "" || s.Provider != "" || len(s.PIDs) > 0
}

// PID gives one PID of the programme a value on the way out.
type PID struct {
	Kind  byte   // 'v' video, 'a' audio, 't' teletext or subtitles, 'l' any other; 'm' the PMT, 'p' the PCR
	Index int    // place among its kind in the PMT, from 1; not used for 'm' and 'p'
	Value uint16 // 0x20 to 0x1FFA
}

// Versions are the version_numbers of the tables made here, 0 to 31.
type Versions struct {
	PAT, PMT, SDT uint8
}

// kindOf returns the class of a stream by its stream_type (ISO/IEC 13818-1 table
// 2-34) and, for private PES, by its descriptors (EN 300 468 table 12).
func kindOf(s *psi.Stream) byte {
	switch s.Type {
	case 0x01, 0x02, 0x10, 0x1B, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x33, 0x42, 0xD1, 0xD2, 0xEA:
		return 'v'
	case 0x03, 0x04, 0x0F, 0x11, 0x1C, 0x2D, 0x2E, 0x81, 0x83, 0x84, 0x87:
		return 'a'
	case 0x06:
		return kindOfPrivate(s.Descriptors)
	}
	return 'l'
}

// kindOfPrivate returns the class of a stream of private PES packets.
func kindOfPrivate(ds psi.Descriptors) byte {
	for _, d := range ds {
		switch d.Tag() {
		case 0x56, 0x46, 0x59: // teletext, VBI teletext, subtitling
			return 't'
		case 0x6A, 0x7A, 0x7B, 0x7C: // AC-3, enhanced AC-3, DTS, AAC
			return 'a'
		case 0x05:
			switch string(descriptorData(d)) {
			case "AC-3", "EAC3", "Opus", "BSSD", "DTS1", "DTS2", "DTS3":
				return 'a'
			case "HEVC", "AV01", "VC-1":
				return 'v'
			}
		}
	}
	return 'l'
}

// descriptorData returns what follows descriptor_length, or nil if the descriptor
// cannot be written.
func descriptorData(d psi.Descriptor) []byte {
	b, err := psi.Descriptors{d}.AppendTo(nil)
	if err != nil || len(b) < 2 {
		return nil
	}
	return b[2:]
}

// firstFree is the lowest PID a stream is moved to: below it lie the tables of
// DVB (EN 300 468 table 1).
const firstFree = 0x20

// pidMap maps the PIDs of one programme: from those of the input to those on the
// way out.
type pidMap struct {
	to   map[uint16]uint16
	used map[uint16]bool // on the way out
}

// carried reports whether a PID can carry a stream of a programme. PIDs below
// 0x10 and the null PID belong to tables and stuffing, whatever a PMT says; 0x10
// to 0x1F are the SI of DVB.
func carried(pid uint16) bool { return pid >= firstFree && pid < ts.NullPID }

// add maps pid to the wanted value, or to the next free one.
func (m *pidMap) add(pid, want uint16) {
	if _, known := m.to[pid]; known || !carried(pid) {
		return
	}
	for range ts.NullPID {
		if !m.used[want] && carried(want) {
			break
		}
		if want++; !carried(want) {
			want = firstFree
		}
	}
	m.used[want] = true
	m.to[pid] = want
}

// mapPIDs resolves the wishes for one programme. Named streams get their value
// first; the others keep their PID unless it is taken, and then move to the next
// free one. A PCR inside a stream stays with the stream.
func mapPIDs(wishes []PID, pmtPID uint16, pmt *psi.PMT) *pidMap {
	m := &pidMap{to: map[uint16]uint16{}, used: map[uint16]bool{}}
	count := map[byte]int{}
	wish := func(kind byte, index int) (uint16, bool) {
		i := slices.IndexFunc(wishes, func(p PID) bool {
			return p.Kind == kind && (p.Index == index || kind == 'm' || kind == 'p')
		})
		if i < 0 {
			return 0, false
		}
		return wishes[i].Value, true
	}
	if v, ok := wish('m', 0); ok {
		m.add(pmtPID, v)
	}
	for i := range pmt.Streams {
		kind := kindOf(&pmt.Streams[i])
		count[kind]++
		if v, ok := wish(kind, count[kind]); ok {
			m.add(pmt.Streams[i].PID, v)
		}
	}
	isStream := slices.ContainsFunc(pmt.Streams, func(s psi.Stream) bool { return s.PID == pmt.PCRPID })
	if v, ok := wish('p', 0); ok && !isStream {
		m.add(pmt.PCRPID, v)
	}
	rest := append([]uint16{pmtPID, pmt.PCRPID}, caPIDs(pmt)...)
	for i := range pmt.Streams {
		rest = append(rest, pmt.Streams[i].PID)
	}
	for _, pid := range rest {
		if !m.used[pid] {
			m.add(pid, pid)
		}
	}
	for _, pid := range rest {
		m.add(pid, pid)
	}
	return m
}

// get returns the PID on the way out of a PID that was added; others stay.
func (m *pidMap) get(pid uint16) uint16 {
	if to, ok := m.to[pid]; ok {
		return to
	}
	return pid
}

// packets yields the whole packets of b.
func packets(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) >= flow.PacketSize {
			if !yield(b[:flow.PacketSize:flow.PacketSize]) {
				return
			}
			b = b[flow.PacketSize:]
		}
	}
}
