// Package systemd owns what the daemon tells its service manager: that it is
// ready, what it is doing, that it is alive and that it stops (sd_notify(3),
// sd_watchdog_enabled(3)). The unit and its companions lie beside it.
//
// It refuses to decide when any of that is true: the caller knows. Outside
// systemd, where NOTIFY_SOCKET is not set, every message is silently dropped.
package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// maxStatus bounds the text of Status in bytes: systemctl shows one line of it.
const maxStatus = 256

// Ready says that the start is over, or that a change announced by Reloading is.
// Units of Type=notify are "activating" until the first one.
func Ready() error { return send(daemon.SdNotifyReady) }

// Reloading says that the configuration is being changed. It must be followed by
// Ready.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("clock for the service manager: %w", err)
	}
	return send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// Stopping says that an orderly stop has begun. It must be the first thing a stop
// does, so that the time-out of the unit counts from there.
func Stopping() error { return send(daemon.SdNotifyStopping) }

// Status sets the line that "systemctl status" shows. Control characters become
// spaces and text beyond 256 bytes is cut, so that it cannot forge other messages.
func Status(text string) error {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "")
	}
	return send("STATUS=" + text)
}

// Watchdog calls alive at half the interval that the unit asks for (WatchdogSec=)
// and tells the service manager so each time it returns true. It returns nil when
// ctx ends, and at once where no watchdog is asked for. When alive blocks or
// returns false for the whole interval, the manager kills and restarts the daemon:
// so alive must ask the loops that do the work, and must not hold their locks.
func Watchdog(ctx context.Context, alive func() bool) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("watchdog interval from the environment: %w", err)
	}
	if interval == 0 {
		return nil
	}
	tick := time.NewTicker(max(interval/2, time.Millisecond))
	defer tick.Stop()
	for {
		if alive() {
			if err := send(daemon.SdNotifyWatchdog); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func send(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
