// Package loop runs ExternalDNS's own reconciliation against a webhook
// provider: its webhook client, its TXT registry and its planner, put together
// in the order of its controller.
//
// The controller package itself can't be imported for this: it draws in the
// SDKs of every DNS provider. What is here is the body of its RunOnce; the
// whole controller is tested as a program.
package loop

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/webhook"
	"sigs.k8s.io/external-dns/registry"
	"sigs.k8s.io/external-dns/registry/txt"
)

// Options are the flags of ExternalDNS that scenarios vary.
type Options struct {
	// Owner is --txt-owner-id; "owner1" when empty.
	Owner string
	// OldOwner is --migrate-from-txt-owner.
	OldOwner string
	// Policy is --policy; "sync" when empty.
	Policy string
	// Prefix and Suffix are --txt-prefix and --txt-suffix.
	Prefix, Suffix string
	// WildcardReplacement is --txt-wildcard-replacement.
	WildcardReplacement string
	// AESKey turns --txt-encrypt-enabled on.
	AESKey string
	// CacheInterval is --txt-cache-interval.
	CacheInterval time.Duration
	// Managed is --managed-record-types; every known type when empty.
	Managed []string
	// Exclude is --exclude-record-types.
	Exclude []string
	// DomainFilter and ExcludeDomains are --domain-filter and --exclude-domains.
	DomainFilter, ExcludeDomains []string
}

// DefaultOwner is the owner of options that name none.
const DefaultOwner = "owner1"

// OwnerID of the options.
func (o Options) OwnerID() string {
	if o.Owner == "" {
		return DefaultOwner
	}
	return o.Owner
}

// Loop is one ExternalDNS.
type Loop struct {
	// Provider is the webhook client.
	Provider provider.Provider
	// Registry stands in front of it.
	Registry registry.Registry

	policy  plan.Policy
	filter  endpoint.DomainFilterInterface
	options Options
}

// New negotiates with the provider, as ExternalDNS does once when it starts.
func New(ctx context.Context, url string, options Options) (*Loop, error) {
	config := externaldns.NewConfig()
	config.WebhookProviderURL = url
	config.TXTOwnerID = options.OwnerID()
	config.TXTOwnerOld = options.OldOwner
	config.TXTPrefix = options.Prefix
	config.TXTSuffix = options.Suffix
	config.TXTWildcardReplacement = options.WildcardReplacement
	config.TXTEncryptEnabled = options.AESKey != ""
	config.TXTEncryptAESKey = options.AESKey
	config.TXTCacheInterval = options.CacheInterval
	config.ExcludeDNSRecordTypes = options.Exclude
	config.ManagedDNSRecordTypes = options.Managed
	if len(options.Managed) == 0 {
		config.ManagedDNSRecordTypes = endpoint.KnownRecordTypes
	}
	options.Managed = config.ManagedDNSRecordTypes

	name := options.Policy
	if name == "" {
		name = "sync"
	}
	policy, known := plan.Policies[name]
	if !known {
		return nil, fmt.Errorf("no such policy: %s", name)
	}
	client, err := webhook.New(ctx, config, nil)
	if err != nil {
		return nil, err
	}
	owned, err := txt.New(config, client)
	if err != nil {
		return nil, err
	}
	return &Loop{
		Provider: client,
		Registry: owned,
		policy:   policy,
		filter:   endpoint.NewDomainFilterWithExclusions(options.DomainFilter, options.ExcludeDomains),
		options:  options,
	}, nil
}

// Plan is a loop up to the changes that it would ask for.
func (l *Loop) Plan(ctx context.Context, desired []*endpoint.Endpoint) (*plan.Changes, error) {
	current, err := l.Registry.Records(ctx)
	if err != nil {
		return nil, err
	}
	adjusted, err := l.Registry.AdjustEndpoints(source(desired))
	if err != nil {
		return nil, fmt.Errorf("adjusting endpoints: %w", err)
	}
	planned := plan.Plan{
		Policies:       []plan.Policy{l.policy},
		Current:        current,
		Desired:        adjusted,
		DomainFilter:   endpoint.MatchAllDomainFilters{l.filter, l.Registry.GetDomainFilter()},
		ManagedRecords: l.options.Managed,
		ExcludeRecords: l.options.Exclude,
		OwnerID:        l.Registry.OwnerID(),
		OldOwnerID:     l.options.OldOwner,
	}
	return planned.Calculate().Changes, nil
}

// Run is one whole loop. It returns the changes that it asked for.
func (l *Loop) Run(ctx context.Context, desired []*endpoint.Endpoint) (*plan.Changes, error) {
	changes, err := l.Plan(ctx, desired)
	if err != nil || !changes.HasChanges() {
		return changes, err
	}
	return changes, l.Registry.ApplyChanges(ctx, changes)
}

// source is what the sources hand to the controller: copies, since planner and
// registry change what they are given, without what other providers understand.
func source(desired []*endpoint.Endpoint) []*endpoint.Endpoint {
	if desired == nil {
		return nil
	}
	copies := make([]*endpoint.Endpoint, 0, len(desired))
	for _, wanted := range desired {
		wanted = wanted.DeepCopy()
		wanted.RetainProviderProperties("webhook")
		copies = append(copies, wanted)
	}
	return copies
}
