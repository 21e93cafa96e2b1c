package es

import (
	"bytes"
	"testing"

	"sigma/mux/flow"
)

func FuzzFollower(f *testing.F) {
	es, _ := fieldStream(3, true)
	f.Add(byte(flow.CodecH264), es)
	f.Add(byte(flow.CodecH264), bytes.Join([][]byte{{0, 0, 1}, fieldSPS(), {0, 0, 1}, fieldPPS(), {0, 0, 1}, captionSEI(captionScript(1)[0]), {0, 0, 1}, fieldSlice(true, true, false, 0, 0)}, nil))
	f.Add(byte(flow.CodecHEVC), []byte("\x00\x00\x01\x40\x01\x0c\x01\xff\xff\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x3f\x95\x98\x09"+
		"\x00\x00\x01\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x3f\xa0\x0a\x08\x0b\x9f\x79\x65\x65\x92\x4c\xaf\x01\x68\x08\x00\x00\x03\x00\x08\x00\x00\x03\x00\xc8\x40"+
		"\x00\x00\x01\x44\x01\xc1\x72\xb4\x62\x40\x00\x00\x01\x26\x01\xaf\x09\x40"))
	f.Add(byte(flow.CodecMPEG2Video), []byte{0, 0, 1, 0xB3, 0x2D, 2, 0x40, 0x33, 1, 2, 3, 4, 0, 0, 1, 0xB5, 0x14, 0x82, 0, 1, 0, 0, 0, 0, 1, 0, 0, 8, 0, 0, 1, 1, 2})
	f.Add(byte(flow.CodecAV1), []byte{0x12, 0, 0x0A, 0x0B, 0, 0, 0, 4, 0x3C, 0xFF, 0xBC, 0xFF, 0xE1, 0x90, 0x80, 0x32, 2, 0x10, 0, 0x12, 0})
	f.Add(byte(flow.CodecAV1), []byte{0, 0, 1, 0x12, 0, 0, 0, 1, 8, 0, 0, 3, 0, 4, 0x3C, 0xFF, 0xBC, 0xFF, 0xE1, 0x90, 0x80, 0, 0, 1, 0x30, 0x10, 9})
	f.Add(byte(flow.CodecVP9), []byte{0x82, 0x49, 0x83, 0x42, 0, 0x13, 0xF0, 0x0B, 0x36, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(byte(flow.CodecAAC), bytes.Repeat([]byte{0xFF, 0xF1, 0x5C, 0x80, 0x01, 0xDF, 0xFC, 1, 2, 3, 4, 5, 6, 7}, 9))
	f.Add(byte(flow.CodecAAC), bytes.Repeat([]byte{0xFF, 0xF1, 0x4C, 0x00, 0x02, 0x1F, 0xFC, 0xA0, 0x98, 0x80, 0, 4, 0, 0, 0, 7, 0xE0}, 3))
	f.Add(byte(flow.CodecAACLATM), bytes.Repeat([]byte{0x56, 0xE0, 10, 0x20, 0, 0x11, 0x90, 0x0F, 0xF0, 4, 1, 2, 3}, 3))
	f.Add(byte(flow.CodecMPEGAudio), append([]byte{0xFF, 0xFD, 0x14, 0x04}, make([]byte, 200)...))
	f.Add(byte(flow.CodecAC3), append([]byte{0x0B, 0x77, 1, 2, 0, 0x40, 0x2F}, make([]byte, 130)...))
	f.Add(byte(flow.CodecEAC3), append([]byte{0x0B, 0x77, 0, 7, 0x34, 0x80, 0x2F}, make([]byte, 30)...))
	f.Add(byte(flow.CodecOpus), []byte{0x7F, 0xF0, 3, 0, 0x78, 0xFC, 1, 2, 0x7F, 0xE0, 2, 0xFC, 1})
	f.Add(byte(flow.CodecPCMA), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, codec byte, es []byte) {
		c := flow.Codec(codec)
		whole := NewFollower(c)
		for range 2 {
			whole.Push([][]byte{es})
			whole.AppendSample(nil, [][]byte{es})
		}
		fl := NewFollower(c)
		units, _ := split(c, es, 50, false)
		last := flow.Ticks(-1 << 62)
		for i, au := range units {
			old := fl.Format()
			changed := fl.Push(au.Units)
			got := fl.Format()
			if old != nil && changed == old.Same(got) {
				t.Errorf("changed %v: %+v, before %+v", changed, got, old)
			}
			if got != nil && (got.Codec != c && got.Codec != flow.CodecUnknown || got.RFC6381 == "" || got.SampleRate < 0 || got.Width > maxPictureSide || len(got.Record) > 1<<24) {
				t.Errorf("%+v", got)
			}
			n := 0
			for _, u := range au.Units {
				n += len(u)
			}
			if s := fl.AppendSample(nil, au.Units); len(s) > 5*n {
				t.Errorf("sample of %d bytes of %d", len(s), n)
			}
			fl.Sync(au.Units)
			pts := flow.Ticks(i^1) * 1000
			dts := fl.DTS(pts, pts)
			if of(c).kind == flow.KindVideo && fl.times.derives && dts <= last {
				t.Errorf("decode time %d after %d", dts, last)
			}
			last = dts
			if got != nil {
				got.RTP()
			}
		}
	})
}

func FuzzTrackFollower(f *testing.F) {
	f.Add(byte(flow.CodecOpus), []byte("\x05\x04Opus\x7f\x02\x80\x06"))
	f.Add(byte(flow.CodecAAC), []byte("\x7c\x02\x60\x00"))
	f.Fuzz(func(t *testing.T, codec byte, info []byte) {
		fl := NewTrackFollower(&flow.Track{Codec: flow.Codec(codec), Info: info})
		fl.Push([][]byte{{0x7F, 0xE0, 2, 0xFC, 1}})
		if got := fl.Format(); flow.Codec(codec) == flow.CodecOpus && (got == nil || got.Channels < 1 || got.Channels > 8) {
			t.Errorf("%+v", got)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(true, []byte{1, 0x42, 0xE0, 0x1F, 0xFF, 0xE1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68})
	f.Add(false, append(append([]byte{1, 0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93}, make([]byte, 9)...), 1, 0xA0, 0, 1, 0, 2, 0x40, 1))
	f.Fuzz(func(t *testing.T, avc bool, record []byte) {
		fm := Format{Codec: flow.CodecHEVC, Record: record}
		if avc {
			fm.Codec = flow.CodecH264
		}
		total := 0
		for _, s := range fm.ParameterSets() {
			total += 2 + len(s)
		}
		if total > len(record) {
			t.Errorf("%d bytes of parameter sets in %d", total, len(record))
		}
		fm.RTP()
	})
}

func FuzzDecodeTimes(f *testing.F) {
	f.Add(2, []byte{10, 13, 11, 12, 16, 14, 15})
	f.Add(0, []byte{10, 40, 20, 30, 70, 50, 60, 100, 80, 90})
	f.Fuzz(func(t *testing.T, depth int, order []byte) {
		var d decodeTimes
		var last flow.Ticks
		for i, o := range order {
			pts := flow.Ticks(i/32*256+int(o)) * defaultFrame / 4
			dts := d.next(pts, pts, min(max(depth, 0), maxReorder), defaultFrame)
			if i > 0 && d.derives && dts <= last && last-dts < maxTimeStep {
				t.Fatalf("%d after %d", dts, last)
			}
			if len(d.sorted) > maxReorder+2 {
				t.Fatalf("%d wait", len(d.sorted))
			}
			last = dts
		}
	})
}
