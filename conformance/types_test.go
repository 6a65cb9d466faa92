package conformance

import (
	"testing"

	"zonemux.example/conformance/internal/daemon"
	"zonemux.example/conformance/internal/loop"
)

// Each record type that ExternalDNS manages.
func TestTypes(t *testing.T) { runScenarios(t, typeScenarios()) }

func typeScenarios() []scenario {
	// A prefix that ends in a dot keeps the ownership of an apex record inside
	// its zone.
	apexOptions := loop.Options{Prefix: "x-%{record_type}."}

	return []scenario{
		{name: "wildcard", steps: []step{
			{what: "A", desired: endpoints(record("*.example.test", "A", 300, "192.0.2.1"))},
			{what: "beside a name that it covers", desired: endpoints(
				record("*.example.test", "A", 300, "192.0.2.2"),
				record("www.example.test", "A", 300, "192.0.2.3"))},
			{what: "CNAME", desired: endpoints(
				record("*.example.test", "CNAME", 300, "www.example.test"),
				record("www.example.test", "A", 300, "192.0.2.3"))},
			{what: "gone", desired: endpoints(record("www.example.test", "A", 300, "192.0.2.3"))},
		}},
		{name: "apex", options: apexOptions, steps: []step{
			{what: "A", desired: endpoints(record("example.test", "A", 300, "192.0.2.1"))},
			{what: "A, AAAA and MX", desired: endpoints(
				record("example.test", "A", 300, "192.0.2.2"),
				record("example.test", "AAAA", 300, "2001:db8::2"),
				record("example.test", "MX", 300, "10 mail.example.test"))},
			{what: "gone", desired: endpoints()},
		}},
		{name: "CNAME", steps: []step{
			{what: "inside the zone", desired: endpoints(record("www.example.test", "CNAME", 300, "web.example.test"))},
			{what: "outside the zone", desired: endpoints(record("www.example.test", "CNAME", 300, "lb.example.net"))},
		}},
		{name: "CNAME with the alias property", steps: []step{
			{what: "create", anyProperties: true, desired: endpoints(
				record("www.example.test", "CNAME", 300, "web.example.test").WithProviderSpecific("alias", "true"))},
		}},
		{name: "MX", steps: []step{
			{what: "several", desired: endpoints(record("mail.example.test", "MX", 300, "10 mx1.example.test", "20 mx2.example.test", "20 mx3.example.test"))},
			{what: "another preference", desired: endpoints(record("mail.example.test", "MX", 300, "10 mx1.example.test", "30 mx2.example.test", "20 mx3.example.test"))},
			{what: "one", desired: endpoints(record("mail.example.test", "MX", 300, "10 mx1.example.test"))},
		}},
		{name: "SRV", steps: []step{
			{what: "one", desired: endpoints(record("_sip._tcp.example.test", "SRV", 300, "10 5 5060 sip.example.test."))},
			{what: "two", desired: endpoints(record("_sip._tcp.example.test", "SRV", 300, "10 5 5060 sip.example.test.", "20 5 5061 sip2.example.test."))},
			{what: "another port", desired: endpoints(record("_sip._tcp.example.test", "SRV", 300, "10 5 5062 sip.example.test."))},
			{what: "none", desired: endpoints()},
		}},
		{name: "NAPTR", steps: []step{
			{what: "create", desired: endpoints(record("sip.example.test", "NAPTR", 300, `100 10 "U" "E2U+sip" "!^.*$!sip:info@example.test!" .`))},
			{what: "two", desired: endpoints(record("sip.example.test", "NAPTR", 300,
				`100 10 "U" "E2U+sip" "!^.*$!sip:info@example.test!" .`,
				`110 10 "s" "SIP+D2U" "" _sip._udp.example.test.`))},
		}},
		{name: "PTR of IPv4 and IPv6",
			backends: map[string]daemon.Backend{
				"four": daemon.Memory("2.0.192.in-addr.arpa"),
				"six":  daemon.Memory("8.b.d.0.1.0.0.2.ip6.arpa"),
			},
			steps: []step{
				{what: "create", desired: endpoints(
					record("1.2.0.192.in-addr.arpa", "PTR", 300, "www.example.test"),
					record("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR", 300, "www.example.test"))},
				{what: "another name", desired: endpoints(record("1.2.0.192.in-addr.arpa", "PTR", 300, "web.example.test"))},
			}},
		{name: "NS delegation", steps: []step{
			{what: "create", desired: endpoints(record("sub.example.test", "NS", 300, "ns1.example.net", "ns2.example.net"))},
			{what: "another server", desired: endpoints(record("sub.example.test", "NS", 300, "ns1.example.net", "ns3.example.net"))},
			{what: "gone", desired: endpoints()},
		}},
		{name: "DNAME", steps: []step{
			{what: "create", desired: endpoints(record("old.example.test", "DNAME", 300, "new.example.test"))},
			{what: "another target", desired: endpoints(record("old.example.test", "DNAME", 300, "newer.example.test"))},
		}},
		{name: "every type at once", steps: []step{
			{what: "create", desired: endpoints(
				record("a.example.test", "A", 300, "192.0.2.1"),
				record("aaaa.example.test", "AAAA", 300, "2001:db8::1"),
				record("cname.example.test", "CNAME", 300, "a.example.test"),
				record("mx.example.test", "MX", 300, "10 a.example.test"),
				record("txt.example.test", "TXT", 300, "some text"),
				record("_x._udp.example.test", "SRV", 300, "0 0 53 a.example.test."),
				record("ns.example.test", "NS", 300, "a.example.test"),
				record("naptr.example.test", "NAPTR", 300, `1 1 "" "" "" a.example.test.`),
				record("dname.example.test", "DNAME", 300, "a.example.test"))},
			{what: "delete", desired: endpoints()},
		}},
		{name: "a type that ExternalDNS has no name for",
			options: loop.Options{Managed: []string{"CAA"}},
			steps: []step{
				// ExternalDNS passes CAA on when told to manage it, but can't read its own ownership record
				// for it again: it creates, and from then on takes the record for someone else's.
				{what: "CAA", desired: endpoints(record("caa.example.test", "CAA", 300, `0 issue "ca.example.net"`))},
			}},
	}
}
