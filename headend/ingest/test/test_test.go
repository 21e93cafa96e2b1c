package test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigma/headend/ingest"
	"sigma/headend/ingest/internal/ingesttest"
	"sigma/mux/flow"
	"sigma/mux/ts"
)

func TestRun(t *testing.T) {
	needFFmpeg(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := ingesttest.NewRecorder(t)
	s := &Source{URL: "test://?size=320x240&bitrate=1M&name=Kênh+'1'&lang=eng,vie", Now: ingesttest.Now}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, got) }()
	got.Wait(1_000_000 / 8 * 4)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stream := got.Bytes()
	if c := s.Count(); c.Bytes < uint64(len(stream)) || c.SyncErrors != 0 || c.Packets != uint64(len(stream)/188) {
		t.Errorf("counted %+v for %d bytes", c, len(stream))
	}
	checkPackets(t, stream)
	checkStreams(t, stream)
}

// checkPackets checks continuity and that PCR is regular and exact for the rate.
func checkPackets(t *testing.T, stream []byte) {
	t.Helper()
	cc := map[uint16]uint8{}
	var last uint64
	lastAt, pcrs := 0, 0
	for at := 0; at < len(stream); at += 188 {
		p := stream[at:]
		pid := ts.PID(p)
		if before, ok := cc[pid]; ok && ts.HasPayload(p) && pid != ts.NullPID && ts.CC(p) != (before+1)&15 {
			t.Fatalf("packet %d, PID %d: continuity counter %d after %d", at/188, pid, ts.CC(p), before)
		}
		if ts.HasPayload(p) {
			cc[pid] = ts.CC(p)
		}
		pcr, ok := ts.PCR(p)
		if !ok {
			continue
		}
		if pcrs++; pcrs > 1 {
			ticks := float64(pcr - last)
			exact := float64(at-lastAt) * 8 * flow.TicksPerSecond / 1_000_000
			if ticks > 0.030*flow.TicksPerSecond || ticks < exact-400 || ticks > exact+400 {
				t.Fatalf("PCR after %.0f ticks of 27 MHz, want at most 30 ms and %.0f by the bytes", ticks, exact)
			}
		}
		last, lastAt = pcr, at
	}
	if pcrs < 100 {
		t.Errorf("%d PCR in 4 s", pcrs)
	}
}

// checkStreams has ffprobe judge the tracks, the service and the key frames.
func checkStreams(t *testing.T, stream []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.ts")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-of", "json", "-show_programs", "-show_streams",
		"-show_packets", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var probe struct {
		Programs []struct{ Tags map[string]string }
		Streams  []struct {
			Codec         string `json:"codec_name"`
			Width, Height int
			Tags          map[string]string
		}
		Packets []struct {
			Stream int    `json:"stream_index"`
			PTS    int64  `json:"pts"`
			Flags  string `json:"flags"`
		}
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		t.Fatal(err)
	}
	if len(probe.Programs) != 1 || probe.Programs[0].Tags["service_name"] != "Kênh '1'" {
		t.Errorf("programmes %v", probe.Programs)
	}
	if s := probe.Streams; len(s) != 3 || s[0].Codec != "h264" || s[0].Width != 320 || s[0].Height != 240 ||
		s[1].Codec != "aac" || s[1].Tags["language"] != "eng" || s[2].Codec != "aac" || s[2].Tags["language"] != "vie" {
		t.Errorf("streams %v", s)
	}
	var keys []int64
	for _, p := range probe.Packets {
		if p.Stream == 0 && strings.HasPrefix(p.Flags, "K") {
			keys = append(keys, p.PTS)
		}
	}
	if len(keys) < 3 {
		t.Fatalf("key frames at %v", keys)
	}
	for i := 2; i < len(keys); i++ { // the first second of the time code may be short
		if keys[i]-keys[i-1] != 90_000 {
			t.Errorf("key frames at %v, want one each 90000", keys)
		}
	}
}

// script returns a program that stands in for ffmpeg.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestErrors(t *testing.T) {
	run := func(s *Source) error { s.Now = ingesttest.Now; return s.Run(t.Context(), ingesttest.NewRecorder(t)) }
	err := run(&Source{URL: "test://", FFmpeg: "no-such-program"})
	if !errors.Is(err, ingest.ErrPermanent) || !strings.Contains(err.Error(), "apt-get install ffmpeg fonts-dejavu-core") {
		t.Errorf("got %v", err)
	}
	if err := run(&Source{URL: "test://?rate=x"}); !errors.Is(err, ingest.ErrPermanent) {
		t.Errorf("got %v", err)
	}
	err = run(&Source{URL: "test://", FFmpeg: script(t, "yes noise | head -n 20000 >&2; echo 'No such filter: drawtext' >&2; exit 3")})
	if err == nil || errors.Is(err, ingest.ErrPermanent) || len(err.Error()) > 2*tailSize ||
		!strings.Contains(err.Error(), "exit status 3: ") || !strings.HasSuffix(err.Error(), "; No such filter: drawtext") {
		t.Errorf("got %v", err)
	}
	if err := run(&Source{URL: "test://", FFmpeg: script(t, "exit 0")}); !errors.Is(err, ingest.ErrEnded) {
		t.Errorf("got %v", err)
	}
}

// fifo returns a named pipe; reading it to its end takes until every process that
// has it open for writing is gone.
func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "alive")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestChildEndsWithItsGroup(t *testing.T) {
	alive := fifo(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := &Source{URL: "test://", Now: ingesttest.Now, FFmpeg: script(t, "exec 9>"+alive+"\nsleep 1000 & trap '' TERM; echo up >&9; wait")}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, ingesttest.NewRecorder(t)) }()
	f, err := os.Open(alive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadFull(f, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(f); err != nil { // blocks while one of them lives
		t.Error(err)
	}
}

// TestChildDiesWithTheDaemon runs itself as the daemon and kills it.
func TestChildDiesWithTheDaemon(t *testing.T) {
	if program := os.Getenv("TEST_CHILD_PROGRAM"); program != "" {
		_ = (&Source{URL: "test://", Now: ingesttest.Now, FFmpeg: program}).Run(t.Context(), ingesttest.NewRecorder(t))
		return
	}
	alive := fifo(t)
	daemon := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildDiesWithTheDaemon$")
	daemon.Env = append(os.Environ(), "TEST_CHILD_PROGRAM="+script(t, "exec 9>"+alive+"\necho up >&9; exec sleep 1000"))
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(alive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadFull(f, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // killed
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
}
