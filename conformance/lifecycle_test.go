package conformance

import (
	"fmt"
	"testing"
)

// What becomes of one address record between its creation and its end.
func TestLifecycle(t *testing.T) { runScenarios(t, lifecycleScenarios()) }

func lifecycleScenarios() []scenario {
	www := record("www.example.test", "A", 300, "192.0.2.1")
	other := record("other.example.test", "A", 300, "192.0.2.7")
	moved := record("www.example.test", "A", 300, "192.0.2.9")
	brief := record("www.example.test", "A", 60, "192.0.2.1")
	two := record("www.example.test", "A", 300, "192.0.2.1", "192.0.2.2")
	alias := record("www.example.test", "CNAME", 300, "other.example.test")
	six := record("www.example.test", "AAAA", 300, "2001:db8::1")

	return []scenario{
		{name: "create", steps: []step{
			{what: "nothing yet", desired: endpoints(), idle: true},
			{what: "one record", desired: endpoints(www)},
			{what: "a second one beside it", desired: endpoints(www, other)},
		}},
		{name: "update of the target", steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "another address", desired: endpoints(moved, other)},
			{what: "and back", desired: endpoints(www, other)},
		}},
		{name: "update of the TTL", steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "shorter", desired: endpoints(brief)},
			{what: "longer", desired: endpoints(www)},
		}},
		{name: "target added and taken away", steps: []step{
			{what: "one", desired: endpoints(www)},
			{what: "two", desired: endpoints(two)},
			{what: "one again", desired: endpoints(www)},
		}},
		{name: "delete", steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "delete one", desired: endpoints(other)},
			{what: "delete the last", desired: endpoints()},
			{what: "no source has anything", desired: nil, idle: true},
		}},
		{name: "delete and create again", steps: []step{
			{what: "create", desired: endpoints(www)},
			{what: "delete", desired: endpoints()},
			{what: "create", desired: endpoints(moved)},
		}},
		{name: "A to CNAME and back", steps: []step{
			{what: "A", desired: endpoints(www, other)},
			{what: "CNAME", desired: endpoints(alias, other)},
			{what: "A", desired: endpoints(www, other)},
		}},
		{name: "A to AAAA", steps: []step{
			{what: "A", desired: endpoints(www)},
			{what: "AAAA", desired: endpoints(six)},
		}},
		{name: "dual stack", steps: []step{
			{what: "A", desired: endpoints(www)},
			{what: "A and AAAA", desired: endpoints(www, six)},
			{what: "A changes beside AAAA", desired: endpoints(moved, six)},
			{what: "AAAA alone", desired: endpoints(six)},
		}},
		{name: "dual stack to CNAME and back", steps: []step{
			{what: "A and AAAA", desired: endpoints(www, six, other)},
			{what: "CNAME", desired: endpoints(alias, other)},
			{what: "A and AAAA", desired: endpoints(www, six, other)},
		}},
		{name: "create, update and delete in one batch", steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "all at once", desired: endpoints(moved, six, record("new.example.test", "A", 300, "192.0.2.33"))},
		}},
		{name: "two names exchange their addresses", steps: []step{
			{what: "create", desired: endpoints(www, other)},
			{what: "exchange", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.7"),
				record("other.example.test", "A", 300, "192.0.2.1"))},
		}},
		{name: "ten changes in a row", steps: func() (steps []step) {
			for n := range 10 {
				steps = append(steps, step{
					what:    fmt.Sprint("change ", n),
					desired: endpoints(record("www.example.test", "A", int64(60+n), fmt.Sprintf("192.0.2.%d", n+1))),
				})
			}
			return steps
		}()},
	}
}
