// Command sample is the service that the demo and the tests release: it answers with its version and
// fails, or is slow, as much as it is told to.
//
// Environment: VERSION; ADDRESS (":8080"); START_DELAY before it listens; DRAIN (5s) for which it is unready
// but still serves after SIGTERM; and the behaviour (see fault.go): ERROR_RATE, ERROR_PATH, LATENCY, SLOW_RATE,
// SLOW_LATENCY.
//
// Paths: /healthz (readiness), /metrics (Prometheus text), POST /fault (change the behaviour); all others are
// the service.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.LUTC | log.Ldate | log.Ltime | log.Lmicroseconds)
	if err := run(); err != nil {
		log.Fatalln("sample:", err)
	}
}

func run() error {
	behaviour, err := behaviourFrom(os.Getenv)
	if err != nil {
		return err
	}
	startDelay, err := duration("START_DELAY", os.Getenv("START_DELAY"), 0)
	if err != nil {
		return err
	}
	drain, err := duration("DRAIN", os.Getenv("DRAIN"), 5*time.Second)
	if err != nil {
		return err
	}
	terminated, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	service := &service{version: fallback(os.Getenv("VERSION"), "dev"), requests: newHistogram()}
	service.behaviour.Store(&behaviour)
	server := &http.Server{Addr: fallback(os.Getenv("ADDRESS"), ":8080"), Handler: service.routes()}
	return serve(terminated, server, service, startDelay, drain)
}

// serve listens after startDelay. When terminated it is unready at once and goes on answering for drain, in which
// time every proxy learns that this endpoint is leaving; then it finishes the requests that are open.
func serve(terminated context.Context, server *http.Server, service *service, startDelay, drain time.Duration) error {
	select {
	case <-time.After(startDelay):
	case <-terminated.Done():
		return nil
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("sample %s listens on %s", service.version, server.Addr)
	select {
	case err := <-failed:
		return err
	case <-terminated.Done():
	}
	service.leaving.Store(true)
	time.Sleep(drain)
	deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}

type service struct {
	version   string
	behaviour atomic.Pointer[behaviour]
	leaving   atomic.Bool
	requests  *histogram
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("POST /fault", s.fault)
	mux.HandleFunc("/", s.answer)
	return mux
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	fails, wait := s.behaviour.Load().roll(r.URL.Path)
	time.Sleep(wait)
	code := http.StatusOK
	if fails {
		code = http.StatusInternalServerError
	}
	w.Header().Set("X-Version", s.version)
	w.WriteHeader(code)
	fmt.Fprintln(w, s.version)
	s.requests.observe(strconv.Itoa(code), time.Since(start))
}

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if s.leaving.Load() {
		http.Error(w, "leaving", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	s.requests.write(w)
}

// fault changes what the query names and leaves the rest: POST /fault?error=0.05&latency=300ms.
func (s *service) fault(w http.ResponseWriter, r *http.Request) {
	changed, err := s.behaviour.Load().with(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.behaviour.Store(&changed)
	log.Printf("behaviour: %+v", changed)
	fmt.Fprintf(w, "%+v\n", changed)
}

func fallback(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
