package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"github.com/openwearables/openwearables/server"
)

// devEmail is the email of the developer that serve --dev creates.
const devEmail = "dev@example.com"

// welcome is what a server says to the people at its terminal while nobody can log in.
// It holds secrets, which are shown this once and never logged.
type welcome struct {
	*settings
	node *server.Server
	addr string // where it listens
	base string // a URL that leads there
}

// text returns what to print, "" if there is a developer. With --dev it creates one;
// else it returns the address at which somebody creates it.
func (w *welcome) text(ctx context.Context) string {
	all, err := w.node.Auth().Developers.All(ctx)
	if err != nil {
		w.config.Log.Error("whether anybody can log in could not be read: see openwearables developer list", "error", err)
	}
	switch {
	case err != nil || len(all) > 0:
		return ""
	case w.config.Dev && !w.empty:
		return w.developer(ctx)
	default:
		return w.setup(ctx)
	}
}

func (w *welcome) setup(ctx context.Context) string {
	token, err := w.node.OpenSetup(ctx, w.addr)
	if err != nil {
		w.config.Log.Error("nobody can log in yet, and no setup address could be made: run openwearables developer create", "error", err)
		return ""
	}
	if token == "" {
		return "" // another node was faster
	}
	if !w.config.Dashboard {
		w.config.Log.Warn("nobody can log in yet: send the token on standard output to POST /api/v1/setup, or run openwearables developer create")
		return "first developer: POST " + everywhere(w.base) + "/api/v1/setup with the token " + token + " (works once, for 24 hours, until a restart)\n"
	}
	w.config.Log.Warn("nobody can log in yet: open the setup address on standard output, or run openwearables developer create")
	return "first developer: open " + everywhere(w.base) + "/setup#" + token + " (works once, for 24 hours, until a restart)\n"
}

// developer creates the first developer, with a random password, and what the README
// walks through.
func (w *welcome) developer(ctx context.Context) string {
	password := rand.Text()
	d, err := w.node.Auth().Developers.Create(ctx, devEmail, password)
	if err != nil {
		w.config.Log.Error("the first developer could not be created: run openwearables developer create", "error", err)
		return ""
	}
	text := "\nThe first developer, shown this once:\n" +
		"  email     " + devEmail + "\n" +
		"  password  " + password + "\n" +
		"If it is lost: openwearables developer set-password --email " + devEmail + w.named() + "\n" +
		"To see what to do first: openwearables quickstart --url " + w.base + "\n\n" +
		"Try it:\n" +
		"  curl -X POST " + w.base + "/api/v1/auth/login -d username=" + devEmail + " -d password=" + password + "\n\n"
	demo, err := w.node.CreateDemo(ctx, d.ID)
	if err != nil {
		w.config.Log.Error("the key, application and user for a first look could not be created: create them by the API", "error", err)
		return text
	}
	return text + "An API key, an application, and a user with four weeks of workouts; paste these lines into a shell:\n" + fmt.Sprintf(
		"export OPENWEARABLES_BASE_URL=%s\nexport OPENWEARABLES_API_KEY=%s\nexport OPENWEARABLES_APP_ID=%s\n"+
			"export OPENWEARABLES_APP_SECRET=%s\nexport EMAIL=%s\nexport PASSWORD=%s\nexport USER_ID=%s\n\n",
		w.base, demo.Key, demo.AppID, demo.AppSecret, devEmail, password, demo.UserID,
	)
}

// named returns the flag that names the database to a command, "" where it finds it.
func (w *welcome) named() string {
	if w.config.Database == server.DefaultConfig().Database {
		return ""
	}
	if w.sources["database"] != fromDefault || w.sources["database-file"] != fromDefault {
		return "" // it was named, and may hold a password
	}
	return " --database " + w.config.Database
}

// everywhere returns the URL, with the name localhost in the place of an address that
// means all of the machine's, which no browser opens.
func everywhere(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("localhost", u.Port())
	}
	return u.String()
}
