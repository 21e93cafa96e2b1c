package rig

import (
	"context"
	"net/netip"
	"os"
	"testing"
	"time"
)

func TestWhatIsSentArrives(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	w, err := NewNet(2)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	groups := []netip.AddrPort{netip.MustParseAddrPort("239.1.1.1:5000"), netip.MustParseAddrPort("239.1.1.2:5000")}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	data := make([]byte, 70*188)
	for i := range data {
		data[i] = byte(i / 188)
	}
	sending := make(chan error, 1)
	go func() { sending <- Sender{Groups: groups, Data: data, Rate: 4e6}.Run(ctx, w) }()
	var n [2]int
	drops, err := w.Capture(ctx, 1, groups, func(g int, d Datagram) {
		if n[g]++; len(d.Data) != 1316 || time.Since(d.At) > time.Minute || d.Data[0]+6 != d.Data[1315] {
			t.Errorf("group %d: %d bytes at %v", g, len(d.Data), d.At)
		}
		if n[0] >= 100 && n[1] >= 100 {
			cancel()
		}
	})
	if err != nil || drops != 0 || n[0] < 100 || n[1] < 100 {
		t.Errorf("got %v datagrams, %d drops, %v", n, drops, err)
	}
	if err := <-sending; err != nil {
		t.Error(err)
	}
}
