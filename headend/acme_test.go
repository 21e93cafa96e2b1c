package headend

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// tripper answers requests to a server.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestLocatorHoldsNobodyUp: an order that comes slowly is waited for by who asked for it
// alone.
func TestLocatorHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, give := io.Pipe()
		l := &locator{next: tripper(func(r *http.Request) (*http.Response, error) {
			a := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
			if r.URL.Path == "/order" {
				a.StatusCode, a.Body = http.StatusCreated, slow
				a.Header.Set("Location", "http://ca/order/1")
			}
			return a, nil
		})}
		ask := func(path string) *http.Response {
			a, err := l.RoundTrip(httptest.NewRequest(http.MethodPost, "http://ca"+path, nil)) //nolint:bodyclose // of the test
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
