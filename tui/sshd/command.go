package sshd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sigma/headend/control"
	"sigma/tui/page"
	"sigma/tui/text"
)

// The exit statuses of commands.
const (
	exitOK      = 0
	exitTrouble = 1 // found trouble
	exitUsage   = 2 // wrong use
)

// maxDocument is the largest configuration that is read, in bytes.
const maxDocument = 8 << 20

// command is the plain side of a session: no pages, the same calls.
type command struct {
	service Service
	actor   control.Actor
	say     text.Printer
	in      io.Reader
	out     io.Writer
	err     io.Writer
	file    string // where the input comes from, if it has a name: put before its errors
}

// verb is one command: its words, how many arguments follow them, and what it does.
type verb struct {
	words string
	least int
	most  int
	run   func(c command, ctx context.Context, args []string) int
}

// verbs is the command line. A longer form stands before a shorter one with the same
// words.
func verbs() []verb {
	plain := func(f func(command, context.Context) int) func(command, context.Context, []string) int {
		return func(c command, ctx context.Context, _ []string) int { return f(c, ctx) }
	}
	return []verb{
		{"channels", 0, 0, plain(command.channels)},
		{"alarms", 0, 0, plain(command.alarms)},
		{"status", 0, 0, plain(command.status)},
		{"events", 0, 1, command.events},
		{"log", 0, 1, command.log},
		{"config export --secrets", 0, 0, plain(command.exportSecrets)},
		{"config export", 0, 0, plain(command.export)},
		{"config check", 0, 0, func(c command, ctx context.Context, _ []string) int { return c.apply(ctx, "", true) }},
		{"config apply", 0, 2, func(c command, ctx context.Context, args []string) int {
			c.file = at(args, 1)
			return c.apply(ctx, at(args, 0), false)
		}},
		{"config log", 0, 0, plain(command.revisions)},
		{"config diff", 2, 2, command.diff},
		{"config restore", 1, 2, command.restore},
		{"user list", 0, 0, plain(command.users)},
		{"user add", 2, 2, command.addUser},
		{"user role", 2, 2, command.setRole},
		{"user password", 1, 1, command.password},
		{"user key", 2, 2, command.addKey},
		{"user unlock", 1, 1, command.unlock},
		{"user delete", 1, 1, command.deleteUser},
		{"user code", 0, 0, plain(command.code)},
		{"help", 0, 0, func(c command, _ context.Context, _ []string) int { return c.print(c.say.T("cli.help")) }},
	}
}

func (c command) run(ctx context.Context, args []string) int {
	if c.actor.Name == "" {
		return c.fail(errors.New(c.say.T("cli.setup")))
	}
	for _, v := range verbs() {
		n := len(strings.Fields(v.words))
		if len(args) < n || strings.Join(args[:n], " ") != v.words {
			continue
		}
		if rest := args[n:]; len(rest) >= v.least && len(rest) <= v.most {
			return v.run(c, ctx, rest)
		}
	}
	_, _ = io.WriteString(c.err, c.say.T("cli.help"))
	return exitUsage
}

// at returns an argument that may be absent.
func at(args []string, i int) string {
	if i < len(args) {
		return args[i]
	}
	return ""
}

// print writes a line or several and returns what that means for the exit status.
func (c command) print(s string) int {
	if _, err := io.WriteString(c.out, s); err != nil {
		return exitTrouble
	}
	return exitOK
}

func (c command) fail(err error) int {
	e := page.Env{Text: c.say}
	var fields control.FieldErrors
	if errors.As(err, &fields) {
		name := ""
		if c.file != "" {
			name = text.Clean(c.file) + ": "
		}
		for _, f := range fields {
			_, _ = fmt.Fprintln(c.err, name+text.Clean(f.Error()))
		}
		return exitTrouble
	}
	_, _ = fmt.Fprintln(c.err, e.ErrorText(err))
	return exitTrouble
}

func (c command) channels(ctx context.Context) int {
	s, err := c.service.Snapshot(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, ch := range s.Channels {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", ch.State, text.Clean(ch.Name), c.say.BitRate(ch.Bitrate),
			c.say.N("channel.errors", int(ch.Errors)), text.Clean(ch.Title))
	}
	return c.flush(w)
}

func (c command) flush(w *tabwriter.Writer) int {
	if w.Flush() != nil {
		return exitTrouble
	}
	return exitOK
}

// alarms exits with 1 while any is raised.
func (c command) alarms(ctx context.Context) int {
	list, err := c.service.Alarms(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	e := page.Env{Text: c.say, Service: c.service}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, a := range list {
		word, _ := e.Severity(a.Severity)
		title, _, _ := e.AlarmText(a.Code)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", word, c.say.DateTime(a.Raised), text.Clean(a.Object), title, text.Clean(a.Detail))
	}
	if code := c.flush(w); code != exitOK || len(list) > 0 {
		return exitTrouble
	}
	return exitOK
}

// status exits with 1 while a critical or major alarm is raised.
func (c command) status(ctx context.Context) int {
	s, err := c.service.Snapshot(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	m, err := c.service.System(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	on, rate := 0, int64(0)
	for _, ch := range s.Channels {
		if ch.State == "on_air" || ch.State == "on_standby" {
			on++
		}
		rate += ch.Bitrate
	}
	n := s.Alarms.Critical + s.Alarms.Major + s.Alarms.Minor + s.Alarms.Warning
	_, err = fmt.Fprintf(c.out, "%s\n%s\n%s\n%s\n",
		c.say.T("system.box_is", text.Clean(m.Name), text.Clean(m.Version), text.Clean(m.Kernel)),
		c.say.T("status.revision", s.Revision),
		c.say.N("channels.sum", len(s.Channels), c.say.Int(int64(on)), c.say.BitRate(rate)),
		c.say.N("status.alarms", n, c.say.Int(int64(s.Alarms.Critical+s.Alarms.Major)), c.say.Int(int64(s.Alarms.Unacknowledged))))
	if err != nil || s.Alarms.Critical+s.Alarms.Major > 0 {
		return exitTrouble
	}
	return exitOK
}

func (c command) export(ctx context.Context) int {
	return c.document(c.service.Export(ctx, c.actor))
}

func (c command) exportSecrets(ctx context.Context) int {
	return c.document(c.service.ExportSecrets(ctx, c.actor))
}

func (c command) document(b []byte, err error) int {
	if err != nil {
		return c.fail(err)
	}
	if _, err := c.out.Write(b); err != nil {
		return exitTrouble
	}
	return exitOK
}

// apply reads a configuration from the session and says what it would change; unless
// it only checks, it commits it.
func (c command) apply(ctx context.Context, comment string, check bool) int {
	raw, err := io.ReadAll(io.LimitReader(c.in, maxDocument+1))
	if err != nil {
		return c.fail(err)
	}
	if len(raw) > maxDocument {
		return c.fail(errors.New(c.say.T("cli.too_long", c.say.Bytes(maxDocument))))
	}
	next, err := c.service.Parse(ctx, c.actor, raw)
	if err != nil {
		return c.fail(err)
	}
	base, _, err := c.service.Config(ctx, c.actor)
	if err != nil {
		return c.fail(err)
	}
	plan, err := c.service.Propose(ctx, c.actor, base.ID, next)
	if err != nil {
		return c.fail(err)
	}
	c.changes(plan.Changes)
	for _, s := range append(plan.Interrupts, plan.Warnings...) {
		_, _ = fmt.Fprintf(c.out, "! %s\n", text.Clean(s))
	}
	if len(plan.Changes) == 0 {
		return c.print(c.say.T("cli.same", base.ID) + "\n")
	}
	if check {
		return exitOK
	}
	r, err := c.service.Commit(ctx, c.actor, base.ID, next, cmp.Or(comment, c.say.T("cli.applied")))
	if err != nil {
		return c.fail(err)
	}
	_, _ = fmt.Fprintln(c.out, c.say.T("plan.done", r.ID))
	return exitOK
}
