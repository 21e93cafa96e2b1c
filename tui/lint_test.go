package tui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigma/tui/keymap"
	"sigma/tui/text"
)

// literals returns the first argument of every call of T or N, and every string literal
// on its own line, of the source of the console.
func literals(t *testing.T) (keys map[string]bool, all string) {
	keys = map[string]bool{}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "text/") || strings.HasPrefix(path, "internal/") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					all += s + "\n"
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "T" && sel.Sel.Name != "N" {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				s, _ := strconv.Unquote(lit.Value)
				keys[s] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys, all
}

func TestKeysOfTheCatalogue(t *testing.T) {
	keys, all := literals(t)
	for k := range keys {
		if !text.Has(k) {
			t.Errorf("the catalogue lacks %q", k)
		}
	}
	for _, id := range keymap.All() {
		b := keymap.Of(id)
		for _, k := range []string{b.Text, b.Text + ".short"} {
			if !text.Has(k) {
				t.Errorf("the catalogue lacks %q", k)
			}
		}
	}
	// A key that nobody names, whole or in its parts, is dead.
	made := regexp.MustCompile(`^(unit|state|severity|role|language|event|alarm|key|sort|change|via|f|said|mark|place|proto)\.`)
	for _, k := range text.Keys() {
		if !strings.Contains(all, k+"\n") && !made.MatchString(k) && !strings.Contains(all, strings.TrimSuffix(k, ".help")+"\n") {
			t.Errorf("nobody uses %q", k)
		}
		if id, ok := strings.CutPrefix(k, "f."); ok && !strings.Contains(all, strings.TrimSuffix(id, ".help")+"\n") && !strings.Contains(all, k+"\n") {
			t.Errorf("no form uses %q", k)
		}
	}
}

// TestNothingIsSaidOutsideTheCatalogue renders every page with a catalogue whose
// letters are all ж: what is left in Latin letters did not come from it.
func TestNothingIsSaidOutsideTheCatalogue(t *testing.T) {
	// Words of the box and of its configuration, names of keys, units and terms of the standards.
	data := regexp.MustCompile(`(?i)\b(a channel is off air|none of its inputs delivers a stream|bring one input back|inputs restart|inputs|db8|\d*[kmg]?bit|ch\d+|hanoi|udp|file|srv|loop|ts|http|lo|mpegts|index|embed|html|m3u8|ll|mpd|isml|manifest|whep|vtv|hd|h|aac|khz|stereo|vie|` +
		`[kmg]?bit|s|[kmgt]?b|c|enter|esc|ctrl|tab|shift|space|delete|pgup|pgdn|home|end|left|right|up|down|[a-z]|f1|` +
		`pid|cc|channels?|inputs? restart|demo|first start|system|admin|op|view|channel_off_air|disk_low|disk|input_lost|input|no input has packets|` +
		`info|warn|started|lost|red|eth\d|db|no packet for|nothing to send|revision|office|x1b|x0f|` +
		`box|name|language|en|ssh|title|url|outputs|bitrate|true|false|protocols|µs|news|player|1920x1080i25|0x1B|0x0F|31mred|0m|g)\b`)
	for _, p := range pages() {
		d := driveWith(t, troubled(3), actor(3), 120, 40, func(m *Model) { m.env.Text = text.Pseudo() })
		d.keys(p.keys...)
		for i, line := range strings.Split(d.screen(), "\n") {
			rest := data.ReplaceAllString(strings.ReplaceAll(line, "Kênh", ""), "")
			if word := regexp.MustCompile(`\pL*[A-Za-z]\pL*`).FindString(rest); word != "" {
				t.Errorf("%s, line %d: %q is not from the catalogue:\n%s", p.name, i+1, word, line)
			}
		}
	}
}

func TestHelpIsWhole(t *testing.T) {
	for _, p := range pages() {
		d := drive(t, troubled(3), actor(3), 80, 24).keys(p.keys...)
		seen := map[string]keymap.ID{}
		for _, k := range d.m.top().Keys() {
			b := keymap.Of(k.ID)
			if len(b.Keys) == 0 {
				t.Errorf("%s: key %d is in no keymap", p.name, k.ID)
			}
			for _, name := range b.Keys {
				if other, twice := seen[name]; twice && other != k.ID {
					t.Errorf("%s: %q means two things", p.name, name)
				}
				seen[name] = k.ID
			}
		}
	}
}
