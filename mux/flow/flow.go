// Package flow owns the currency of the headend: batches of transport stream
// packets, frames of elementary streams, and the ring that carries either from
// one writer to any number of readers.
//
// It refuses everything that needs a socket, a clock or a goroutine: time comes
// in as arguments, and the bytes it carries are never touched.
package flow

import (
	"context"
	"time"
)

// Ticks counts periods of the 27 MHz system clock (ISO/IEC 13818-1 clause
// 2.4.2), unwrapped: it grows monotonically within an epoch and does not fold at
// the 33-bit limit of the base.
type Ticks int64

const (
	// TicksPerSecond is the nominal system clock frequency in Hz.
	TicksPerSecond = 27_000_000
	// TicksPer90k is the number of system clock periods in one period of the
	// 90 kHz clock of PTS and DTS.
	TicksPer90k = 300
	// WrapTicks is the period after which a PCR folds: 2^33 periods of 90 kHz.
	WrapTicks = Ticks(1<<33) * TicksPer90k
	// PacketSize is the length of a transport stream packet in bytes.
	PacketSize = 188
)

// Duration converts a span of ticks to wall time, rounding towards zero to
// nanoseconds. It is for display and time-outs, never for media time.
func (t Ticks) Duration() time.Duration {
	s, r := t/TicksPerSecond, t%TicksPerSecond
	return time.Duration(s)*time.Second + time.Duration(r)*1000/27
}

// FromDuration converts wall time to ticks, rounding towards zero.
func FromDuration(d time.Duration) Ticks {
	s, r := d/time.Second, d%time.Second
	return Ticks(s)*TicksPerSecond + Ticks(r)*27/1000
}

// Mark is a set of facts about an item.
type Mark uint8

const (
	// RandomAccess says that a decoder can start at the first byte of the item.
	RandomAccess Mark = 1 << iota
	// Discontinuity says that the time base or the continuity counters break
	// before the item, and that this is known and announced.
	Discontinuity
	// Gap says that items before this one are missing for this reader.
	Gap
	// Corrupt says that the item holds damaged media.
	Corrupt
)

// Has reports whether every mark of x is set in m.
func (m Mark) Has(x Mark) bool { return m&x == x }

// Stamp is what the ring knows of an item, whatever the item carries.
type Stamp struct {
	Seq     uint64        // set by Ring.Append; a hole tells a reader what it lost
	Arrived time.Duration // arrival of the first byte on our monotonic clock
	Epoch   uint32        // changes with the Layout or the time base
	Marks   Mark
}

// Item is one entry of a ring.
type Item[T any] struct {
	Stamp
	V T
}

// Batch is an immutable run of whole 188-byte transport stream packets.
type Batch struct {
	Data  []byte // length is a multiple of 188; nobody writes to it after Append
	Clock Ticks  // programme clock at the first packet, from PCR; 0 while unknown
}

// Packets returns the number of transport stream packets in b.
func (b Batch) Packets() int { return len(b.Data) / PacketSize }

// TrackID names a track within a Layout. For transport stream inputs it is the
// PID of the elementary stream.
type TrackID uint16

// Frame is one access unit of one track.
type Frame struct {
	Track    TrackID
	PTS, DTS Ticks    // as in the PES, unwrapped; DTS equals PTS when the PES has none
	Units    [][]byte // NAL units or audio frames: sub-slices of what came in, immutable
}

// Layout describes the tracks of a programme. It is immutable: a new one, with a
// new Epoch, is made for every change.
type Layout struct {
	Epoch  uint32
	Tracks []Track
}

// Track returns the track with the given id, or nil.
func (l *Layout) Track(id TrackID) *Track {
	for i := range l.Tracks {
		if l.Tracks[i].ID == id {
			return &l.Tracks[i]
		}
	}
	return nil
}

// Track describes one elementary stream.
type Track struct {
	ID         TrackID
	Kind       Kind
	Codec      Codec
	StreamType uint8  // stream_type of the PMT, 0 for inputs that are not transport streams
	Language   string // ISO 639-2 code, empty when unknown
	Info       []byte // ES_info descriptors of the PMT, verbatim; immutable
}

// Kind is the class of media a track carries.
type Kind uint8

// The kinds of track.
const (
	KindData Kind = iota
	KindVideo
	KindAudio
	KindText
)

// Codec is the coding of a track.
type Codec uint8

// The codings a headend meets.
const (
	CodecUnknown Codec = iota
	CodecMPEG1Video
	CodecMPEG2Video
	CodecH264
	CodecHEVC
	CodecVVC
	CodecAV1
	CodecVP9
	CodecMPEGAudio // MPEG-1 and MPEG-2 audio, layers I to III
	CodecAAC       // ADTS
	CodecAACLATM
	CodecAC3
	CodecEAC3
	CodecAC4
	CodecDTS
	CodecOpus
	CodecSMPTE302M
	CodecPCMA
	CodecPCMU
	CodecTeletext
	CodecDVBSubtitle
	CodecSCTE35
	CodecAIT
	CodecID3
	CodecPrivate
)

// Appender takes items in order from one writer. Append never blocks and never
// fails; the bytes of the item belong to the receiver from then on and must not
// be written to again.
type Appender[T any] interface{ Append(Item[T]) }

// Source runs one input until ctx ends or the input fails. It cuts whole packets,
// stamps their arrival, and appends at most every 5 ms or 64 KiB.
type Source interface {
	Run(ctx context.Context, to Appender[Batch]) error
}

// Output runs one packet output until ctx ends or the output fails.
type Output interface {
	Run(ctx context.Context, from *Cursor[Batch]) error
}

// FrameOutput runs one frame output until ctx ends or the output fails.
type FrameOutput interface {
	Run(ctx context.Context, l *Layout, from *Cursor[Frame]) error
}
