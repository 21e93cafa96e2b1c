package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigma/headend/config"
)

// TestCommitsSurviveKill commits 100 random configurations and kills the daemon at
// random moments: what was acknowledged is there, nothing is there by halves, and
// what runs is the newest.
func TestCommitsSurviveKill(t *testing.T) {
	const commits, kills = 100, 15
	_, data := recorded(t, "h264")
	d := network(t, "box: {name: first}\n")
	d.send(t, data, 4_000_000, group(1))
	if err := d.Launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop() })
	d.until(t, "the daemon", func() bool { return d.answers("/health/live") })
	if err := d.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	deadly := map[int]bool{}
	for len(deadly) < kills {
		deadly[r.IntN(commits)] = true
	}
	sent, acknowledged := map[string]config.Config{}, map[string]bool{}
	took := 50 * time.Millisecond // a commit, roughly
	for i := range commits {
		comment, cfg := fmt.Sprintf("commit %d", i), randomConfig(r, i)
		sent[comment] = cfg
		if !deadly[i] {
			began := time.Now()
			if err := d.commit(t.Context(), cfg, comment); err != nil {
				t.Fatal(err)
			}
			took = time.Since(began)
			acknowledged[comment] = true
			continue
		}
		var death sync.WaitGroup
		delay := time.After(time.Duration(r.Int64N(int64(took * 3 / 2))))
		death.Go(func() { <-delay; d.Kill() })
		if d.commit(t.Context(), cfg, comment) == nil {
			acknowledged[comment] = true
		}
		death.Wait()
		if err := d.Launch(); err != nil {
			t.Fatal(err)
		}
		d.until(t, "the daemon", func() bool { return d.answers("/health/live") })
		d.sameAsStored(t, sent, acknowledged)
	}
	d.sameAsStored(t, sent, acknowledged)
	t.Logf("%d of %d commits were acknowledged over %d kills", len(acknowledged), commits, kills)
	text, err := d.Tool(t.Context(), "", "config", "log")
	if err != nil || strings.Count(text, "commit ") < 50 {
		t.Errorf("config log: %v\n%s", err, text)
	}
}

// commit puts a whole configuration on air.
func (d *Daemon) commit(ctx context.Context, cfg config.Config, comment string) error {
	b, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	var body object
	if err := json.Unmarshal(b, &body); err != nil {
		return err
	}
	body["$reset"] = true
	return d.API(ctx, http.MethodPut, "/config?comment="+strings.ReplaceAll(comment, " ", "%20"), body, nil)
}

// randomConfig makes a configuration of up to five channels.
func randomConfig(r *rand.Rand, n int) config.Config {
	c := config.Config{Box: config.Box{Name: fmt.Sprintf("box %d", n), HTTP: ":8080", SSH: ":2222", Language: "en"}}
	for i := range r.IntN(6) {
		ch := config.Channel{Name: fmt.Sprintf("c%d", i), Title: fmt.Sprintf("Title %d", n)}
		for j := range 1 + r.IntN(2) {
			ch.Inputs = append(ch.Inputs, config.Input{URL: fmt.Sprintf("udp://eth@%s", group(1+j))})
		}
		for j := range r.IntN(3) {
			ch.Outputs = append(ch.Outputs, config.Output{URL: fmt.Sprintf("udp://eth@%s", outGroup(10*i+j)), Bitrate: config.BitRate(r.IntN(2) * 5_000_000)})
		}
		c.Channels = append(c.Channels, ch)
	}
	return c
}

// sameAsStored checks the revisions against what was sent, and what runs against the
// newest of them.
func (d *Daemon) sameAsStored(t *testing.T, sent map[string]config.Config, acknowledged map[string]bool) {
	t.Helper()
	type revision struct {
		ID      int64
		Comment string
		Running bool
		Config  config.Config
	}
	var list struct{ Revisions []revision }
	d.get(t, "/config/revisions?limit=1000", &list)
	stored := map[string]bool{}
	for i, rev := range list.Revisions {
		cfg, known := sent[rev.Comment]
		if !known {
			continue
		}
		stored[rev.Comment] = true
		if rev.Running != (i == 0) {
			t.Errorf("revision %d: running %v, place %d", rev.ID, rev.Running, i)
		}
		var full revision
		d.get(t, fmt.Sprintf("/config/revisions/%d", rev.ID), &full)
		if !reflect.DeepEqual(full.Config, cfg) {
			t.Errorf("%s is stored as\n%+v\nbut was\n%+v", rev.Comment, full.Config, cfg)
		}
		if i == 0 {
			d.runsAs(t, cfg)
		}
	}
	for comment := range acknowledged {
		if !stored[comment] {
			t.Errorf("%s was acknowledged and is lost", comment)
		}
	}
}

// runsAs checks what runs.
func (d *Daemon) runsAs(t *testing.T, cfg config.Config) {
	t.Helper()
	var now struct {
		Streams []struct {
			Name, Title string
			Outputs     []struct{ URL string }
			Inputs      []struct{ URL string }
		}
	}
	d.get(t, "/config/stats", &now)
	var want, got []string
	for _, ch := range cfg.Channels {
		want = append(want, ch.Name, ch.Title)
		for _, in := range ch.Inputs {
			want = append(want, in.URL)
		}
		for _, out := range ch.Outputs {
			want = append(want, out.URL)
		}
	}
	for _, ch := range now.Streams {
		got = append(got, ch.Name, ch.Title)
		for _, in := range ch.Inputs {
			got = append(got, in.URL)
		}
		for _, out := range ch.Outputs {
			got = append(got, out.URL)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v runs, want %v", got, want)
	}
}
