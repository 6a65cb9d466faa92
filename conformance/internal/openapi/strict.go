package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// integer is how Go's decoder accepts an int64: 300.0 and 3e2 are refused.
var integer = regexp.MustCompile(`^-?\d+$`)

// strictJSON finds JSON that the file allows but that ends the client, or
// makes it forget what it has: a number for recordTTL that isn't written as an
// integer, a null where an object is due, anything after the document and, in a
// listing, two endpoints of one key.
func strictJSON(body []byte, isListing bool) []string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return []string{"not JSON: " + err.Error()}
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return []string{"more than one JSON document"}
	}
	if document == nil {
		return []string{"null, where the client needs a list or an object"}
	}
	list, isList := document.([]any)
	if !isList {
		return nil
	}
	var faults []string
	type key struct{ name, kind, set string }
	seen := map[key]bool{}
	for index, element := range list {
		endpoint, isObject := element.(map[string]any)
		if !isObject {
			faults = append(faults, fmt.Sprintf("element %d is %v: a nil pointer in the client", index, element))
			continue
		}
		if ttl, given := endpoint["recordTTL"]; given {
			if number, isNumber := ttl.(json.Number); !isNumber || !integer.MatchString(number.String()) {
				faults = append(faults, fmt.Sprintf("element %d: recordTTL %v is not an integer for the client", index, ttl))
			}
		}
		at := key{name: text(endpoint["dnsName"]), kind: text(endpoint["recordType"]), set: text(endpoint["setIdentifier"])}
		if isListing && seen[at] {
			faults = append(faults, fmt.Sprintf("element %d: a second endpoint for %v, of which the planner sees only the last", index, at))
		}
		seen[at] = true
	}
	return faults
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
