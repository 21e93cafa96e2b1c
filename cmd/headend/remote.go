package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/alecthomas/kong"

	"sigma/headend"
)

// ask runs a command of the console's command line: on the daemon that runs on
// this machine, or on its data folder when it does not run.
func ask(ctx context.Context, data string, args ...string) error {
	status, err := headend.Command(ctx, data, args, os.Stdin, os.Stdout, os.Stderr)
	switch {
	case err != nil:
		return err
	case status == 0:
		return nil
	case status == 2:
		return fmt.Errorf("wrong use of %q", args)
	}
	return errTrouble
}

// remoteCmd is a command without arguments.
type remoteCmd struct{ dataFlag }

func (c remoteCmd) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, path(k)...)
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
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		os.Stdin = f
	}
	return ask(ctx, c.Data, "config", "apply", "--comment", c.Comment)
}

type configCheck struct {
	File string `arg:"" help:"Configuration as text; - reads standard input."`
}

func (c configCheck) Run(ctx context.Context) error {
	ok, err := headend.CheckFile(ctx, c.File, os.Stdin, os.Stdout)
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
	return ask(ctx, c.Data, "config", "diff", strconv.FormatInt(c.A, 10), strconv.FormatInt(c.B, 10))
}

type revisionOne struct {
	dataFlag
	N int64 `arg:"" help:"Revision to restore."`
}

func (c revisionOne) Run(ctx context.Context) error {
	return ask(ctx, c.Data, "config", "restore", strconv.FormatInt(c.N, 10))
}

type userAdd struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
	Role string `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
}

func (c userAdd) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, append(path(k), c.Name, c.Role)...)
}

type userOne struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
}

func (c userOne) Run(ctx context.Context, k *kong.Context) error {
	return ask(ctx, c.Data, append(path(k), c.Name)...)
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
	return ask(ctx, c.Data, "user", "key", c.Name, line)
}
