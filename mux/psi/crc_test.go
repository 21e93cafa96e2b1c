package psi

import "testing"

// crcBitByBit is the shift register of ISO/IEC 13818-1 annex A.
func crcBitByBit(b []byte) uint32 {
	r := ^uint32(0)
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			feed := uint32(x)>>i&1 ^ r>>31
			r <<= 1
			if feed == 1 {
				r ^= 0x04C11DB7
			}
		}
	}
	return r
}

func TestCRC32(t *testing.T) {
	// The check value of CRC-32/MPEG-2.
	if got := CRC32([]byte("123456789")); got != 0x0376E6E7 {
		t.Errorf("check value is %#08x, want 0x0376e6e7", got)
	}
	b := make([]byte, 70)
	for i := range b {
		b[i] = byte(i*i*7 + 3)
		if got, want := CRC32(b[:i]), crcBitByBit(b[:i]); got != want {
			t.Errorf("%d bytes: %#08x, want %#08x", i, got, want)
		}
	}
}

func BenchmarkCRC32(b *testing.B) {
	p := make([]byte, 1024)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		CRC32(p)
	}
}
