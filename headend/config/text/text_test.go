package text

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigma/headend/config"
)

const sample = `box:
  name: north
  http: :8080
channels:
  - name: news
    title: Tin tức
    source_timeout: 2s
    inputs:
      - url: udp://eth0@239.1.1.1:5000
        comment: |
          first line
          second line
      - url: http://user:pw@10.0.0.1/x.ts
        headers: {X-Key: 010}
    outputs:
      - url: udp://239.2.2.2:5000
        bitrate: 8Mbit
        ttl: 0
        pids: pmt:100,v1:211
`

func TestParse(t *testing.T) {
	d, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	zero := 0
	want := config.Config{Box: config.Box{Name: "north", HTTP: ":8080"}, Channels: []config.Channel{{
		Name: "news", Title: "Tin tức", SourceTimeout: config.Duration(2 * time.Second),
		Inputs: []config.Input{
			{URL: "udp://eth0@239.1.1.1:5000", Comment: "first line\nsecond line\n"},
			{URL: "http://user:pw@10.0.0.1/x.ts", Headers: map[string]string{"X-Key": "010"}},
		},
		Outputs: []config.Output{{URL: "udp://239.2.2.2:5000", Bitrate: 8e6, TTL: &zero, PIDs: "pmt:100,v1:211"}},
	}}}
	if !reflect.DeepEqual(d.Config, want) {
		t.Errorf("got %+v\nwant %+v", d.Config, want)
	}
}

func TestErrorsCarryTheirPlace(t *testing.T) {
	in := `box:
  nmae: x
channels:
  - name: news
    source_timeout: 5
    segment_count: many
    inputs:
      - url: udp://239.1.1.1
      - url: [1]
    outputs: none
  - name: news
    disabled: maybe
    program_id: 70000
`
	d, err := Parse([]byte(in))
	var errs config.FieldErrors
	if !errors.As(err, &errs) {
		t.Fatalf("got %v", err)
	}
	var v config.FieldErrors
	errors.As(config.Validate(d.Config), &v)
	errs = d.Locate(append(errs, v...))
	want := []string{
		"2:3 box.nmae", "5:21 channels[news].source_timeout", "6:20 channels[news].segment_count",
		"8:9 channels[news].inputs[0].url", "9:9 channels[news].inputs[1].url", "9:14 channels[news].inputs[1].url",
		"10:14 channels[news].outputs", "11:5 channels[1].name", "12:15 channels[1].disabled", "13:17 channels[1].program_id",
	}
	var got []string
	for _, e := range errs {
		got = append(got, fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Path))
	}
	t.Log(errs)
	for _, w := range want {
		if !strings.Contains(strings.Join(got, "\n"), w) {
			t.Errorf("missing %s in\n%s", w, strings.Join(got, "\n"))
		}
	}
}

func TestRefused(t *testing.T) {
	for name, in := range map[string]string{
		"list at the top":  "- a\n",
		"broken":           "a: [1\nb: 2\n",
		"alias":            "box: &a {name: x}\nchannels: *a\n",
		"merge":            "box:\n  <<: {name: x}\n",
		"tag":              "box: !!binary aaaa\n",
		"two documents":    "box: {}\n---\nbox: {}\n",
		"twice":            "box:\n  name: a\n  name: b\n",
		"deep brackets":    strings.Repeat("[", 100_000),
		"deep dashes":      strings.Repeat("- ", 100_000),
		"too long":         strings.Repeat("#", MaxSize+1),
		"binary":           "\x00\x01\xff",
		"channel is value": "channels: [news]\n",
	} {
		_, err := Parse([]byte(in))
		var errs config.FieldErrors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEmptyIsTheEmptyConfiguration(t *testing.T) {
	for _, in := range []string{"", "# only a comment\n", "---\n", "box:\nchannels:\n"} {
		d, err := Parse([]byte(in))
		if err != nil || !reflect.DeepEqual(d.Config, config.Config{}) {
			t.Errorf("%q: %+v, %v", in, d.Config, err)
		}
	}
}

var words = []string{"", "news", "Tin tức", "yes", "no", "null", "~", "010", "1e3", "- x", "a: b", "#x", "'", "\"", "a\nb", "a\nb\n", " lead", "trail ",
	"***", "*a", "&a", "!x", "%x", "@x", "`", "{}", "[", "? x", "|", ">", "0x1f", "1_000", "Привет", "true", ".5", "\t", "multi\n\n\nline", "\n", "<<", "=", "2026-01-01"}

func random(r *rand.Rand) config.Config {
	word := func() string { return words[r.IntN(len(words))] }
	c := config.Config{Box: config.Box{Name: word(), HTTP: word()}}
	for range r.IntN(4) {
		ch := config.Channel{Name: word(), Title: word(), Comment: word(), Disabled: r.IntN(2) == 0,
			SourceTimeout: config.Duration(r.Int64N(1e12)), ProgramID: uint16(r.Uint32()), PIDs: config.PIDMap(word()), SegmentCount: r.IntN(9)}
		for range r.IntN(3) {
			in := config.Input{URL: word(), Priority: r.IntN(3), Comment: word()}
			if r.IntN(2) == 0 {
				in.Headers = map[string]string{"X-" + word(): word(), "Y": word()}
			}
			ch.Inputs = append(ch.Inputs, in)
		}
		for range r.IntN(3) {
			ttl := r.IntN(256)
			ch.Outputs = append(ch.Outputs, config.Output{URL: word(), Bitrate: config.BitRate(r.Int64N(1e9)), TTL: &ttl, MulticastLoop: true})
		}
		if r.IntN(2) == 0 {
			ch.Protocols = []string{word(), word()}
		}
		c.Channels = append(c.Channels, ch)
	}
	return c
}

func TestWhatIsWrittenReadsBackEqual(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		c := random(r)
		b, err := Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(b)
		if err != nil || !reflect.DeepEqual(d.Config, c) {
			t.Fatalf("%v\n%s\ngot  %+v\nwant %+v", err, b, d.Config, c)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add([]byte(sample))
	for _, w := range words {
		f.Add([]byte("box:\n  name: " + w + "\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil || config.Validate(d.Config) != nil {
			return
		}
		out, err := Marshal(d.Config)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(out)
		if err != nil || !reflect.DeepEqual(back.Config.Effective(), d.Config.Effective()) {
			t.Fatalf("%v\nin %q\nout %s", err, b, out)
		}
	})
}
