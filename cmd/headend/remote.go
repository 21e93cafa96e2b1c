package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/alecthomas/kong"

	"sigma/headend"
	"sigma/headend/control"
	"sigma/tui/sshd"
)

// ask runs a command of the console's command line: on the daemon that works on the
// data folder, or on the folder itself when none does.
func ask(ctx context.Context, data string, in *os.File, args ...string) error {
	status, err := command(ctx, data, in, os.Stdout, os.Stderr, args)
	switch {
	case err != nil:
		return err
	case status == 0:
		return nil
	}
	return errTrouble
}

func command(ctx context.Context, data string, in, out, errOut *os.File, args []string) (status int, err error) {
	create := makesFolder(args)
	_, absent := os.Stat(data)
	svc, done, err := headend.Offline(ctx, data, create)
	if errors.Is(err, headend.ErrInUse) {
		return sshd.Attach(ctx, headend.LocalConsole(data), args, in, out, errOut)
	}
	if err != nil {
		return 0, err
	}
	if create && errors.Is(absent, os.ErrNotExist) {
		fmt.Fprintf(errOut, "headend: %s is a new data folder\n", data)
	}
	status = sshd.Run(ctx, svc, control.Local("cli"), args, in, out, errOut)
	return status, done()
}

// makesFolder reports whether a command may be the first on a box. What only reads
// must not make up a box to read from.
func makesFolder(args []string) bool {
	return len(args) > 1 && (args[0] == "config" && args[1] == "apply" || args[0] == "user" && args[1] == "add")
}

// answer returns what a command prints.
func answer(ctx context.Context, data string, args ...string) ([]byte, error) {
	f, err := os.CreateTemp("", "headend")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer f.Close()
	if _, err := command(ctx, data, os.Stdin, f, f, args); err != nil {
		return nil, err
	}
	return os.ReadFile(f.Name())
}

// remoteCmd is a command without arguments.
type remoteCmd struct{ dataFlag }

func (c remoteCmd) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, os.Stdin, path(k)...)
}

// path returns the words of the command that was chosen, such as config, export.
func path(k *kong.Context) (words []string) {
	for _, p := range k.Path {
		if p.Command != nil {
			words = append(words, p.Command.Name)
		}
	}
	return words
}

type configFile struct {
	dataFlag
	File    string `arg:"" help:"Configuration as text; - reads standard input."`
	Comment string `help:"Why, for the list of revisions."`
}

func (c configFile) Run(ctx context.Context) error {
	in := os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	return ask(ctx, c.Data, in, "config", "apply", c.Comment, c.File)
}

type configExport struct {
	dataFlag
	Secrets bool `help:"Write passwords and keys as they are, for a copy or another box."`
}

func (c configExport) Run(ctx context.Context) error {
	args := []string{"config", "export"}
	if c.Secrets {
		args = append(args, "--secrets")
	}
	return ask(ctx, c.Data, os.Stdin, args...)
}

type configCheck struct {
	dataFlag
	File string `arg:"" help:"Configuration as text; - reads standard input."`
}

func (c configCheck) Run(ctx context.Context) error {
	ok, err := headend.CheckFile(ctx, c.File, os.Stdin, os.Stdout, c.Data)
	if err == nil && !ok {
		return errTrouble
	}
	return err
}

type revisionPair struct {
	dataFlag
	A int64 `arg:"" help:"Revision to compare from."`
	B int64 `arg:"" help:"Revision to compare to."`
}

func (c revisionPair) Run(ctx context.Context) error {
	return ask(ctx, c.Data, os.Stdin, "config", "diff", strconv.FormatInt(c.A, 10), strconv.FormatInt(c.B, 10))
}

type revisionOne struct {
	dataFlag
	N int64 `arg:"" help:"Revision to restore."`
}

func (c revisionOne) Run(ctx context.Context) error {
	return ask(ctx, c.Data, os.Stdin, "config", "restore", strconv.FormatInt(c.N, 10))
}

type userAdd struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
	Role string `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
}

func (c userAdd) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, os.Stdin, append(path(k), c.Name, c.Role)...)
}

type userOne struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
}

func (c userOne) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, os.Stdin, append(path(k), c.Name)...)
}

type userKey struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
	Key  string `arg:"" help:"File with the public key, or the key itself."`
}

func (c userKey) Run(ctx context.Context) error {
	line := c.Key
	if b, err := os.ReadFile(c.Key); err == nil {
		line = string(b)
	}
	return ask(ctx, c.Data, os.Stdin, "user", "key", c.Name, line)
}
