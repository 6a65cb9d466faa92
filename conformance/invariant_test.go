package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
	"zonemux.example/conformance/internal/random"
)

// invariantBackends are a backend that stores everything, one whose TTLs the
// operator bounds, one that can store little, and that with a plugin that has
// its own say in adjusting.
func invariantBackends(t *testing.T) map[string]daemon.Backend {
	stored := daemon.Memory(random.Zones...)
	bounded := stored
	bounded.TTL = map[string]string{"min": "1m", "default": "5m", "max": "1h"}
	// The ownership needs TXT; what is not in the list must be left out of the plan.
	limited := daemon.Backend{Plugin: "flaky", Zones: random.Zones, TTL: bounded.TTL}.
		With("record_types", []string{"A", "AAAA", "CNAME", "TXT", "MX"}).
		With("min_ttl", 120).With("max_ttl", 1800).
		With("properties", []string{"webhook/known"})
	return map[string]daemon.Backend{
		"memory":               stored,
		"TTL bounds":           bounded,
		"limited":              limited,
		"limited, with plugin": limited.With("control", filepath.Join(t.TempDir(), "never-there")),
	}
}

// seeds are always the same, so that a failure is found again; ZONEMUX_SEED
// tries another.
func seeds(t *testing.T) []uint64 {
	given := os.Getenv("ZONEMUX_SEED")
	if given == "" {
		return []uint64{1, 2, 3, 4, 5, 6}
	}
	seed, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatalf("ZONEMUX_SEED: %v", err)
	}
	return []uint64{seed}
}

// Whatever is desired: what is listed once it was applied is what adjusting
// said it would be, also through updates, retypes and deletes, and the planner
// has nothing more to do.
func TestInvariant(t *testing.T) {
	for name, backend := range invariantBackends(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := daemon.Config{Backends: map[string]daemon.Backend{"a": backend}, LogLevel: "warn"}
			t.Run("applied at once", func(t *testing.T) {
				t.Parallel()
				for _, seed := range seeds(t) {
					t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { listsWhatWasAdjusted(newWorld(t, config), seed) })
				}
			})
			t.Run("planned in turn", func(t *testing.T) {
				t.Parallel()
				plansOnce(newWorld(t, config), seeds(t))
			})
		})
	}
}

// listsWhatWasAdjusted applies what AdjustEndpoints answers, without planner
// and registry.
func listsWhatWasAdjusted(w *world, seed uint64) {
	w.t.Helper()
	provider := w.loop(loop.Options{}).Provider
	adjusted := adjust(w, random.New(seed).Endpoints())
	if len(adjusted) == 0 {
		w.t.Fatal("nothing was left of the endpoints")
	}
	again := adjust(w, adjusted)
	expectSame(w.t, records(adjusted), records(again))
	if err := provider.ApplyChanges(w.context(), &plan.Changes{Create: copies(adjusted)}); err != nil {
		w.t.Fatalf("ApplyChanges: %v", err)
	}
	listed, err := provider.Records(w.context())
	if err != nil {
		w.t.Fatalf("Records: %v", err)
	}
	expectAsAdjusted(w.t, adjusted, listed)
}

// plansOnce lets the planner go from one desired state to the next.
func plansOnce(w *world, seeds []uint64) {
	w.t.Helper()
	l := w.loop(loop.Options{})
	for _, seed := range seeds {
		desired := random.New(seed).Endpoints()
		w.t.Logf("seed %d", seed)
		if !w.settle(l, desired).HasChanges() {
			w.t.Fatal("the first loop had nothing to do")
		}
		listed, err := l.Provider.Records(w.context())
		if err != nil {
			w.t.Fatalf("Records: %v", err)
		}
		listed = slices.DeleteFunc(listed, func(found *endpoint.Endpoint) bool {
			ownership, _ := listing.Split(records(endpoints(found)))
			return len(ownership) > 0
		})
		expectAsAdjusted(w.t, adjust(w, desired), listed)
	}
}

func adjust(w *world, given []*endpoint.Endpoint) []*endpoint.Endpoint {
	w.t.Helper()
	adjusted, err := w.loop(loop.Options{}).Provider.AdjustEndpoints(copies(given))
	if err != nil {
		w.t.Fatalf("AdjustEndpoints: %v", err)
	}
	known := make(map[endpoint.EndpointKey]bool, len(given))
	for _, one := range given {
		known[one.Key()] = true
	}
	for _, one := range adjusted {
		if !known[one.Key()] {
			w.t.Fatalf("adjusting made %s, which was not among the endpoints", one)
		}
	}
	return adjusted
}

// expectAsAdjusted compares as the planner does, but in both directions: a TTL
// is compared where one is desired, targets are by `Targets.Same`, properties
// by name.
func expectAsAdjusted(t *testing.T, adjusted, listed []*endpoint.Endpoint) {
	t.Helper()
	key := func(one *endpoint.Endpoint) listing.Key { return records(endpoints(one))[0].Key() }
	found := make(map[listing.Key]*endpoint.Endpoint, len(listed))
	for _, one := range listed {
		found[key(one)] = one
	}
	for _, wanted := range adjusted {
		got, ok := found[key(wanted)]
		delete(found, key(wanted))
		switch {
		case !ok:
			t.Errorf("adjusted, but not listed: %s", wanted)
		case wanted.RecordTTL.IsConfigured() && wanted.RecordTTL != got.RecordTTL,
			!slices.Clone(wanted.Targets).Same(slices.Clone(got.Targets)),
			!sameProperties(wanted, got):
			t.Errorf("adjusted %s\n  listed %s", wanted, got)
		}
	}
	for _, extra := range found {
		t.Errorf("listed, but not among the adjusted: %s", extra)
	}
}

func sameProperties(left, right *endpoint.Endpoint) bool {
	within := func(part, whole *endpoint.Endpoint) bool {
		return !slices.ContainsFunc(part.ProviderSpecific, func(property endpoint.ProviderSpecificProperty) bool {
			value, ok := whole.GetProviderSpecificProperty(property.Name)
			return !ok || value != property.Value
		})
	}
	return within(left, right) && within(right, left)
}

// A type that the backend can't store is neither created in every loop nor
// reported, and what stands beside it at its name is managed all the same.
func TestTypesThatAreNotStored(t *testing.T) {
	t.Parallel()
	calls := filepath.Join(t.TempDir(), "calls")
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}}.
		With("record_types", []string{"A", "TXT"}).With("calls", calls)
	w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"a": backend}})
	l := w.loop(loop.Options{})
	address := record("www.example.test", "A", 300, "192.0.2.1")
	desired := endpoints(address,
		record("www.example.test", "MX", 300, "10 mail.example.test"),
		record("other.example.test", "AAAA", 300, "2001:db8::1"))
	w.settle(l, desired)
	w.quiet(l, desired)
	_, others := listing.Split(w.listed())
	expectSame(t, records(endpoints(address)), others)
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	applies := strings.Count(string(text), "apply ")
	if applies != 1 || !strings.Contains(string(text), "apply 2\n") {
		t.Fatalf("one batch of an address and its ownership was expected, got:\n%s", text)
	}
}
