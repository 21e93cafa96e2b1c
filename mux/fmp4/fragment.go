package fmp4

import (
	"fmt"
	"math"
)

// Fragment is a movie fragment: moof and mdat, with the boxes before them. All byte
// slices are sub-slices of what was parsed.
type Fragment struct {
	Movie    *Movie // the header it belongs to, or nil
	Position int64  // of Data in the stream
	Data     []byte // the boxes before moof that belong to it, moof, and mdat

	Styp     []string // brands of the segment type box; nil without one
	Index    *Index   // segment index before it, or nil
	Producer *Producer
	Events   []Emsg
	Sequence uint32
	Runs     []Run    // one for each traf
	Other    [][]byte // boxes before moof and in it that are not read here, verbatim
}

// Run is the samples of one track in a fragment.
type Run struct {
	TrackID     uint32
	Description uint32 // sample entry, from 1
	Time        uint64 // decode time of the first sample in Timescale of the track
	Timed       bool   // Time is known: there is a tfdt or a tfxd, or the Decoder knows the fragment before
	Samples     []FragmentSample
	Span        *Span    // tfxd of Smooth Streaming, or nil
	Next        []Span   // tfrf of Smooth Streaming
	Other       [][]byte // boxes of traf that are not read here, verbatim: senc, saiz, saio, sbgp
}

// FragmentSample is one sample of a fragment.
type FragmentSample struct {
	Offset, Size int // of its bytes in Data
	Time         uint64
	Duration     uint32
	Composition  int32  // presentation time minus decode time
	Flags        uint32 // sample_flags (ISO/IEC 14496-12 clause 8.8.3.1)
}

// Sync reports whether a sample is a random access point.
func (s *FragmentSample) Sync() bool { return s.Flags&0x10000 == 0 }

// Duration returns the sum of the durations of the samples.
func (r *Run) Duration() uint64 {
	d := uint64(0)
	for i := range r.Samples {
		d += uint64(r.Samples[i].Duration)
	}
	return d
}

// maxSamples is how many samples are taken of a fragment.
const maxSamples = 1 << 16

// ParseSegment reads the fragments of a whole segment. m is the header it belongs to;
// nil when the fragments say everything themselves, as those of CMAF and of Smooth
// Streaming do. A moov in the segment takes its place. Errors wrap ErrShort or ErrBox.
func ParseSegment(b []byte, m *Movie) ([]*Fragment, error) {
	d := Decoder{MaxBox: math.MaxInt, movie: m, pending: b[:len(b):len(b)]}
	var all []*Fragment
	for {
		f, err := d.Next()
		if err != nil {
			return all, err
		}
		if f == nil {
			return all, d.Close()
		}
		all = append(all, f)
	}
}

// moof reads the body of the moof that begins at a position of f.Data.
func (f *Fragment) moof(b []byte, at int) error {
	p := parser{f: f, moof: at}
	for x, err := range boxes(b) {
		if err == nil {
			switch string(x.kind) {
			case "mfhd":
				r := reader{b: x.body}
				r.full()
				f.Sequence = r.u32()
				err = r.error("mfhd")
			case "traf":
				err = p.traf(x.body)
			default:
				f.Other = append(f.Other, x.raw)
			}
		}
		if err != nil {
			return fmt.Errorf("moof %d: %w", f.Sequence, err)
		}
	}
	return nil
}

// parser is what has to be known while a moof is read.
type parser struct {
	f     *Fragment
	moof  int // position of moof in Data
	end   int // where the data of the last run ends
	trafs int
	total int // samples

	base     int // of the traf: what data_offset counts from
	defaults defaults
	time     uint64
}

func (p *parser) traf(b []byte) error {
	run := Run{Description: 1}
	p.time = 0
	seen := false
	for x, err := range boxes(b) {
		if err == nil {
			switch k := string(x.kind); k {
			case "tfhd":
				seen, err = true, p.tfhd(&run, x.body)
			case "tfdt":
				r := reader{b: x.body}
				version, _ := r.full()
				run.Time, run.Timed = r.sized(version), true
				p.time = run.Time
				err = r.error(k)
			case "trun":
				if !seen {
					return fmt.Errorf("traf: %w: trun before tfhd", ErrBox)
				}
				err = p.trun(&run, x.body)
			case "uuid":
				err = run.uuid(&x)
			default:
				run.Other = append(run.Other, x.raw)
			}
		}
		if err != nil {
			return fmt.Errorf("traf %d: %w", run.TrackID, err)
		}
	}
	if !seen {
		return fmt.Errorf("traf: %w: no tfhd", ErrBox)
	}
	if run.Span != nil && !run.Timed {
		run.shift(run.Span.Time)
	}
	p.trafs++
	p.f.Runs = append(p.f.Runs, run)
	return nil
}

// shift sets the time of a run that has been read without.
func (r *Run) shift(time uint64) {
	r.Time, r.Timed = time, true
	for i := range r.Samples {
		r.Samples[i].Time += time
	}
}

// uuid reads the boxes of Smooth Streaming.
func (r *Run) uuid(x *box) error {
	if len(x.body) >= 16 {
		switch [16]byte(x.body[:16]) {
		case uuidTfxd:
			s, err := parseSpans(x.body[16:], false)
			if err == nil {
				r.Span = &s[0]
			}
			return err
		case uuidTfrf:
			s, err := parseSpans(x.body[16:], true)
			r.Next = s
			return err
		}
	}
	r.Other = append(r.Other, x.raw)
	return nil
}

func (p *parser) tfhd(run *Run, b []byte) error {
	r := reader{b: b}
	_, flags := r.full()
	run.TrackID = r.u32()
	p.defaults = defaults{}
	if p.f.Movie != nil {
		if t := p.f.Movie.Track(run.TrackID); t != nil {
			p.defaults = t.defaults
		}
	}
	p.base = p.moof
	if flags&tfhdMoof == 0 && p.trafs > 0 {
		p.base = p.end
	}
	if flags&tfhdBase != 0 {
		base := int64(r.u64()) - p.f.Position
		if base < 0 || base > int64(len(p.f.Data)) {
			return fmt.Errorf("tfhd: %w: data at %d of %d bytes", ErrBox, base, len(p.f.Data))
		}
		p.base = int(base)
	}
	for _, v := range [...]struct {
		flag uint32
		to   *uint32
	}{
		{tfhdDescription, &p.defaults.description},
		{tfhdDuration, &p.defaults.duration},
		{tfhdSize, &p.defaults.size},
		{tfhdFlags, &p.defaults.flags},
	} {
		if flags&v.flag != 0 {
			*v.to = r.u32()
		}
	}
	run.Description = max(p.defaults.description, 1)
	p.end = p.base
	return r.error("tfhd")
}

func (p *parser) trun(run *Run, b []byte) error {
	r := reader{b: b}
	_, flags := r.full()
	n := int(r.u32())
	at := p.end
	if flags&trunOffset != 0 {
		at = p.base + int(int32(r.u32()))
	}
	d := p.defaults
	first := d.flags
	if flags&trunFirstFlags != 0 {
		first = r.u32()
	}
	if r.failed {
		return r.error("trun")
	}
	row := 0
	for _, flag := range [...]uint32{trunDuration, trunSize, trunFlags, trunComposition} {
		if flags&flag != 0 {
			row += 4
		}
	}
	if p.total += n; p.total > maxSamples {
		return fmt.Errorf("trun: %w: more than %d samples", ErrBox, maxSamples)
	}
	if n*row > len(r.b) {
		return r.short("trun", n)
	}
	if row == 0 && uint64(n)*uint64(max(d.size, 1)) > uint64(len(p.f.Data)) {
		return fmt.Errorf("trun: %w: %d samples of %d bytes in %d", ErrShort, n, d.size, len(p.f.Data))
	}
	if run.Samples == nil {
		run.Samples = make([]FragmentSample, 0, n)
	}
	for i := range n {
		s := FragmentSample{Offset: at, Time: p.time, Duration: d.duration, Flags: d.flags}
		size := d.size
		if i == 0 {
			s.Flags = first
		}
		if flags&trunDuration != 0 {
			s.Duration = r.u32()
		}
		if flags&trunSize != 0 {
			size = r.u32()
		}
		if flags&trunFlags != 0 {
			s.Flags = r.u32()
		}
		if flags&trunComposition != 0 {
			s.Composition = int32(r.u32()) // of version 0 as well: none has half the range
		}
		s.Size = int(size)
		if at < 0 || at > len(p.f.Data) || s.Size > len(p.f.Data)-at {
			return fmt.Errorf("trun: %w: sample %d of %d bytes at %d of %d", ErrShort, i, s.Size, at, len(p.f.Data))
		}
		at += s.Size
		p.time += uint64(s.Duration)
		run.Samples = append(run.Samples, s)
	}
	p.end = at
	return nil
}

// parsePrft reads the body of a prft.
func parsePrft(b []byte) (*Producer, error) {
	r := reader{b: b}
	version, flags := r.full()
	r.skip(4)
	p := &Producer{Flags: flags, NTP: r.u64()}
	p.Time = r.sized(version)
	return p, r.error("prft")
}

// parseEmsg reads the body of an emsg.
func parseEmsg(b []byte) (Emsg, error) {
	r := reader{b: b}
	version, _ := r.full()
	e := Emsg{Version: version}
	if version > 1 {
		return e, fmt.Errorf("emsg: %w: version %d", ErrBox, version)
	}
	if version == 0 {
		e.Scheme, e.Value = r.cstring(), r.cstring()
	}
	e.Timescale = r.u32()
	e.Time = r.sized(version)
	e.Duration, e.ID = r.u32(), r.u32()
	if version == 1 {
		e.Scheme, e.Value = r.cstring(), r.cstring()
	}
	e.Data = r.b
	return e, r.error("emsg")
}
