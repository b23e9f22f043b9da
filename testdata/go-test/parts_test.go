package gotest

import (
	"context"
	"os"
	"testing"
)

func TestGreetingIsFromTheConfigStore(t *testing.T) {
	got, err := Greeting("Alice")
	same(t, got, "Good morning, Alice", err)
}

func TestPageIsFromTheBackend(t *testing.T) {
	got, err := Page(context.Background(), "/some/page")
	same(t, got, "The origin got GET /some/page\n", err)
}

func TestVisitsAreCountedInTheKVStore(t *testing.T) {
	for _, want := range []int{42, 43} {
		got, err := Visit("alice")
		same(t, got, want, err)
	}
	got, err := Visit("nobody so far")
	same(t, got, 1, err)
}

func TestHostIsTheLocalOne(t *testing.T) {
	same(t, os.Getenv("FASTLY_HOSTNAME"), "localhost", nil)
}

// Skipped unless it is asked for: shows what a failure looks like.
func TestThatFails(t *testing.T) {
	if len(os.Args) == 0 || os.Args[len(os.Args)-1] != "fail" {
		t.Skip("go test … -args fail")
	}
	t.Error("failed on purpose")
}

func same[T comparable](t *testing.T, got, want T, err error) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
}
