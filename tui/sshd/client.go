package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/charmbracelet/x/term"
	gossh "golang.org/x/crypto/ssh"

	"sigma/headend/control"
	"sigma/tui/text"
)

// Attach opens the console that listens on a socket of this machine: its pages on
// the terminal of in and out when there are no args, otherwise the command that
// args are, with its exit status. It blocks until the session ends.
func Attach(ctx context.Context, socket string, args []string, in, out, errOut *os.File) (status int, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return 0, fmt.Errorf("the headend does not answer on %s: %w", socket, err)
	}
	// The socket lies in a folder that only its owner may enter: the host behind it
	// needs no further proof.
	config := &gossh.ClientConfig{User: "local", HostKeyCallback: gossh.InsecureIgnoreHostKey()} //nolint:gosec // see above
	c, channels, requests, err := gossh.NewClientConn(conn, socket, config)
	if err != nil {
		return 0, err
	}
	client := gossh.NewClient(c, channels, requests)
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	session, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	defer session.Close()
	session.Stdout, session.Stderr = out, errOut
	if len(args) > 0 {
		session.Stdin = in
		return exitStatus(session.Run(quoted(args)))
	}
	return show(ctx, session, in, out)
}

// Run runs a command of the console's command line without a server, and returns
// its exit status.
func Run(ctx context.Context, svc Service, a control.Actor, args []string, in io.Reader, out, errOut io.Writer) int {
	return command{service: svc, actor: a, say: text.New(a.Language), in: in, out: out, err: errOut}.run(ctx, args)
}

// show shows the console on a terminal.
func show(ctx context.Context, session *gossh.Session, in, out *os.File) (int, error) {
	width, height, err := term.GetSize(out.Fd())
	if err != nil {
		return 0, fmt.Errorf("the console needs a terminal: %w", err)
	}
	for _, name := range []string{"NO_COLOR", "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE"} {
		if v, ok := os.LookupEnv(name); ok {
			_ = session.Setenv(name, v) // a server that takes none shows plain pages
		}
	}
	if err := session.RequestPty(os.Getenv("TERM"), height, width, gossh.TerminalModes{}); err != nil {
		return 0, err
	}
	raw, err := term.MakeRaw(in.Fd())
	if err != nil {
		return 0, err
	}
	defer func() { _ = term.Restore(in.Fd(), raw) }()
	keys, err := session.StdinPipe()
	if err != nil {
		return 0, err
	}
	go func() { _, _ = io.Copy(keys, in) }() // ends with the process: a read of a terminal cannot be called back
	if err := session.Shell(); err != nil {
		return 0, err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	done := make(chan error, 1)
	go func() { done <- session.Wait() }()
	for {
		select {
		case err := <-done:
			return exitStatus(err)
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-resized:
			if w, h, err := term.GetSize(out.Fd()); err == nil {
				_ = session.WindowChange(h, w) // a session that has ended says so on done
			}
		}
	}
}

// exitStatus tells the status of a command from trouble with the session.
func exitStatus(err error) (int, error) {
	var exit *gossh.ExitError
	if errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	return 0, err
}

// quoted writes words so that the other side reads the same words.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}
