// A guest with the routes all test guests share, and those that JavaScript has as well.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/geo"
	"github.com/fastly/compute-sdk-go/rtlog"
)

func main() {
	fsthttp.ServeFunc(serve)
}

func serve(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	switch path := r.URL.Path; {
	case path == "/hello":
		text(w, 200, "Hello from go\n")
	case path == "/echo":
		echo(w, r)
	case path == "/headers":
		listHeaders(w, r)
	case strings.HasPrefix(path, "/proxy/"):
		proxy(ctx, w, r)
	case strings.HasPrefix(path, "/http-cache/"):
		httpCache(ctx, w, r)
	case strings.HasPrefix(path, "/cache/"):
		cache(ctx, w, r)
	case strings.HasPrefix(path, "/kv/"):
		kv(ctx, w, r)
	case strings.HasPrefix(path, "/rate/"):
		rates(w, r)
	case path == "/secret":
		secret(w, r)
	case path == "/acl":
		lookupAddress(w, r)
	case path == "/device":
		detectDevice(w, r)
	case path == "/shield":
		shield(ctx, w, r)
	case path == "/stream":
		stream(w, number(r, "n", 100))
	case path == "/geo":
		locate(w, r)
	case path == "/user-agent":
		// The SDK has no user agent parser.
		text(w, 200, r.Header.Get("User-Agent")+"\n")
	case path == "/early-hint":
		earlyHint(w)
	case path == "/log":
		fmt.Fprint(rtlog.Open("events"), "hello log")
		fmt.Fprintln(os.Stdout, "hello stdout")
		fmt.Fprintln(os.Stderr, "hello stderr")
		text(w, 200, "logged\n")
	case path == "/trap":
		panic("trapped on purpose")
	case path == "/exit":
		os.Exit(3)
	case path == "/sleep":
		time.Sleep(time.Duration(number(r, "ms", 100)) * time.Millisecond)
		text(w, 200, "slept\n")
	case path == "/client":
		text(w, 200, r.RemoteAddr+"\n")
	case path == "/url":
		if ssl := r.Header.Get("Fastly-Ssl"); ssl != "" {
			w.Header().Set("X-Fastly-Ssl", ssl)
		}
		text(w, 200, r.URL.String()+"\n")
	case path == "/config":
		config(w, r.URL.Query().Get("key"))
	case path == "/env":
		environment := os.Environ()
		slices.Sort(environment)
		text(w, 200, strings.Join(environment, "\n")+"\n")
	case path == "/background":
		background(w)
	case path == "/parallel":
		parallel(ctx, w, r)
	case path == "/upload":
		upload(ctx, w, r)
	default:
		text(w, 404, "not found\n")
	}
}

func text(w fsthttp.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func number(r *fsthttp.Request, name string, otherwise int) int {
	value, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return otherwise
	}
	return value
}

func echo(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("X-Method", r.Method)
	if err := w.Append(r.Body); err != nil {
		panic(err)
	}
}

func listHeaders(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	names := r.Header.Keys()
	slices.Sort(names)
	var body strings.Builder
	for _, name := range names {
		for _, value := range r.Header.Values(name) {
			fmt.Fprintf(&body, "%s: %s\n", strings.ToLower(name), value)
		}
	}
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	text(w, 200, body.String())
}

func proxy(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	backend := "origin"
	if name := r.Header.Get("X-Backend"); name != "" {
		backend = name
		r.Header.Del("X-Backend")
	}
	request := r.CloneWithBody(r.Body)
	request.URL.Path = strings.TrimPrefix(request.URL.Path, "/proxy")
	request.URL.RawPath = strings.TrimPrefix(request.URL.RawPath, "/proxy")
	forward(ctx, w, request, backend)
}

func forward(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request, backend string) {
	response, err := r.Send(ctx, backend)
	if err != nil {
		text(w, 502, fmt.Sprintf("cannot reach origin: %s\n", sendFailure(err)))
		return
	}
	w.Header().Reset(response.Header)
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		panic(err)
	}
}

func sendFailure(err error) string {
	var detail fsthttp.SendError
	if errors.As(err, &detail) {
		return fmt.Sprintf("%s (cause %d)", err, detail.Cause())
	}
	return err.Error()
}

func stream(w fsthttp.ResponseWriter, count int) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(200)
	for i := range count {
		fmt.Fprintf(w, "line %d\n", i)
	}
	w.Close()
}

func locate(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	found, err := geo.Lookup(net.ParseIP(r.RemoteAddr))
	if err != nil || found.City == "" {
		text(w, 200, "unknown\n")
		return
	}
	text(w, 200, fmt.Sprintf("%s, %s\n", found.City, found.CountryCode))
}

func earlyHint(w fsthttp.ResponseWriter) {
	w.Header().Set("Link", "</style.css>; rel=preload; as=style")
	w.WriteHeader(fsthttp.StatusEarlyHints)
	w.Header().Del("Link")
	text(w, 200, "hinted\n")
}

func config(w fsthttp.ResponseWriter, key string) {
	store, err := configstore.Open("settings")
	if err != nil {
		text(w, 500, fmt.Sprintf("cannot open store: %s\n", err))
		return
	}
	value, err := store.Get(key)
	switch {
	case errors.Is(err, configstore.ErrKeyNotFound):
		text(w, 404, "absent\n")
	case err != nil:
		text(w, 500, fmt.Sprintf("cannot read key: %s\n", err))
	default:
		text(w, 200, value)
	}
}

func background(w fsthttp.ResponseWriter) {
	text(w, 200, "sent\n")
	w.Close()
	time.Sleep(50 * time.Millisecond)
	fmt.Fprint(rtlog.Open("events"), "after response")
}

func parallel(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	bodies := make(chan string)
	for _, path := range []string{"/a", "/b"} {
		go func() { bodies <- fetch(ctx, sibling(r.URL, path)) }()
	}
	text(w, 200, <-bodies+"\n"+<-bodies+"\n")
}

func fetch(ctx context.Context, address string) string {
	request, err := fsthttp.NewRequest("GET", address, nil)
	if err != nil {
		return err.Error()
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		return "cannot reach origin: " + sendFailure(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "cannot read body: " + err.Error()
	}
	return strings.TrimRight(string(body), "\n")
}

// A pipe has no known length, so the SDK sends the request first and streams the body after it.
func upload(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	reader, writer := io.Pipe()
	go func() {
		for i := range 100 {
			fmt.Fprintf(writer, "chunk %d\n", i)
		}
		writer.Close()
	}()
	request, err := fsthttp.NewRequest("POST", sibling(r.URL, "/upload"), reader)
	if err != nil {
		panic(err)
	}
	forward(ctx, w, request, "origin")
}

func sibling(base *url.URL, path string) string {
	return (&url.URL{Scheme: base.Scheme, Host: base.Host, Path: path}).String()
}
