package conformance

import (
	"fmt"
	"strings"
	"testing"

	"zonemux.example/conformance/internal/daemon"
)

// Spellings of names. Each is changed once after its creation: a spelling that
// comes back in a form in which ExternalDNS doesn't know it again would lose
// the ownership, and with it every later change.
func TestNames(t *testing.T) { runScenarios(t, nameScenarios()) }

func nameScenarios() []scenario {
	label := strings.Repeat("x", 61)
	var scenarios []scenario
	for _, spelling := range []struct{ name, dnsName string }{
		{"IDN in Unicode", "bücher.example.test"},
		{"IDN in punycode", "xn--bcher-kva.example.test"},
		{"upper case", "WWW.Example.Test"},
		{"trailing dot", "www.example.test."},
		{"underscores", "_acme-challenge.under_score.example.test"},
		{"digits and hyphens", "1-2--3.example.test"},
		{"a label as long as its ownership leaves room for", label + ".example.test"},
		{"many labels", strings.Repeat("a.", 40) + "example.test"},
		{"looks like ownership", "a-www.example.test"},
		{"looks like ownership of another type", "cname-www.example.test"},
	} {
		scenarios = append(scenarios, scenario{name: spelling.name, steps: []step{
			{what: "create", desired: endpoints(raw(spelling.dnsName, "A", 300, "192.0.2.1"))},
			{what: "update", desired: endpoints(raw(spelling.dnsName, "A", 300, "192.0.2.2"))},
			{what: "delete", desired: endpoints()},
		}})
	}
	scenarios = append(scenarios,
		scenario{name: "trailing dot of a target", steps: []step{
			{what: "CNAME", desired: endpoints(raw("www.example.test", "CNAME", 300, "web.example.test."))},
			{what: "MX", desired: endpoints(raw("www.example.test", "MX", 300, "10 mail.example.test."))},
			{what: "the same without", desired: endpoints(raw("www.example.test", "MX", 300, "10 mail.example.test"))},
		}},
		scenario{name: "upper case of a target", steps: []step{
			{what: "CNAME", desired: endpoints(raw("www.example.test", "CNAME", 300, "Web.Example.Test"))},
			{what: "another", desired: endpoints(raw("www.example.test", "CNAME", 300, "Other.Example.Test"))},
		}},
		scenario{name: "IDN of a target", steps: []step{
			{what: "CNAME", desired: endpoints(raw("www.example.test", "CNAME", 300, "bücher.example.test"))},
			{what: "punycode", desired: endpoints(raw("www.example.test", "CNAME", 300, "xn--mnchen-3ya.example.test"))},
		}},
		scenario{name: "zone in another spelling than the names",
			backends: map[string]daemon.Backend{"a": daemon.Memory("Example.Test.", "bücher.test")},
			steps: []step{
				{what: "create", desired: endpoints(
					record("www.example.test", "A", 300, "192.0.2.1"),
					record("www.xn--bcher-kva.test", "A", 300, "192.0.2.1"))},
				{what: "update", desired: endpoints(
					record("www.example.test", "A", 300, "192.0.2.2"),
					record("www.xn--bcher-kva.test", "A", 300, "192.0.2.2"))},
			}},
		scenario{name: "names that differ in one letter", steps: func() (steps []step) {
			var all []string
			for letter := 'a'; letter <= 'z'; letter++ {
				all = append(all, fmt.Sprintf("host%c.example.test", letter))
			}
			for round := 1; round <= 2; round++ {
				current := step{what: fmt.Sprint("round ", round)}
				for _, name := range all {
					current.desired = append(current.desired, record(name, "A", 300, fmt.Sprintf("192.0.2.%d", round)))
				}
				steps = append(steps, current)
			}
			return steps
		}()},
	)
	return scenarios
}
