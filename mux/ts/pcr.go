package ts

import "sigma/mux/flow"

// pcrSize is the coded length of a PCR in bytes: base 33, reserved 6, extension 9
// bits (ISO/IEC 13818-1 table 2-6).
const pcrSize = 6

// pcrField returns the six bytes of the PCR, or nil if the packet has none.
func pcrField(p []byte) []byte {
	af := AdaptationField(p)
	if len(af) < 1+pcrSize || af[0]&flagPCR == 0 {
		return nil
	}
	return af[1 : 1+pcrSize]
}

// HasPCR reports whether the packet carries a PCR.
func HasPCR(p []byte) bool { return pcrField(p) != nil }

// PCR returns the program clock reference in periods of 27 MHz, base*300+extension,
// and whether the packet carries one. It is below 2^33*300 unless the extension is
// beyond its limit of 299: such a PCR is not valid, and reported as none.
func PCR(p []byte) (pcr uint64, ok bool) {
	f := pcrField(p)
	if f == nil {
		return 0, false
	}
	base := uint64(f[0])<<25 | uint64(f[1])<<17 | uint64(f[2])<<9 | uint64(f[3])<<1 | uint64(f[4])>>7
	ext := uint64(f[4]&1)<<8 | uint64(f[5])
	if ext >= flow.TicksPer90k {
		return 0, false
	}
	return base*flow.TicksPer90k + ext, true
}

// SetPCR overwrites the PCR with v periods of 27 MHz, modulo 2^33*300. It reports
// false, and changes nothing, if the packet carries no PCR.
func SetPCR(p []byte, v uint64) bool {
	f := pcrField(p)
	if f == nil {
		return false
	}
	putPCR(f, v)
	return true
}

func putPCR(f []byte, v uint64) {
	v %= uint64(flow.WrapTicks)
	base, ext := v/flow.TicksPer90k, v%flow.TicksPer90k
	f[0] = byte(base >> 25)
	f[1] = byte(base >> 17)
	f[2] = byte(base >> 9)
	f[3] = byte(base >> 1)
	f[4] = byte(base<<7) | 0x7E | byte(ext>>8)
	f[5] = byte(ext)
}

// AppendPCRPacket appends a packet that carries nothing but a PCR (27 MHz). Such a
// packet does not count: cc is the continuity counter of the packet before it on
// the PID.
func AppendPCRPacket(dst []byte, pid uint16, cc uint8, pcr uint64) []byte {
	at := len(dst)
	null := Null()
	dst = append(dst, null[:]...)
	p := dst[at:]
	SetPID(p, pid)
	p[3] = 0x20 | cc&0x0F
	p[4] = PacketSize - headerSize - 1
	p[5] = flagPCR
	putPCR(p[6:], pcr)
	return dst
}

// Null returns a null packet: PID 0x1FFF, payload of 0xFF.
func Null() [PacketSize]byte {
	p := [PacketSize]byte{Sync, NullPID >> 8, NullPID & 0xFF, 0x10}
	for i := headerSize; i < PacketSize; i++ {
		p[i] = 0xFF
	}
	return p
}

// Unwrapper turns the PCR of one programme, which folds every 26.5 hours, into
// unwrapped ticks. The zero value is ready for the first PCR.
type Unwrapper struct {
	last  flow.Ticks
	begun bool
}

// Unwrap returns raw, a PCR in periods of 27 MHz, as unwrapped ticks, and the signed
// step from the PCR before it, 0 for the first. Every step is taken as the shorter
// way round, at most 13.25 h forwards or backwards; what size of step is a
// discontinuity is for the caller to say (TR 101 290 indicator 2.3.b: outside 0 to
// 100 ms). The first result is raw itself.
func (u *Unwrapper) Unwrap(raw uint64) (t, step flow.Ticks) {
	if !u.begun {
		u.begun = true
		u.last = flow.Ticks(raw % uint64(flow.WrapTicks))
		return u.last, 0
	}
	t = nearest(flow.Ticks(raw%uint64(flow.WrapTicks)), u.last)
	step = t - u.last
	u.last = t
	return t, step
}

// Reset makes the next PCR the first again.
func (u *Unwrapper) Reset() { *u = Unwrapper{} }

// UnwrapPTS returns a 33-bit PTS or DTS (90 kHz) as unwrapped ticks: of all the
// times it can mean, the one nearest to near, an unwrapped time of the same
// programme.
func UnwrapPTS(pts uint64, near flow.Ticks) flow.Ticks {
	return nearest(flow.Ticks(pts&(1<<33-1))*flow.TicksPer90k, near)
}

// nearest returns the value congruent to t modulo the wrap that is nearest to near.
func nearest(t, near flow.Ticks) flow.Ticks {
	d := (t - near) % flow.WrapTicks
	switch {
	case d >= flow.WrapTicks/2:
		d -= flow.WrapTicks
	case d < -flow.WrapTicks/2:
		d += flow.WrapTicks
	}
	return near + d
}
