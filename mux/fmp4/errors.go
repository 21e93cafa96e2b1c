package fmp4

import "errors"

var (
	// ErrCodec is wrapped when a codec has no sample entry here.
	ErrCodec = errors.New("no sample entry for the codec")
	// ErrFormat is wrapped when a format lacks what its sample entry needs, or does not
	// fit it.
	ErrFormat = errors.New("format does not fit its box")
	// ErrShort is wrapped when bytes end before a box does, or a box before what it
	// counts.
	ErrShort = errors.New("ends too early")
	// ErrBox is wrapped when what a box says cannot be.
	ErrBox = errors.New("impossible box")
	// ErrTooLarge is wrapped when a box is larger than is taken.
	ErrTooLarge = errors.New("box too large")
	// ErrNoMovie is returned where there is no moov.
	ErrNoMovie = errors.New("no moov box")
)
