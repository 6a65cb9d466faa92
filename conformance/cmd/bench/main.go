// Command bench measures zonemux with its memory plugin beside ExternalDNS's
// own in-memory provider, as its own webhook server serves it.
//
//	ZONEMUX_BIN=… ZONEMUX_PLUGIN_PATH=… go run ./cmd/bench
//
// Every round starts a fresh process of each, in turns, and sends both the same
// bytes. It prints medians, and how many times zonemux is better.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	records := flag.Int("records", 100_000, "number of endpoints")
	rounds := flag.Int("rounds", 5, "number of fresh processes of each server")
	calls := flag.Int("calls", 3, "number of reading calls in a round")
	settle := flag.Duration("settle", defaultSettle, "how long to wait before the memory of an idle process is read")
	level := flag.String("log-level", "", "zonemux's log level; by default its own, which logs every change")
	serve := flag.String("serve-inmemory", "", "for the command's own use: be the server to compare with, at this address")
	flag.Parse()
	if *serve != "" {
		serveInMemory(*serve)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, effort{records: *records, rounds: *rounds, calls: *calls, settle: *settle, logLevel: *level}); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, p effort) error {
	servers, err := contestants(p.logLevel)
	if err != nil {
		return err
	}
	load, err := newLoad(p.records)
	if err != nil {
		return err
	}
	results := make([]result, len(servers))
	for round := range p.rounds {
		for number, server := range servers {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, p.rounds, server.name)
			if err := measure(ctx, p, server, load, &results[number]); err != nil {
				return fmt.Errorf("%s: %w", server.name, err)
			}
		}
	}
	fmt.Printf("%d endpoints, %d rounds, median of each; request bodies of %.1f MB\n\n", p.records, p.rounds, float64(len(load.create))/1e6)
	table(os.Stdout, servers, results)
	return nil
}
