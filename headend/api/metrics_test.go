package api_test

import (
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/metrics.txt anew")

// TestMetricsAreDocumented compares the names, kinds and help texts with a list that
// people read.
func TestMetricsAreDocumented(t *testing.T) {
	c := call{newServer(newFake()).Handler(), t}
	r, b := c.do("GET", "/metrics", "")
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, b)
	}
	var names []string
	for line := range strings.Lines(b) {
		if strings.HasPrefix(line, "# HELP headend_") || strings.HasPrefix(line, "# TYPE headend_") {
			names = append(names, strings.TrimPrefix(line, "# "))
		}
	}
	slices.Sort(names)
	got := strings.Join(names, "")
	const file = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the metrics are\n%s\nif that is right, run the test with -update", got)
	}
	for _, line := range []string{
		`headend_channel_state{channel="news",state="on_air"} 1`, `headend_channel_state{channel="news",state="off"} 0`,
		`headend_input_bytes_total{channel="news",input="0"} 0`, `headend_output_state{channel="news",output="0",state="on_air"} 1`,
		`headend_wire_lateness_seconds{quantile="0.99"} 0`, `headend_sessions{protocol="hls"} 1`, `headend_build_info{version="1.2.3"} 1`,
		"headend_alarm_states_ignored_total 3", "headend_alarm_changes_unrecorded_total 4", "headend_sessions_uncounted_requests_total 5",
		"headend_uptime_seconds 90", "go_goroutines ",
	} {
		if !strings.Contains(b, "\n"+line) {
			t.Errorf("%q is missing", line)
		}
	}
}

func TestWhoMayScrape(t *testing.T) {
	h := newServer(newFake()).Handler()
	for _, k := range []struct {
		remote, host, auth, forwarded string
		status                        int
	}{
		{"127.0.0.1:1", "127.0.0.1:8080", "", "", 200},
		{"127.0.0.1:1", "localhost", "", "", 200},
		{"[::1]:1", "[::1]:8080", "", "", 200},
		{"[::1]:1", "[::1]", "", "", 200},
		{"127.0.0.1:1", "127.0.0.1:8080", "", "203.0.113.1", 401},
		{"127.0.0.1:1", "tv.example", "", "", 401}, // through a proxy that says nothing of itself
		{"127.0.0.1:1", "127.0.0.1:8080", "Bearer wrong", "", 401},
		{"192.0.2.1:1", "127.0.0.1:8080", "", "", 401},
		{"192.0.2.1:1", "192.0.2.2:8080", "Bearer tok-1", "", 200},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr, r.Host = k.remote, k.host
		if k.auth != "" {
			r.Header.Set("Authorization", k.auth)
		}
		if k.forwarded != "" {
			r.Header.Set("X-Forwarded-For", k.forwarded)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != k.status {
			t.Errorf("%+v: %d", k, w.Code)
		}
	}
}

// TestMetricsFail checks that a scrape says so when the state cannot be read.
func TestMetricsFail(t *testing.T) {
	f := newFake()
	f.fail = errors.New("no state")
	c := call{newServer(f).Handler(), t}
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1:8080"
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "no state") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
