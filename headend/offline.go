package headend

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigma/headend/alarm"
	"sigma/headend/config"
	"sigma/headend/config/text"
	"sigma/headend/control"
	"sigma/storage"
)

// LocalConsole is the socket of the console of the daemon that works on a data
// folder.
func LocalConsole(data string) string { return filepath.Join(data, consoleName) }

// daemonAnswers reports whether a daemon works on the data folder.
func daemonAnswers(data string) bool {
	c, err := net.DialTimeout("unix", LocalConsole(data), time.Second)
	if err != nil {
		return false
	}
	_ = c.Close() // it was only to see who answers
	return true
}

// ErrNoData says that no daemon has ever worked on a folder.
var ErrNoData = errors.New("no headend data")

// Offline opens the data folder of a daemon that does not run, for the commands
// that work on it; one that is not there is made, or is ErrNoData. Commits are checked
// and stored; the next start puts them on air.
func Offline(ctx context.Context, data string, create bool) (svc *control.Service, done func() error, err error) {
	if _, err := os.Stat(filepath.Join(data, databaseName)); errors.Is(err, os.ErrNotExist) && !create {
		return nil, nil, fmt.Errorf("%w in %s: name the folder of the daemon with --data DIR", ErrNoData, data)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the data folder: %w", err)
	}
	unlock, err := lockData(data)
	if err != nil {
		return nil, nil, err
	}
	db, err := storage.Open(ctx, filepath.Join(data, databaseName))
	if err != nil {
		unlock()
		return nil, nil, err
	}
	alarms := &alarm.Tracker{}
	svc = control.New(control.Parts{Store: store{db}, Engine: idle{}, Alarms: alarms, Now: time.Now})
	alarms.Changed = svc.AlarmChanged
	done = func() error {
		err := db.Close()
		unlock()
		return err
	}
	if _, err := svc.Boot(ctx, config.Defaults()); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return svc, done, nil
}

// errIdle says that a command needs the daemon.
var errIdle = errors.New("the headend does not run: start it first")

// idle is the engine of a box that does not run: every configuration that is valid
// is taken, nothing is on air.
type idle struct{}

var _ control.Engine = idle{}

func (idle) Apply(context.Context, control.Config) error { return nil }
func (idle) Check(context.Context, control.Config) (interrupts, warnings []string, err error) {
	return nil, nil, nil
}
func (idle) Channels() []control.ChannelStatus { return nil }
func (idle) SelectInput(string, int) error     { return errIdle }
func (idle) RestartChannel(string) error       { return errIdle }
func (idle) Wire() control.WireStatus          { return control.WireStatus{} }
func (idle) System() control.System            { return control.System{} }
func (idle) Interfaces() []control.Interface   { return nil }
func (idle) Address() string                   { return "" }
func (idle) Log(int) []control.LogLine         { return nil }
func (idle) Sessions(bool) []control.Session   { return nil }
func (idle) CloseSession(string, string) bool  { return false }
func (idle) Reauthorize(string)                {}

// readConfig returns the newest configuration of a data folder, without touching it.
func readConfig(ctx context.Context, data string) (c config.Config, err error) {
	r, found, err := storage.Newest(ctx, filepath.Join(data, databaseName))
	if err != nil || !found {
		return c, errors.Join(err, errors.New("no revision"))
	}
	return c, json.Unmarshal(r.Document, &c)
}

// CheckFile checks a configuration in a file, or in stdin if its name is -, and
// prints every error with its place. Secrets that the file masks are those of the data
// folder, if that can be read. It reports whether there was no error.
func CheckFile(ctx context.Context, name string, stdin io.Reader, w io.Writer, data string) (ok bool, err error) {
	var b []byte
	if name == "-" {
		b, err = io.ReadAll(stdin)
	} else {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return false, err
	}
	doc, err := text.Parse(b)
	c, warnings := doc.Config, []string(nil)
	if old, unreadable := readConfig(ctx, data); unreadable == nil {
		c = c.Unredacted(old)
	} else {
		c, warnings = c.Assumed()
	}
	wrong := doc.Validate(err, c)
	// The ports are not tried: the very headend that the file is for has them.
	more, err := checkChannels(modules{}, c.Effective().Channels)
	var fields config.FieldErrors
	if err != nil && !errors.As(err, &fields) {
		return false, err
	}
	if wrong = doc.Add(wrong, fields); len(wrong) > 0 {
		for _, f := range wrong {
			fmt.Fprintf(w, "%s: %s\n", name, f)
		}
		return false, nil
	}
	for _, s := range append(append(warnings, more...), config.Warnings(c)...) {
		fmt.Fprintf(w, "%s: warning: %s\n", name, s)
	}
	fmt.Fprintf(w, "%s: %s, no errors\n", name, plural(len(c.Channels), "channel"))
	return true, nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// SupportBundle writes one archive with what support needs: the configuration
// without its secrets, what the doctor finds, and what asks of the daemon answer.
func SupportBundle(ctx context.Context, w io.Writer, data, out, version string, ask func(args ...string) []byte) (err error) {
	if out == "" {
		out = "headend-support-" + time.Now().UTC().Format("20060102-150405") + ".tar.gz"
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var doc bytes.Buffer
	if _, err := Doctor(ctx, &doc, data, false); err != nil {
		fmt.Fprintln(&doc, err)
	}
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	files := []struct {
		name string
		b    []byte
	}{
		{"version", []byte(version + "\n")},
		{"doctor", doc.Bytes()},
		{"configuration.yaml", ask("config", "export")},
		{"revisions", ask("config", "log")},
		{"status", ask("status")},
		{"channels", ask("channels")},
		{"alarms", ask("alarms")},
		{"events", ask("events")},
		{"log", ask("log")},
	}
	for _, name := range []string{"net/igmp", "net/udp", "net/dev", "net/route", "cpuinfo", "meminfo", "loadavg", "version"} {
		b, err := os.ReadFile(filepath.Join("/proc", name))
		if err != nil {
			b = []byte(err.Error())
		}
		files = append(files, struct {
			name string
			b    []byte
		}{"proc/" + strings.ReplaceAll(name, "/", "-"), b})
	}
	for _, e := range files {
		h := &tar.Header{Name: "headend-support/" + e.name, Mode: 0o600, Size: int64(len(e.b)), ModTime: time.Now()}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(e.b); err != nil {
			return err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, out)
	return err
}
