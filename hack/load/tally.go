package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
)

// tally counts what happened in one second, or in the whole run: requests sent, requests lost, and answers by
// "VERSION CODE" ("- CODE" for answers that name no version). An answer counts in the second in which it came.
type tally struct {
	sent, lost int
	counts     map[string]int
	slowest    time.Duration
	latencies  map[int]int // answers by latency in steps of 5 %
}

func newTally() *tally {
	return &tally{counts: map[string]int{}, latencies: map[int]int{}}
}

func (t *tally) add(e event) {
	if !e.result {
		t.sent++
		return
	}
	if e.lost() {
		t.lost++
	}
	if e.answer.code != 0 {
		t.counts[fmt.Sprintf("%s %d", cmp.Or(e.answer.version, "-"), e.answer.code)]++
		t.latencies[step(e.took)]++
	}
	t.slowest = max(t.slowest, e.took)
}

// print writes one JSON line with the counts and the extra fields.
func (t *tally) print(out io.Writer, extra map[string]any) error {
	line := map[string]any{"sent": t.sent, "lost": t.lost, "counts": t.counts, "slowest_ms": milliseconds(t.slowest)}
	for name, value := range extra {
		line[name] = value
	}
	return json.NewEncoder(out).Encode(line)
}

// quantile returns the latency in milliseconds below which the share q of the answers came, within 5 %.
func (t *tally) quantile(q float64) float64 {
	total, first, last := 0, math.MaxInt, math.MinInt
	for index, count := range t.latencies {
		total, first, last = total+count, min(first, index), max(last, index)
	}
	seen := 0
	for index := first; index <= last; index++ {
		seen += t.latencies[index]
		if float64(seen) >= q*float64(total) {
			return milliseconds(time.Duration(math.Pow(growth, float64(index)) * float64(time.Microsecond)))
		}
	}
	return 0
}

const growth = 1.05

func step(took time.Duration) int {
	return int(math.Log(max(1, float64(took.Microseconds()))) / math.Log(growth))
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d.Microseconds())/10) / 100
}
