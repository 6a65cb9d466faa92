package listing

import (
	"slices"
	"testing"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ name, target, want string }{
		{"plain text is itself", `v=spf1 include:example.org -all`, `v=spf1 include:example.org -all`},
		{"quotes are taken off", `"heritage=external-dns,external-dns/owner=x"`, `heritage=external-dns,external-dns/owner=x`},
		{"strings are joined", `"abc" "def"`, `abcdef`},
		{"escapes are undone", `"a\"b\\c\059"`, `a"b\c;`},
		{"a quote inside plain text stays", `say "hi" now`, `say "hi" now`},
		{"an open quote is plain text", `"abc`, `"abc`},
		{"an empty string", `""`, ``},
		{"an escape out of range is plain text", `"\999"`, `"\999"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Text(test.target); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCanonicalName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"WWW.Example.Test.", "www.example.test"},
		{"bücher.example.test", "xn--bcher-kva.example.test"},
		{"*._domainkey.example.test", "*._domainkey.example.test"},
	} {
		if got := CanonicalName(test.name); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestDifference(t *testing.T) {
	www := Record{Name: "www.example.test", Type: "A", TTL: 300, Targets: []string{"192.0.2.1", "192.0.2.2"}}
	same := Record{Name: "WWW.example.test.", Type: "A", TTL: 300, Targets: []string{"192.0.2.2", "192.0.2.1"}}
	if lines := Difference([]Record{www}, []Record{same}); len(lines) != 0 {
		t.Errorf("spellings count: %q", lines)
	}
	untimed := www
	untimed.TTL = 0
	if lines := Difference([]Record{untimed}, []Record{www}); len(lines) != 0 {
		t.Errorf("a TTL that nobody asked for counts: %q", lines)
	}
	for name, got := range map[string][]Record{
		"missing":  nil,
		"twice":    {www, same},
		"TTL":      {untimed},
		"target":   {{Name: www.Name, Type: "A", TTL: 300, Targets: []string{"192.0.2.1"}}},
		"property": {{Name: www.Name, Type: "A", TTL: 300, Targets: www.Targets, Properties: map[string]string{"a": "b"}}},
		"too much": {www, {Name: "x.example.test", Type: "A"}},
	} {
		if len(Difference([]Record{www}, got)) == 0 {
			t.Errorf("%s: no difference seen", name)
		}
	}
}

func TestSplit(t *testing.T) {
	records := []Record{
		{Name: "a-www.example.test", Type: "TXT", Targets: []string{`"heritage=external-dns,external-dns/owner=x"`}},
		{Name: "hidden.example.test", Type: "TXT", Targets: []string{`"0aGVyaXRhZ2U="`}},
		{Name: "note.example.test", Type: "TXT", Targets: []string{"heritage of ours"}},
	}
	ownership, others := Split(records, "hidden.example.test")
	names := func(records []Record) (names []string) {
		for _, record := range records {
			names = append(names, record.Name)
		}
		return names
	}
	if got := names(ownership); !slices.Equal(got, []string{"a-www.example.test", "hidden.example.test"}) {
		t.Errorf("ownership: %q", got)
	}
	if got := names(others); !slices.Equal(got, []string{"note.example.test"}) {
		t.Errorf("others: %q", got)
	}
}
