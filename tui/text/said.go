package text

import (
	"regexp"
	"strconv"
	"strings"
)

// Ways to name a place: in a document of the configuration, and an object of alarms.
// Both count from 0, as documents and the API do; people count from 1, as the tables
// of the console do.
var (
	documentPath = regexp.MustCompile(`^(?:box|channels\[([^\]]*)\](?:\.(input|output)s\[(\d+)\])?)(?:\.([a-z_.]+(?:\[[^\]]*\])?))?$`)
	objectPath   = regexp.MustCompile(`^(channel|input|output)/(.+?)(?:/(\d+))?$`)
	anyPath      = regexp.MustCompile(`channels\[[^\]]*\](?:\.(?:in|out)puts\[\d+\])?(?:\.[a-z_]+)?|\b(?:in|out)puts\[\d+\]`)
)

// Place names a place of the configuration or the object of an alarm for people:
// channels[news].inputs[0].url is "news, input 1: url", input/news/0 is "news, input 1".
// What is neither comes back as it is.
func (p Printer) Place(s string) string {
	if m := documentPath.FindStringSubmatch(s); m != nil {
		at := p.T("place.box")
		if strings.HasPrefix(s, "channels[") {
			at = p.part(m[2], m[1], m[3])
		}
		if m[4] != "" {
			at += ": " + m[4]
		}
		return at
	}
	if m := objectPath.FindStringSubmatch(s); m != nil {
		return p.part(m[1], m[2], m[3])
	}
	return s
}

func (p Printer) part(kind, channel, index string) string {
	n, err := strconv.Atoi(index)
	switch {
	case err != nil:
		return p.T("place.channel", channel)
	case kind == "input":
		return p.T("place.input", channel, n+1)
	}
	return p.T("place.output", channel, n+1)
}

// sentences are what the box says in English and the console in the language of its
// user: a whole text, with its values in groups.
var sentences = []struct {
	is  *regexp.Regexp
	key string
}{
	{regexp.MustCompile(`^(?:applied as text|áp dụng từ văn bản)$`), "cli.applied"},
	{regexp.MustCompile(`^restored revision (\d+)$`), "said.restored"},
	{regexp.MustCompile(`^first start$`), "said.first"},
	{regexp.MustCompile(`^place (\d+)$`), "said.place"},
	{regexp.MustCompile(`^goes off air$`), "said.off_air"},
	{regexp.MustCompile(`^goes on air$`), "said.on_air"},
	{regexp.MustCompile(`^inputs restart, because the names or PIDs on the way out change$`), "said.rewrite"},
	{regexp.MustCompile(`^inputs that changed restart; viewers notice if one of them is on air$`), "said.inputs_restart"},
	{regexp.MustCompile(`^outputs that changed restart; the others go on$`), "said.outputs_restart"},
	{regexp.MustCompile(`^HLS goes on behind a discontinuity$`), "said.hls"},
	{regexp.MustCompile(`^viewers and the API move to (.+)$`), "said.http_moves"},
	{regexp.MustCompile(`^viewers and the API over HTTPS move to (.+)$`), "said.https_moves"},
	{regexp.MustCompile(`^the viewer took nothing for too long$`), "said.stalled"},
	{regexp.MustCompile(`^the viewer is too slow: it lost a part again and again$`), "said.slow"},
	{regexp.MustCompile(`^the viewer went away$`), "said.left"},
	{regexp.MustCompile(`^nothing was asked for any more$`), "said.expired"},
	{regexp.MustCompile(`^an operator has closed the session$`), "said.closed"},
	{regexp.MustCompile(`^the user has begun a newer session$`), "said.newer"},
	{regexp.MustCompile(`^the channel may no longer be played$`), "said.withdrawn"},
	{regexp.MustCompile(`^the channel has no packets$`), "said.no_packets"},
	{regexp.MustCompile(`^the console moves to (.+)$`), "said.ssh_moves"},
	{regexp.MustCompile(`^this machine has no file "(.+)" now: (.+)$`), "said.no_file"},
	{regexp.MustCompile(`^this machine has no interface "(.+)" now$`), "said.no_interface"},
	{regexp.MustCompile(`^no input is enabled: the channel will not go on air$`), "said.no_input"},
	{regexp.MustCompile(`^(.+) is out of range: expected (.+)$`), "said.range"},
	{regexp.MustCompile(`^"(.+)" is the name of another channel: expected a name of its own$`), "said.name_taken"},
	{regexp.MustCompile(`^is empty: expected letters, digits and \. _ - /, such as news or sport/hd$`), "said.name_empty"},
}

// Said says what the box said in the language of the user, as far as the catalogue
// knows it, and names places as Place does. English comes back as it was but for
// these.
func (p Printer) Said(s string) string {
	if t, ok := p.sentence(s); ok {
		return t
	}
	if head, rest, ok := strings.Cut(s, ": "); ok {
		if at := p.Place(head); at != head || head == "box" {
			return at + ": " + p.Said(rest)
		}
	}
	return anyPath.ReplaceAllStringFunc(s, func(at string) string {
		if kind, index, ok := strings.Cut(strings.TrimSuffix(at, "]"), "puts["); ok && !strings.HasPrefix(at, "channels") {
			n, _ := strconv.Atoi(index) // digits, by the expression
			return p.T("said."+kind+"put", n+1)
		}
		return p.Place(at)
	})
}

// Comment says the comment of a revision: one that the box wrote itself is in the
// language of the user.
func (p Printer) Comment(s string) string {
	t, _ := p.sentence(s)
	return t
}

// sentence is s in the language of the user, and whether the catalogue knows it.
func (p Printer) sentence(s string) (string, bool) {
	for _, known := range sentences {
		m := known.is.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		args := make([]any, len(m)-1)
		for i := range args {
			args[i] = m[i+1]
		}
		return p.T(known.key, args...), true
	}
	return s, false
}

var summary = regexp.MustCompile(`^(?:(.*), )?(\d+) inputs, (\d+) outputs$`)

// Value says the old or new value of a change at a path of the configuration.
func (p Printer) Value(path, kind, v string) string {
	last := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case kind == "moved":
		if n, err := strconv.Atoi(v); err == nil { // an input or output
			return p.T("said.place", strconv.Itoa(n+1))
		}
		t, _ := p.sentence(v)
		return t
	case v == "yes" || v == "no":
		if last == "disabled" || last == "no_return" || last == "viewer_page" || last == "multicast_loop" {
			return p.T(v)
		}
	case kind == "added" || kind == "removed":
		if m := summary.FindStringSubmatch(v); m != nil && strings.HasSuffix(path, "]") {
			in, _ := strconv.Atoi(m[2])  // digits, by the expression
			out, _ := strconv.Atoi(m[3]) // digits, by the expression
			v = p.N("said.inputs", in) + ", " + p.N("said.outputs", out)
			if m[1] != "" {
				v = m[1] + ", " + v
			}
		}
	}
	return v
}
