package multicast

import "errors"

var (
	// ErrAddress says that a group, source or port is not one that can be received.
	ErrAddress = errors.New("bad address")
	// ErrInterface says that a network interface is not there or not usable.
	ErrInterface = errors.New("network interface")
	// ErrInUse says that another program has the address and port.
	ErrInUse = errors.New("address and port in use")
)
