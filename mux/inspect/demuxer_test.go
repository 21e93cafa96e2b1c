package inspect

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

// testFrames compares every frame of every track with the packets ffprobe finds:
// number, times, size and key flags; and the bytes with the elementary stream that
// ffmpeg copies out.
func (c made) testFrames(t *testing.T) {
	es := make(map[flow.TrackID][]byte)
	for id, s := range c.streams {
		es[id] = elementary(t, c.path, s)
	}
	for program, tracks := range programs(c.data) {
		for _, n := range []int{7, 100, 1 << 20} {
			in := Inspector{Program: program}
			got := demux(&in, c.data, n)
			for _, id := range tracks {
				t.Run(fmt.Sprintf("%d/%d", id, n), func(t *testing.T) {
					compare(t, in.Layout().Track(id), got[id], c.streams[id], es[id])
				})
			}
		}
	}
}

// programs returns the tracks of every programme.
func programs(data []byte) map[uint16][]flow.TrackID {
	var in Inspector
	inspect(&in, data, 100)
	out := make(map[uint16][]flow.TrackID)
	for _, s := range in.Snapshot().Services {
		for _, tr := range s.Tracks {
			out[s.ID] = append(out[s.ID], tr.ID)
		}
	}
	return out
}

func compare(t *testing.T, track *flow.Track, got []flow.Item[flow.Frame], want *probed, es []byte) {
	if track == nil || want == nil {
		t.Fatalf("track %v, ffprobe %v", track, want)
	}
	if len(got) != len(want.packets) {
		t.Fatalf("%d frames, ffprobe finds %d packets", len(got), len(want.packets))
	}
	at := 0
	for i, w := range want.packets {
		g := got[i]
		if !sameTime(g.V.PTS, w.PTS, track.Kind) || !sameTime(g.V.DTS, w.DTS, track.Kind) {
			t.Fatalf("frame %d: PTS %d DTS %d, ffprobe %d and %d", i, g.V.PTS/300, g.V.DTS/300, *w.PTS, *w.DTS)
		}
		if key := w.Flags[0] == 'K'; track.Kind == flow.KindVideo && g.Marks.Has(flow.RandomAccess) != key {
			t.Errorf("frame %d: marks %d, ffprobe flags %s", i, g.Marks, w.Flags)
		}
		if g.Marks.Has(flow.Corrupt) {
			t.Errorf("frame %d is marked corrupt", i)
		}
		end := at + w.size()
		if end > len(es) {
			t.Fatalf("frame %d: ends at %d of an elementary stream of %d", i, end, len(es))
		}
		if err := spell(es[at:end], g.V.Units); err != nil {
			t.Fatalf("frame %d of %d bytes: %v", i, w.size(), err)
		}
		at = end
	}
	if at != len(es) {
		t.Errorf("%d bytes in frames, %d in the elementary stream", at, len(es))
	}
}

// sameTime compares modulo 33 bits. Times of audio frames within a PES packet are
// counted on and rounded by ffprobe.
func sameTime(got flow.Ticks, want *int64, k flow.Kind) bool {
	if want == nil {
		return false
	}
	d := (got/300 - flow.Ticks(*want)) & (1<<33 - 1)
	return d == 0 || k == flow.KindAudio && (d == 1 || d == 1<<33-1)
}

// spell checks that b is the units one after the other, with nothing between them but
// start codes.
func spell(b []byte, units [][]byte) error {
	for i, u := range units {
		at := bytes.Index(b, u)
		if at < 0 {
			return fmt.Errorf("unit %d of %d bytes is not there", i, len(u))
		}
		if s := bytes.TrimLeft(b[:at], "\x00"); at > 0 && !bytes.Equal(s, []byte{1}) {
			return fmt.Errorf("before unit %d: % x", i, b[:min(at, 20)])
		}
		b = b[at+len(u):]
	}
	if len(bytes.Trim(b, "\x00")) > 0 {
		return fmt.Errorf("%d bytes after the last unit", len(b))
	}
	return nil
}

// elementary lets ffmpeg copy one stream out.
func elementary(t *testing.T, path string, s *probed) []byte {
	t.Helper()
	args := []string{"-v", "error", "-i", path, "-map", fmt.Sprintf("0:%d", s.Index), "-c", "copy", "-f", "data"}
	out, err := exec.Command("ffmpeg", append(args, "-")...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	return out
}

// testLoss takes packets out of the middle: every one is a continuity error, the
// frames it belonged to are marked, and the others are what they were.
func (c made) testLoss(t *testing.T) {
	var in Inspector
	whole := demux(&in, c.data, 100)
	lead := flow.TrackID(in.lead.id)
	var data []byte
	lost := uint64(0)
	for at := 0; at < len(c.data); at += ts.PacketSize {
		p := c.data[at : at+ts.PacketSize]
		if n := at / ts.PacketSize; n > 200 && n%97 == 0 && ts.PID(p) == uint16(lead) && !ts.PUSI(p) && ts.HasPayload(p) {
			lost++
			continue
		}
		data = append(data, p...)
	}
	var damaged Inspector
	got := demux(&damaged, data, 100)
	if s := damaged.Snapshot(); s.Continuity != lost || lost == 0 {
		t.Errorf("%d continuity errors after the loss of %d packets", s.Continuity, lost)
	}
	marked := 0
	byTime := make(map[flow.Ticks][]byte)
	for _, it := range whole[lead] {
		byTime[it.V.DTS] = bytes.Join(it.V.Units, nil)
	}
	for _, it := range got[lead] {
		if it.Marks.Has(flow.Corrupt) {
			marked++
		} else if !bytes.Equal(byTime[it.V.DTS], bytes.Join(it.V.Units, nil)) {
			t.Errorf("frame at %d is damaged and not marked", it.V.DTS)
		}
	}
	if marked == 0 || uint64(marked) > lost {
		t.Errorf("%d frames marked after the loss of %d packets", marked, lost)
	}
}
