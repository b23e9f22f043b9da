// The routes that count and limit rates: `?entry=` is who is counted.

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/fastly/compute-sdk-go/erl"
	"github.com/fastly/compute-sdk-go/fsthttp"
)

func rates(w fsthttp.ResponseWriter, r *fsthttp.Request) {
	entry := r.URL.Query().Get("entry")
	counter := erl.OpenRateCounter("requests")
	box := erl.OpenPenaltyBox("offenders")
	ttl := time.Duration(number(r, "minutes", 1)) * time.Minute
	var told string
	var err error
	switch r.URL.Path {
	case "/rate/count":
		told, err = count(counter, entry, number(r, "delta", 0))
	case "/rate/check":
		var blocked bool
		policy := erl.Policy{
			RateWindow:         erl.RateWindow10s,
			MaxRate:            uint32(number(r, "limit", 0)),
			PenaltyBoxDuration: ttl,
		}
		limiter := erl.NewRateLimiter(counter, box)
		blocked, err = limiter.CheckRate(entry, uint32(number(r, "delta", 1)), &policy)
		told = either(blocked, "blocked\n", "allowed\n")
	case "/rate/punish":
		err = box.Add(entry, ttl)
		told = "punished\n"
	default:
		var has bool
		has, err = box.Has(entry)
		told = either(has, "in\n", "out\n")
	}
	if err != nil {
		text(w, 400, fmt.Sprintf("failed: %s\n", err))
		return
	}
	text(w, 200, told)
}

// Counts delta, and tells the rates and the counts, shortest time first.
func count(counter *erl.RateCounter, entry string, delta int) (string, error) {
	if delta != 0 {
		if err := counter.Increment(entry, uint32(delta)); err != nil {
			return "", err
		}
	}
	var numbers []string
	for _, window := range []erl.RateWindow{erl.RateWindow1s, erl.RateWindow10s, erl.RateWindow60s} {
		rate, err := counter.LookupRate(entry, window)
		if err != nil {
			return "", err
		}
		numbers = append(numbers, fmt.Sprint(rate))
	}
	for _, duration := range []erl.CounterDuration{
		erl.CounterDuration10s, erl.CounterDuration20s, erl.CounterDuration30s,
		erl.CounterDuration40s, erl.CounterDuration50s, erl.CounterDuration60s,
	} {
		counted, err := counter.LookupCount(entry, duration)
		if err != nil {
			return "", err
		}
		numbers = append(numbers, fmt.Sprint(counted))
	}
	return strings.Join(numbers, " "), nil
}

func either(condition bool, one, other string) string {
	if condition {
		return one
	}
	return other
}
