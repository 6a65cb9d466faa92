package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// table prints a row for each measurement, and how many times the first server
// is better than the second.
func table(to io.Writer, servers []server, results []result) {
	rows := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer func() { _ = rows.Flush() }()
	_, _ = fmt.Fprint(rows, "\t")
	for _, s := range servers {
		_, _ = fmt.Fprintf(rows, "%s\t", s.name)
	}
	_, _ = fmt.Fprintln(rows, "ratio\t")

	row := func(what, unit string, of func(result) float64) {
		_, _ = fmt.Fprintf(rows, "%s\t", what)
		for _, r := range results {
			_, _ = fmt.Fprintf(rows, "%.1f %s\t", of(r), unit)
		}
		_, _ = fmt.Fprintf(rows, "%.1f\t\n", of(results[1])/of(results[0]))
	}
	spans := func(what string, of func(result) []time.Duration) {
		row(what, "ms", func(r result) float64 { return float64(median(of(r))) / float64(time.Millisecond) })
	}
	sizes := func(what string, of func(result) []int) {
		row(what, "MB", func(r result) float64 { return float64(median(of(r))) * 1024 / 1e6 })
	}
	spans("GET /records, gzip accepted", func(r result) []time.Duration { return r.list })
	spans("GET /records, identity", func(r result) []time.Duration { return r.listPlain })
	spans("POST /records", func(r result) []time.Duration { return r.apply })
	spans("POST /adjustendpoints", func(r result) []time.Duration { return r.adjust })
	spans("start until /healthz", func(r result) []time.Duration { return r.start })
	sizes("idle, VmRSS", func(r result) []int { return r.idle })
	sizes("after all calls, VmRSS", func(r result) []int { return r.resident })
	sizes("peak, VmHWM", func(r result) []int { return r.peak })
	row("size of a listing", "MB", func(r result) float64 { return float64(r.listed) / 1e6 })
}

// median of an odd number of values; of an even number, the upper of the two in
// the middle.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
