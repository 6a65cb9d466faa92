package conformance

import (
	"fmt"
	"math"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// TTLs and targets at their edges.
func TestValues(t *testing.T) { runScenarios(t, valueScenarios()) }

func valueScenarios() []scenario {
	var many []string
	for n := range 200 {
		many = append(many, fmt.Sprintf("192.0.2.%d", n+1))
	}
	untimed := records(endpoints(record("www.example.test", "A", 0, "192.0.2.1")))
	// bounded demands a TTL that DNS can hold (RFC 2181, 8).
	bounded := func(w *world) {
		for _, found := range w.listed() {
			if found.TTL < 0 || found.TTL > math.MaxInt32 {
				w.t.Fatalf("TTL out of bounds: %s", found)
			}
		}
	}
	return []scenario{
		{name: "no TTL", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "A", 0, "192.0.2.1"))},
			{what: "update", desired: endpoints(record("www.example.test", "A", 0, "192.0.2.2"))},
			{what: "one is set", desired: endpoints(record("www.example.test", "A", 60, "192.0.2.2"))},
			{what: "none again", desired: endpoints(record("www.example.test", "A", 0, "192.0.2.2")), idle: true},
		}},
		{name: "TTL of one second", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "A", 1, "192.0.2.1"))},
		}},
		{name: "the largest TTL", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "A", math.MaxInt32, "192.0.2.1")), check: bounded},
		}},
		{name: "a TTL beyond DNS", steps: []step{
			{what: "2^31", desired: endpoints(record("www.example.test", "A", math.MaxInt32+1, "192.0.2.1")), want: untimed, check: bounded},
			{what: "2^32", desired: endpoints(record("www.example.test", "A", 1<<32, "192.0.2.1")), want: untimed, check: bounded},
			{what: "2^63-1", desired: endpoints(record("www.example.test", "A", math.MaxInt64, "192.0.2.1")), want: untimed, check: bounded},
		}},
		{name: "a negative TTL", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "A", -5, "192.0.2.1")), want: untimed, check: bounded},
		}},
		{name: "many targets", steps: []step{
			{what: "200", desired: endpoints(record("www.example.test", "A", 300, many...))},
			{what: "199", desired: endpoints(record("www.example.test", "A", 300, many[1:]...))},
		}},
		{name: "order of targets", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.1", "192.0.2.2", "192.0.2.3"))},
			{what: "another order", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.3", "192.0.2.1", "192.0.2.2")), idle: true},
		}},
		{name: "a target twice", steps: []step{
			{what: "create",
				desired: endpoints(record("www.example.test", "A", 300, "192.0.2.1", "192.0.2.1", "192.0.2.2")),
				want:    records(endpoints(record("www.example.test", "A", 300, "192.0.2.1", "192.0.2.2")))},
		}},
		{name: "spellings of IPv6", steps: []step{
			{what: "written out", desired: endpoints(record("www.example.test", "AAAA", 300, "2001:0db8:0000:0000:0000:0000:0000:0001"))},
			{what: "short", desired: endpoints(record("www.example.test", "AAAA", 300, "2001:db8::1")), idle: true},
			{what: "upper case", desired: endpoints(record("www.example.test", "AAAA", 300, "2001:DB8::1")), idle: true},
			{what: "a real change", desired: endpoints(record("www.example.test", "AAAA", 300, "2001:DB8:0::2"))},
		}},
		{name: "IPv4 in IPv6", steps: []step{
			{what: "create", desired: endpoints(record("www.example.test", "AAAA", 300, "::ffff:192.0.2.1"))},
		}},
	}
}

// Records of one name and type told apart by a set identifier.
func TestSetIdentifiers(t *testing.T) {
	set := func(identifier, target string) *endpoint.Endpoint {
		return record("www.example.test", "A", 300, target).WithSetIdentifier(identifier)
	}
	runScenarios(t, []scenario{
		{name: "set identifiers", steps: []step{
			{what: "one", desired: endpoints(set("blue", "192.0.2.1"))},
			{what: "add a second", desired: endpoints(set("blue", "192.0.2.1"), set("green", "192.0.2.2"))},
			{what: "add a third", desired: endpoints(set("blue", "192.0.2.1"), set("green", "192.0.2.2"), set("red", "192.0.2.3"))},
			{what: "change one", desired: endpoints(set("blue", "192.0.2.1"), set("green", "192.0.2.9"), set("red", "192.0.2.3"))},
			{what: "delete one", desired: endpoints(set("green", "192.0.2.9"), set("red", "192.0.2.3"))},
			{what: "none", desired: endpoints()},
		}},
		{name: "set identifiers with the same target", steps: []step{
			{what: "two", desired: endpoints(set("blue", "192.0.2.1"), set("green", "192.0.2.1"))},
			{what: "one", desired: endpoints(set("green", "192.0.2.1"))},
		}},
	})
}
