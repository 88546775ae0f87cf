// Command load sends requests at a constant rate, whether or not the earlier ones were answered (an open loop:
// a slow service gets no fewer), and accounts for every one of them.
//
// It prints one JSON line a second and a summary line at the end; see tally.go for their fields. A request is
// lost when it got no HTTP response (refused, reset, no answer in 5 s), or a 4xx or 5xx without the X-Version header:
// such an answer came from a proxy that found no service for it.
//
//	load --url http://10.200.0.2/ --host shop.test --rps 150 --duration 30s --paths /,/checkout --log lost.log
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	url := flag.String("url", "", "where requests go, e.g. http://10.200.0.2")
	host := flag.String("host", "", "Host header, when it is not the URL's host")
	rps := flag.Float64("rps", 100, "requests a second")
	length := flag.Duration("duration", 0, "how long; 0: until SIGTERM")
	paths := flag.String("paths", "/", "comma-separated paths, requested in turn")
	logPath := flag.String("log", "", "file that gets one line for each lost request")
	flag.Parse()
	if *rps <= 0 || flag.NArg() > 0 {
		return fmt.Errorf("--rps must be above 0, and there are no arguments but flags")
	}
	connections, err := newConnections(*url, *host)
	if err != nil {
		return err
	}
	lost, err := lostLog(*logPath)
	if err != nil {
		return err
	}
	defer lost.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if *length > 0 {
		ctx, stop = context.WithTimeout(ctx, *length)
		defer stop()
	}
	generator := &generator{connections: connections, paths: strings.Split(*paths, ","), open: make(chan struct{}, maxOpen)}
	return account(generator.send(ctx, *rps), os.Stdout, lost)
}

func lostLog(path string) (io.WriteCloser, error) {
	if path == "" {
		return discard{io.Discard}, nil
	}
	return os.Create(path)
}

type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// account tallies events until the channel closes and every request has its result.
func account(events <-chan event, out, lost io.Writer) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	second, total := newTally(), newTally()
	for {
		select {
		case now := <-tick.C:
			if err := second.print(out, map[string]any{"second": now.Unix()}); err != nil {
				return err
			}
			second = newTally()
		case event, open := <-events:
			if !open {
				if err := second.print(out, map[string]any{"second": time.Now().Unix()}); err != nil {
					return err
				}
				return total.print(out, map[string]any{"summary": true, "p50_ms": total.quantile(0.5), "p99_ms": total.quantile(0.99)})
			}
			second.add(event)
			total.add(event)
			if event.lost() {
				fmt.Fprintf(lost, "%s %s %s\n", event.at.UTC().Format(time.RFC3339Nano), event.path, event.reason())
			}
		}
	}
}
