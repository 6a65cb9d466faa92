// Package listing reads what a webhook provider lists, over plain HTTP and with
// its own decoding: none of ExternalDNS's code takes part, so that a mistake
// there can't hide one in the daemon.
package listing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const mediaType = "application/external.dns.webhook+json;version=1"

// Record is one endpoint, as an independent reader understands it.
type Record struct {
	Name          string
	Type          string
	SetIdentifier string
	// TTL in seconds; 0 means that none is set.
	TTL     int64
	Targets []string
	// Properties are the provider-specific ones.
	Properties map[string]string
	Labels     map[string]string
}

// Key names the record set.
type Key struct{ Name, Type, SetIdentifier string }

// Key of the record, with the name in the form that all spellings share.
func (r Record) Key() Key {
	return Key{Name: CanonicalName(r.Name), Type: strings.ToUpper(r.Type), SetIdentifier: r.SetIdentifier}
}

// wire is the JSON form.
type wire struct {
	DNSName          string            `json:"dnsName"`
	RecordType       string            `json:"recordType"`
	SetIdentifier    string            `json:"setIdentifier"`
	RecordTTL        int64             `json:"recordTTL"`
	Targets          []string          `json:"targets"`
	Labels           map[string]string `json:"labels"`
	ProviderSpecific []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"providerSpecific"`
}

func (w wire) record() Record {
	record := Record{
		Name:          w.DNSName,
		Type:          w.RecordType,
		SetIdentifier: w.SetIdentifier,
		TTL:           w.RecordTTL,
		Targets:       w.Targets,
		Labels:        w.Labels,
	}
	for _, property := range w.ProviderSpecific {
		if record.Properties == nil {
			record.Properties = map[string]string{}
		}
		record.Properties[property.Name] = property.Value
	}
	return record
}

// Decode reads a list of endpoints.
func Decode(body []byte) ([]Record, error) {
	var list []wire
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	records := make([]Record, 0, len(list))
	for _, element := range list {
		records = append(records, element.record())
	}
	Sort(records)
	return records, nil
}

// Sort by name, type and set identifier.
func Sort(records []Record) {
	slices.SortFunc(records, func(a, b Record) int {
		x, y := a.Key(), b.Key()
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Type, y.Type), cmp.Compare(x.SetIdentifier, y.SetIdentifier))
	})
}

var client = http.Client{
	Timeout: 30 * time.Second,
	// A connection for each call: nothing is shared with the client under test.
	Transport: &http.Transport{DisableKeepAlives: true},
}

// Get reads `/records` of a provider.
func Get(ctx context.Context, base string) ([]Record, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/records", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", mediaType)
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET /records: status %d: %s", answer.StatusCode, strings.TrimSpace(string(body)))
	}
	if got := answer.Header.Get("Content-Type"); got != mediaType {
		return nil, fmt.Errorf("GET /records: Content-Type %q", got)
	}
	return Decode(body)
}
