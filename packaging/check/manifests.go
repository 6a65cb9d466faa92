// Package packaging reads what packaging/kubernetes/ holds, the way a cluster would: unknown fields, which
// the API server only warns about, are errors here.
package packaging

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const folder = "../kubernetes"

// read gives a file of packaging/kubernetes/.
func read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(folder, name))
}

// decode reads every document of a YAML stream into the Go type of its kind.
func decode(stream []byte) ([]runtime.Object, error) {
	var objects []runtime.Object
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal(document, &meta); err != nil {
			return nil, err
		}
		if meta.Kind == "" {
			continue // only comments
		}
		object, err := scheme.Scheme.New(meta.GroupVersionKind())
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", meta.APIVersion, meta.Kind, err)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			return nil, fmt.Errorf("%s %s: %w", meta.APIVersion, meta.Kind, err)
		}
		objects = append(objects, object)
	}
}

// find gives the only object of a type.
func find[T runtime.Object](objects []runtime.Object) (T, error) {
	var found []T
	for _, object := range objects {
		if typed, ok := object.(T); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		var none T
		return none, fmt.Errorf("%d objects of type %T, not one", len(found), none)
	}
	return found[0], nil
}

// container gives a container of a deployment by its name.
func container(deployment *appsv1.Deployment, name string) (corev1.Container, error) {
	for _, candidate := range deployment.Spec.Template.Spec.Containers {
		if candidate.Name == name {
			return candidate, nil
		}
	}
	return corev1.Container{}, fmt.Errorf("no container %q", name)
}
