package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5} // seconds

// histogram counts the service's requests by code and by duration.
type histogram struct {
	mutex   sync.Mutex
	codes   map[string]uint64
	buckets []uint64 // one for each bound, and the last for everything above
	seconds float64
}

func newHistogram() *histogram {
	// A counter that exists from the start has no first increase that a scrape would miss.
	return &histogram{codes: map[string]uint64{"200": 0, "500": 0}, buckets: make([]uint64, len(bounds)+1)}
}

func (h *histogram) observe(code string, took time.Duration) {
	index, _ := slices.BinarySearch(bounds, took.Seconds())
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.codes[code]++
	h.buckets[index]++
	h.seconds += took.Seconds()
}

// write prints the Prometheus text format, version 0.0.4.
func (h *histogram) write(w io.Writer) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	fmt.Fprintln(w, "# TYPE http_requests_total counter")
	for _, code := range slices.Sorted(maps.Keys(h.codes)) {
		fmt.Fprintf(w, "http_requests_total{code=%q} %d\n", code, h.codes[code])
	}
	fmt.Fprintln(w, "# TYPE http_request_duration_seconds histogram")
	total := uint64(0)
	for index, bound := range bounds {
		total += h.buckets[index]
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\"} %d\n", bound, total)
	}
	total += h.buckets[len(bounds)]
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", total)
	fmt.Fprintf(w, "http_request_duration_seconds_sum %g\n", h.seconds)
	fmt.Fprintf(w, "http_request_duration_seconds_count %d\n", total)
}
