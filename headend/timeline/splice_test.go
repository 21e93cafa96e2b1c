package timeline

import (
	"encoding/hex"
	"testing"
	"time"

	"sigma/mux/psi"
)

// sections are examples of SCTE 35 (2023) clause 14 and truncations of them.
var sections = map[string][]cue{
	// 14.1: time_signal, placement opportunity start
	"fc3034000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0a18a3402009ac9d17e": {
		{id: "1207959694", kind: EventOut, timed: true, pts: 0x072bd0050, duration: 307 * time.Second},
	},
	// 14.2: splice_insert
	"fc302f000000000000fffff014054800008f7feffe7369c02efe0052ccf500000000000a0008435545490000013562dba30a": {
		{id: "1207959695", kind: EventOut, timed: true, pts: 0x07369c02e, duration: 60293 * time.Millisecond, returns: true},
	},
}

func TestReadSplice(t *testing.T) {
	for text, want := range sections {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := psi.Section(b).Check(); err != nil {
			t.Fatal(err)
		}
		got := readSplice(b)
		if len(got) != len(want) {
			t.Fatalf("%s: %+v", text, got)
		}
		for i, c := range got {
			c.duration = c.duration.Truncate(time.Millisecond)
			if c != want[i] {
				t.Errorf("%+v, expected %+v", c, want[i])
			}
		}
	}
}

func FuzzReadSplice(f *testing.F) {
	for text := range sections {
		b, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 3 || len(b) > psi.MaxPrivateSection-4 {
			return
		}
		b[0], b[1], b[2] = 0xFC, 0x30|byte((len(b)+1)>>8), byte(len(b)+1)
		crc := psi.CRC32(b)
		b = append(b, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
		for _, c := range readSplice(b) {
			if c.pts >= 1<<33 || c.duration < 0 {
				t.Errorf("%+v", c)
			}
		}
	})
}
