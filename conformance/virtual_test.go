package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// Ownership that a backend can't hold, or is not to hold, lives in zonemux: the
// registry finds it all the same, and other owners leave its records alone.
func TestVirtualOwnership(t *testing.T) {
	second := loop.Options{Owner: "owner2"}
	www := record("www.example.test", "A", 300, "192.0.2.1")
	wild := record("*.wild.example.test", "A", 300, "192.0.2.2")
	apex := record("example.test", "A", 300, "192.0.2.3")
	desired := endpoints(www, wild, apex)
	owned := []string{"a-www.example.test", "a-*.wild.example.test", "a-example.test"}
	theirs := endpoints(
		record("www.example.test", "A", 60, "192.0.2.66"),
		record("*.wild.example.test", "CNAME", 60, "evil.example.net"),
		record("example.test", "AAAA", 60, "2001:db8::66"))
	changed := endpoints(
		record("www.example.test", "CNAME", 300, "example.test"),
		record("*.wild.example.test", "A", 60, "192.0.2.22"), apex)
	again := func(w *world) { w.daemon.Restart(w.t) }

	for _, kind := range []struct {
		name, ownership string
		settings        map[string]any
		// noTXT says that the backend's own file must have no TXT at all.
		noTXT bool
	}{
		{name: "a backend that refuses each TXT", noTXT: true,
			settings: map[string]any{"behaviour": "refuse-txt", "on": []string{"apply"}, "atomic_units": false}},
		{name: "a backend that refuses TXT of wildcards",
			settings: map[string]any{"behaviour": "refuse-txt", "on": []string{"apply"}, "match": "*", "atomic_units": false}},
		{name: "a backend without the type TXT", noTXT: true,
			settings: map[string]any{"record_types": []string{"A", "AAAA", "CNAME"}}},
		{name: "a backend that could, with ownership virtual", ownership: "virtual", noTXT: true},
		{name: "a backend that can, but for the apex"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "records")
			backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, Ownership: kind.ownership, Settings: kind.settings}
			withoutTXT := func(w *world) {
				text, err := os.ReadFile(file)
				if err != nil {
					w.t.Fatal(err)
				}
				if kind.noTXT && strings.Contains(string(text), "heritage") {
					w.t.Fatal("the backend holds ownership that it was not to be given")
				}
			}
			scenario{
				backends: map[string]daemon.Backend{"a": backend.With("file", file)},
				steps: []step{
					{what: "create", desired: desired, owned: owned, check: withoutTXT},
					{what: "another owner wants the same names", options: &second, desired: theirs,
						want: records(desired), owned: owned, idle: true},
					{what: "after a restart", before: again, desired: desired, owned: owned, idle: true},
					{what: "after a crash", before: func(w *world) { w.daemon.KillAndRestart(w.t) }, desired: desired, owned: owned, idle: true},
					{what: "the other owner again", options: &second, desired: endpoints(),
						want: records(desired), owned: owned, idle: true},
					{what: "change and retype", desired: changed,
						owned: []string{"cname-www.example.test", "a-*.wild.example.test", "a-example.test"}, check: withoutTXT},
					{what: "delete", desired: endpoints(apex), owned: []string{"a-example.test"}},
					{what: "the other owner takes a free name", options: &second, desired: endpoints(www),
						want: records(endpoints(www, apex)), owned: []string{"a-www.example.test", "a-example.test"}},
					{what: "which the first leaves alone, and deletes its last", desired: endpoints(),
						want: records(endpoints(www)), owned: []string{"a-www.example.test"}},
					{what: "the other owner too", options: &second, desired: endpoints(), check: withoutTXT},
				},
			}.run(t)
		})
	}
}

// Every form of the registry's names is understood: which record an ownership
// belongs to decides whether it is listed.
func TestVirtualOwnershipUnderAnyName(t *testing.T) {
	www := record("www.example.test", "A", 300, "192.0.2.1")
	wild := record("*.wild.example.test", "A", 300, "192.0.2.2")
	mail := record("mail.example.test", "MX", 300, "10 www.example.test")
	all := endpoints(www, wild, mail)
	changed := endpoints(
		record("www.example.test", "CNAME", 300, "mail.example.test"),
		record("*.wild.example.test", "A", 300, "192.0.2.22"), mail)
	for name, options := range map[string]loop.Options{
		"plain":                        {},
		"prefix":                       {Prefix: "owner-"},
		"prefix that is a label":       {Prefix: "owner."},
		"prefix with the record type":  {Prefix: "x-%{record_type}."},
		"suffix":                       {Suffix: "-owner"},
		"suffix with the record type":  {Suffix: "-%{record_type}-owner"},
		"wildcard replacement":         {WildcardReplacement: "any"},
		"replacement and prefix":       {WildcardReplacement: "any", Prefix: "own-"},
		"prefix outside of every zone": {Prefix: "own-%{record_type}-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := daemon.Memory("example.test").With("file", filepath.Join(t.TempDir(), "records"))
			backend.Ownership = "virtual"
			scenario{
				backends: map[string]daemon.Backend{"a": backend}, options: options,
				steps: []step{
					{what: "create", desired: all},
					{what: "after a restart", before: func(w *world) { w.daemon.Restart(w.t) }, desired: all, idle: true},
					{what: "change and retype", desired: changed},
					{what: "delete some", desired: without(changed, "www.example.test")},
					{what: "delete all", desired: endpoints()},
				},
			}.run(t)
		})
	}
}

// Ownership in the form of before 0.12 has its record's own name and no label.
func TestVirtualOwnershipOfOldForm(t *testing.T) {
	t.Parallel()
	www := record("www.example.test", "A", 300, "192.0.2.1")
	moved := record("www.example.test", "A", 300, "192.0.2.2")
	old := endpoint.NewEndpoint("www.example.test", endpoint.RecordTypeTXT,
		`"heritage=external-dns,external-dns/owner=owner1,external-dns/resource=ingress/default/www.example.test"`)
	backend := daemon.Memory("example.test")
	backend.Ownership = "virtual"
	second := loop.Options{Owner: "owner2"}
	scenario{
		backends: map[string]daemon.Backend{"a": backend},
		steps: []step{
			{what: "another owner respects it",
				before:  func(w *world) { w.apply(&plan.Changes{Create: endpoints(www, old)}) },
				options: &second, desired: endpoints(moved), idle: true,
				want: records(endpoints(www)), owned: []string{"www.example.test"}},
			{what: "its own renews it", desired: endpoints(moved),
				owned: []string{"a-www.example.test", "www.example.test"}},
		},
	}.run(t)
}

// `ownership = "native"` keeps nothing here: where the backend refuses the
// ownership, the record is set aside with it, or it would belong to nobody.
func TestNativeOwnershipThatIsRefused(t *testing.T) {
	t.Parallel()
	backend := daemon.Backend{Plugin: "flaky", Zones: []string{"example.test"}, Ownership: "native"}
	backend = backend.With("behaviour", "refuse-txt").With("on", []string{"apply"}).
		With("match", "*").With("atomic_units", false)
	w := newWorld(t, daemon.Config{Backends: map[string]daemon.Backend{"a": backend}})
	www := record("www.example.test", "A", 300, "192.0.2.1")
	wild := record("*.wild.example.test", "A", 300, "192.0.2.2")
	l := w.loop(loop.Options{})
	for range 3 {
		w.run(l, endpoints(www, wild))
		ownership, others := listing.Split(w.listed())
		expectSame(t, records(endpoints(www)), others)
		w.expectOwnership([]string{"a-www.example.test"}, ownership)
	}
	w.settle(l, endpoints())
}
