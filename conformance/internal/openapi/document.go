// Package openapi checks exchanges against the OpenAPI file that the ExternalDNS
// module carries, api/webhook.yaml.
package openapi

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

const module = "sigs.k8s.io/external-dns"

// Checker holds the file with the known differences worked in.
type Checker struct {
	router routers.Router
}

// New reads the file of the ExternalDNS version that this module is built
// with, and works in Differences and any further ones.
func New(further ...Difference) (*Checker, error) {
	directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("where is the source of %s: %w", module, err)
	}
	path := filepath.Join(strings.TrimSpace(string(directory)), "api", "webhook.yaml")
	document, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// The file allows unknown keys everywhere, simply by not speaking of them.
	// A misspelt key would pass unseen, so they are refused.
	for _, schema := range document.Components.Schemas {
		closeObjects(schema.Value)
	}
	for _, difference := range append(append([]Difference(nil), Differences...), further...) {
		difference.amend(document)
	}
	for _, schema := range document.Components.Schemas {
		closeObjects(schema.Value)
	}
	// Daemons listen on ports of their own.
	document.Servers = nil
	if err := document.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("%s with the known differences: %w", path, err)
	}
	router, err := legacy.NewRouter(document, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Checker{router: router}, nil
}

// closeObjects refuses unknown keys of every object in the schema that does
// not speak of them.
func closeObjects(schema *openapi3.Schema) {
	if schema.Type.Is(openapi3.TypeObject) && schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
		refused := false
		schema.AdditionalProperties.Has = &refused
	}
	if schema.Items != nil {
		closeObjects(schema.Items.Value)
	}
	for _, property := range schema.Properties {
		closeObjects(property.Value)
	}
}
