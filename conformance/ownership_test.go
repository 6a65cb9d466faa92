package conformance

import (
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// Who may change what: owners, policies, and what they leave alone.
func TestOwnership(t *testing.T) {
	second := loop.Options{Owner: "owner2"}
	www := record("www.example.test", "A", 300, "192.0.2.1")
	other := record("other.example.test", "A", 300, "192.0.2.7")
	mine := record("mine.example.test", "A", 300, "192.0.2.20")
	foreign := record("foreign.example.test", "A", 300, "192.0.2.99")
	both := []string{"a-www.example.test", "a-mine.example.test"}

	runScenarios(t, []scenario{
		{name: "a second owner does not touch the first one's records", steps: []step{
			{what: "the first creates", desired: endpoints(www)},
			{what: "the second wants the same name", options: &second, idle: true,
				desired: endpoints(record("www.example.test", "A", 60, "192.0.2.66")),
				want:    records(endpoints(www)), owned: []string{"a-www.example.test"}},
			{what: "the first is still content", desired: endpoints(www), idle: true},
		}},
		{name: "a second owner does not retype the first one's records", steps: []step{
			{what: "the first creates", desired: endpoints(www)},
			{what: "the second wants a CNAME there", options: &second, idle: true,
				desired: endpoints(record("www.example.test", "CNAME", 60, "evil.example.net")),
				want:    records(endpoints(www)), owned: []string{"a-www.example.test"}},
			{what: "the second wants an AAAA beside it", options: &second, idle: true,
				desired: endpoints(record("www.example.test", "AAAA", 60, "2001:db8::66")),
				want:    records(endpoints(www)), owned: []string{"a-www.example.test"}},
		}},
		{name: "two owners in one zone", steps: []step{
			{what: "the first creates", desired: endpoints(www)},
			{what: "the second creates its own", options: &second, desired: endpoints(mine),
				want: records(endpoints(www, mine)), owned: both},
			{what: "the first still sees no change", desired: endpoints(www), idle: true,
				want: records(endpoints(www, mine)), owned: both},
			{what: "the second deletes all that it has", options: &second, desired: endpoints(),
				want: records(endpoints(www)), owned: []string{"a-www.example.test"}},
			{what: "the first deletes all that it has", desired: endpoints()},
		}},
		{name: "records of nobody are left alone", steps: []step{
			{what: "a record without ownership is there",
				before:  func(w *world) { w.apply(&plan.Changes{Create: endpoints(foreign)}) },
				desired: endpoints(www), want: records(endpoints(www, foreign))},
			{what: "its name is wanted", idle: true,
				desired: endpoints(www, record("foreign.example.test", "A", 300, "192.0.2.5")),
				want:    records(endpoints(www, foreign)), owned: []string{"a-www.example.test"}},
			{what: "all else goes", desired: endpoints(), want: records(endpoints(foreign))},
		}},
		{name: "upsert-only never deletes", options: loop.Options{Policy: "upsert-only"}, steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "nothing is wanted any more", desired: endpoints(), idle: true,
				want: records(endpoints(www, other)), owned: []string{"a-www.example.test", "a-other.example.test"}},
			{what: "updates still happen", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.2")),
				want:  records(endpoints(record("www.example.test", "A", 300, "192.0.2.2"), other)),
				owned: []string{"a-www.example.test", "a-other.example.test"}},
		}},
		{name: "sync deletes what upsert-only left", options: loop.Options{Policy: "upsert-only"}, steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "upsert-only keeps", desired: endpoints(www), idle: true,
				want: records(endpoints(www, other)), owned: []string{"a-www.example.test", "a-other.example.test"}},
			{what: "sync deletes", options: &loop.Options{}, desired: endpoints(www)},
		}},
		{name: "create-only creates and no more", options: loop.Options{Policy: "create-only"}, steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "an update is not asked for", desired: endpoints(record("www.example.test", "A", 60, "192.0.2.2")), idle: true,
				want: records(endpoints(www))},
			{what: "nor a delete", desired: endpoints(other),
				want: records(endpoints(www, other)), owned: []string{"a-www.example.test", "a-other.example.test"}},
		}},
		{name: "a type that is not managed is left alone", steps: []step{
			{what: "create", desired: endpoints(www, record("mail.example.test", "MX", 300, "10 www.example.test"))},
			{what: "MX is excluded", options: &loop.Options{Exclude: []string{"MX"}}, desired: endpoints(www), idle: true,
				want:  records(endpoints(www, record("mail.example.test", "MX", 300, "10 www.example.test"))),
				owned: []string{"a-www.example.test", "mx-mail.example.test"}},
		}},
		{name: "excluded domains are left alone", steps: []step{
			{what: "create", desired: endpoints(www, record("host.keep.example.test", "A", 300, "192.0.2.3"))},
			{what: "one is excluded", options: &loop.Options{ExcludeDomains: []string{"keep.example.test"}}, desired: endpoints(www), idle: true,
				want:  records(endpoints(www, record("host.keep.example.test", "A", 300, "192.0.2.3"))),
				owned: []string{"a-www.example.test", "a-host.keep.example.test"}},
			{what: "the domain filter leaves out the other", options: &loop.Options{DomainFilter: []string{"keep.example.test"}}, desired: endpoints(),
				want: records(endpoints(www)), owned: []string{"a-www.example.test"}},
		}},
		{name: "labels reach the registry and come back", steps: []step{
			{what: "create", desired: endpoints(www), check: func(w *world) {
				found, err := w.loop(loop.Options{}).Registry.Records(w.context())
				if err != nil || len(found) != 1 {
					w.t.Fatalf("registry: %v, %v", found, err)
				}
				want := endpoint.Labels{endpoint.OwnerLabelKey: loop.DefaultOwner, endpoint.ResourceLabelKey: "ingress/default/www.example.test"}
				for label, value := range want {
					if found[0].Labels[label] != value {
						w.t.Fatalf("label %s is %q, expected %q", label, found[0].Labels[label], value)
					}
				}
				owned, _ := listing.Split(w.listed())
				const text = "heritage=external-dns,external-dns/owner=owner1,external-dns/resource=ingress/default/www.example.test"
				if got := listing.Text(owned[0].Targets[0]); got != text {
					w.t.Fatalf("ownership says %q, expected %q", got, text)
				}
			}},
		}},
		{name: "of two resources that want a name one has it, for good", steps: []step{
			{what: "both", desired: endpoints(www, record("www.example.test", "A", 300, "192.0.2.2").WithLabel(endpoint.ResourceLabelKey, "ingress/default/rival")),
				want: records(endpoints(www)), owned: []string{"a-www.example.test"}},
			{what: "in another order", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.2").WithLabel(endpoint.ResourceLabelKey, "ingress/default/rival"), www),
				want: records(endpoints(www)), owned: []string{"a-www.example.test"}, idle: true},
		}},
	})
}
