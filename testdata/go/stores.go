// The routes that ask stores and lookups.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/fastly/compute-sdk-go/acl"
	"github.com/fastly/compute-sdk-go/device"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/kvstore"
	"github.com/fastly/compute-sdk-go/secretstore"
	"github.com/fastly/compute-sdk-go/shielding"
)

const settings = "settings"

func kv(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	store, err := kvstore.Open(settings)
	if err == nil {
		err = kvRoute(ctx, store, w, r)
	}
	switch {
	case err == nil:
	case errors.Is(err, kvstore.ErrKeyNotFound):
		text(w, 404, "absent\n")
	case errors.Is(err, kvstore.ErrPreconditionFailed):
		text(w, 412, "precondition failed\n")
	case errors.Is(err, kvstore.ErrInvalidKey), errors.Is(err, kvstore.ErrBadRequest):
		text(w, 400, "bad request\n")
	default:
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
	}
}

func kvRoute(
	ctx context.Context, store *kvstore.Store, w fsthttp.ResponseWriter, r *fsthttp.Request,
) error {
	key := r.URL.Query().Get("key")
	switch r.URL.Path {
	case "/kv/get":
		return get(store, w, key)
	case "/kv/put":
		return put(ctx, store, w, r, key)
	case "/kv/delete":
		if err := store.Delete(key); err != nil {
			return err
		}
		text(w, 200, "deleted\n")
		return nil
	case "/kv/page":
		return page(store, w, r)
	default:
		return list(store, w, r)
	}
}

func get(store *kvstore.Store, w fsthttp.ResponseWriter, key string) error {
	entry, err := store.Lookup(key)
	if err != nil {
		return err
	}
	w.Header().Set("X-Generation", strconv.FormatUint(entry.Generation(), 10))
	if metadata := entry.Meta(); len(metadata) > 0 {
		w.Header().Set("X-Metadata", string(metadata))
	}
	_, err = io.Copy(w, entry)
	return err
}

// The body of the request, or with `?path=` that of the backend's response, under a mode.
// `?metadata=`, `?ttl=` and `?generation=` are options.
func put(
	ctx context.Context, store *kvstore.Store, w fsthttp.ResponseWriter, r *fsthttp.Request, key string,
) error {
	query := r.URL.Query()
	config := kvstore.InsertConfig{TTLSec: uint32(number(r, "ttl", 0))}
	switch query.Get("mode") {
	case "add":
		config.Mode = kvstore.InsertModeAdd
	case "append":
		config.Mode = kvstore.InsertModeAppend
	case "prepend":
		config.Mode = kvstore.InsertModePrepend
	}
	if query.Has("metadata") {
		config.Metadata = []byte(query.Get("metadata"))
	}
	if generation, err := strconv.ParseUint(query.Get("generation"), 10, 64); err == nil {
		config.IfGenerationMatch = generation
	}
	var value io.Reader = r.Body
	if path := query.Get("path"); path != "" {
		request, err := fsthttp.NewRequest("GET", "http://origin"+path, nil)
		if err != nil {
			return err
		}
		response, err := request.Send(ctx, "origin")
		if err != nil {
			return err
		}
		value = response.Body
	}
	if err := store.InsertWithConfig(key, value, &config); err != nil {
		return err
	}
	text(w, 200, "stored\n")
	return nil
}

// All keys, a line for each page.
func list(store *kvstore.Store, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	pages := store.List(&kvstore.ListConfig{
		Prefix: r.URL.Query().Get("prefix"),
		Limit:  uint32(number(r, "limit", 0)),
	})
	var lines strings.Builder
	for pages.Next() {
		fmt.Fprintln(&lines, strings.Join(pages.Page().Data, " "))
	}
	if err := pages.Err(); err != nil {
		return err
	}
	text(w, 200, lines.String())
	return nil
}

// The page of keys at `?cursor=`, and where the next one is.
func page(store *kvstore.Store, w fsthttp.ResponseWriter, r *fsthttp.Request) error {
	config := kvstore.ListConfig{Limit: 2, Cursor: r.URL.Query().Get("cursor")}
	if r.URL.Query().Has("eventual") {
		config.Mode = kvstore.ListConsistencyEventual
	}
	pages := store.List(&config)
	pages.Next()
	if err := pages.Err(); err != nil {
		return err
	}
	w.Header().Set("X-Cursor", pages.Page().Meta.NextCursor)
	text(w, 200, strings.Join(pages.Page().Data, " "))
	return nil
}

// `?store=` takes another store than `settings`.
func secret(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	query := r.URL.Query()
	store := settings
	if query.Has("store") {
		store = query.Get("store")
	}
	plaintext, err := secretstore.Plaintext(store, query.Get("key"))
	switch {
	case errors.Is(err, secretstore.ErrSecretNotFound):
		text(w, 404, "absent\n")
	case err != nil:
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
	default:
		text(w, 200, string(plaintext))
	}
}

func lookupAddress(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	list, err := acl.Open("blocked")
	if err != nil {
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
		return
	}
	found, err := list.Lookup(net.ParseIP(r.URL.Query().Get("ip")))
	switch {
	case errors.Is(err, acl.ErrNoContent):
		text(w, 404, "absent\n")
	case err != nil:
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
	default:
		text(w, 200, fmt.Sprintf("%s %s\n", found.Action, found.Prefix))
	}
}

func detectDevice(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	found, err := device.Lookup(r.Header.Get("User-Agent"))
	if err != nil {
		text(w, 404, "absent\n")
		return
	}
	name := func(name string) string { return either(name == "", "unknown", name) }
	text(w, 200, fmt.Sprintf("%s %s mobile=%t desktop=%t\n",
		name(found.Brand()), name(found.Model()), found.IsMobile(), found.IsDesktop()))
}

// `here` on the shield itself, else what it answers to `/shielded`.
func shield(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	site, err := shielding.ShieldFromName(r.URL.Query().Get("name"))
	if err != nil {
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
		return
	}
	if site.IsRunningOn() {
		text(w, 200, "here\n")
		return
	}
	backend, err := site.Backend(nil)
	if err != nil {
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
		return
	}
	request, err := fsthttp.NewRequest("GET", "http://shield/shielded", nil)
	if err != nil {
		panic(err)
	}
	forward(ctx, w, request, backend)
}
