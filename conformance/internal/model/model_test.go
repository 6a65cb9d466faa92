package model

import "testing"

func TestApply(t *testing.T) {
	zone := New()
	apply := func(body string) error {
		t.Helper()
		changes, err := DecodeChanges([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return zone.Apply(changes)
	}
	expect := func(want string) {
		t.Helper()
		got := ""
		for _, record := range zone.Records() {
			got += record.String() + "\n"
		}
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	// Both spellings of the keys, with null and with lists left out.
	if err := apply(`{"Create":[{"dnsName":"b.test","recordType":"A","targets":["192.0.2.1"]},
		{"dnsName":"a.test","recordType":"A","targets":["192.0.2.2"],"setIdentifier":"x"}],"UpdateOld":null,"UpdateNew":[],"Delete":null}`); err != nil {
		t.Fatal(err)
	}
	expect("a.test 0 A [\"192.0.2.2\"] set x\nb.test 0 A [\"192.0.2.1\"]\n")
	if err := apply(`{"updateOld":[{"dnsName":"b.test","recordType":"A"}],
		"updateNew":[{"dnsName":"b.test","recordType":"A","targets":["192.0.2.9"],"recordTTL":60,"providerSpecific":[{"name":"n","value":"v"}]}],
		"delete":[{"dnsName":"a.test","recordType":"A","setIdentifier":"x"}]}`); err != nil {
		t.Fatal(err)
	}
	expect("b.test 60 A [\"192.0.2.9\"] n=v\n")
	for _, body := range []string{
		`{"create":[{"dnsName":"b.test","recordType":"A"}]}`,
		`{"delete":[{"dnsName":"c.test","recordType":"A"}]}`,
		`{"updateNew":[{"dnsName":"c.test","recordType":"A"}]}`,
	} {
		if apply(body) == nil {
			t.Errorf("taken, though no client sends it: %s", body)
		}
	}
	if _, err := DecodeChanges([]byte(`{"creates":[]}`)); err == nil {
		t.Error("an unknown list was taken")
	}
}
