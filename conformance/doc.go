// Package conformance proves the zonemux daemon against ExternalDNS's own code.
// All of it is tests; README.md says what they show and how to run them.
package conformance
