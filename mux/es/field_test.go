package es

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/pes"
)

func (w *bitWriter) ue(v uint32) {
	v++
	n := 0
	for v>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(v, n+1)
}

func (w *bitWriter) trailing() []byte {
	w.bits(1, 1)
	w.bits(0, w.free)
	return escape(w.b)
}

// escape puts emulation prevention bytes in.
func escape(b []byte) (out []byte) {
	zeros := 0
	for _, c := range b {
		if zeros >= 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// fieldSPS is of 16x32 in fields, 25 frames per second; fieldPPS belongs to it.
func fieldSPS() []byte {
	var w bitWriter
	for _, b := range []uint32{0x67, 77, 0, 30} {
		w.bits(b, 8)
	}
	for _, v := range []uint32{0, 0, 0, 0, 1} { // id, frame_num and order in 4 bits, one reference
		w.ue(v)
	}
	w.bits(0, 1)
	w.ue(0) // one macroblock wide
	w.ue(0) // two rows, one in a field
	w.bits(0, 1)
	w.bits(0, 1) // not adaptive
	w.bits(1, 1)
	w.bits(0, 1)
	w.bits(1, 1)   // VUI
	w.bits(0, 4)   // only timing
	w.bits(1, 1)   //
	w.bits(1, 32)  // num_units_in_tick
	w.bits(50, 32) // time_scale
	w.bits(1, 1)   // fixed
	w.bits(0, 4)   // no HRD, no pic_struct
	return w.trailing()
}

func fieldPPS() []byte {
	var w bitWriter
	w.bits(0x68, 8)
	w.ue(0)
	w.ue(0)
	w.bits(0, 2)
	for range 3 {
		w.ue(0)
	}
	w.bits(0, 3)
	for range 3 {
		w.ue(0)
	}
	w.bits(0, 3)
	return w.trailing()
}

// fieldSlice is a field of uncompressed samples.
func fieldSlice(idr, reference, bottom bool, frame, order uint32) []byte {
	var w bitWriter
	kind := uint32(0x01)
	if idr {
		kind = 0x05
	}
	if reference {
		kind |= 0x60
	}
	w.bits(kind, 8)
	w.ue(0)
	w.ue(7) // I
	w.ue(0)
	w.bits(frame&15, 4)
	w.bits(1, 1)
	w.bits(map[bool]uint32{true: 1}[bottom], 1)
	if idr {
		w.ue(0)
	}
	w.bits(order&15, 4)
	switch {
	case idr:
		w.bits(0, 2)
	case reference:
		w.bits(0, 1)
	}
	w.ue(0)  // slice_qp_delta
	w.ue(25) // I_PCM
	w.bits(0, w.free)
	for i := range 384 {
		w.bits(uint32(16+(i+int(order)*7)%200), 8)
	}
	return w.trailing()
}

// fieldStream has frames of two fields, of which two of three are no references.
func fieldStream(frames int, delimiters bool) (es []byte, fields [][]byte) {
	number, order := uint32(0), uint32(0)
	add := func(nals ...[]byte) {
		var f []byte
		if delimiters {
			f = append(f, 0, 0, 0, 1, 9, 0xF0)
		}
		for _, n := range nals {
			f = append(append(f, 0, 0, 0, 1), n...)
		}
		fields = append(fields, f)
		es = append(es, f...)
	}
	for i := range frames {
		idr, reference := i%12 == 0, i%3 == 0
		if idr {
			number, order = 0, 0
			add(fieldSPS(), fieldPPS(), fieldSlice(true, true, false, 0, 0))
		} else {
			add(fieldSlice(false, reference, false, number, order))
		}
		add(fieldSlice(false, reference, true, number, order+1))
		order += 2
		if reference {
			number++
		}
	}
	return es, fields
}

// TestFieldsAreOneFrame cuts PAFF: two fields, each in a PES packet of its own with a
// time stamp of its own, are one access unit.
func TestFieldsAreOneFrame(t *testing.T) {
	for _, delimiters := range []bool{true, false} {
		t.Run(fmt.Sprint(delimiters), func(t *testing.T) {
			const frames = 40
			es, fields := fieldStream(frames, delimiters)
			c := &capture{path: filepath.Join(t.TempDir(), "es"), demuxer: "h264"}
			if err := os.WriteFile(c.path, es, 0o600); err != nil {
				t.Fatal(err)
			}
			c.read(t)
			if c.probe.Frames != fmt.Sprint(frames) || c.probe.Width != 16 || c.probe.Height != 32 || c.probe.Rate != "25/1" {
				t.Fatalf("ffprobe says %+v", c.probe)
			}
			for _, begin := range []bool{true, false} {
				s, f := NewSplitter(flow.CodecH264), NewFollower(flow.CodecH264)
				n := 0
				emit := func(au *AccessUnit) {
					if want := fields[2*n]; au.PTS != flow.Ticks(2*n)*tick90k || !bytes.Contains(want, au.Units[0]) || f.Sync(au.Units) != (n%12 == 0) {
						t.Fatalf("frame %d: PTS %d, access %v", n, au.PTS/tick90k, au.Access)
					}
					f.Push(au.Units)
					n++
				}
				for i, b := range fields {
					if begin {
						s.Begin(b, emit)
					}
					pts := flow.Ticks(i) * tick90k
					s.Push(&pes.Packet{Parts: [][]byte{b}, Bytes: len(b)}, Times{pts, pts, true}, emit)
				}
				s.Flush(emit)
				if n != frames {
					t.Errorf("%d frames", n)
				}
				checkVideo(t, f.Format(), c.probe)
			}
			got, _ := split(flow.CodecH264, es, 500, true)
			if len(got) != frames {
				t.Errorf("%d frames of PES packets of any length", len(got))
			}
		})
	}
}

// TestLoneField has a frame whose second field is lost, and a stream that begins with
// a second field.
func TestLoneField(t *testing.T) {
	_, fields := fieldStream(12, true)
	lost := bytes.Join(append(append([][]byte{}, fields[:7]...), fields[8:]...), nil)
	if got, _ := split(flow.CodecH264, lost, 500, false); len(got) != 12 {
		t.Errorf("%d access units of 11 frames and a field", len(got))
	}
}

// TestFrameTimesWithoutStamps holds that a frame of two fields takes two ticks.
func TestFrameTimesWithoutStamps(t *testing.T) {
	es, _ := fieldStream(6, true)
	s := NewSplitter(flow.CodecH264)
	var got []flow.Ticks
	emit := func(au *AccessUnit) { got = append(got, au.DTS*25/flow.TicksPerSecond) }
	s.Push(&pes.Packet{Parts: [][]byte{es}, Bytes: len(es)}, Times{0, 0, true}, emit)
	s.Flush(emit)
	if fmt.Sprint(got) != "[0 1 2 3 4 5]" {
		t.Errorf("frames at %v", got)
	}
}
