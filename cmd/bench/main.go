// Command bench measures the headend beside what people use today, all in one run
// on one machine, and prints a table. It needs root for its network namespaces; no
// packet leaves the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sigma/cmd/headend/e2e"
)

// row is one line of the table.
type row struct{ what, got, want string }

// bench is one run.
type bench struct {
	ctx    context.Context
	binary string
	span   time.Duration // of each measurement of load
	long   time.Duration // of the measurement on the wire
	rows   []row
}

func (b *bench) add(what, want, format string, args ...any) {
	r := row{what, fmt.Sprintf(format, args...), want}
	b.rows = append(b.rows, r)
	fmt.Fprintf(os.Stderr, "%s: %s (%s)\n", r.what, r.got, r.want)
}

func main() {
	only := flag.String("only", "", "comma-separated parts: code, load, serve, start, kill, console, wire")
	span := flag.Duration("span", 10*time.Second, "time of each measurement of load")
	long := flag.Duration("wire", 60*time.Second, "time of the measurement on the wire")
	wakes := flag.Duration("yardstick", 0, "only wake up again and again for so long and say how punctual it was")
	host := flag.String("receive", "", "only receive the channels on this network namespace, for the time of -wire, and say how punctual they were")
	flag.Parse()
	if *wakes > 0 || *host != "" {
		part := func() error { return wakeUps(*wakes, os.Stdout) }
		if *host != "" {
			part = func() error { return receive(*host, *long, os.Stdout) }
		}
		if err := part(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *span, *long); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, span, long time.Duration) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{ctx: ctx, span: span, long: long}
	if b.binary, err = e2e.Build(dir); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func() error
	}{{"code", b.code}, {"load", b.load}, {"serve", b.serve}, {"start", b.start}, {"kill", b.kill}, {"console", b.console}, {"wire", b.wire}} {
		if only != "" && !slices.Contains(strings.Split(only, ","), part.name) {
			continue
		}
		if err := part.run(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| what\t| measured\t| wanted\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|")
	for _, r := range b.rows {
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t|\n", r.what, r.got, r.want)
	}
	return w.Flush()
}
