package fmp4

import "errors"

var (
	// ErrCodec is wrapped when a codec has no sample entry here.
	ErrCodec = errors.New("no sample entry for the codec")
	// ErrFormat is wrapped when a format lacks what its sample entry needs, or does not
	// fit it.
	ErrFormat = errors.New("format does not fit a sample entry")
)
