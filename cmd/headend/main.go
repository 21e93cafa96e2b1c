// Command headend is the television headend: the daemon, its console and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"sigma/headend"
	"sigma/headend/config"
	"sigma/headend/control"
	"sigma/tui/sshd"
)

// version is set by the linker.
var version = "dev"

// commands is the command line of DESIGN §6. Run returns nil for exit status 0;
// errTrouble for 1 without a word; other errors are printed. Wrong use exits with 2.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the headend: channels, playout, console and API."`
	Console consoleCmd `cmd:"" help:"Open the console of the running headend on this terminal."`
	Config  struct {
		Export  configExport `cmd:"" help:"Print the configuration as text."`
		Apply   configFile   `cmd:"" help:"Check a configuration, put it on air and keep it."`
		Check   configCheck  `cmd:"" help:"Check a configuration without touching anything."`
		Log     remoteCmd    `cmd:"" help:"List the revisions, newest first."`
		Diff    revisionPair `cmd:"" help:"Compare two revisions."`
		Restore revisionOne  `cmd:"" help:"Put an earlier revision on air again, as a new one."`
	} `cmd:"" help:"Read and change the configuration."`
	Analyze analyzeCmd `cmd:"" help:"Measure a transport stream: services, PIDs, rates, PCR, continuity."`
	PSI     psiCmd     `cmd:"" name:"psi" help:"Print every PSI/SI table of a transport stream, decoded."`
	User    struct {
		List     remoteCmd `cmd:"" help:"List the operator accounts."`
		Add      userAdd   `cmd:"" help:"Add an account."`
		Role     userAdd   `cmd:"" help:"Change the role of an account."`
		Password userOne   `cmd:"" help:"Set a password, read from standard input."`
		Key      userKey   `cmd:"" help:"Add an SSH public key."`
		Unlock   userOne   `cmd:"" help:"Let a locked account log in again."`
		Delete   userOne   `cmd:"" help:"Delete an account."`
		Code     remoteCmd `cmd:"" help:"Make a new one-time code that sets up the first operator."`
	} `cmd:"" help:"Manage operator accounts."`
	Doctor        doctorCmd  `cmd:"" help:"Check limits, clocks, routes, ports and permissions; say what is wrong and what mends it."`
	SupportBundle bundleCmd  `cmd:"" help:"Write one archive with what support needs; secrets are left out."`
	Version       versionCmd `cmd:"" help:"Print the version."`
	Wire          wireCmd    `cmd:"" hidden:""`
}

// errTrouble says that trouble was found and has been printed.
var errTrouble = errors.New("trouble found")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	var c commands
	parser := kong.Must(&c, kong.Name("headend"), kong.Description("The television headend in a box."),
		kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "headend: %v\n%s --help shows how it is used.\n", err, wrong(err))
		return 2
	}
	switch err := k.Run(); {
	case err == nil:
		return 0
	case errors.Is(err, errTrouble):
		return 1
	case errors.Is(err, headend.ErrInput):
		fmt.Fprintln(os.Stderr, "headend:", err)
		return 2
	default:
		fmt.Fprintln(os.Stderr, "headend:", err)
		return 1
	}
}

// wrong returns the words of the command that was used wrongly, as far as they are
// known.
func wrong(err error) string {
	var parse *kong.ParseError
	words := []string{"headend"}
	if errors.As(err, &parse) {
		words = append(words, path(parse.Context)...)
	}
	return strings.Join(words, " ")
}

// dataFlag names the data folder of the daemon that is asked.
type dataFlag struct {
	Data string `default:"/var/lib/headend" env:"HEADEND_DATA" help:"Data folder of the headend (${default})." placeholder:"DIR"`
}

type serveCmd struct {
	dataFlag
	HTTP string `name:"http" help:"Listen for viewers and the API here instead of where the configuration says." placeholder:"ADDR"`
	SSH  string `name:"ssh" help:"Listen for the console here instead of where the configuration says." placeholder:"ADDR"`
	Demo bool   `help:"Begin a new box with a demo configuration, all of it on the loopback interface."`
	Log  string `default:"info" enum:"debug,info,warn,error" help:"Least level of log lines: debug, info, warn or error."`
}

// Validate implements kong.Validatable.
func (c serveCmd) Validate() error {
	for _, f := range []struct{ flag, addr string }{{"--http", c.HTTP}, {"--ssh", c.SSH}} {
		if f.addr == "" {
			continue
		}
		if err := config.CheckListen(f.addr); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	return nil
}

func (c serveCmd) Run(ctx context.Context) error {
	return headend.Serve(ctx, headend.Options{
		Data: c.Data, HTTP: c.HTTP, SSH: c.SSH, Demo: c.Demo, LogLevel: c.Log, Version: version, Out: os.Stdout,
		Console: func(svc *control.Service, data string, log *slog.Logger) (headend.Console, error) {
			return &sshd.Server{KeyFile: filepath.Join(data, "ssh_host_ed25519_key"), Service: svc, Log: log}, nil
		},
	})
}

type consoleCmd struct {
	dataFlag
	Addr string `arg:"" optional:"" help:"Headend to open, user@host[:port]; the one on this machine if absent."`
}

func (c consoleCmd) Run(ctx context.Context) error {
	if c.Addr == "" {
		_, err := sshd.Attach(ctx, headend.LocalConsole(c.Data), nil, os.Stdin, os.Stdout, os.Stderr)
		return err
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host, port = c.Addr, "2222"
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return fmt.Errorf("a console on another machine needs the ssh client: apt-get install openssh-client: %w", err)
	}
	cmd := exec.CommandContext(ctx, ssh, "-p", port, host)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it gives the terminal back as it was
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return errTrouble // ssh, or the console, has said why
	} else if err != nil {
		return err
	}
	return nil
}

type analyzeCmd struct {
	Input string        `arg:"" help:"File, or udp://, rtp://, http://, tcp:// address."`
	For   time.Duration `default:"10s" help:"How long to measure a live input."`
	JSON  bool          `name:"json" help:"Print JSON."`
}

func (c analyzeCmd) Run(ctx context.Context) error {
	clean, err := headend.Analyze(ctx, os.Stdout, c.Input, c.For, c.JSON)
	if err == nil && !clean {
		return errTrouble
	}
	return err
}

type psiCmd struct {
	Input string        `arg:"" help:"File, or udp://, rtp://, http://, tcp:// address."`
	For   time.Duration `default:"10s" help:"How long to read a live input."`
	JSON  bool          `name:"json" help:"Print JSON."`
}

func (c psiCmd) Run(ctx context.Context) error {
	return headend.PSI(ctx, os.Stdout, c.Input, c.For, c.JSON)
}

type doctorCmd struct {
	dataFlag
	JSON bool `name:"json" help:"Print JSON."`
}

func (c doctorCmd) Run(ctx context.Context) error {
	well, err := headend.Doctor(ctx, os.Stdout, c.Data, c.JSON)
	if err == nil && !well {
		return errTrouble
	}
	return err
}

type bundleCmd struct {
	dataFlag
	Out string `arg:"" optional:"" help:"File to write; headend-support-DATE.tar.gz if absent."`
}

func (c bundleCmd) Run(ctx context.Context) error {
	return headend.SupportBundle(ctx, os.Stdout, c.Data, c.Out, version, func(args ...string) []byte {
		out, err := answer(ctx, c.Data, args...)
		if err != nil {
			out = append(out, err.Error()...)
		}
		return out
	})
}

type versionCmd struct{}

func (versionCmd) Run() error {
	_, err := fmt.Fprintln(os.Stdout, "headend", version)
	return err
}

type wireCmd struct {
	Socket string `required:"" help:"Socket to listen on."`
}

func (c wireCmd) Run(ctx context.Context) error { return headend.Wire(ctx, os.Stdout, c.Socket) }
