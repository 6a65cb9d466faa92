// Package model is what a provider must have after the changes of a recorded
// session: a map, and the four lists put into it one after the other.
package model

import (
	"encoding/json"
	"fmt"
	"strings"

	"zonemux.example/conformance/internal/listing"
)

// Zone is the state.
type Zone struct {
	records map[listing.Key]listing.Record
}

// New is an empty zone.
func New() *Zone { return &Zone{records: map[listing.Key]listing.Record{}} }

// Changes are the lists of one POST /records, decoded.
type Changes struct{ Create, UpdateOld, UpdateNew, Delete []listing.Record }

// DecodeChanges reads a body, with the keys in any case and null for any list.
func DecodeChanges(body []byte) (Changes, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return Changes{}, err
	}
	var changes Changes
	lists := map[string]*[]listing.Record{
		"create":    &changes.Create,
		"updateold": &changes.UpdateOld,
		"updatenew": &changes.UpdateNew,
		"delete":    &changes.Delete,
	}
	for key, value := range raw {
		list, known := lists[strings.ToLower(key)]
		if !known {
			return Changes{}, fmt.Errorf("no such list: %s", key)
		}
		records, err := listing.Decode(value)
		if err != nil {
			return Changes{}, fmt.Errorf("%s: %w", key, err)
		}
		*list = records
	}
	return changes, nil
}

// Apply the changes. It fails on what no client sends: a create of what is
// there, a delete or an update of what is not.
func (z *Zone) Apply(changes Changes) error {
	for _, record := range changes.Delete {
		if _, there := z.records[record.Key()]; !there {
			return fmt.Errorf("delete of what is not there: %s", record)
		}
		delete(z.records, record.Key())
	}
	if len(changes.UpdateOld) != len(changes.UpdateNew) {
		return fmt.Errorf("%d updateOld, %d updateNew", len(changes.UpdateOld), len(changes.UpdateNew))
	}
	for _, record := range changes.UpdateNew {
		if _, there := z.records[record.Key()]; !there {
			return fmt.Errorf("update of what is not there: %s", record)
		}
		z.records[record.Key()] = record
	}
	for _, record := range changes.Create {
		if _, there := z.records[record.Key()]; there {
			return fmt.Errorf("create of what is there: %s", record)
		}
		z.records[record.Key()] = record
	}
	return nil
}

// Records of the zone, sorted.
func (z *Zone) Records() []listing.Record {
	records := make([]listing.Record, 0, len(z.records))
	for _, record := range z.records {
		records = append(records, record)
	}
	listing.Sort(records)
	return records
}
