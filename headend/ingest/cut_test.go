package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"sigma/headend/ingest"
	"sigma/headend/ingest/internal/ingesttest"
	"sigma/mux/flow"
)

// clock returns the time since the call; in a synctest bubble it is virtual.
func clock() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// timed notes when each batch was appended.
type timed struct {
	*ingesttest.Recorder
	now func() time.Duration
	at  []time.Duration
}

func (r *timed) Append(it flow.Item[flow.Batch]) {
	r.at = append(r.at, r.now())
	r.Recorder.Append(it)
}

func TestCutPacesBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		now, counters := clock(), new(ingest.Counters)
		got := &timed{Recorder: ingesttest.NewRecorder(t), now: now}
		done := make(chan error, 1)
		go func() {
			done <- ingest.Cutter{Now: now, Counters: counters}.Run(t.Context(), r, got)
		}()
		sent := ingesttest.Packets(700) // 1 packet every ms, in pieces that are no packets
		for at := 0; at < len(sent); at += 100 {
			if _, err := w.Write(sent[at:min(at+100, len(sent))]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond / 2) // virtual: the pace of the sender
		}
		w.Close()
		if err := <-done; !errors.Is(err, ingest.ErrEnded) {
			t.Errorf("got %v, want ErrEnded", err)
		}
		if !bytes.Equal(got.Bytes(), sent) {
			t.Error("what came out is not what went in")
		}
		items := got.Items()
		for i := 1; i < len(items)-1; i++ {
			if gap := got.at[i] - got.at[i-1]; gap < ingest.Interval || gap > ingest.Interval+time.Millisecond {
				t.Errorf("batch %d after %v, want every 5 ms", i, gap)
			}
			if age := got.at[i] - items[i].Arrived; age < 0 || age > ingest.Interval {
				t.Errorf("batch %d is %v old", i, age)
			}
		}
		count := counters.Snapshot()
		if want := (ingest.Count{Bytes: uint64(len(sent)), Packets: 700, Batches: uint64(len(items))}); count != want {
			t.Errorf("counted %+v, want %+v", count, want)
		}
	})
}

// A sender without a pace is taken at 64 KiB a batch, not at 64 KiB every 5 ms.
func TestCutTakesWhatIsFullAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := ingesttest.Packets(50_000)
		got := ingesttest.NewRecorder(t)
		now := clock()
		err := ingest.Cutter{Now: now, Counters: new(ingest.Counters)}.Run(t.Context(), io.NopCloser(bytes.NewReader(sent)), got)
		if !errors.Is(err, ingest.ErrEnded) {
			t.Error(err)
		}
		if !bytes.Equal(got.Bytes(), sent) {
			t.Error("what came out is not what went in")
		}
		if now() > 50*time.Millisecond {
			t.Errorf("%d bytes took %v", len(sent), now())
		}
		if n := len(got.Items()); n > len(sent)/(30<<10)+2 {
			t.Errorf("%d batches of %d bytes on average", n, len(sent)/n)
		}
	})
}

func TestCutStrides(t *testing.T) {
	plain := ingesttest.Packets(100)
	for name, frame := range map[string]struct{ before, after int }{"m2ts": {4, 0}, "Reed-Solomon": {0, 16}} {
		var sent []byte
		for p := range slices.Chunk(plain, 188) {
			sent = append(sent, make([]byte, frame.before)...)
			sent = append(sent, p...)
			sent = append(sent, make([]byte, frame.after)...)
		}
		got := ingesttest.NewRecorder(t)
		r := io.NopCloser(iotest.HalfReader(bytes.NewReader(append([]byte("some\x47junk"), sent...))))
		err := ingest.Cutter{Now: clock(), Counters: new(ingest.Counters)}.Run(t.Context(), r, got)
		if !errors.Is(err, ingest.ErrEnded) || !bytes.Equal(got.Bytes(), plain) {
			t.Errorf("%s: %v, %d bytes of %d", name, err, len(got.Bytes()), len(plain))
		}
	}
}

func TestCutSaysWhatElseItIs(t *testing.T) {
	for name, c := range map[string]struct {
		in   io.Reader
		want error
		say  string
	}{
		"page":     {strings.NewReader("<!DOCTYPE html><html><body>not here</body></html>"), ingest.ErrNotTS, "text/html"},
		"long":     {strings.NewReader(strings.Repeat("#EXTM3U\n", 1<<20)), ingest.ErrNotTS, `"#EXTM3U\n#EXTM3U\n#EXTM3U\n"`},
		"nothing":  {strings.NewReader(""), ingest.ErrEnded, "ended"},
		"failed":   {iotest.ErrReader(io.ErrClosedPipe), io.ErrClosedPipe, "closed"},
		"turns to": {io.MultiReader(bytes.NewReader(ingesttest.Packets(50)), strings.NewReader(strings.Repeat("<html>", 1<<16))), ingest.ErrNotTS, "<html>"},
	} {
		err := ingest.Cutter{Now: clock(), Counters: new(ingest.Counters)}.Run(t.Context(), io.NopCloser(c.in), ingesttest.NewRecorder(t))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.say)
		}
	}
}

func TestCutCountsLostSync(t *testing.T) {
	sent := ingesttest.Packets(200)
	sent[50*188] = 0
	for i := 100 * 188; i < 104*188; i += 188 {
		sent[i] = 0
	}
	counters := new(ingest.Counters)
	got := ingesttest.NewRecorder(t)
	_ = ingest.Cutter{Now: clock(), Counters: counters}.Run(t.Context(), io.NopCloser(bytes.NewReader(sent)), got)
	if c := counters.Snapshot(); c.SyncErrors < 3 || c.SyncLosses != 1 || c.Packets != 195 {
		t.Errorf("counted %+v, want at least 3 errors, 1 loss, 195 packets", c)
	}
}

func TestCutEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		defer w.Close()
		time.AfterFunc(time.Minute, cancel)
		if err := (ingest.Cutter{Now: clock(), Counters: new(ingest.Counters)}).Run(ctx, r, ingesttest.NewRecorder(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestPermanent(t *testing.T) {
	err := ingest.Permanent(io.ErrShortWrite)
	if !errors.Is(err, ingest.ErrPermanent) || !errors.Is(err, io.ErrShortWrite) || err.Error() != io.ErrShortWrite.Error() {
		t.Errorf("got %v", err)
	}
	if ingest.Permanent(nil) != nil || errors.Is(io.EOF, ingest.ErrPermanent) {
		t.Error("nil and other errors are not permanent")
	}
}
