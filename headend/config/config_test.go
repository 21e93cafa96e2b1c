package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample() Config {
	c := Defaults()
	ttl := 4
	c.Channels = []Channel{
		{Name: "news", Title: "News", SourceTimeout: Duration(2 * time.Second), Service: "NEWS", Protocols: []string{"hls"}, PIDs: "pmt:100,v1:211",
			Inputs: []Input{
				{URL: "udp://eth0@239.1.1.1:5000"},
				{URL: "http://user:pw@10.0.0.1/x.ts?token=abc", Priority: 1, Headers: map[string]string{"Authorization": "Bearer x"}},
				{URL: "file:///srv/standby.ts", Disabled: true},
			},
			Outputs: []Output{{URL: "udp://eth1@239.2.2.2:5000", Bitrate: 8e6, TTL: &ttl}, {URL: "rtp://lo@239.2.2.3:5000"}}},
		{Name: "sport/hd", Inputs: []Input{{URL: "test://"}}},
		{Name: "kids", Inputs: []Input{{URL: "test://"}}},
	}
	return c
}

func TestDefaultsAndSampleAreValid(t *testing.T) {
	for _, c := range []Config{{}, Defaults(), sample(), sample().Effective()} {
		if err := Validate(c); err != nil {
			t.Error(err)
		}
	}
	if !reflect.DeepEqual(Defaults().Effective(), Defaults()) {
		t.Error("the defaults are not their own effective values")
	}
}

func TestValidateFindsEverything(t *testing.T) {
	c := sample()
	ttl := 256
	c.Box = Box{Name: "a\x00", Language: "de", HTTP: "80", SSH: "host.example:22", PublicURL: "ftp://x",
		WebRTC: "8189", WebRTCAddresses: "tv.example.net", WebRTCICEServers: "turn:x", WebRTCHistory: 1, WebRTCRetransmit: Duration(time.Millisecond)}
	ch := &c.Channels[0]
	ch.Title, ch.SourceTimeout, ch.ReturnDelay, ch.Recheck = "two\nlines", Duration(time.Millisecond), Duration(-1), Duration(time.Millisecond)
	ch.SegmentDuration, ch.SegmentCount, ch.Protocols, ch.PIDs = Duration(time.Minute), 2, []string{"hls", "hls", "rtmp"}, "x"
	ch.ChunkDuration, ch.HLSSCTE35 = Duration(time.Millisecond), "cue"
	ch.Service = strings.Repeat("s", 121)
	ch.Inputs[0].URL, ch.Inputs[0].Priority, ch.Inputs[0].MaxRetry = "udp://x", -1, Duration(1)
	ch.Inputs[1].Headers = map[string]string{"bad name": "x", "Ok": "a\r\nB: c", "M": Mask}
	ch.Inputs[2].UserAgent = "x"
	ch.Outputs[0] = Output{URL: "udp://1.2.3.4", Bitrate: 5, TTL: &ttl, DSCP: 64}
	c.Channels[1].Name = "streamer/x"
	c.Channels[2].Name = "news"
	var errs FieldErrors
	if !errors.As(Validate(c), &errs) {
		t.Fatal("nothing found")
	}
	var got []string
	for _, e := range errs {
		got = append(got, e.Path)
		if e.Text == "" || strings.HasSuffix(e.Text, ".") {
			t.Errorf("%+v", e)
		}
	}
	want := strings.Fields(`box.name box.language box.http box.ssh box.webrtc box.webrtc_addresses
		box.webrtc_ice_servers box.webrtc_history box.webrtc_retransmit box.public_url
		channels[news].title channels[news].inputs[0].url channels[news].inputs[0].priority channels[news].inputs[0].max_retry_timeout
		channels[news].inputs[1].headers[M] channels[news].inputs[1].headers[Ok] channels[news].inputs[1].headers[Ok] channels[news].inputs[1].headers[bad`)
	want = append(want[:len(want)-1], "channels[news].inputs[1].headers[bad name]")
	want = append(want, strings.Fields(`channels[news].inputs[2].user_agent
		channels[news].source_timeout channels[news].return_delay channels[news].recheck_secondary_inputs_interval channels[news].service channels[news].pids
		channels[news].segment_duration channels[news].segment_count
		channels[news].chunk_duration channels[news].hls_scte35 channels[news].protocols[1] channels[news].protocols[2]
		channels[news].outputs[0].url channels[news].outputs[0].bitrate channels[news].outputs[0].ttl channels[news].outputs[0].dscp
		channels[streamer/x].name channels[2].name`)...)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"news": true, "a/b.c_d-9": true, "": false, "a//b": false, "/a": false, "a/": false, "a/../b": false, "tin tức": false,
		"a/mpegts": false, "mpegts/a": true, "x.m3u8": false, "metrics": false, "a/tracks-v1/b": false, strings.Repeat("a", 129): false} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestSharedDestination(t *testing.T) {
	c := sample()
	c.Channels[1].Outputs = []Output{{URL: "rtp://eth1@239.2.2.2:5000"}}
	if err := Validate(c); err == nil || !strings.Contains(err.Error(), "channels[sport/hd].outputs[0].url") {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"udp://eth2@239.2.2.2:5000", "udp://eth1@239.2.2.2:5001", "udp://eth1@239.2.2.9:5000"} {
		c.Channels[1].Outputs[0].URL = url
		if err := Validate(c); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	c.Channels[1].Outputs[0] = Output{URL: "udp://eth1@239.2.2.2:5000", Disabled: true}
	if err := Validate(c); err != nil {
		t.Errorf("a disabled one: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	c := sample()
	c.Channels[0].Outputs[0].URL = "udp://239.1.1.1:5000"
	c.Channels[1].Inputs[0].Disabled = true
	c.Channels[2].Outputs = []Output{{URL: "udp://eth5@239.1.1.1:5000"}, {URL: "udp://224.0.0.5:5000"}}
	all := strings.Join(Warnings(c), "\n")
	for _, w := range []string{"channels[news].inputs[0].url: receives what outputs[0]", "channels[sport/hd].inputs: no input", "channels[kids].outputs[0].url: ", "channels[kids].outputs[1].url: 224.0.0.5"} {
		if !strings.Contains(all, w) {
			t.Errorf("%q is not in\n%s", w, all)
		}
	}
	if w := Warnings(sample()); len(w) != 0 {
		t.Errorf("got %v", w)
	}
}

func TestEffective(t *testing.T) {
	c := sample()
	ch := c.Channels[0].Effective()
	if ch.Inputs[0].SourceTimeout != Duration(2*time.Second) || ch.Inputs[0].MaxRetry != DefaultMaxRetry || ch.SegmentCount != 6 {
		t.Errorf("%+v", ch)
	}
	if *ch.Outputs[0].TTL != 4 || *ch.Outputs[1].TTL != 0 || ch.Outputs[1].Service != "NEWS" {
		t.Errorf("%+v", ch.Outputs)
	}
	if got := fmt.Sprint(c.Channels[0].Order()); got != "[0 1]" {
		t.Errorf("order %s", got)
	}
	if !reflect.DeepEqual(c, sample()) {
		t.Error("what was stored is changed")
	}
	*ch.Outputs[0].TTL, ch.Inputs[1].Headers["Authorization"] = 99, "x"
	if !reflect.DeepEqual(c, sample()) {
		t.Error("the effective values share memory with what was stored")
	}
}

func TestDiff(t *testing.T) {
	a, b := sample(), sample()
	if d := Diff(a, b); len(d) != 0 {
		t.Errorf("equal ones differ: %v", d)
	}
	b.Box.Name = "south"
	n := &b.Channels[0]
	n.SourceTimeout, n.Disabled, n.Protocols = 0, true, nil
	n.Inputs[1].URL = "http://user:other@10.0.0.1/x.ts?token=abc"
	n.Inputs[1].Headers = map[string]string{"Authorization": "Bearer y", "X": "1"}
	n.Outputs[0].TTL, n.Outputs[0].Bitrate = nil, 9e6
	n.Outputs = append(n.Outputs, Output{URL: "udp://239.9.9.9:1"})
	b.Channels = []Channel{b.Channels[2], *n, {Name: "new", Inputs: []Input{{URL: "test://"}}}}
	var got []string
	for _, c := range Diff(a, b) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %q %q", c.Kind, c.Path, c.Old, c.New)))
	}
	want := []string{
		`changed box.name "headend" "south"`,
		`changed channels[news].disabled "no" "yes"`,
		`changed channels[news].source_timeout "2s" ""`,
		`changed channels[news].protocols "hls" ""`,
		`changed channels[news].inputs[1].url "http://user:***@10.0.0.1/x.ts?token=***" "http://user:***@10.0.0.1/x.ts?token=***"`,
		`changed channels[news].inputs[1].headers[Authorization] "***" "***"`,
		`added channels[news].inputs[1].headers[X] "" "***"`,
		`changed channels[news].outputs[0].bitrate "8Mbit" "9Mbit"`,
		`changed channels[news].outputs[0].ttl "4" ""`,
		`added channels[news].outputs[2] "" "udp://239.9.9.9:1"`,
		`added channels[new] "" "test://, 1 inputs, 0 outputs"`,
		`removed channels[sport/hd] "test://, 1 inputs, 0 outputs" ""`,
		`moved channels[kids] "place 3" "place 1"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDiffOfMovedInputs(t *testing.T) {
	a, b := sample(), sample()
	in := b.Channels[0].Inputs
	in[0], in[2] = in[2], in[0]
	d := Diff(a, b)
	if len(d) != 2 || d[0].Kind != "moved" || d[0].Path != "channels[news].inputs[0]" || d[0].Old != "2" {
		t.Errorf("got %+v", d)
	}
	b = sample()
	b.Channels[0].Inputs = b.Channels[0].Inputs[1:]
	if d = Diff(a, b); len(d) != 1 || d[0].Kind != "removed" || d[0].Path != "channels[news].inputs[0]" {
		t.Errorf("got %+v", d)
	}
}

func TestDeltas(t *testing.T) {
	change := func(f func(*Config)) []ChannelDelta {
		b := sample()
		f(&b)
		return Deltas(sample(), b)
	}
	if d := change(func(c *Config) { c.Channels[1].SegmentCount = DefaultSegmentCount }); len(d) != 0 {
		t.Errorf("a default that is written out: %+v", d)
	}
	d := change(func(c *Config) { c.Channels[0].Title, c.Channels[0].Inputs[0].Comment = "x", "y" })
	if len(d) != 1 || d[0].Touches() || !d[0].Labels {
		t.Errorf("labels: %+v", d)
	}
	d = change(func(c *Config) { c.Channels[0].Outputs[1].Bitrate = 1e6 })
	if len(d) != 1 || !d[0].OutputsChanged() || d[0].InputsChanged() || fmt.Sprint(d[0].Outputs) != "[0 -1]" || d[0].Choice {
		t.Errorf("one output: %+v", d)
	}
	d = change(func(c *Config) { c.Channels[0].Inputs = c.Channels[0].Inputs[1:] })
	if len(d) != 1 || !d[0].InputsChanged() || fmt.Sprint(d[0].Inputs) != "[1 2]" || d[0].OutputsChanged() {
		t.Errorf("input gone: %+v", d)
	}
	d = change(func(c *Config) { c.Channels[0].Inputs[0].Priority = 9 })
	if len(d) != 1 || d[0].InputsChanged() || !d[0].Choice {
		t.Errorf("priority: %+v", d)
	}
	d = change(func(c *Config) { c.Channels[0].Service = "x" })
	if len(d) != 1 || !d[0].Rewrite || fmt.Sprint(d[0].Outputs) != "[-1 -1]" {
		t.Errorf("service: %+v", d)
	}
	d = change(func(c *Config) { c.Channels = append(c.Channels[1:], Channel{Name: "new"}) })
	if len(d) != 2 || !d[0].Added || d[0].Name != "new" || !d[1].Removed || d[1].Name != "news" {
		t.Errorf("added and removed: %+v", d)
	}
}

func TestUnredacted(t *testing.T) {
	old := sample()
	masked := old.Redacted()
	if s := fmt.Sprint(masked); strings.Contains(s, "pw") || strings.Contains(s, "abc") || strings.Contains(s, "Bearer") {
		t.Errorf("a secret is shown: %s", s)
	}
	if err := Validate(masked); err == nil {
		t.Error("a masked secret is valid")
	}
	if got := masked.Unredacted(old); !reflect.DeepEqual(got, old) {
		t.Errorf("got %+v", got)
	}
	masked.Channels[0].Name = "renamed"
	masked.Channels[0].Inputs = masked.Channels[0].Inputs[1:]
	if err := Validate(masked.Unredacted(old)); err != nil {
		t.Errorf("renamed and moved: %v", err)
	}
	masked.Channels[0].Inputs[0].URL = "http://user:***@elsewhere/x.ts?token=***"
	if got := masked.Unredacted(old).Channels[0].Inputs[0]; strings.Contains(got.URL, "pw") || got.Headers["Authorization"] != Mask {
		t.Errorf("a secret went to another server: %+v", got)
	}
}

// TestUnredactedUser: a user without a password may be a key. It is known again at the
// same server alone.
func TestUnredactedUser(t *testing.T) {
	at := func(url string) Config { return Config{Channels: []Channel{{Name: "a", Inputs: []Input{{URL: url}}}}} }
	old := at("http://k3y@h/x?jwt=t")
	masked := old.Redacted()
	if got := masked.Channels[0].Inputs[0].URL; got != "http://***@h/x?jwt=***" {
		t.Errorf("masked: %s", got)
	}
	if got := masked.Unredacted(old); !reflect.DeepEqual(got, old) {
		t.Errorf("got %+v", got)
	}
	for _, url := range []string{"http://***@elsewhere/x", "http://other@h/x?jwt=***", "https://***@h/x"} {
		if got := at(url).Unredacted(old).Channels[0].Inputs[0].URL; got != url {
			t.Errorf("%s became %s", url, got)
		}
	}
}

func TestUnits(t *testing.T) {
	for in, want := range map[string]string{"5s": "5s", "90s": "1m30s", "60s": "1m", "3600s": "1h", " 200ms ": "200ms"} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.String() != want {
			t.Errorf("%q: %v %v", in, d, err)
		}
	}
	for in, want := range map[string]BitRate{"8Mbit": 8e6, "2.5Mbit": 2.5e6, "38014706": 38014706, "64 kbit": 64e3, "100bit": 100} {
		var r BitRate
		if err := r.UnmarshalText([]byte(in)); err != nil || r != want {
			t.Errorf("%q: %v %v", in, r, err)
		}
		var back BitRate
		if err := back.UnmarshalText([]byte(r.String())); err != nil || back != r {
			t.Errorf("%v reads back as %v, %v", r, back, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "NaN", "Inf", "1e99", "8 Mbyte"} {
		var r BitRate
		if r.UnmarshalText([]byte(in)) == nil {
			t.Errorf("%q is a bit rate", in)
		}
	}
	var d Duration
	if d.UnmarshalText([]byte("5")) == nil {
		t.Error("a length of time without unit was taken")
	}
}

func TestJSONRoundTrip(t *testing.T) {
	b, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var back Config
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, sample()) {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestPIDMap(t *testing.T) {
	got, err := PIDMap("pmt:100, v1=0xd3 a0:220,l2:16#fb pcr:211").Parse()
	want := []PID{{'m', 0, 100}, {'v', 1, 211}, {'a', 1, 221}, {'l', 2, 251}, {'p', 0, 211}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"v1", "v1:31", "v1:8187", "x1:100", "v:100", "v65:100", "v+1:100", "v1:100,v1:101", "v1:100,a1:100", "v1:100,pcr:100,a1:100", "pmt:100,pcr:100", "a0:8191", "v1:1_00", "v1:99999"} {
		if got, err := PIDMap(bad).Parse(); err == nil {
			t.Errorf("%s is %v", bad, got)
		}
	}
}

func FuzzPIDMap(f *testing.F) {
	f.Add("pmt:100,v1=0xd3 a0:220,l2:16#fb pcr:211")
	f.Fuzz(func(t *testing.T, s string) {
		pids, err := PIDMap(s).Parse()
		if err != nil {
			return
		}
		names := map[byte]string{'m': "pmt", 'p': "pcr", 'v': "v", 'a': "a", 't': "t", 'l': "l"}
		var text []string
		for _, p := range pids {
			if p.Value < 0x20 || p.Value > 0x1FFA {
				t.Errorf("%q has PID %d", s, p.Value)
			}
			key := names[p.Kind]
			if p.Index > 0 {
				key += fmt.Sprint(p.Index)
			}
			text = append(text, fmt.Sprintf("%s:%d", key, p.Value))
		}
		back, err := PIDMap(strings.Join(text, ",")).Parse()
		if err != nil || !reflect.DeepEqual(back, pids) {
			t.Errorf("%q is %v, back %v %v", s, pids, back, err)
		}
	})
}
