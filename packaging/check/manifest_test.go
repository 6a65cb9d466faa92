package packaging

import (
	"bytes"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

func manifest(t *testing.T) []runtime.Object {
	t.Helper()
	text, err := read("manifest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func only[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	object, err := find[T](objects)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func TestManifestRunsAConfinedSidecar(t *testing.T) {
	deployment := only[*appsv1.Deployment](t, manifest(t))
	for _, fault := range faults(deployment, "zonemux") {
		t.Error(fault)
	}
	if _, err := container(deployment, "external-dns"); err != nil {
		t.Error(err)
	}
}

// Everything that an object names must be in the same file.
func TestManifestIsComplete(t *testing.T) {
	objects := manifest(t)
	namespace := only[*corev1.Namespace](t, objects).Name
	for _, object := range objects {
		accessor, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		switch object.(type) {
		case *corev1.Namespace, *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
		default:
			if accessor.GetNamespace() != namespace {
				t.Errorf("%T %s is in namespace %q, not %q", object, accessor.GetName(), accessor.GetNamespace(), namespace)
			}
		}
	}
	serviceAccount := only[*corev1.ServiceAccount](t, objects).Name
	binding := only[*rbacv1.ClusterRoleBinding](t, objects)
	if binding.RoleRef.Name != only[*rbacv1.ClusterRole](t, objects).Name {
		t.Errorf("the binding names the role %q", binding.RoleRef.Name)
	}
	if len(binding.Subjects) != 1 || binding.Subjects[0].Name != serviceAccount || binding.Subjects[0].Namespace != namespace {
		t.Errorf("the binding is for %v", binding.Subjects)
	}
	deployment := only[*appsv1.Deployment](t, objects)
	pod := deployment.Spec.Template
	if pod.Spec.ServiceAccountName != serviceAccount {
		t.Errorf("the pod runs as %q", pod.Spec.ServiceAccountName)
	}
	for key, value := range deployment.Spec.Selector.MatchLabels {
		if pod.Labels[key] != value {
			t.Errorf("the selector wants %s=%s, the pod has %q", key, value, pod.Labels[key])
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.ConfigMap != nil && volume.ConfigMap.Name != only[*corev1.ConfigMap](t, objects).Name {
			t.Errorf("the pod mounts the ConfigMap %q", volume.ConfigMap.Name)
		}
		if volume.Secret != nil && volume.Secret.SecretName != only[*corev1.Secret](t, objects).Name {
			t.Errorf("the pod mounts the Secret %q", volume.Secret.SecretName)
		}
	}
}

func TestManifestHoldsTheSameConfiguration(t *testing.T) {
	file, err := read("config.toml")
	if err != nil {
		t.Fatal(err)
	}
	held := only[*corev1.ConfigMap](t, manifest(t)).Data["config.toml"]
	if !bytes.Equal(file, []byte(held)) {
		t.Errorf("config.toml in the ConfigMap is not the file beside it:\n%s", held)
	}
}

func TestUnknownFieldsAreErrors(t *testing.T) {
	_, err := decode([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndate: {}\n"))
	if err == nil || !strings.Contains(err.Error(), `unknown field "date"`) {
		t.Errorf("got %v", err)
	}
}

// The check itself: a plugin volume that the daemon would refuse is found.
func TestAnEmptyDirIsNoPlaceForPlugins(t *testing.T) {
	deployment := only[*appsv1.Deployment](t, manifest(t))
	containers := deployment.Spec.Template.Spec.Containers
	for index := range containers {
		if mount := mountAt(containers[index], pluginFolder); mount != nil {
			mount.SubPath = ""
		}
	}
	found := strings.Join(faults(deployment, "zonemux"), "\n")
	if !strings.Contains(found, "root of an emptyDir") || !strings.Contains(found, "mode 0755") {
		t.Errorf("found only %q", found)
	}
}
