package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// peers joins the nodes of the database, and returns what this process shares with
// them.
func (s *Server) peers(ctx context.Context) (auth.Peers, error) {
	if s.config.SQLitePath() != "" {
		return auth.Alone(ratelimit.NewMemory(s.now)), nil
	}
	if err := s.join(ctx); err != nil {
		return nil, err
	}
	if s.config.Redis == "" {
		d := cluster.OpenDatabase(ctx, s.store.Windows(), s.nodes, s.now)
		s.unshare = sync.OnceValue(d.Close)
		return d, nil
	}
	// The id keeps installations apart that share a Redis.
	installation, err := s.store.SetMeta(ctx, "installation", rand.Text()[:12])
	if err != nil {
		return nil, err
	}
	r, err := cluster.Open(ctx, cluster.Config{
		URL: s.config.Redis, Installation: installation, Nodes: s.nodes, Now: s.now, Log: s.config.Log, Tracer: s.tracer,
	})
	if err != nil {
		return nil, err
	}
	s.unshare, s.redis = sync.OnceValue(r.Close), r
	return r, nil
}

// join announces this node to the others.
func (s *Server) join(ctx context.Context) error {
	if s.config.Command {
		return nil
	}
	self := cluster.Node{Name: s.config.Addr, Settings: s.config.shared()}
	if host, err := os.Hostname(); err == nil {
		self.Name = host + " " + s.config.Addr
	}
	var err error
	if s.config.Redis != "" {
		if self.Redis, err = cluster.Address(s.config.Redis); err != nil {
			return err
		}
	}
	s.nodes, err = cluster.Join(ctx, s.store, self, s.config.Log)
	return err
}

// leave withdraws this node. If it cannot, the others forget it by themselves.
func (s *Server) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second/2)
	defer cancel()
	if err := s.nodes.Leave(ctx); err != nil {
		s.config.Log.WarnContext(ctx, "this node could not be withdrawn: the others count it for some seconds more", "error", err)
	}
}

// shared returns the settings that must be equal on all nodes, in the form of
// [cluster.Node].
func (c *Config) shared() string {
	a := &c.Auth
	settings := map[string]string{
		"access-token-ttl": a.AccessTTL.String(), "refresh-idle": a.RefreshIdle.String(),
		"refresh-absolute": a.RefreshAbsolute.String(), "password-min": strconv.Itoa(a.Passwords.Min),
	}
	if a.SigningAlgorithm != "" {
		settings["jwt-alg"] = a.SigningAlgorithm
	}
	for _, l := range namedLimits(&a.Limits) {
		settings["limit-"+l.flag] = strconv.Itoa(l.limit)
	}
	b, _ := json.Marshal(settings) // texts always marshal
	return string(b)
}
