package conformance

import (
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// TXT records of users, which come as plain text, and whatever people put there.
func TestText(t *testing.T) { runScenarios(t, textScenarios()) }

func textScenarios() []scenario {
	long := strings.Repeat("0123456789abcdef", 19) // 304 bytes
	longer := strings.Repeat("abcdefghij", 200)    // 2,000 bytes

	var scenarios []scenario
	for _, text := range []struct{ name, first, second string }{
		{"policy with spaces", `v=spf1 include:example.org -all`, `v=spf1 include:example.net ~all`},
		{"quotes", `say "hello"`, `say "good bye" now`},
		{"commas", `a,b,c`, `a,b,,c`},
		{"semicolons", `v=DMARC1; p=none; rua=mailto:dmarc@example.test`, `v=DMARC1; p=reject`},
		{"equals signs", `key=value=other`, `=`},
		{"more than 255 bytes", long, long + "x"},
		{"exactly 255 bytes, then 256", strings.Repeat("x", 255), strings.Repeat("x", 256)},
		{"two thousand bytes", longer, "short"},
		{"in quotes already", `"one string"`, `"another string"`},
		{"two strings in quotes", `"first" "second"`, `"first" "third"`},
		{"escapes in quotes", `"a \"quoted\" word"`, `"a back\\slash"`},
		{"spaces at both ends", ` padded `, `  padded`},
		{"not ASCII", `grüße aus zürich`, `日本語`},
		{"percent signs and braces", `%{record_type} {json: "yes"}`, `${HOME} $(x)`},
		{"looks like an address", `192.0.2.1`, `2001:DB8::1`},
		{"looks like ownership", `heritage of mankind`, `external-dns`},
		{"upper case counts", `ABC`, `AbCd`},
	} {
		scenarios = append(scenarios, scenario{name: text.name, steps: []step{
			{what: "create", desired: endpoints(raw("note.example.test", "TXT", 300, text.first))},
			{what: "update", desired: endpoints(raw("note.example.test", "TXT", 300, text.second))},
			{what: "delete", desired: endpoints()},
		}})
	}
	note := func(text string) []*endpoint.Endpoint {
		return endpoints(raw("note.example.test", "TXT", 300, text))
	}
	scenarios = append(scenarios,
		// A backslash escapes in both forms, as in the zone files that people copy from.
		scenario{name: "backslashes", steps: []step{
			{what: "create", desired: note(`C:\\zone\\file`), want: records(note(`"C:\\zone\\file"`))},
			{what: "update", desired: note(`v=DKIM1\; k=rsa`), want: records(note(`"v=DKIM1; k=rsa"`))},
			{what: "delete", desired: endpoints()},
		}},
		scenario{name: "several values", steps: []step{
			{what: "three", desired: endpoints(raw("note.example.test", "TXT", 300, "one", "two; with, signs", "three words here"))},
			{what: "two", desired: endpoints(raw("note.example.test", "TXT", 300, "three words here", "one"))},
		}},
		scenario{name: "beside an address of the same name", steps: []step{
			{what: "both", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.1"),
				raw("www.example.test", "TXT", 300, "some text"))},
			{what: "the text changes", desired: endpoints(
				record("www.example.test", "A", 300, "192.0.2.1"),
				raw("www.example.test", "TXT", 300, "other text"))},
			{what: "the address goes", desired: endpoints(raw("www.example.test", "TXT", 300, "other text"))},
		}},
		scenario{name: "DKIM key", steps: []step{
			{what: "create", desired: endpoints(dkim(392))},
			{what: "another key", desired: endpoints(dkim(736))},
		}},
	)
	return scenarios
}

// dkim is a key record with so many bytes of key.
func dkim(size int) *endpoint.Endpoint {
	return raw("selector._domainkey.example.test", "TXT", 3600, `v=DKIM1; k=rsa; p=`+strings.Repeat("MIGf", size/4))
}
