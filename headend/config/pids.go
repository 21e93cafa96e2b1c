package config

import (
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

// Parse returns the entries in order. Values are 0x20 to 0x1FFA.
func (m PIDMap) Parse() ([]PID, error) {
	if strings.TrimSpace(string(m)) == "" {
		return nil, nil
	}
	var out []PID
	used := map[uint16]string{}
	for _, f := range strings.FieldsFunc(string(m), func(r rune) bool { return r == ',' || r == ' ' }) {
		key, val, ok := strings.Cut(f, ":")
		if !ok {
			key, val, ok = strings.Cut(f, "=")
		}
		if !ok {
			return nil, fmt.Errorf("%q: expected name:pid, such as pmt:100 or v1:211", f)
		}
		n, err := parsePID(val)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f, err)
		}
		p := PID{Value: n}
		switch {
		case key == "pmt":
			p.Kind = 'm'
		case key == "pcr":
			p.Kind = 'p'
		case len(key) >= 2 && strings.IndexByte("vatl", key[0]) >= 0:
			i, err := strconv.Atoi(key[1:])
			if err != nil || i < 0 || i > 64 {
				return nil, fmt.Errorf("%q: expected a place from 1 to 64 after %q", f, key[:1])
			}
			if i == 0 { // base form: a0=220 means that the first is 221
				i, p.Value = 1, n+1
			}
			p.Kind, p.Index = key[0], i
		default:
			return nil, fmt.Errorf("%q: expected pmt, pcr, v1, a1, t1 or l1 before the PID", f)
		}
		if p.Value < 0x20 || p.Value > 0x1FFA {
			return nil, fmt.Errorf("%q: PID %d is reserved: expected 32 to 8186", f, p.Value)
		}
		if by, twice := used[p.Value]; twice && p.Kind != 'p' && by != "pcr" {
			return nil, fmt.Errorf("%q: PID %d is taken by %s", f, p.Value, by)
		}
		used[p.Value] = key
		out = append(out, p)
	}
	return out, nil
}

func parsePID(s string) (uint16, error) {
	base := 0
	if t, ok := strings.CutPrefix(s, "16#"); ok {
		s, base = t, 16
	}
	n, err := strconv.ParseUint(s, base, 13)
	if err != nil {
		return 0, fmt.Errorf("%q is not a PID: expected 32 to 8186, such as 211, 0xd3 or 16#d3", s)
	}
	return uint16(n), nil
}
