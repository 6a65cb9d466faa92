package conformance

import (
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// Several zones and backends behind one daemon.
func TestZones(t *testing.T) {
	two := map[string]daemon.Backend{"one": daemon.Memory("example.test"), "two": daemon.Memory("example.net", "example.org")}
	runScenarios(t, []scenario{
		{name: "two backends", backends: two, steps: []step{
			{what: "create", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.1"),
				record("www.example.net", "A", 300, "192.0.2.2"),
				record("www.example.org", "CNAME", 300, "www.example.net"))},
			{what: "change one", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.1"),
				record("www.example.net", "A", 300, "192.0.2.9"),
				record("www.example.org", "CNAME", 300, "www.example.net"))},
			{what: "delete one", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.1"))},
		}},
		{name: "names outside every zone are not ExternalDNS's to plan", backends: two, steps: []step{
			{what: "two of three", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.1"),
				record("www.example.com", "A", 300, "192.0.2.2"),
				record("www.notexample.test", "A", 300, "192.0.2.3")),
				want:  records(endpoints(record("www.example.test", "A", 300, "192.0.2.1"))),
				owned: []string{"a-www.example.test"}},
		}},
	})
}

// The client's domain filter, which it negotiates, is the configured zones.
func TestDomainFilter(t *testing.T) {
	t.Parallel()
	zones := []string{"example.test", "bücher.test", "2.0.192.in-addr.arpa"}
	w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{
		"one": daemon.Memory(zones[0], zones[1]), "two": daemon.Memory(zones[2])}})
	filter, ok := w.loop(loop.Options{}).Provider.GetDomainFilter().(*endpoint.DomainFilter)
	if !ok {
		t.Fatalf("the filter is %T", w.loop(loop.Options{}).Provider.GetDomainFilter())
	}
	canonical := func(names []string) []string {
		var all []string
		for _, name := range names {
			all = append(all, listing.CanonicalName(name))
		}
		slices.Sort(all)
		return all
	}
	if got, want := canonical(filter.Filters), canonical(zones); !slices.Equal(got, want) {
		t.Errorf("the filter includes %q, the zones are %q", got, want)
	}
	for name, want := range map[string]bool{
		"example.test": true, "www.example.test": true, "a.b.example.test": true, "*.example.test": true,
		"WWW.EXAMPLE.TEST": true, "www.bücher.test": true, "www.xn--bcher-kva.test": true, "1.2.0.192.in-addr.arpa": true,
		"notexample.test": false, "www.notexample.test": false, "test": false, "example.com": false, "": false,
	} {
		if got := filter.Match(name); got != want {
			t.Errorf("the filter on %q: %t, expected %t", name, got, want)
		}
	}
}

// Names outside every zone are refused for themselves; the batch goes on.
func TestNameOutsideEveryZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	inside := record("www.example.test", "A", 300, "192.0.2.1")
	w.apply(&plan.Changes{Create: endpoints(
		record("www.example.com", "A", 300, "192.0.2.2"),
		inside,
		record("notexample.test", "A", 300, "192.0.2.3"),
		record("www.notexample.test", "A", 300, "192.0.2.3"),
		record("test", "A", 300, "192.0.2.4"))})
	w.expect(records(endpoints(inside)))
	outside := record("www.example.com", "A", 300, "192.0.2.2")
	w.apply(&plan.Changes{UpdateOld: endpoints(outside), UpdateNew: endpoints(outside), Delete: endpoints(record("notexample.test", "A", 300, "192.0.2.3"), inside)})
	w.expect(nil)
}

// An apex record's ownership is outside the zone where ExternalDNS runs without
// a prefix. Nothing that it then asks for may end it.
func TestApexWithoutPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, daemon.Config{Backends: defaultBackends()})
	l := w.loop(loop.Options{})
	apex, www := record("example.test", "A", 300, "192.0.2.1"), record("www.example.test", "A", 300, "192.0.2.1")
	for range 3 {
		w.run(l, endpoints(apex, www))
	}
	_, others := listing.Split(w.listed())
	if len(listing.Difference(records(endpoints(apex, www)), others)) > 0 {
		expectSame(t, records(endpoints(www)), others)
	}
}

// The longest zone wins: which backend has a record is seen by giving each
// backend's file to a daemon that has no other.
func TestLongestZoneWins(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	parent := daemon.Memory("example.test").With("file", filepath.Join(directory, "parent.json"))
	child := daemon.Memory("sub.example.test").With("file", filepath.Join(directory, "child.json"))
	inParent := endpoints(
		record("www.example.test", "A", 300, "192.0.2.1"),
		record("notsub.example.test", "A", 300, "192.0.2.2"),
		record("www.notsub.example.test", "A", 300, "192.0.2.3"))
	inChild := endpoints(
		record("www.sub.example.test", "A", 300, "192.0.2.4"),
		record("a.b.sub.example.test", "A", 300, "192.0.2.5"),
		record("*.sub.example.test", "A", 300, "192.0.2.6"))

	t.Run("both", func(t *testing.T) {
		w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"parent": parent, "child": child}})
		w.step("create", loop.Options{}, step{desired: append(slices.Clone(inParent), inChild...)})
	})
	for name, alone := range map[string]struct {
		backend daemon.Backend
		want    []*endpoint.Endpoint
	}{"parent": {parent, inParent}, "child": {child, inChild}} {
		t.Run(name+" alone", func(t *testing.T) {
			w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"only": alone.backend}})
			w.step("list", loop.Options{}, step{desired: alone.want, idle: true})
		})
	}
}
