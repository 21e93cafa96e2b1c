package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// An edge rule says what packages may import of this module.
type edgeRule struct {
	from    string   // packages it is about; a trailing /... means the tree below as well
	may     []string // packages of this module they may import beside their own tree
	strict  bool     // not even their own tree
	because string
}

// edgeRules is the direction of imports. Every package of the module is in at least
// one rule, and all rules that are about it hold.
var edgeRules = []edgeRule{
	{
		from: "mux/...", may: nil,
		because: "the multiplexer is arithmetic on bytes: whatever it needs to know comes in as an argument",
	},
	{
		from: "mux/flow", strict: true,
		because: "the currency of everybody may depend on nobody",
	},
	{
		from: "multicast/...", may: []string{"mux/..."},
		because: "sources and senders know packets, not configuration, storage or each other",
	},
	{
		from: "tuners/...", may: []string{"mux/..."},
		because: "tuners know packets, not configuration, storage or other sources",
	},
	{
		from: "sdi/...", may: []string{"mux/..."},
		because: "capture cards know frames, not configuration, storage or other sources",
	},
	{
		from: "headend/ingest/...", strict: true,
		may:     []string{"mux/...", "headend/ingest", "headend/ingest/internal/..."},
		because: "a source knows its protocol and what all sources share, never another source",
	},
	{
		from: "headend/serve/...", strict: true,
		may:     []string{"mux/...", "headend/timeline/...", "headend/serve/route", "headend/serve/session", "headend/serve/ask", "headend/serve/reply", "headend/serve/language", "headend/frames", "headend/supervise"},
		because: "a packaging is a view of the timeline and knows no other packaging",
	},
	{
		from: "headend/timeline/...", may: []string{"mux/..."},
		because: "segments are cut once, for all packagings alike",
	},
	{
		from: "headend/subtitle/...", may: []string{"mux/...", "headend/timeline"},
		because: "text tracks are made of frames alone, for all packagings alike",
	},
	{
		from: "headend/frames/...", may: []string{"mux/..."},
		because: "the frames of a channel are made of its packets alone",
	},
	{
		from: "headend/config/...", because: "plain values: the ground of everything above",
	},
	{
		from: "headend/supervise/...", because: "it restarts tasks without knowing what they do",
	},
	{
		from: "headend/alarm/...", because: "alarms are declared by their owners, not known by their tracker",
	},
	{
		from: "headend/auth/...", because: "who may do what is decided without knowing what there is to do",
	},
	{
		from: "headend/guide/...", because: "texts",
	},
	{
		from: "headend/channel/...", may: []string{"mux/...", "headend/config", "headend/supervise", "headend/alarm"},
		because: "a channel joins inputs to outputs that the engine gives it; it knows none of them by name",
	},
	{
		from:    "headend/control/...",
		may:     []string{"headend/config/...", "headend/channel", "headend/alarm", "headend/auth"},
		because: "every operation of an operator, behind interfaces that it declares itself: it knows neither engine nor database",
	},
	{
		from: "headend/api/...", may: []string{"headend/control"},
		because: "a thin door: what it can do is what control can do",
	},
	{
		from: "tui/...", may: []string{"headend/control"},
		because: "a door like the API: it never touches engine or database",
	},
	{
		from: "storage/...", because: "it stands on the ground: rows and documents it never looks into",
	},
	{
		from: "systemd/...", because: "words to the service manager",
	},
	{
		from: "udev/...", because: "words from the kernel",
	},
	{
		from: "headend", may: []string{"mux/...", "multicast/...", "tuners/...", "sdi/...", "storage/...", "systemd", "udev", "headend/...", "tui/..."},
		because: "the engine joins everything below the command",
	},
	{
		from: "cmd/...", may: []string{"..."},
		because: "the command is above everything",
	},
}

// onlyFrom says which packages of this module have few importers.
var onlyFrom = map[string]struct {
	may     []string
	because string
}{
	"headend":                            {[]string{"cmd/..."}, "the engine is used by the command alone; doors use headend/control"},
	"storage/...":                        {[]string{"headend", "cmd/..."}, "only the engine knows that there is a database"},
	"multicast/rig":                      {[]string{"cmd/..."}, "namespaces are for tests"},
	"headend/timeline/timelinetest":      {nil, "a helper of tests"},
	"mux/teletext/teletexttest":          {nil, "a helper of tests"},
	"mux/captions/captionstest":          {nil, "a helper of tests"},
	"headend/ingest/internal/ingesttest": {nil, "a helper of tests"},
}

// homes says where each package from outside this module and each dangerous one of
// the standard library may be imported by what is not a test.
var homes = []struct {
	path    string // import path, or with /... the tree below
	in      []string
	because string
}{
	{"github.com/mattn/go-sqlite3/...", []string{"storage/..."}, "one place knows the database"},
	{"charm.land/...", []string{"tui/..."}, "the console"},
	{"github.com/charmbracelet/...", []string{"tui/..."}, "the console"},
	{"github.com/mattn/go-runewidth/...", []string{"tui/..."}, "the width of text on a terminal"},
	{"github.com/vishvananda/netlink/...", []string{"multicast/..."}, "network interfaces"},
	{"github.com/vishvananda/netns/...", []string{"multicast/rig"}, "namespaces of tests"},
	{"github.com/alecthomas/kong/...", []string{"cmd/..."}, "the command line"},
	{"github.com/goccy/go-yaml/...", []string{"headend/config/text"}, "the text form of a configuration"},
	{"github.com/danielgtaylor/huma/v2/...", []string{"headend/api/..."}, "the HTTP API"},
	{"github.com/go-chi/chi/v5/...", []string{"headend/api/..."}, "the HTTP API"},
	{"github.com/prometheus/...", []string{"headend/api/..."}, "metrics"},
	{"github.com/coreos/go-systemd/v22/...", []string{"systemd"}, "notification"},
	{"github.com/bluenviron/mediacommon/v2/...", []string{"mux/es"}, "codec headers"},
	{"github.com/andybalholm/brotli/...", []string{"headend/serve/reply"}, "compressed manifests"},
	{"github.com/pion/...", []string{"headend/serve/webrtc"}, "DTLS, SRTP and SDP of WebRTC"},
	{"golang.org/x/crypto/argon2", []string{"headend/auth"}, "password hashes"},
	{"golang.org/x/crypto/ssh/...", []string{"headend/auth", "tui/sshd", "cmd/..."}, "SSH keys and the console's client"},
	{"golang.org/x/crypto/acme", []string{"headend"}, "certificates for HTTPS"},
	{"golang.org/x/crypto/acme/autocert", []string{"headend"}, "certificates for HTTPS"},
	{"golang.org/x/text/...", []string{"tui/..."}, "collation and number formats of a language"},
	{"golang.org/x/sys/...", []string{"multicast/...", "tuners/...", "sdi/...", "headend", "headend/ingest/...", "cmd/...", "systemd", "udev", "tui/sshd", "headend/serve/webrtc", "headend/serve/preview"}, "system calls are at the edge"},
	{"os/exec", []string{"headend", "headend/ingest/test", "headend/transcode/...", "headend/timeline/timelinetest", "headend/serve/webrtc", "headend/serve/preview", "multicast/...", "cmd/..."}, "child processes have an owner each"},
	{"log", nil, "log/slog is passed down"},
	{"math/rand", nil, "math/rand/v2"},
	{"unsafe", []string{"multicast/...", "tuners/...", "sdi/...", "headend/serve/webrtc"}, "memory shared with the kernel or another process"},
}

// noMux are packages of the standard library that have no place in mux.
var noMux = []string{"net/...", "os/...", "log/...", "syscall", "runtime/...", "sync/...", "database/...", "unsafe", "C"}

const module = "sigma/"

type pkg struct {
	ImportPath string
	Imports    []string
}

// packages returns the packages of the module with what their sources import, tests
// left out.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// match reports whether path is the pattern or, if that ends in /..., below it.
func match(pattern, path string) bool {
	if tree, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(path+"/", tree)
	}
	return path == pattern
}

func matchAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if match(p, path) {
			return true
		}
	}
	return false
}

func TestImportsRunDown(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		ruled := false
		for _, rule := range edgeRules {
			if !match(rule.from, from) {
				continue
			}
			ruled = true
			for _, path := range p.Imports {
				to, ours := strings.CutPrefix(path, module)
				if ours && !matchAny(rule.may, to) && (rule.strict || !match(rule.from, to)) {
					t.Errorf("%s imports %s: %s", from, to, rule.because)
				}
			}
		}
		if !ruled {
			t.Errorf("%s has no rule: add one with its reason to edgeRules", from)
		}
	}
}

func TestFewImportTheseOfOurs(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			for of, rule := range onlyFrom {
				if match(of, to) && !match(of, from) && !matchAny(rule.may, from) {
					t.Errorf("%s imports %s: %s", from, to, rule.because)
				}
			}
		}
	}
}

func TestModulesHaveOneHome(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			if strings.HasPrefix(path, module) {
				continue
			}
			ring := from == "mux/flow" && path == "sync" // one writer, many readers
			if match("mux/...", from) && matchAny(noMux, path) && !ring {
				t.Errorf("%s imports %s: mux is arithmetic on bytes and a clock it is given", from, path)
			}
			first, _, _ := strings.Cut(path, "/")
			known := !strings.Contains(first, ".") // the standard library
			for _, home := range homes {
				if !match(home.path, path) {
					continue
				}
				known = true
				if !matchAny(home.in, from) {
					t.Errorf("%s imports %s, whose home is %s: %s", from, path, strings.Join(home.in, ", "), home.because)
				}
			}
			if !known {
				t.Errorf("%s imports %s, which has no home: add it to homes with its reason", from, path)
			}
		}
	}
}
