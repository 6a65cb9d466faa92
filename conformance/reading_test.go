package conformance

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/zone"
)

// look demands that the zone, as others read it, has the records that are
// listed, its SOA and its NS, and that each is answered.
func (w *world) look(name string, at site) {
	w.t.Helper()
	found, err := at.read(name)
	if err != nil {
		w.t.Fatal(err)
	}
	got := zone.Lines(withoutOwn(w.t, name, found))
	var want []string
	for _, record := range w.listed() {
		if slices.ContainsFunc(at.fixed, func(fixed listing.Record) bool { return fixed.Key() == record.Key() }) ||
			!dns.IsSubDomain(apex(name), apex(record.Name)) {
			continue
		}
		wanted, err := zone.Wanted(record, siteTTL)
		if err != nil {
			w.t.Fatal(err)
		}
		want = append(want, zone.Lines(wanted)...)
		if at.server != "" {
			w.answered(at.server, wanted)
		}
	}
	slices.Sort(want)
	if lines := zone.Difference(want, got); len(lines) > 0 {
		w.t.Fatalf("zone %s is not what is listed:\n%s", name, shorten(lines))
	}
}

// answered demands that the server answers a question for a record set with it.
func (w *world) answered(server string, want []dns.RR) {
	w.t.Helper()
	asked := want[0].Header()
	answer, err := zone.Ask(server, asked.Name, asked.Rrtype)
	if err != nil {
		w.t.Fatal(err)
	}
	if lines := zone.Difference(zone.Lines(want), zone.Lines(zone.Answered(answer))); len(lines) > 0 {
		w.t.Fatalf("%s is not answered with what is listed:\n%s\n%s", asked.Name, shorten(lines), answer)
	}
}

// apex is the form of a name that the DNS library compares.
func apex(name string) string { return dns.Fqdn(listing.CanonicalName(name)) }

// withoutOwn takes out what a zone must have beside ExternalDNS's records: its
// SOA, and its name server.
func withoutOwn(t *testing.T, name string, records []dns.RR) []dns.RR {
	t.Helper()
	own := 0
	rest := slices.DeleteFunc(slices.Clone(records), func(record dns.RR) bool {
		if dns.CanonicalName(record.Header().Name) != apex(name) {
			return false
		}
		server, isServer := record.(*dns.NS)
		mine := record.Header().Rrtype == dns.TypeSOA || isServer && dns.CanonicalName(server.Ns) == dns.Fqdn(siteNameServer)
		if mine {
			own++
		}
		return mine
	})
	if own != 2 {
		t.Fatalf("zone %s does not have one SOA and its own NS:\n%s", name, records)
	}
	return rest
}
