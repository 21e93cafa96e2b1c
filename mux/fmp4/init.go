package fmp4

import (
	"fmt"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// Track is what the header of a track tells.
type Track struct {
	ID        uint32 // track_ID, 1 or more
	Timescale uint32 // units of its times per second, 1 or more
	Kind      flow.Kind
	// Format is what the sample entry is made of. Of text, RFC6381 tells which: "wvtt",
	// then Record is the text of the WebVTT header (none: "WEBVTT"), or "stpp" and what
	// follows a point, then Record is the XML name space (none: that of TTML).
	Format es.Format
	// Language is an ISO 639-2 code or a tag of BCP 47; empty when unknown.
	Language string
	// Peak and Average are bit rates in bit/s for btrt and esds; 0 when unknown, and
	// then there is no btrt.
	Peak, Average uint32
}

// AppendInit appends the CMAF header of a track, ftyp and moov (ISO/IEC 23000-19
// clause 7.3.1), to dst. The same track makes the same bytes. There is no edit list:
// composition times are presentation times, and nothing is said of the priming of an
// audio encoder. Errors wrap ErrCodec or ErrFormat, and return dst as it was.
func AppendInit(dst []byte, t Track) ([]byte, error) {
	if t.ID == 0 || t.Timescale == 0 {
		return dst, fmt.Errorf("%w: track %d with timescale %d", ErrFormat, t.ID, t.Timescale)
	}
	a := appender{b: dst}
	a.ftyp(&t)
	moov := a.box("moov")
	a.mvhd(&t)
	trak := a.box("trak")
	a.tkhd(&t)
	if err := a.mdia(&t); err != nil {
		return dst, err
	}
	a.end(trak)
	mvex := a.box("mvex")
	trex := a.full("trex", 0, 0)
	a.u32(t.ID)
	a.u32(1) // default_sample_description_index
	a.zeros(12)
	a.end(trex)
	a.end(mvex)
	a.end(moov)
	return a.b, nil
}

// ftyp claims cmf2 where its rule for composition times holds whatever comes: each
// fragment begins to be shown at its decode time (ISO/IEC 23000-19 clause 7.7.3).
func (a *appender) ftyp(t *Track) {
	at := a.box("ftyp")
	a.text("cmfc")
	a.u32(0)
	a.text("iso6cmfcmp42")
	if !t.Format.Reordered {
		a.text("cmf2")
	}
	a.end(at)
}

func (a *appender) mvhd(t *Track) {
	at := a.full("mvhd", 0, 0)
	a.zeros(8) // creation and modification
	a.u32(t.Timescale)
	a.u32(0)       // duration: that of the fragments
	a.u32(0x10000) // rate 1
	a.u16(0x100)   // volume 1
	a.zeros(10)
	a.matrix()
	a.zeros(24)
	a.u32(max(t.ID+1, t.ID)) // next_track_ID; all ones: search
	a.end(at)
}

func (a *appender) tkhd(t *Track) {
	at := a.full("tkhd", 0, 7) // enabled, in the movie, in the preview
	a.zeros(8)
	a.u32(t.ID)
	a.zeros(8)  // reserved, duration
	a.zeros(12) // reserved, layer, alternate_group
	if t.Kind == flow.KindAudio {
		a.u16(0x100)
	} else {
		a.u16(0)
	}
	a.u16(0)
	a.matrix()
	w, h := shown(&t.Format)
	a.u32(w << 16)
	a.u32(h << 16)
	a.end(at)
}

// shown returns the size of a picture in square samples, its height as coded.
func shown(f *es.Format) (w, h uint32) {
	w = uint32(f.Width)
	if f.SARNum > 0 && f.SARDen > 0 {
		w = uint32(min((int64(f.Width)*int64(f.SARNum)+int64(f.SARDen)/2)/int64(f.SARDen), 0xffff))
	}
	return w, uint32(f.Height)
}

func (a *appender) mdia(t *Track) error {
	e, err := entryOf(t)
	if err != nil {
		return err
	}
	mdia := a.box("mdia")
	at := a.full("mdhd", 0, 0)
	a.zeros(8)
	a.u32(t.Timescale)
	a.u32(0)
	code, extended := language(t.Language)
	a.u16(code)
	a.u16(0)
	a.end(at)
	at = a.full("hdlr", 0, 0)
	a.u32(0)
	a.text(e.handler)
	a.zeros(12)
	a.cstring(e.title)
	a.end(at)
	if extended {
		at = a.full("elng", 0, 0)
		a.cstring(t.Language)
		a.end(at)
	}
	a.minf(t, e)
	a.end(mdia)
	return nil
}

// language packs an ISO 639-2 code into the 15 bits of mdhd; extended says that the
// tag holds more than that.
func language(tag string) (code uint16, extended bool) {
	primary := tag
	for i := range len(tag) {
		if tag[i] == '-' {
			primary = tag[:i]
			break
		}
	}
	if len(primary) != 3 {
		return pack("und"), tag != ""
	}
	for i := range len(primary) {
		if primary[i] < 'a' || primary[i] > 'z' {
			return pack("und"), true
		}
	}
	return pack(primary), primary != tag
}

func pack(code string) uint16 {
	return uint16(code[0]-0x60)<<10 | uint16(code[1]-0x60)<<5 | uint16(code[2]-0x60)
}

func (a *appender) minf(t *Track, e *entry) {
	minf := a.box("minf")
	switch e.header {
	case "vmhd":
		at := a.full("vmhd", 0, 1)
		a.zeros(8)
		a.end(at)
	case "smhd":
		at := a.full("smhd", 0, 0)
		a.zeros(4)
		a.end(at)
	default:
		a.end(a.full(e.header, 0, 0))
	}
	dinf := a.box("dinf")
	dref := a.full("dref", 0, 0)
	a.u32(1)
	a.end(a.full("url ", 0, 1)) // in the same file
	a.end(dref)
	a.end(dinf)
	stbl := a.box("stbl")
	stsd := a.full("stsd", 0, 0)
	a.u32(1)
	at := a.box(e.kind)
	a.zeros(6)
	a.u16(1) // data_reference_index
	e.append(a, t)
	a.end(at)
	a.end(stsd)
	for _, kind := range [...]string{"stts", "stsc"} {
		at = a.full(kind, 0, 0)
		a.u32(0)
		a.end(at)
	}
	at = a.full("stsz", 0, 0)
	a.zeros(8)
	a.end(at)
	at = a.full("stco", 0, 0)
	a.u32(0)
	a.end(at)
	a.end(stbl)
	a.end(minf)
}
