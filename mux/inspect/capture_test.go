package inspect

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigma/mux/flow"
	"sigma/mux/ts"
)

// recipe is a capture for ffmpeg to make: what is in common is added by capture.
type recipe struct{ name, args string }

const (
	picture = "-f lavfi -i testsrc2=size=320x180:rate=25 "
	tone    = "-f lavfi -i sine=frequency=440:sample_rate=48000 "
	noise   = "-f lavfi -i anoisesrc=r=48000:a=0.1:seed=1 "
)

var recipes = []recipe{
	{"h264", picture + tone + "-map 0 -map 1 -c:v libx264 -preset veryfast -g 25 -bf 3 -c:a aac -ac 2 -muxrate 2M"},
	{"opengop", picture + "-map 0 -c:v libx264 -preset veryfast -g 25 -bf 3 -x264-params open-gop=1:scenecut=0:ref=4"},
	{"mpeg2", picture + tone + "-map 0 -map 1 -map 1 -c:v mpeg2video -bf 2 -g 12 -c:a:0 mp2 -c:a:1 ac3 -metadata:s:a:1 language=vie"},
	{"hevc", picture + noise + "-map 0 -map 1 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:bframes=3 -c:a eac3 -ac 2"},
	{"interlaced", "-f lavfi -i testsrc2=size=720x576:rate=25 " + "-map 0 -c:v mpeg2video -flags +ildct+ilme -top 1 -g 12 -bf 2"},
	{"tff", "-f lavfi -i testsrc2=size=720x576:rate=25 " + "-map 0 -c:v libx264 -preset veryfast -x264-params interlaced=1:tff=1:keyint=25"},
	{"radio", tone + noise + "-map 0 -map 1 -c:a:0 mp2 -ar:0 44100 -c:a:1 aac -ac:1 1"},
	{"latm", picture + tone + "-map 0 -map 1 -c:v libx264 -preset veryfast -g 25 -c:a aac -mpegts_flags +latm"},
	{"two", picture + tone + "-map 0 -map 1 -map 0 -map 1 -c:v:0 libx264 -preset veryfast -g 25 -c:v:1 mpeg2video -c:a mp2 " +
		"-program program_num=7:title=Seven:st=0:st=1 -program program_num=9:title=Nine:st=2:st=3"},
	{"wrap", picture + tone + "-map 0 -map 1 -c:v libx264 -preset veryfast -g 25 -bf 2 -c:a mp2 -output_ts_offset 95440"},
}

// capture makes a capture of some seconds and returns its path.
func capture(t testing.TB, r recipe) string {
	t.Helper()
	tool(t, "ffmpeg")
	path := filepath.Join(t.TempDir(), r.name+".ts")
	args := strings.Fields("-nostdin -v error -y " + r.args + " -threads 1 -t 5 -f mpegts " + path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Skipf("ffmpeg cannot make %s here: %v: %s", r.name, err, out)
	}
	return path
}

func tool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCaptures makes every capture once and has all that is to hold of it checked.
func TestCaptures(t *testing.T) {
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			path := capture(t, r)
			c := made{r.name, path, read(t, path), probe(t, path)}
			t.Run("frames", c.testFrames)
			if c.name == "h264" || c.name == "mpeg2" || c.name == "hevc" {
				t.Run("loss", c.testLoss)
			}
			t.Run("pieces", c.testPieces)
			t.Run("access", c.testAccess)
			t.Run("snapshot", c.testSnapshot)
		})
	}
}

// made is a capture and what ffprobe finds in it.
type made struct {
	name    string
	path    string
	data    []byte
	streams map[flow.TrackID]*probed
}

// batches cuts a capture into items of n packets that arrive at 1 Mbit/s.
func batches(data []byte, n int) (out []flow.Item[flow.Batch]) {
	for at := 0; at < len(data); at += n * ts.PacketSize {
		end := min(at+n*ts.PacketSize, len(data))
		it := flow.Item[flow.Batch]{V: flow.Batch{Data: data[at:end]}}
		it.Arrived = time.Duration(at) * 8 * time.Microsecond
		out = append(out, it)
	}
	return out
}

// probed is what ffprobe says of one stream.
type probed struct {
	ID        string `json:"id"`
	Index     int    `json:"index"`
	Codec     string `json:"codec_name"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	FrameRate string `json:"r_frame_rate"`
	Channels  int    `json:"channels"`
	Rate      string `json:"sample_rate"`
	packets   []probedPacket
}

type probedPacket struct {
	Stream int    `json:"stream_index"`
	PTS    *int64 `json:"pts"`
	DTS    *int64 `json:"dts"`
	Size   string `json:"size"`
	Flags  string `json:"flags"`
	Pos    string `json:"pos"`
}

func (p probedPacket) size() int { n, _ := strconv.Atoi(p.Size); return n }

// probe asks ffprobe for the streams of a capture by PID.
func probe(t testing.TB, path string) map[flow.TrackID]*probed {
	t.Helper()
	tool(t, "ffprobe")
	out, err := exec.Command("ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Streams []*probed      `json:"streams"`
		Packets []probedPacket `json:"packets"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	byPID := make(map[flow.TrackID]*probed)
	byIndex := make(map[int]*probed)
	for _, s := range all.Streams {
		id, err := strconv.ParseUint(s.ID, 0, 13)
		if err != nil {
			t.Fatalf("stream id %q: %v", s.ID, err)
		}
		byPID[flow.TrackID(id)], byIndex[s.Index] = s, s
	}
	for _, p := range all.Packets {
		byIndex[p.Stream].packets = append(byIndex[p.Stream].packets, p)
	}
	return byPID
}

// inspect runs a capture through an Inspector in batches of n packets.
func inspect(in *Inspector, data []byte, n int) (out []flow.Item[flow.Batch]) {
	for _, it := range batches(data, n) {
		in.Feed(it, func(it flow.Item[flow.Batch]) { out = append(out, it) })
	}
	return out
}

// demux runs a capture through Inspector and Demuxer.
func demux(in *Inspector, data []byte, n int) map[flow.TrackID][]flow.Item[flow.Frame] {
	out := make(map[flow.TrackID][]flow.Item[flow.Frame])
	emit := func(it flow.Item[flow.Frame]) { out[it.V.Track] = append(out[it.V.Track], it) }
	var d Demuxer
	var l *flow.Layout
	for _, it := range batches(data, n) {
		in.Feed(it, func(it flow.Item[flow.Batch]) {
			if in.Layout() != l {
				l = in.Layout()
				d.SetLayout(l)
			}
			d.Feed(it, emit)
		})
	}
	d.Flush(emit)
	return out
}
