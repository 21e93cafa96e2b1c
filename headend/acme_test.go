package headend

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sigma/headend/config"
)

// tripper answers requests to a server.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLocatorHoldsNobodyUp: an order that comes slowly is waited for by who asked for it
// alone.
func TestLocatorHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, give := io.Pipe()
		l := &locator{life: t.Context(), next: tripper(func(r *http.Request) (*http.Response, error) {
			a := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
			if r.URL.Path == "/order" {
				a.StatusCode, a.Body = http.StatusCreated, slow
				a.Header.Set("Location", "http://ca/order/1")
			}
			return a, nil
		})}
		ask := func(path string) *http.Response {
			a, err := l.RoundTrip(httptest.NewRequest(http.MethodPost, "http://ca"+path, nil))
			if err != nil {
				t.Error(err)
				return &http.Response{}
			}
			return a
		}
		order := make(chan string)
		go func() {
			text, _ := io.ReadAll(ask("/order").Body)
			order <- string(text)
		}()
		synctest.Wait()
		if at := ask("/finalize/1").Header.Get("Location"); at != "" {
			t.Errorf("located at %q before the order is known", at)
		}
		const text = `{"finalize":"http://ca/finalize/1"}`
		_, _ = io.Copy(give, strings.NewReader(text))
		give.Close()
		if got := <-order; got != text {
			t.Errorf("the order became %q", got)
		}
		if at := ask("/finalize/1").Header.Get("Location"); at != "http://ca/order/1" {
			t.Errorf("located at %q", at)
		}
	})
}

// TestOrdersEndWithTheConfiguration: a server that the box was told to leave is asked for
// nothing any more.
func TestOrdersEndWithTheConfiguration(t *testing.T) {
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	asked := make(chan context.Context, 100)
	c := &certificates{Root: t.Context(), Data: t.TempDir(), Alarms: &lastStates{}, Client: &http.Client{
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			asked <- r.Context()
			<-r.Context().Done()
			return nil, r.Context().Err()
		}),
	}}
	c.use(config.Box{HTTPS: "127.0.0.1:0", ACMEDomains: "tv.example.net", ACMEDirectory: "http://ca/directory"})
	o, ok := (*c.now.Load()).(*certificateOrder)
	if !ok {
		t.Fatal("not a source of ACME")
	}
	var under context.Context
	select {
	case under = <-asked:
	case <-patience.Done():
		t.Fatal("never asked")
	}
	c.use(config.Box{})
	select {
	case <-under.Done():
	case <-patience.Done():
		t.Fatal("the request goes on")
	}
	q := httptest.NewRequest(http.MethodGet, "http://ca/directory", nil)
	if _, err := o.manager.Client.HTTPClient.Transport.RoundTrip(q); err == nil || len(asked) != 0 {
		t.Errorf("asked again: %v", err)
	}
}
