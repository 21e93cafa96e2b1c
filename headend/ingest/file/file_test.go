package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"sigma/headend/ingest"
	"sigma/headend/ingest/internal/ingesttest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

// clip makes a transport stream of two programmes' worth of tracks with B frames.
func clip(t *testing.T, seconds string, mux ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: apt-get install ffmpeg")
	}
	name := filepath.Join(t.TempDir(), "clip.ts")
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", seconds, "-c:v", "libx264", "-preset", "veryfast", "-b:v", "400k", "-maxrate", "400k", "-bufsize", "200k", "-g", "25", "-bf", "2", "-c:a", "mp2", "-f", "mpegts"}, mux...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, name)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}

// play plays a file for some virtual time.
func play(t *testing.T, path string, d time.Duration, meanwhile func()) (got *ingesttest.Recorder, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		began := time.Now()
		got = ingesttest.NewRecorder(t)
		if meanwhile != nil {
			time.AfterFunc(d/2, meanwhile)
		}
		err = (&Source{Path: path, Now: func() time.Duration { return time.Since(began) }}).Run(ctx, got)
	})
	return got, err
}

func TestLoopsAreOneProgramme(t *testing.T) {
	for name, options := range map[string][]string{
		"constant rate": {"-muxrate", "900000", "-pcr_period", "20"},
		"variable rate": nil,
	} {
		t.Run(name, func(t *testing.T) {
			name := clip(t, "2.5", options...)
			got, err := play(t, name, 12*time.Second, nil)
			if err != nil {
				t.Fatal(err)
			}
			seam := int64(13500)
			if options != nil { // 63 pictures and 105 frames of sound last 2.52 s
				i, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				seam = i.Size()*8*90/900 - 226_800 + 3600 + 270
			}
			checkClock(t, got.Items())
			checkContinuity(t, got.Bytes())
			checkStamps(t, got.Bytes(), seam)
		})
	}
}

// checkClock checks that the packets come when their PCR says, with no drift from
// the first to the last, and that batches are neither short nor long.
func checkClock(t *testing.T, items []flow.Item[flow.Batch]) {
	t.Helper()
	var clock ts.Unwrapper
	var first flow.Ticks
	var start time.Duration
	pcrs, short := 0, 0
	for i, it := range items[:len(items)-1] {
		if step := items[i+1].Arrived - it.Arrived; step > 100*time.Millisecond {
			t.Fatalf("batch %d lasts %v", i, step)
		} else if step < ingest.Interval {
			short++
		}
		for at := 0; at < len(it.V.Data); at += ts.PacketSize {
			raw, ok := ts.PCR(it.V.Data[at:])
			if !ok {
				continue
			}
			now, _ := clock.Unwrap(raw)
			if pcrs++; pcrs == 1 {
				first, start = now, it.Arrived
			}
			due := start + (now - first).Duration()
			if due < it.Arrived-time.Microsecond || due > items[i+1].Arrived+time.Microsecond {
				t.Fatalf("PCR %d is due at %v, and comes in a batch from %v to %v", pcrs, due, it.Arrived, items[i+1].Arrived)
			}
		}
	}
	if played := items[len(items)-1].Arrived; pcrs < 100 || played < 11500*time.Millisecond {
		t.Errorf("%d PCR, played for %v", pcrs, played)
	}
	if short*5 > len(items) {
		t.Errorf("%d of %d batches are shorter than %v", short, len(items), ingest.Interval)
	}
}

func checkContinuity(t *testing.T, stream []byte) {
	t.Helper()
	cc := map[uint16]uint8{}
	for at := 0; at < len(stream); at += ts.PacketSize {
		p := stream[at:]
		pid := ts.PID(p)
		if pid == ts.NullPID || !ts.HasPayload(p) {
			continue
		}
		if before, ok := cc[pid]; ok && ts.CC(p) != (before+1)&15 {
			t.Fatalf("packet %d, PID %d: continuity counter %d after %d", at/ts.PacketSize, pid, ts.CC(p), before)
		}
		cc[pid] = ts.CC(p)
	}
}

// checkStamps has ffprobe judge the time stamps: they grow for ever, also from pass to
// pass. At the seam of a file of constant rate a step may be longer than a frame, by
// what the packets of the file outlast its frames; seam is the longest step in 90 kHz.
func checkStamps(t *testing.T, stream []byte, seam int64) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "played.ts")
	if err := os.WriteFile(name, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, track := range []string{"v:0", "a:0"} {
		out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", track,
			"-show_entries", "packet=dts", "-of", "csv=p=0", name).CombinedOutput()
		if err != nil {
			t.Fatalf("ffprobe: %v\n%s", err, out)
		}
		var last int64
		count := 0
		for line := range strings.Lines(string(out)) {
			text := strings.Trim(line, ", \n")
			if text == "" { // of the side data
				continue
			}
			dts, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				t.Fatalf("ffprobe says %q", line)
			}
			if step := dts - last; count > 0 && (step <= 0 || step > seam) {
				t.Errorf("track %s: step of %d ticks of 90 kHz after frame %d", track, step, count)
			}
			last = dts
			count++
		}
		if count < 250 {
			t.Errorf("track %s: %d frames in 11 s", track, count)
		}
	}
}

func TestPacketsFurtherApart(t *testing.T) {
	plain := clip(t, "1", "-muxrate", "900000")
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	want, err := play(t, plain, 3*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, frame := range map[string]struct{ before, after int }{"m2ts": {4, 0}, "Reed-Solomon": {0, 16}} {
		var framed []byte
		for p := range slices.Chunk(b, ts.PacketSize) {
			framed = append(append(append(framed, make([]byte, frame.before)...), p...), make([]byte, frame.after)...)
		}
		path := filepath.Join(t.TempDir(), "framed")
		if err := os.WriteFile(path, framed, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := play(t, path, 3*time.Second, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := min(len(got.Bytes()), len(want.Bytes()))
		if n < 2*len(b) || !bytes.Equal(got.Bytes()[:n], want.Bytes()[:n]) {
			t.Errorf("%s: the same packets come out otherwise, %d bytes of %d", name, len(got.Bytes()), len(want.Bytes()))
		}
	}
}

// A file that takes the name of the one that plays is played from the next pass on,
// on the same schedule.
func TestReplacedFile(t *testing.T) {
	first, second := clip(t, "1", "-muxrate", "900000"), clip(t, "1", "-muxrate", "1800000", "-output_ts_offset", "5000")
	got, err := play(t, first, 6*time.Second, func() {
		if err := os.Rename(second, first); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var bytesIn [6]int
	var last time.Duration
	for _, it := range got.Items() {
		if it.Arrived-last > 100*time.Millisecond {
			t.Errorf("nothing from %v to %v", last, it.Arrived)
		}
		last = it.Arrived
		bytesIn[min(5, it.Arrived/time.Second)] += len(it.V.Data)
	}
	if r := float64(bytesIn[4]) / float64(bytesIn[1]); r < 1.8 || r > 2.2 {
		t.Errorf("bytes in each second: %v, want twice as many after the file was replaced", bytesIn)
	}
}

// A process that was stopped goes on at the pace of the file, without a burst.
func TestStallIsNotCaughtUp(t *testing.T) {
	path := clip(t, "1", "-muxrate", "900000")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		got := &stalling{Recorder: ingesttest.NewRecorder(t)}
		if err := (&Source{Path: path, Now: func() time.Duration { return time.Since(began) }}).Run(ctx, got); err != nil {
			t.Fatal(err)
		}
		if n, want := len(got.Bytes()), 900_000/8*10; n < want*9/10 || n > want*12/10 {
			t.Errorf("%d bytes in 20 s with a stall of 10 s, want about %d", n, want)
		}
	})
}

// stalling is a receiver that stops the world for 10 s, once.
type stalling struct {
	*ingesttest.Recorder
	count int
}

func (r *stalling) Append(it flow.Item[flow.Batch]) {
	if r.count++; r.count == 100 {
		time.Sleep(10 * time.Second) // virtual
	}
	r.Recorder.Append(it)
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	clocks := func(packets int, pcrs map[int]uint64) []byte {
		b := ingesttest.Packets(packets)
		for i, pcr := range pcrs {
			p := b[i*ts.PacketSize:][:ts.PacketSize]
			p[3], p[4], p[5] = p[3]|0x20, 7, 0x10
			ts.SetPCR(p, pcr)
		}
		return b
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		is   error
		say  string
	}{
		{filepath.Join(dir, "none"), os.ErrNotExist, "check the path"},
		{dir, nil, "expected a transport stream, found a directory"},
		{"/dev/null", nil, "expected a regular file"},
		{fifo, nil, "expected a regular file"}, // that nobody writes to
		{file("empty", nil), ingest.ErrNotTS, "found an empty file"},
		{file("page", []byte("<!DOCTYPE html>")), ingest.ErrNotTS, "looks like text/html"},
		{file("zero", make([]byte, 1<<20)), ingest.ErrNotTS, "found no packets in"},
		{file("clockless", ingesttest.Packets(5000)), nil, "found no PCR in 16 MiB"},
		{file("one PCR", clocks(50, map[int]uint64{0: 27e6})), nil, "the clock of the file does not advance"},
		{file("equal PCRs", clocks(50, map[int]uint64{0: 27e6, 5: 27e6})), nil, "the clock of the file does not advance"},
		{file("PCRs that go back", clocks(50, map[int]uint64{0: 270e6, 5: 135e6, 9: 27e6})), nil, "the clock of the file does not advance"},
		{file("PCR that stands", clocks(200_000, map[int]uint64{0: 27e6, 5000: 27e6})), nil, "the clock of the file does not advance"},
		{file("short", ingesttest.Packets(3)), nil, "found no PCR in 16 MiB"},
	} {
		got, err := play(t, c.path, time.Second, nil)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: got %v, want %s", c.path, err, c.say)
		}
		if len(got.Items()) > 0 {
			t.Errorf("%s: %d batches", c.path, len(got.Items()))
		}
	}
}

func TestManyPlayTheSameFile(t *testing.T) {
	path := clip(t, "1", "-muxrate", "900000")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		ended := make(chan error)
		const sources = 20
		var got [sources]*ingesttest.Recorder
		for i := range sources {
			got[i] = ingesttest.NewRecorder(t)
			go func() {
				ended <- (&Source{Path: path, Now: func() time.Duration { return time.Since(began) }}).Run(ctx, got[i])
			}()
		}
		for range sources {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		for i := range sources {
			if n := len(got[i].Bytes()); n < 900_000/8*4 {
				t.Error(fmt.Sprint("source ", i, " played ", n, " bytes"))
			}
		}
	})
}
