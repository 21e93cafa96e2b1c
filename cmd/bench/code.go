package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// code runs the benchmarks of the packet path.
func (b *bench) code() error {
	for _, x := range []struct{ pkg, bench, what, want string }{
		{"./mux/inspect", "BenchmarkInspect$", "inspection of packets, one core", "≥ 2 GB/s"},
		{"./mux/inspect", "BenchmarkDemux$", "demultiplexing to frames, one core", "≥ 800 MB/s"},
		{"./mux", "BenchmarkShaperCBR$", "constant bit rate: stuffing, PCR, tables", ""},
	} {
		out, err := b.goTest("-run", "^$", "-bench", x.bench, "-benchtime", "2s", "-count", "3", x.pkg)
		if err != nil {
			return err
		}
		b.add(x.what, x.want, "%.0f MB/s", median(numbers(out, `([\d.]+) MB/s`)))
	}
	return nil
}

// console measures what a refresh costs over SSH and how long a key takes.
func (b *bench) console() error {
	out, err := b.goTest("-run", "TestRefreshBytes", "-count", "1", "-v", "./tui/sshd")
	if err != nil {
		return err
	}
	if n := numbers(out, `(\d+) bytes`); len(n) > 0 {
		b.add("console refresh with ten numbers changing, over SSH", "≤ 500 bytes", "%.0f bytes", n[0])
	}
	out, err = b.goTest("-run", "^$", "-bench", "BenchmarkKeystroke", "-count", "3", "./tui")
	if err != nil {
		return err
	}
	b.add("keystroke to screen with 200 channels", "≤ 50 ms", "%.1f ms", median(numbers(out, `([\d.]+) ns/op`))/1e6)
	return nil
}

func (b *bench) goTest(args ...string) ([]byte, error) {
	out, err := exec.CommandContext(b.ctx, "go", append([]string{"test"}, args...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test %v: %w: %s", args, err, out)
	}
	return out, nil
}

// numbers returns what the group of a pattern matched.
func numbers(out []byte, pattern string) (list []float64) {
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(out, -1) {
		if v, err := strconv.ParseFloat(string(bytes.TrimSpace(m[1])), 64); err == nil {
			list = append(list, v)
		}
	}
	return list
}
