package psi

import (
	"testing"
	"time"
)

func TestUTC(t *testing.T) {
	date := func(y int, m time.Month, d, h, min, s int) time.Time {
		return time.Date(y, m, d, h, min, s, 0, time.UTC)
	}
	for _, tc := range []struct {
		coded     UTC
		now, want time.Time
	}{
		{UTC{0xC0, 0x79, 0x12, 0x45, 0x00}, time.Time{}, date(1993, 10, 13, 12, 45, 0)}, // EN 300 468 annex C
		{UTC{0xC0, 0x79, 0x12, 0x45, 0x00}, date(2026, 11, 22, 0, 0, 0), date(1993, 10, 13, 12, 45, 0)},
		{UTC{0xFF, 0xFF, 0x23, 0x59, 0x59}, date(2026, 1, 1, 0, 0, 0), date(2038, 4, 22, 23, 59, 59)},
		// The day after the last of 16 bits.
		{UTC{0, 0, 0, 0, 0}, date(2038, 4, 22, 12, 0, 0), date(2038, 4, 23, 0, 0, 0)},
		{UTC{0, 0, 0, 0, 0}, time.Time{}, date(1858, 11, 17, 0, 0, 0)},
		{UTC{0, 1, 0, 0, 0}, date(2040, 1, 1, 0, 0, 0), date(2038, 4, 24, 0, 0, 0)},
		{UTC{0xFF, 0xFE, 0, 0, 0}, date(2040, 1, 1, 0, 0, 0), date(2038, 4, 21, 0, 0, 0)},
	} {
		got, ok := tc.coded.Time(tc.now)
		if !ok || !got.Equal(tc.want) {
			t.Errorf("%x as of %v is %v, want %v", tc.coded, tc.now, got, tc.want)
		}
		if back := EncodeUTC(tc.want); back != tc.coded {
			t.Errorf("%v is coded as %x, want %x", tc.want, back, tc.coded)
		}
	}
	for _, bad := range []UTC{undefinedUTC, {0xC0, 0x79, 0x24, 0, 0}, {0xC0, 0x79, 0, 0x60, 0}, {0xC0, 0x79, 0x1A, 0, 0}} {
		if got, ok := bad.Time(testTime); ok {
			t.Errorf("%x is taken for %v", bad, got)
		}
		if bad.String()[:9] != "undefined" {
			t.Errorf("%x is shown as %v", bad, bad)
		}
	}
}

// Every day for two centuries, seen from a year away.
func TestUTCEveryDay(t *testing.T) {
	for at := time.Date(1990, 1, 1, 13, 14, 15, 0, time.UTC); at.Year() < 2190; at = at.Add(day) {
		for _, now := range []time.Time{at, at.AddDate(1, 0, 0), at.AddDate(-1, 0, 0)} {
			if got, ok := EncodeUTC(at).Time(now); !ok || !got.Equal(at) {
				t.Fatalf("%v as of %v came back as %v", at, now, got)
			}
		}
	}
	local := time.Date(2026, 11, 22, 3, 0, 0, 0, time.FixedZone("ICT", 7*3600))
	if got := EncodeUTC(local).String(); got != "2026-11-21T20:00:00Z" {
		t.Errorf("local time is coded as %s", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]Duration{
		0:                                 {},
		time.Hour + 45*time.Minute + 30e9: {0x01, 0x45, 0x30},
		100*time.Hour - time.Second:       {0x99, 0x59, 0x59},
	} {
		got, err := EncodeDuration(d)
		if err != nil || got != want {
			t.Errorf("%v is coded as %x (%v), want %x", d, got, err, want)
		}
		if back, ok := got.Duration(); !ok || back != d {
			t.Errorf("%v came back as %v", d, back)
		}
	}
	for _, d := range []time.Duration{-1, 100 * time.Hour} {
		if got, err := EncodeDuration(d); err == nil {
			t.Errorf("%v is coded as %x", d, got)
		}
	}
	if _, ok := (Duration{0xFF, 0xFF, 0xFF}).Duration(); ok {
		t.Error("undefined duration is taken for one")
	}
	if got := (Duration{1, 0x45, 0x30}).String(); got != "01:45:30" {
		t.Errorf("shown as %s", got)
	}
}

func TestOffset(t *testing.T) {
	for d, want := range map[time.Duration]Offset{
		7 * time.Hour:                     {0x07, 0},
		-(3*time.Hour + 30*time.Minute):   {0x03, 0x30},
		12*time.Hour + 45*time.Minute:     {0x12, 0x45},
		-9*time.Hour - 30*time.Minute - 1: {0x09, 0x30},
	} {
		got, behind, err := EncodeOffset(d)
		if err != nil || got != want || behind != (d < 0) {
			t.Errorf("%v is coded as %x, behind %v (%v)", d, got, behind, err)
		}
		if back, ok := got.Duration(behind); !ok || back != d.Truncate(time.Minute) {
			t.Errorf("%v came back as %v", d, back)
		}
	}
	if _, _, err := EncodeOffset(100 * time.Hour); err == nil {
		t.Error("offset of 100 hours is coded")
	}
}
