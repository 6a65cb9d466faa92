package conformance

import (
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// The TXT registry with its options, and what happens when its records are
// lost, old or someone else's.
func TestRegistryOptions(t *testing.T) { runScenarios(t, registryOptionScenarios()) }

func registryOptionScenarios() []scenario {
	www := record("www.example.test", "A", 300, "192.0.2.1")
	wild := record("*.wild.example.test", "A", 300, "192.0.2.2")
	mail := record("mail.example.test", "MX", 300, "10 www.example.test")
	deep := record("_sip._tcp.a.b.example.test", "SRV", 300, "1 2 3 www.example.test.")
	all := endpoints(www, wild, mail, deep)
	changed := endpoints(
		record("www.example.test", "A", 300, "192.0.2.11"),
		record("*.wild.example.test", "CNAME", 300, "www.example.test"),
		record("mail.example.test", "MX", 60, "10 www.example.test"), deep)

	var scenarios []scenario
	for _, flags := range []struct {
		name    string
		options loop.Options
		// www is the name that the documentation gives the ownership of www.
		www string
	}{
		{"prefix", loop.Options{Prefix: "owner-"}, "owner-a-www.example.test"},
		{"prefix that is a label", loop.Options{Prefix: "owner."}, "owner.a-www.example.test"},
		{"prefix with the record type", loop.Options{Prefix: "x-%{record_type}."}, "x-a.www.example.test"},
		{"prefix with the record type in it", loop.Options{Prefix: "_%{record_type}-own-"}, "_a-own-www.example.test"},
		{"prefix in upper case", loop.Options{Prefix: "OWNER-X-"}, "owner-x-a-www.example.test"},
		{"suffix", loop.Options{Suffix: "-owner"}, "a-www-owner.example.test"},
		{"suffix with the record type", loop.Options{Suffix: "-%{record_type}-owner"}, "www-a-owner.example.test"},
		{"wildcard replacement", loop.Options{WildcardReplacement: "any"}, "a-www.example.test"},
		{"wildcard replacement and prefix", loop.Options{WildcardReplacement: "any", Prefix: "own-"}, "own-a-www.example.test"},
		{"encryption", loop.Options{AESKey: "01234567890123456789012345678901"}, "a-www.example.test"},
		{"encryption and prefix", loop.Options{AESKey: "01234567890123456789012345678901", Prefix: "own-"}, "own-a-www.example.test"},
		{"cache", loop.Options{CacheInterval: time.Hour}, "a-www.example.test"},
	} {
		scenarios = append(scenarios, scenario{name: flags.name, options: flags.options, steps: []step{
			{what: "create", desired: all, check: func(w *world) {
				if got := ownershipName(flags.options, "A", "www.example.test"); got != flags.www {
					w.t.Fatalf("this suite's own rule names it %s, not %s", got, flags.www)
				}
			}},
			{what: "update and retype", desired: changed},
			{what: "delete some", desired: without(changed, "www.example.test")},
			{what: "delete all", desired: endpoints()},
		}})
	}
	return scenarios
}

// Ownership that changes hands, gets lost, or is from an older ExternalDNS.
func TestRegistryRepair(t *testing.T) { runScenarios(t, registryRepairScenarios()) }

func registryRepairScenarios() []scenario {
	www := record("www.example.test", "A", 300, "192.0.2.1")
	moved := record("www.example.test", "A", 300, "192.0.2.2")
	successor := loop.Options{Owner: "owner2"}
	migrating := loop.Options{Owner: "owner2", OldOwner: loop.DefaultOwner}
	encrypted := loop.Options{AESKey: "01234567890123456789012345678901"}
	old := endpoint.NewEndpoint("www.example.test", endpoint.RecordTypeTXT,
		`"heritage=external-dns,external-dns/owner=owner1,external-dns/resource=ingress/default/www.example.test"`)

	return []scenario{
		{name: "owner migration", steps: []step{
			{what: "the old owner creates", desired: endpoints(www)},
			{what: "the new one takes over with an update", options: &migrating, desired: endpoints(moved), check: func(w *world) {
				w.ownedBy("owner2")
			}},
			{what: "the new one alone", options: &successor, desired: endpoints(moved), idle: true},
			{what: "and may change it", options: &successor, desired: endpoints(www)},
			{what: "the old one may not", desired: endpoints(), idle: true,
				want: records(endpoints(www)), owned: []string{"a-www.example.test"}},
			{what: "and may delete it", options: &successor, desired: endpoints()},
		}},
		{name: "encryption switched on later", steps: []step{
			{what: "in the clear", desired: endpoints(www)},
			{what: "encrypted, with an update", options: &encrypted, desired: endpoints(moved), check: func(w *world) {
				if ownership, _ := listing.Split(w.listed()); len(ownership) != 0 {
					w.t.Fatalf("still in the clear: %s", ownership)
				}
			}},
			{what: "delete", options: &encrypted, desired: endpoints()},
		}},
		{name: "the record is lost, its ownership is not", steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "someone deletes the record",
				before:  func(w *world) { w.apply(&plan.Changes{Delete: endpoints(www)}) },
				desired: endpoints(www)},
		}},
		{name: "the ownership is lost, the record is not", steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "someone deletes the ownership: the record is nobody's",
				before:  func(w *world) { w.apply(&plan.Changes{Delete: endpoints(ownership(loop.Options{}, www))}) },
				desired: endpoints(moved), idle: true, want: records(endpoints(www)), owned: []string{}},
			{what: "someone puts it back: the record is owned again",
				before:  func(w *world) { w.apply(&plan.Changes{Create: endpoints(ownership(loop.Options{}, www))}) },
				desired: endpoints(moved)},
		}},
		{name: "both are lost", steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "someone deletes both",
				before: func(w *world) {
					w.apply(&plan.Changes{Delete: endpoints(www, ownership(loop.Options{}, www))})
				},
				desired: endpoints(www)},
		}},
		{name: "ownership in the form of before 0.12 is renewed", steps: []step{
			// Its update names an old ownership record that does not exist, and carries txt/force-update.
			{what: "a record with the old form",
				before:  func(w *world) { w.apply(&plan.Changes{Create: endpoints(www, old)}) },
				desired: endpoints(www), owned: []string{"a-www.example.test", "www.example.test"}},
			{what: "an update", desired: endpoints(moved), owned: []string{"a-www.example.test", "www.example.test"}},
		}},
		{name: "ownership without quotes is read", steps: []step{
			{what: "a record that another tool wrote",
				before: func(w *world) {
					plain := ownership(loop.Options{}, www)
					plain.Targets[0] = listing.Text(plain.Targets[0])
					w.apply(&plan.Changes{Create: endpoints(www, plain)})
				},
				desired: endpoints(moved)},
		}},
	}
}

// ownedBy demands that every ownership record names this owner.
func (w *world) ownedBy(owner string) {
	w.t.Helper()
	ownership, _ := listing.Split(w.listed())
	for _, record := range ownership {
		labels, err := endpoint.NewLabelsFromString(record.Targets[0], nil)
		if err != nil {
			w.t.Fatalf("%s: %v", record, err)
		}
		if labels[endpoint.OwnerLabelKey] != owner {
			w.t.Fatalf("owned by %q, expected %q: %s", labels[endpoint.OwnerLabelKey], owner, record)
		}
	}
}
