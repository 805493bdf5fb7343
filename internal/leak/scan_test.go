package leak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// write writes a file into a folder, which it makes, and returns its path.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scan scans, and fails if a report of any format holds one of the secrets.
func scan(t *testing.T, secrets map[Kind]string, o Options) Report {
	t.Helper()
	r, err := Scan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(Report, *bytes.Buffer) error{
		"text":  func(r Report, b *bytes.Buffer) error { return r.WriteText(b) },
		"json":  func(r Report, b *bytes.Buffer) error { return r.WriteJSON(b) },
		"sarif": func(r Report, b *bytes.Buffer) error { return r.WriteSARIF(b) },
	} {
		var b bytes.Buffer
		if err := write(r, &b); err != nil {
			t.Fatal(err)
		}
		for kind, secret := range secrets {
			if part := secret[len("ow_live_")+5:]; strings.Contains(b.String(), part) || strings.Contains(b.String(), part[:12]) {
				t.Errorf("the %s holds a %s:\n%s", name, kind, &b)
			}
		}
	}
	return r
}

// places are where a report has findings.
func places(r Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s:%d:%d %s", f.Path, f.Line, f.Column, f.Kind))
	}
	return list
}

func TestScanReadsEveryFileBelow(t *testing.T) {
	secrets, folder := mint(t), t.TempDir()
	apart := write(t, t.TempDir(), "apart", secrets[TestKey])
	write(t, folder, ".env", "KEY="+secrets[LiveKey]+"\nSECRET="+secrets[ApplicationSecret]+"\n")
	write(t, folder, "a/b/c/data.bin", "\x00\x01"+secrets[RefreshToken])
	write(t, folder, "a/none", "ow_live_\n")
	write(t, folder, "empty", "")
	for link, to := range map[string]string{"file": apart, "folder": filepath.Dir(apart), "loop": folder, "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(folder, "a", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "a", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	want := []string{".env:1:5 live-key", ".env:2:8 application-secret", "a/b/c/data.bin:1:3 refresh-token"}
	for _, path := range []string{".", "./", "../" + filepath.Base(folder) + "/../" + filepath.Base(folder)} {
		r := scan(t, secrets, Options{Paths: []string{path}})
		got := places(r)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "../"+filepath.Base(folder)+"/")
		}
		if !slices.Equal(got, want) || r.Summary.Files != 4 || r.Summary.NotScanned != 0 || r.Summary.Found != 3 {
			t.Errorf("%s: %q, %+v %+v", path, got, r.Summary, r.Problems)
		}
	}
	// What is named is read, even if it is a link.
	r := scan(t, secrets, Options{Paths: []string{"a/file", "a/folder"}})
	if got := places(r); !slices.Equal(got, []string{"a/file:1:1 test-key", "a/folder/apart:1:1 test-key"}) {
		t.Errorf("links that are named: %q", got)
	}
	r = scan(t, secrets, Options{Paths: []string{Stdin, "a/none"}, Stdin: strings.NewReader("\n" + secrets[LiveKey])})
	if got := places(r); !slices.Equal(got, []string{"-:2:1 live-key"}) {
		t.Errorf("standard input: %q", got)
	}
}

func TestScanGoesOnAfterWhatItCannotRead(t *testing.T) {
	secrets, folder := mint(t), t.TempDir()
	write(t, folder, "z", secrets[LiveKey])
	paths := []string{filepath.Join(folder, "missing"), "/proc/self/mem", folder}
	want := []string{paths[1], paths[0]}
	if os.Getuid() != 0 { // root reads all
		locked := write(t, folder, "locked/file", "")
		if err := os.Chmod(locked, 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, locked)
	}
	r := scan(t, secrets, Options{Paths: paths})
	var named []string
	for _, p := range r.Problems {
		named = append(named, p.Path)
		if p.Message == "" || strings.Contains(p.Message, p.Path) {
			t.Errorf("said of %s: %q", p.Path, p.Message)
		}
	}
	slices.Sort(want)
	slices.Sort(named)
	if !slices.Equal(named, want) || r.Summary.NotScanned != len(want) || len(r.Findings) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestSecretOfAnApplicationNamesThoseBesideIt(t *testing.T) {
	secrets := mint(t)
	id := credential.Mint(credential.AppID)
	text := id + " " + id + "\n" + secrets[ApplicationSecret] + secrets[LiveKey]
	for range maxApplications + 1 {
		text += "\n" + credential.Mint(credential.AppID)
	}
	r := scan(t, secrets, Options{Paths: []string{Stdin}, Stdin: strings.NewReader(text)})
	if len(r.Findings) != 2 || len(r.Findings[0].Applications) != maxApplications || r.Findings[0].Applications[0] != id || r.Findings[1].Applications != nil {
		t.Errorf("%+v", r.Findings)
	}
}

func TestSecretInAPathIsNotShown(t *testing.T) {
	secrets := mint(t)
	write(t, t.TempDir(), "x", "")
	folder := filepath.Join(t.TempDir(), secrets[RefreshToken], secrets[TestKey])
	write(t, folder, secrets[LiveKey]+"\x1b[2J\n", secrets[LiveKey])
	r := scan(t, secrets, Options{Paths: []string{folder, filepath.Join(folder, "none")}})
	if len(r.Findings) != 1 || len(r.Problems) != 1 {
		t.Fatalf("%+v", r)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil || strings.ContainsRune(text.String(), 0x1b) || !strings.Contains(text.String(), `[redacted]\x1b[2J\n`) {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestEndedAreLeftOut(t *testing.T) {
	secrets := mint(t)
	text := strings.Join([]string{secrets[LiveKey], secrets[TestKey], secrets[LiveKey]}, "\n")
	r := scan(t, secrets, Options{Paths: []string{Stdin}, Stdin: strings.NewReader(text), Ended: []string{fingerprint(secrets[LiveKey])}})
	if got := places(r); !slices.Equal(got, []string{"-:2:1 test-key"}) || r.Summary.Ended != 2 || r.Summary.Found != 1 {
		t.Errorf("%q, %+v", got, r.Summary)
	}
}

// However many secrets there are, the report holds a bounded number, and all are
// counted.
func TestReportIsBounded(t *testing.T) {
	secrets, folder := mint(t), t.TempDir()
	line := secrets[LiveKey] + "\n" + secrets[TestKey] + "\n"
	write(t, folder, "a", strings.Repeat(line, maxFindings))
	write(t, folder, "b", strings.Repeat(line, maxFindings/4))
	paths := []string{folder}
	for i := range maxProblems + 5 {
		paths = append(paths, filepath.Join(folder, fmt.Sprint("none", i)))
	}
	r := scan(t, secrets, Options{Paths: paths})
	if len(r.Findings) != maxFindings || r.Summary.Found != maxFindings*5/2 || len(r.Problems) != maxProblems || r.Summary.NotScanned != maxProblems+5 {
		t.Errorf("%d findings, %d problems, %+v", len(r.Findings), len(r.Problems), r.Summary)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"and 7500 more\n", "not scanned: 5 more\n", "12500 credentials in 2 files", "; 105 not scanned"} {
		if !strings.Contains(text.String(), said) {
			t.Errorf("%q is not said", said)
		}
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	silent, w := io.Pipe()
	defer w.Close()
	for name, input := range map[string]io.Reader{"endless": repeated("abc "), "silent": silent} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := Scan(ctx, Options{Paths: []string{Stdin, t.TempDir()}, Stdin: input})
			ended <- err
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s input: ended with %v", name, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s input: it goes on", name)
		}
	}
}
