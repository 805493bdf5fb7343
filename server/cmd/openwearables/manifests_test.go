package main_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const manifests = deploy + "kubernetes/"

// at returns the value at a path of names and numbers with dots between them, or nil.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch of := v.(type) {
		case map[string]any:
			v = of[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(of) {
				return nil
			}
			v = of[n]
		default:
			return nil
		}
	}
	return v
}

// list returns the values at a path.
func list(v any, path string) []any {
	l, _ := at(v, path).([]any)
	return l
}

// texts returns the values at a path as text.
func texts(v any, path string) (all []string) {
	for _, one := range list(v, path) {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

func manifest(t *testing.T, name string) map[string]any {
	t.Helper()
	return readYAML[map[string]any](t, manifests+name+".yaml")[0]
}

// The settings of the pods are valid, with the secrets where they are mounted.
func TestPodsServe(t *testing.T) {
	t.Parallel()
	settings := strings.Fields(readText(t, manifests+"settings.env"))
	pod := at(manifest(t, "deployment"), "spec.template.spec")
	mount := fmt.Sprint(at(pod, "containers.0.volumeMounts.0.mountPath"))
	generated := texts(manifest(t, "kustomization"), "secretGenerator.0.files")
	env, _ := imageEnv(t)
	for _, e := range settings {
		if name, path, _ := strings.Cut(e, "="); strings.HasSuffix(name, "_FILE") {
			if key, ok := strings.CutPrefix(path, mount+"/"); !ok || !slices.Contains(generated, key) {
				t.Errorf("%s is not of the secret, which has %q at %s", e, generated, mount)
			}
		}
		name, _, _ := strings.Cut(e, "=")
		env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) // which it replaces
		env = append(env, e)
	}
	for _, c := range append(list(pod, "initContainers"), list(pod, "containers")...) {
		deployed{texts(c, "args"), env, map[string]string{mount: "secrets"}}.check(t, fmt.Sprint("the container ", at(c, "name")))
		if at(c, "securityContext.readOnlyRootFilesystem") != true || at(c, "securityContext.allowPrivilegeEscalation") != false {
			t.Errorf("%v may write or gain rights", at(c, "name"))
		}
	}
	if user := at(pod, "securityContext.runAsUser"); fmt.Sprint(user) != "65532" || at(pod, "securityContext.fsGroup") != user {
		t.Errorf("the pods are of user %v, and the image of 65532", user)
	}
	if mode := at(pod, "volumes.0.secret.defaultMode"); fmt.Sprint(mode) != strconv.Itoa(0o440) {
		t.Errorf("secrets have mode %v", mode)
	}
}

// The parts name each other rightly: ports, labels, probes and files.
func TestManifestsFitTogether(t *testing.T) {
	t.Parallel()
	deployment, settings := manifest(t, "deployment"), readText(t, manifests+"settings.env")
	node := at(deployment, "spec.template.spec.containers.0")
	ports := map[string]string{}
	for _, p := range list(node, "ports") {
		ports[fmt.Sprint(at(p, "name"))] = fmt.Sprint(at(p, "containerPort"))
	}
	for name, flag := range map[string]string{"http": "ADDR", "metrics": "METRICS_ADDR"} {
		if want := "OPENWEARABLES_" + flag + "=0.0.0.0:" + ports[name] + "\n"; !strings.Contains(settings, want) {
			t.Errorf("settings.env has no %q", want)
		}
	}
	named := texts(manifest(t, "service"), "spec.ports")
	for _, of := range append(list(manifest(t, "service"), "spec.ports"), list(manifest(t, "networkpolicy"), "spec.ingress")...) {
		port := at(of, "targetPort")
		if port == nil {
			port = at(of, "ports.0.port")
		}
		if ports[fmt.Sprint(port)] == "" {
			t.Errorf("%v is no port of the pods, which have %v, in %v", port, ports, named)
		}
	}
	labels := at(deployment, "spec.template.metadata.labels")
	for where, selector := range map[string]any{
		"deployment": at(deployment, "spec.selector.matchLabels"), "service": at(manifest(t, "service"), "spec.selector"),
		"poddisruptionbudget": at(manifest(t, "poddisruptionbudget"), "spec.selector.matchLabels"),
		"networkpolicy":       at(manifest(t, "networkpolicy"), "spec.podSelector.matchLabels"),
	} {
		if !reflect.DeepEqual(selector, labels) {
			t.Errorf("%s selects %v, and the pods have %v", where, selector, labels)
		}
	}
	p := install(t).serve()
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		p.want(200, "GET", fmt.Sprint(at(node, probe+".httpGet.path")), "", nil)
		if port := fmt.Sprint(at(node, probe+".httpGet.port")); ports[port] == "" {
			t.Errorf("%s asks port %s", probe, port)
		}
	}
	least, replicas := at(manifest(t, "poddisruptionbudget"), "spec.minAvailable").(int), at(deployment, "spec.replicas").(int)
	if least >= replicas {
		t.Errorf("%d of %d pods must stay: no node of the cluster could be drained", least, replicas)
	}
}

// Every manifest is applied, and the secrets never reach git.
func TestKustomizationHasEveryManifest(t *testing.T) {
	t.Parallel()
	k := manifest(t, "kustomization")
	var there []string
	entries, err := os.ReadDir(manifests)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") && e.Name() != "kustomization.yaml" {
			there = append(there, e.Name())
		}
	}
	applied := texts(k, "resources")
	slices.Sort(applied)
	if !slices.Equal(applied, there) {
		t.Errorf("applied are %q, there are %q", applied, there)
	}
	for _, name := range texts(k, "secretGenerator.0.files") {
		if !strings.Contains(readText(t, repository+"/.gitignore"), "/server/deploy/kubernetes/"+name+"\n") {
			t.Errorf("git does not ignore %s", name)
		}
	}
	if image := fmt.Sprint(at(k, "images.0.name")); image != at(manifest(t, "deployment"), "spec.template.spec.containers.0.image") {
		t.Errorf("the image %s is not that of the pods", image)
	}
}
