// `/http-cache/…`: the rest of the path from the origin, through the cache, by rules that the query tells.
//
// Only a build with the tag fsthttp_guest_cache has the hooks.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/fastly/compute-sdk-go/fsthttp"
)

// The SDK tells by X-Cache whether the response comes from the cache.
func httpCache(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	rules := r.URL.Query()
	request := r.CloneWithBody(r.Body)
	request.URL.Path = strings.TrimPrefix(request.URL.Path, "/http-cache")
	request.URL.RawPath = ""
	request.URL.RawQuery = "" // the rules are no part of what is asked for
	request.CacheOptions.BeforeSend = func(r *fsthttp.Request) error { return before(r, rules) }
	request.CacheOptions.AfterSend = func(c *fsthttp.CandidateResponse) error { return after(c, r) }
	if !rules.Has("hooks") {
		request.CacheOptions = fsthttp.CacheOptions{}
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		text(w, 502, fmt.Sprintf("failed: %s\n", err))
		return
	}
	w.Header().Reset(response.Header)
	if rules.Has("vary") {
		w.Header().Set("X-Vary-Rule", response.Vary())
	}
	if masked := response.MaskedError(); masked != nil {
		w.Header().Set("X-Masked-Error", masked.Error())
	}
	w.WriteHeader(response.StatusCode)
	if err := w.Append(response.Body); err != nil {
		panic(err)
	}
}

func before(r *fsthttp.Request, rules url.Values) error {
	if rules.Has("fail-before") {
		return errors.New("before_send has failed")
	}
	r.Header.Set("X-Before-Send", "1")
	return nil
}

func after(c *fsthttp.CandidateResponse, r *fsthttp.Request) error {
	rules := r.URL.Query()
	status, err := c.Status()
	if err != nil {
		return err
	}
	if rules.Has("fail-on-error") && status >= 500 {
		available := c.StaleIfErrorAvailable()
		return fmt.Errorf("the origin has failed, stale-if-error %t", available)
	}
	if err := c.SetHeader("X-After-Send", "1"); err != nil {
		return err
	}
	if rules.Has("ttl") {
		c.SetTTL(uint32(number(r, "ttl", 0)))
	}
	if rules.Has("swr") {
		c.SetStaleWhileRevalidate(uint32(number(r, "swr", 0)))
	}
	if rules.Has("sie") {
		c.SetStaleIfError(uint32(number(r, "sie", 0)))
	}
	if rule := rules.Get("vary"); rule != "" {
		c.SetVary(rule)
	} else if rules.Has("vary") {
		c.SetVary("x-variant")
	}
	if keys := rules.Get("keys"); keys != "" {
		c.SetSurrogateKeys(keys)
	}
	switch rules.Get("uncacheable") {
	case "":
	case "record":
		c.SetUncacheableDisableCollapsing()
	default:
		c.SetUncacheable()
	}
	if rules.Has("upper") {
		c.SetBodyTransform(upper)
	}
	return nil
}

func upper(body io.ReadCloser) io.ReadCloser {
	content, err := io.ReadAll(body)
	if err != nil {
		panic(err)
	}
	return io.NopCloser(bytes.NewReader(bytes.ToUpper(content)))
}
