// Package random makes desired states out of a seed: all the types that
// ExternalDNS knows, in every spelling that it lets through.
package random

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"sigs.k8s.io/external-dns/endpoint"
)

// Zones that the names of all endpoints are in.
var Zones = []string{"example.test", "2.0.192.in-addr.arpa"}

var (
	ttls    = []endpoint.TTL{0, 1, 30, 60, 299, 3600, 86400, math.MaxInt32, math.MaxInt32 + 1, -1}
	numbers = []string{"0", "1", "10", "007", "65535"}
	names   = []string{"n%d", "N%dUpper", "bücher%d", "xn--bcher%d-kva", "*.w%d", "_443._tcp.n%d", "a.b.c%d"}
	words   = []string{"", "x", "Hello", `a "b", c`, "é"}
	texts   = []string{
		"", "plain", "CASE", "case", "two words", " padded ", `say "hi"`, "a;b,c=d", `escaped \\ and \"`, "grüße",
		`"in quotes"`, `"two" "strings"`, `"a \"quoted\" word"`, strings.Repeat("x", 255), strings.Repeat("y", 600),
	}
	// Properties that sources of a webhook provider let through.
	properties = []string{"webhook/known", "webhook/other"}
)

// Source makes endpoints; the same for the same seed.
type Source struct{ *rand.Rand }

// New is a source for a seed.
func New(seed uint64) Source { return Source{rand.New(rand.NewPCG(seed, 0))} }

// Endpoints is a desired state. No two of its endpoints are in each other's
// way, and ExternalDNS would drop none of them.
func (s Source) Endpoints() []*endpoint.Endpoint {
	var made []*endpoint.Endpoint
	for number := range 24 {
		name := fmt.Sprintf(pick(s, names), number) + ".example.test"
		switch s.IntN(8) {
		case 0:
			made = append(made, s.record(name, "CNAME", s.host()))
		case 1:
			made = append(made, s.record(fmt.Sprintf("%d.2.0.192.in-addr.arpa", number), "PTR", s.several(s.host)...))
		case 2:
			// Nothing may stand below it, so its name is nobody's parent.
			made = append(made, s.record(fmt.Sprintf("tree%d.example.test", number), "DNAME", s.host()))
		case 3:
			for _, set := range []string{"blue", "green"} {
				one := s.record(fmt.Sprintf("set%d.example.test", number), "A", s.several(s.ipv4)...)
				made = append(made, one.WithSetIdentifier(set))
			}
		default:
			made = append(made, s.together(name)...)
		}
	}
	return made
}

// together are some of the types that stand together at one name.
func (s Source) together(name string) []*endpoint.Endpoint {
	var made []*endpoint.Endpoint
	for _, of := range []struct {
		recordType string
		target     func() string
	}{
		{"A", s.ipv4},
		{"AAAA", s.ipv6},
		{"TXT", func() string { return pick(s, texts) }},
		{"MX", func() string { return pick(s, numbers) + " " + s.host() }},
		{"NS", s.host},
		{"SRV", func() string { return "0 " + pick(s, numbers) + " 443 " + strings.TrimSuffix(s.host(), ".") + "." }},
		{"NAPTR", func() string { return pick(s, numbers) + ` 1 u "E2U+sip" "!^.*$!sip:i@b.test!" ` + s.host() }},
	} {
		if s.IntN(3) == 0 {
			made = append(made, s.record(name, of.recordType, s.several(of.target)...))
		}
	}
	return made
}

func (s Source) record(name, recordType string, targets ...string) *endpoint.Endpoint {
	// ExternalDNS takes a PTR's name without the dot only.
	if recordType != endpoint.RecordTypePTR && s.IntN(4) == 0 {
		name += "."
	}
	made := &endpoint.Endpoint{
		DNSName:    name,
		RecordType: recordType,
		RecordTTL:  pick(s, ttls),
		Targets:    targets,
		Labels:     endpoint.Labels{endpoint.ResourceLabelKey: "crd/default/" + name},
	}
	for _, property := range properties {
		if s.IntN(4) == 0 {
			made.SetProviderSpecificProperty(property, pick(s, words))
		}
	}
	if !made.CheckEndpoint() {
		panic("ExternalDNS would drop this endpoint: " + made.String())
	}
	return made
}

// several targets, some of them twice.
func (s Source) several(target func() string) []string {
	var targets []string
	for range 1 + s.IntN(3) {
		targets = append(targets, target())
	}
	if s.IntN(3) == 0 {
		targets = append(targets, targets[0])
	}
	s.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	return slices.Clip(targets)
}

func (s Source) ipv4() string { return fmt.Sprintf("192.0.2.%d", 1+s.IntN(9)) }

func (s Source) ipv6() string {
	return fmt.Sprintf(pick(s, []string{"2001:db8::%x", "2001:DB8:0::%X", "2001:0db8:0:0:0:0:0:%04x"}), 1+s.IntN(15))
}

func (s Source) host() string {
	return pick(s, []string{"web.example.net", "Web.Example.net.", "web.example.net.", "bücher.example.net", "MAIL.example.net"})
}

func pick[T any](s Source, from []T) T { return from[s.IntN(len(from))] }
