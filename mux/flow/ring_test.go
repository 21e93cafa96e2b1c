package flow

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func item(v int, m Mark) Item[int] { return Item[int]{Stamp: Stamp{Marks: m}, V: v} }

func TestTicks(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 37 * time.Nanosecond, 40 * time.Millisecond, 27 * time.Hour} {
		got := FromDuration(d).Duration()
		if diff := d - got; diff < 0 || diff > 37 {
			t.Errorf("%v through ticks is %v", d, got)
		}
	}
	if WrapTicks.Duration().Truncate(time.Second) != 26*time.Hour+30*time.Minute+43*time.Second {
		t.Errorf("wrap after %v", WrapTicks.Duration())
	}
}

func TestReadersSeeEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing[int](1000)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 20 {
			c := r.Open(ctx, Live)
			wg.Go(func() {
				defer c.Close()
				buf := make([]Item[int], 7)
				for want := 1; want <= 500; {
					n, err := c.Next(buf)
					if err != nil {
						t.Error(err)
						return
					}
					for _, it := range buf[:n] {
						if it.V != want || it.Seq != uint64(want) || it.Marks != 0 {
							t.Errorf("got %+v, want %d", it, want)
							return
						}
						want++
					}
				}
			})
		}
		for i := 1; i <= 500; i++ {
			r.Append(item(i, 0))
			if i%50 == 0 {
				synctest.Wait()
			}
		}
		wg.Wait()
		cancel()
	})
}

func TestOverrunMovesToRandomAccess(t *testing.T) {
	r := NewRing[int](10)
	c := r.Open(t.Context(), Live)
	defer c.Close()
	for i := 1; i <= 25; i++ {
		var m Mark
		if i%6 == 0 {
			m = RandomAccess
		}
		r.Append(item(i, m))
	}
	buf := make([]Item[int], 3)
	n, err := c.Next(buf)
	if err != nil || n != 2 || buf[0].V != 24 || !buf[0].Marks.Has(Gap|RandomAccess) || buf[1].Marks != 0 {
		t.Fatalf("n %d err %v items %+v", n, err, buf[:n])
	}
	if c.Lost() != 23 {
		t.Errorf("lost %d, want 23", c.Lost())
	}
}

func TestOverrunWithoutRandomAccessGoesLive(t *testing.T) {
	r := NewRing[int](4)
	c := r.Open(t.Context(), LastRandomAccess)
	defer c.Close()
	for i := 1; i <= 9; i++ {
		r.Append(item(i, 0))
	}
	done := make(chan Item[int])
	go func() {
		buf := make([]Item[int], 4)
		if _, err := c.Next(buf); err != nil {
			t.Error(err)
		}
		done <- buf[0]
	}()
	for {
		select {
		case it := <-done:
			if !it.Marks.Has(Gap) || it.V < 10 {
				t.Errorf("got %+v", it)
			}
			return
		default:
			r.Append(item(10, 0))
		}
	}
}

func TestOpenAtLastRandomAccess(t *testing.T) {
	r := NewRing[int](8)
	for i := 1; i <= 5; i++ {
		m := Mark(0)
		if i == 2 || i == 4 {
			m = RandomAccess
		}
		r.Append(item(i, m))
	}
	c := r.Open(t.Context(), LastRandomAccess)
	defer c.Close()
	buf := make([]Item[int], 8)
	if n, err := c.Next(buf); err != nil || n != 2 || buf[0].V != 4 || buf[0].Marks.Has(Gap) {
		t.Fatalf("n %d err %v first %+v", n, err, buf[0])
	}
}

func TestContextEndsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		r := NewRing[int](4)
		c := r.Open(ctx, Live)
		defer c.Close()
		got := make(chan error)
		go func() {
			_, err := c.Next(make([]Item[int], 1))
			got <- err
		}()
		synctest.Wait()
		cancel(stop)
		if err := <-got; !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestNeverLessThanAGroup lets slow readers of every speed read a stream of groups
// and checks that whatever follows a Gap begins at a random access item.
func TestNeverLessThanAGroup(t *testing.T) {
	r := NewRing[int](64)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		c := r.Open(ctx, LastRandomAccess)
		wg.Go(func() {
			defer c.Close()
			buf, last := make([]Item[int], 5), 0
			for {
				n, err := c.Next(buf)
				if err != nil {
					return
				}
				for _, it := range buf[:n] {
					switch {
					case it.Marks.Has(Gap) && !it.Marks.Has(RandomAccess):
						t.Errorf("gap without random access at %d", it.V)
					case !it.Marks.Has(Gap) && last != 0 && it.V != last+1:
						t.Errorf("%d after %d without Gap", it.V, last)
					}
					last = it.V
				}
			}
		})
	}
	for i := range 200_000 {
		m := Mark(0)
		if i%12 == 0 {
			m = RandomAccess
		}
		r.Append(item(i, m))
	}
	cancel()
	wg.Wait()
}

func TestAppendAndNextDoNotAllocate(t *testing.T) {
	r := NewRing[Batch](64)
	c := r.Open(t.Context(), Live)
	defer c.Close()
	buf := make([]Item[Batch], 4)
	it := Item[Batch]{V: Batch{Data: make([]byte, PacketSize)}}
	if n := testing.AllocsPerRun(1000, func() {
		r.Append(it)
		if _, err := c.Next(buf); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func BenchmarkRing(b *testing.B) {
	for _, readers := range []int{1, 50, 200} {
		b.Run(map[int]string{1: "1", 50: "50", 200: "200"}[readers], func(b *testing.B) {
			r := NewRing[Batch](800)
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			for range readers {
				c := r.Open(ctx, Live)
				wg.Go(func() {
					defer c.Close()
					buf := make([]Item[Batch], 16)
					for {
						if _, err := c.Next(buf); err != nil {
							return
						}
					}
				})
			}
			it := Item[Batch]{V: Batch{Data: make([]byte, 13*PacketSize)}}
			b.ReportAllocs()
			for b.Loop() {
				it.Arrived = time.Duration(rand.Int64())
				r.Append(it)
			}
			cancel()
			wg.Wait()
		})
	}
}
