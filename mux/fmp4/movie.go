package fmp4

import (
	"fmt"
	"io"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Movie is what the header of a file tells: a CMAF header, or the moov of any file.
// All byte slices are sub-slices of what was parsed.
type Movie struct {
	Brands     []string // major brand, then the compatible ones
	Timescale  uint32
	Duration   uint64 // in Timescale, without fragments
	Tracks     []*MovieTrack
	Fragmented bool     // samples are in fragments (mvex)
	Other      [][]byte // boxes of moov that are not read here, verbatim: pssh, udta, meta
}

// MovieTrack is one track of a movie.
type MovieTrack struct {
	Track // Format is that of the first sample entry
	// Formats are those of all sample entries; of what is not known here Codec is
	// flow.CodecUnknown.
	Formats []es.Format
	Entry   string // type of the first sample entry: "avc1", "encv"
	// Protection is the sinf of a sample entry whose samples are encrypted, verbatim; its
	// format is that of what is inside (ISO/IEC 14496-12 clause 8.12).
	Protection []byte
	Handler    string // "vide", "soun"
	Duration   uint64 // in Timescale, without fragments
	// Start is the composition time that is shown at the begin of the movie, in
	// Timescale: what the first edits say. It is negative when nothing is shown at first.
	Start int64
	// Samples are those that are not in fragments.
	Samples Table

	defaults defaults // trex
}

// defaults are what samples have where nothing else is said.
type defaults struct{ description, duration, size, flags uint32 }

const (
	maxTracks  = 256      // tracks of a movie
	maxEntries = 16       // sample entries of a track
	maxMoov    = 64 << 20 // bytes of a moov that is read from a file
	maxTop     = 10000    // boxes of a file before its moov
)

// Track returns the track with the given track_ID, or nil.
func (m *Movie) Track(id uint32) *MovieTrack {
	for _, t := range m.Tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// ParseMovie reads a CMAF header, or the begin of a file with its moov. What follows
// the moov is not looked at. Errors wrap ErrShort, ErrBox or ErrNoMovie.
func ParseMovie(b []byte) (*Movie, error) {
	var all []string
	for x, err := range boxes(b) {
		if err != nil {
			return nil, err
		}
		switch string(x.kind) {
		case "ftyp":
			all = brands(x.body)
		case "moov":
			m, err := parseMoov(x.body)
			if err != nil {
				return nil, err
			}
			m.Brands = all
			return m, nil
		}
	}
	return nil, ErrNoMovie
}

// ReadMovie reads the moov of a file of size bytes, wherever it is in it. Nothing
// larger than 64 MiB is taken.
func ReadMovie(r io.ReaderAt, size int64) (*Movie, error) {
	var all []string
	pos := int64(0)
	for range maxTop {
		var head [16]byte
		n, err := r.ReadAt(head[:min(16, max(size-pos, 0))], pos)
		if err != nil && n < 8 {
			return nil, fmt.Errorf("%w: %w", ErrNoMovie, err)
		}
		h, length, err := header(head[:n])
		if err != nil {
			return nil, err
		}
		if length == 0 {
			length = uint64(size - pos)
		}
		if h == 0 || length > uint64(size-pos) {
			return nil, fmt.Errorf("%w: %w at %d", ErrNoMovie, ErrShort, pos)
		}
		switch string(head[4:8]) {
		case "ftyp", "moov":
			b, err := readBox(r, pos+int64(h), length-uint64(h))
			if err != nil {
				return nil, err
			}
			if head[4] == 'f' {
				all = brands(b)
				break
			}
			m, err := parseMoov(b)
			if err != nil {
				return nil, err
			}
			m.Brands = all
			return m, nil
		}
		pos += int64(length)
	}
	return nil, ErrNoMovie
}

// readBox reads a body of n bytes, which the file has.
func readBox(r io.ReaderAt, pos int64, n uint64) ([]byte, error) {
	if n > maxMoov {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	b := make([]byte, n)
	if got, err := r.ReadAt(b, pos); got < len(b) {
		return nil, fmt.Errorf("box at %d: %w", pos, err)
	}
	return b, nil
}

func parseMoov(b []byte) (*Movie, error) {
	m := &Movie{}
	var extends []byte
	for x, err := range boxes(b) {
		if err == nil {
			switch string(x.kind) {
			case "mvhd":
				err = m.mvhd(x.body)
			case "trak":
				err = m.trak(x.body)
			case "mvex":
				m.Fragmented, extends = true, x.body
			default:
				m.Other = append(m.Other, x.raw)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("moov: %w", err)
		}
	}
	if m.Timescale == 0 {
		return nil, fmt.Errorf("moov: %w: timescale 0", ErrBox)
	}
	return m, m.mvex(extends)
}

func (m *Movie) mvhd(b []byte) error {
	r := reader{b: b}
	version, _ := r.full()
	r.sized(version)
	r.sized(version)
	m.Timescale, m.Duration = r.u32(), r.sized(version)
	return r.error("mvhd")
}

func (m *Movie) mvex(b []byte) error {
	for x, err := range boxes(b) {
		if err != nil {
			return fmt.Errorf("mvex: %w", err)
		}
		if string(x.kind) != "trex" {
			continue
		}
		r := reader{b: x.body}
		r.full()
		t := m.Track(r.u32())
		d := defaults{r.u32(), r.u32(), r.u32(), r.u32()}
		if err := r.error("trex"); err != nil {
			return err
		}
		if t != nil {
			t.defaults = d
		}
	}
	return nil
}

func (m *Movie) trak(b []byte) error {
	if len(m.Tracks) >= maxTracks {
		return fmt.Errorf("%w: more than %d tracks", ErrBox, maxTracks)
	}
	t := &MovieTrack{}
	var edits []byte
	for x, err := range boxes(b) {
		if err == nil {
			switch string(x.kind) {
			case "tkhd":
				r := reader{b: x.body}
				version, _ := r.full()
				r.sized(version)
				r.sized(version)
				t.ID = r.u32()
				err = r.error("tkhd")
			case "mdia":
				err = t.mdia(x.body)
			case "edts":
				edits = x.body
			}
		}
		if err != nil {
			return fmt.Errorf("trak %d: %w", t.ID, err)
		}
	}
	if t.ID == 0 || t.Timescale == 0 || m.Track(t.ID) != nil {
		return fmt.Errorf("%w: trak %d with timescale %d", ErrBox, t.ID, t.Timescale)
	}
	if err := t.edts(edits, m.Timescale); err != nil {
		return fmt.Errorf("trak %d: %w", t.ID, err)
	}
	m.Tracks = append(m.Tracks, t)
	return nil
}

// edts reads the edit list up to the first edit that shows something (ISO/IEC
// 14496-12 clause 8.6.6).
func (t *MovieTrack) edts(b []byte, timescale uint32) error {
	for x, err := range boxes(b) {
		if err != nil {
			return fmt.Errorf("edts: %w", err)
		}
		if string(x.kind) != "elst" {
			continue
		}
		r := reader{b: x.body}
		version, _ := r.full()
		n := r.u32()
		for range n {
			duration := r.sized(version)
			media := int64(r.sized(version))
			if version == 0 {
				media = int64(int32(media))
			}
			r.skip(4)
			if r.failed {
				return r.error("elst")
			}
			if media >= 0 {
				t.Start += media
				return nil
			}
			if timescale > 0 {
				t.Start -= int64(float64(duration) / float64(timescale) * float64(t.Timescale))
			}
		}
	}
	return nil
}

func (t *MovieTrack) mdia(b []byte) error {
	for x, err := range boxes(b) {
		if err == nil {
			switch string(x.kind) {
			case "mdhd":
				err = t.mdhd(x.body)
			case "hdlr":
				r := reader{b: x.body}
				r.skip(8)
				t.Handler = string(r.take(4))
				t.Kind = kindOf(t.Handler)
				err = r.error("hdlr")
			case "elng":
				r := reader{b: x.body}
				r.full()
				t.Language = r.cstring()
			case "minf":
				err = t.minf(x.body)
			}
		}
		if err != nil {
			return fmt.Errorf("mdia: %w", err)
		}
	}
	return nil
}

func kindOf(handler string) flow.Kind {
	switch handler {
	case "vide":
		return flow.KindVideo
	case "soun":
		return flow.KindAudio
	case "text", "subt", "sbtl":
		return flow.KindText
	default:
		return flow.KindData
	}
}

func (t *MovieTrack) mdhd(b []byte) error {
	r := reader{b: b}
	version, _ := r.full()
	r.sized(version)
	r.sized(version)
	t.Timescale, t.Duration = r.u32(), r.sized(version)
	if code := r.u16(); t.Language == "" {
		t.Language = unpack(code)
	}
	return r.error("mdhd")
}

// unpack returns the ISO 639-2 code of mdhd; empty when it is undetermined or, as in
// QuickTime files, something else.
func unpack(code uint16) string {
	b := [3]byte{byte(code>>10&31) + 0x60, byte(code>>5&31) + 0x60, byte(code&31) + 0x60}
	for _, c := range b {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	if s := string(b[:]); s != "und" {
		return s
	}
	return ""
}

func (t *MovieTrack) minf(b []byte) error {
	for x, err := range boxes(b) {
		if err != nil {
			return fmt.Errorf("minf: %w", err)
		}
		if string(x.kind) == "stbl" {
			if err := t.stbl(x.body); err != nil {
				return fmt.Errorf("stbl: %w", err)
			}
		}
	}
	return nil
}

func (t *MovieTrack) stbl(b []byte) error {
	for x, err := range boxes(b) {
		if err == nil {
			if string(x.kind) == "stsd" {
				err = t.stsd(x.body)
			} else {
				err = t.Samples.box(&x)
			}
		}
		if err != nil {
			return err
		}
	}
	return t.Samples.check()
}
