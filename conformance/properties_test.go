package conformance

import (
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
)

// Annotations `…/webhook-NAME` reach a webhook provider as properties
// `webhook/NAME`.
func TestProperties(t *testing.T) {
	plain := func() *endpoint.Endpoint { return record("www.example.test", "A", 300, "192.0.2.1") }
	commented := plain().WithProviderSpecific("webhook/comment", "hello")

	runScenarios(t, []scenario{
		{name: "webhook properties", steps: []step{
			{what: "create", desired: endpoints(commented)},
			{what: "change", desired: endpoints(plain().WithProviderSpecific("webhook/comment", "good bye"))},
			{what: "add", desired: endpoints(plain().
				WithProviderSpecific("webhook/comment", "good bye").
				WithProviderSpecific("webhook/ttl-class", "slow"))},
			{what: "remove one", desired: endpoints(plain().WithProviderSpecific("webhook/ttl-class", "slow"))},
			{what: "remove all", desired: endpoints(plain())},
			{what: "add to a record that had none", desired: endpoints(commented)},
			{what: "delete", desired: endpoints()},
		}},
		{name: "webhook properties with an update of the record", steps: []step{
			{what: "create", desired: endpoints(commented)},
			{what: "both change", desired: endpoints(record("www.example.test", "A", 60, "192.0.2.2").WithProviderSpecific("webhook/comment", "moved"))},
			{what: "retype", desired: endpoints(record("www.example.test", "CNAME", 60, "web.example.test").WithProviderSpecific("webhook/comment", "moved"))},
		}},
		{name: "a property with an odd value", steps: []step{
			{what: "signs", desired: endpoints(plain().WithProviderSpecific("webhook/comment", `a "b", c=d; é \ <&>`))},
			{what: "nothing", desired: endpoints(plain().WithProviderSpecific("webhook/comment", ""))},
			{what: "a name in upper case", desired: endpoints(plain().WithProviderSpecific("webhook/Comment", "x"))},
		}},
		{name: "properties of other providers never arrive", steps: []step{
			{what: "create", desired: endpoints(plain().WithProviderSpecific("aws/weight", "10")),
				want: records(endpoints(plain()))},
		}},
		{name: "properties differ from set to set", steps: []step{
			{what: "create", desired: endpoints(
				plain().WithSetIdentifier("blue").WithProviderSpecific("webhook/weight", "10"),
				plain().WithSetIdentifier("green").WithProviderSpecific("webhook/weight", "20"))},
			{what: "exchange", desired: endpoints(
				plain().WithSetIdentifier("blue").WithProviderSpecific("webhook/weight", "20"),
				plain().WithSetIdentifier("green").WithProviderSpecific("webhook/weight", "10"))},
		}},
	})
}
