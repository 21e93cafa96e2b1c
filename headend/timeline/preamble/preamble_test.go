package preamble_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigma/headend/timeline/preamble"
	"sigma/headend/timeline/timelinetest"
	"sigma/mux/ts"
)

func TestTablesOfACapture(t *testing.T) {
	src := timelinetest.Capture(t, 2, 25)
	var tables preamble.Tables
	if got := tables.AppendTo(nil, &preamble.Counters{}); len(got) != 0 {
		t.Errorf("%d bytes before any table", len(got))
	}
	// What is left of the stream has no tables: only those of AppendTo name its tracks.
	var media []byte
	for p := src; len(p) > 0; p = p[ts.PacketSize:] {
		tables.Push(p[:ts.PacketSize])
		if pid := ts.PID(p); pid >= 0x100 && pid < 0x1000 {
			media = append(media, p[:ts.PacketSize]...)
		}
	}
	if !tables.Ready() || tables.PMT() != 0x1000 || !tables.Has(0) || !tables.Has(0x1000) || tables.Has(0x100) {
		t.Fatalf("ready %v, PMT %d", tables.Ready(), tables.PMT())
	}
	counters := preamble.Counters{PAT: 15, PMT: 7}
	front := tables.AppendTo(nil, &counters)
	if len(front) != 2*ts.PacketSize || ts.CC(front) != 15 || ts.CC(front[ts.PacketSize:]) != 7 || counters != (preamble.Counters{PAT: 0, PMT: 8}) {
		t.Errorf("%d bytes, counters %d and %d, then %+v", len(front), ts.CC(front), ts.CC(front[ts.PacketSize:]), counters)
	}
	f := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(f, append(front, media...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", f).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	if want := "h264\naac\naac\n"; string(out) != want && string(out) != want+"\n"+want {
		t.Errorf("ffprobe sees %q", out)
	}
	tables.Reset()
	if tables.Ready() || tables.PMT() != 0 {
		t.Error("tables known after Reset")
	}
}

func FuzzTables(f *testing.F) {
	pat := []byte{0x47, 0x40, 0, 0x10, 0, 0, 0xB0, 0x0D, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0, 0x2A, 0xB1, 0x04, 0xB2}
	f.Add(append(pat, make([]byte, 188-len(pat))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var tables preamble.Tables
		for ; len(b) >= ts.PacketSize; b = b[ts.PacketSize:] {
			tables.Push(b[:ts.PacketSize])
		}
		if out := tables.AppendTo(nil, &preamble.Counters{}); len(out)%ts.PacketSize != 0 {
			t.Errorf("%d bytes", len(out))
		}
	})
}
