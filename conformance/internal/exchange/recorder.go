// Package exchange looks at every request that ExternalDNS's client sends and
// at every answer that it gets.
package exchange

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Exchange is one request with its answer.
type Exchange struct {
	Method, Path   string
	RequestHeader  http.Header
	RequestBody    []byte
	Status         int
	ResponseHeader http.Header
	ResponseBody   []byte
	Took           time.Duration
	// Failure is why there is no answer: refused, reset, timed out.
	Failure error
}

// String is one line that names the exchange.
func (e Exchange) String() string {
	if e.Failure != nil {
		return fmt.Sprintf("%s %s failed after %s: %v", e.Method, e.Path, e.Took.Round(time.Millisecond), e.Failure)
	}
	return fmt.Sprintf("%s %s answered %d after %s", e.Method, e.Path, e.Status, e.Took.Round(time.Millisecond))
}

// A Check says what is wrong with an exchange, a line for each fault.
type Check func(Exchange) []string

// Recorder is an http.RoundTripper that keeps every exchange and checks it.
type Recorder struct {
	next  http.RoundTripper
	check Check

	mutex     sync.Mutex
	exchanges []Exchange
	faults    []string
}

// NewRecorder wraps a transport.
func NewRecorder(next http.RoundTripper, check Check) *Recorder {
	return &Recorder{next: next, check: check}
}

// RoundTrip sends the request on, and hands the client a copy of the answer.
func (r *Recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	// A URL without a path goes out as "/".
	seen := Exchange{Method: request.Method, Path: cmp.Or(request.URL.Path, "/"), RequestHeader: request.Header.Clone()}
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		_ = request.Body.Close()
		if err != nil {
			return nil, err
		}
		seen.RequestBody = body
		// A RoundTripper may not change the request that it was given.
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
	}

	started := time.Now()
	answer, err := r.next.RoundTrip(request)
	if err == nil {
		seen.Status = answer.StatusCode
		seen.ResponseHeader = answer.Header.Clone()
		seen.ResponseBody, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	seen.Took = time.Since(started)
	seen.Failure = err
	r.keep(seen)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(seen.ResponseBody))
	return answer, nil
}

func (r *Recorder) keep(seen Exchange) {
	var faults []string
	if r.check != nil {
		faults = r.check(seen)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.exchanges = append(r.exchanges, seen)
	for _, fault := range faults {
		r.faults = append(r.faults, seen.String()+": "+fault)
	}
}

// Exchanges are all exchanges up to now.
func (r *Recorder) Exchanges() []Exchange {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Exchange(nil), r.exchanges...)
}

// Faults are what the check found up to now.
func (r *Recorder) Faults() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string(nil), r.faults...)
}

// Count is the number of exchanges of one method and path.
func (r *Recorder) Count(method, path string) int {
	count := 0
	for _, seen := range r.Exchanges() {
		if seen.Method == method && seen.Path == path {
			count++
		}
	}
	return count
}
