package es

import "sigma/mux/flow"

// Follower follows the access units of one track, in decode order, and knows at any
// time what a decoder, a container or a manifest is to be told of it. It is for one
// goroutine; make one with NewFollower. What it keeps of the access units it copies.
type Follower struct {
	row      *row
	track    tracker
	format   *Format
	captions captionScan
	times    decodeTimes
}

// tracker is the part of a Follower that depends on the codec.
type tracker interface {
	// look takes notice of an access unit, and reports whether the format has to be
	// taken anew.
	look(units [][]byte) bool
	// format returns the format of the newest access unit; ok is false while a decoder
	// could not be set up.
	format() (f Format, ok bool)
	// sample appends an access unit in the form of the container.
	sample(dst []byte, units [][]byte) []byte
}

// NewFollower returns a follower for a codec. Of a codec that no container knows it
// never has a format.
func NewFollower(c flow.Codec) *Follower {
	f := &Follower{row: of(c)}
	if f.row.follow != nil {
		f.track = f.row.follow()
	}
	return f
}

// NewTrackFollower returns a follower for a track of a transport stream, whose
// descriptors tell what the elementary stream does not: the channels of Opus, and that
// AAC has parametric stereo.
func NewTrackFollower(t *flow.Track) *Follower {
	f := NewFollower(t.Codec)
	switch t.Codec {
	case flow.CodecOpus:
		f.track = opusTrack(opusConfig(t.Info))
	case flow.CodecAAC:
		f.track = &adtsTrack{hint: aacHint(t.Info)}
	default:
	}
	return f
}

// Push looks at the next access unit, as a Splitter gives it. It reports whether this
// access unit needs a decoder that is set up anew: what Format returns is then not
// Same as before. Parameter sets that come again without change are none, and captions
// that are found are none, though Format returns another one for them.
func (f *Follower) Push(units [][]byte) (changed bool) {
	if f.track == nil {
		return false
	}
	if f.track.look(units) {
		if n, ok := f.track.format(); ok {
			changed = f.format == nil || !f.format.Same(&n)
			n.Captions = f.captions.names()
			f.format = &n
		}
	}
	if f.row.kind == flow.KindVideo && f.captions.look(f.row.codec, units) && f.format != nil {
		n := *f.format
		n.Captions = f.captions.names()
		f.format = &n
	}
	return changed
}

// Format returns the format of the access unit pushed last, nil until a decoder could
// be set up. It is immutable: a change makes another one.
func (f *Follower) Format() *Format { return f.format }

// AppendSample appends an access unit to dst in the form that a sample of a container
// has with the configuration record of Format, and returns the result: NAL units with
// lengths of four bytes and without delimiters and parameter sets, audio without the
// headers of its transport.
func (f *Follower) AppendSample(dst []byte, units [][]byte) []byte {
	if f.track == nil {
		return appendUnits(dst, units)
	}
	return f.track.sample(dst, units)
}

// Sync reports whether a decoder can start at an access unit.
func (f *Follower) Sync(units [][]byte) bool {
	if f.row.sync == nil {
		return f.row.kind != flow.KindVideo
	}
	return f.row.sync(units)
}

func appendUnits(dst []byte, units [][]byte) []byte {
	for _, u := range units {
		dst = append(dst, u...)
	}
	return dst
}
