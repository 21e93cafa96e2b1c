package fmp4

import "time"

// AppendStyp appends a segment type box, which begins a segment (ISO/IEC 23009-1
// clause 6.3.4.2, ISO/IEC 23000-19 clause 7.3.3). indexed says that a sidx follows,
// last that the segment is the last of its period.
func AppendStyp(dst []byte, indexed, last bool) []byte {
	a := appender{b: dst}
	a.styp(indexed, last)
	return a.b
}

func (a *appender) styp(indexed, last bool) {
	at := a.box("styp")
	a.text("msdh")
	a.u32(0)
	a.text("msdhcmfscmfl")
	if indexed {
		a.text("msix")
	}
	if last {
		a.text("lmsg")
	}
	a.end(at)
}

// Producer says when the first sample of a chunk was made (ISO/IEC 14496-12 clause
// 8.16.5).
type Producer struct {
	NTP   uint64 // as NTP makes it of UTC
	Time  uint64 // media time that NTP belongs to, in units of the timescale of the track
	Flags uint32 // 0 encoder input, 1 encoder output, 2 chunk finalised, 4 chunk written, 8 arbitrary, 24 captured
}

// NTP returns a UTC as an NTP timestamp: seconds since 1900 in the upper 32 bits,
// their fraction in the lower ones (RFC 5905 clause 6).
func NTP(t time.Time) uint64 {
	const since1900 = 2208988800
	seconds := uint64(t.Unix() + since1900)
	return seconds<<32 | uint64(t.Nanosecond())<<32/1e9
}

func (a *appender) prft(c *Chunk) {
	at := a.full("prft", 1, c.Producer.Flags)
	a.u32(c.TrackID)
	a.u64(c.Producer.NTP)
	a.u64(c.Producer.Time)
	a.end(at)
}

// Emsg is an event message (ISO/IEC 23009-1 clause 5.10.3.3).
type Emsg struct {
	Version   uint8 // 0 or 1
	Scheme    string
	Value     string
	Timescale uint32
	Time      uint64 // in Timescale: of version 1 media time, of version 0 since the begin of the segment
	Duration  uint32 // in Timescale; all ones when unknown
	ID        uint32
	Data      []byte
}

// size returns the length of the box.
func (e *Emsg) size() int { return 12 + len(e.Scheme) + len(e.Value) + 2 + 20 + len(e.Data) }

func (a *appender) emsg(e *Emsg) {
	at := a.full("emsg", e.Version, 0)
	if e.Version == 0 {
		a.cstring(e.Scheme)
		a.cstring(e.Value)
	}
	a.u32(e.Timescale)
	if e.Version == 0 {
		a.u32(uint32(e.Time))
	} else {
		a.u64(e.Time)
	}
	a.u32(e.Duration)
	a.u32(e.ID)
	if e.Version != 0 {
		a.cstring(e.Scheme)
		a.cstring(e.Value)
	}
	a.bytes(e.Data)
	a.end(at)
}
