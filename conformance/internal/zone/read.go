package zone

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// patience is how long a server may take to answer.
const patience = 10 * time.Second

// udpSize is what a client of today says that it takes (RFC 9715).
const udpSize = 1232

// Transfer is the zone as a secondary gets it, by AXFR, the second SOA of the
// transfer left out.
func Transfer(server, zone string) ([]dns.RR, error) {
	question := new(dns.Msg).SetAxfr(dns.Fqdn(zone))
	return transfer(&dns.Transfer{}, question, server, zone)
}

// TransferSigned is the zone as whoever has a key gets it.
func TransferSigned(server, zone, key, secret, algorithm string) ([]dns.RR, error) {
	const fudge = 300
	question := new(dns.Msg).SetAxfr(dns.Fqdn(zone))
	question.SetTsig(dns.Fqdn(key), algorithm, fudge, time.Now().Unix())
	return transfer(&dns.Transfer{TsigSecret: map[string]string{dns.Fqdn(key): secret}}, question, server, zone)
}

func transfer(transfer *dns.Transfer, question *dns.Msg, server, zone string) ([]dns.RR, error) {
	transfer.DialTimeout, transfer.ReadTimeout = patience, patience
	envelopes, err := transfer.In(question, server)
	if err != nil {
		return nil, fmt.Errorf("transfer of %s: %w", zone, err)
	}
	var records []dns.RR
	for envelope := range envelopes {
		if envelope.Error != nil {
			err = errors.Join(err, envelope.Error)
		}
		records = append(records, envelope.RR...)
	}
	if err != nil {
		return nil, fmt.Errorf("transfer of %s: %w", zone, err)
	}
	return records[:len(records)-1], nil
}

// File is the zone as its file says.
func File(path, zone string) ([]dns.RR, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parser := dns.NewZoneParser(strings.NewReader(string(content)), dns.Fqdn(zone), path)
	var records []dns.RR
	for record, more := parser.Next(); more; record, more = parser.Next() {
		records = append(records, record)
	}
	return records, parser.Err()
}

// Ask is a question by UDP, and by TCP where the answer is cut off.
func Ask(server, name string, kind uint16) (*dns.Msg, error) {
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind).SetEdns0(udpSize, false)
	question.RecursionDesired = false
	client := &dns.Client{Timeout: patience, UDPSize: udpSize}
	answer, _, err := client.Exchange(question, server)
	if err == nil && answer.Truncated {
		client.Net = "tcp"
		answer, _, err = client.Exchange(question, server)
	}
	if err != nil {
		return nil, fmt.Errorf("question for %s %s: %w", name, dns.TypeToString[kind], err)
	}
	return answer, nil
}

// Answered are the records of the question in its answer. Those of a delegation
// stand in the authority section (RFC 1034, 4.3.2).
func Answered(answer *dns.Msg) []dns.RR {
	question := answer.Question[0]
	section := answer.Answer
	if question.Qtype == dns.TypeNS && !answer.Authoritative {
		section = answer.Ns
	}
	var records []dns.RR
	for _, record := range section {
		header := record.Header()
		if header.Rrtype == question.Qtype && dns.CanonicalName(header.Name) == dns.CanonicalName(question.Name) {
			records = append(records, record)
		}
	}
	return records
}
