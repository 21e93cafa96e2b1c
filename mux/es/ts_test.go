package es_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigma/mux/es"
	"sigma/mux/flow"
	"sigma/mux/inspect"
	"sigma/mux/ts"
)

// programme is a transport stream that ffmpeg made, demuxed.
type programme struct {
	path   string
	layout *flow.Layout
	frames map[flow.TrackID][]flow.Item[flow.Frame]
}

func ffmpeg(t *testing.T, path, args string) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	line := strings.Fields("-nostdin -v error " + args)
	if out, err := exec.Command("ffmpeg", append(line, path)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", args, err, out)
	}
}

func transport(t *testing.T, args string) *programme {
	t.Helper()
	p := &programme{path: filepath.Join(t.TempDir(), "ts"), frames: make(map[flow.TrackID][]flow.Item[flow.Frame])}
	ffmpeg(t, p.path, args+" -f mpegts")
	data, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	emit := func(it flow.Item[flow.Frame]) { p.frames[it.V.Track] = append(p.frames[it.V.Track], it) }
	var in inspect.Inspector
	var d inspect.Demuxer
	for len(data) > 0 {
		n := min(len(data), 20*ts.PacketSize)
		in.Feed(flow.Item[flow.Batch]{V: flow.Batch{Data: data[:n]}}, func(it flow.Item[flow.Batch]) {
			if in.Layout() != p.layout {
				p.layout = in.Layout()
				d.SetLayout(p.layout)
			}
			d.Feed(it, emit)
		})
		data = data[n:]
	}
	d.Flush(emit)
	return p
}

// TestDecodeTimes takes the DTS away from streams with B-pictures, and compares what
// is derived with what the encoder had.
func TestDecodeTimes(t *testing.T) {
	for name, args := range map[string]string{
		"H.264":         "-c:v libx264 -preset veryfast -bf 2 -g 20",
		"H.264 pyramid": "-c:v libx264 -preset veryfast -bf 4 -g 20 -b-pyramid normal -x264-params b-adapt=0:open-gop=1",
		"H.264 no B":    "-c:v libx264 -preset veryfast -bf 0",
		"HEVC":          "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=20:bframes=4",
		"MPEG-2":        "-c:v mpeg2video -bf 2",
	} {
		t.Run(name, func(t *testing.T) {
			p := transport(t, "-f lavfi -i testsrc2=size=320x180:rate=25 "+args+" -t 3")
			track := p.layout.Tracks[0]
			given, derived := es.NewTrackFollower(&track), es.NewTrackFollower(&track)
			for i, it := range p.frames[track.ID] {
				given.Push(it.V.Units)
				derived.Push(it.V.Units)
				if got := given.DTS(it.V.PTS, it.V.DTS); got != it.V.DTS {
					t.Fatalf("frame %d: DTS %d became %d", i, it.V.DTS, got)
				}
				if got := derived.DTS(it.V.PTS, it.V.PTS); got != it.V.DTS {
					t.Errorf("frame %d: PTS %d, DTS %d, derived %d", i, it.V.PTS/300, it.V.DTS/300, got/300)
				}
			}
			if n := len(p.frames[track.ID]); n < 70 {
				t.Errorf("%d frames", n)
			}
		})
	}
}

// TestOpus compares Opus in a transport stream with what ffmpeg copies out of it.
func TestOpus(t *testing.T) {
	for name, args := range map[string]string{"stereo": "-ac 2", "mono": "-ac 1", "5.1": "-ac 6 -mapping_family 1", "short": "-ac 2 -frame_duration 10"} {
		t.Run(name, func(t *testing.T) {
			p := transport(t, "-f lavfi -i sine=sample_rate=48000 "+args+" -c:a libopus -t 1")
			track := p.layout.Tracks[0]
			if track.Codec != flow.CodecOpus {
				t.Fatalf("%+v", track)
			}
			f := es.NewTrackFollower(&track)
			var payload []byte
			for _, it := range p.frames[track.ID] {
				f.Push(it.V.Units)
				payload = f.AppendSample(payload, it.V.Units)
			}
			want := filepath.Join(t.TempDir(), "data")
			ffmpeg(t, want, "-i "+p.path+" -c copy -map 0:a -f data")
			b, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(payload, b) {
				t.Errorf("%d bytes of Opus, ffmpeg copies %d", len(payload), len(b))
			}
			mp4 := filepath.Join(t.TempDir(), "mp4")
			ffmpeg(t, mp4, "-i "+p.path+" -c copy -f mp4")
			if b, err = os.ReadFile(mp4); err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(b, []byte("dOps")) + 4
			if got := f.Format(); got == nil || at < 4 || !bytes.HasPrefix(b[at:], got.Record) {
				t.Errorf("%+v, ffmpeg writes % x", got, b[at:at+24])
			}
			samples := 960
			if name == "short" {
				samples = 480
			}
			if f.Format().FrameSamples != samples {
				t.Errorf("%d samples", f.Format().FrameSamples)
			}
		})
	}
}

// TestLATMIsAAC holds that what comes out of LATM is what went into it.
func TestLATMIsAAC(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "aac")
	ffmpeg(t, sound, "-f lavfi -i sine=sample_rate=48000 -ac 2 -c:a aac -t 2 -f adts")
	var payload [2][]byte
	var formats [2]*es.Format
	for i, flags := range []string{"", "-mpegts_flags latm"} {
		p := transport(t, "-f aac -i "+sound+" -c copy "+flags)
		track := p.layout.Tracks[0]
		f := es.NewTrackFollower(&track)
		for _, it := range p.frames[track.ID] {
			f.Push(it.V.Units)
			payload[i] = f.AppendSample(payload[i], it.V.Units)
		}
		if formats[i] = f.Format(); formats[i] == nil {
			t.Fatalf("no format of %s", es.Name(track.Codec))
		}
	}
	if len(payload[0]) == 0 || !bytes.Equal(payload[0], payload[1]) {
		t.Errorf("%d bytes in ADTS, %d in LATM", len(payload[0]), len(payload[1]))
	}
	a, l := *formats[0], *formats[1]
	if l.Codec = a.Codec; !a.Same(&l) {
		t.Errorf("ADTS %+v, LATM %+v", a, l)
	}
}
