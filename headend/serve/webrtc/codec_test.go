package webrtc

import (
	"slices"
	"testing"

	"sigma/mux/es"
	"sigma/mux/flow"
)

// A key frame that comes without parameter sets is given those before; others are left
// as they are.
func TestParameterSets(t *testing.T) {
	ch := playWhenRead(t, plainClip(t, 4, "-an"), 4e9)
	r := ch.face.Open(t.Context())
	defer r.Close()
	p := pictures{follow: es.NewFollower(flow.CodecH264)}
	items, keys := make([]flow.Item[flow.Frame], 16), 0
	for keys < 2 {
		n, err := r.Next(items)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items[:n] {
			bare := it.V.Units
			if keys > 0 {
				bare = slices.DeleteFunc(slices.Clone(bare), func(u []byte) bool { return u[0]&31 == 7 || u[0]&31 == 8 })
			}
			whole, key := p.take(bare)
			if !key && len(whole) != len(bare) {
				t.Errorf("%d units became %d", len(bare), len(whole))
			}
			if !key {
				continue
			}
			if keys++; keys == 1 && len(whole) != len(bare) {
				t.Errorf("%d units became %d: what is there is not lacking", len(bare), len(whole))
			}
			var types []byte
			for _, u := range whole {
				if k := u[0] & 31; k == 5 || k == 7 || k == 8 {
					types = append(types, k)
				}
			}
			if string(slices.Compact(types)) != "\x07\x08\x05" {
				t.Errorf("key frame %d consists of %v", keys, types)
			}
		}
	}
	if len(p.profile) != 4 {
		t.Errorf("profile %q", p.profile)
	}
}
