package sshd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"sigma/headend/control"
	"sigma/tui/text"
)

// The lists show this many entries unless told otherwise.
const listed = 50

// maxPassword is the longest line read as a password, in bytes.
const maxPassword = 1 << 10

func (c command) events(ctx context.Context, args []string) int {
	n, err := count(args)
	if err != nil {
		return c.fail(err)
	}
	list, err := c.service.Events(ctx, c.actor, 0, n)
	if err != nil {
		return c.fail(err)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, e := range list {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.say.DateTime(e.At), e.Kind, text.Clean(e.Actor), text.Clean(e.Object), text.Clean(e.Text))
	}
	return c.flush(w)
}

func (c command) log(ctx context.Context, args []string) int {
	n, err := count(args)
	if err != nil {
		return c.fail(err)
	}
	list, err := c.service.Log(ctx, c.actor, n)
	if err != nil {
		return c.fail(err)
	}
	for _, l := range list {
		if _, err := fmt.Fprintf(c.out, "%s %-5s %s\n", c.say.DateTime(l.At), l.Level, text.Clean(l.Text)); err != nil {
			return exitTrouble
		}
	}
	return exitOK
}

// count reads how many entries are wanted.
func count(args []string) (int, error) {
	if len(args) == 0 {
		return listed, nil
	}
	return strconv.Atoi(args[0])
}

func (c command) revisions(ctx context.Context) int {
	list, err := c.service.Revisions(ctx, c.actor, 0, listed)
	if err != nil {
		return c.fail(err)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, r := range list {
		mark := " "
		if r.Running {
			mark = "*"
		}
		_, _ = fmt.Fprintf(w, "%s %d\t%s\t%s\t%s\n", mark, r.ID, c.say.DateTime(r.At), text.Clean(r.Actor), text.Clean(r.Comment))
	}
	return c.flush(w)
}

// numbers reads revisions.
func numbers(args []string) (out []int64, err error) {
	for _, a := range args {
		n, err := strconv.ParseInt(a, 10, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// diff exits with 1 when the revisions differ, as diff(1) does.
func (c command) diff(ctx context.Context, args []string) int {
	n, err := numbers(args)
	if err != nil {
		return c.fail(err)
	}
	changes, err := c.service.Diff(ctx, c.actor, n[0], n[1])
	if err != nil {
		return c.fail(err)
	}
	c.changes(changes)
	if len(changes) > 0 {
		return exitTrouble
	}
	return exitOK
}

func (c command) changes(list []control.Change) {
	for _, ch := range list {
		_, _ = fmt.Fprintf(c.out, "%s\t%s\t%s\t%s\n", ch.Kind, text.Clean(ch.Path), text.Clean(ch.Old), text.Clean(ch.New))
	}
}

func (c command) restore(ctx context.Context, args []string) int {
	n, err := numbers(args[:1])
	if err != nil {
		return c.fail(err)
	}
	before, _, err := c.service.Config(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	r, err := c.service.Restore(ctx, c.actor, n[0], at(args, 1))
	if err != nil {
		return c.fail(err)
	}
	if r.ID == before.ID {
		return c.print(c.say.T("cli.same", r.ID) + "\n")
	}
	return c.print(c.say.T("plan.done", r.ID) + "\n")
}

func (c command) users(ctx context.Context) int {
	list, err := c.service.Users(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, u := range list {
		last, locked := "-", ""
		if !u.LastLogin.IsZero() {
			last = c.say.DateTime(u.LastLogin)
		}
		if !u.Locked.IsZero() {
			locked = c.say.T("cli.locked", c.say.DateTime(u.Locked))
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", text.Clean(u.Name), u.Role, last, locked)
		for _, k := range u.Keys {
			_, _ = fmt.Fprintf(w, "  %s\t%s\n", k.Fingerprint, text.Clean(k.Comment))
		}
	}
	return c.flush(w)
}

// addUser adds an account that opens nothing yet.
func (c command) addUser(ctx context.Context, args []string) int {
	u := control.User{Name: args[0]}
	if err := u.Role.UnmarshalText([]byte(args[1])); err != nil {
		return c.fail(err)
	}
	if err := c.service.AddUser(ctx, c.actor, u, ""); err != nil {
		return c.fail(err)
	}
	return c.print(c.say.T("cli.added", u.Name, u.Name, u.Name) + "\n")
}

// setRole changes the role of an account; its language stays.
func (c command) setRole(ctx context.Context, args []string) int {
	var role control.Role
	if err := role.UnmarshalText([]byte(args[1])); err != nil {
		return c.fail(err)
	}
	list, err := c.service.Users(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	for _, u := range list {
		if u.Name == args[0] {
			u.Role = role
			return c.done(c.service.PutUser(ctx, c.actor, u))
		}
	}
	return c.fail(errors.New(c.say.T("cli.no_user", text.Clean(args[0]))))
}

// done is the end of a command that prints nothing when it works.
func (c command) done(err error) int {
	if err != nil {
		return c.fail(err)
	}
	return exitOK
}

// password reads the password from the first line of the input.
func (c command) password(ctx context.Context, args []string) int {
	line, err := bufio.NewReader(io.LimitReader(c.in, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return c.fail(err)
	}
	return c.done(c.service.SetPassword(ctx, c.actor, args[0], strings.TrimRight(line, "\r\n")))
}

func (c command) addKey(ctx context.Context, args []string) int {
	k, err := c.service.AddKey(ctx, c.actor, args[0], args[1])
	if err != nil {
		return c.fail(err)
	}
	return c.print(k.Fingerprint + "\n")
}

func (c command) unlock(ctx context.Context, args []string) int {
	return c.done(c.service.UnlockUser(ctx, c.actor, args[0]))
}

func (c command) deleteUser(ctx context.Context, args []string) int {
	return c.done(c.service.DeleteUser(ctx, c.actor, args[0]))
}

// code makes the one-time code that sets up the first operator: for the local
// console alone, which is who may see it.
func (c command) code(ctx context.Context) int {
	if c.actor.Via == "ssh" || c.actor.Role < control.Admin {
		return c.fail(errors.New(c.say.T("cli.code_local")))
	}
	code, err := c.service.SetupCode(ctx)
	if err != nil {
		return c.fail(err)
	}
	return c.print(code + "\n")
}
