package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func wrong(c Config) string {
	var errs FieldErrors
	errors.As(Validate(c), &errs)
	var at []string
	for _, e := range errs {
		at = append(at, e.Path)
	}
	return strings.Join(at, " ")
}

func TestDoorsOfTheBox(t *testing.T) {
	files := Box{HTTPS: ":8443", TLSCertificate: "/c.pem", TLSKey: "/k.pem"}
	names := Box{HTTPS: ":443", ACMEDomains: "tv.example.net, www.example.net", ACMEEmail: "noc@example.net", ACMEDirectory: "https://ca.example.net/dir"}
	for _, c := range []struct {
		want   string
		change func(*Box)
		of     Box
	}{
		{"", func(*Box) {}, files},
		{"", func(*Box) {}, names},
		{"box.https", func(b *Box) { b.TLSCertificate, b.TLSKey = "", "" }, files},
		{"box.https", func(b *Box) { b.HTTP = ":8443" }, files},
		{"box.https", func(b *Box) { b.HTTPS = "443" }, files},
		{"box.tls_key", func(b *Box) { b.TLSKey = "" }, files},
		{"box.tls_certificate", func(b *Box) { b.TLSCertificate = "" }, files},
		{"box.tls_certificate", func(b *Box) { b.TLSCertificate = "c.pem" }, files},
		{"box.acme_domains", func(b *Box) { b.ACMEDomains = "tv.example.net" }, files},
		{"box.acme_domains", func(b *Box) { b.ACMEDomains = "tv" }, names},
		{"box.acme_domains", func(b *Box) { b.ACMEDomains = "192.0.2.1" }, names},
		{"box.acme_domains", func(b *Box) { b.ACMEDomains = "*.example.net" }, names},
		{"box.acme_domains", func(b *Box) { b.ACMEDomains = strings.Repeat("a.example.net,", MaxDomains+1) }, names},
		{"box.acme_email", func(b *Box) { b.ACMEEmail = "NOC <noc@example.net>" }, names},
		{"box.acme_directory", func(b *Box) { b.ACMEDirectory = "http://ca.example.net" }, names},
		{"box.on_play", func(b *Box) { b.OnPlay = "ftp://x" }, files},
		{"box.on_play", func(b *Box) { b.OnPlay = "http://x/?key=***" }, files},
		{"box.on_play", func(b *Box) { b.OnPlay = NoOnPlay }, files},
	} {
		b := c.of
		c.change(&b)
		if got := wrong(Config{Box: b}); got != c.want {
			t.Errorf("%+v: %q, want %q", b, got, c.want)
		}
	}
}

func TestDoorsOfAChannel(t *testing.T) {
	for want, ch := range map[string]Channel{
		"":                        {OnPlay: NoOnPlay, StartTrack: "v99", Prepush: Duration(time.Second)},
		"channels[a].on_play":     {OnPlay: "middleware"},
		"channels[a].prepush":     {Prepush: Duration(time.Hour)},
		"channels[a].start_track": {StartTrack: "a1"},
	} {
		ch.Name = "a"
		if got := wrong(Config{Channels: []Channel{ch}}); got != want {
			t.Errorf("%+v: %q, want %q", ch, got, want)
		}
	}
	for _, track := range []string{"v0", "v01", "v100", "v", "v-1"} {
		if got := wrong(Config{Channels: []Channel{{Name: "a", StartTrack: track}}}); got != "channels[a].start_track" {
			t.Errorf("%s: %q", track, got)
		}
	}
}

// TestOnPlayOfTheBox: channels take the URL of the box, and its secrets are not shown.
func TestOnPlayOfTheBox(t *testing.T) {
	c := Config{Box: Box{OnPlay: "http://u:pw@mw/auth"}, Channels: []Channel{{Name: "a"}, {Name: "b", OnPlay: NoOnPlay}, {Name: "c", OnPlay: "http://mw/?key=s3"}}}
	e := c.Effective()
	if e.Channels[0].OnPlay != c.Box.OnPlay || e.Channels[1].OnPlay != NoOnPlay || e.Channels[2].OnPlay != "http://mw/?key=s3" {
		t.Errorf("%+v", e.Channels)
	}
	shown := c.Redacted()
	if strings.Contains(shown.Box.OnPlay+shown.Channels[2].OnPlay, "pw") || strings.Contains(shown.Channels[2].OnPlay, "s3") {
		t.Errorf("%+v", shown)
	}
	if back := shown.Unredacted(c); back.Box != c.Box || back.Channels[2].OnPlay != c.Channels[2].OnPlay {
		t.Errorf("%+v", back)
	}
	if wrong(shown) != "box.on_play channels[c].on_play" {
		t.Errorf("%q", wrong(shown))
	}
	if out, warnings := shown.Assumed(); len(warnings) != 2 || wrong(out) != "" {
		t.Errorf("%v %q", warnings, wrong(out))
	}
	b := c.Clone()
	b.Box.OnPlay = ""
	if d := Deltas(c.Effective(), b.Effective()); len(d) != 1 || d[0].Name != "a" || !d[0].Doors || d[0].Segment {
		t.Errorf("%+v", d)
	}
}
