// Package e2e drives the real binary as its users do, in networks of its own: the
// daemon under test, its API, its console and its outputs. The tests of the whole
// product and the measurements of `make bench` share it.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sigma/multicast/rig"
)

// Daemon is a headend that runs on a host of a network.
type Daemon struct {
	Net    *rig.Net
	Host   int
	Binary string // path of the headend binary
	Data   string // data folder; the log lies beside it
	Env    []string
	Nice   int // niceness; the unit of systemd sets one

	cmd   *exec.Cmd
	ended chan struct{}
	token string
}

// The addresses every daemon of the tests listens on, inside its namespace.
const (
	HTTPAddr = "127.0.0.1:8080"
	SSHAddr  = "127.0.0.1:2222"
	Password = "correct horse battery"
)

// Tool runs a sub-command of the binary on the daemon's data folder and returns
// what it prints.
func (d *Daemon) Tool(ctx context.Context, stdin string, args ...string) (string, error) {
	c := d.Net.Command(d.Host, d.Binary, args...)
	c.Env = append(os.Environ(), "HEADEND_DATA="+d.Data)
	c.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Kill() })
	defer stop()
	if err := c.Wait(); err != nil {
		return out.String(), fmt.Errorf("headend %s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// Prepare makes the data folder with an admin named "admin" and a configuration.
func (d *Daemon) Prepare(ctx context.Context, yaml string) error {
	if _, err := d.Tool(ctx, "", "user", "add", "admin", "admin"); err != nil {
		return err
	}
	if _, err := d.Tool(ctx, Password+"\n", "user", "password", "admin"); err != nil {
		return err
	}
	_, err := d.Tool(ctx, yaml, "config", "apply", "-")
	return err
}

// Start starts the daemon and returns when it is ready to serve.
func (d *Daemon) Start(ctx context.Context) error {
	if err := d.Launch(); err != nil {
		return err
	}
	return d.Until(ctx, func() (bool, error) { return d.answers("/health/ready"), nil })
}

// answers reports whether the daemon answers an address with success.
func (d *Daemon) answers(path string) bool {
	c := d.client()
	defer c.CloseIdleConnections()
	r, err := c.Get("http://" + HTTPAddr + path)
	if err != nil {
		return false // not listening yet
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// Launch starts the daemon and waits for nothing.
func (d *Daemon) Launch() error {
	d.cmd = d.Net.Command(d.Host, "nice", "-n", strconv.Itoa(d.Nice), d.Binary, "serve", "--data", d.Data, "--http", HTTPAddr, "--ssh", SSHAddr)
	d.cmd.Env = append(os.Environ(), d.Env...)
	// A file, not a pipe: the wire process outlives the daemon and holds it open.
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return err
	}
	d.ended = make(chan struct{})
	cmd, ended := d.cmd, d.ended
	go func() { _ = cmd.Wait(); close(ended) }()
	return nil
}

// Login makes an API token, so that no later call of API costs a password hash.
func (d *Daemon) Login(ctx context.Context) error {
	var t struct{ Secret string }
	err := d.API(ctx, http.MethodPost, "/api_tokens", map[string]any{"name": "tests", "role": "admin"}, &t)
	d.token = t.Secret
	return err
}

// Until asks often until f answers true, the daemon ends or ctx does.
func (d *Daemon) Until(ctx context.Context, f func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := f(); ok || err != nil {
			return err
		}
		select {
		case <-d.ended:
			return fmt.Errorf("the daemon ended: %s", d.Log())
		case <-ctx.Done():
			return fmt.Errorf("%w; log:\n%s", ctx.Err(), d.Log())
		case <-tick.C:
		}
	}
}

// PID returns the process of the daemon.
func (d *Daemon) PID() int { return d.cmd.Process.Pid } // `ip netns exec` becomes the command it runs

// Kill ends the daemon without a word and waits for its end.
func (d *Daemon) Kill() {
	_ = d.cmd.Process.Kill() // it may have ended already
	<-d.ended
}

// Stop asks the daemon to end and waits for it.
func (d *Daemon) Stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-d.ended:
		return nil
	case <-time.After(20 * time.Second):
		d.Kill()
		return errors.New("the daemon did not end within 20 s of SIGTERM")
	}
}

func (d *Daemon) logFile() string { return strings.TrimSuffix(d.Data, "/") + ".log" }

// Log returns what the daemon printed since it was started first.
func (d *Daemon) Log() string {
	b, err := os.ReadFile(d.logFile())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (d *Daemon) client() *http.Client { return d.Net.Client(d.Host) }

// API calls the daemon as admin. in is sent as JSON unless nil; the answer is read
// into out unless nil. A status other than 2xx is an error with the answer in it.
func (d *Daemon) API(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+HTTPAddr+"/streamer/api/v3"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	} else {
		req.SetBasicAuth("admin", Password)
	}
	c := d.client()
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// Build builds the headend into dir and returns its path. Extra arguments go to go build.
func Build(dir string, args ...string) (string, error) {
	bin := filepath.Join(dir, "headend")
	all := append([]string{"build", "-o", bin}, args...)
	out, err := exec.Command("go", append(all, "sigma/cmd/headend")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return bin, nil
}
