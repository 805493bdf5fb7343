package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/internal/privatefile"
)

const defaultProfile = "default"

// profileName matches the names of profiles, which are folders.
var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// profile is an installation with a credential for it.
type profile struct {
	folder      string
	BaseURL     string `json:"base_url"`
	Email       string `json:"email,omitempty"` // of a login; a profile without it has a key
	PrivateHTTP bool   `json:"private_http,omitempty"`
}

// profiles is the folder of all profiles. Each is a folder with what only its owner may
// read: profile.json, and the session of a login or a key.
type profiles struct{ folder string }

func openProfiles() (*profiles, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("there is no place for profiles, set XDG_CONFIG_HOME or HOME: %w", err)
	}
	return &profiles{filepath.Join(config, "openwearables")}, nil
}

func (p *profiles) path(name string) (string, error) {
	if !profileName.MatchString(name) {
		return "", commandline.UsageError(fmt.Sprintf("--profile %q must be 1 to 64 of a-z, 0-9, dots, dashes and underscores", name))
	}
	return filepath.Join(p.folder, "profiles", name), nil
}

// current returns the name of the profile in use.
func (p *profiles) current() (string, error) {
	name, err := os.ReadFile(filepath.Join(p.folder, "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return defaultProfile, nil
	}
	return strings.TrimSpace(string(name)), err
}

func (p *profiles) use(name string) error {
	return privatefile.Replace(filepath.Join(p.folder, "current"), []byte(name+"\n"))
}

// open returns the profile, nil if there is none with the name.
func (p *profiles) open(name string) (*profile, error) {
	folder, err := p.path(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(folder, "profile.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	one := &profile{folder: folder}
	if err == nil {
		err = json.Unmarshal(data, one)
	}
	if err != nil {
		return nil, fmt.Errorf("the profile %s cannot be read, log in again: %w", name, err)
	}
	return one, nil
}

// names returns those of all profiles.
func (p *profiles) names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(p.folder, "profiles"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && profileName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// create makes the folder of a profile and returns the profile, without what was there.
func (p *profiles) create(name, baseURL string, privateHTTP bool) (*profile, error) {
	folder, err := p.path(name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	return &profile{folder: folder, BaseURL: baseURL, PrivateHTTP: privateHTTP}, nil
}

// save keeps what the profile says beside its credential.
func (p *profile) save() error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return privatefile.Replace(filepath.Join(p.folder, "profile.json"), append(data, '\n'))
}

// The files with the credential of a profile, which has one of them.
const (
	keyFile     = "key"
	sessionFile = "session.json"
)

func (p *profile) path(name string) string { return filepath.Join(p.folder, name) }

// forget removes the credential that the profile had before.
func (p *profile) forget(name string) error {
	if err := os.Remove(p.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// signOut ends the session of a profile. It keeps the session that the server could not
// be told of, which goes on there.
func (p *profile) signOut(ctx context.Context) error {
	if p.Email == "" {
		return nil
	}
	client, err := p.client()
	if err != nil {
		return callError(err)
	}
	kept, unread := os.ReadFile(p.path(sessionFile))
	if err := client.SignOut(ctx); err != nil {
		if unread == nil {
			err = errors.Join(err, privatefile.Replace(p.path(sessionFile), kept))
		}
		err = callError(err)
		return &failure{
			text:   fmt.Sprintf("the session has not ended, try again: %v; or remove %s, and it goes on without you", err, p.folder),
			status: commandline.Status(err), cause: err,
		}
	}
	return nil
}

// options returns those of a client of the installation, without a credential.
func (p *profile) options() []openwearables.Option {
	options := []openwearables.Option{openwearables.WithUserAgent("openwearables-cli/" + openwearables.Version)}
	if p.PrivateHTTP {
		options = append(options, openwearables.AllowInsecurePrivateNetwork())
	}
	return options
}

// session is where the tokens of a login are kept. They are renewed there.
func (p *profile) session() openwearables.Option {
	return openwearables.WithStore(openwearables.FileStore(p.path(sessionFile)))
}

// client returns a client with the credential of the profile.
func (p *profile) client() (*openwearables.Client, error) {
	options := p.options()
	if p.Email != "" {
		options = append(options, p.session(), openwearables.WithUserID(p.Email))
	} else {
		key, err := privatefile.ReadSecret(p.path(keyFile), maxSecret)
		if privatefile.Tolerate(err) != nil {
			return nil, err
		}
		options = append(options, openwearables.WithAPIKey(strings.TrimSpace(string(key))))
	}
	return openwearables.New(p.BaseURL, options...)
}

// remove forgets the profile and its credential.
func (p *profile) remove() error { return os.RemoveAll(p.folder) }
