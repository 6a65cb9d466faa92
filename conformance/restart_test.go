package conformance

import (
	"path/filepath"
	"testing"

	"zonemux.example/conformance/internal/daemon"
)

// A daemon that ends between two loops comes back with its records.
func TestRestart(t *testing.T) {
	www := record("www.example.test", "A", 300, "192.0.2.1").WithProviderSpecific("webhook/comment", "kept")
	note := raw("bücher.example.test", "TXT", 60, `with "quotes"; and more`)
	set := record("set.example.test", "A", 300, "192.0.2.3").WithSetIdentifier("blue")
	desired := endpoints(www, note, set)
	changed := endpoints(record("www.example.test", "AAAA", 300, "2001:db8::1"), note, set)
	kept := func() map[string]daemon.Backend {
		return map[string]daemon.Backend{"a": daemon.Memory("example.test").With("file", filepath.Join(t.TempDir(), "records"))}
	}
	steps := func(again func(*world)) []step {
		return []step{
			{what: "create", desired: desired},
			{what: "after a restart", before: again, desired: desired, idle: true},
			{what: "change", desired: changed},
			{what: "after another restart", before: again, desired: changed, idle: true},
			{what: "delete", desired: endpoints()},
			{what: "after a third restart", before: again, desired: endpoints(), idle: true},
		}
	}
	runScenarios(t, []scenario{
		{name: "in good order", backends: kept(), steps: steps(func(w *world) { w.daemon.Restart(w.t) })},
		{name: "killed", backends: kept(), steps: steps(func(w *world) { w.daemon.KillAndRestart(w.t) })},
		{name: "without a file nothing is kept", steps: []step{
			{what: "create", desired: desired},
			{what: "after a restart everything is made anew", before: func(w *world) { w.daemon.Restart(w.t) }, desired: desired},
		}},
	})
}
