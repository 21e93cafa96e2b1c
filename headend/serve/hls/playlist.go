package hls

import (
	"bytes"
	"compress/gzip"
	"hash/fnv"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sigma/headend/timeline"
)

// playlist is one version of a playlist as it goes out. It is immutable.
type playlist struct {
	version       uint64 // sequence number of the newest segment it is made of
	plain, zipped []byte
	etag, etagZip string
}

// cell keeps the newest version of one playlist. It does not keep the view: that
// would hold segments of a channel nobody watches any more.
type cell struct {
	mu  sync.Mutex // held while rendering
	now atomic.Pointer[playlist]
}

// get returns the playlist of v, which has segments, rendering it if it is newer
// than what is kept.
func (c *cell) get(v *timeline.View, render func([]byte, *timeline.View) []byte, zips *sync.Pool) *playlist {
	version := v.Segments[len(v.Segments)-1].Sequence
	if p := c.now.Load(); p != nil && p.version >= version {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.now.Load()
	if old != nil && old.version >= version {
		return old
	}
	p := &playlist{version: version, plain: render(nil, v)}
	p.zipped = zip(p.plain, zips)
	h := fnv.New64a()
	h.Write(p.plain)
	sum := strconv.FormatUint(h.Sum64(), 36)
	p.etag, p.etagZip = `"`+sum+`"`, `"`+sum+`-gzip"`
	c.now.Store(p)
	return p
}

func zip(b []byte, zips *sync.Pool) []byte {
	z, _ := zips.Get().(*gzip.Writer)
	if z == nil {
		z = gzip.NewWriter(nil)
	}
	defer zips.Put(z)
	var out bytes.Buffer
	z.Reset(&out)
	_, _ = z.Write(b) // a Buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// renderMultivariant appends the multivariant playlist (RFC 8216 clause 4.3.4): one
// variant with everything in it.
func renderMultivariant(b []byte, v *timeline.View) []byte {
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:3\n"...)
	if v.Independent() {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	b = append(b, "#EXT-X-STREAM-INF:BANDWIDTH="...)
	b = strconv.AppendInt(b, v.Peak, 10)
	b = append(b, ",AVERAGE-BANDWIDTH="...)
	b = strconv.AppendInt(b, v.Average, 10)
	return append(b, "\nmono.m3u8\n"...)
}

// renderMedia appends the media playlist (RFC 8216 clauses 4.3.2 and 4.3.3). Each
// segment carries its date, so that a client needs no other to place it.
func renderMedia(b []byte, v *timeline.View) []byte {
	first := v.Segments[0]
	breaks := first.Breaks
	if first.Discontinuity {
		breaks-- // its own tag is still in the list
	}
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(v.TargetDuration), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendUint(b, first.Sequence, 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendUint(b, breaks, 10)
	b = append(b, '\n')
	if v.Independent() {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	for _, s := range v.Segments {
		if s.Discontinuity {
			b = append(b, "#EXT-X-DISCONTINUITY\n"...)
		}
		b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
		b = s.Start.Round(time.Millisecond).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, "\n#EXTINF:"...)
		b = strconv.AppendFloat(b, s.Duration.Seconds(), 'f', 3, 64)
		b = append(b, ",\n"...)
		b = append(b, s.Name...)
		b = append(b, ".ts\n"...)
	}
	return b
}
