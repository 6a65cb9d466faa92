package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// guarded is a daemon with one backend `lan` that has guards, and what it held
// before these were set.
type guarded struct {
	*world
	calls string
}

// newGuarded starts a daemon whose backend already has these records, with
// ownership.
func newGuarded(t *testing.T, guards map[string]any, before []*endpoint.Endpoint) *guarded {
	t.Helper()
	directory := t.TempDir()
	calls := filepath.Join(directory, "calls")
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}}
	backend = backend.With("file", filepath.Join(directory, "records"))
	if len(before) > 0 {
		t.Run("before", func(t *testing.T) {
			w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"lan": backend}})
			w.settle(w.loop(loop.Options{}), before)
		})
	}
	backend = backend.With("calls", calls)
	backend.Guards = guards
	config := daemon.Config{Backends: map[string]daemon.Backend{"lan": backend}}
	return &guarded{world: newWorld(t, config), calls: calls}
}

// toldOnce demands that the journal has one line for a record's outcome, and
// at the daemon's end one more that counts how often it came again.
func (g *guarded) toldOnce(name, outcome string, repeats int) {
	g.t.Helper()
	g.daemon.Restart(g.t)
	told := about(journal(g.t, g.daemon), name, outcome)
	if len(told) != 2 || told[0].Repeats != 0 || told[1].Repeats != repeats {
		g.t.Fatalf("expected a line for %s %s and one that counts %d repeats, found %+v", name, outcome, repeats, told)
	}
}

// Guards that refuse: ExternalDNS asks in each loop, is told that all is well,
// and the backend is never asked.
func TestGuardsThatRefuse(t *testing.T) {
	www := record("www.example.test", "A", 300, "192.0.2.1")
	mail := record("mail.example.test", "A", 300, "192.0.2.2")
	base := endpoints(www, mail)
	changed := endpoints(record("www.example.test", "A", 300, "192.0.2.11"))
	const loops = 4
	for _, guard := range []struct {
		name   string
		guards map[string]any
		// want is what is there after loops that want changed, outcome what the
		// journal says of mail, which is not wanted any more.
		want    []*endpoint.Endpoint
		outcome string
		// writes says whether anything of a batch may be written.
		writes bool
	}{
		{name: "read_only", guards: map[string]any{"read_only": true}, want: base, outcome: "refused"},
		{name: "dry_run", guards: map[string]any{"dry_run": true}, want: base, outcome: "dry_run"},
		{name: "protect", guards: map[string]any{"protect": []string{"mail.example.test *"}},
			want: endpoints(changed[0], mail), outcome: "refused", writes: true},
	} {
		t.Run(guard.name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, guard.guards, base)
			l := g.loop(loop.Options{})
			for range loops {
				g.run(l, changed)
				g.expectListed(guard.want)
			}
			if applies := callsOf(t, g.calls, "apply"); applies > 1 || applies == 1 && !guard.writes {
				t.Fatalf("the backend was asked to apply %d times", applies)
			}
			g.toldOnce(mail.DNSName, guard.outcome, loops-1)
			g.expectListed(guard.want)
		})
	}
}

// A type that is not allowed is left out by AdjustEndpoints, so that the
// planner never asks for it; what is asked for all the same is refused.
func TestTypesThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, map[string]any{"types": []string{"A"}}, nil)
	l := g.loop(loop.Options{})
	www := record("www.example.test", "A", 300, "192.0.2.1")
	alias := record("alias.example.test", "CNAME", 300, "www.example.test")
	g.settle(l, endpoints(www, alias))
	ownership, others := listing.Split(g.listed())
	expectSame(t, records(endpoints(www)), others)
	g.expectOwnership([]string{"a-www.example.test"}, ownership)
	asked := callsOf(t, g.calls, "apply")
	for range 3 {
		g.quiet(l, endpoints(www, alias))
	}
	g.apply(&plan.Changes{Create: endpoints(alias)})
	if now := callsOf(t, g.calls, "apply"); now != asked {
		t.Fatal("the backend was asked for a type that is not allowed")
	}
	g.expectListed(endpoints(www))
}

// NS of the apex is never deleted, whoever says so.
func TestApexIsNeverDeleted(t *testing.T) {
	t.Parallel()
	ns := record("example.test", "NS", 300, "ns1.example.test")
	www := record("www.example.test", "A", 300, "192.0.2.1")
	g := newGuarded(t, map[string]any{}, nil)
	l := g.loop(loop.Options{})
	g.run(l, endpoints(www))
	g.apply(&plan.Changes{Delete: endpoints(ns)})
	g.apply(&plan.Changes{Create: endpoints(ns)})
	g.expectListed(endpoints(www))
}

// A dry run leaves no trace in what outlives the daemon either.
func TestDryRunStoresNothing(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, map[string]any{"dry_run": true}, nil)
	l := g.loop(loop.Options{})
	var desired []*endpoint.Endpoint
	for _, label := range []string{"", "*.wild.", "www."} {
		desired = append(desired, record(label+"example.test", "A", 300, "192.0.2.1"))
	}
	for range 2 {
		if changes := g.run(l, desired); len(changes.Create) != len(desired) {
			t.Fatalf("ExternalDNS asks for something else:\n%s", describe(changes))
		}
		if listed := g.listed(); len(listed) > 0 {
			t.Fatalf("a dry run has written: %s", listed)
		}
	}
	if exported := g.daemon.Run(t, "ownership", "export", "--backend", "lan"); strings.Contains(exported, "heritage") {
		t.Fatalf("a dry run has stored ownership:\n%s", exported)
	}
}

// zoneOf has so many records from the first number on.
func zoneOf(first, count int) []*endpoint.Endpoint {
	var list []*endpoint.Endpoint
	for number := first; number < first+count; number++ {
		list = append(list, record(fmt.Sprintf("n%03d.example.test", number), "A", 300, "192.0.2.1"))
	}
	return list
}

// More deletes than the default guard lets through, 31 of 100, are held: all
// else of the batch is applied, and a release lets through just these.
func TestDeletionGuard(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, map[string]any{"max_deletes": "30%"}, nil)
	l := g.loop(loop.Options{})
	g.settle(l, zoneOf(0, 100))

	// 31 go; of the rest one moves, one becomes a CNAME, and one is new.
	rest := zoneOf(31, 69)
	rest[0] = record("n031.example.test", "A", 300, "192.0.2.31")
	rest[1] = record("n032.example.test", "CNAME", 300, "n033.example.test")
	rest = append(rest, record("new.example.test", "A", 300, "192.0.2.1"))
	held := func(want int) {
		t.Helper()
		if metric := g.daemon.Metric(t, "zonemux_guard_held", `backend="lan"`, `guard="max_deletes"`); metric != float64(want) {
			t.Fatalf("%v units are held, says the metric, expected %d", metric, want)
		}
	}
	for range 3 {
		if err := g.softly(l, rest); err == nil {
			t.Fatal("31 deletes of 100 records were confirmed")
		}
		g.expectListed(append(zoneOf(0, 31), rest...))
		held(31)
	}
	if log := g.daemon.Log(); !strings.Contains(log, "zonemux release lan") || !strings.Contains(log, "31 of 100 records of example.test would be deleted, 30 may be") {
		t.Fatalf("the log does not say how many deletes are held, or how to let them through")
	}
	g.daemon.Restart(t)
	if err := g.softly(l, rest); err == nil {
		t.Fatal("31 deletes of 100 records were confirmed after a restart")
	}

	g.daemon.Run(t, "release", "lan")
	g.expectListed(append(zoneOf(0, 31), rest...))
	// What comes later is none of what was released.
	last := rest[31:]
	if err := g.softly(l, last); err == nil {
		t.Fatal("31 deletes that nobody has released were confirmed")
	}
	g.expectListed(rest)
	held(31)
	// Fewer pass by themselves, and show that the rest is not asked for any more.
	g.settle(l, rest[20:])
	held(0)
}
