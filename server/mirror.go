package server

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/upstream"
)

// upstreamMeta is the name under which the installation keeps where its upstream is, for
// the commands, which are not told: they leave what concerns its users to the nodes.
const upstreamMeta = "upstream"

// noUpstream is kept there once the installation has none any more: nothing cannot be.
const noUpstream = "none"

// openMirror returns the users of the upstream, or nil if this process asks none.
func (s *Server) openMirror(ctx context.Context) (auth.Upstream, error) {
	is, err := s.store.Meta(ctx, upstreamMeta)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return nil, err
	}
	if is == noUpstream {
		is = ""
	}
	if s.config.Command {
		s.config.Auth.Mirrored = is != ""
		return nil, nil
	}
	if url := s.config.Upstream.URL; url != is {
		if err := s.store.PutMeta(ctx, upstreamMeta, cmp.Or(url, noUpstream)); err != nil {
			return nil, err
		}
	}
	if s.config.Upstream.URL == "" {
		return nil, nil
	}
	s.upstream = upstream.New(s.config.Upstream.client(), s.config.Log)
	return upstream.Users{Client: s.upstream}, nil
}

// countMirrorTasks is how often the changes that wait are counted.
const countMirrorTasks = 5 * time.Second

// mirrorMetrics are the changes of users that wait for the upstream.
func mirrorMetrics(m *auth.Mirror) prometheus.Collector {
	return gauge("openwearables_upstream_user_changes",
		"Users whose creation, change or deletion waits for the upstream. Each node counts all of them.",
		func() float64 { return float64(m.Waiting()) })
}
