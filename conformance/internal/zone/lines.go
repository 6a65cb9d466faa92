// Package zone reads what a DNS server answers, or a zone file says, by a DNS
// library of its own: none of zonemux's code takes part in it.
package zone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/listing"
)

// Lines are the records, each in the one form that all spellings share, sorted.
func Lines(records []dns.RR) []string {
	lines := make([]string, 0, len(records))
	for _, record := range records {
		lines = append(lines, line(record))
	}
	slices.Sort(lines)
	return lines
}

func line(record dns.RR) string {
	record = dns.Copy(record)
	record.Header().Name = dns.CanonicalName(record.Header().Name)
	switch data := record.(type) {
	case *dns.CNAME:
		data.Target = dns.CanonicalName(data.Target)
	case *dns.DNAME:
		data.Target = dns.CanonicalName(data.Target)
	case *dns.NS:
		data.Ns = dns.CanonicalName(data.Ns)
	case *dns.PTR:
		data.Ptr = dns.CanonicalName(data.Ptr)
	case *dns.MX:
		data.Mx = dns.CanonicalName(data.Mx)
	case *dns.SRV:
		data.Target = dns.CanonicalName(data.Target)
	case *dns.NAPTR:
		data.Replacement = dns.CanonicalName(data.Replacement)
	case *dns.TXT:
		// Where a text is cut into strings does not count (RFC 7208, 3.3).
		return record.Header().String() + strconv.Quote(text(data))
	}
	return record.String()
}

// text is what the strings of a TXT record say, which the library keeps escaped.
func text(record *dns.TXT) string {
	var whole strings.Builder
	for _, part := range record.Txt {
		whole.WriteString(listing.Text(`"` + part + `"`))
	}
	return whole.String()
}

// Wanted are the DNS records that a listed record set stands for.
func Wanted(record listing.Record) ([]dns.RR, error) {
	kind, known := dns.StringToType[record.Type]
	if !known {
		return nil, fmt.Errorf("no such type: %s", record)
	}
	header := dns.RR_Header{
		Name:   dns.Fqdn(listing.CanonicalName(record.Name)),
		Rrtype: kind,
		Class:  dns.ClassINET,
		Ttl:    uint32(record.TTL),
	}
	made := make([]dns.RR, 0, len(record.Targets))
	for _, target := range listing.CanonicalTargets(record.Type, record.Targets) {
		if kind == dns.TypeTXT {
			made = append(made, &dns.TXT{Hdr: header, Txt: escaped(target)})
			continue
		}
		parsed, err := dns.NewRR(fmt.Sprintf("%s 0 IN %s %s", header.Name, record.Type, rdata(record.Type, target)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", record, err)
		}
		parsed.Header().Ttl = header.Ttl
		made = append(made, parsed)
	}
	return made, nil
}

// rdata is a target as a zone file has it: with a dot behind names, which are
// the last or the only field.
func rdata(recordType, target string) string {
	switch recordType {
	case "A", "AAAA", "CAA":
		return target
	}
	at := strings.LastIndex(target, " ") + 1
	return target[:at] + dns.Fqdn(target[at:])
}

// escaped is a text in the library's form: as in a zone file, byte by byte.
func escaped(text string) []string {
	var out strings.Builder
	for at := range len(text) {
		fmt.Fprintf(&out, `\%03d`, text[at])
	}
	return []string{out.String()}
}

// Difference says how two sets of lines differ, a line for each point. Both
// must be sorted.
func Difference(want, got []string) []string {
	var lines []string
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0] < got[0]:
			lines = append(lines, "missing:  "+want[0])
			want = want[1:]
		case len(want) == 0 || got[0] < want[0]:
			lines = append(lines, "too much: "+got[0])
			got = got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return lines
}
