package conformance

import (
	"fmt"

	"sigs.k8s.io/external-dns/endpoint"

	"zonemux.example/conformance/internal/listing"
	"zonemux.example/conformance/internal/loop"
)

// record is a desired endpoint, made as ExternalDNS's sources make theirs.
func record(name, recordType string, ttl int64, targets ...string) *endpoint.Endpoint {
	made := endpoint.NewEndpointWithTTL(name, recordType, endpoint.TTL(ttl), targets...)
	if made == nil {
		panic("ExternalDNS refuses the name " + name)
	}
	return made.WithLabel(endpoint.ResourceLabelKey, "ingress/default/"+name)
}

// raw is a desired endpoint exactly as written, as a DNSEndpoint object or a
// connector may give it.
func raw(name, recordType string, ttl int64, targets ...string) *endpoint.Endpoint {
	return &endpoint.Endpoint{
		DNSName:    name,
		RecordType: recordType,
		RecordTTL:  endpoint.TTL(ttl),
		Targets:    targets,
		Labels:     endpoint.Labels{endpoint.ResourceLabelKey: "crd/default/" + name},
	}
}

// endpoints is a list, and an empty one rather than nil: the client encodes the
// two differently.
func endpoints(list ...*endpoint.Endpoint) []*endpoint.Endpoint {
	return append([]*endpoint.Endpoint{}, list...)
}

// without is a list that lacks the endpoints of one name.
func without(list []*endpoint.Endpoint, name string) []*endpoint.Endpoint {
	var rest []*endpoint.Endpoint
	for _, candidate := range list {
		if candidate.DNSName != name {
			rest = append(rest, candidate)
		}
	}
	return rest
}

// records are endpoints as the independent reader should find them.
func records(list []*endpoint.Endpoint) []listing.Record {
	made := make([]listing.Record, 0, len(list))
	for _, wanted := range list {
		record := listing.Record{
			Name:          wanted.DNSName,
			Type:          wanted.RecordType,
			SetIdentifier: wanted.SetIdentifier,
			TTL:           max(0, int64(wanted.RecordTTL)),
			Targets:       wanted.Targets,
		}
		for _, property := range wanted.ProviderSpecific {
			if record.Properties == nil {
				record.Properties = map[string]string{}
			}
			record.Properties[property.Name] = property.Value
		}
		made = append(made, record)
	}
	return made
}

// ownership is the record of the TXT registry for an endpoint, as a change.
func ownership(options loop.Options, owned *endpoint.Endpoint) *endpoint.Endpoint {
	made := endpoint.NewEndpoint(ownershipName(options, owned.RecordType, owned.DNSName), endpoint.RecordTypeTXT,
		fmt.Sprintf(`"heritage=external-dns,external-dns/owner=%s,external-dns/resource=%s"`,
			options.OwnerID(), owned.Labels[endpoint.ResourceLabelKey]))
	made.Labels[endpoint.OwnedRecordLabelKey] = owned.DNSName
	return made
}

// optionsName tells two ExternalDNS of one test apart.
func optionsName(options loop.Options) string { return fmt.Sprintf("%+v", options) }
