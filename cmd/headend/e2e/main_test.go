package e2e

import (
	"os"
	"sync"
	"testing"
)

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "headend")
	if err != nil {
		return "", err
	}
	return Build(dir)
})

// built returns the headend built once for all tests.
func built(t *testing.T) string {
	t.Helper()
	if b := os.Getenv("HEADEND_BINARY"); b != "" {
		return b
	}
	b, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
