package main

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/plan"
)

const zone = "example.test"

// load is what is sent: bodies as ExternalDNS's client encodes them.
type load struct {
	create []byte
	adjust []byte
}

// newLoad makes endpoints like those of a cluster: half of them records, half
// their ownership, with labels and some with properties.
func newLoad(count int) (load, error) {
	endpoints := make([]*endpoint.Endpoint, 0, count)
	for number := 0; len(endpoints) < count; number++ {
		name := fmt.Sprintf("host%d.%s", number, zone)
		resource := fmt.Sprintf("ingress/default/host%d", number)
		record := endpoint.NewEndpointWithTTL(name, endpoint.RecordTypeA, 300,
			fmt.Sprintf("10.%d.%d.%d", number>>16&255, number>>8&255, number&255)).
			WithLabel(endpoint.OwnerLabelKey, "owner1").
			WithLabel(endpoint.ResourceLabelKey, resource)
		if number%10 == 0 {
			record.WithProviderSpecific("webhook/comment", "managed")
		}
		endpoints = append(endpoints, record)
		if len(endpoints) == count {
			break
		}
		ownership := endpoint.NewEndpoint("a-"+name, endpoint.RecordTypeTXT,
			fmt.Sprintf(`"heritage=external-dns,external-dns/owner=owner1,external-dns/resource=%s"`, resource)).
			WithLabel(endpoint.OwnedRecordLabelKey, name)
		endpoints = append(endpoints, ownership)
	}
	create, err := json.Marshal(plan.Changes{Create: endpoints})
	if err != nil {
		return load{}, err
	}
	adjust, err := json.Marshal(endpoints)
	if err != nil {
		return load{}, err
	}
	return load{create: append(create, '\n'), adjust: append(adjust, '\n')}, nil
}
