package fmp4

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

// seeds adds a header, a segment and a whole file.
func seeds(f *testing.F) {
	f.Helper()
	for _, track := range []Track{video576(), stereo()} {
		head, err := AppendInit(nil, track)
		if err != nil {
			f.Fatal(err)
		}
		c := Chunk{Sequence: 1, TrackID: track.ID, Time: 1 << 40, Samples: pictures(), Styp: true, Producer: &Producer{}, Events: []Emsg{{Scheme: "x"}, {Version: 1}}}
		for i := range c.Samples {
			c.Samples[i].Size = i
		}
		s := SmoothChunk{TrackID: track.ID, Samples: c.Samples, Next: []Span{{1, 2}}}
		data := make([]byte, total(c.Samples))
		f.Add(slices.Concat(head, c.AppendHeader(nil), data, s.AppendHeader(nil), data))
		f.Add(slices.Concat(c.AppendHeader(nil), data))
	}
	f.Add(slices.Concat(of("ftyp", "isom", 0), of("mdat", 1, 2, 3), movie("soun",
		of("stts", 0, 2, 2, 10, 1, 1), of("ctts", 0, 1, 2, 5), of("stss", 0, 1, 1), of("stsz", 0, 0, 3, 1, 2, 3), of("stsc", 0, 1, 1, 3, 1), of("stco", 0, 1, 20))))
	f.Add(movie("vide", of("stsd", 0, 1, of("encv", make([]byte, 78), of("avcC", avcC), of("sinf", of("frma", "avc1"))))))
	f.Add(movie("soun", of("stts", 0, 1, 3, 1), of("stz2", 0, 4, 3, 1), of("stsc", 0, 2, 1, 1, 1, 2, 1, 1), of("co64", 0, 3, 1, 2, 3, 4, 5, 6)))
}

// What is read of a movie can be walked from anywhere, and its formats can be written
// again or are refused.
func FuzzReadMovie(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadMovie(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, k := range m.Tracks {
			table := &k.Samples
			for _, from := range []int{0, 1, table.Len() / 2, table.Len() - 1} {
				c := table.Cursor(from)
				for range 100 {
					if s, ok := c.Next(); !ok {
						break
					} else if s.Size < 0 {
						t.Fatalf("%+v", s)
					}
				}
			}
			if n := table.Find(uint64(len(b))); n >= table.Len() || table.Len() > 0 && (n < 0 || table.SyncBefore(n) > n) {
				t.Fatalf("sample %d of %d", n, table.Len())
			}
			out, err := AppendInit(nil, k.Track)
			if err != nil {
				continue
			}
			again, err := ParseMovie(out)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Tracks[0].Format.Record, k.Format.Record) && len(k.Format.Record) > 8 {
				t.Fatalf("%x is read as %x", k.Format.Record, again.Tracks[0].Format.Record)
			}
		}
	})
}

// The samples of a segment lie in it, and a stream in pieces is read as the whole.
func FuzzSegment(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, wholeErr := ParseSegment(b, nil)
		for _, x := range whole {
			for _, r := range x.Runs {
				for _, s := range r.Samples {
					_ = x.Data[s.Offset : s.Offset+s.Size]
				}
			}
		}
		d := Decoder{MaxBox: math.MaxInt}
		n := 0
		var err error
		for rest := b; err == nil; {
			var x *Fragment
			if x, err = d.Next(); x != nil {
				if n >= len(whole) || !bytes.Equal(x.Data, whole[n].Data) || len(x.Runs) != len(whole[n].Runs) {
					t.Fatalf("fragment %d is another in pieces", n)
				}
				n++
				continue
			}
			if len(rest) == 0 || err != nil {
				break
			}
			k := min(1+n*7%13, len(rest))
			_, _ = d.Write(rest[:k])
			rest = rest[k:]
		}
		if err == nil {
			err = d.Close()
		}
		if n != len(whole) || (err == nil) != (wholeErr == nil) {
			t.Fatalf("%d fragments and %v in pieces, %d and %v as a whole", n, err, len(whole), wholeErr)
		}
	})
}
