package e2e

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// probed is a programme as ffprobe and we see it: PIDs to codecs.
type probed map[int]map[int]string

// codecs are ffprobe's names of what we call otherwise.
var codecs = strings.NewReplacer("mpeg2video", "MPEG-2", "h264", "H.264", "hevc", "HEVC", "mp2", "MPEG audio", "eac3", "E-AC-3", "ac3", "AC-3", "aac", "AAC",
	"dvb_subtitle", "DVB subtitles", "dvb_teletext", "teletext")

func ffprobe(t *testing.T, path string) probed {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_programs", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Programs []struct {
			Program int `json:"program_id"`
			Streams []struct {
				ID    string
				Codec string `json:"codec_name"`
			}
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	all := probed{}
	for _, p := range list.Programs {
		all[p.Program] = map[int]string{}
		for _, s := range p.Streams {
			var pid int
			if _, err := fmt.Sscanf(s.ID, "0x%x", &pid); err != nil {
				t.Fatal(err)
			}
			all[p.Program][pid] = codecs.Replace(s.Codec)
		}
	}
	return all
}

// run runs the binary without a daemon and returns what it prints and its status.
func run(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	b, err := exec.Command(built(t), args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		status = exit.ExitCode()
	}
	return string(b), status
}

// TestAnalyze compares analyze and psi with ffprobe and dvbinfo.
func TestAnalyze(t *testing.T) {
	for _, r := range Recordings() {
		t.Run(r.Name, func(t *testing.T) {
			path := recordedFile(t, r.Name)
			out, status := run(t, "analyze", path, "--json")
			var a struct {
				Bitrate  int64
				Services []struct {
					ID      int
					Streams []struct {
						PID   int
						Codec string
					}
				}
			}
			if err := json.Unmarshal([]byte(out), &a); err != nil || status != 0 {
				t.Fatalf("status %d, %v: %s", status, err, out)
			}
			got := probed{}
			for _, s := range a.Services {
				got[s.ID] = map[int]string{}
				for _, e := range s.Streams {
					got[s.ID][e.PID] = e.Codec
				}
			}
			want := ffprobe(t, path)
			if !maps.EqualFunc(got, want, maps.Equal[map[int]string, map[int]string]) {
				t.Errorf("analyze sees %v, ffprobe %v", got, want)
			}
			if d := a.Bitrate - r.Rate; max(d, -d) > r.Rate/1000 {
				t.Errorf("%d bit/s, want %d", a.Bitrate, r.Rate)
			}
			tables(t, path, want)
		})
	}
}

// tables compares psi with ffprobe and dvbinfo.
func tables(t *testing.T, path string, want probed) {
	t.Helper()
	out, status := run(t, "psi", path, "--json")
	var list []struct {
		Table    string
		Program  int `json:"program_number"`
		Programs []struct{ Number, PID int }
		Streams  []struct{ PID int }
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || status != 0 {
		t.Fatalf("psi: status %d, %v: %.500s", status, err, out)
	}
	var pmts []string
	for _, table := range list {
		for _, p := range table.Programs {
			if p.Number != 0 {
				pmts = append(pmts, fmt.Sprint(p.PID))
			}
		}
		if table.Table != "PMT" {
			continue
		}
		for _, s := range table.Streams {
			if _, ok := want[table.Program][s.PID]; !ok {
				t.Errorf("psi sees PID %d in programme %d, ffprobe does not", s.PID, table.Program)
			}
		}
		if len(table.Streams) != len(want[table.Program]) {
			t.Errorf("psi sees %d streams in programme %d, ffprobe %d", len(table.Streams), table.Program, len(want[table.Program]))
		}
	}
	if _, err := exec.LookPath("dvbinfo"); err != nil {
		t.Log("dvbinfo is not installed")
		return
	}
	judge, _ := exec.Command("timeout", "20", "dvbinfo", "-f", path, "-s", "table").Output() // its status says nothing
	var others []string
	for _, m := range regexp.MustCompile(`@ pid: 0x[0-9a-f]+ \((\d+)\)`).FindAllStringSubmatch(string(judge), -1) {
		others = append(others, m[1])
	}
	slices.Sort(others)
	slices.Sort(pmts)
	if others = slices.Compact(others); len(others) > 0 && !slices.Equal(others, pmts) {
		t.Errorf("dvbinfo sees PMTs on %v, psi on %v", others, pmts)
	} else if len(others) == 0 {
		t.Errorf("dvbinfo says nothing of PMTs:\n%.2000s", judge)
	}
}

// TestAnalyzeFindsDamage takes packets out of a file and breaks others.
func TestAnalyzeFindsDamage(t *testing.T) {
	_, data := recorded(t, "small")
	for name, damage := range map[string]func([]byte) []byte{
		"continuity": func(b []byte) []byte { return slices.Delete(b, 188*1000, 188*1040) },
		"transport":  func(b []byte) []byte { b[188*1000+1] |= 0x80; return b },
		"sync":       func(b []byte) []byte { return slices.Delete(b, 188*1000+50, 188*1000+90) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "damaged.ts")
			if err := os.WriteFile(path, damage(slices.Clone(data)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, status := run(t, "analyze", path, "--json")
			var a struct{ Errors map[string]int }
			if err := json.Unmarshal([]byte(out), &a); err != nil || status != 1 || a.Errors[name] == 0 {
				t.Errorf("status %d, %v, errors %v; want status 1 and a count of %s", status, err, a.Errors, name)
			}
		})
	}
	if out, status := run(t, "analyze", "/nowhere.ts"); status != 1 || !strings.Contains(out, "/nowhere.ts") {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status := run(t, "analyze"); status != 2 {
		t.Errorf("without an input: status %d: %s", status, out)
	}
}

// TestExitStatus: wrong use is 2, trouble is 1, and who only reads makes nothing.
func TestExitStatus(t *testing.T) {
	data := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		says   string
		status int
		args   []string
	}{
		{"not an address to listen on", 2, []string{"serve", "--http", "garbage", "--data", data}},
		{"is not a kind of input", 2, []string{"analyze", "ftp://x"}},
		{"--data DIR", 1, []string{"config", "export", "--data", data}},
		{"--data DIR", 1, []string{"user", "list", "--data", data}},
		{"/var/lib/headend", 0, []string{"config", "export", "--help"}},
	} {
		if out, status := run(t, c.args...); status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("%v: status %d: %s", c.args, status, out)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was made: %v", err)
	}
	if out, status := run(t, "user", "add", "ann", "admin", "--data", data); status != 0 || !strings.Contains(out, "is a new data folder") {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status := run(t, "user", "add", "ann", "viewer", "--data", data); status != 1 || !strings.Contains(out, "there is a user ann already") {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status := run(t, "console", "127.0.0.1:1"); status != 1 {
		t.Errorf("console of a machine that does not answer: status %d: %s", status, out)
	}
}

// TestSupport asks doctor and support-bundle of a box with secrets.
func TestSupport(t *testing.T) {
	const secret, token, header = "hunter2hunter2", "t0k3nt0k3n", "Bearer-abcdef"
	d := network(t, fmt.Sprintf(`
channels:
  - name: news
    inputs:
      - url: "http://user:%s@10.99.0.1:81/x.ts?token=%s"
        headers: {Authorization: %q}
`, secret, token, header))
	d.mustStart(t)
	d.until(t, "the input to fail", func() bool { return strings.Contains(d.Log(), "refused") })
	if log := d.Log(); strings.Contains(log, secret) || strings.Contains(log, token) || strings.Contains(log, header) {
		t.Error("there is a secret in the log")
	}
	out, err := d.Tool(t.Context(), "", "doctor", "--json")
	var found []struct {
		Check, Found, Mend string
		Well               bool
	}
	if e := json.Unmarshal([]byte(out[:strings.LastIndexByte(out, ']')+1]), &found); e != nil || len(found) < 8 {
		t.Fatalf("doctor: %v, %v: %s", err, e, out)
	}
	ill := slices.ContainsFunc(found, func(f struct {
		Check, Found, Mend string
		Well               bool
	}) bool {
		if !f.Well && f.Mend == "" {
			t.Errorf("%s is not well, and nothing is said that mends it", f.Check)
		}
		return !f.Well
	})
	if ill != (err != nil) {
		t.Errorf("exit %v although something is wrong: %v", err, ill)
	}
	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	if out, err := d.Tool(t.Context(), "", "support-bundle", archive); err != nil {
		t.Fatal(err, out)
	}
	files := unpack(t, archive)
	for name, text := range files {
		for _, s := range []string{secret, token, header, Password} {
			if strings.Contains(text, s) {
				t.Errorf("%s holds the secret %s", name, s)
			}
		}
	}
	for _, name := range []string{"configuration.yaml", "log", "events", "doctor", "version"} {
		if files["headend-support/"+name] == "" {
			t.Errorf("%s is missing or empty", name)
		}
	}
	if c := files["headend-support/configuration.yaml"]; !strings.Contains(c, "10.99.0.1:81/x.ts") {
		t.Errorf("the configuration is not there:\n%s", c)
	}
}

func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(b)
	}
}
