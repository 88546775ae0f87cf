package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// So long a machine may stand still under other work without a request being called lost.
	timeout = 15 * time.Second
	// A service that answers nothing for the whole timeout at 400 requests a second has this many open.
	maxOpen = 6000
)

var errTooManyOpen = errors.New("not sent: too many requests without an answer")

// event is a request that was sent (result false) or its end (result true).
type event struct {
	result bool
	at     time.Time
	path   string
	took   time.Duration
	answer answer
	err    error
}

type generator struct {
	connections *connections
	paths       []string
	open        chan struct{}
}

// send starts a request every 1/rps seconds until ctx ends; the channel closes when the last has its result.
func (g *generator) send(ctx context.Context, rps float64) <-chan event {
	events := make(chan event, maxOpen)
	go func() {
		defer close(events)
		var requests sync.WaitGroup
		defer requests.Wait()
		start := time.Now()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for number := 0; ; number++ {
			// Each due time is counted from the start, so that late wake-ups do not add up to a lower rate.
			timer.Reset(time.Until(start.Add(time.Duration(float64(number) / rps * float64(time.Second)))))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			g.begin(events, &requests, g.paths[number%len(g.paths)])
		}
	}()
	return events
}

func (g *generator) begin(events chan<- event, requests *sync.WaitGroup, path string) {
	at := time.Now()
	events <- event{at: at, path: path}
	select {
	case g.open <- struct{}{}:
	default:
		events <- event{result: true, at: at, path: path, err: errTooManyOpen}
		return
	}
	requests.Go(func() {
		answer, err := g.connections.get(path, at.Add(timeout))
		<-g.open
		events <- event{result: true, at: at, path: path, took: time.Since(at), answer: answer, err: err}
	})
}

func (e event) lost() bool {
	return e.result && (e.err != nil || e.answer.code >= 400 && e.answer.version == "")
}

func (e event) reason() string {
	if e.err != nil {
		return strings.ReplaceAll(e.err.Error(), "\n", " ")
	}
	return http.StatusText(e.answer.code) + " from a proxy, not from the service"
}
