// Package fake is a box in memory for tests of the console: it keeps a configuration
// with revisions, users and alarms, and makes up the state of channels. It is no
// model of the real thing beyond what pages see.
package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sigma/headend/control"
)

// Start is the moment at which the time of the box stands.
func Start() time.Time { return time.Date(2026, 11, 22, 21, 4, 0, 0, time.UTC) }

// Box is safe for concurrent use.
type Box struct {
	mu        sync.Mutex
	At        time.Time
	Code      string // one-time code; setup is pending while it is set
	passwords map[string]string
	users     []control.User
	tokens    []control.Token
	revisions []control.Revision
	documents []control.Config
	alarms    []control.Alarm
	History   []control.Alarm
	Status    func(c control.Channel, i int) control.ChannelStatus
	Bump      uint64 // added to numbers that move
	broken    bool
	Warnings  []string // of every plan
	Refuses   error    // what plans answer

	RefusesUser, RefusesPassword error // what PutUser and SetPassword answer
}

// New returns a box with the users admin, op and view, whose passwords are their names.
func New() *Box {
	b := &Box{At: Start(), passwords: map[string]string{}}
	b.Status = b.status
	for i, name := range []string{"view", "op", "admin"} {
		b.users = append(b.users, control.User{Name: name, Role: control.Role(i + 1), Language: "en", Password: true, LastLogin: b.At.Add(-time.Hour)})
		b.passwords[name] = name
	}
	b.users[1].Keys = []control.Key{{Fingerprint: "SHA256:abc", Comment: "op@office", Line: "ssh-ed25519 AAAA op@office"}}
	b.users[0].Locked = b.At.Add(10 * time.Minute)
	b.store("system", "first start", control.Config{Box: control.Box{Name: "hanoi-1", Language: "en", HTTP: ":8080", SSH: ":2222"}})
	return b
}

// Fill puts n channels into the configuration.
func (b *Box) Fill(n int) *Box {
	c := b.documents[len(b.documents)-1]
	for i := range n {
		ch := control.Channel{Name: fmt.Sprintf("ch%03d", i+1), Title: fmt.Sprintf("Kênh %d", i+1),
			Inputs:  []control.Input{{URL: fmt.Sprintf("udp://239.1.1.%d:1234", i%250+1)}, {URL: "file:///srv/loop.ts"}},
			Outputs: []control.Output{{URL: fmt.Sprintf("udp://lo@239.2.1.%d:5000", i%250+1), Bitrate: 5000000}}}
		c.Channels = append(c.Channels, ch)
	}
	b.store("admin", "demo", c)
	return b
}

func (b *Box) store(actor, comment string, c control.Config) control.Revision {
	for i := range b.revisions {
		b.revisions[i].Running = false
	}
	r := control.Revision{ID: int64(len(b.revisions) + 1), At: b.At, Actor: actor, Comment: comment, Running: true}
	b.revisions, b.documents = append(b.revisions, r), append(b.documents, c)
	return r
}

// Other commits as somebody else.
func (b *Box) Other(edit func(*control.Config)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var c control.Config
	raw, _ := json.Marshal(b.documents[len(b.documents)-1])
	_ = json.Unmarshal(raw, &c)
	edit(&c)
	b.store("linh", "from elsewhere", c)
}

// Newest returns the newest configuration.
func (b *Box) Newest() control.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.documents[len(b.documents)-1]
}

// Raise raises an alarm.
func (b *Box) Raise(a control.Alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alarms = append(b.alarms, a)
}

func need(a control.Actor, r control.Role) error {
	if a.Role < r {
		return control.ErrForbidden
	}
	return nil
}

func (b *Box) last() (control.Revision, control.Config) {
	return b.revisions[len(b.revisions)-1], b.documents[len(b.documents)-1]
}

// Config implements tui.Service, as all that follow.
func (b *Box) Config(_ context.Context, a control.Actor) (control.Revision, control.Config, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, c := b.last()
	return r, c, need(a, 1)
}

func (b *Box) Revisions(_ context.Context, a control.Actor, before int64, limit int) ([]control.Revision, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.revisions)
	slices.Reverse(out)
	return out[:min(limit, len(out))], need(a, 1)
}

func (b *Box) Revision(_ context.Context, a control.Actor, id int64) (control.Revision, control.Config, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id < 1 || int(id) > len(b.revisions) {
		return control.Revision{}, control.Config{}, control.ErrNotFound
	}
	return b.revisions[id-1], b.documents[id-1], nil
}

func (b *Box) RevisionText(ctx context.Context, a control.Actor, id int64) ([]byte, error) {
	_, c, err := b.Revision(ctx, a, id)
	if err != nil {
		return nil, err
	}
	out := fmt.Sprintf("box:\n  name: %s\n  language: %s\n  http: %s\n  ssh: %s\nchannels:\n", c.Box.Name, c.Box.Language, c.Box.HTTP, c.Box.SSH)
	for _, ch := range c.Channels {
		out += fmt.Sprintf("  - name: %s\n    title: %s\n    inputs:\n", ch.Name, ch.Title)
		for _, in := range ch.Inputs {
			out += "      - url: " + in.URL + "\n"
		}
	}
	return []byte(out), nil
}

func (b *Box) Diff(_ context.Context, a control.Actor, from, to int64) ([]control.Change, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var old control.Config
	if from > 0 {
		old = b.documents[from-1]
	}
	return diff(old, b.documents[to-1]), nil
}

func diff(old, now control.Config) []control.Change {
	var out []control.Change
	for _, c := range now.Channels {
		was := old.Channel(c.Name)
		path := "channels[" + c.Name + "]"
		switch {
		case was == nil:
			out = append(out, control.Change{Path: path, Kind: "added"})
		case was.Title != c.Title:
			out = append(out, control.Change{Path: path + ".title", Kind: "changed", Old: was.Title, New: c.Title})
		case fmt.Sprint(*was) != fmt.Sprint(c):
			out = append(out, control.Change{Path: path, Kind: "changed"})
		}
	}
	for _, c := range old.Channels {
		if now.Channel(c.Name) == nil {
			out = append(out, control.Change{Path: "channels[" + c.Name + "]", Kind: "removed"})
		}
	}
	if old.Box != now.Box {
		out = append(out, control.Change{Path: "box", Kind: "changed", Old: old.Box.Name, New: now.Box.Name})
	}
	return out
}

func (b *Box) Validate(_ context.Context, a control.Actor, c control.Config) error {
	var errs control.FieldErrors
	for i, ch := range c.Channels {
		path := "channels[" + ch.Name + "]"
		if ch.Name == "" {
			path = fmt.Sprintf("channels[%d]", i)
			errs = append(errs, control.FieldError{Path: path + ".name", Text: "is empty: expected letters and digits"})
		}
		for j, in := range ch.Inputs {
			if !strings.Contains(in.URL, "://") {
				errs = append(errs, control.FieldError{Path: fmt.Sprintf("%s.inputs[%d].url", path, j), Text: fmt.Sprintf("%q is not a URL: expected udp://239.1.1.1:1234", in.URL)})
			}
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func (b *Box) Propose(ctx context.Context, a control.Actor, base int64, c control.Config) (control.Plan, error) {
	if err := need(a, 2); err != nil {
		return control.Plan{}, err
	}
	if err := b.Validate(ctx, a, c); err != nil {
		return control.Plan{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, old := b.last()
	p := control.Plan{Base: base, Changes: diff(old, c)}
	for _, ch := range p.Changes {
		if ch.Kind != "added" && strings.HasPrefix(ch.Path, "channels[") {
			name, _, _ := strings.Cut(strings.TrimPrefix(ch.Path, "channels["), "]")
			what := "inputs that changed restart; viewers notice if one of them is on air"
			if ch.Kind == "removed" {
				what = "goes off air"
			}
			p.Interrupts = append(p.Interrupts, "channel/"+name+": "+what)
		}
	}
	if b.Warnings != nil {
		p.Warnings = b.Warnings
	}
	return p, b.Refuses
}

func (b *Box) Commit(ctx context.Context, a control.Actor, base int64, c control.Config, comment string) (control.Revision, error) {
	if _, err := b.Propose(ctx, a, base, c); err != nil {
		return control.Revision{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, _ := b.last(); r.ID != base {
		return control.Revision{}, control.ErrConflict
	}
	return b.store(a.Name, comment, c), nil
}

func (b *Box) Restore(_ context.Context, a control.Actor, id int64, comment string) (control.Revision, error) {
	if err := need(a, 2); err != nil {
		return control.Revision{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store(a.Name, comment, b.documents[id-1]), nil
}

func (b *Box) Export(_ context.Context, a control.Actor) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, c := b.last()
	return json.MarshalIndent(c, "", "  ")
}

func (b *Box) ExportSecrets(ctx context.Context, a control.Actor) ([]byte, error) {
	if err := need(a, 2); err != nil {
		return nil, err
	}
	return b.Export(ctx, a)
}

func (b *Box) Parse(_ context.Context, a control.Actor, doc []byte) (control.Config, error) {
	var c control.Config
	return c, json.Unmarshal(doc, &c)
}
