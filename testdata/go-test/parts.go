// Package gotest has a program's parts, with tests that call the platform as the program does.
package gotest

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/kvstore"
)

// Greeting tells how the settings would have somebody greeted.
func Greeting(name string) (string, error) {
	settings, err := configstore.Open("settings")
	if err != nil {
		return "", err
	}
	greeting, err := settings.Get("greeting")
	return greeting + ", " + name, err
}

// Page gets what the origin has at a path.
func Page(ctx context.Context, path string) (string, error) {
	request, err := fsthttp.NewRequest("GET", "http://origin.example"+path, nil)
	if err != nil {
		return "", err
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// Visit counts a visit, and tells how many there were.
func Visit(name string) (int, error) {
	store, err := kvstore.Open("visits")
	if err != nil {
		return 0, err
	}
	before := 0
	switch entry, err := store.Lookup(name); {
	case err == nil:
		before, _ = strconv.Atoi(entry.String())
	case !errors.Is(err, kvstore.ErrKeyNotFound):
		return 0, err
	}
	return before + 1, store.Insert(name, strings.NewReader(strconv.Itoa(before+1)))
}
