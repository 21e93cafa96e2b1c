package es

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sigma/mux/flow"
)

// withSBR puts a fill element that announces band replication before the end of the
// raw_data_block of an ADTS frame.
func withSBR(t *testing.T, frame []byte, size int) []byte {
	t.Helper()
	body := frame[7:]
	end := 8 * len(body)
	for body[(end-1)/8]>>(7-(end-1)%8)&1 == 0 {
		end--
	}
	r := bitReader{b: body, at: end - 3}
	if r.bits(3) != 7 {
		t.Fatal("no end of the block")
	}
	var w bitWriter
	r = bitReader{b: body}
	for range end - 3 {
		w.bits(r.bits(1), 1)
	}
	w.bits(6, 3)
	if size < 15 {
		w.bits(uint32(size), 4)
	} else {
		w.bits(15, 4)
		w.bits(uint32(size-14), 8)
	}
	w.bits(13, 4)
	for range size*8 - 4 {
		w.bits(0, 1)
	}
	w.bits(7, 3)
	return adts(frame, w.b)
}

func adts(head, body []byte) []byte {
	out := append(bytes.Clone(head[:7]), body...)
	out[3] = out[3]&^3 | byte(len(out)>>11)
	out[4] = byte(len(out) >> 3)
	out[5] = out[5]&0x1F | byte(len(out)<<5)
	return out
}

func probe(t *testing.T, demuxer string, es []byte) probed {
	t.Helper()
	c := &capture{path: filepath.Join(t.TempDir(), "es"), demuxer: demuxer}
	if err := os.WriteFile(c.path, es, 0o600); err != nil {
		t.Fatal(err)
	}
	c.read(t)
	return c.probe
}

// TestImplicitSBR has AAC at 24 kHz with and without a fill element of band
// replication; ffprobe says which is HE-AAC.
func TestImplicitSBR(t *testing.T) {
	noise := func(args string) []AccessUnit {
		plain := ffmpeg(t, "adts", "aac", "-f lavfi -i anoisesrc=sample_rate=24000 -t 3 -c:a aac -b:a 48k "+args)
		units, _ := split(flow.CodecAAC, plain.bytes, 3000, false)
		return units
	}
	units := noise("-ac 2") // of one channel ffprobe always takes it for parametric stereo
	for _, size := range []int{0, 5, 14, 15, 40, 200} {
		var es []byte
		for _, au := range units {
			if size > 0 {
				es = append(es, withSBR(t, au.Units[0], size)...)
			} else {
				es = append(es, au.Units[0]...)
			}
		}
		f, _, changes := follow(flow.CodecAAC, es)
		got, p := f.Format(), probe(t, "aac", es)
		want := map[string]string{"LC": "mp4a.40.2", "HE-AAC": "mp4a.40.5"}[p.Profile]
		if size > 0 && p.Profile != "HE-AAC" {
			t.Errorf("ffprobe takes it for %s", p.Profile)
		}
		if changes != 1 || got == nil || got.RFC6381 != want || strconv.Itoa(got.SampleRate) != p.SampleRate || !bytes.Equal(got.Record, []byte{0x13, 0x10}) {
			t.Errorf("fill of %d: %+v, %d changes, ffprobe says %s at %s Hz", size, got, changes, p.Profile, p.SampleRate)
		}
		if got != nil && got.FrameSamples*24000 != 1024*got.SampleRate {
			t.Errorf("fill of %d: %d samples at %d Hz", size, got.FrameSamples, got.SampleRate)
		}
	}
	// Parametric stereo is known by the descriptor alone: HE-AAC v2, level 2.
	track := Track(1, 0x0F, []byte{tagAAC, 2, 0x60, 0})
	f := NewTrackFollower(&track)
	for _, au := range noise("-ac 1") {
		f.Push([][]byte{withSBR(t, au.Units[0], 20)})
	}
	if got := f.Format(); got.RFC6381 != "mp4a.40.29" || got.Channels != 2 {
		t.Errorf("%+v", got)
	}
}

// TestExplicitSBR has LATM whose configuration says it.
func TestExplicitSBR(t *testing.T) {
	plain := ffmpeg(t, "adts", "aac", "-f lavfi -i sine=sample_rate=24000 -ac 1 -t 1 -c:a aac")
	units, _ := split(flow.CodecAAC, plain.bytes, 3000, false)
	for _, c := range []struct {
		object  uint32
		version uint32 // of the multiplex
		rfc6381 string
	}{{aacSBR, 0, "mp4a.40.5"}, {aacPS, 0, "mp4a.40.29"}, {aacSBR, 1, "mp4a.40.5"}} {
		var es []byte
		var config bitWriter
		config.bits(c.object, 5)
		config.bits(6, 4) // 24 kHz
		config.bits(1, 4)
		config.bits(3, 4) // 48 kHz
		config.bits(aacLC, 5)
		config.bits(0, 3)
		bits := 8*len(config.b) - config.free
		for _, au := range units {
			body := au.Units[0][7:]
			var w bitWriter
			w.bits(0, 1) // useSameStreamMux
			w.bits(c.version, 1)
			if c.version == 1 {
				w.bits(0, 1)
				w.bits(0, 2) // taraBufferFullness in one byte
				w.bits(255, 8)
			}
			w.bits(1, 1)
			w.bits(0, 6+4+3)
			if c.version == 1 {
				w.bits(0, 2)
				w.bits(uint32(bits), 8)
			}
			for r := (bitReader{b: config.b}); r.at < bits; {
				w.bits(r.bits(1), 1)
			}
			w.bits(0, 3)
			w.bits(255, 8)
			w.bits(0, 2)
			n := len(body)
			for ; n >= 255; n -= 255 {
				w.bits(255, 8)
			}
			w.bits(uint32(n), 8)
			for _, b := range body {
				w.bits(uint32(b), 8)
			}
			es = append(append(es, 0x56, 0xE0|byte(len(w.b)>>8), byte(len(w.b))), w.b...)
		}
		f, got, changes := follow(flow.CodecAACLATM, es)
		p := probe(t, "loas", es)
		format := f.Format()
		if changes != 1 || format == nil || format.RFC6381 != c.rfc6381 || strconv.Itoa(format.SampleRate) != p.SampleRate ||
			format.FrameSamples != 2048 || !bytes.Equal(format.Record, config.b) || len(got) != len(units) {
			t.Errorf("%d changes, %+v, %d units, ffprobe says %+v", changes, format, len(got), p)
			continue
		}
		for i := range got {
			if !bytes.Equal(f.AppendSample(nil, got[i].Units), units[i].Units[0][7:]) {
				t.Fatalf("frame %d is another", i)
			}
		}
	}
}

// TestProgramConfig has ADTS whose channels only the first element of a frame tells.
func TestProgramConfig(t *testing.T) {
	plain := ffmpeg(t, "adts", "aac", "-f lavfi -i sine=sample_rate=48000 -ac 2 -t 1 -c:a aac")
	units, _ := split(flow.CodecAAC, plain.bytes, 3000, false)
	var es []byte
	for _, au := range units {
		frame := au.Units[0]
		var w bitWriter
		w.bits(5, 3) // ID_PCE
		w.bits(0, 4)
		w.bits(1, 2) // LC
		w.bits(3, 4) // 48 kHz
		w.bits(1, 4) // one element in front
		w.bits(0, 4+4+2+3+4+3)
		w.bits(1, 1) // a pair
		w.bits(0, 4)
		w.bits(0, w.free)
		w.bits(2, 8) // comment
		w.bits(0x4142, 16)
		head := bytes.Clone(frame[:7])
		head[2], head[3] = head[2]&^1, head[3]&^0xC0
		es = append(es, adts(head, append(w.b, frame[7:]...))...)
	}
	c := &capture{path: filepath.Join(t.TempDir(), "es"), demuxer: "aac"}
	if err := os.WriteFile(c.path, es, 0o600); err != nil {
		t.Fatal(err)
	}
	c.read(t)
	f, _, changes := follow(flow.CodecAAC, es)
	got := f.Format()
	if changes != 1 || got == nil || got.Channels != 2 || c.probe.Channels != 2 {
		t.Fatalf("%+v, %d changes; ffprobe says %+v", got, changes, c.probe)
	}
	config, ok := readAACConfig(&bitReader{b: got.Record})
	if !ok || config.channels != 2 || config.rate != 48000 {
		t.Errorf("%x is %+v", got.Record, config)
	}
	// ffmpeg keeps the comment.
	want := descriptor(c.box(t, "esds"), 5)
	if n := len(got.Record) - 1; !bytes.Equal(got.Record[:n], want[:n]) {
		t.Errorf("configuration %x, ffmpeg writes %x", got.Record, want)
	}
}

// TestEAC3Substreams has 7.1: six channels, and a dependent substream with four of which
// two are new.
func TestEAC3Substreams(t *testing.T) {
	frame := func(kind, acmod, lfe, chanmap uint32, joc byte) []byte {
		var w bitWriter
		w.bits(0x0B77, 16)
		w.bits(kind, 2)
		w.bits(0, 3)
		w.bits(31, 11) // 64 bytes
		w.bits(0, 2)   // 48 kHz
		w.bits(3, 2)
		w.bits(acmod, 3)
		w.bits(lfe, 1)
		w.bits(16, 5)
		w.bits(20, 5)
		w.bits(0, 1)
		if kind == 1 {
			w.bits(1, 1)
			w.bits(chanmap, 16)
		}
		w.bits(0, 1) // no mixing metadata
		w.bits(1, 1)
		w.bits(2, 3) // bsmod
		w.bits(0, 2)
		if acmod >= 6 {
			w.bits(0, 2)
		}
		w.bits(0, 2) // no production, source rate
		if joc > 0 {
			w.bits(1, 1)
			w.bits(1, 6)
			w.bits(1, 8)
			w.bits(uint32(joc), 8)
		} else {
			w.bits(0, 1)
		}
		return append(w.b, make([]byte, 64-len(w.b))...)
	}
	for _, c := range []struct {
		units    [][]byte
		channels int
		record   []byte
	}{
		{[][]byte{frame(0, 7, 1, 0, 0)}, 6, []byte{0, 16 << 3, 0x20, 2<<4 | 7<<1 | 1, 0}},
		{[][]byte{frame(0, 7, 1, 0, 0), frame(1, 6, 0, 0x1A00, 0)}, 8, []byte{1, 0, 0x20, 2<<4 | 7<<1 | 1, 1 << 1, 2}},
		{[][]byte{frame(0, 7, 1, 0, 16)}, 6, []byte{0, 16 << 3, 0x20, 2<<4 | 7<<1 | 1, 0, 1, 16}},
	} {
		f := NewFollower(flow.CodecEAC3)
		if !f.Push(c.units) || f.Push(c.units) {
			t.Error("changed")
		}
		if got := f.Format(); got.Channels != c.channels || !bytes.Equal(got.Record, c.record) {
			t.Errorf("%d channels, %x, want %d, %x", got.Channels, got.Record, c.channels, c.record)
		}
	}
}
