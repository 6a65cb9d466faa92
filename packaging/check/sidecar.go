package packaging

import (
	"fmt"
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	// The account of the image; the daemon trusts plugins that belong to it or to root.
	account = 65532
	// The first folder in plugins.path of config.toml.
	pluginFolder = "/usr/lib/zonemux/extra"
)

// faults of a pod that runs zonemux in the container named sidecar.
func faults(deployment *appsv1.Deployment, sidecar string) []string {
	pod := deployment.Spec.Template.Spec
	zonemux, err := container(deployment, sidecar)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	fault := func(format string, values ...any) { found = append(found, fmt.Sprintf(format, values...)) }

	if deployment.Spec.Replicas == nil || *deployment.Spec.Replicas != 1 {
		fault("more or less than one replica: two controllers would change the same records")
	}
	for _, each := range append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...) {
		if each.Name == sidecar || each.Name == "zonemux-plugins" {
			for _, missing := range unconfined(pod.SecurityContext, each.SecurityContext) {
				fault("container %s: %s", each.Name, missing)
			}
		}
		for _, mount := range each.VolumeMounts {
			if volume(pod, mount.Name) == nil {
				fault("container %s mounts %q, which is no volume of the pod", each.Name, mount.Name)
			}
		}
	}
	if !admin(zonemux) {
		fault("no port named http-webhook at 8080, where probes and metrics are")
	}
	if zonemux.LivenessProbe == nil || zonemux.LivenessProbe.HTTPGet == nil ||
		zonemux.LivenessProbe.HTTPGet.Path != "/healthz" ||
		zonemux.LivenessProbe.HTTPGet.Port.String() != "http-webhook" {
		fault("the liveness probe does not ask /healthz on port http-webhook")
	}
	for _, needed := range []string{"/etc/zonemux", "/var/lib/zonemux", "/run/zonemux", pluginFolder} {
		if mountAt(zonemux, needed) == nil {
			fault("nothing is mounted at %s", needed)
		}
	}
	if mount := mountAt(zonemux, pluginFolder); mount != nil {
		found = append(found, untrusted(pod, *mount)...)
	}
	return found
}

// untrusted says why the daemon would refuse plugins from a mount. The root of an emptyDir has mode 0777; a
// folder in it that the daemon's own account has made with mode 0755, mounted alone, passes.
func untrusted(pod corev1.PodSpec, mount corev1.VolumeMount) []string {
	source := volume(pod, mount.Name)
	if source == nil || source.EmptyDir == nil {
		return nil
	}
	var found []string
	if mount.SubPath == "" {
		found = append(found, "plugins come from the root of an emptyDir, which everyone may write to")
	}
	if !mount.ReadOnly {
		found = append(found, "the daemon itself may write to the plugin volume")
	}
	for _, init := range pod.InitContainers {
		for _, stage := range init.VolumeMounts {
			target := path.Join(stage.MountPath, mount.SubPath)
			script := strings.Join(init.Command, "\n")
			if stage.Name == mount.Name && strings.Contains(script, "install -d -m 0755 "+target+"\n") {
				return found
			}
		}
	}
	return append(found, "no init container makes the plugin folder with mode 0755")
}

func admin(zonemux corev1.Container) bool {
	for _, port := range zonemux.Ports {
		if port.Name == "http-webhook" && port.ContainerPort == 8080 {
			return true
		}
	}
	return false
}

// unconfined names what a container may do that it need not. The pod's settings count where its own are silent.
func unconfined(pod *corev1.PodSecurityContext, own *corev1.SecurityContext) []string {
	if own == nil {
		return []string{"no securityContext"}
	}
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	var found []string
	require := func(ok bool, fault string) {
		if !ok {
			found = append(found, fault)
		}
	}
	require(is(first(own.RunAsNonRoot, pod.RunAsNonRoot), true), "may run as root")
	require(is(first(own.RunAsUser, pod.RunAsUser), account), "runs as another user than 65532")
	require(is(own.ReadOnlyRootFilesystem, true), "may write to its root file system")
	require(is(own.AllowPrivilegeEscalation, false), "may gain privileges")
	require(own.Capabilities != nil && len(own.Capabilities.Drop) == 1 && own.Capabilities.Drop[0] == "ALL",
		"keeps capabilities")
	seccomp := first(own.SeccompProfile, pod.SeccompProfile)
	require(seccomp != nil && seccomp.Type == corev1.SeccompProfileTypeRuntimeDefault, "has no seccomp profile")
	return found
}

func first[T any](own, inherited *T) *T {
	if own != nil {
		return own
	}
	return inherited
}

func is[T comparable](pointer *T, value T) bool { return pointer != nil && *pointer == value }

func volume(pod corev1.PodSpec, name string) *corev1.Volume {
	for index := range pod.Volumes {
		if pod.Volumes[index].Name == name {
			return &pod.Volumes[index]
		}
	}
	return nil
}

func mountAt(container corev1.Container, at string) *corev1.VolumeMount {
	for index := range container.VolumeMounts {
		if container.VolumeMounts[index].MountPath == at {
			return &container.VolumeMounts[index]
		}
	}
	return nil
}
