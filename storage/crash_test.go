package storage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const crashEnv = "STORAGE_CRASH_TEST_DB"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		if err := commitForever(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// commitForever stores random documents and acknowledges each with its number and
// the hash it carries. Each document begins with the hash of the rest.
func commitForever(path string) error {
	ctx := context.Background()
	d, err := Open(ctx, path)
	if err != nil {
		return err
	}
	newest, err := d.Revisions(ctx, 0, 1)
	if err != nil {
		return err
	}
	var base int64
	if len(newest) > 0 {
		base = newest[0].ID
	}
	for {
		body := make([]byte, rand.IntN(60_000))
		for i := range body {
			body[i] = byte(rand.Uint32())
		}
		sum := sha256.Sum256(body)
		id, _, stored, err := d.AddRevision(ctx, base, Revision{At: time.Now(), Actor: "crash", Document: append(sum[:], body...), Started: true}, Event{Kind: "config_committed"})
		if err != nil || !stored {
			return fmt.Errorf("stored %v: %w", stored, err)
		}
		if _, err := fmt.Printf("%d %s\n", id, hex.EncodeToString(sum[:])); err != nil {
			return err
		}
		base = id
	}
}

// TestKilledWhileCommitting kills a process that commits without pause, a hundred
// times. Every revision it acknowledged must be there and whole, and there must be
// no half one.
func TestKilledWhileCommitting(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	path := filepath.Join(t.TempDir(), "crash.db")
	acked := map[int64]string{}
	for range rounds {
		killOnce(t, path, acked)
		d, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		checkRevisions(t, d, acked)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
	if len(acked) < rounds {
		t.Errorf("only %d commits in %d rounds: the test shows nothing", len(acked), rounds)
	}
	t.Logf("%d commits acknowledged in %d rounds", len(acked), rounds)
}

func killOnce(t *testing.T, path string, acked map[int64]string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The moment is a number of commits and a part of the time one takes.
	left, first := rand.IntN(8), true
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var id int64
		var sum string
		if n, _ := fmt.Sscanf(lines.Text(), "%d %s", &id, &sum); n == 2 && len(sum) == 64 {
			acked[id] = sum
		}
		if left--; left < 0 && first {
			first = false
			timer := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the process ended by itself: %v %s", err, stderr.String())
	}
}

func checkRevisions(t *testing.T, d *DB, acked map[int64]string) {
	t.Helper()
	list, err := d.Revisions(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	there := map[int64]bool{}
	for _, l := range list {
		there[l.ID] = true
		r, _, err := d.Revision(t.Context(), l.ID)
		if err != nil || len(r.Document) < 32 {
			t.Fatalf("revision %d: %d bytes, %v", l.ID, len(r.Document), err)
		}
		sum := sha256.Sum256(r.Document[32:])
		if !bytes.Equal(sum[:], r.Document[:32]) {
			t.Errorf("revision %d is not whole", l.ID)
		}
		if want, ok := acked[l.ID]; ok && want != hex.EncodeToString(sum[:]) {
			t.Errorf("revision %d is not what was acknowledged", l.ID)
		}
	}
	for id := range acked {
		if newest := list[0].ID; id > newest-keepRevisions && !there[id] {
			t.Errorf("revision %d was acknowledged and is gone", id)
		}
	}
}
