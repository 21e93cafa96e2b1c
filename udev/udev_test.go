package udev

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func message(parts ...string) []byte { return []byte(strings.Join(parts, "\x00") + "\x00") }

var frontend = message("add@/devices/platform/rigdvb.0/dvb/dvb0.frontend0", "ACTION=add",
	"DEVPATH=/devices/platform/rigdvb.0/dvb/dvb0.frontend0", "SUBSYSTEM=dvb", "MAJOR=212", "MINOR=3",
	"DEVNAME=dvb/adapter0/frontend0", "DVB_ADAPTER_NUM=0", "DVB_DEVICE_TYPE=frontend", "SEQNUM=1174")

func TestParse(t *testing.T) {
	want := Event{Action: Add, Path: "/devices/platform/rigdvb.0/dvb/dvb0.frontend0", Subsystem: "dvb", Device: "dvb/adapter0/frontend0", Seq: 1174}
	if got, err := Parse(frontend); err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	want = Event{Action: Remove, Path: "/x", Subsystem: "usb", Device: "bus/usb/001/002", Type: "usb_device"}
	got, err := Parse(message("remove@/x", "SUBSYSTEM=usb", "DEVNAME=/dev/bus/usb/001/002", "DEVTYPE=usb_device"))
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, msg := range map[string][]byte{
		"empty":             {},
		"of udevd":          []byte("libudev\x00\xfe\xed\xca\xfe"),
		"no path":           message("add@", "SUBSYSTEM=dvb"),
		"no end":            []byte("add@/x\x00SUBSYSTEM=dvb"),
		"no pair":           message("add@/x", "SUBSYSTEM"),
		"no subsystem":      message("add@/x", "SEQNUM=1"),
		"two actions":       message("add@/x", "ACTION=remove", "SUBSYSTEM=dvb"),
		"number":            message("add@/x", "SUBSYSTEM=dvb", "SEQNUM=-1"),
		"longer than legal": append(message("add@/x", "SUBSYSTEM=dvb"), make([]byte, maxMessage)...),
	} {
		if e, err := Parse(msg); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, e, err)
		}
	}
	for n := range frontend {
		if e, err := Parse(frontend[:n]); err == nil && e.Subsystem != "dvb" {
			t.Errorf("cut to %d bytes: %+v", n, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(frontend)
	f.Add(message("remove@/x", "SUBSYSTEM=usb", "DEVTYPE=usb_device"))
	f.Add([]byte("libudev\x00\xfe\xed\xca\xfe"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		e, err := Parse(msg)
		if err == nil && (e.Action == "" || !strings.HasPrefix(e.Path, "/") || e.Subsystem == "") {
			t.Errorf("%q gave %+v", msg, e)
		}
	})
}

// The kernel itself is the judge: writing to a uevent file makes it send one.
func TestRunHearsTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root may make the kernel send a uevent")
	}
	const device = "/sys/devices/virtual/mem/null"
	trigger := func() {
		if err := os.WriteFile(device+"/uevent", []byte("change"), 0o200); err != nil {
			t.Skipf("cannot make the kernel send a uevent: %v", err)
		}
	}
	trigger()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	heard := make(chan Event, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, func(e Event) {
			if e.Device == "null" {
				select {
				case heard <- e:
				default:
				}
			}
		})
	}()
	again := time.NewTicker(20 * time.Millisecond) // until the socket has joined
	defer again.Stop()
	for {
		select {
		case e := <-heard:
			if e.Action != Change || e.Subsystem != "mem" || e.Path != strings.TrimPrefix(device, "/sys") || e.Seq == 0 {
				t.Errorf("got %+v", e)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			return
		case err := <-ended:
			t.Fatalf("ended without an event: %v", err)
		case <-again.C:
			trigger()
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, func(Event) {}); err != nil {
		t.Error(err)
	}
}

func TestRulesGiveOurGroupItsDevices(t *testing.T) {
	rules, err := os.ReadFile("60-headend.rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, subsystem := range []string{"dvb", "video4linux", "asi"} {
		if !strings.Contains(string(rules), `SUBSYSTEM=="`+subsystem+`", GROUP="headend", MODE="0660"`) {
			t.Errorf("no rule for %s", subsystem)
		}
	}
}
