package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	def := Default()
	named := def
	named.Name = "sport/hd-1"
	custom := Picture{Width: 1280, Height: 720, Rate: 50, Bitrate: 3_500_000, Name: "Kênh 1: 'A, [B]; 100 % \\", Languages: []string{"vie"}}
	for address, want := range map[string]Picture{
		"test://":            def,
		"test://Sigma":       def,
		"test:///?program=1": def,
		"test://sport/hd-1":  named,
		"test://?size=1280x720&rate=50&bitrate=3.5M&lang=vie&name=K%C3%AAnh+1%3A+%27A%2C+%5BB%5D%3B+100+%25+%5C": custom,
	} {
		if got, err := Parse(address); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", address, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for address, want := range map[string]string{
		"test:name":               "expected an address such as",
		"test://user@name":        "expected an address such as",
		"udp://":                  "expected an address such as",
		"test://?colour=red":      "option colour: unknown; the options are size, rate",
		"test://?size=719x576":    "option size: expected WIDTHxHEIGHT, even, 64x64 to 1920x1080, got \"719x576\"",
		"test://?size=3840x2160":  "option size: expected",
		"test://?size=720":        "option size: expected",
		"test://?rate=0":          "option rate: expected 1 to 60 frames per second, got \"0\"",
		"test://?bitrate=NaN":     "option bitrate: expected 300k to 50M",
		"test://?bitrate=1G":      "option bitrate: expected 300k to 50M",
		"test://?bitrate=300k":    "bitrate of 300000 bit/s, expected at least",
		"test://?lang=eng,":       "option lang: expected 1 to 4 ISO 639-2 codes",
		"test://?lang=a,b,c,d,e":  "option lang: expected",
		"test://?name=":           "option name: expected 1 to 60 bytes",
		"test://?name=a%0Ab":      "option name: expected",
		"test://?name=%FF":        "option name: expected",
		"test://?size=%zz&rate=1": "options of",
	} {
		if p, err := Parse(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want %s", address, p, err, want)
		}
	}
}

func needFFmpeg(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("ffmpeg is not installed: apt-get install ffmpeg fonts-dejavu-core")
		}
	}
}

// ffmpeg is the judge: a name in the graph must look like the same name in a file.
func TestNamesArePaintedAsTheyAre(t *testing.T) {
	needFFmpeg(t)
	picture := func(what string) []byte {
		graph := "color=size=640x64," + drawtext(fontSans, "sans", what, "8", 26)
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", graph, "-frames:v", "1", "-f", "framemd5", "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", graph, err, out)
		}
		return out
	}
	blank := picture("text=_:expansion=none")
	for i, name := range []string{"Sigma", "it's", `C:\tv`, "a, b; [c] %{pts}", "Kênh Việt=1", " x ", `\\''`, "#1 @ 50 %"} {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		want := picture("textfile=" + file + ":expansion=none")
		if got := picture("text=" + escape(name) + ":expansion=none"); !bytes.Equal(got, want) || bytes.Equal(got, blank) {
			t.Errorf("%q is painted otherwise", name)
		}
	}
}

func TestArgumentsAlignKeyFramesWithTheTimeCode(t *testing.T) {
	p := Default()
	args := strings.Join(p.arguments(time.Date(2026, 11, 22, 23, 59, 58, 480_000_000, time.FixedZone("ICT", 7*3600))), " ")
	for _, want := range []string{`timecode=16\\:59\\:58\\:12`, "expr:not(mod(n+12,25))", "-g 25 "} {
		if !strings.Contains(args, want) {
			t.Errorf("no %s in %s", want, args)
		}
	}
}
