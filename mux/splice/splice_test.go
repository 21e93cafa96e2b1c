package splice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"sigma/mux/psi"
	"sigma/mux/ts"
)

// capture makes two seconds of a programme with ffmpeg.
func capture(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	out := filepath.Join(t.TempDir(), name)
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2",
		"-c:v", "mpeg2video", "-c:a", "mp2", "-shortest", "-f", "mpegts"}, args...)
	if b, err := exec.Command("ffmpeg", append(all, "-y", out)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, b)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// counterErrors counts breaks of the continuity counters, without any exemption.
func counterErrors(data []byte) (n int) {
	last := map[uint16]uint8{}
	for p := data; len(p) > 0; p = p[188:] {
		pid := ts.PID(p)
		if pid == ts.NullPID {
			continue
		}
		want, seen := last[pid]
		if ts.HasPayload(p) {
			want = (want + 1) & 15
		}
		if seen && ts.CC(p) != want {
			n++
		}
		last[pid] = ts.CC(p)
	}
	return n
}

func flagged(data []byte) (n int) {
	for p := data; len(p) > 0; p = p[188:] {
		if ts.DiscontinuityIndicator(p) {
			n++
		}
	}
	return n
}

func joinAll(j *Joiner, parts ...[]byte) []byte {
	var out []byte
	for i, part := range parts {
		if i > 0 {
			j.Cut()
		}
		for len(part) > 0 { // batches of a size that splits tables
			n := min(len(part), 5*188)
			out = append(out, j.Join(part[:n])...)
			part = part[n:]
		}
	}
	return out
}

func TestJoinedStreamsCountOn(t *testing.T) {
	a := capture(t, "a.ts")
	b := capture(t, "b.ts", "-metadata", "service_name=Other", "-mpegts_start_pid", "0x100")
	keepA, keepB := bytes.Clone(a), bytes.Clone(b)
	var j Joiner
	got := joinAll(&j, a, b[3*188:], a, b)
	if !bytes.Equal(a, keepA) || !bytes.Equal(b, keepB) {
		t.Fatal("the input was written to")
	}
	if !bytes.Equal(got[:len(a)], a) {
		t.Error("packets before the first cut were changed")
	}
	if n := counterErrors(append(bytes.Clone(a), b...)); n == 0 {
		t.Fatal("the captures join without errors by chance: the test proves nothing")
	}
	if n := counterErrors(got); n != 0 {
		t.Errorf("%d continuity errors", n)
	}
	if n := flagged(got) - flagged(a)*2 - flagged(b)*2; n != 3 {
		t.Errorf("%d packets with discontinuity_indicator more than in the captures, want one for each of 3 cuts", n)
	}
	judgeTables(t, got)
	judgeTshark(t, got)
}

// judgeTables lets go-astits check the CRC of every table; the version_number of
// the PAT must change at each cut and nowhere else.
func judgeTables(t *testing.T, data []byte) {
	t.Helper()
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(data))
	pmts := 0
	for {
		x, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			t.Fatalf("go-astits: %v", err)
		}
		if x.PMT != nil {
			pmts++
		}
	}
	if pmts < 8 {
		t.Errorf("go-astits found %d PMTs", pmts)
	}
	for _, pid := range []uint16{0, 0x1000, 0x11} {
		changes, last := 0, -1
		for p := data; len(p) > 0; p = p[188:] {
			if ts.PID(p) != pid || !ts.PUSI(p) {
				continue
			}
			v := int(ts.Payload(p)[6] >> 1 & 31)
			if last >= 0 && v != last {
				changes++
			}
			last = v
		}
		if changes != 3 {
			t.Errorf("PID %#x: version_number changed %d times, want 3", pid, changes)
		}
	}
}

func judgeTshark(t *testing.T, data []byte) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Log("tshark is not installed: its verdict is missing")
		return
	}
	f := filepath.Join(t.TempDir(), "joined.ts")
	if err := os.WriteFile(f, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-r", f, "-X", "read_format:MPEG2 transport stream",
		"-Y", "mp2t.cc.drop || mpeg_sect.crc.status == 0", "-T", "fields", "-e", "frame.number", "-e", "mp2t.pid").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	if s := strings.TrimSpace(string(out)); s != "" {
		t.Errorf("tshark sees drops or wrong CRCs in packets:\n%s", s)
	}
}

// TestAdaptationOnlyPackets cuts where the new stream begins with a packet without
// payload: it repeats the counter sent last.
func TestAdaptationOnlyPackets(t *testing.T) {
	pkt := func(cc uint8, payload bool) []byte {
		p := make([]byte, 188)
		p[0], p[1], p[2], p[3] = 0x47, 0x01, 0x00, 0x10|cc
		if !payload {
			p[3], p[4] = 0x20|cc, 183
		}
		return p
	}
	var j Joiner
	j.Join(append(pkt(4, true), pkt(5, true)...))
	j.Cut()
	out := j.Join(bytes.Join([][]byte{pkt(11, false), pkt(12, true), pkt(12, true), pkt(13, true)}, nil))
	var got []string
	for p := out; len(p) > 0; p = p[188:] {
		got = append(got, fmt.Sprint(ts.CC(p)))
	}
	if s := strings.Join(got, " "); s != "5 6 6 7" {
		t.Errorf("counters %s, want 5 6 6 7: the repeat stays a repeat", s)
	}
}

func TestFirstStreamIsNotCopied(t *testing.T) {
	data := capture(t, "a.ts")
	var j Joiner
	j.Cut()
	if out := j.Join(data); &out[0] != &data[0] {
		t.Error("the first stream was copied")
	}
}

// table returns the packets of the tables on one PID.
func table(t testing.TB, pid uint16, tables ...psi.Table) []byte {
	t.Helper()
	var all []psi.Section
	for _, x := range tables {
		s, err := x.Sections()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s...)
	}
	return (&psi.Packetizer{PID: pid}).AppendTo(nil, all...)
}

// programme returns PAT and PMT of one programme with one stream.
func programme(t testing.TB, pmtPID, video uint16) []byte {
	t.Helper()
	return append(table(t, 0, &psi.PAT{TransportStreamID: pmtPID, Programs: []psi.Program{{Number: 1, PID: pmtPID}}}),
		table(t, pmtPID, &psi.PMT{ProgramNumber: 1, PCRPID: video, Streams: []psi.Stream{{Type: 0x1B, PID: video}}})...)
}

// noise returns packets of PES packets whose payload is random.
func noise(pid uint16, packets int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(pid)))
	b := make([]byte, packets*188)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for i := range packets {
		p := b[i*188:]
		p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x10|byte(i)&15
		if i%40 == 0 {
			p[1] |= 0x40
			copy(p[4:], []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1})
		}
	}
	return b
}

// same reports whether nothing but the continuity counter and
// discontinuity_indicator of a packet was changed.
func same(was, is []byte) bool {
	was, is = bytes.Clone(was), bytes.Clone(is)
	for _, p := range [][]byte{was, is} {
		ts.SetCC(p, 0)
		ts.SetDiscontinuityIndicator(p, false)
	}
	return bytes.Equal(was, is)
}

// TestMediaOnTheOldPMTPID goes over to an input whose video has the PID that the PMT
// of the input before had, as that of ffmpeg behind one of many multiplexers. A
// change of the PAT without a cut may do the same.
func TestMediaOnTheOldPMTPID(t *testing.T) {
	for _, cuts := range []bool{true, false} {
		var j Joiner
		j.Join(programme(t, 0x50, 0x51))
		j.Cut()
		j.Join(programme(t, 0x100, 0x200))
		if cuts {
			j.Cut()
		}
		j.Join(programme(t, 0x1000, 0x100))
		in := noise(0x100, 20_000)
		out := j.Join(in)
		for i := 0; i < len(in); i += 188 {
			if !same(in[i:i+188], out[i:i+188]) {
				t.Fatalf("cut %v: packet %d of the video was changed", cuts, i/188)
			}
		}
	}
}

// TestVersionsGoOnByPID joins inputs of which the PID of the PMT moves and comes
// back: every PAT and PMT differs from the one before on its PID.
func TestVersionsGoOnByPID(t *testing.T) {
	var j Joiner
	last := map[uint16]uint8{}
	for i, pid := range []uint16{0x100, 0x1000, 0x100, 0x100, 0x1000} {
		j.Cut()
		var a psi.Assembler
		out := j.Join(programme(t, pid, 0x200))
		for p := out; len(p) > 0; p = p[188:] {
			a.Reset()
			a.Push(p[:188], func(s psi.Section) {
				if was, ok := last[ts.PID(p)]; ok && s.Version() != (was+1)&31 {
					t.Errorf("input %d, PID %#x: version %d after %d", i, ts.PID(p), s.Version(), was)
				}
				last[ts.PID(p)] = s.Version()
			})
		}
		if a.Sections != 2 {
			t.Fatalf("input %d: %d whole sections, want 2", i, a.Sections)
		}
	}
}

// TestOnlyAWholePATIsFollowed lists a PMT PID in a PAT with a wrong CRC, and more of
// them than are followed.
func TestOnlyAWholePATIsFollowed(t *testing.T) {
	bad := table(t, 0, &psi.PAT{Programs: []psi.Program{{Number: 1, PID: 0x100}}})
	bad[16] ^= 1
	var j Joiner
	j.Join(bad)
	if j.tables[0x100] != nil {
		t.Error("a PAT with a wrong CRC was followed")
	}
	many := &psi.PAT{}
	for pid := uint16(0x20); pid < 0x1000; pid++ {
		many.Programs = append(many.Programs, psi.Program{Number: pid, PID: pid})
	}
	j.Join(table(t, 0, many))
	if len(j.tables) != maxTables {
		t.Errorf("%d tables of a PAT of %d programmes, want %d", len(j.tables), len(many.Programs), maxTables)
	}
	// The limit does not stay used up.
	j.Cut()
	j.Join(programme(t, 0x1500, 0x200))
	if len(j.tables) != 3 || j.tables[0x1500] == nil {
		t.Errorf("%d tables after the cut, want PAT, SDT and PMT", len(j.tables))
	}
}

// TestPATOfManySections follows the programmes of all sections of a PAT.
func TestPATOfManySections(t *testing.T) {
	pat := &psi.PAT{}
	for i := range uint16(600) {
		pat.Programs = append(pat.Programs, psi.Program{Number: i + 1, PID: 0x20 + i})
	}
	var j Joiner
	j.Join(table(t, 0, pat))
	if len(j.tables) != 602 {
		t.Fatalf("%d tables, want 602", len(j.tables))
	}
	pat.Programs = pat.Programs[300:]
	j.pat.Reset()
	j.Join(table(t, 0, pat))
	if len(j.tables) != 302 {
		t.Errorf("%d tables after 300 programmes went, want 302", len(j.tables))
	}
}

// FuzzJoinKeepsMedia holds that no byte of a PID without tables is changed but the
// continuity counter and discontinuity_indicator, whatever was on it before the cut.
func FuzzJoinKeepsMedia(f *testing.F) {
	f.Add(noise(0x100, 5), uint8(0))
	f.Add(table(f, 0x100, &psi.PMT{ProgramNumber: 1, PCRPID: 0x101}), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, every uint8) {
		data = bytes.Clone(data[:len(data)/188*188])
		for p := data; len(p) > 0; p = p[188:] {
			if pid := ts.PID(p); pid == psi.PIDPAT || pid == psi.PIDSDT || pid == 0x1000 {
				ts.SetPID(p, 0x100)
			}
		}
		var j Joiner
		j.Join(programme(t, 0x100, 0x200))
		j.Cut()
		j.Join(programme(t, 0x1000, 0x100))
		for i := 0; i < len(data); i += 188 {
			if i/188%(int(every)+1) == 1 {
				j.Cut()
				j.Join(programme(t, 0x1000, 0x100))
			}
			in := data[i : i+188]
			if out := j.Join(in); !same(in, out) {
				t.Fatalf("packet %d was changed from\n% x to\n% x", i/188, in, out)
			}
		}
	})
}

func FuzzJoin(f *testing.F) {
	f.Add(bytes.Repeat(append([]byte{0x47, 0x40, 0, 0x10, 0, 0, 0xB0, 0x0D, 0, 1, 0xC1}, make([]byte, 177)...), 3), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		data = data[:len(data)/188*188]
		if len(data) > 1<<16 {
			return
		}
		keep := bytes.Clone(data)
		var j Joiner
		for i := 0; i < len(data); i += 188 {
			if i/188%(int(cut)+1) == 0 {
				j.Cut()
			}
			if out := j.Join(data[i : i+188]); len(out) != 188 {
				t.Fatalf("%d bytes for 188", len(out))
			}
		}
		if !bytes.Equal(data, keep) {
			t.Fatal("the input was written to")
		}
		if len(j.tables) > 1024 {
			t.Fatalf("%d tables", len(j.tables))
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	data := capture(b, "a.ts")
	for _, cut := range []bool{false, true} {
		b.Run(fmt.Sprintf("cut=%v", cut), func(b *testing.B) {
			var j Joiner
			j.Join(data)
			if cut {
				j.Cut()
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				j.Join(data)
			}
		})
	}
}
