package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// thousand records of several types, with a number in their targets.
func thousand(generation int) []*endpoint.Endpoint {
	all := make([]*endpoint.Endpoint, 0, 1000)
	for n := range 250 {
		all = append(all,
			record(fmt.Sprintf("a%d.example.test", n), "A", 300, fmt.Sprintf("10.%d.0.%d", generation, n)),
			record(fmt.Sprintf("b%d.example.test", n), "AAAA", 300, fmt.Sprintf("2001:db8:%d::%d", generation, n)),
			record(fmt.Sprintf("c%d.example.test", n), "CNAME", 300, fmt.Sprintf("a%d.example.test", n)),
			record(fmt.Sprintf("d%d.example.test", n), "MX", 300, fmt.Sprintf("%d a%d.example.test", generation, n)))
	}
	return all
}

// A thousand records in one batch.
func TestThousandRecords(t *testing.T) { runScenarios(t, batchScenarios()) }

func batchScenarios() []scenario {
	first, second := thousand(1), thousand(2)
	return []scenario{{name: "a thousand records", steps: []step{
		{what: "create", desired: first},
		{what: "change", desired: second},
		{what: "half go, half are retyped", desired: func() (half []*endpoint.Endpoint) {
			for n := range 250 {
				half = append(half, record(fmt.Sprintf("a%d.example.test", n), "CNAME", 300, "other.example.test"),
					record(fmt.Sprintf("c%d.example.test", n), "A", 300, "192.0.2.1"))
			}
			return half
		}()},
		{what: "delete", desired: endpoints()},
	}}}
}

// The same changes twice: the second time they are already true.
func TestSameBatchTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	www, other := record("www.example.test", "A", 300, "192.0.2.1"), record("other.example.test", "A", 300, "192.0.2.2")
	moved := record("www.example.test", "A", 60, "192.0.2.3")
	for range 2 {
		w.apply(&plan.Changes{Create: endpoints(www, other)})
		w.expect(records(endpoints(www, other)))
	}
	for range 2 {
		w.apply(&plan.Changes{UpdateOld: endpoints(www), UpdateNew: endpoints(moved)})
		w.expect(records(endpoints(moved, other)))
	}
	for range 2 {
		w.apply(&plan.Changes{Delete: endpoints(other)})
		w.expect(records(endpoints(moved)))
	}
}

// Updates are paired by their key, whatever their order, and an update of what
// is not there makes it.
func TestUpdatesArePairedByKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	one, two := record("one.example.test", "A", 300, "192.0.2.1"), record("two.example.test", "A", 300, "192.0.2.2")
	w.apply(&plan.Changes{Create: endpoints(one, two)})
	newOne, newTwo := record("one.example.test", "A", 300, "192.0.2.11"), record("two.example.test", "A", 300, "192.0.2.12")
	three := record("three.example.test", "A", 300, "192.0.2.13")
	w.apply(&plan.Changes{
		UpdateOld: endpoints(one, record("three.example.test", "A", 300, "192.0.2.3").WithProviderSpecific("txt/force-update", "true"), two),
		UpdateNew: endpoints(newTwo, newOne, three),
	})
	w.expect(records(endpoints(newOne, newTwo, three)))
}

// One record that the backend refuses for its own sake: the others are applied,
// the client goes on, and from then on asks for that one only.
func TestBatchPartlyRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{
		"a": {Plugin: "flaky", Zones: []string{"example.test"}, Settings: map[string]any{
			"behaviour": "refuse", "on": []string{"apply"}, "match": "bad"}}}})
	l := w.loop(loop.Options{})
	good := func() (good []*endpoint.Endpoint) {
		for n := range 20 {
			good = append(good, record(fmt.Sprintf("good%d.example.test", n), "A", 300, "192.0.2.1"))
		}
		return good
	}()
	desired := append(slices.Clone(good), record("bad.example.test", "A", 300, "192.0.2.66"))
	for range 2 {
		_, err := l.Run(w.context(), desired)
		if err != nil && !errors.Is(err, provider.SoftError) {
			t.Fatalf("the client would end: %v", err)
		}
		ownership, others := listing.Split(w.listed())
		expectSame(t, records(good), others)
		if len(ownership) != len(good) {
			t.Fatalf("%d ownership records for %d records: one without its record would claim a name", len(ownership), len(good))
		}
	}
	changes, err := l.Plan(w.context(), desired)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes.Create) != 1 || changes.Create[0].DNSName != "bad.example.test" || len(changes.UpdateNew)+len(changes.Delete) != 0 {
		t.Fatalf("more than the refused record is asked for:\n%s", describe(changes))
	}
	w.quiet(l, good)
}

// Text that no zone file could hold. A backend may store it or refuse it for
// itself; the client goes on and the rest of the batch is applied either way.
func TestUnreadableText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	l := w.loop(loop.Options{})
	www := record("www.example.test", "A", 300, "192.0.2.1")
	var texts []*endpoint.Endpoint
	for number, text := range []string{`ends in \`, `"an open quote`, `"\999"`, `an \999 escape`, ``} {
		texts = append(texts, raw(fmt.Sprintf("note%d.example.test", number), "TXT", 300, text))
	}
	desired := append(endpoints(www), texts...)
	for range 2 {
		if _, err := l.Run(w.context(), desired); !soft(err) {
			t.Fatalf("the client would end: %v", err)
		}
	}
	ownership, others := listing.Split(w.listed())
	if len(ownership) != len(others) {
		t.Fatalf("%d ownership records for %d records", len(ownership), len(others))
	}
	// What was stored is stored right, and asked for no more.
	stored := endpoints(www)
	for _, text := range texts {
		if slices.ContainsFunc(others, func(found listing.Record) bool { return found.Name == text.DNSName }) {
			stored = append(stored, text)
		}
	}
	expectSame(t, records(stored), others)
	w.quiet(l, stored)
}

// A CNAME and an address at one name can't both be. Whatever the backend makes
// of it, it never lists both, and the rest of the batch is applied.
func TestConflictInsideABatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	address := record("www.example.test", "A", 300, "192.0.2.1")
	alias := record("www.example.test", "CNAME", 300, "other.example.test")
	other := record("other.example.test", "A", 300, "192.0.2.2")
	err := w.loop(loop.Options{}).Provider.ApplyChanges(w.context(), &plan.Changes{Create: endpoints(address, alias, other)})
	if err != nil && !errors.Is(err, provider.SoftError) {
		t.Fatalf("the client would end: %v", err)
	}
	listed := w.listed()
	for _, acceptable := range [][]*endpoint.Endpoint{
		endpoints(address, other), endpoints(alias, other), endpoints(other),
	} {
		if len(listing.Difference(records(acceptable), listed)) == 0 {
			return
		}
	}
	t.Fatalf("expected %s and at most one of the two others, listed: %s", other, listed)
}
