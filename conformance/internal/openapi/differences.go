package openapi

import (
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// A Difference is one point in which the published file and the client that
// people run disagree. There the client is right, because it decides whether
// records are kept; everywhere else the file must hold.
type Difference struct {
	// Name is short, for lists.
	Name string
	// File is what the published file says.
	File string
	// Client is what the client does.
	Client string

	amend func(*openapi3.T)
}

// Differences are in force for every exchange with the current client.
var Differences = []Difference{
	{
		Name: "domain filter",
		File: "the answer of GET / is an object with the key filters",
		Client: "reads include, exclude, regexInclude and regexExclude, ignores filters without a word, " +
			"and manages every domain when none of the four is there; an answer with filters is a fault here",
		amend: func(document *openapi3.T) {
			names := openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())
			replace(document, "filters", openapi3.NewObjectSchema().
				WithProperty("include", names).
				WithProperty("exclude", names).
				WithProperty("regexInclude", openapi3.NewStringSchema()).
				WithProperty("regexExclude", openapi3.NewStringSchema()))
		},
	},
	{
		Name: "status of a passing failure",
		File: "every call fails with 500",
		Client: "treats 500 to 510 alike (the next loop tries again); 503 says better what it is, " +
			"so 503 is allowed beside 500 and nothing else is",
		amend: func(document *openapi3.T) {
			each(document, func(operation *openapi3.Operation) {
				operation.Responses.Set("503", operation.Responses.Value("500"))
			})
		},
	},
	{
		Name:   "no endpoints",
		File:   "the body of POST /adjustendpoints is an array",
		Client: "sends null where its source has no endpoints, since that is how Go encodes an empty list",
		amend: func(document *openapi3.T) {
			media := document.Paths.Value("/adjustendpoints").Post.RequestBody.Value.Content
			for _, content := range media {
				list := *content.Schema.Value
				list.Nullable = true
				content.Schema = list.NewRef()
			}
		},
	},
	{
		Name:   "body of a failure",
		File:   "gives a failure no body",
		Client: "reads up to 1 MiB of it and throws it away; people read it with curl, so a small text is allowed",
		amend: func(document *openapi3.T) {
			each(document, func(operation *openapi3.Operation) {
				for _, status := range []string{"500", "503"} {
					failure := *operation.Responses.Value(status).Value
					failure.Content = openapi3.Content{
						"text/plain":       openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema()),
						"application/json": openapi3.NewMediaType().WithSchema(openapi3.NewSchema()),
					}
					operation.Responses.Set(status, &openapi3.ResponseRef{Value: &failure})
				}
			})
		},
	},
}

// OldSpelling is in force only where requests of old clients are replayed.
var OldSpelling = Difference{
	Name: "spelling of changes",
	File: "the keys of POST /records are create, updateOld, updateNew and delete, each a list",
	Client: "up to 0.16 they are Create, UpdateOld, UpdateNew and Delete, and a list without endpoints " +
		"is null or [], where later clients leave it out",
	amend: func(document *openapi3.T) {
		changes := *document.Components.Schemas["changes"].Value
		endpoints := *document.Components.Schemas["endpoints"].Value
		endpoints.Nullable = true
		changes.Properties = openapi3.Schemas{}
		for _, key := range []string{"Create", "UpdateOld", "UpdateNew", "Delete"} {
			changes.Properties[key] = endpoints.NewRef()
		}
		replace(document, "changes", openapi3.NewOneOfSchema(document.Components.Schemas["changes"].Value, &changes))
	},
}

// replace puts another schema in the place of a named one, in the components
// and wherever an operation refers to it.
func replace(document *openapi3.T, name string, with *openapi3.Schema) {
	reference := "#/components/schemas/" + name
	document.Components.Schemas[name] = with.NewRef()
	each(document, func(operation *openapi3.Operation) {
		var contents []openapi3.Content
		if operation.RequestBody != nil {
			contents = append(contents, operation.RequestBody.Value.Content)
		}
		for _, response := range operation.Responses.Map() {
			contents = append(contents, response.Value.Content)
		}
		for _, content := range contents {
			for _, media := range content {
				if media.Schema != nil && media.Schema.Ref == reference {
					media.Schema = with.NewRef()
				}
			}
		}
	})
}

// each calls for every operation of the document.
func each(document *openapi3.T, call func(*openapi3.Operation)) {
	for _, path := range document.Paths.Map() {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if operation := path.GetOperation(method); operation != nil {
				call(operation)
			}
		}
	}
}
