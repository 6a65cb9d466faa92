package conformance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/zone"
)

// question is what a server is asked.
type question struct {
	name string
	kind uint16
}

// look demands that the zone, as others read it, has the records that are
// listed, its SOA and its NS. Each is answered, and what is gone is not.
func (w *world) look(name string, at site) {
	w.t.Helper()
	found, err := at.read(name)
	if err != nil {
		w.t.Fatal(err)
	}
	got := zone.Lines(withoutOwn(w.t, name, found))
	var want []string
	here := map[question][]dns.RR{}
	for _, record := range w.listed() {
		if !dns.IsSubDomain(apex(name), apex(record.Name)) {
			continue
		}
		wanted, err := zone.Wanted(record)
		if err != nil {
			w.t.Fatal(err)
		}
		want = append(want, zone.Lines(wanted)...)
		here[question{wanted[0].Header().Name, wanted[0].Header().Rrtype}] = wanted
	}
	slices.Sort(want)
	if lines := zone.Difference(want, got); len(lines) > 0 {
		w.t.Fatalf("zone %s is not what is listed:\n%s", name, shorten(lines))
	}
	if at.server != "" {
		w.ask(at.server, apex(name), here)
	}
}

// ask demands an answer for each record set that is here, and none for those
// that were here and are gone.
func (w *world) ask(server, apex string, here map[question][]dns.RR) {
	w.t.Helper()
	covered := false
	for asked, wanted := range here {
		w.answered(server, asked, wanted)
		w.answers[asked] = true
		if suffix, isWildcard := strings.CutPrefix(asked.name, "*."); isWildcard {
			covered = true
			w.answered(server, question{"made-by-the-wildcard." + suffix, asked.kind}, wanted)
		}
	}
	for asked, was := range w.answers {
		// A wildcard may answer for what is gone.
		if _, still := here[asked]; was && !still && !covered && dns.IsSubDomain(apex, asked.name) {
			w.answered(server, asked, nil)
			w.answers[asked] = false
		}
	}
}

// answered demands that the server answers a question with these records, and
// no others of its name and type.
func (w *world) answered(server string, asked question, want []dns.RR) {
	w.t.Helper()
	answer, err := zone.Ask(server, asked.name, asked.kind)
	if err != nil {
		w.t.Fatal(err)
	}
	named := make([]dns.RR, 0, len(want))
	for _, record := range want {
		record = dns.Copy(record)
		record.Header().Name = asked.name
		named = append(named, record)
	}
	if lines := zone.Difference(zone.Lines(named), zone.Lines(zone.Answered(answer))); len(lines) > 0 {
		w.t.Fatalf("%s is not answered with what is listed:\n%s\n%s", asked.name, shorten(lines), answer)
	}
}

// await waits until a server answers: a daemon that starts again is ready as soon
// as it knows what it had listed before, and so a moment before its backends are.
func await(t *testing.T, server, name string) {
	t.Helper()
	if server == "" {
		return
	}
	const limit = 30 * time.Second
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		_, err := zone.Ask(server, apex(name), dns.TypeSOA)
		if err == nil {
			return
		}
		if time.Since(start) > limit {
			t.Fatalf("no answer within %s: %v", limit, err)
		}
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
