// Package udev owns hot-plug: it turns the kernel's uevents into values and
// delivers them in order. The rules that give the daemon access to its devices lie
// beside it.
//
// It refuses to open devices or to know what they are for, and it does not read
// the messages of udevd: nodes and permissions may follow an event by a moment, so
// a reader that finds no access yet tries again.
package udev

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Action is what happened to a device, in the kernel's words.
type Action string

// The actions of the kernel's kobject_actions.
const (
	Add     Action = "add"
	Remove  Action = "remove"
	Change  Action = "change"
	Move    Action = "move"
	Online  Action = "online"
	Offline Action = "offline"
	Bind    Action = "bind"
	Unbind  Action = "unbind"
)

// Event is one uevent. Its strings are its own.
type Event struct {
	Action    Action
	Path      string // DEVPATH: below /sys, begins with '/'
	Subsystem string // such as "dvb", "video4linux", "net"
	Device    string // DEVNAME: below /dev, such as "dvb/adapter0/frontend0"; empty for a device without a node
	Type      string // DEVTYPE, empty when the kernel gives none
	Seq       uint64 // SEQNUM: grows by one from event to event over the whole machine
}

// maxMessage is the size of the kernel's buffer for one uevent (UEVENT_BUFFER_SIZE
// is 2048) with its header of action and path.
const maxMessage = 8192

// ErrMalformed is wrapped by the errors of Parse.
var ErrMalformed = errors.New("malformed uevent")

// Parse reads one datagram of the kernel's uevent group: "action@path", then
// key=value pairs, each ended by a zero byte (kobject_uevent_env of the kernel).
// Keys it does not know are skipped.
func Parse(msg []byte) (Event, error) {
	if len(msg) > maxMessage {
		return Event{}, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, len(msg), maxMessage)
	}
	head, rest, ok := bytes.Cut(msg, []byte{0})
	action, path, at := strings.Cut(string(head), "@")
	if !ok || !at || action == "" || !strings.HasPrefix(path, "/") {
		return Event{}, fmt.Errorf("%w: %.40q at its beginning, want action@/path", ErrMalformed, head)
	}
	e := Event{Action: Action(action), Path: path}
	for len(rest) > 0 {
		var pair []byte
		if pair, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
			return Event{}, fmt.Errorf("%w: %.40q has no end", ErrMalformed, pair)
		}
		if err := e.set(string(pair)); err != nil {
			return Event{}, err
		}
	}
	if e.Subsystem == "" {
		return Event{}, fmt.Errorf("%w: %s@%s has no SUBSYSTEM", ErrMalformed, e.Action, e.Path)
	}
	return e, nil
}

func (e *Event) set(pair string) (err error) {
	key, value, ok := strings.Cut(pair, "=")
	if !ok {
		return fmt.Errorf("%w: %.40q, want KEY=value", ErrMalformed, pair)
	}
	switch key {
	case "ACTION":
		if Action(value) != e.Action {
			return fmt.Errorf("%w: ACTION is %.40q in a message of %q", ErrMalformed, value, e.Action)
		}
	case "SUBSYSTEM":
		e.Subsystem = value
	case "DEVNAME":
		e.Device = strings.TrimPrefix(value, "/dev/")
	case "DEVTYPE":
		e.Type = value
	case "SEQNUM":
		if e.Seq, err = strconv.ParseUint(value, 10, 64); err != nil {
			return fmt.Errorf("%w: SEQNUM is %.40q, want a number", ErrMalformed, value)
		}
	}
	return nil
}
