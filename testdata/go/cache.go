// The routes that cache objects by themselves.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fastly/compute-sdk-go/cache/core"
	"github.com/fastly/compute-sdk-go/cache/simple"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/purge"
)

const ttl = time.Minute

func cache(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	query := r.URL.Query()
	key := []byte(query.Get("key"))
	var err error
	switch r.URL.Path {
	case "/cache/insert":
		err = insert(w, r, key)
	case "/cache/lookup":
		err = lookup(w, r, key)
	case "/cache/fetch":
		err = fetchOnce(ctx, w, key)
	case "/cache/simple":
		err = getOrSet(w, r, key)
	case "/cache/simple-purge":
		if err = simple.Purge(key, simple.PurgeOptions{}); err == nil {
			text(w, 200, "purged\n")
		}
	default:
		options := purge.PurgeOptions{Soft: query.Has("soft")}
		if err = purge.PurgeSurrogateKey(string(key), options); err == nil {
			text(w, 200, "purged\n")
		}
	}
	if errors.Is(err, core.ErrNotFound) {
		text(w, 404, "absent\n")
	} else if err != nil {
		text(w, 500, fmt.Sprintf("failed: %s\n", err))
	}
}

// `?vary` makes the object one of several, `?sensitive` keeps it off disks; `?swr=` and `?age=` are in seconds.
func insert(w fsthttp.ResponseWriter, r *fsthttp.Request, key []byte) error {
	query := r.URL.Query()
	options := core.WriteOptions{
		TTL:                  ttl,
		RequestHeaders:       variant(r),
		StaleWhileRevalidate: time.Duration(number(r, "swr", 0)) * time.Second,
		InitialAge:           time.Duration(number(r, "age", 0)) * time.Second,
		Length:               uint64(number(r, "length", 0)),
		SurrogateKeys:        strings.Fields(query.Get("keys")),
		UserMetadata:         []byte(query.Get("metadata")),
		SensitiveData:        query.Has("sensitive"),
	}
	if query.Has("vary") {
		options.Vary = []string{"x-variant"}
	}
	writer, err := core.Insert(key, options)
	if err != nil {
		return err
	}
	if _, err := io.Copy(writer, r.Body); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	text(w, 200, "stored\n")
	return nil
}

func lookup(w fsthttp.ResponseWriter, r *fsthttp.Request, key []byte) error {
	options := core.LookupOptions{
		RequestHeaders: variant(r),
		From:           uint64(number(r, "from", 0)),
		To:             uint64(number(r, "to", 0)),
	}
	found, err := core.Lookup(key, options)
	if err != nil {
		return err
	}
	return answer(w, found)
}

// Of those who ask at the same time one asks the origin, and all answer while its body arrives.
func fetchOnce(ctx context.Context, w fsthttp.ResponseWriter, key []byte) error {
	transaction, err := core.NewTransaction(key, core.LookupOptions{})
	if err != nil {
		return err
	}
	defer transaction.Close()
	if !transaction.MustInsert() {
		found, err := transaction.Found()
		if err != nil {
			return err
		}
		if err := answer(w, found); err != nil || !transaction.MustInsertOrUpdate() {
			return err
		}
		return transaction.Update(core.WriteOptions{TTL: ttl, UserMetadata: []byte("revalidated")})
	}
	request, err := fsthttp.NewRequest("GET", "http://origin.example/", nil)
	if err != nil {
		return err
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		text(w, 502, "no origin\n")
		return transaction.Cancel()
	}
	writer, found, err := transaction.InsertAndStreamBack(core.WriteOptions{TTL: ttl})
	if err != nil {
		return err
	}
	if err := describe(w, found, "miss"); err != nil {
		return err
	}
	return fill(writer, response.Body, w, found.Body)
}

// Reading what has not been written would stop the writer, too: there is one thread.
func fill(writer core.WriteCloseAbandoner, origin io.Reader, w io.Writer, found io.Reader) error {
	chunk := make([]byte, 1024)
	for {
		read, err := origin.Read(chunk)
		if _, failed := writer.Write(chunk[:read]); failed != nil {
			return failed
		}
		if _, failed := io.CopyN(w, found, int64(read)); failed != nil {
			return failed
		}
		if err == io.EOF {
			return writer.Close()
		}
		if err != nil {
			return errors.Join(err, writer.Abandon())
		}
	}
}

func getOrSet(w fsthttp.ResponseWriter, r *fsthttp.Request, key []byte) error {
	body, err := simple.GetOrSet(key, func() (simple.CacheEntry, error) {
		return simple.CacheEntry{Body: r.Body, TTL: ttl}, nil
	})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func answer(w fsthttp.ResponseWriter, found *core.Found) error {
	state := "hit"
	if found.Stale() {
		state = "stale"
	}
	if err := describe(w, found, state); err != nil {
		return err
	}
	if _, err := io.Copy(w, found.Body); err != nil {
		return err
	}
	return w.Close()
}

func describe(w fsthttp.ResponseWriter, found *core.Found, state string) error {
	metadata, err := found.UserMetadata()
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("X-Cache", state)
	header.Set("X-Hits", strconv.FormatUint(found.Hits, 10))
	header.Set("Age", strconv.Itoa(int(found.Age.Seconds())))
	header.Set("X-Metadata", string(metadata))
	if found.Length != 0 {
		header.Set("X-Length", strconv.FormatUint(found.Length, 10))
	}
	w.WriteHeader(200)
	return nil
}

func variant(r *fsthttp.Request) fsthttp.Header {
	header := fsthttp.NewHeader()
	header.Set("X-Variant", r.Header.Get("X-Variant"))
	return header
}
