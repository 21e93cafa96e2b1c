package mss

import (
	"slices"
	"strconv"

	"sigma/headend/serve/ask"
	"sigma/headend/serve/reply"
	"sigma/headend/timeline"
	"sigma/mux/flow"
)

// lookAhead is LookAheadFragmentCount: how many fragments that follow each tells of. One
// is what clients use; more would make the stream later by as many.
const lookAhead = 1

// index is a StreamIndex.
type index struct {
	ref    ref
	tracks []*timeline.Track // its levels
	from   int               // of the newest segment that has it
	chunks []chunk
}

// build returns the streams of a view that have fragments. Whole says that none waits for
// its first one; there is none at all then because none can be packaged.
func build(v *timeline.View, selector string) (list []index, whole bool) {
	if len(v.Segments) == 0 {
		return nil, false
	}
	whole = true
	last := len(v.Segments) - 1
	for _, x := range streams(v, selector) {
		if x.chunks = x.listed(v); len(x.chunks) > 0 {
			list = append(list, x)
		} else if x.from == last {
			whole = false
		}
	}
	return list, whole
}

// streams returns the streams of the newest layout with their levels: as the newest
// segment has them, and those that it lacks for once as the newest that has them.
func streams(v *timeline.View, selector string) (all []index) {
	last := len(v.Segments) - 1
	layout := v.Segments[last].Layout
	for k := last; k >= 0 && v.Segments[k].Layout == layout; k-- {
		for _, m := range v.Segments[k].Media {
			if !here(m) || !packed(m.Track) || !ask.Names(selector, m.Track.ID) {
				continue
			}
			r := refOf(m.Track)
			i := slices.IndexFunc(all, func(x index) bool { return x.ref == r })
			if i < 0 {
				i, all = len(all), append(all, index{ref: r, from: k})
			}
			if all[i].from == k {
				all[i].tracks = append(all[i].tracks, m.Track)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b index) int { // video, then audio, then text
		return slices.Index(layout.Tracks, a.tracks[0]) - slices.Index(layout.Tracks, b.tracks[0])
	})
	return all
}

// listed returns the fragments that a manifest tells of: those that all levels have, and
// whose next is known, since the last that clients cannot go on over. They are as many as
// the window has segments: for those at its end that are not told of yet, there are as
// many from before it.
func (x *index) listed(v *timeline.View) (list []chunk) {
	all := x.ref.chunks(v)
	for i := range all[:max(len(all)-lookAhead, 0)] {
		c := &all[i]
		if c.breaks {
			list = list[:0]
		}
		if c.segment.Sequence+lookAhead >= v.Segments[0].Sequence && x.has(c.segment) {
			list = append(list, *c)
		}
	}
	if n := len(all); n > 0 && all[n-1].breaks {
		return nil
	}
	return list
}

// has reports whether a segment has every level.
func (x *index) has(s *timeline.Segment) bool {
	for _, t := range x.tracks {
		if m := s.Track(t.ID); !here(m) || !packed(m.Track) || refOf(m.Track) != x.ref {
			return false
		}
	}
	return true
}

// render makes the manifest of a view, nil when there is nothing for it.
func render(v *timeline.View, selector string) (b *reply.Body, whole bool) {
	list, whole := build(v, selector)
	if len(list) == 0 {
		return nil, whole
	}
	window := uint64(0)
	for _, x := range list {
		window = max(window, x.chunks[len(x.chunks)-1].end()-x.chunks[0].time)
	}
	t := text{b: make([]byte, 0, 4096)}
	t.str(`<?xml version="1.0" encoding="UTF-8"?>`, "\n", `<SmoothStreamingMedia MajorVersion="2" MinorVersion="2" Duration="0"`)
	t.attr("TimeScale", unit)
	t.str(` IsLive="TRUE"`)
	t.attr("LookAheadFragmentCount", lookAhead)
	t.attr("DVRWindowLength", window)
	t.str(` CanSeek="TRUE" CanPause="TRUE">`, "\n")
	for _, x := range list {
		x.write(&t, v)
	}
	t.str("</SmoothStreamingMedia>\n")
	b = reply.NewBody(t.b, manifestType, manifestCache)
	b.SetMarks(t.marks)
	return b, whole
}

// text is an XML document in the making. Nothing in it needs to be escaped. It notes where
// URLs end, for tokens to be put there.
type text struct {
	b     []byte
	marks []int
}

func (t *text) str(parts ...string) {
	for _, s := range parts {
		t.b = append(t.b, s...)
	}
}

// attr appends NAME="n".
func (t *text) attr(name string, n uint64) {
	t.str(" ", name, `="`)
	t.b = strconv.AppendUint(t.b, n, 10)
	t.str(`"`)
}

// write appends the StreamIndex (MS-SSTR clause 2.2.2.3).
func (x *index) write(t *text, v *timeline.View) {
	first, name := x.tracks[0], x.ref.name()
	t.str(`<StreamIndex Type="`, x.ref.typ(), `" Name="`, name, `"`)
	t.attr("TimeScale", unit)
	switch x.ref.kind {
	case flow.KindVideo:
		x.sizes(t)
	case flow.KindText:
		kind := "SUBT"
		if first.Role == timeline.RoleHardOfHearing {
			kind = "CAPT"
		}
		t.str(` Subtype="`, kind, `" Language="`, languageOf(first), `"`)
	default:
		t.str(` Language="`, languageOf(first), `"`)
	}
	t.attr("QualityLevels", uint64(len(x.tracks)))
	t.attr("Chunks", uint64(len(x.chunks)))
	t.str(` Url="QualityLevels({bitrate})/Fragments(`, name, `={start time})`)
	t.marks = append(t.marks, len(t.b))
	t.str("\">\n")
	for i, track := range x.tracks {
		level(t, uint64(i), track, v.Rates[track.ID].Peak)
	}
	for _, c := range x.chunks {
		t.str("<c")
		t.attr("t", c.time)
		t.attr("d", c.long)
		t.str("/>\n")
	}
	t.str("</StreamIndex>\n")
}

// sizes appends the largest picture, as it is coded and as it is shown.
func (x *index) sizes(t *text) {
	big := &x.tracks[0].Format
	for _, track := range x.tracks {
		if f := &track.Format; f.Width*f.Height > big.Width*big.Height {
			big = f
		}
	}
	shown := big.Width
	if big.SARNum > 0 && big.SARDen > 0 {
		shown = (big.Width*big.SARNum + big.SARDen/2) / big.SARDen
	}
	for _, a := range []struct {
		name string
		n    int
	}{{"MaxWidth", big.Width}, {"MaxHeight", big.Height}, {"DisplayWidth", shown}, {"DisplayHeight", big.Height}} {
		t.attr(a.name, uint64(max(a.n, 0)))
	}
}

// level appends a QualityLevel (MS-SSTR clause 2.2.2.5).
func level(t *text, i uint64, track *timeline.Track, peak int64) {
	f := &track.Format
	t.str("<QualityLevel")
	t.attr("Index", i)
	t.attr("Bitrate", bitrate(track, peak))
	switch track.Kind {
	case flow.KindVideo:
		t.str(` FourCC="`, fourCC(track), `"`)
		t.attr("MaxWidth", uint64(max(f.Width, 0)))
		t.attr("MaxHeight", uint64(max(f.Height, 0)))
		t.str(` NALUnitLengthField="4" CodecPrivateData="`, privateData(track), `"`)
	case flow.KindAudio:
		t.str(` FourCC="`, fourCC(track), `"`)
		t.attr("SamplingRate", uint64(max(f.SampleRate, 0)))
		t.attr("Channels", uint64(max(f.Channels, 0)))
		t.str(` BitsPerSample="16" PacketSize="4" AudioTag="255" CodecPrivateData="`, privateData(track), `"`)
	default:
		t.str(` FourCC="TTML" CodecPrivateData=""`)
	}
	t.str("/>\n")
}

// bitrate returns Bitrate, which addresses the level: the peak, rounded up to two digits,
// with the number of the track in place of its last.
func bitrate(track *timeline.Track, peak int64) uint64 {
	step := int64(levels)
	for peak/step >= 100 {
		step *= 10
	}
	n := max((peak+step-1)/step*step, 1000)
	return uint64(n) + number(track)
}
