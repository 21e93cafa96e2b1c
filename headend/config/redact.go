package config

import (
	"fmt"
	"strings"
)

// Mask stands for a secret that is not shown.
const Mask = "***"

// secretWords are what the names of secret query parameters and headers contain.
var secretWords = [...]string{"token", "pass", "pwd", "key", "secret", "auth", "sign", "sig", "hash", "cookie",
	"md5", "hdn", "jwt", "credential", "session"}

func secretName(s string) bool {
	s = strings.ToLower(s)
	for _, w := range secretWords {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// namesInterface reports whether what stands before the @ of a URL is a network
// interface. Elsewhere it is a user, or a key if there is nothing behind it.
func namesInterface(scheme string) bool {
	scheme = strings.ToLower(scheme)
	return scheme == "udp" || scheme == "rtp"
}

// Redact returns the URL s with its password, or a user without one, and the values of query parameters
// that look secret (token, key, sign …) replaced by Mask. It works on malformed
// URLs too.
func Redact(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		if colon := strings.IndexByte(rest[:at], ':'); colon >= 0 {
			rest = rest[:colon+1] + Mask + rest[at:]
		} else if at > 0 && !namesInterface(scheme) {
			rest = Mask + rest[at:]
		}
	}
	return scheme + "://" + redactQuery(rest)
}

func redactQuery(s string) string {
	path, query, ok := strings.Cut(s, "?")
	if !ok {
		return s
	}
	opts := strings.Split(query, "&")
	for i, o := range opts {
		if key, val, ok := strings.Cut(o, "="); ok && val != "" && secretName(key) {
			opts[i] = key + "=" + Mask
		}
	}
	return path + "?" + strings.Join(opts, "&")
}

// Clone returns a copy that shares nothing with c.
func (c Config) Clone() Config {
	out := c
	out.Channels = nil
	for _, ch := range c.Channels {
		out.Channels = append(out.Channels, ch.Clone())
	}
	return out
}

// Redacted returns a copy of c without secrets: passwords in URLs and the values
// of HTTP headers are replaced by Mask.
func (c Config) Redacted() Config {
	c = c.Clone()
	c.Box.OnPlay = Redact(c.Box.OnPlay)
	for i := range c.Channels {
		c.Channels[i].OnPlay = Redact(c.Channels[i].OnPlay)
		for j := range c.Channels[i].Inputs {
			in := &c.Channels[i].Inputs[j]
			in.URL = Redact(in.URL)
			for k := range in.Headers {
				in.Headers[k] = Mask
			}
		}
	}
	return c
}

// Unredacted returns a copy of c in which every Mask is replaced by the secret it
// stands for, taken from old: from the same input of the same channel, or else
// from any input with the same user and server. What is not found stays, and
// Validate refuses it.
func (c Config) Unredacted(old Config) Config {
	c = c.Clone()
	known := old.asked()
	unmaskURL(&c.Box.OnPlay, known)
	for i := range c.Channels {
		ch := &c.Channels[i]
		unmaskURL(&ch.OnPlay, known)
		for j := range ch.Inputs {
			if in := &ch.Inputs[j]; in.masked() {
				for _, from := range candidates(old, ch.Name, j) {
					in.unmask(from)
				}
			}
		}
	}
	return c
}

// asked returns every on_play URL.
func (c Config) asked() []string {
	out := []string{c.Box.OnPlay}
	for _, ch := range c.Channels {
		out = append(out, ch.OnPlay)
	}
	return out
}

// unmaskURL makes a masked URL the one of known that shows like it.
func unmaskURL(url *string, known []string) {
	if !strings.Contains(*url, Mask) {
		return
	}
	for _, k := range known {
		if Redact(k) == *url {
			*url = k
			return
		}
	}
}

// Assumed returns a copy of c in which something stands for every Mask, for judging
// the rest where the secrets are not at hand, and a warning for each input with one.
func (c Config) Assumed() (out Config, warnings []string) {
	out = c.Clone()
	assume := func(path string, url *string) {
		if strings.Contains(*url, Mask) {
			warnings = append(warnings, path+": a secret is masked: only the box that knows it can take this")
			*url = strings.ReplaceAll(*url, Mask, "masked")
		}
	}
	assume("box.on_play", &out.Box.OnPlay)
	for i := range out.Channels {
		assume("channels["+out.Channels[i].Name+"].on_play", &out.Channels[i].OnPlay)
		for j := range out.Channels[i].Inputs {
			in := &out.Channels[i].Inputs[j]
			if !in.masked() {
				continue
			}
			warnings = append(warnings, fmt.Sprintf("channels[%s].inputs[%d]: a secret is masked: only the box that knows it can take this", out.Channels[i].Name, j))
			in.URL = strings.ReplaceAll(in.URL, Mask, "masked")
			for k, v := range in.Headers {
				if v == Mask {
					in.Headers[k] = "masked"
				}
			}
		}
	}
	return out, warnings
}

func (in *Input) masked() bool {
	for _, v := range in.Headers {
		if v == Mask {
			return true
		}
	}
	return strings.Contains(in.URL, Mask)
}

// candidates lists the inputs of old, the likeliest owner of a secret first.
func candidates(old Config, channel string, index int) []Input {
	var first, same, others []Input
	for _, ch := range old.Channels {
		for i, in := range ch.Inputs {
			switch {
			case ch.Name == channel && i == index:
				first = append(first, in)
			case ch.Name == channel:
				same = append(same, in)
			default:
				others = append(others, in)
			}
		}
	}
	return append(append(first, same...), others...)
}

// unmask takes from another input what in has masked, if both go to one server:
// a secret is never sent anywhere it did not go before.
func (in *Input) unmask(from Input) {
	a, b := splitURL(in.URL), splitURL(from.URL)
	if a.user == Mask && a.userinfo && !a.secret && b.userinfo && !b.secret {
		a.user = b.user
	}
	if a.server() != b.server() {
		return
	}
	for k, v := range in.Headers {
		if secret, ok := from.Headers[k]; v == Mask && ok {
			in.Headers[k] = secret
		}
	}
	if a.password == Mask && b.password != "" {
		a.password = b.password
	}
	for i, o := range a.query {
		if key, val, _ := strings.Cut(o, "="); val == Mask {
			for _, p := range b.query {
				if strings.HasPrefix(p, key+"=") {
					a.query[i] = p
					break
				}
			}
		}
	}
	in.URL = a.String()
}

func (p urlParts) server() string {
	return p.scheme + "://" + p.user + "@" + p.host
}

// urlParts is a URL cut at its borders, as written.
type urlParts struct {
	scheme, user, password, host, path string
	userinfo, secret, options          bool // which of the optional parts are there
	query                              []string
}

func splitURL(s string) (p urlParts) {
	scheme, rest, _ := strings.Cut(s, "://")
	p.scheme = scheme
	rest, query, ok := strings.Cut(rest, "?")
	if ok {
		p.query, p.options = strings.Split(query, "&"), true
	}
	if i := strings.IndexAny(rest, "/#"); i >= 0 {
		rest, p.path = rest[:i], rest[i:]
	}
	p.host = rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		p.host, p.userinfo = rest[i+1:], true
		p.user, p.password, p.secret = strings.Cut(rest[:i], ":")
	}
	return p
}

func (p urlParts) String() string {
	var b strings.Builder
	b.WriteString(p.scheme + "://")
	if p.userinfo {
		b.WriteString(p.user)
		if p.secret {
			b.WriteString(":" + p.password)
		}
		b.WriteString("@")
	}
	b.WriteString(p.host + p.path)
	if p.options {
		b.WriteString("?" + strings.Join(p.query, "&"))
	}
	return b.String()
}
