package conformance

import (
	"context"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/exchange"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// world is a daemon with clients that talk to it, everything they say being
// checked against the OpenAPI file.
type world struct {
	t        *testing.T
	daemon   *daemon.Daemon
	recorder *exchange.Recorder
	loops    map[string]*loop.Loop
	// answers are what a server was seen to answer, or not to answer.
	answers map[question]bool
}

// newWorld starts a daemon for one test.
func newWorld(t *testing.T, config daemon.Config) *world {
	t.Helper()
	return around(t, daemon.Start(t, subject, config))
}

// around connects clients to a daemon that runs.
func around(t *testing.T, running *daemon.Daemon) *world {
	t.Helper()
	transport := exchange.NewTransport()
	w := &world{
		t:        t,
		daemon:   running,
		recorder: exchange.NewRecorder(transport, current.Check),
		loops:    map[string]*loop.Loop{},
		answers:  map[question]bool{},
	}
	switchboard.Connect(running.Host(), w.recorder)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		for _, fault := range w.recorder.Faults() {
			t.Error(fault)
		}
	})
	return w
}

// loop is the ExternalDNS with these options, which is one for the whole test,
// as is its process in life.
func (w *world) loop(options loop.Options) *loop.Loop {
	w.t.Helper()
	name := optionsName(options)
	if known, ok := w.loops[name]; ok {
		return known
	}
	made, err := loop.New(w.context(), w.daemon.URL(), options)
	if err != nil {
		w.t.Fatalf("negotiation: %v", err)
	}
	w.loops[name] = made
	return made
}

// context ends a call that the client itself would wait for too long.
func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	return ctx
}

// run is one loop, which must work.
func (w *world) run(l *loop.Loop, desired []*endpoint.Endpoint) *plan.Changes {
	w.t.Helper()
	changes, err := l.Run(w.context(), desired)
	if err != nil {
		w.t.Fatalf("loop: %v", err)
	}
	return changes
}

// quiet demands that a loop would change nothing: the fixpoint.
func (w *world) quiet(l *loop.Loop, desired []*endpoint.Endpoint) {
	w.t.Helper()
	changes, err := l.Plan(w.context(), desired)
	if err != nil {
		w.t.Fatalf("second loop: %v", err)
	}
	if changes.HasChanges() {
		w.t.Fatalf("the second loop is not quiet:\n%s", describe(changes))
	}
}

// settle is a loop, and then a second that must be quiet.
func (w *world) settle(l *loop.Loop, desired []*endpoint.Endpoint) *plan.Changes {
	w.t.Helper()
	changes := w.run(l, desired)
	w.quiet(l, desired)
	return changes
}

// apply sends changes through the client, without planner or registry.
func (w *world) apply(changes *plan.Changes) {
	w.t.Helper()
	if err := w.loop(loop.Options{}).Provider.ApplyChanges(w.context(), changes); err != nil {
		w.t.Fatalf("ApplyChanges: %v", err)
	}
}

// listed is what the daemon lists, read independently.
func (w *world) listed() []listing.Record {
	w.t.Helper()
	records, err := listing.Get(w.context(), w.daemon.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// expect demands that the daemon lists these records and no others.
func (w *world) expect(want []listing.Record) {
	w.t.Helper()
	expectSame(w.t, want, w.listed())
}

func expectSame(t *testing.T, want, got []listing.Record) {
	t.Helper()
	if lines := listing.Difference(want, got); len(lines) > 0 {
		t.Fatalf("the listing is not what was desired:\n%s", shorten(lines))
	}
}

// describe is a line for each change.
func describe(changes *plan.Changes) string {
	var lines []string
	add := func(what string, endpoints []*endpoint.Endpoint) {
		for _, changed := range endpoints {
			lines = append(lines, what+" "+changed.String())
		}
	}
	add("create    ", changes.Create)
	add("update old", changes.UpdateOld)
	add("update new", changes.UpdateNew)
	add("delete    ", changes.Delete)
	return shorten(lines)
}

// shorten keeps a failed test with a thousand records readable.
func shorten(lines []string) string {
	const limit = 20
	if len(lines) > limit {
		lines = append(lines[:limit:limit], "…")
	}
	return strings.Join(lines, "\n")
}
