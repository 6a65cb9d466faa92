package packaging

import (
	"os"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// render gives what ExternalDNS's official chart makes of values.yaml. Its schema refuses values that it does
// not know or that have the wrong type.
func render(t *testing.T, change func(values map[string]any)) ([]runtime.Object, error) {
	t.Helper()
	folder := os.Getenv("ZONEMUX_EXTERNAL_DNS_CHART")
	if folder == "" {
		t.Fatal("ZONEMUX_EXTERNAL_DNS_CHART is not set; `cargo xtask test --only packaging` sets it")
	}
	chart, err := loader.LoadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	file, err := read("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ReadValues(file)
	if err != nil {
		t.Fatal(err)
	}
	change(values)
	release := chartutil.ReleaseOptions{Name: "external-dns", Namespace: "external-dns", IsInstall: true, Revision: 1}
	complete, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, complete)
	if err != nil {
		return nil, err
	}
	var objects []runtime.Object
	for name, text := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		decoded, err := decode([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		objects = append(objects, decoded...)
	}
	return objects, nil
}

func unchanged(map[string]any) {}

func TestChartRunsAConfinedSidecar(t *testing.T) {
	objects, err := render(t, unchanged)
	if err != nil {
		t.Fatal(err)
	}
	deployment := only[*appsv1.Deployment](t, objects)
	for _, fault := range faults(deployment, "webhook") {
		t.Error(fault)
	}
	controller, err := container(deployment, "external-dns")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(controller.Args, "--provider=webhook") {
		t.Errorf("ExternalDNS does not use the webhook: %v", controller.Args)
	}
	sidecar, err := container(deployment, "webhook")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sidecar.Args, []string{"serve"}) || !strings.Contains(sidecar.Image, "zonemux:") {
		t.Errorf("the sidecar is %s %v", sidecar.Image, sidecar.Args)
	}
}

// The schema closes only some tables. Elsewhere a value that the chart does not take would be ignored without
// a word, so every key must be among the chart's own defaults.
func TestChartTakesEveryValue(t *testing.T) {
	folder := os.Getenv("ZONEMUX_EXTERNAL_DNS_CHART")
	chart, err := loader.LoadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	file, err := read("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ReadValues(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range unknown(values, chart.Values, "") {
		t.Errorf("the chart takes no %s", key)
	}
}

func TestTheChartCheckFindsFaults(t *testing.T) {
	_, err := render(t, func(values map[string]any) { values["policy"] = "delete-everything" })
	if err == nil || !strings.Contains(err.Error(), "policy") {
		t.Errorf("a wrong policy passes the schema: %v", err)
	}
	got := unknown(map[string]any{"a": map[string]any{"b": 1, "c": 2}}, map[string]any{"a": map[string]any{"b": 0}}, "")
	if !slices.Equal(got, []string{"a.c"}) {
		t.Errorf("got %v", got)
	}
}

// unknown lists the keys of values that defaults lack. An empty table there is one that takes anything.
func unknown(values, defaults map[string]any, prefix string) []string {
	var found []string
	for key, value := range values {
		known, there := defaults[key]
		table, isTable := value.(map[string]any)
		inner, hasInner := known.(map[string]any)
		switch {
		case !there:
			found = append(found, prefix+key)
		case isTable && hasInner && len(inner) > 0:
			found = append(found, unknown(table, inner, prefix+key+".")...)
		}
	}
	return found
}
