package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// version is that of the protocol and of the layout of the shared memory. The
// operations hello and finish, and the fields op, version and error, never change:
// they are how one version tells another to go.
const version = 1

const (
	maxMessage   = 128 << 10
	answerWithin = 2 * time.Second
)

// ErrDisplaced says that a newer daemon has taken the wire process over.
var ErrDisplaced = errors.New("another daemon has taken over the wire process")

var errProtocol = errors.New("wire protocol")

// operation is what a request asks for.
type operation string

const (
	opHello  operation = "hello" // version and hold; answered by one reply and one per held output
	opOpen   operation = "open"  // spec and memory
	opClaim  operation = "claim" // id of a held output, answered as it was opened
	opPSI    operation = "psi"   // id and sets
	opClose  operation = "close" // ids
	opPing   operation = "ping"
	opLeave  operation = "leave"  // hold; the last request
	opFinish operation = "finish" // drain and exit; the last request
)

func operations() []operation {
	return []operation{opHello, opOpen, opClaim, opPSI, opClose, opPing, opLeave, opFinish}
}

// request is one message from the daemon.
type request struct {
	Op      operation     `json:"op"`
	Version int           `json:"version,omitempty"`
	Hold    time.Duration `json:"hold,omitempty"`
	ID      string        `json:"id,omitempty"`
	Spec    *Spec         `json:"spec,omitempty"`
	Sets    []PSISet      `json:"sets,omitempty"`
}

// reply is one message from the wire process. A held output comes with the
// descriptor of its memory.
type reply struct {
	Version   int    `json:"version,omitempty"`
	Error     string `json:"error,omitempty"`
	Displaced bool   `json:"displaced,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Refused   string `json:"refused,omitempty"` // privileges the system did not grant
	Held      int    `json:"held,omitempty"`    // replies that follow
	Spec      *Spec  `json:"spec,omitempty"`
}

// parseRequest decodes and checks one message. Every error wraps errProtocol or
// ErrSpec.
func parseRequest(b []byte) (request, error) {
	var r request
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", errProtocol, err)
	}
	switch {
	case !slices.Contains(operations(), r.Op):
		return r, fmt.Errorf("%w: unknown operation %q", errProtocol, r.Op)
	case r.Hold < 0 || r.Hold > MaxHold:
		return r, fmt.Errorf("%w: hold %v, want 0 to %v", errProtocol, r.Hold, MaxHold)
	case r.Op == opOpen && r.Spec == nil:
		return r, fmt.Errorf("%w: open without spec", errProtocol)
	}
	if r.Spec != nil {
		if err := r.Spec.Check(); err != nil {
			return r, err
		}
	}
	return r, checkSets(r.Sets)
}

// conn is one end of the control socket. It is for one goroutine at a time.
type conn struct {
	*net.UnixConn
	buf, oob []byte
}

func newConn(c *net.UnixConn) *conn {
	return &conn{c, make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4))}
}

func dial(path string) (*conn, error) {
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	return newConn(c), nil
}

// send writes one message, with a descriptor unless fd is negative.
func (c *conn) send(v any, fd int) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	if len(b) > maxMessage {
		return fmt.Errorf("%w: message of %d bytes, want at most %d", errProtocol, len(b), maxMessage)
	}
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
	}
	if err := c.SetWriteDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	_, _, err = c.WriteMsgUnix(b, oob, nil)
	return err
}

// receive reads one message, which is valid until the next call, and the
// descriptor that came with it, -1 for none. The caller closes the descriptor.
func (c *conn) receive(deadline time.Time) (msg []byte, fd int, err error) {
	if err := c.SetReadDeadline(deadline); err != nil {
		return nil, -1, err
	}
	n, oobn, flags, _, err := c.ReadMsgUnix(c.buf, c.oob)
	if err != nil {
		return nil, -1, err
	}
	fd, err = rights(c.oob[:oobn])
	if err == nil && n == 0 {
		err = net.ErrClosed // a sequenced-packet socket says so with an empty message
	}
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = fmt.Errorf("%w: message longer than %d bytes or with more than one descriptor", errProtocol, maxMessage)
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
		fd = -1
	}
	return c.buf[:n], fd, err
}

// rights returns the one descriptor in a control message, -1 if there is none.
func rights(oob []byte) (int, error) {
	if len(oob) == 0 {
		return -1, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1, fmt.Errorf("%w: %w", errProtocol, err)
	}
	fd := -1
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // credentials and the like, which were not asked for
		}
		for _, f := range fds {
			if fd >= 0 {
				unix.Close(f)
				continue
			}
			fd = f
		}
	}
	if fd >= 0 {
		unix.CloseOnExec(fd)
	}
	return fd, nil
}

// checkPeer returns an error unless the other end runs as the same user or as root.
func (c *conn) checkPeer() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return fmt.Errorf("credentials of the other side: %w", credErr)
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Getuid() {
		return fmt.Errorf("%w: the other side runs as user %d, want %d or root", errProtocol, cred.Uid, os.Getuid())
	}
	return nil
}
