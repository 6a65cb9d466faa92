package listing

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// CanonicalName is the form that all spellings of a name share: lower case,
// without the trailing dot, and A-labels (RFC 5890) instead of Unicode.
func CanonicalName(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	// Punycode alone maps Unicode labels and leaves `*` and `_` labels as they are.
	if ascii, err := idna.Punycode.ToASCII(name); err == nil {
		name = ascii
	}
	return name
}

// CanonicalTargets are the targets in the form that all spellings share, sorted.
func CanonicalTargets(recordType string, targets []string) []string {
	canonical := make([]string, 0, len(targets))
	for _, target := range targets {
		canonical = append(canonical, canonicalTarget(recordType, target))
	}
	slices.Sort(canonical)
	return canonical
}

func canonicalTarget(recordType, target string) string {
	switch recordType {
	case "A", "AAAA":
		if address, err := netip.ParseAddr(target); err == nil {
			return address.String()
		}
		return target
	case "TXT":
		return Text(target)
	case "CAA":
		// The fields are text in quotes, and case matters in them.
		return target
	case "NAPTR":
		// Only the last field is a name.
		if at := strings.LastIndex(target, " "); at >= 0 {
			return target[:at+1] + CanonicalName(target[at+1:])
		}
		return target
	case "MX", "SRV":
		fields := strings.Fields(target)
		if len(fields) > 0 {
			fields[len(fields)-1] = CanonicalName(fields[len(fields)-1])
		}
		return strings.Join(fields, " ")
	default:
		return CanonicalName(target)
	}
}

// Text is what a TXT target says. ExternalDNS sends it both as plain text and
// in zone file form: one or more strings in quotes, with backslash escapes
// (RFC 1035, 5.1), to be read one after the other.
func Text(target string) string {
	if text, quoted := unquote(target); quoted {
		return text
	}
	return target
}

// unquote reads the zone file form. The second result is false when the target
// is something else, such as plain text that has a quote in it.
func unquote(target string) (string, bool) {
	var text strings.Builder
	rest := strings.TrimSpace(target)
	if rest == "" {
		return "", false
	}
	for rest != "" {
		if rest[0] != '"' {
			return "", false
		}
		end, ok := readString(rest[1:], &text)
		if !ok {
			return "", false
		}
		rest = strings.TrimLeft(rest[1+end:], " \t")
	}
	return text.String(), true
}

// readString reads up to the closing quote, and says how many bytes that took.
func readString(from string, to *strings.Builder) (int, bool) {
	for at := 0; at < len(from); at++ {
		switch from[at] {
		case '"':
			return at + 1, true
		case '\\':
			at++
			if at == len(from) {
				return 0, false
			}
			if at+2 < len(from) && isDigit(from[at]) && isDigit(from[at+1]) && isDigit(from[at+2]) {
				code := int(from[at]-'0')*100 + int(from[at+1]-'0')*10 + int(from[at+2]-'0')
				if code > 255 {
					return 0, false
				}
				to.WriteByte(byte(code))
				at += 2
				continue
			}
			to.WriteByte(from[at])
		default:
			to.WriteByte(from[at])
		}
	}
	return 0, false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
