package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	repository = "../../.."
	deploy     = repository + "/server/deploy/"
)

func readText(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readYAML reads the documents of a file.
func readYAML[T any](t *testing.T, path string) (all []T) {
	t.Helper()
	for d := yaml.NewDecoder(strings.NewReader(readText(t, path))); ; {
		var one T
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, one)
	}
}

// deployed is how a file of deploy runs the program.
type deployed struct {
	args    []string          // after openwearables
	env     []string          // NAME=VALUE
	folders map[string]string // where a folder of the container is in the test
}

// check runs the command with --check, in an installation whose secrets are what the files
// of the page say, and wants it to find nothing.
func (d deployed) check(t *testing.T, name string) {
	t.Helper()
	i := install(t)
	text := func(s string) string {
		for from, to := range d.folders { // of which none is in another
			if before, after, ok := strings.Cut(s, from+"/"); ok && !strings.Contains(before, "/") {
				return before + i.path(to) + "/" + after
			}
		}
		return s
	}
	for _, folder := range d.folders {
		i.put(folder+"/master-secret", rand.Text()+rand.Text(), 0o440)
		i.put(folder+"/database", "postgres://u@db/d?sslmode=verify-full", 0o440)
		i.put(folder+"/redis", "rediss://redis:6379", 0o440)
	}
	for _, e := range d.env {
		i.env = append(i.env, text(e))
	}
	args := []string{}
	for _, a := range d.args {
		args = append(args, text(a))
	}
	if !slices.Contains(args, "--check") {
		args = append(args, "--check")
	}
	o := i.run("", args...)
	if o.status != 0 || strings.Contains(o.stdout, "wrong") {
		t.Errorf("%s: openwearables %q ended with %d: %s%s", name, args, o.status, o.stdout, o.stderr)
	}
}

// imageEnv returns the variables of the image, and its command.
func imageEnv(t *testing.T) (env, cmd []string) {
	t.Helper()
	text := readText(t, repository+"/Dockerfile")
	for line := range strings.Lines(text) {
		if vars, ok := strings.CutPrefix(line, "ENV "); ok {
			env = append(env, strings.Fields(vars)...)
		}
		if c, ok := strings.CutPrefix(line, "CMD "); ok {
			cmd = strings.Fields(strings.NewReplacer("[", " ", "]", " ", `"`, " ", ",", " ").Replace(c))
		}
	}
	if len(env) == 0 || len(cmd) == 0 {
		t.Fatalf("the Dockerfile has ENV %q and CMD %q", env, cmd)
	}
	return env, cmd
}

// The settings of the image are valid, once it is said how it is reached.
func TestImageIsServed(t *testing.T) {
	t.Parallel()
	env, cmd := imageEnv(t)
	deployed{append(cmd, "--insecure-http"), env, nil}.check(t, "Dockerfile")
	text := readText(t, repository+"/Dockerfile")
	for _, has := range []string{"USER 65532:65532\n", `CMD ["/openwearables", "health"]`, `ENTRYPOINT ["/openwearables"]`, "FROM scratch\n", "EXPOSE 8000\n", "WORKDIR /data\n"} {
		if !strings.Contains(text, has) {
			t.Errorf("the Dockerfile has no %q", has)
		}
	}
}

// composeFile is what the tests read of a compose file.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
		Secrets     []string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		Networks    any
		Volumes     []string
		Ports       []string
	}
	Secrets  map[string]struct{ File string }
	Networks map[string]struct {
		IPAM struct {
			Config []struct {
				Subnet netip.Prefix
				Range  netip.Prefix `yaml:"ip_range"`
			}
		}
	}
	Volumes map[string]any
}

func TestComposeFilesServe(t *testing.T) {
	t.Parallel()
	of, cmd := imageEnv(t)
	for file, want := range map[string]int{"one-node.yaml": 1, "three-nodes.yaml": 3} {
		c, nodes := readYAML[composeFile](t, deploy+"compose/"+file)[0], 0
		for name, s := range c.Services {
			for _, secret := range s.Secrets {
				if _, ok := c.Secrets[secret]; !ok {
					t.Errorf("%s: %s has the unknown secret %s", file, name, secret)
				}
			}
			for _, p := range s.Ports {
				if !strings.HasPrefix(p, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s beyond this machine", file, name, p)
				}
			}
			if !strings.HasPrefix(s.Image, "openwearables:") {
				continue
			}
			nodes++
			if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
				t.Errorf("%s: %s may write or has capabilities", file, name)
			}
			env := slices.Clone(of)
			for k, v := range s.Environment {
				env = append(env, k+"="+v)
				if secret, ok := strings.CutPrefix(v, "/run/secrets/"); ok && !slices.Contains(s.Secrets, secret) {
					t.Errorf("%s: %s reads the secret %s, which it has not", file, name, secret)
				}
			}
			args := s.Command
			if len(args) == 0 {
				args = cmd
			}
			deployed{args, env, map[string]string{"/run/secrets": "secrets"}}.check(t, file+": "+name)
		}
		if nodes != want {
			t.Errorf("%s has %d nodes, want %d", file, nodes, want)
		}
	}
	three := readYAML[composeFile](t, deploy+"compose/three-nodes.yaml")[0]
	for _, upstream := range regexp.MustCompile(`(\w+):8000\b`).FindAllStringSubmatch(readText(t, deploy+"compose/Caddyfile"), -1) {
		if _, ok := three.Services[upstream[1]]; !ok {
			t.Errorf("the proxy sends to %s, which is no service", upstream[1])
		}
	}
	for secret, at := range three.Secrets {
		if !strings.Contains(readText(t, deploy+"compose/secrets.sh"), at.File) {
			t.Errorf("secrets.sh makes no %s for %s", at.File, secret)
		}
	}
}

// The nodes see the proxy at the address that they trust, and at no other: it has no second
// way to them, and the address is given to no other container.
func TestComposeNodesTrustTheProxy(t *testing.T) {
	t.Parallel()
	c := readYAML[composeFile](t, deploy+"compose/three-nodes.yaml")[0]
	proxy, _ := c.Services["proxy"].Networks.(map[string]any)
	for _, name := range []string{"node1", "node2", "node3"} {
		node, ways := c.Services[name], 0
		trusted := netip.MustParseAddr(node.Environment["OPENWEARABLES_TRUSTED_PROXIES"])
		for _, network := range node.Networks.([]any) {
			way, shared := proxy[network.(string)]
			if !shared {
				continue
			}
			ways++
			if address := fmt.Sprint(at(way, "ipv4_address")); address != trusted.String() {
				t.Errorf("%s sees the proxy at %s in %v, and trusts %v", name, address, network, trusted)
			}
			for _, pool := range c.Networks[network.(string)].IPAM.Config {
				if !pool.Subnet.Contains(trusted) || !pool.Range.IsValid() || pool.Range.Contains(trusted) {
					t.Errorf("in %v others get addresses of %v, and the proxy has %v", network, pool, trusted)
				}
			}
		}
		if ways != 1 {
			t.Errorf("the proxy has %d ways to %s", ways, name)
		}
	}
}

// The unit serves with its own variables, and its credential.
func TestUnitServes(t *testing.T) {
	t.Parallel()
	d := deployed{folders: map[string]string{"%d": "credentials"}}
	for line := range strings.Lines(readText(t, deploy+"systemd/openwearables.service")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "Environment":
			d.env = append(d.env, value)
		case "ExecStart":
			d.args = strings.Fields(value)[1:]
		}
	}
	d.check(t, "openwearables.service")
}
