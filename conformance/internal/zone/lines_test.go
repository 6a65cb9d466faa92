package zone

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"zonemux.example/conformance/internal/listing"
)

// parsed are records as a zone file has them.
func parsed(t *testing.T, texts ...string) []dns.RR {
	t.Helper()
	var records []dns.RR
	for _, text := range texts {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

func TestWanted(t *testing.T) {
	for _, test := range []struct {
		name   string
		listed listing.Record
		file   []string
	}{
		{"addresses", listing.Record{Name: "www.example.test", Type: "A", TTL: 60, Targets: []string{"192.0.2.2", "192.0.2.1"}},
			[]string{"WWW.example.test. 60 IN A 192.0.2.1", "www.example.test. 60 IN A 192.0.2.2"}},
		{"no TTL", listing.Record{Name: "www.example.test", Type: "AAAA", Targets: []string{"2001:DB8::1"}},
			[]string{"www.example.test. 0 IN AAAA 2001:db8:0::1"}},
		{"names in Unicode", listing.Record{Name: "bücher.example.test", Type: "CNAME", TTL: 60, Targets: []string{"Bücher.example.net"}},
			[]string{"xn--bcher-kva.example.test. 60 IN CNAME xn--bcher-kva.example.net."}},
		{"a name in the last field", listing.Record{Name: "example.test", Type: "MX", TTL: 60, Targets: []string{"10 Mail.example.test"}},
			[]string{"example.test. 60 IN MX 10 mail.example.test."}},
		{"the root", listing.Record{Name: "sip.example.test", Type: "NAPTR", TTL: 60, Targets: []string{`1 2 "U" "E2U+sip" "!^.*$!sip:a@b!" .`}},
			[]string{`sip.example.test. 60 IN NAPTR 1 2 "U" "E2U+sip" "!^.*$!sip:a@b!" .`}},
		{"a text in two strings", listing.Record{Name: "t.example.test", Type: "TXT", TTL: 60, Targets: []string{`"say \"hi\"; " "grüße"`}},
			[]string{`t.example.test. 60 IN TXT "say \"hi\"; gr" "\195\188\195\159e"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wanted, err := Wanted(test.listed)
			if err != nil {
				t.Fatal(err)
			}
			if lines := Difference(Lines(wanted), Lines(parsed(t, test.file...))); len(lines) > 0 {
				t.Errorf("%q", lines)
			}
		})
	}
}

func TestDifference(t *testing.T) {
	for _, test := range []struct{ want, got, lines []string }{
		{nil, nil, nil},
		{[]string{"a", "b"}, []string{"a", "b"}, nil},
		{[]string{"a", "b"}, []string{"b"}, []string{"missing:  a"}},
		{[]string{"b"}, []string{"a", "b", "c"}, []string{"too much: a", "too much: c"}},
		{[]string{"a"}, []string{"b"}, []string{"missing:  a", "too much: b"}},
	} {
		if got := Difference(test.want, test.got); !slices.Equal(got, test.lines) {
			t.Errorf("%q and %q: %q", test.want, test.got, got)
		}
	}
}

func TestTextCounts(t *testing.T) {
	lines := Lines(parsed(t, `t. 60 IN TXT "A"`, `t. 60 IN TXT "a"`, `t. 60 IN TXT "a;"`))
	if len(slices.Compact(lines)) != 3 {
		t.Errorf("texts that differ are taken for the same: %q", lines)
	}
}
