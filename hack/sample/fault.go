package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"
)

// behaviour says how a version misbehaves. Rates are shares of requests, 0 to 1.
type behaviour struct {
	ErrorRate   float64
	ErrorPath   string // when set, only requests for this path fail
	Latency     time.Duration
	SlowRate    float64
	SlowLatency time.Duration // in place of Latency, for SlowRate of the requests
}

// behaviourFrom reads ERROR_RATE, ERROR_PATH, LATENCY, SLOW_RATE and SLOW_LATENCY.
func behaviourFrom(getenv func(string) string) (behaviour, error) {
	settings := url.Values{}
	for name, key := range map[string]string{
		"ERROR_RATE": "error", "ERROR_PATH": "path", "LATENCY": "latency", "SLOW_RATE": "slow", "SLOW_LATENCY": "slow-latency",
	} {
		if value := getenv(name); value != "" {
			settings.Set(key, value)
		}
	}
	return (&behaviour{}).with(settings)
}

// with returns the behaviour changed by error, path, latency, slow and slow-latency, each optional.
func (b *behaviour) with(settings url.Values) (behaviour, error) {
	changed := *b
	for key := range settings {
		value, err := settings.Get(key), error(nil)
		switch key {
		case "error":
			changed.ErrorRate, err = rate(key, value)
		case "path":
			changed.ErrorPath = value
		case "latency":
			changed.Latency, err = duration(key, value, 0)
		case "slow":
			changed.SlowRate, err = rate(key, value)
		case "slow-latency":
			changed.SlowLatency, err = duration(key, value, 0)
		default:
			err = fmt.Errorf("%q is none of error, path, latency, slow, slow-latency", key)
		}
		if err != nil {
			return behaviour{}, err
		}
	}
	return changed, nil
}

// roll throws the dice for one request: whether it fails and how long its answer takes.
func (b *behaviour) roll(path string) (fails bool, wait time.Duration) {
	fails = (b.ErrorPath == "" || b.ErrorPath == path) && rand.Float64() < b.ErrorRate
	if rand.Float64() < b.SlowRate {
		return fails, b.SlowLatency
	}
	return fails, b.Latency
}

func rate(name, value string) (float64, error) {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || !(number >= 0 && number <= 1) {
		return 0, fmt.Errorf("%s must be a number from 0 to 1, not %q", name, value)
	}
	return number, nil
}

func duration(name, value string, absent time.Duration) (time.Duration, error) {
	if value == "" {
		return absent, nil
	}
	length, err := time.ParseDuration(value)
	if err != nil || length < 0 {
		return 0, fmt.Errorf("%s must be a duration like 20ms, not %q", name, value)
	}
	return length, nil
}
