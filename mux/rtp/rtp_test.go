package rtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	want := Header{PayloadType: 33, Sequence: 0x1234, Timestamp: 0x89abcdef, SSRC: 0x01020304}
	marked := want
	marked.Marker = true
	for _, c := range []struct {
		name, in, payload string
		h                 Header
	}{
		{"plain", "8021123489abcdef01020304" + "47aabb", "47aabb", want},
		{"empty", "8021123489abcdef01020304", "", want},
		{"marker", "80a1123489abcdef01020304" + "47", "47", marked},
		{"two sources", "8221123489abcdef01020304" + "1111111122222222" + "47", "47", want},
		{"extension", "9021123489abcdef01020304" + "bede0001" + "10203040" + "47", "47", want},
		{"padding", "a021123489abcdef01020304" + "47" + "000003", "47", want},
		{"all padding", "a021123489abcdef01020304" + "0002", "", want},
	} {
		b := unhex(t, c.in)
		h, p, err := Parse(b)
		if err != nil || h != c.h || hex.EncodeToString(p) != c.payload {
			t.Errorf("%s: %+v %x %v", c.name, h, p, err)
		}
	}
	for _, bad := range []string{
		"", "8021123489abcdef010203", "4021123489abcdef01020304", "8121123489abcdef01020304",
		"9021123489abcdef01020304bede", "9021123489abcdef01020304bede0001aabbcc",
		"a021123489abcdef01020304", "a021123489abcdef0102030400", "a021123489abcdef0102030403",
	} {
		if _, _, err := Parse(unhex(t, bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for at, want := range map[time.Duration]uint32{
		0: 0, time.Second: 90000, 40 * time.Millisecond: 3600,
		(1<<32)/90000*time.Second + 32768*time.Second: uint32(((1<<32)/90000 + 32768) * 90000 % (1 << 32)),
	} {
		if got := Timestamp(at); got != want {
			t.Errorf("%v: %d, want %d", at, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"8021123489abcdef0102030447aabb", "9221123489abcdef010203041111111122222222bede00011020304047", "a021123489abcdef010203040002"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, p, err := Parse(b)
		if err != nil {
			return
		}
		h2, p2, err := Parse(append(h.AppendTo(nil), p...))
		if err != nil || h2 != h || !bytes.Equal(p, p2) {
			t.Errorf("%+v %x becomes %+v %x: %v", h, p, h2, p2, err)
		}
	})
}

// collector records sequence numbers, which the tests use as payload.
type collector struct{ got []int }

func (c *collector) emit(_ time.Duration, p []byte) { c.got = append(c.got, int(p[0])<<8|int(p[1])) }

func push(r *Reorder, at time.Duration, seqs ...int) {
	for _, s := range seqs {
		r.Push(Header{Sequence: uint16(s)}, at, []byte{byte(s >> 8), byte(s)})
	}
}

func TestReorder(t *testing.T) {
	for _, c := range []struct {
		name           string
		in, out        []int
		lost, re, dups uint64
		restarts       uint64
	}{
		{"in order", []int{1, 2, 3}, []int{1, 2, 3}, 0, 0, 0, 0},
		{"wrap", []int{65534, 65535, 0, 1}, []int{65534, 65535, 0, 1}, 0, 0, 0, 0},
		{"swap", []int{1, 3, 2, 4}, []int{1, 2, 3, 4}, 0, 1, 0, 0},
		{"swap over the wrap", []int{65534, 0, 65535, 1}, []int{65534, 65535, 0, 1}, 0, 1, 0, 0},
		{"reversed", []int{1, 5, 4, 3, 2}, []int{1, 2, 3, 4, 5}, 0, 3, 0, 0},
		{"duplicate", []int{1, 2, 2, 3, 1}, []int{1, 2, 3}, 0, 0, 2, 0},
		{"duplicate waiting", []int{1, 3, 3, 2}, []int{1, 2, 3}, 0, 1, 1, 0},
		{"loss beyond the window", []int{1, 3, 4, 5, 6, 7}, []int{1, 3, 4, 5, 6, 7}, 1, 0, 0, 0},
		{"long loss", []int{1, 20, 21}, []int{1, 20, 21}, 18, 0, 0, 0},
		{"late after given up", []int{1, 3, 4, 5, 6, 7, 2}, []int{1, 3, 4, 5, 6, 7}, 1, 0, 1, 0},
		{"one stray", []int{1, 2, 30000, 3}, []int{1, 2, 3}, 0, 0, 1, 0},
		{"sender restarts", []int{1, 2, 30000, 30001, 30002}, []int{1, 2, 30001, 30002}, 0, 0, 1, 1},
	} {
		var got collector
		r := Reorder{Window: 4, Emit: got.emit}
		push(&r, 0, c.in...)
		r.Flush()
		if !slices.Equal(got.got, c.out) {
			t.Errorf("%s: %v, want %v", c.name, got.got, c.out)
		}
		if r.Lost != c.lost || r.Reordered != c.re || r.Duplicates != c.dups || r.Restarts != c.restarts {
			t.Errorf("%s: lost %d reordered %d duplicates %d restarts %d", c.name, r.Lost, r.Reordered, r.Duplicates, r.Restarts)
		}
	}
}

func TestReorderGivesUpAfterDelay(t *testing.T) {
	var got collector
	r := Reorder{Emit: got.emit}
	push(&r, 0, 1, 3)
	r.Expire(49 * time.Millisecond)
	if len(got.got) != 1 {
		t.Fatalf("too early: %v", got.got)
	}
	r.Expire(50 * time.Millisecond)
	push(&r, 51*time.Millisecond, 4)
	if !slices.Equal(got.got, []int{1, 3, 4}) || r.Lost != 1 {
		t.Errorf("%v, lost %d", got.got, r.Lost)
	}
}

func TestReorderNewSource(t *testing.T) {
	var got collector
	r := Reorder{Emit: got.emit}
	push(&r, 0, 1, 2, 4)
	r.Push(Header{Sequence: 699, SSRC: 9}, 0, []byte{2, 187})
	if r.Restarts != 0 {
		t.Error("one packet is a new source")
	}
	r.Push(Header{Sequence: 700, SSRC: 9}, 0, []byte{2, 188})
	if !slices.Equal(got.got, []int{1, 2, 4, 700}) || r.Restarts != 1 || r.Lost != 1 {
		t.Errorf("%v restarts %d lost %d", got.got, r.Restarts, r.Lost)
	}
}

// TestReorderForeignPackets has a sender report of RTCP, a packet of error correction
// and the packets of another sender come between those of a stream.
func TestReorderForeignPackets(t *testing.T) {
	report, _, err := Parse(unhex(t, "80c80006000000000102030405060708090909090000000100000002"))
	if err != nil {
		t.Fatal(err)
	}
	for name, foreign := range map[string][]Header{
		"RTCP":             {report, report},
		"error correction": {{PayloadType: 96, Sequence: 5, SSRC: 9}, {PayloadType: 96, Sequence: 5, SSRC: 9}},
		"another sender":   {{Sequence: 900, SSRC: 9}, {Sequence: 901, SSRC: 9}},
		"two others":       {{Sequence: 900, SSRC: 9}, {Sequence: 901, SSRC: 10}},
	} {
		var got collector
		r := Reorder{Emit: got.emit}
		push(&r, 0, 1, 2, 4) // 3 is under way
		r.Push(foreign[0], 0, []byte{9, 9})
		if name == "another sender" {
			push(&r, 0, 5) // this one is still there
		}
		r.Push(foreign[1], 0, []byte{9, 9})
		push(&r, 0, 3, 5, 6)
		if !slices.Equal(got.got, []int{1, 2, 3, 4, 5, 6}) || r.Lost != 0 || r.Restarts != 0 {
			t.Errorf("%s: %v, lost %d restarts %d", name, got.got, r.Lost, r.Restarts)
		}
	}
}

// TestReorderAccounts shuffles, drops and repeats within the window and checks
// that the order is perfect and the books balance.
func TestReorderAccounts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		var got collector
		r := Reorder{Window: 16, Emit: got.emit}
		var in []int
		dropped, doubled := 0, 0
		for i := range 2000 {
			switch p := rnd.IntN(100); {
			case p < 3 && i > 0 && i < 1999:
				dropped++
				continue
			case p < 6:
				in = append(in, i)
				doubled++
			}
			in = append(in, i)
		}
		for i := 1; i+4 < len(in)-1; i += 4 {
			rnd.Shuffle(4, func(a, b int) { in[i+a], in[i+b] = in[i+b], in[i+a] })
		}
		push(&r, 0, in...)
		r.Flush()
		if !slices.IsSorted(got.got) || len(got.got) != 2000-dropped {
			t.Fatalf("round %d: %d of %d, sorted %v", round, len(got.got), 2000-dropped, slices.IsSorted(got.got))
		}
		if r.Lost != uint64(dropped) || r.Duplicates != uint64(doubled) {
			t.Errorf("round %d: lost %d of %d, duplicates %d of %d", round, r.Lost, dropped, r.Duplicates, doubled)
		}
	}
}

func FuzzReorder(f *testing.F) {
	f.Add([]byte{1, 3, 2, 4, 200, 201, 5})
	f.Fuzz(func(t *testing.T, steps []byte) {
		last, emitted := -1, 0
		r := Reorder{Window: 8}
		r.Emit = func(_ time.Duration, p []byte) {
			if s := int(p[0])<<8 | int(p[1]); s == last {
				t.Errorf("%d twice", s)
			} else {
				last = s
			}
			emitted++
		}
		seq := 0
		for i, s := range steps {
			seq = (seq + int(int8(s))) & 0xffff
			push(&r, time.Duration(i)*time.Millisecond, seq)
		}
		r.Flush()
		if emitted > len(steps) {
			t.Errorf("%d out of %d", emitted, len(steps))
		}
	})
}

func TestReorderInOrderDoesNotAllocate(t *testing.T) {
	r := Reorder{Emit: func(time.Duration, []byte) {}}
	p, seq := make([]byte, 1316), uint16(0)
	r.Push(Header{}, 0, p)
	if n := testing.AllocsPerRun(1000, func() {
		seq++
		r.Push(Header{Sequence: seq}, 0, p)
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func ExampleHeader_AppendTo() {
	h := Header{PayloadType: PayloadMP2T, Sequence: 7, Timestamp: 90000, SSRC: 0xcafe}
	fmt.Printf("%x\n", h.AppendTo(nil))
	// Output: 8021000700015f900000cafe
}
