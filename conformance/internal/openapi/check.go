package openapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"

	"zonemux.example/conformance/internal/exchange"
)

// MediaType is the only one that the client accepts, compared byte for byte.
const MediaType = "application/external.dns.webhook+json;version=1"

// Check says in what the exchange departs from the file. Exchanges without an
// answer have nothing to check: the client reports them itself.
func (c *Checker) Check(seen exchange.Exchange) []string {
	if seen.Failure != nil {
		return nil
	}
	request, err := http.NewRequest(seen.Method, (&url.URL{Path: seen.Path}).String(), bytes.NewReader(seen.RequestBody))
	if err != nil {
		return []string{err.Error()}
	}
	request.Header = seen.RequestHeader.Clone()
	route, parameters, err := c.router.FindRoute(request)
	if err != nil {
		return []string{"no such call in the OpenAPI file: " + err.Error()}
	}
	input := &openapi3filter.RequestValidationInput{
		Request:    request,
		PathParams: parameters,
		Route:      route,
		Options:    &openapi3filter.Options{IncludeResponseStatus: true},
	}
	var faults []string
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		faults = append(faults, "request against the OpenAPI file: "+err.Error())
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input,
		Status:                 seen.Status,
		Header:                 seen.ResponseHeader,
		Body:                   io.NopCloser(bytes.NewReader(seen.ResponseBody)),
		Options:                input.Options,
	})
	if err != nil {
		faults = append(faults, "answer against the OpenAPI file: "+err.Error())
	}
	return append(faults, stricter(seen)...)
}

// stricter is what the file leaves open and the client does not.
func stricter(seen exchange.Exchange) []string {
	var faults []string
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }
	contentType := seen.ResponseHeader.Get("Content-Type")
	switch {
	case seen.Status == http.StatusNoContent:
		if len(seen.ResponseBody) != 0 {
			fault("a 204 with a body of %d bytes", len(seen.ResponseBody))
		}
	case seen.Status == http.StatusOK:
		// GET / is compared with !=, so neither a space nor a charset is allowed.
		if contentType != MediaType {
			fault("Content-Type is %q, the client demands %q", contentType, MediaType)
		}
		// Only of what is listed there may be one of each; sources may contradict each other.
		faults = append(faults, strictJSON(seen.ResponseBody, seen.Method == http.MethodGet)...)
	case seen.Status >= http.StatusInternalServerError:
		if len(bytes.TrimSpace(seen.ResponseBody)) == 0 {
			fault("a failure without a word why")
		}
		if len(seen.ResponseBody) > 64<<10 {
			fault("a failure with a body of %d bytes", len(seen.ResponseBody))
		}
		if strings.Contains(contentType, "external.dns.webhook") {
			fault("a failure with the media type of an answer")
		}
	}
	return faults
}
