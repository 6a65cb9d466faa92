package listing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference says how two sets of records differ, a line for each point, and
// is empty when they are the same. A wanted TTL of 0 is met by any, because
// ExternalDNS compares it so. Labels don't count: a provider need not keep them.
func Difference(want, got []Record) []string {
	var lines []string
	index := func(records []Record, who string) map[Key]Record {
		byKey := make(map[Key]Record, len(records))
		for _, record := range records {
			if _, twice := byKey[record.Key()]; twice {
				lines = append(lines, fmt.Sprintf("%s twice: %s", who, record))
			}
			byKey[record.Key()] = record
		}
		return byKey
	}
	wanted, listed := index(want, "wanted"), index(got, "listed")
	for key, record := range wanted {
		found, ok := listed[key]
		if !ok {
			lines = append(lines, "missing: "+record.String())
			continue
		}
		if !same(record, found) {
			lines = append(lines, fmt.Sprintf("differs: wanted %s\n         listed %s", record, found))
		}
	}
	for key, record := range listed {
		if _, ok := wanted[key]; !ok {
			lines = append(lines, "too much: "+record.String())
		}
	}
	slices.Sort(lines)
	return lines
}

func same(want, got Record) bool {
	if want.TTL > 0 && want.TTL != got.TTL {
		return false
	}
	return slices.Equal(CanonicalTargets(want.Type, want.Targets), CanonicalTargets(got.Type, got.Targets)) &&
		maps.Equal(want.Properties, got.Properties)
}

// String is one line of the record.
func (r Record) String() string {
	line := fmt.Sprintf("%s %d %s %q", r.Name, r.TTL, r.Type, r.Targets)
	if r.SetIdentifier != "" {
		line += " set " + r.SetIdentifier
	}
	for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
		line += fmt.Sprintf(" %s=%s", name, r.Properties[name])
	}
	return line
}

const heritage = "heritage=external-dns"

// Split parts the records of ExternalDNS's TXT registry from all others. Those
// that are encrypted look like any text; name them by their names.
func Split(records []Record, encrypted ...string) (ownership, others []Record) {
	for _, record := range records {
		if IsOwnership(record) || record.Type == "TXT" && slices.ContainsFunc(encrypted, func(name string) bool {
			return CanonicalName(name) == CanonicalName(record.Name)
		}) {
			ownership = append(ownership, record)
			continue
		}
		others = append(others, record)
	}
	return ownership, others
}

// IsOwnership tells a record of the TXT registry.
func IsOwnership(record Record) bool {
	return record.Type == "TXT" && len(record.Targets) > 0 && strings.HasPrefix(Text(record.Targets[0]), heritage)
}
