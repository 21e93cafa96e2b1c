package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PIDMap says which PIDs a programme has on the way out, as text:
// "pmt:100,pcr:211,v1:211,a1:221,a2:222,t1:231". The keys are pmt, pcr,
// and v, a, t or l (any other stream) with the place among its kind from 1.
// The forms "a0=220" (the first is 221), 0x12 and 16#fb are read as well.
// Tracks that are not named keep their PID. Empty keeps everything.
type PIDMap string

// PID is one entry of a PIDMap.
type PID struct {
	Kind  byte // 'v', 'a', 't', 'l'; 'm' for the PMT, 'p' for the PCR
	Index int  // from 1; 0 for the PMT and the PCR
	Value uint16
}

// Parse returns the entries in order. Values are 0x20 to 0x1FFA; only the PCR may
// share the PID of a stream.
func (m PIDMap) Parse() ([]PID, error) {
	var out []PID
	for f := range strings.FieldsFuncSeq(string(m), func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := parseEntry(f)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f, err)
		}
		for _, o := range out {
			if o.Kind == p.Kind && o.Index == p.Index {
				return nil, fmt.Errorf("%q: named twice: write each stream once", f)
			}
			shared := o.Kind == 'p' && p.Kind != 'm' || p.Kind == 'p' && o.Kind != 'm'
			if o.Value == p.Value && !shared {
				return nil, fmt.Errorf("%q: PID %d is taken: expected a PID of its own", f, p.Value)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func parseEntry(f string) (PID, error) {
	key, val, ok := strings.Cut(f, ":")
	if !ok {
		key, val, ok = strings.Cut(f, "=")
	}
	if !ok {
		return PID{}, errors.New("expected name:pid, such as pmt:100 or v1:211")
	}
	n, err := parsePID(val)
	if err != nil {
		return PID{}, err
	}
	p := PID{Value: n}
	switch {
	case key == "pmt":
		p.Kind = 'm'
	case key == "pcr":
		p.Kind = 'p'
	case len(key) >= 2 && strings.IndexByte("vatl", key[0]) >= 0:
		i, err := strconv.ParseUint(key[1:], 10, 8)
		if err != nil || i > 64 {
			return PID{}, fmt.Errorf("expected a place from 1 to 64 after %q", key[:1])
		}
		if i == 0 { // base form: a0=220 means that the first is 221
			i, p.Value = 1, n+1
		}
		p.Kind, p.Index = key[0], int(i)
	default:
		return PID{}, errors.New("expected pmt, pcr, v1, a1, t1 or l1 before the PID")
	}
	if p.Value < 0x20 || p.Value > 0x1FFA {
		return PID{}, fmt.Errorf("PID %d is reserved: expected 32 to 8186", p.Value)
	}
	return p, nil
}

func parsePID(s string) (uint16, error) {
	digits, base := s, 10
	for _, hex := range []string{"16#", "0x", "0X"} {
		if t, ok := strings.CutPrefix(s, hex); ok {
			digits, base = t, 16
			break
		}
	}
	n, err := strconv.ParseUint(digits, base, 13)
	if err != nil {
		return 0, fmt.Errorf("%q is not a PID: expected 32 to 8186, such as 211, 0xd3 or 16#d3", s)
	}
	return uint16(n), nil
}
